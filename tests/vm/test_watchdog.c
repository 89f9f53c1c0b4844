/* The watchdog alone, without Lua: who is struck, and who is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "vm/watchdog.h"

typedef struct work_entry {
  cal_watch watch;
  volatile sig_atomic_t strikes;
} work_entry;

static void strike(cal_watch *watch) { ((work_entry *)watch)->strikes++; }

static uint64_t cpu_ns(void) {
  struct timespec at;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return (uint64_t)at.tv_sec * CAL_S + (uint64_t)at.tv_nsec;
}

/* Burns CPU time until struck, or `limit_ns` of it. The allocation is where ThreadSanitizer lets signals
 * through. */
static uint64_t burn(work_entry *burning, uint64_t limit_ns) {
  uint64_t started = cpu_ns(), used = 0;
  while (!burning->strikes && (used = cpu_ns() - started) < limit_ns) free(malloc(16));
  return used;
}

static void an_entry_over_its_budget_is_struck(void **unused) {
  work_entry work = {.watch = {.strike = strike, .budget_ns = 20 * CAL_MS}};
  cal_watchdog_enter(&work.watch);
  uint64_t used = burn(&work, 60 * CAL_S);
  cal_watchdog_leave(&work.watch);
  assert_true(work.strikes > 0);
  assert_true(used >= 20 * CAL_MS); /* of CPU time: never early, however busy the machine */
}

static void an_entry_without_budget_is_not_struck(void **unused) {
  work_entry work = {.watch = {.strike = strike}};
  cal_watchdog_enter(&work.watch);
  burn(&work, 50 * CAL_MS);
  cal_watchdog_leave(&work.watch);
  assert_int_equal(work.strikes, 0);
}

static void a_signal_after_its_entry_does_nothing(void **unused) {
  work_entry first = {.watch = {.strike = strike, .budget_ns = 10 * CAL_MS}};
  cal_watchdog_enter(&first.watch);
  burn(&first, 60 * CAL_S);
  cal_watchdog_leave(&first.watch);
  int strikes = first.strikes;
  raise(SIGURG); /* late, outside of any entry */
  work_entry second = {.watch = {.strike = strike, .budget_ns = 60 * CAL_S}};
  cal_watchdog_enter(&second.watch);
  raise(SIGURG); /* late, in the next entry */
  cal_watchdog_leave(&second.watch);
  assert_int_equal(first.strikes, strikes);
  assert_int_equal(second.strikes, 0);
}

static void only_the_innermost_entry_is_timed(void **unused) {
  work_entry outer = {.watch = {.strike = strike, .budget_ns = 60 * CAL_S}};
  work_entry inner = {.watch = {.strike = strike, .budget_ns = 10 * CAL_MS}};
  cal_watchdog_enter(&outer.watch);
  cal_watchdog_enter(&inner.watch);
  burn(&inner, 60 * CAL_S);
  cal_watchdog_leave(&inner.watch);
  raise(SIGURG);
  cal_watchdog_leave(&outer.watch);
  assert_true(inner.strikes > 0);
  assert_int_equal(outer.strikes, 0);
}

static void *enter_and_end(void *context) {
  work_entry work = {.watch = {.strike = strike, .budget_ns = 5 * CAL_MS}};
  cal_watchdog_enter(&work.watch);
  burn(&work, 60 * CAL_S);
  cal_watchdog_leave(&work.watch);
  *(int *)context = work.strikes > 0;
  return NULL;
}

static void threads_come_and_go(void **unused) {
  for (int round = 0; round < 10; round++) {
    pthread_t threads[3];
    int were_struck[3] = {0};
    for (int i = 0; i < 3; i++)
      assert_int_equal(pthread_create(&threads[i], NULL, enter_and_end, &were_struck[i]), 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 3; i++) assert_true(were_struck[i]);
  }
}

/* Short entries, so many that kicks and ends of entries meet: an entry that has been left must never be
 * struck. */
static void short_entries_race_with_the_watchdog(void **unused) {
  work_entry work = {.watch = {.strike = strike, .budget_ns = 1}};
  uint64_t started = cpu_ns();
  while (cpu_ns() - started < 300 * CAL_MS) {
    cal_watchdog_enter(&work.watch);
    for (int i = 0; i < 100; i++) free(malloc(16));
    cal_watchdog_leave(&work.watch);
    int strikes = work.strikes;
    for (int i = 0; i < 100; i++) free(malloc(16));
    assert_int_equal(work.strikes, strikes);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_entry_over_its_budget_is_struck),
      cmocka_unit_test(an_entry_without_budget_is_not_struck),
      cmocka_unit_test(a_signal_after_its_entry_does_nothing),
      cmocka_unit_test(only_the_innermost_entry_is_timed),
      cmocka_unit_test(threads_come_and_go),
      cmocka_unit_test(short_entries_race_with_the_watchdog),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
