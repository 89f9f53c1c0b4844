/* Vendors that are left alone for a while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "talk/breaker.h"

static cal_breakers *all;

static int setup(void **state) {
  all = cal_breakers_new();
  return 0;
}

static int teardown(void **state) {
  all = cal_breakers_free(all);
  return 0;
}

static void fail_three_times(const char *vendor, uint64_t now_ns) {
  for (int i = 0; i < CAL_BREAKER_FAILURES; i++) cal_breaker_failed(all, vendor, CAL_FAULT_LATER, now_ns);
}

static void three_failures_in_a_row_open_it_for_a_while(void **state) {
  uint64_t now_ns = 5 * CAL_S;
  cal_breaker_failed(all, "parrot", CAL_FAULT_LATER, now_ns);
  cal_breaker_failed(all, "parrot", CAL_FAULT_REFUSED, now_ns);
  assert_false(cal_breaker_is_open(all, "parrot", now_ns));
  cal_breaker_failed(all, "parrot", CAL_FAULT_LATER, now_ns);
  assert_true(cal_breaker_is_open(all, "parrot", now_ns));
  assert_false(cal_breaker_is_open(all, "owl", now_ns));
  assert_true(cal_breaker_is_open(all, "parrot", now_ns + CAL_BREAKER_PAUSE_MS * CAL_MS - 1));
  assert_false(cal_breaker_is_open(all, "parrot", now_ns + CAL_BREAKER_PAUSE_MS * CAL_MS));
}

static void one_that_worked_in_between_begins_anew(void **state) {
  cal_breaker_failed(all, "parrot", CAL_FAULT_LATER, 1);
  cal_breaker_failed(all, "parrot", CAL_FAULT_LATER, 1);
  cal_breaker_worked(all, "parrot");
  cal_breaker_failed(all, "parrot", CAL_FAULT_LATER, 1);
  assert_false(cal_breaker_is_open(all, "parrot", 2));
}

static void each_time_is_twice_as_long_up_to_a_minute(void **state) {
  uint64_t now_ns = CAL_S, pause_ms = CAL_BREAKER_PAUSE_MS;
  for (int i = 0; i < 5; i++) {
    fail_three_times("parrot", now_ns);
    assert_true(cal_breaker_is_open(all, "parrot", now_ns + pause_ms * CAL_MS - 1));
    now_ns += pause_ms * CAL_MS;
    assert_false(cal_breaker_is_open(all, "parrot", now_ns));
    pause_ms = 2 * pause_ms < CAL_BREAKER_LONGEST_MS ? 2 * pause_ms : CAL_BREAKER_LONGEST_MS;
  }
}

static void one_without_room_has_not_failed(void **state) {
  for (int i = 0; i < 10; i++) cal_breaker_failed(all, "parrot", CAL_FAULT_BUSY, CAL_S);
  assert_true(cal_breaker_is_open(all, "parrot", CAL_S));
  assert_false(cal_breaker_is_open(all, "parrot", CAL_S + CAL_BREAKER_BUSY_MS * CAL_MS));
}

static void more_vendors_than_can_be_known_are_asked(void **state) {
  char name[16];
  for (int i = 0; i <= CAL_BREAKERS; i++) {
    snprintf(name, sizeof name, "v%d", i);
    fail_three_times(name, CAL_S);
  }
  assert_true(cal_breaker_is_open(all, "v0", CAL_S));
  assert_false(cal_breaker_is_open(all, name, CAL_S));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(three_failures_in_a_row_open_it_for_a_while), TEST(one_that_worked_in_between_begins_anew),
      TEST(each_time_is_twice_as_long_up_to_a_minute),   TEST(one_without_room_has_not_failed),
      TEST(more_vendors_than_can_be_known_are_asked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
