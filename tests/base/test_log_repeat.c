#include "base/log_repeat.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

static cal_log_repeat repeat;
static uint32_t left_out;

static int setup(void **state) {
  memset(&repeat, 0, sizeof repeat);
  return 0;
}

static int allows(const char *text, int64_t now_ms) {
  return cal_log_repeat_allows(&repeat, CAL_LOG_ERROR, "speech", text, now_ms, &left_out);
}

static void a_line_is_written_once_a_second_with_what_was_left_out(void **state) {
  assert_true(allows("not spoken: ENOBUFS", 5000));
  assert_int_equal(left_out, 0);
  for (int i = 0; i < 4000; i++) assert_false(allows("not spoken: ENOBUFS", 5000 + i / 10));
  assert_true(allows("not spoken: ENOBUFS", 6000));
  assert_int_equal(left_out, 4000);
  assert_true(allows("not spoken: ENOBUFS", 7000));
  assert_int_equal(left_out, 0);
}

static void lines_that_differ_are_all_written(void **state) {
  static const char *const lines[] = {
      "templates/a1.lua cannot be used",
      "templates/a2.lua cannot be used",
      "templates/a1.lua:3: no",
      "templates/a1.lua:4: no",
      "not spoken: ENOBUFS",
      "not spoken: EINVAL",
      "internationalisationsverordnungen a",
      "internationalisationsverordnungen b",
  };
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) assert_true(allows(lines[i], 1000));
  assert_true(cal_log_repeat_allows(&repeat, CAL_LOG_WARN, "speech", lines[0], 1000, &left_out));
  assert_true(cal_log_repeat_allows(&repeat, CAL_LOG_ERROR, "net", lines[0], 1000, &left_out));
}

static void ids_of_calls_and_numbers_that_stand_alone_do_not_count(void **state) {
  assert_true(allows("call cwbriewkphx3qijp6sfijzuvvmi: 12 of 40 kept", 1000));
  assert_false(allows("call ch5n4s5n2bydf4fgqrav6hqpl2q: 7 of 40 kept", 1000));
  assert_true(allows("call ch5n4s5n2bydf4fgqrav6hqpl2q: 7 of 40 lost", 1000));
}

static void what_was_left_out_last_is_told_too(void **state) {
  cal_log_repeated line;
  assert_true(allows("full", 1000));
  assert_false(cal_log_repeat_overdue(&repeat, 9000, &line));
  assert_true(allows("full", 9000));
  assert_false(allows("full", 9500));
  assert_false(cal_log_repeat_overdue(&repeat, 9999, &line));
  assert_true(cal_log_repeat_overdue(&repeat, 10000, &line));
  assert_string_equal(line.text, "full");
  assert_string_equal(line.part, "speech");
  assert_int_equal(line.level, CAL_LOG_ERROR);
  assert_int_equal(line.left_out, 1);
  assert_false(cal_log_repeat_overdue(&repeat, 10000, &line));
}

static void more_lines_than_are_known_are_written_rather_than_lost(void **state) {
  char text[32];
  for (int i = 0; i < 10 * CAL_LOG_REPEATS; i++) {
    snprintf(text, sizeof text, "file%d", i);
    assert_true(allows(text, 1000));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_line_is_written_once_a_second_with_what_was_left_out, setup),
      cmocka_unit_test_setup(lines_that_differ_are_all_written, setup),
      cmocka_unit_test_setup(ids_of_calls_and_numbers_that_stand_alone_do_not_count, setup),
      cmocka_unit_test_setup(what_was_left_out_last_is_told_too, setup),
      cmocka_unit_test_setup(more_lines_than_are_known_are_written_rather_than_lost, setup),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
