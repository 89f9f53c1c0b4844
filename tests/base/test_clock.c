#include "base/clock.h"

#include <time.h>

#include "base/check.h"

static void the_real_clock_goes_forward_and_is_the_systems(void **state) {
  cal_clock *clock = cal_clock_real();
  assert_false(cal_clock_is_simulated(clock));
  uint64_t before = cal_clock_now_ns(clock);
  assert_true(before > 0);
  assert_true(cal_clock_now_ns(clock) >= before);
  int64_t wall_s = time(NULL);
  int64_t ours_s = cal_clock_wall_ms(clock) / 1000;
  assert_true(ours_s >= wall_s && ours_s - wall_s < 60);
  assert_null(cal_clock_free(clock));
  assert_true(cal_clock_now_ns(clock) >= before);
}

static void a_simulated_clock_stands_until_it_is_moved(void **state) {
  cal_clock *clock = cal_clock_simulated(5 * CAL_S, 1700000000000);
  assert_true(cal_clock_is_simulated(clock));
  assert_int_equal(cal_clock_now_ns(clock), 5 * CAL_S);
  assert_int_equal(cal_clock_now_ns(clock), 5 * CAL_S);
  assert_int_equal(cal_clock_wall_ms(clock), 1700000000000);
  cal_clock_advance_to(clock, 5 * CAL_S + 1500 * CAL_MS);
  assert_int_equal(cal_clock_now_ns(clock), 6500 * CAL_MS);
  assert_int_equal(cal_clock_wall_ms(clock), 1700000001500);
  assert_null(cal_clock_free(clock));
}

static void a_simulated_clock_never_shows_zero(void **state) {
  cal_clock *clock = cal_clock_simulated(0, 0);
  assert_true(cal_clock_now_ns(clock) > 0);
  assert_int_equal(cal_clock_wall_ms(clock), 0);
  cal_clock_free(clock);
  assert_null(cal_clock_free(NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_real_clock_goes_forward_and_is_the_systems),
      cmocka_unit_test(a_simulated_clock_stands_until_it_is_moved),
      cmocka_unit_test(a_simulated_clock_never_shows_zero),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
