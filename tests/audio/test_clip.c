#include "harness.h"

#include <string.h>

#include "audio/clip.h"
#include "base/mem.h"

static cal_clip *spoken(void) {
  cal_clip *clip = cal_clip_new(8000, 300, "one two three", 3);
  clip->word[0] = (cal_word){100, 3};
  clip->word[1] = (cal_word){200, 7};
  clip->word[2] = (cal_word){290, 13};
  return clip;
}

static void only_whole_words_count_as_heard(void **state) {
  static const uint32_t cases[][2] = {{0, 0},   {99, 0},   {100, 3},  {199, 3}, {200, 7},
                                      {289, 7}, {290, 13}, {300, 13}, {999, 13}};
  cal_clip *clip = spoken();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(cal_clip_heard_bytes(clip, cases[i][0]), cases[i][1]);
  cal_unref(clip);
}

static void without_words_the_text_counts_only_at_the_end(void **state) {
  cal_clip *clip = cal_clip_new(8000, 300, "hello", 0);
  assert_int_equal(cal_clip_heard_bytes(clip, 299), 0);
  assert_int_equal(cal_clip_heard_bytes(clip, 300), 5);
  cal_unref(clip);
}

static void a_word_that_claims_more_than_the_text_is_cut(void **state) {
  cal_clip *clip = cal_clip_new(8000, 10, "ab", 1);
  clip->word[0] = (cal_word){5, 500};
  assert_int_equal(cal_clip_heard_bytes(clip, 6), 2);
  cal_unref(clip);
}

static void the_text_is_a_copy_and_the_clip_is_silent(void **state) {
  char text[] = "hi";
  cal_clip *clip = cal_clip_new(16000, 5, text, 0);
  text[0] = 'x';
  assert_string_equal(clip->text, "hi");
  for (uint32_t i = 0; i < clip->samples; i++) assert_int_equal(clip->data[i], 0);
  cal_clip *second = cal_ref(clip);
  cal_unref(clip);
  assert_int_equal(second->rate_hz, 16000);
  cal_unref(second);
}

static void an_empty_clip_is_fine(void **state) {
  cal_clip *clip = cal_clip_of(8000, NULL, 0, NULL);
  assert_string_equal(clip->text, "");
  assert_int_equal(cal_clip_heard_bytes(clip, 0), 0);
  cal_unref(clip);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(only_whole_words_count_as_heard),
      cmocka_unit_test(without_words_the_text_counts_only_at_the_end),
      cmocka_unit_test(a_word_that_claims_more_than_the_text_is_cut),
      cmocka_unit_test(the_text_is_a_copy_and_the_clip_is_silent),
      cmocka_unit_test(an_empty_clip_is_fine),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
