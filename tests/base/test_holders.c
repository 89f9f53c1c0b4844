#include "base/holders.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"

#define START (1000 * CAL_S)
#define S(text) cal_span_of(text)

static cal_holders *holders;

static int setup(void **state) {
  holders = cal_holders_new();
  return 0;
}

static int teardown(void **state) {
  holders = cal_holders_free(holders);
  return holders != NULL;
}

static int take(const char *set, const char *holder, uint32_t most, uint64_t ttl_ms, uint64_t now_ns) {
  uint32_t count;
  return cal_holders_take(holders, &count, S(set), S(holder), most, ttl_ms, now_ns);
}

static void there_are_only_so_many(void **state) {
  assert_int_equal(take("lines", "a", 2, 0, START), 1);
  assert_int_equal(take("lines", "b", 2, 0, START), 1);
  assert_int_equal(take("lines", "c", 2, 0, START), 0);
  assert_int_equal(cal_holders_count(holders, S("lines"), START), 2);
  assert_int_equal(take("other", "c", 2, 0, START), 1);
}

static void whoever_takes_twice_has_one(void **state) {
  assert_int_equal(take("lines", "a", 2, 0, START), 1);
  assert_int_equal(take("lines", "a", 2, 0, START), 1);
  assert_int_equal(cal_holders_count(holders, S("lines"), START), 1);
}

static void whoever_releases_twice_takes_nothing_from_others(void **state) {
  take("lines", "a", 2, 0, START);
  take("lines", "b", 2, 0, START);
  assert_int_equal(cal_holders_release(holders, S("lines"), S("a")), 1);
  assert_int_equal(cal_holders_release(holders, S("lines"), S("a")), 0);
  assert_int_equal(cal_holders_release(holders, S("unknown"), S("a")), 0);
  assert_int_equal(cal_holders_count(holders, S("lines"), START), 1);
  assert_int_equal(take("lines", "b", 2, 0, START), 1);
}

static void whoever_died_is_forgotten_in_time(void **state) {
  assert_int_equal(take("lines", "a", 1, 5000, START), 1);
  assert_int_equal(take("lines", "b", 1, 5000, START + 4999 * CAL_MS), 0);
  assert_int_equal(take("lines", "b", 1, 5000, START + 5000 * CAL_MS), 1);
  assert_int_equal(cal_holders_release(holders, S("lines"), S("a")), 0);
}

static void names_have_limits(void **state) {
  char name[CAL_HOLDERS_NAME_BYTES + 2] = "";
  memset(name, 'x', CAL_HOLDERS_NAME_BYTES + 1);
  assert_int_equal(take(name, "a", 1, 0, START), -EMSGSIZE);
  assert_int_equal(take("lines", name, 1, 0, START), -EMSGSIZE);
  assert_int_equal(take("", "a", 1, 0, START), -EMSGSIZE);
  for (int i = 0; i < CAL_HOLDERS_SETS; i++) {
    snprintf(name, sizeof name, "set %d", i);
    assert_int_equal(take(name, "a", 1, 0, START), 1);
  }
  assert_int_equal(take("one more", "a", 1, 0, START), -ENOSPC);
}

static uint64_t wait_ms(double per_second, double burst, uint64_t now_ns) {
  uint64_t wait_ns;
  assert_int_equal(cal_holders_pace(holders, &wait_ns, S("calls"), per_second, burst, now_ns), 0);
  return wait_ns / CAL_MS;
}

static void a_pace_gives_turns(void **state) {
  assert_int_equal(wait_ms(2, 1, START), 0);
  assert_int_equal(wait_ms(2, 1, START), 500);
  assert_int_equal(wait_ms(2, 1, START), 1000);
  assert_int_equal(wait_ms(2, 1, START + 1500 * CAL_MS), 0);
  assert_int_equal(wait_ms(2, 1, START + 1600 * CAL_MS), 400);
}

static void a_burst_comes_at_once_and_is_saved_up_again(void **state) {
  for (int i = 0; i < 3; i++) assert_int_equal(wait_ms(1, 3, START), 0);
  assert_int_equal(wait_ms(1, 3, START), 1000);
  assert_int_equal(wait_ms(1, 3, START + 2000 * CAL_MS), 0);
  for (int i = 0; i < 3; i++) assert_int_equal(wait_ms(1, 3, START + 60 * CAL_S), 0);
  assert_int_equal(wait_ms(1, 3, START + 60 * CAL_S), 1000);
}

static void a_pace_of_nothing_is_refused(void **state) {
  uint64_t wait_ns;
  assert_int_equal(cal_holders_pace(holders, &wait_ns, S("calls"), 0, 1, START), -EINVAL);
  assert_int_equal(cal_holders_pace(holders, &wait_ns, S("calls"), 1, 0.5, START), -EINVAL);
}

static void *take_and_release(void *name) {
  for (int i = 0; i < 2000; i++) {
    uint32_t count;
    if (cal_holders_take(holders, &count, S("lines"), S((const char *)name), 3, 0, START) == 1) {
      if (count > 3) return "too many";
      cal_holders_release(holders, S("lines"), S((const char *)name));
    }
  }
  return NULL;
}

static void threads_never_have_more_than_there_is(void **state) {
  pthread_t threads[6];
  static char *names[] = {"a", "b", "c", "d", "e", "f"};
  for (int i = 0; i < 6; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, take_and_release, names[i]), 0);
  for (int i = 0; i < 6; i++) {
    void *wrong;
    pthread_join(threads[i], &wrong);
    assert_null(wrong);
  }
  assert_int_equal(cal_holders_count(holders, S("lines"), START), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(there_are_only_so_many),
      TEST(whoever_takes_twice_has_one),
      TEST(whoever_releases_twice_takes_nothing_from_others),
      TEST(whoever_died_is_forgotten_in_time),
      TEST(names_have_limits),
      TEST(a_pace_gives_turns),
      TEST(a_burst_comes_at_once_and_is_saved_up_again),
      TEST(a_pace_of_nothing_is_refused),
      TEST(threads_never_have_more_than_there_is),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
