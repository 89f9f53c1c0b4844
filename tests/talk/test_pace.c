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

static void a_voice_that_says_its_times_is_believed(void **state) {
  cal_pace pace = cal_pace_of("Your order will come", 100);
  cal_pace_know(&pace, "Your", 200);
  cal_pace_know(&pace, "order", 350);
  cal_pace_know(&pace, "will", 5000); /* slower than the clock, too */
  expect(cal_pace_words(&pace, 199), "");
  expect(cal_pace_words(&pace, 350), "Your order");
  expect(cal_pace_words(&pace, 4999), "");
  expect(cal_pace_words(&pace, 5000), "will come"); /* the clock: come */
}

static void letters_make_words(void **state) {
  cal_pace pace = cal_pace_of("No 7", 100);
  cal_pace_know(&pace, " ", 10);
  cal_pace_know(&pace, "N", 50);
  cal_pace_know(&pace, "o", 90);
  cal_pace_know(&pace, " ", 100);
  cal_pace_know(&pace, "7", 300);
  expect(cal_pace_words(&pace, 60), "");
  expect(cal_pace_words(&pace, 90), "No");
  expect(cal_pace_words(&pace, 299), "");
  expect(cal_pace_words(&pace, 300), "7");
}

static void other_words_than_ours_are_not_believed(void **state) {
  cal_pace pace = cal_pace_of("Pay 40 now", 100);
  cal_pace_know(&pace, "Pay", 100);
  cal_pace_know(&pace, "forty", 200);
  cal_pace_know(&pace, "now", 300);
  expect(cal_pace_words(&pace, 300), "Pay");
  expect(cal_pace_words(&pace, 1299), "");
  expect(cal_pace_words(&pace, 1400), "40");
}

static void more_times_than_can_be_kept_leave_the_rest_to_the_clock(void **state) {
  char text[4 * CAL_PACE_KNOWN + 1] = "";
  for (int i = 0; i < 2 * CAL_PACE_KNOWN; i++) strcat(text, "a ");
  cal_pace pace = cal_pace_of(text, 100);
  for (int i = 0; i < 2 * CAL_PACE_KNOWN; i++) cal_pace_know(&pace, "a", 1);
  assert_int_equal(cal_pace_words(&pace, 1).bytes, 2 * CAL_PACE_KNOWN - 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_are_told_when_their_time_is_over),
      cmocka_unit_test(bytes_count_where_words_have_no_blanks),
      cmocka_unit_test(figures_take_as_long_as_words),
      cmocka_unit_test(a_quick_speaker_is_believed),
      cmocka_unit_test(nothing_has_no_words),
      cmocka_unit_test(a_voice_that_says_its_times_is_believed),
      cmocka_unit_test(letters_make_words),
      cmocka_unit_test(other_words_than_ours_are_not_believed),
      cmocka_unit_test(more_times_than_can_be_kept_leave_the_rest_to_the_clock),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
