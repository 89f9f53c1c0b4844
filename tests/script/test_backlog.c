/* The backlog: events of calls take turns; who computes for long waits behind who does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "script/backlog.h"

#define CALLS 120

typedef struct world {
  cal_clock *clock;
  cal_loop *loop;
  cal_backlog *backlog;
  cal_backlog_place places[CALLS];
  uint64_t cost_ns[CALLS]; /* of every event of this call */
  int again[CALLS];        /* events it still makes for itself: it sleeps for no time */
  int forgets, forgotten;  /* the call `forgets` ends the call `forgotten` */
  char order[4096];        /* who ran: "3 " */
} world;

static void add(world *w, int call) {
  cal_event event = {.kind = CAL_EVENT_WAKE, .target = (cal_id)call, .text = cal_strdup("owned")};
  cal_backlog_add(w->backlog, &w->places[call], &event);
}

static void run(void *context, cal_event *event) {
  world *w = context;
  int call = (int)event->target;
  size_t used = strlen(w->order);
  snprintf(w->order + used, sizeof w->order - used, "%d ", call);
  cal_event_drop(event);
  if (w->cost_ns[call]) cal_clock_advance_to(w->clock, cal_clock_now_ns(w->clock) + w->cost_ns[call]);
  if (w->again[call]-- > 0) add(w, call);
  if (call == w->forgets) cal_backlog_forget(w->backlog, &w->places[w->forgotten]);
}

static int set_up(void **state) {
  world *w = cal_alloc(sizeof *w);
  w->clock = cal_clock_simulated(CAL_S, 0);
  assert_int_equal(cal_loop_new(&w->loop, w->clock), 0);
  w->backlog = cal_backlog_new(w->loop, run, w);
  for (int i = 0; i < CALLS; i++) cal_backlog_open(&w->places[i]);
  w->forgets = -1;
  *state = w;
  return 0;
}

static int tear_down(void **state) {
  world *w = *state;
  for (int i = 0; i < CALLS; i++) cal_backlog_forget(w->backlog, &w->places[i]);
  assert_int_equal(cal_backlog_waiting(w->backlog), 0);
  cal_backlog_free(w->backlog);
  assert_int_equal(cal_loop_free(w->loop), 0);
  cal_clock_free(w->clock);
  cal_free(w);
  return 0;
}

static void turn_of_the_loop(world *w) { cal_loop_advance(w->loop, cal_loop_now_ns(w->loop)); }

static void an_event_runs_at_once(void **state) {
  world *w = *state;
  add(w, 1);
  add(w, 2);
  add(w, 1);
  assert_string_equal(w->order, "1 2 1 ");
  assert_int_equal(cal_backlog_waiting(w->backlog), 0);
}

/* Five burn 30 ms and sleep for no time. What comes meanwhile for another waits for one of them. */
static void who_burns_waits_behind(void **state) {
  world *w = *state;
  for (int i = 0; i < 5; i++) {
    w->cost_ns[i] = 30 * CAL_MS;
    w->again[i] = 6;
  }
  for (int i = 0; i < 5; i++) add(w, i);
  assert_string_equal(w->order, "0 "); /* a slice, and more; the rest waits */
  add(w, 9);
  add(w, 9);
  turn_of_the_loop(w);
  assert_memory_equal(w->order, "0 1 ", 4); /* its equals were there before it */
  const char *nine = strstr(w->order, "9 9 ");
  assert_non_null(nine);
  assert_true(nine - w->order <= 10);
  assert_int_equal(cal_backlog_waiting(w->backlog), 0);
}

static void the_events_of_a_call_keep_their_order(void **state) {
  world *w = *state;
  w->cost_ns[1] = 30 * CAL_MS;
  w->cost_ns[2] = CAL_MS;
  for (int i = 0; i < 3; i++) {
    add(w, 1);
    add(w, 2);
  }
  turn_of_the_loop(w);
  assert_string_equal(w->order, "1 2 2 2 1 1 ");
}

static void a_call_that_ends_has_no_events(void **state) {
  world *w = *state;
  w->cost_ns[1] = 30 * CAL_MS;
  add(w, 1);
  add(w, 2);
  add(w, 1);
  w->forgets = 2;
  w->forgotten = 1;
  turn_of_the_loop(w);
  assert_string_equal(w->order, "1 2 ");
  w->order[0] = 0;
  w->forgets = w->forgotten = 3; /* while its own event runs */
  add(w, 3);
  assert_string_equal(w->order, "3 ");
}

static void a_flood_is_worked_off_while_it_comes(void **state) {
  world *w = *state;
  w->cost_ns[1] = 30 * CAL_MS;
  add(w, 1);
  for (int i = 0; i < 2 * CAL_BACKLOG_EVENTS; i++) {
    add(w, 2);
    assert_true(cal_backlog_waiting(w->backlog) <= CAL_BACKLOG_EVENTS);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(an_event_runs_at_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(who_burns_waits_behind, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_events_of_a_call_keep_their_order, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_call_that_ends_has_no_events, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_flood_is_worked_off_while_it_comes, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
