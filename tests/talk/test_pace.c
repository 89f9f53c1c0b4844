/* What was certainly said by then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "talk/pace.h"

static void expect(cal_span got, const char *wanted) {
  assert_int_equal(got.bytes, strlen(wanted));
  assert_memory_equal(got.at, wanted, got.bytes);
}

static void words_are_told_when_their_time_is_over(void **state) {
  cal_pace pace = cal_pace_of("  Your order will come", 100);
  expect(cal_pace_words(&pace, 399), "");
  expect(cal_pace_words(&pace, 400), "Your");
  expect(cal_pace_words(&pace, 400), "");
  expect(cal_pace_words(&pace, 1500), "order will");
  expect(cal_pace_words(&pace, 1u << 30), "come");
  expect(cal_pace_words(&pace, 1u << 30), "");
}

static void bytes_count_where_words_have_no_blanks(void **state) {
  cal_pace pace = cal_pace_of("नमस्ते", 100);
  expect(cal_pace_words(&pace, 1000), "");
  expect(cal_pace_words(&pace, 1800), "नमस्ते");
}

static void figures_take_as_long_as_words(void **state) {
  cal_pace pace = cal_pace_of("Code 47 50%", 100);
  expect(cal_pace_words(&pace, 1499), "Code");
  expect(cal_pace_words(&pace, 1500), "47");
  expect(cal_pace_words(&pace, 3099), "");
  expect(cal_pace_words(&pace, 3100), "50%");
}

static void a_quick_speaker_is_believed(void **state) {
  cal_pace pace = cal_pace_of("Your order", 60);
  expect(cal_pace_words(&pace, 239), "");
  expect(cal_pace_words(&pace, 240), "Your");
  expect(cal_pace_words(&pace, 600), "order");
}

static void nothing_has_no_words(void **state) {
  cal_pace pace = cal_pace_of(" \n", 100);
  expect(cal_pace_words(&pace, 10000), "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_are_told_when_their_time_is_over),
      cmocka_unit_test(bytes_count_where_words_have_no_blanks),
      cmocka_unit_test(figures_take_as_long_as_words),
      cmocka_unit_test(a_quick_speaker_is_believed),
      cmocka_unit_test(nothing_has_no_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
