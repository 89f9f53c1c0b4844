/* The voice and the ear in the process, as the rest of the engine calls them: by their tables. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "talk/local.h"

static cal_speech *speech;
static cal_clip *made;
static int lasts, last_code;
static char heard[64];

static int setup(void **state) {
  cal_speech_options options = cal_speech_defaults();
  options.threads = 0;
  options.is_spoken = options.free_text = 1;
  lasts = last_code = 0;
  heard[0] = 0;
  return cal_speech_new(&speech, &options);
}

static int teardown(void **state) {
  made = cal_unref(made);
  speech = cal_speech_free(speech);
  return 0;
}

static void on_clip(void *context, cal_clip *clip, int is_last, int code) {
  if (clip) {
    cal_unref(made);
    made = clip;
  }
  lasts += is_last;
  if (is_last) last_code = code;
}

static void on_heard(void *context, const cal_heard *what, int code) {
  snprintf(heard, sizeof heard, "%.60s", what ? what->match.text : "nothing");
}

static void what_the_voice_says_the_ear_understands(void **state) {
  cal_talk_voice voice = cal_local_voice(speech);
  cal_talk_ear ear = cal_local_ear(speech);
  cal_saying saying = {.utterance = 1, .text = "good morning", .rate_hz = 16000};
  assert_int_equal(voice.ops->say(voice.self, &saying, on_clip, NULL), 0);
  assert_int_equal(lasts, 1);
  assert_int_equal(last_code, 0);
  assert_int_equal(made->rate_hz, 16000);
  assert_true(ear.ops->hears_free_text(ear.self));
  assert_int_equal(ear.ops->hear(ear.self, made, NULL, on_heard, NULL), 0);
  assert_string_equal(heard, "good morning");
}

static void the_ear_takes_what_is_expected(void **state) {
  cal_talk_ear ear = cal_local_ear(speech);
  cal_talk_voice voice = cal_local_voice(speech);
  cal_grammar *grammar;
  cal_choice choices[] = {{.id = "yes"}, {.id = "no"}};
  cal_grammar_options expected = {.choices = choices, .choice_count = 2};
  assert_int_equal(ear.ops->expect(ear.self, &grammar, &expected), 0);
  cal_saying saying = {.utterance = 1, .text = "sure", .rate_hz = 8000};
  assert_int_equal(voice.ops->say(voice.self, &saying, on_clip, NULL), 0);
  assert_int_equal(ear.ops->hear(ear.self, made, grammar, on_heard, NULL), 0);
  assert_string_equal(heard, "sure");
  cal_unref(grammar);
  assert_int_equal(ear.ops->expect(ear.self, &grammar, &(cal_grammar_options){0}), -EINVAL);
}

static void a_file_that_is_not_there_is_told_to_who_asked(void **state) {
  cal_talk_voice voice = cal_local_voice(speech);
  assert_int_equal(voice.ops->play(voice.self, 0, "/nowhere.wav", 8000, on_clip, NULL), 0);
  assert_int_equal(lasts, 1);
  assert_int_equal(last_code, -ENOENT);
  assert_null(made);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(what_the_voice_says_the_ear_understands),
      TEST(the_ear_takes_what_is_expected),
      TEST(a_file_that_is_not_there_is_told_to_who_asked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
