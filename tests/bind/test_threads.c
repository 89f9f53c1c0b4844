/* Two threads of io, two of scripts, twenty calls at once: for ThreadSanitizer above all. */
#include "bind/kit.h"

#define CALLS 20

static void twenty_calls_at_once(void **state) {
  world w;
  line lines[CALLS];
  char name[32], path[64];
  world_open(&w, 2);
  for (int i = 0; i < CALLS; i++) {
    snprintf(name, sizeof name, "call-%d", i);
    line_call(&w, &lines[i], i % 4 == 3 ? "hold" : i % 4 == 2 ? "speak" : "talk", name);
  }
  for (int i = 0; i < CALLS; i++) WAIT_FOR(&w.client, lines[i].frames > 0);
  for (int i = 0; i < CALLS; i++)
    if (i % 4 < 2) WAIT_FOR(&w.client, lines[i].is_closed);
  for (int i = 3; i < CALLS; i += 4) { /* reaches the owner, whichever thread the request came to */
    snprintf(path, sizeof path, "/owner?call=call-%d", i);
    assert_int_equal(get(&w, path), 200);
  }
  for (int i = 2; i < CALLS; i++)
    if (i % 4 >= 2) cal_ws_close(lines[i].ws, 1000, "");
  WAIT_FOR(&w.client, cal_engine_calls(w.engine) == 0 && cal_engine_legs(w.engine) == 0);
  for (int i = 0; i < CALLS; i++) assert_true(is_fact(&w, "ended", lines[i].name, NULL));
  world_close(&w);
}

/* A script that goes wrong takes nobody of its own thread or another along. */
static void some_of_many_go_wrong(void **state) {
  world w;
  line lines[CALLS];
  char name[32];
  world_open(&w, 2);
  for (int i = 0; i < CALLS; i++) {
    snprintf(name, sizeof name, "call-%d", i);
    line_call(&w, &lines[i], i % 5 == 4 ? "boom" : "hold", name);
  }
  for (int i = 4; i < CALLS; i += 5) {
    WAIT_FOR(&w.client, lines[i].is_closed && is_fact(&w, "broken", lines[i].name, "EINVAL"));
    assert_true(lines[i].loud > 0);
  }
  for (int i = 0; i < CALLS; i++) {
    if (i % 5 == 4) continue;
    int frames = lines[i].frames;
    WAIT_FOR(&w.client, lines[i].frames > frames);
    assert_false(lines[i].is_closed);
  }
  world_close(&w);
}

/* A request that says call=… is led to the call's thread; others come to both threads in turn, and the service VM hands
 * them on. */
static void requests_find_the_owner(void **state) {
  world w;
  char path[64];
  world_open(&w, 2);
  for (int i = 0; i < 8; i++) {
    snprintf(path, sizeof path, "/open/hold/call-%d", i);
    assert_int_equal(get(&w, path), 200);
  }
  int owners[3] = {0};
  for (int i = 0; i < 8; i++) {
    snprintf(path, sizeof path, "call-%d", i);
    owners[cal_engine_owner(w.engine, path, NULL, 0)]++;
    for (int again = 0; again < 3; again++) {
      snprintf(path, sizeof path, again ? "/owner?xcall=call-%d" : "/owner?call=call-%d", i);
      assert_int_equal(get(&w, path), 200);
    }
  }
  assert_true(owners[1] > 0 && owners[2] > 0);
  assert_int_equal(get(&w, "/owner?call=nobody"), 404);
  world_close(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(twenty_calls_at_once),
      cmocka_unit_test(some_of_many_go_wrong),
      cmocka_unit_test(requests_find_the_owner),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
