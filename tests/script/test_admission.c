/* What a script thread does is played here, on times that are made up. */
#include "script/admission.h"

#include "base/check.h"

#define BEGIN (1000 * CAL_S)

typedef struct thread {
  cal_admission admission;
  uint64_t now_ns;
  uint32_t turns, first; /* waiting */
} thread;

static void take_turn(thread *t, uint64_t ns) {
  t->turns--;
  cal_admission_begin(&t->admission, t->now_ns, 1);
  t->now_ns += ns;
  cal_admission_end(&t->admission, t->now_ns, t->turns);
}

/* One that goes first. */
static void work(thread *t, uint64_t ns) {
  if (t->first) t->first--;
  cal_admission_begin(&t->admission, t->now_ns, 0);
  t->now_ns += ns;
  cal_admission_end(&t->admission, t->now_ns, t->turns);
}

static void take_turns(thread *t, int count, uint64_t ns) {
  for (int i = 0; i < count; i++) {
    t->turns = 1;
    take_turn(t, ns);
  }
}

static uint64_t wait_ns(const thread *t) {
  return cal_admission_wait_ns(&t->admission, t->now_ns,
                               (cal_queue_ahead){.first = t->first, .turns = t->turns});
}

static uint64_t wait_ms(const thread *t) { return wait_ns(t) / CAL_MS; }
static uint64_t turn_ms(const thread *t) { return atomic_load(&t->admission.turn_ns) / CAL_MS; }

static thread idle_thread(void) { return (thread){.now_ns = BEGIN}; }

static void nothing_is_refused_before_anything_was_measured(void **state) {
  thread t = idle_thread();
  assert_int_equal(wait_ns(&t), 0);
  t.turns = 1000;
  assert_int_equal(wait_ns(&t), 0);
}

static void one_that_comes_alone_costs_its_own_work(void **state) {
  thread t = idle_thread();
  for (int i = 0; i < 40; i++, t.now_ns += 300 * CAL_MS) take_turns(&t, 1, 4 * CAL_MS);
  assert_int_equal(turn_ms(&t), 4); /* the pauses are not counted */
}

static void what_is_done_between_two_turns_counts_while_more_wait(void **state) {
  thread t = idle_thread();
  t.turns = 100;
  for (int i = 0; i < 60; i++) {
    take_turn(&t, 4 * CAL_MS);
    t.now_ns += 6 * CAL_MS; /* live calls */
  }
  assert_in_range(wait_ms(&t), 9 * 41, 10 * 41);
}

static void what_goes_first_counts_by_its_own_price(void **state) {
  thread t = idle_thread();
  take_turns(&t, 1, 4 * CAL_MS);
  for (int i = 0; i < 40; i++) work(&t, 2 * CAL_MS);
  t.first = 300; /* callbacks, all at once */
  assert_int_equal(wait_ms(&t), 300 * 2 + 4);
  t.turns = 10;
  assert_int_equal(wait_ms(&t), 300 * 2 + 11 * 4);
  assert_int_equal(cal_admission_first_wait_ns(&t.admission, t.now_ns, t.first) / CAL_MS, 600);
}

static void a_rush_is_let_in_as_far_as_it_can_be_answered_in_time(void **state) {
  thread t = idle_thread();
  uint32_t admitted = 0;
  take_turns(&t, 1, 5 * CAL_MS);
  for (int i = 0; i < 1000; i++) {
    if (wait_ns(&t) > CAL_S) continue;
    t.turns++;
    admitted++;
  }
  assert_int_equal(admitted, 200); /* a second's worth */
}

static void a_thread_that_is_stuck_in_a_turn_is_noticed_while_it_is(void **state) {
  thread t = idle_thread();
  t.turns = 4;
  take_turn(&t, 2 * CAL_MS);
  cal_admission_begin(&t.admission, t.now_ns, 1); /* and it does not end */
  t.now_ns += 700 * CAL_MS;
  assert_true(wait_ns(&t) >= 4 * 700 * CAL_MS);
}

static void a_thread_that_is_stuck_in_what_goes_first_is_noticed_too(void **state) {
  thread t = idle_thread();
  take_turns(&t, 1, 2 * CAL_MS);
  cal_admission_begin(&t.admission, t.now_ns, 0);
  t.now_ns += 700 * CAL_MS;
  assert_int_equal(wait_ms(&t), 702);
  t.turns = 10; /* they are not slow for that */
  assert_int_equal(wait_ms(&t), 700 + 11 * 2);
}

static void an_idle_hour_is_not_the_work_of_one(void **state) {
  thread t = idle_thread();
  take_turns(&t, 1, 3 * CAL_MS);
  t.now_ns += 3600 * CAL_S;
  assert_int_equal(turn_ms(&t), 3);
  t.turns = 4; /* all at once, and none is begun yet */
  assert_int_equal(wait_ms(&t), 15);
}

static void an_idle_thread_takes_the_next_however_slow_the_last_one_was(void **state) {
  thread t = idle_thread();
  take_turns(&t, 1, 30 * CAL_S);
  assert_int_equal(wait_ns(&t), 0);
  t.turns = 1;
  assert_int_equal(wait_ms(&t), 60000);
}

static void what_a_rush_cost_is_forgotten_when_it_is_over(void **state) {
  thread t = idle_thread();
  t.turns = 50;
  while (t.turns) {
    take_turn(&t, 4 * CAL_MS);
    t.now_ns += 400 * CAL_MS; /* other programs have the core */
  }
  t.turns = 10;
  assert_int_equal(wait_ms(&t), 11 * 4);
}

static void what_becomes_slower_or_faster_is_learned_within_some_twenty(void **state) {
  thread t = idle_thread();
  static const uint64_t ms[] = {2, 20, 2};
  for (int i = 0; i < 3; i++) {
    take_turns(&t, 20, ms[i] * CAL_MS);
    assert_in_range(atomic_load(&t.admission.turn_ns), ms[i] * CAL_MS * 8 / 10, ms[i] * CAL_MS * 17 / 10);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_refused_before_anything_was_measured),
      cmocka_unit_test(one_that_comes_alone_costs_its_own_work),
      cmocka_unit_test(what_is_done_between_two_turns_counts_while_more_wait),
      cmocka_unit_test(what_goes_first_counts_by_its_own_price),
      cmocka_unit_test(a_rush_is_let_in_as_far_as_it_can_be_answered_in_time),
      cmocka_unit_test(a_thread_that_is_stuck_in_a_turn_is_noticed_while_it_is),
      cmocka_unit_test(a_thread_that_is_stuck_in_what_goes_first_is_noticed_too),
      cmocka_unit_test(an_idle_hour_is_not_the_work_of_one),
      cmocka_unit_test(an_idle_thread_takes_the_next_however_slow_the_last_one_was),
      cmocka_unit_test(what_a_rush_cost_is_forgotten_when_it_is_over),
      cmocka_unit_test(what_becomes_slower_or_faster_is_learned_within_some_twenty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
