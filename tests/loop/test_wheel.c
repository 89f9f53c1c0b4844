#include "loop/wheel.h"

#include "base/check.h"

#define START (10 * CAL_S)

static cal_clock *clock_;
static cal_loop *loop;
static cal_wheel *wheel;

static int setup(void **state) {
  clock_ = cal_clock_simulated(START, 0);
  int code = cal_loop_new(&loop, clock_);
  wheel = cal_wheel_new(loop);
  return code;
}

static int teardown(void **state) {
  cal_wheel_free(wheel);
  int timers = cal_loop_timers(loop), left = cal_loop_free(loop);
  cal_clock_free(clock_);
  return timers + left;
}

typedef struct rider {
  cal_wheel_seat seat;
  uint32_t ticks, leaves_after;
  uint64_t first_ns, last_ns;
} rider;

static void on_tick(cal_wheel_seat *seat, uint64_t now_ns) {
  rider *r = cal_list_entry(seat, rider, seat);
  if (!r->ticks++) r->first_ns = now_ns;
  r->last_ns = now_ns;
  if (r->ticks == r->leaves_after) cal_wheel_leave(wheel, seat);
}

static void mount(rider *r, uint32_t leaves_after) {
  *r = (rider){.leaves_after = leaves_after};
  cal_wheel_seat_init(&r->seat, on_tick);
  cal_wheel_take(wheel, &r->seat);
}

static void run_ms(uint64_t ms) { cal_loop_advance(loop, cal_loop_now_ns(loop) + ms * CAL_MS); }

static void a_seat_ticks_every_20_ms_at_its_own_phase(void **state) {
  rider a, b;
  mount(&a, 0);
  run_ms(7);
  mount(&b, 0);
  cal_wheel_take(wheel, &b.seat); /* again is harmless */
  run_ms(1000);
  assert_int_equal(a.ticks, 50);
  assert_int_equal(b.ticks, 50);
  assert_int_equal(a.first_ns, START + 20 * CAL_MS);
  assert_int_equal(b.first_ns, START + 25 * CAL_MS); /* 20 ms after the slot of 5 ms in which it was taken */
  assert_int_equal((a.last_ns - a.first_ns) % (20 * CAL_MS), 0);
  cal_wheel_leave(wheel, &a.seat);
  cal_wheel_leave(wheel, &b.seat);
}

static void a_seat_may_leave_from_its_tick_and_the_timer_stands_still(void **state) {
  rider a, b;
  mount(&a, 3);
  mount(&b, 2);
  run_ms(1000);
  assert_int_equal(a.ticks, 3);
  assert_int_equal(b.ticks, 2);
  assert_int_equal(cal_loop_timers(loop), 0);
  cal_wheel_leave(wheel, &a.seat); /* again is harmless */
  cal_wheel_take(wheel, &a.seat);
  run_ms(100);
  assert_int_equal(a.ticks, 8);
  cal_wheel_leave(wheel, &a.seat);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_seat_ticks_every_20_ms_at_its_own_phase),
      TEST(a_seat_may_leave_from_its_tick_and_the_timer_stands_still),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
