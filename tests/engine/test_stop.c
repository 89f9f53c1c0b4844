/* The end of an engine: drained or at once, with everything that may be under way. Nothing may leak, nothing
 * may be touched after it is gone; the sanitizers see to that. */
#include "engine/kit.h"

#include "script/reload.h"

static void stop_with_calls(int threads) {
  world w;
  line lines[4], waiting;
  char name[32];
  world_open(&w, threads);
  for (int i = 0; i < 4; i++) {
    snprintf(name, sizeof name, "call-%d", i);
    line_call(&w, &lines[i], "hold", name);
  }
  for (int i = 0; i < 4; i++) WAIT_FOR(&w.client, lines[i].frames > 0);
  assert_int_equal(get(&w, "/open/hold/no-socket"), 200);
  assert_int_equal(get(&w, "/open/hold/no-start"), 200);
  line_dial(&w, &waiting, "no-start"); /* in the middle of its upgrade, perhaps */
  world_close(&w);
}

static void live_calls_end_with_the_engine(void **state) { stop_with_calls(1); }
static void live_calls_end_with_the_engine_of_two_threads(void **state) { stop_with_calls(2); }
static void live_calls_end_with_the_engine_of_one_thread(void **state) { stop_with_calls(0); }

static void stop_with_fetches(int threads) {
  world w;
  line lines[3];
  char url[64], name[32];
  world_open(&w, threads);
  int listener = silent_server(url, sizeof url);
  set_fact(&w, "url", url);
  for (int i = 0; i < 3; i++) {
    snprintf(name, sizeof name, "call-%d", i);
    line_call(&w, &lines[i], "fetch", name);
  }
  for (int i = 0; i < 3; i++) WAIT_FOR(&w.client, is_fact(&w, "told", lines[i].name, "asked"));
  world_close(&w);
  close(listener);
}

static void fetches_under_way_are_given_up(void **state) { stop_with_fetches(1); }
static void fetches_under_way_are_given_up_on_one_thread(void **state) { stop_with_fetches(0); }

/* The store's thread answers while and after script threads end. */
static void answers_of_the_store_find_nobody(void **state) {
  world w;
  reply replies[200];
  world_open(&w, 2);
  assert_int_equal(get(&w, "/nothing"), 404);
  for (int i = 0; i < 200; i++) ask(&w, &replies[i], i % 2 ? "/store" : "/never");
  for (int i = 0; i < 20; i++) kit_turn(&w.client, cal_loop_now_ns(w.client.loop));
  world_close(&w);
}

static void stop_while_speaking(int threads) {
  world w;
  line lines[3];
  char name[32];
  world_open(&w, threads);
  for (int i = 0; i < 3; i++) {
    snprintf(name, sizeof name, "call-%d", i);
    line_call(&w, &lines[i], "speak", name);
  }
  WAIT_FOR(&w.client, lines[0].frames > 0);
  world_close(&w);
}

static void voices_in_the_middle_of_a_sentence(void **state) { stop_while_speaking(1); }
static void voices_in_the_middle_of_a_sentence_of_two_threads(void **state) { stop_while_speaking(2); }

/* Code is built on a thread of libuv's, which may be anywhere when the end comes. */
static void a_reload_under_way_is_waited_for(void **state) {
  for (int turns = 0; turns < 4; turns++) {
    world w;
    world_open(&w, turns % 3);
    assert_int_equal(get(&w, "/nothing"), 404);
    write_file(&w, "exchange/more.lua", "return {}\n");
    assert_int_equal(
        cal_reload_wish(cal_engine_reach(w.engine)->reload,
                        &(cal_wish){.kind = CAL_WISH_RELOAD, .share = 100, .reason = "the test"}),
        0);
    for (int i = 0; i < turns * 20; i++) kit_turn(&w.client, cal_loop_now_ns(w.client.loop));
    world_close(&w);
  }
}

static void never_started(void **state) {
  world w;
  world_prepare(&w, 2);
  world_close(&w);
  world_prepare(&w, 0);
  world_close(&w);
}

/* ---- drained */

static void drain_with_a_call(int threads) {
  world w;
  line l;
  world_open(&w, threads);
  line_call(&w, &l, "hold", "last");
  WAIT_FOR(&w.client, l.frames > 0);
  cal_engine_drain(w.engine);
  assert_int_equal(get(&w, "/open/hold/late"), 503);
  int frames = l.frames;
  WAIT_FOR(&w.client, l.frames > frames + 5); /* it goes on */
  cal_ws_close(l.ws, 1000, "");
  WAIT_FOR(&w.client, l.is_closed);
  world_join(&w); /* by itself: the grace is a minute */
  assert_int_equal(w.code, 0);
  world_close(&w);
}

static void a_drained_engine_ends_with_its_last_call(void **state) { drain_with_a_call(1); }
static void a_drained_engine_of_two_threads_ends_with_its_last_call(void **state) { drain_with_a_call(2); }
static void a_drained_engine_of_one_thread_ends_with_its_last_call(void **state) { drain_with_a_call(0); }

