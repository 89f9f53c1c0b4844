/* What an io thread does with a request before a script sees it. */
#include "engine/kit.h"

#include "base/metrics.h"
#include "io/doors.h"

#define BUSY "<Response><Reject reason=\"busy\"/></Response>"

static void open_door(world *w, const char *path, cal_door_kind kind, uint32_t patience_ms) {
  cal_door door = {.kind = kind, .patience_ms = patience_ms, .status = 200, .content_type = "text/xml"};
  if (kind == CAL_DOOR_TELLS) door.status = 503;
  door.body_bytes = (uint32_t)snprintf(door.body, sizeof door.body, "%s", BUSY);
  assert_int_equal(cal_doors_declare(cal_engine_reach(w->engine)->doors, NULL, path, &door), 0);
}

static void open_doors(world *w, uint32_t patience_ms) {
  open_door(w, "/open/{entry}/{name}", CAL_DOOR_BEGINS, patience_ms);
  open_door(w, "/news", CAL_DOOR_TELLS, 30000);
}

static cal_admission *admission_of(world *w) { return &cal_engine_reach(w->engine)->admissions[0]; }

static void wait_until_idle(world *w) {
  assert_int_equal(get(w, "/nothing"), 404);
  WAIT_FOR(&w->client, !atomic_load(&admission_of(w)->under_way_ns));
}

/* As if the script thread, which is idle, had been busy for so long with one message. */
static void occupy(world *w, uint64_t ns) {
  atomic_store(&admission_of(w)->under_way_ns, cal_reach_now_ns(cal_engine_reach(w->engine)) - ns);
}

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

static void a_call_there_is_no_time_for_hears_the_words_of_its_door(void **state) {
  world w;
  reply r;
  world_prepare(&w, 1);
  open_doors(&w, 15000);
  world_run(&w);
  int64_t before = counted("callisto_arrivals_turned_away_total");
  wait_until_idle(&w);
  occupy(&w, 3600 * CAL_S);
  for (int i = 0; i < 5; i++) {
    ask(&w, &r, "/open/talk/t1");
    WAIT_FOR(&w.client, r.is_done);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, BUSY);
  }
  assert_int_equal(counted("callisto_arrivals_turned_away_total"), before + 5);
  assert_int_equal(cal_engine_calls(w.engine), 0);
  world_close(&w);
}

static void a_question_there_is_no_time_for_is_refused_and_health_is_not(void **state) {
  world w;
  world_prepare(&w, 1);
  open_doors(&w, 15000);
  world_run(&w);
  wait_until_idle(&w);
  occupy(&w, 3600 * CAL_S);
  assert_int_equal(get(&w, "/nothing"), 503);
  assert_int_equal(get(&w, "/healthz"), 200);
  assert_int_equal(get(&w, "/metrics"), 200);
  world_close(&w);
}

/* 404 is the service's own answer at this path. */
static void news_goes_first_unless_its_sender_would_be_gone_by_then(void **state) {
  world w;
  world_prepare(&w, 1);
  open_doors(&w, 15000);
  world_run(&w);
  wait_until_idle(&w);
  occupy(&w, 3600 * CAL_S);
  assert_int_equal(get(&w, "/news"), 503);
  occupy(&w, 12 * CAL_S);
  assert_int_equal(get(&w, "/nothing"), 503);
  assert_int_equal(get(&w, "/news"), 404);
  world_close(&w);
}

static void a_call_there_is_time_for_is_opened(void **state) {
  world w;
  line l;
  world_prepare(&w, 1);
  open_doors(&w, 15000);
  world_run(&w);
  line_call(&w, &l, "talk", "t1");
  WAIT_FOR(&w.client, l.is_closed);
  assert_true(l.marks > 0);
  world_close(&w);
}

static void what_its_asker_waits_for_no_longer_is_not_begun(void **state) {
  static const char name[] = "callisto_arrivals_dropped_total{reason=\"late\"}";
  world w;
  reply r;
  world_prepare(&w, 1);
  open_doors(&w, 0);
  world_run(&w);
  int64_t before = counted(name);
  ask(&w, &r, "/open/talk/t1");
  WAIT_FOR(&w.client, r.is_done);
  assert_string_equal(r.body, BUSY);
  assert_int_equal(counted(name), before + 1);
  assert_int_equal(cal_engine_calls(w.engine), 0);
  world_close(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(health_readiness_and_metrics_do_not_need_a_script),
      cmocka_unit_test(a_call_there_is_no_time_for_hears_the_words_of_its_door),
      cmocka_unit_test(a_question_there_is_no_time_for_is_refused_and_health_is_not),
      cmocka_unit_test(news_goes_first_unless_its_sender_would_be_gone_by_then),
      cmocka_unit_test(a_call_there_is_time_for_is_opened),
      cmocka_unit_test(what_its_asker_waits_for_no_longer_is_not_begun),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
