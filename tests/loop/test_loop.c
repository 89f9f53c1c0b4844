#include "loop/loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/ids.h"

#define START (10 * CAL_S)

static cal_clock *simulated;
static cal_loop *loop;
static char order[256];

static void note(char name) {
  size_t length = strlen(order);
  assert_true(length + 1 < sizeof order);
  order[length] = name;
  order[length + 1] = 0;
}

static int setup_simulated(void **state) {
  order[0] = 0;
  simulated = cal_clock_simulated(START, 0);
  return cal_loop_new(&loop, simulated);
}

static int setup_real(void **state) {
  order[0] = 0;
  simulated = NULL;
  return cal_loop_new(&loop, cal_clock_real());
}

static int teardown(void **state) {
  int left = cal_loop_free(loop);
  cal_clock_free(simulated);
  return left;
}

typedef struct named {
  cal_timer timer;
  char name;
  uint64_t fired_ns;
  uint64_t again_ns; /* restarts itself this much after its due time ... */
  int again;         /* ... so many times */
  cal_timer *victim; /* stopped when it fires */
  int stops_loop;
} named;

static void on_due(cal_timer *timer) {
  named *fired = (named *)timer;
  assert_false(cal_timer_is_started(timer));
  fired->fired_ns = cal_loop_now_ns(loop);
  assert_true(fired->fired_ns >= timer->due_ns);
  note(fired->name);
  if (fired->victim) cal_timer_stop(loop, fired->victim);
  if (fired->again-- > 0) cal_timer_start(loop, timer, timer->due_ns + fired->again_ns, on_due);
  if (fired->stops_loop) cal_loop_stop(loop);
}

static void start(named *timer, uint64_t after_ms) {
  cal_timer_start(loop, &timer->timer, cal_loop_now_ns(loop) + after_ms * CAL_MS, on_due);
}

static void equal_due_times_fire_in_the_order_of_their_starts(void **state) {
  named timers[26] = {{.name = 0}};
  for (int i = 0; i < 26; i++) timers[i].name = (char)('a' + i);
  for (int i = 0; i < 26; i++) start(&timers[i], 100);
  start(&timers[3], 100); /* started anew, so it is now the last */
  assert_int_equal(cal_loop_advance(loop, START + 99 * CAL_MS), 0);
  assert_int_equal(cal_loop_advance(loop, START + 100 * CAL_MS), 26);
  assert_string_equal(order, "abcefghijklmnopqrstuvwxyzd");
}

static void timers_fire_when_they_are_due_and_the_clock_shows_it(void **state) {
  named late = {.name = 'l'}, early = {.name = 'e'}, never = {.name = 'n'};
  start(&late, 300);
  start(&never, 500);
  start(&early, 20);
  assert_int_equal(cal_loop_next_due_ns(loop), START + 20 * CAL_MS);
  assert_int_equal(cal_loop_timers(loop), 3);
  assert_int_equal(cal_loop_advance(loop, START + 400 * CAL_MS), 2);
  assert_string_equal(order, "el");
  assert_int_equal(early.fired_ns, START + 20 * CAL_MS);
  assert_int_equal(late.fired_ns, START + 300 * CAL_MS);
  assert_int_equal(cal_loop_now_ns(loop), START + 400 * CAL_MS);
  cal_timer_stop(loop, &never.timer);
  cal_timer_stop(loop, &never.timer);
  assert_int_equal(cal_loop_next_due_ns(loop), 0);
  assert_int_equal(cal_loop_advance(loop, START + CAL_S), 0);
}

static void a_timer_may_start_and_stop_others_and_itself(void **state) {
  named beat = {.name = 'b', .again = 4, .again_ns = 20 * CAL_MS}, victim = {.name = 'v'},
        killer = {.name = 'k'};
  killer.victim = &victim.timer;
  start(&beat, 20);
  start(&killer, 50);
  start(&victim, 50);
  assert_int_equal(cal_loop_advance(loop, START + CAL_S), 6);
  assert_string_equal(order, "bbkbbb");
  assert_int_equal(beat.fired_ns, START + 100 * CAL_MS);
}

static void what_is_past_fires_at_once_and_in_due_order(void **state) {
  named a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
  cal_timer_start(loop, &a.timer, START - 1, on_due);
  cal_timer_start(loop, &b.timer, 0, on_due);
  start(&c, 0);
  assert_int_equal(cal_loop_poll(loop), 3);
  assert_string_equal(order, "bac");
  assert_int_equal(cal_loop_now_ns(loop), START);
}

