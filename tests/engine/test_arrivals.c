/* What an io thread does with a request before a script sees it. */
#include "engine/kit.h"

/* The service of these tests answers 404 at such paths. */
static void health_readiness_and_metrics_do_not_need_a_script(void **state) {
  world w;
  reply r;
  world_open(&w, 1);
  ask(&w, &r, "/healthz");
  WAIT_FOR(&w.client, r.is_done);
  assert_int_equal(r.status, 200);
  assert_string_equal(r.body, "ok\n");
  assert_int_equal(get(&w, "/healthz/"), 200);
  assert_int_equal(get(&w, "/readyz"), 200);
  ask(&w, &r, "/metrics");
  WAIT_FOR(&w.client, r.is_done);
  assert_int_equal(r.status, 200);
  assert_non_null(strstr(r.body, "callisto_"));
  assert_int_equal(get(&w, "/healthzz"), 404);
  atomic_store(&cal_engine_reach(w.engine)->has_no_template, 1);
  assert_int_equal(get(&w, "/readyz"), 503);
  assert_int_equal(get(&w, "/healthz"), 200);
  world_close(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(health_readiness_and_metrics_do_not_need_a_script),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