static void an_idle_engine_is_drained_at_once(void **state) {
  for (int threads = 0; threads < 3; threads++) {
    world w;
    world_open(&w, threads);
    assert_int_equal(get(&w, "/nothing"), 404);
    cal_engine_drain(w.engine);
    world_join(&w);
    assert_int_equal(w.code, 0);
    world_close(&w);
  }
}

static void drained_before_it_was_started(void **state) {
  for (int threads = 0; threads < 3; threads++) {
    world w;
    world_prepare(&w, threads);
    cal_engine_drain(w.engine);
    world_run(&w);
    world_join(&w);
    assert_int_equal(w.code, 0);
    world_close(&w);
  }
}

static void the_second_drain_does_not_wait(void **state) {
  world w;
  line l;
  world_open(&w, 1);
  line_call(&w, &l, "hold", "stubborn");
  WAIT_FOR(&w.client, l.frames > 0);
  cal_engine_drain(w.engine);
  cal_engine_drain(w.engine);
  world_join(&w);
  assert_int_equal(w.code, 0);
  world_close(&w);
}

/* ---- services that do not play along */

static void a_service_that_fails_to_stop_is_not_waited_for(void **state) {
  static const char *const texts[] = {"local core = require 'callisto.core'\n"
                                      "core.handler(function(kind) if kind == 'start' then core.started() "
                                      "end if kind == 'stop' then error 'no' end end)\n"
                                      "return {}\n",
                                      "return {}\n" /* no handler at all */};
  for (size_t i = 0; i < 2; i++) {
    world w;
    world_prepare_with(&w, 1, "exchange/service.lua", texts[i]);
    world_run(&w);
    cal_engine_drain(w.engine);
    world_join(&w);
    assert_int_equal(w.code, 0);
    world_close(&w);
  }
}

static void a_service_that_fails_to_start_ends_the_engine(void **state) {
  world w;
  world_prepare_with(&w, 2, "exchange/service.lua",
                     "require('callisto.core').handler(function(kind) error('not today') end)\nreturn {}\n");
  world_run(&w);
  world_join(&w);
  assert_int_equal(w.code, -EIO);
  world_close(&w);
}

static void a_service_that_cannot_be_loaded_is_named_with_its_line(void **state) {
  world w = {0};
  cal_log_setup(CAL_LOG_ERROR, 0);
  make_workspace(&w);
  write_file(&w, "exchange/service.lua", "\n\nerror 'not ready'\n");
  cal_engine_options options = world_options(&w, 1);
  assert_int_equal(cal_engine_new(&w.engine, &options), -EINVAL);
  assert_non_null(strstr(cal_error_text(), "exchange/service.lua:3: not ready"));
  nftw(w.folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void a_port_in_use_is_refused_with_the_remedy(void **state) {
  for (int threads = 1; threads < 3; threads++) {
    world w;
    char other[80];
    cal_engine *engine;
    world_prepare(&w, threads);
    cal_engine_options options = world_options(&w, threads);
    snprintf(other, sizeof other, "%s/other", w.folder);
    options.data_folder = other;
    options.port = cal_engine_port(w.engine);
    assert_int_equal(cal_engine_new(&engine, &options), -EADDRINUSE);
    assert_non_null(strstr(cal_error_text(), "--port"));
    world_close(&w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(live_calls_end_with_the_engine),
      cmocka_unit_test(live_calls_end_with_the_engine_of_two_threads),
      cmocka_unit_test(live_calls_end_with_the_engine_of_one_thread),
      cmocka_unit_test(fetches_under_way_are_given_up),
      cmocka_unit_test(fetches_under_way_are_given_up_on_one_thread),
      cmocka_unit_test(answers_of_the_store_find_nobody),
      cmocka_unit_test(voices_in_the_middle_of_a_sentence),
      cmocka_unit_test(voices_in_the_middle_of_a_sentence_of_two_threads),
      cmocka_unit_test(a_reload_under_way_is_waited_for),
      cmocka_unit_test(never_started),
      cmocka_unit_test(a_drained_engine_ends_with_its_last_call),
      cmocka_unit_test(a_drained_engine_of_two_threads_ends_with_its_last_call),
      cmocka_unit_test(a_drained_engine_of_one_thread_ends_with_its_last_call),
      cmocka_unit_test(an_idle_engine_is_drained_at_once),
      cmocka_unit_test(drained_before_it_was_started),
      cmocka_unit_test(the_second_drain_does_not_wait),
      cmocka_unit_test(a_service_that_fails_to_stop_is_not_waited_for),
      cmocka_unit_test(a_service_that_fails_to_start_ends_the_engine),
      cmocka_unit_test(a_service_that_cannot_be_loaded_is_named_with_its_line),
      cmocka_unit_test(a_port_in_use_is_refused_with_the_remedy),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