static void thousands_of_timers_come_in_order(void **state) {
  static named timers[3000];
  memset(timers, 0, sizeof timers);
  cal_ids *random = cal_ids_simulated(3);
  for (int i = 0; i < 3000; i++) {
    uint16_t after;
    cal_ids_bytes(random, &after, sizeof after);
    order[0] = 0;
    start(&timers[i], after);
    if (i % 4 == 0) cal_timer_stop(loop, &timers[i].timer);
  }
  int fired = 0;
  while (cal_loop_next_due_ns(loop)) {
    order[0] = 0;
    fired += cal_loop_advance(loop, cal_loop_next_due_ns(loop));
  }
  assert_int_equal(fired, 2250);
  for (int i = 0; i < 3000; i++) assert_true(timers[i].fired_ns == (i % 4 ? timers[i].timer.due_ns : 0));
  cal_ids_free(random);
}

static void defer_a(void *context);
static void note_deferred(void *context) { note(*(char *)context); }

static void defer_a(void *context) {
  note('1');
  cal_loop_defer(loop, note_deferred, "2");
  note('3');
}

static void what_is_deferred_runs_after_the_callback_in_order(void **state) {
  cal_loop_defer(loop, defer_a, NULL);
  cal_loop_defer(loop, note_deferred, "x");
  assert_string_equal(order, "");
  cal_loop_poll(loop);
  cal_loop_poll(loop);
  assert_string_equal(order, "13x2");
}

static void on_async(uv_async_t *async) { note(*(char *)async->data); }

static uv_async_t signal_async;
static void on_due_signals(cal_timer *timer) {
  note('t');
  uv_async_send(&signal_async);
}

static void handles_run_between_the_timers_of_a_simulated_loop(void **state) {
  cal_timer first = {0};
  named second = {.name = 's'};
  uv_async_init(cal_loop_uv(loop), &signal_async, on_async);
  signal_async.data = "h";
  cal_timer_start(loop, &first, START + 10 * CAL_MS, on_due_signals);
  start(&second, 11);
  cal_loop_advance(loop, START + CAL_S);
  assert_string_equal(order, "ths");
  uv_close((uv_handle_t *)&signal_async, NULL);
}

static void a_real_timer_is_never_early_and_comes_within_the_run(void **state) {
  named timers[40] = {{.name = 0}};
  for (int i = 0; i < 40; i++) {
    timers[i].name = (char)('A' + i);
    cal_timer_start(loop, &timers[i].timer, cal_loop_now_ns(loop) + (uint64_t)(i * 137) * 1000, on_due);
  }
  timers[39].stops_loop = 1;
  cal_loop_run(loop);
  assert_int_equal(strlen(order), 40);
  for (int i = 0; i < 40; i++) assert_true(timers[i].fired_ns >= timers[i].timer.due_ns);
  for (int i = 1; i < 40; i++) assert_true(order[i] > order[i - 1]);
}

static void a_real_timer_can_be_moved_both_ways_and_stopped(void **state) {
  named moved = {.name = 'm'}, stopped = {.name = 's'}, last = {.name = 'l', .stops_loop = 1};
  start(&moved, 3600 * 1000);
  start(&stopped, 1);
  start(&last, 20);
  start(&moved, 5);
  cal_timer_stop(loop, &stopped.timer);
  cal_loop_run(loop);
  assert_string_equal(order, "ml");
  start(&last, 1);
  cal_loop_run(loop); /* the same loop again, after all timers had gone */
  assert_string_equal(order, "mll");
}

static void an_earlier_timer_started_while_a_later_one_is_waited_for_is_not_late(void **state) {
  named hour = {.name = 'h'}, soon = {.name = 's', .stops_loop = 1};
  start(&hour, 3600 * 1000);
  cal_loop_poll(loop); /* now the kernel has been told of the hour */
  start(&soon, 1);
  cal_loop_run(loop);
  assert_string_equal(order, "s");
  cal_timer_stop(loop, &hour.timer);
}

static void a_late_pacer_catches_up_frame_by_frame(void **state) {
  named pacer = {.name = 'p', .again = 9, .again_ns = 1};
  cal_timer_start(loop, &pacer.timer, cal_loop_now_ns(loop) - CAL_MS, on_due);
  while (cal_timer_is_started(&pacer.timer)) cal_loop_poll(loop);
  assert_string_equal(order, "pppppppppp");
}

static int spins;
static void on_due_spins(cal_timer *timer) {
  spins++;
  cal_timer_start(loop, timer, 1, on_due_spins);
}

