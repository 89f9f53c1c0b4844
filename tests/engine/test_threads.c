/* Two threads of io, two of scripts, twenty calls at once: for ThreadSanitizer above all. */
#include "engine/kit.h"

#include "script/reload.h"

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

/* A request that says call=… is led to the call's thread; others come to both threads in turn, and the
 * service VM hands them on. */
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
    owners[owner_of(&w, path)]++;
    for (int again = 0; again < 3; again++) {
      static const char *const ways[] = {"/owner?call=call-%d", "/owner?xcall=call-%d",
                                         "/owner?a=b&call=call-%d"};
      snprintf(path, sizeof path, ways[again], i);
      assert_int_equal(get(&w, path), 200);
    }
  }
  assert_true(owners[1] > 0 && owners[2] > 0);
  assert_int_equal(get(&w, "/owner?call=nobody"), 404);
  world_close(&w);
}

static uint64_t serial(world *w) {
  cal_edition *edition = cal_reload_edition(cal_engine_reach(w->engine)->reload);
  uint64_t number = cal_generation_serial(edition->generation);
  cal_unref(edition);
  return number;
}

/* Live calls end on the code they began with; new ones begin on the new, on both threads; nobody's frames
 * stop. */
static void calls_live_through_reloads(void **state) {
  world w;
  line lines[8], late[4];
  char name[32], text[256];
  world_open(&w, 2);
  for (int i = 0; i < 8; i++) {
    snprintf(name, sizeof name, "call-%d", i);
    line_call(&w, &lines[i], "hold", name);
  }
  for (int round = 0; round < 4; round++) {
    uint64_t before = serial(&w);
    snprintf(
        text, sizeof text,
        "require 'exchange.warm' { begin = function() require('callisto.core').tell(nil, 'round %d') end }\n",
        round);
    write_file(&w, "exchange/late.lua", text);
    cal_wish wish = {.kind = CAL_WISH_RELOAD, .share = 100, .reason = "the test"};
    assert_int_equal(cal_reload_wish(cal_engine_reach(w.engine)->reload, &wish), 0);
    WAIT_FOR(&w.client, serial(&w) != before);
    snprintf(name, sizeof name, "late-%d", round);
    line_call(&w, &late[round], "late", name);
    snprintf(text, sizeof text, "round %d", round);
    WAIT_FOR(&w.client, is_fact(&w, "told", name, text));
    for (int i = 0; i < 8; i++) {
      int frames = lines[i].frames;
      WAIT_FOR(&w.client, lines[i].frames > frames);
    }
    cal_ws_close(lines[round].ws, 1000, "");
    WAIT_FOR(&w.client, is_fact(&w, "ended", lines[round].name, NULL));
    snprintf(name, sizeof name, "again-%d", round); /* its place is taken by a call on the new code */
    line_call(&w, &lines[round], "hold", name);
    WAIT_FOR(&w.client, lines[round].frames > 0);
  }
  assert_int_equal(cal_engine_calls(w.engine), 8 + 4);
  world_close(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(twenty_calls_at_once),
      cmocka_unit_test(some_of_many_go_wrong),
      cmocka_unit_test(requests_find_the_owner),
      cmocka_unit_test(calls_live_through_reloads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
