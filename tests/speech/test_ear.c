#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "speech/line.h"
#include "speech/ear.h"
#include "speech/voice.h"

static cal_dict *dict;
static cal_ear *ear;

static int set_up(void **state) { return cal_dict_open(&dict, NULL) || cal_ear_new(&ear, NULL); }

static int tear_down(void **state) {
  ear = cal_ear_free(ear);
  dict = cal_unref(dict);
  return 0;
}

static cal_grammar *grammar_of(const char *const *phrases, size_t count) {
  cal_choice choices[32];
  cal_grammar *grammar = NULL;
  for (size_t i = 0; i < count; i++) choices[i] = (cal_choice){phrases[i], NULL, 0};
  assert_int_equal(
      0, cal_grammar_new(&grammar, dict, &(cal_grammar_options){.choices = choices, .choice_count = count}));
  return grammar;
}

/* Takes the clip; the caller's telephone is a μ-law one. */
static cal_heard hear(cal_clip *clip, cal_grammar *grammar) {
  cal_heard heard;
  assert_non_null(clip);
  clip = over_the_line(clip);
  assert_int_equal(0, cal_ear_recognise(&heard, ear, clip->data, clip->samples, clip->rate_hz, grammar));
  cal_unref(clip);
  return heard;
}

static cal_clip *spoken(const char *voice, const char *text) {
  cal_clip *clip = NULL;
  assert_int_equal(0, cal_voice_say(&clip, text, &(cal_voice_options){.voice = voice}));
  return clip;
}

static void yes_and_no_are_understood(void **state) {
  static const char *const answers[] = {"yes", "no"};
  static const struct {
    const char *voice, *text, *id;
  } cases[] = {{"kal", "Yes please.", "yes"},
               {"kal", "No thanks.", "no"},
               {"kal", "That's right.", "yes"},
               {"rms", "Yes please.", "yes"},
               {"rms", "No.", "no"},
               {"rms", "Of course.", "yes"},
               {"slt", "That's right.", "yes"},
               {"slt", "Yes, go ahead.", "yes"},
               {"kal", "Um, yes.", "yes"}};
  cal_grammar *grammar = grammar_of(answers, 2);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_string_equal(cases[i].id, hear(spoken(cases[i].voice, cases[i].text), grammar).match.id);
  cal_unref(grammar);
}

static void a_menu_is_understood_and_most_other_sentences_are_refused(void **state) {
  static const char *const menu[] = {"billing", "technical support", "opening hours", "track my order",
                                     "monday"};
  static const char *const other[] = {
      "My dog ate the parcel yesterday.",    "There is a cat on the roof again.",
      "Can you hear the rain outside?",      "Nobody told me about the meeting.",
      "The bus stops near the library.",     "His car broke down on the bridge.",
      "Please pass me the salt and pepper.", "What did the doctor tell you?"};
  cal_grammar *grammar = grammar_of(menu, 5);
  for (size_t i = 0; i < 5; i++) {
    char polite[64];
    snprintf(polite, sizeof polite, "Um, %s, please.", menu[i]);
    assert_string_equal(menu[i], hear(spoken("kal", menu[i]), grammar).match.id);
    assert_string_equal(menu[i], hear(spoken("rms", polite), grammar).match.id);
  }
  int refused = 0;
  for (size_t i = 0; i < 16; i++) {
    cal_heard heard = hear(spoken(i % 2 ? "rms" : "kal", other[i / 2]), grammar);
    refused += heard.match.is_rejected && heard.match.choice == -1 && !heard.match.text[0];
  }
  assert_in_range(refused, 11, 16); /* four in five is what it can do: docs/local-speech.md */
  cal_unref(grammar);
}

static void digits_are_heard(void **state) {
  cal_grammar *grammar = NULL;
  assert_int_equal(0,
                   cal_grammar_new(&grammar, dict, &(cal_grammar_options){.digits_min = 1, .digits_max = 6}));
  cal_heard heard = hear(spoken("rms", "four zero seven one"), grammar);
  assert_string_equal("4071", heard.match.digits);
  assert_int_equal(-1, heard.match.choice);
  cal_unref(grammar);
}

static void a_human_voice_is_understood_in_a_menu(void **state) {
  static const char *const menu[] = {"goodbye",   "hello",     "call waiting",
                                     "extension", "activated", "tomorrow"};
  static const char *const files[] = {"goodbye",   "hello",     "call-waiting",
                                      "extension", "activated", "digits/tomorrow"};
  cal_clip *first = human_clip("hello");
  if (!first) {
    print_message("skipped: asterisk-core-sounds-en-wav is not installed\n");
    skip();
  }
  cal_unref(first);
  cal_grammar *grammar = grammar_of(menu, 6);
  for (size_t i = 0; i < 6; i++) assert_string_equal(menu[i], hear(human_clip(files[i]), grammar).match.id);
  cal_unref(grammar);
}

