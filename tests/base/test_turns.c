/* Turns: who has used least is next, and waiting saves nothing up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/turns.h"

static void equals_take_turns_in_their_order(void **state) {
  cal_turns turns;
  cal_turn a = {0}, b = {0}, c = {0};
  cal_turns_init(&turns);
  assert_null(cal_turns_next(&turns));
  cal_turns_want(&turns, &b);
  cal_turns_want(&turns, &a);
  cal_turns_want(&turns, &c);
  cal_turns_want(&turns, &b); /* stands there already */
  assert_ptr_equal(cal_turns_next(&turns), &b);
  cal_turns_want(&turns, &b); /* used nothing, but came last */
  assert_ptr_equal(cal_turns_next(&turns), &a);
  assert_ptr_equal(cal_turns_next(&turns), &c);
  assert_ptr_equal(cal_turns_next(&turns), &b);
  assert_null(cal_turns_next(&turns));
  cal_turns_free(&turns);
}

static void who_used_much_waits_for_who_used_little(void **state) {
  cal_turns turns;
  cal_turn greedy = {0}, modest = {0};
  int greedy_count = 0, modest_count = 0;
  cal_turns_init(&turns);
  for (int i = 0; i < 110; i++) {
    cal_turns_want(&turns, &greedy);
    cal_turns_want(&turns, &modest);
    cal_turn *next = cal_turns_next(&turns);
    greedy_count += next == &greedy;
    modest_count += next == &modest;
    cal_turn_used(next, next == &greedy ? 30 : 3);
  }
  assert_in_range(greedy_count, 9, 11);
  assert_int_equal(modest_count, 110 - greedy_count);
  cal_turns_leave(&turns, &greedy);
  cal_turns_leave(&turns, &modest);
  cal_turns_leave(&turns, &modest);
  cal_turns_free(&turns);
}

/* A hundred want it all the time; one comes now and then. */
static void who_comes_seldom_waits_for_one_turn(void **state) {
  cal_turns turns;
  cal_turn greedy[100] = {{0}}, seldom = {0};
  cal_turns_init(&turns);
  for (int round = 0; round < 500; round++) {
    for (int i = 0; i < 100; i++) cal_turns_want(&turns, &greedy[i]);
    cal_turn *next = cal_turns_next(&turns);
    cal_turn_used(next, 30 + (uint64_t)round % 7);
    if (round % 50 != 49) continue;
    cal_turns_want(&turns, &seldom);
    int before = 0;
    while ((next = cal_turns_next(&turns)) != &seldom) {
      cal_turn_used(next, 30);
      before++;
    }
    cal_turn_used(&seldom, 1);
    assert_in_range(before, 0, 100); /* equals at the most */
    if (round > 200) assert_in_range(before, 0, 30);
  }
  cal_turns_free(&turns);
}

static void waiting_saves_nothing_up(void **state) {
  cal_turns turns;
  cal_turn busy = {0}, late = {0};
  cal_turns_init(&turns);
  for (int i = 0; i < 1000; i++) {
    cal_turns_want(&turns, &busy);
    cal_turn_used(cal_turns_next(&turns), 10);
  }
  int late_in_a_row = 0;
  for (int i = 0; i < 20; i++) {
    cal_turns_want(&turns, &busy);
    cal_turns_want(&turns, &late);
    cal_turn *next = cal_turns_next(&turns);
    late_in_a_row = next == &late ? late_in_a_row + 1 : 0;
    assert_true(late_in_a_row <= 2);
    cal_turn_used(next, 10);
  }
  cal_turns_free(&turns);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equals_take_turns_in_their_order),
      cmocka_unit_test(who_used_much_waits_for_who_used_little),
      cmocka_unit_test(who_comes_seldom_waits_for_one_turn),
      cmocka_unit_test(waiting_saves_nothing_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
