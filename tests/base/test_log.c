#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

static char last[8192];
static int lines;

static void keep(void *context, const char *line) {
  snprintf(last, sizeof last, "%s", line);
  lines++;
}

static int setup(void **state) {
  cal_log_setup(CAL_LOG_INFO, 0);
  cal_log_sink(keep, NULL);
  lines = 0;
  return 0;
}

static int teardown(void **state) {
  cal_log_sink(NULL, NULL);
  return 0;
}

static void a_line_for_people_has_time_level_part_call_and_message(void **state) {
  cal_log(CAL_LOG_WARN, "leg", "call_7", "late by %d ms", 40);
  assert_string_equal(last + strlen("2026-01-01T00:00:00.000Z"), " warn leg call_7: late by 40 ms");
  assert_int_equal(last[10], 'T');
  assert_int_equal(last[23], 'Z');
  cal_log(CAL_LOG_ERROR, "net", NULL, "gone");
  assert_string_equal(last + strlen("2026-01-01T00:00:00.000Z"), " error net: gone");
}

static void a_line_for_machines_is_json(void **state) {
  cal_log_setup(CAL_LOG_INFO, 1);
  cal_log(CAL_LOG_INFO, "vm", "c1",
          "he said \"hi\\there\"\n\x01\xff"
          "é");
  const char *after = strstr(last, "\"level\"");
  assert_non_null(after);
  assert_string_equal(after, "\"level\":\"info\",\"part\":\"vm\",\"call\":\"c1\",\"message\":\"he said "
                             "\\\"hi\\\\there\\\"\\n\\u0001\xef\xbf\xbd\xc3\xa9\"}");
  assert_memory_equal(last, "{\"time\":\"", 9);
  cal_log(CAL_LOG_INFO, "vm", NULL, "x");
  assert_null(strstr(last, "\"call\""));
}

static void below_the_level_nothing_is_written(void **state) {
  cal_log(CAL_LOG_DEBUG, "net", NULL, "quiet");
  assert_int_equal(lines, 0);
  cal_log_setup(CAL_LOG_ERROR, 0);
  assert_int_equal(cal_log_level_now(), CAL_LOG_ERROR);
  cal_log(CAL_LOG_WARN, "net", NULL, "quiet");
  assert_int_equal(lines, 0);
  cal_log(CAL_LOG_ERROR, "net", NULL, "loud");
  assert_int_equal(lines, 1);
}

static void levels_have_names(void **state) {
  assert_int_equal(cal_log_level_named("debug"), CAL_LOG_DEBUG);
  assert_int_equal(cal_log_level_named("info"), CAL_LOG_INFO);
  assert_int_equal(cal_log_level_named("warn"), CAL_LOG_WARN);
  assert_int_equal(cal_log_level_named("error"), CAL_LOG_ERROR);
  assert_int_equal(cal_log_level_named("loud"), -EINVAL);
  assert_int_equal(cal_log_level_named(NULL), -EINVAL);
}