/* Whatever was heard in between, by whichever call, the same samples give the same answer. */
static void calls_do_not_colour_each_other(void **state) {
  static const char *const answers[] = {"yes", "no"}, *const menu[] = {"billing", "monday"};
  cal_grammar *one = grammar_of(answers, 2), *two = grammar_of(menu, 2);
  cal_heard first = hear(spoken("kal", "Yes please."), one);
  cal_clip *noise = cal_clip_new(8000, 16000, NULL, 0);
  for (uint32_t i = 0, seed = 7; i < noise->samples; i++)
    noise->data[i] = (int16_t)((seed = seed * 1103515245u + 12345) >> 18);
  hear(noise, two);
  cal_heard again = hear(spoken("kal", "Yes please."), one);
  assert_string_equal(first.match.text, again.match.text);
  assert_true(first.fit == again.fit);
  cal_unref(one);
  cal_unref(two);
}

static void more_grammars_than_are_kept_all_work(void **state) {
  static const char *const words[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};
  cal_ear *small = NULL;
  assert_int_equal(0, cal_ear_new(&small, &(cal_ear_options){.grammars = 2}));
  for (int round = 0; round < 2; round++)
    for (size_t i = 0; i + 1 < 6; i++) {
      cal_grammar *grammar = grammar_of(words + i, 2);
      cal_clip *clip = over_the_line(spoken("kal", words[i]));
      cal_heard heard;
      assert_int_equal(0, cal_ear_recognise(&heard, small, clip->data, clip->samples, 8000, grammar));
      assert_string_equal(words[i], heard.match.id);
      cal_unref(clip);
      cal_unref(grammar);
    }
  cal_ear_free(small);
}

static void silence_and_scraps_are_no_answer(void **state) {
  static const char *const answers[] = {"yes", "no"};
  cal_grammar *grammar = grammar_of(answers, 2);
  static const uint32_t lengths[] = {0, 1, 400, 8000, 24000};
  for (size_t i = 0; i < 5; i++) {
    cal_heard heard = hear(cal_clip_new(8000, lengths[i], NULL, 0), grammar);
    assert_int_equal(-1, heard.match.choice);
    assert_string_equal("", heard.match.text);
  }
  cal_unref(grammar);
}

/* A burst that fades, as a cough or a knock does. Returns owned. */
static cal_clip *burst(uint32_t ms, double muffled) {
  enum { QUIET = 1200, PER_MS = 8 };
  cal_clip *clip = cal_clip_new(8000, ms * PER_MS + 2 * QUIET, NULL, 0);
  double air = 0;
  for (uint32_t i = 0, seed = 7; i < clip->samples; i++) {
    seed = seed * 1103515245u + 12345;
    double at_ms = ((double)i - QUIET) / PER_MS;
    double loud = at_ms < 0 || at_ms >= ms ? 0.002 : exp(-3 * at_ms / ms);
    air += muffled * (((double)(seed >> 17) - 16384) / 16384 - air);
    clip->data[i] = (int16_t)(9000 * loud * air / sqrt(muffled));
  }
  return clip;
}

static void a_noise_is_neither_an_answer_nor_a_wrong_one(void **state) {
  static const char *const menu[] = {"billing", "technical support", "opening hours", "monday"};
  static const struct {
    uint32_t ms;
    double muffled;
  } noises[] = {{60, 1}, {120, 0.5}, {200, 0.3}, {300, 0.3}, {400, 0.2}, {500, 0.15}};
  cal_grammar *grammar = grammar_of(menu, 4);
  for (size_t i = 0; i < sizeof noises / sizeof noises[0]; i++) {
    cal_heard heard = hear(burst(noises[i].ms, noises[i].muffled), grammar);
    assert_int_equal(-1, heard.match.choice);
    assert_false(heard.match.is_rejected);
  }
  cal_unref(grammar);
}

static void what_cannot_be_heard_is_refused(void **state) {
  static const char *const answers[] = {"yes", "no"};
  cal_grammar *grammar = grammar_of(answers, 2);
  cal_clip *clip = cal_clip_new(8000, 8000 * (CAL_EAR_SECONDS + 1), NULL, 0);
  cal_heard heard;
  assert_int_equal(-EMSGSIZE, cal_ear_recognise(&heard, ear, clip->data, clip->samples, 8000, grammar));
  assert_int_equal(-EINVAL, cal_ear_recognise(&heard, ear, clip->data, 8000, 44100, grammar));
  assert_int_equal(-ENOTSUP, cal_ear_recognise(&heard, ear, clip->data, 8000, 8000, NULL));
  cal_ear *other = NULL;
  assert_int_equal(-ENOENT, cal_ear_new(&other, &(cal_ear_options){.model_dir = "/nowhere"}));
  cal_unref(clip);
  cal_unref(grammar);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(yes_and_no_are_understood),
      cmocka_unit_test(a_menu_is_understood_and_most_other_sentences_are_refused),
      cmocka_unit_test(digits_are_heard),
      cmocka_unit_test(a_human_voice_is_understood_in_a_menu),
      cmocka_unit_test(calls_do_not_colour_each_other),
      cmocka_unit_test(more_grammars_than_are_kept_all_work),
      cmocka_unit_test(silence_and_scraps_are_no_answer),
      cmocka_unit_test(a_noise_is_neither_an_answer_nor_a_wrong_one),
      cmocka_unit_test(what_cannot_be_heard_is_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