static void timers_without_end_leave_handles_their_turn(void **state) {
  cal_timer spinning = {0};
  uv_async_init(cal_loop_uv(loop), &signal_async, on_async);
  signal_async.data = "h";
  cal_timer_start(loop, &spinning, 1, on_due_spins);
  cal_loop_poll(loop);
  uv_async_send(&signal_async);
  cal_loop_poll(loop);
  assert_string_equal(order, "h");
  assert_true(spins > 0);
  cal_timer_stop(loop, &spinning);
  uv_close((uv_handle_t *)&signal_async, NULL);
}

static void *stop_it(void *context) {
  cal_loop_stop(context);
  return NULL;
}

static void any_thread_may_stop_the_loop(void **state) {
  for (int i = 0; i < 50; i++) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_it, loop), 0);
    cal_loop_run(loop);
    pthread_join(thread, NULL);
  }
}

typedef struct stopper {
  cal_timer timer; /* first */
  int *stop;
} stopper;

static void raise_stop(cal_timer *timer) { *((stopper *)timer)->stop = 1; }

static void a_loop_alone_runs_timers_and_what_is_deferred_and_stops_when_told(void **state) {
  cal_loop *own;
  cal_clock *clock = cal_clock_simulated(CAL_S, 0);
  int stop = 0;
  stopper one = {.stop = &stop}, other = {.stop = &stop};
  assert_int_equal(cal_loop_new(&own, clock), 0);
  cal_loop_set_alone(own);
  assert_true(cal_loop_is_alone(own));
  order[0] = 0;
  cal_loop_defer(own, note_deferred, "a");
  cal_timer_start(own, &one.timer, 3 * CAL_S, raise_stop);
  cal_timer_start(own, &other.timer, 5 * CAL_S, raise_stop);
  assert_int_equal(cal_loop_advance_until(own, 9 * CAL_S, &stop), 1);
  assert_string_equal(order, "a");
  assert_int_equal(cal_loop_now_ns(own), 3 * CAL_S);
  stop = 0;
  assert_int_equal(cal_loop_advance_until(own, 4 * CAL_S, &stop), 0);
  assert_int_equal(cal_loop_now_ns(own), 4 * CAL_S);
  assert_int_equal(cal_loop_advance(own, 9 * CAL_S), 1);
  assert_int_equal(cal_loop_now_ns(own), 9 * CAL_S);
  assert_int_equal(cal_loop_free(own), 0);
  cal_clock_free(clock);
}

static void freeing_counts_the_handles_left_open_and_runs_what_was_deferred(void **state) {
  cal_loop *own;
  uv_async_t left;
  uv_idle_t closing;
  assert_int_equal(cal_loop_new(&own, cal_clock_real()), 0);
  uv_async_init(cal_loop_uv(own), &left, on_async);
  uv_idle_init(cal_loop_uv(own), &closing);
  uv_close((uv_handle_t *)&closing, NULL);
  cal_loop_defer(own, note_deferred, "d");
  assert_int_equal(cal_loop_free(own), 1);
  assert_string_equal(order, "d");
  assert_int_equal(cal_loop_free(NULL), 0);
}

#define SIMULATED(test) cmocka_unit_test_setup_teardown(test, setup_simulated, teardown)
#define REAL(test) cmocka_unit_test_setup_teardown(test, setup_real, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      SIMULATED(equal_due_times_fire_in_the_order_of_their_starts),
      SIMULATED(timers_fire_when_they_are_due_and_the_clock_shows_it),
      SIMULATED(a_timer_may_start_and_stop_others_and_itself),
      SIMULATED(what_is_past_fires_at_once_and_in_due_order),
      SIMULATED(thousands_of_timers_come_in_order),
      SIMULATED(what_is_deferred_runs_after_the_callback_in_order),
      REAL(what_is_deferred_runs_after_the_callback_in_order),
      SIMULATED(handles_run_between_the_timers_of_a_simulated_loop),
      REAL(a_real_timer_is_never_early_and_comes_within_the_run),
      REAL(a_real_timer_can_be_moved_both_ways_and_stopped),
      REAL(an_earlier_timer_started_while_a_later_one_is_waited_for_is_not_late),
      REAL(a_late_pacer_catches_up_frame_by_frame),
      REAL(timers_without_end_leave_handles_their_turn),
      REAL(any_thread_may_stop_the_loop),
      cmocka_unit_test(a_loop_alone_runs_timers_and_what_is_deferred_and_stops_when_told),
      SIMULATED(freeing_counts_the_handles_left_open_and_runs_what_was_deferred),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