static void telephone_numbers_are_masked_to_four_digits(void **state) {
  static const struct {
    const char *said, *written;
  } cases[] = {
      {"from +15551234567 to +919876543210.", "from +*******4567 to +********3210."},
      {"+12345678", "+****5678"},
      {"+123456789012345", "+***********2345"},
      {"sip:+442071838750@example.com", "sip:+********8750@example.com"},
      {"From=%2B15551234567&To=%2b4930123456", "From=%2B*******4567&To=%2b******3456"},
      {"++15551234567", "++*******4567"},
      {"+1555123", "+1555123"},
      {"a+b 1+1=2, 15551234567", "a+b 1+1=2, 15551234567"},
      {"+1234567890123456", "+1234567890123456"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cal_log(CAL_LOG_INFO, "net", NULL, "%s", cases[i].said);
    assert_string_equal(strstr(last, "net: ") + 5, cases[i].written);
  }
  cal_log(CAL_LOG_INFO, "net", "+15551234567", "x");
  assert_non_null(strstr(last, " net +*******4567: x"));
}

static void a_number_at_the_end_of_a_full_line_is_masked_before_it_is_cut(void **state) {
  char text[6000];
  for (int at = 3990; at < 4200; at++) {
    memset(text, '.', sizeof text);
    memcpy(text + at, "+15551234567", 13);
    cal_log(CAL_LOG_INFO, "net", NULL, "%s", text);
    assert_null(strstr(last, "+1"));
  }
}

static void a_long_line_is_cut_at_4_kib_and_stays_whole_json(void **state) {
  char text[6000];
  for (int as_json = 0; as_json < 2; as_json++)
    for (int pad = 0; pad < 4; pad++) {
      cal_log_setup(CAL_LOG_INFO, as_json);
      for (size_t i = 0; i < sizeof text - 1; i += 2) memcpy(text + i, "\"\n", 2);
      text[sizeof text - 2] = 0;
      cal_log(CAL_LOG_INFO, &"ppp"[pad % 3], NULL, "%s", text);
      size_t bytes = strlen(last);
      assert_in_range(bytes, 4000, 4095);
      if (as_json) {
        assert_string_equal(last + bytes - 2, "\"}");
        assert_true(last[bytes - 3] == 'n' || last[bytes - 3] == '"');
        assert_int_equal(last[bytes - 4], '\\');
      }
    }
}

static void a_further_line_is_indented_and_cannot_pass_for_one_of_the_log(void **state) {
  cal_log(CAL_LOG_INFO, "net", NULL, "one\r\n2026-01-01T00:00:00.000Z two\x1b[31m\n\nthree");
  assert_string_equal(strstr(last, "net: "),
                      "net: one\\r\n    2026-01-01T00:00:00.000Z two\\u001b[31m\n    \n    three");
  cal_log_setup(CAL_LOG_INFO, 1);
  cal_log(CAL_LOG_INFO, "net", NULL, "one\ntwo");
  assert_null(strchr(last, '\n'));
}

/* Redirects standard error into a file while `write` runs; returns the file, from its start. */
static FILE *written_by(void (*write)(void)) {
  cal_log_sink(NULL, NULL);
  FILE *file = tmpfile();
  assert_non_null(file);
  int before = dup(STDERR_FILENO);
  dup2(fileno(file), STDERR_FILENO);
  write();
  dup2(before, STDERR_FILENO);
  close(before);
  rewind(file);
  return file;
}

static void complain_often(void) {
  cal_log_setup(CAL_LOG_INFO, 0);
  for (int i = 0; i < 50000; i++) cal_log(CAL_LOG_ERROR, "speech", "c1", "not spoken: ENOBUFS");
  for (int i = 0; i < 3; i++) cal_log(CAL_LOG_INFO, "net", NULL, "news");
}

/* However slow the machine is: a line a second, and the loop takes no 50,000 s. */
static void a_complaint_that_comes_again_and_again_is_counted_instead(void **state) {
  FILE *file = written_by(complain_often);
  char line[8192];
  int complaints = 0, news = 0;
  while (fgets(line, sizeof line, file)) {
    complaints += strstr(line, "not spoken") != NULL;
    news += strstr(line, "news") != NULL;
    assert_null(strchr(line, '\x1b'));
  }
  assert_in_range(complaints, 1, 5000);
  assert_int_equal(news, 3);
  fclose(file);
}

static void errno_is_left_alone(void **state) {
  errno = EBUSY;
  cal_log(CAL_LOG_INFO, "net", NULL, "x");
  assert_int_equal(errno, EBUSY);
}

static void *log_many(void *context) {
  for (int i = 0; i < 200; i++) cal_log(CAL_LOG_INFO, "net", NULL, "%0300d", i);
  return NULL;
}

static void log_in_threads(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, log_many, NULL);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}

static void lines_of_several_threads_do_not_mix(void **state) {
  FILE *file = written_by(log_in_threads);
  char line[8192];
  int count = 0;
  while (fgets(line, sizeof line, file)) {
    assert_int_equal(strlen(line), strlen("2026-01-01T00:00:00.000Z info net: ") + 301);
    count++;
  }
  assert_int_equal(count, 800);
  fclose(file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_line_for_people_has_time_level_part_call_and_message, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(a_line_for_machines_is_json, setup, teardown),
      cmocka_unit_test_setup_teardown(below_the_level_nothing_is_written, setup, teardown),
      cmocka_unit_test_setup_teardown(levels_have_names, setup, teardown),
      cmocka_unit_test_setup_teardown(telephone_numbers_are_masked_to_four_digits, setup, teardown),
      cmocka_unit_test_setup_teardown(a_number_at_the_end_of_a_full_line_is_masked_before_it_is_cut, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(a_long_line_is_cut_at_4_kib_and_stays_whole_json, setup, teardown),
      cmocka_unit_test_setup_teardown(a_further_line_is_indented_and_cannot_pass_for_one_of_the_log, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(a_complaint_that_comes_again_and_again_is_counted_instead, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(errno_is_left_alone, setup, teardown),
      cmocka_unit_test_setup_teardown(lines_of_several_threads_do_not_mix, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
