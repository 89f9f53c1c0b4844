/* Quotas: so much at once, so much a second; who has used half is refused first. And what waits to be heard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/metrics.h"
#include "script/quota.h"
#include "script/sayings.h"

static int lines;
static char last_line[512];

static void note_line(void *context, const char *line) {
  lines++;
  strncpy(last_line, line, sizeof last_line - 1);
}

static int take(cal_quota *quota, cal_quota_kind kind, size_t bytes, int is_short, double at_s) {
  return cal_quota_take(quota, "c1", kind, bytes, is_short, (uint64_t)(at_s * CAL_S));
}

static void so_much_at_once_and_so_much_a_second(void **state) {
  cal_quota quota = {0};
  for (int i = 0; i < 64; i++) assert_int_equal(take(&quota, CAL_QUOTA_MESSAGES, 10, 0, 5), 0);
  assert_int_equal(take(&quota, CAL_QUOTA_MESSAGES, 10, 0, 5), -EDQUOT);
  assert_non_null(strstr(cal_error_text(), "64 messages to the service at once and 20 a second"));
  assert_int_equal(take(&quota, CAL_QUOTA_RECORD, 10, 0, 5), 0); /* another kind */
  for (int i = 0; i < 20; i++) assert_int_equal(take(&quota, CAL_QUOTA_MESSAGES, 10, 0, 6), 0);
  assert_int_equal(take(&quota, CAL_QUOTA_MESSAGES, 10, 0, 6), -EDQUOT);
  for (int i = 0; i < 64; i++) assert_int_equal(take(&quota, CAL_QUOTA_MESSAGES, 10, 0, 1000), 0);
  assert_int_equal(take(&quota, CAL_QUOTA_MESSAGES, 10, 0, 1000), -EDQUOT);
}

static void bytes_count_too(void **state) {
  cal_quota quota = {0};
  assert_int_equal(take(&quota, CAL_QUOTA_MESSAGES, 256 * 1024 + 1, 0, 5), -EDQUOT);
  for (int i = 0; i < 4; i++) assert_int_equal(take(&quota, CAL_QUOTA_MESSAGES, 64 * 1024, 0, 5), 0);
  assert_int_equal(take(&quota, CAL_QUOTA_MESSAGES, 1, 0, 5), -EDQUOT);
  assert_int_equal(take(&quota, CAL_QUOTA_MESSAGES, 64 * 1024, 0, 6), 0);
}

static void who_has_used_half_is_refused_when_room_is_short(void **state) {
  cal_quota greedy = {0}, modest = {0};
  for (int i = 0; i < 120; i++) assert_int_equal(take(&greedy, CAL_QUOTA_RECORD, 10, 0, 5), 0);
  assert_int_equal(take(&greedy, CAL_QUOTA_RECORD, 10, 1, 5), -EDQUOT);
  for (int i = 0; i < 100; i++) assert_int_equal(take(&modest, CAL_QUOTA_RECORD, 10, 1, 5), 0);
  assert_int_equal(take(&greedy, CAL_QUOTA_RECORD, 10, 0, 5), 0);
}

static void refusals_are_counted_and_logged_once_a_second(void **state) {
  cal_quota quota = {0};
  cal_metric *metric = cal_counter("callisto_quota_refused_total{what=\"series\"}", NULL);
  int64_t before = cal_metric_value(metric);
  for (int i = 0; i < 16; i++) assert_int_equal(take(&quota, CAL_QUOTA_SERIES, 0, 0, 5), 0);
  lines = 0;
  cal_log_sink(note_line, NULL);
  for (int i = 0; i < 1000; i++)
    assert_int_equal(take(&quota, CAL_QUOTA_SERIES, 0, 0, 5 + (double)i / 1000), -EDQUOT);
  assert_int_equal(lines, 1);
  assert_int_equal(take(&quota, CAL_QUOTA_SERIES, 0, 0, 6.5), -EDQUOT);
  cal_log_sink(NULL, NULL);
  assert_int_equal(lines, 2);
  assert_non_null(strstr(last_line, "c1: refused 1000 times: a call may have 16 metrics of its own"));
  assert_int_equal(cal_metric_value(metric) - before, 1001);
}

static void what_waits_to_be_heard_has_a_ceiling(void **state) {
  cal_sayings sayings = {0};
  for (uint32_t i = 1; i <= CAL_SAYINGS; i++) assert_int_equal(cal_sayings_begin(&sayings, 1, i, 10), 0);
  assert_int_equal(cal_sayings_begin(&sayings, 2, 1, 10), -EDQUOT);
  cal_sayings_end(&sayings, 2, 1); /* was never there */
  cal_sayings_end(&sayings, 1, 7);
  cal_sayings_end(&sayings, 1, 7);
  assert_int_equal(cal_sayings_begin(&sayings, 2, 1, 10), 0);
  assert_int_equal(cal_sayings_begin(&sayings, 2, 2, 10), -EDQUOT);
  cal_sayings_end_all(&sayings, 1);
  assert_int_equal(sayings.letters, 10);
  assert_int_equal(cal_sayings_begin(&sayings, 1, 40, CAL_SAYINGS_LETTERS - 10), 0);
  assert_int_equal(cal_sayings_begin(&sayings, 1, 41, 1), -EDQUOT);
  cal_sayings_end(&sayings, 2, 1);
  assert_int_equal(cal_sayings_begin(&sayings, 1, 41, 10), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(so_much_at_once_and_so_much_a_second),
      cmocka_unit_test(bytes_count_too),
      cmocka_unit_test(who_has_used_half_is_refused_when_room_is_short),
      cmocka_unit_test(refusals_are_counted_and_logged_once_a_second),
      cmocka_unit_test(what_waits_to_be_heard_has_a_ceiling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
