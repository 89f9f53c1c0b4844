#include "base/metrics.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

static char *printed(void) {
  static cal_buf buf;
  if (!buf.ceiling) cal_buf_init(&buf, 1 << 20);
  cal_buf_clear(&buf);
  assert_int_equal(cal_metrics_print(&buf), 0);
  return buf.data;
}

static void a_name_is_one_metric(void **state) {
  cal_metric *calls = cal_counter("callisto_t_calls_total", "Calls.");
  cal_metric_add(calls, 2);
  assert_ptr_equal(cal_counter("callisto_t_calls_total", "Calls."), calls);
  assert_ptr_not_equal(cal_counter("callisto_t_calls_total{a=\"b\"}", "Calls."), calls);
  cal_metric_add(cal_counter("callisto_t_calls_total", NULL), 1);
  assert_int_equal(cal_metric_value(calls), 3);
}

static void gauges_go_both_ways(void **state) {
  cal_metric *live = cal_gauge("callisto_t_live", "Live calls.");
  cal_metric_set(live, 5);
  cal_metric_add(live, -7);
  assert_int_equal(cal_metric_value(live), -2);
  assert_non_null(strstr(printed(), "# HELP callisto_t_live Live calls.\n# TYPE callisto_t_live gauge\n"
                                    "callisto_t_live -2\n"));
}

static void a_family_is_printed_in_one_piece_with_one_head(void **state) {
  cal_counter("callisto_t_refused{reason=\"token\"}", "Refused\nor \\ not.");
  cal_counter("callisto_t_refused_more", "Sorts between a name and its labels as plain text.");
  cal_counter("callisto_t_refused{reason=\"full\"}", "Refused\nor \\ not.");
  cal_counter("callisto_t_refused", "Refused\nor \\ not.");
  assert_non_null(strstr(printed(), "# HELP callisto_t_refused Refused\\nor \\\\ not.\n"
                                    "# TYPE callisto_t_refused counter\n"
                                    "callisto_t_refused 0\n"
                                    "callisto_t_refused{reason=\"full\"} 0\n"
                                    "callisto_t_refused{reason=\"token\"} 0\n"
                                    "# HELP callisto_t_refused_more "));
}

static void a_histogram_counts_into_its_buckets(void **state) {
  cal_metric *seconds = cal_histogram("callisto_t_seconds{leg=\"in\"}", "Time.");
  const double values[] = {0.0004, 0.0005, 0.0006, 0.75, 29, 31, -1};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) cal_metric_observe(seconds, values[i]);
  cal_metric_observe(seconds, NAN);
  assert_int_equal(cal_metric_value(seconds), 7);
  const char *text = printed();
  assert_non_null(strstr(text, "# TYPE callisto_t_seconds histogram\n"));
  assert_non_null(strstr(text, "callisto_t_seconds_bucket{leg=\"in\",le=\"0.0005\"} 3\n"));
  assert_non_null(strstr(text, "callisto_t_seconds_bucket{leg=\"in\",le=\"0.001\"} 4\n"));
  assert_non_null(strstr(text, "callisto_t_seconds_bucket{leg=\"in\",le=\"0.5\"} 4\n"));
  assert_non_null(strstr(text, "callisto_t_seconds_bucket{leg=\"in\",le=\"1\"} 5\n"));
  assert_non_null(strstr(text, "callisto_t_seconds_bucket{leg=\"in\",le=\"30\"} 6\n"));
  assert_non_null(strstr(text, "callisto_t_seconds_bucket{leg=\"in\",le=\"+Inf\"} 7\n"
                               "callisto_t_seconds_sum{leg=\"in\"} 60.7515\n"
                               "callisto_t_seconds_count{leg=\"in\"} 7\n"));
  cal_metric_observe(cal_histogram("callisto_t_bare_seconds", "Time."), 1.5);
  assert_non_null(strstr(printed(), "callisto_t_bare_seconds_bucket{le=\"2\"} 1\n"));
  assert_non_null(strstr(printed(), "callisto_t_bare_seconds_sum 1.5\ncallisto_t_bare_seconds_count 1\n"));
}

static void too_small_a_buffer_is_left_as_it_was(void **state) {
  cal_buf buf;
  cal_buf_init(&buf, 200);
  cal_buf_text(&buf, "before");
  assert_int_equal(cal_metrics_print(&buf), -EMSGSIZE);
  assert_string_equal(buf.data, "before");
  assert_int_equal(buf.bytes, 6);
  cal_buf_free(&buf);
}

static void *count_up(void *context) {
  cal_metric *shared = cal_counter("callisto_t_shared_total", "Shared.");
  for (int i = 0; i < 10000; i++) cal_metric_add(shared, 1);
  return NULL;
}

static void threads_lose_no_count(void **state) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, count_up, NULL);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  assert_int_equal(cal_metric_value(cal_counter("callisto_t_shared_total", "")), 40000);
}

/* Last: it fills the registry of the process. */
static void beyond_the_ceiling_the_overflow_metric_counts(void **state) {
  char name[64];
  cal_metric *metric = NULL;
  for (int i = 0; i < 1100; i++) {
    snprintf(name, sizeof name, "callisto_t_many_total{i=\"%d\"}", i);
    metric = cal_counter(name, "Many.");
  }
  cal_metric *other = cal_histogram("callisto_t_one_more_seconds", "Too late.");
  assert_ptr_equal(metric, other);
  cal_metric_add(metric, 5);
  cal_metric_observe(other, 1);
  cal_metric_set(cal_gauge("callisto_t_late", "Too late."), 100);
  assert_int_equal(cal_metric_value(metric), 3);
  const char *text = printed();
  assert_non_null(strstr(text, "\ncallisto_metrics_overflow_total 3\n"));
  size_t samples = 0;
  for (const char *at = text; (at = strstr(at, "\ncallisto_t_many_total{")); at++) samples++;
  assert_in_range(samples, 1000, 1024);
  assert_ptr_not_equal(cal_counter("callisto_t_calls_total", ""), metric);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_name_is_one_metric),
      cmocka_unit_test(gauges_go_both_ways),
      cmocka_unit_test(a_family_is_printed_in_one_piece_with_one_head),
      cmocka_unit_test(a_histogram_counts_into_its_buckets),
      cmocka_unit_test(too_small_a_buffer_is_left_as_it_was),
      cmocka_unit_test(threads_lose_no_count),
      cmocka_unit_test(beyond_the_ceiling_the_overflow_metric_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
