#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "speech/voice.h"

static cal_clip *say(const char *text, cal_voice_options options) {
  cal_clip *clip = NULL;
  assert_int_equal(0, cal_voice_say(&clip, text, &options));
  return clip;
}

static void words_rise_and_end_within_the_clip(void **state) {
  static const char text[] = "Hello \"Mr. Smith\", your order #1234 of $45.20 - nearly \xe2\x82\xb9"
                             "500 - is (almost) ready, ok?";
  static const char *const voices[] = {"slt", "rms", "kal"};
  for (size_t v = 0; v < 3; v++) {
    cal_clip *clip = say(text, (cal_voice_options){.voice = voices[v]});
    assert_int_equal(8000, clip->rate_hz);
    assert_string_equal(text, clip->text);
    assert_in_range(clip->words, 12, 16);
    for (uint32_t i = 0; i < clip->words; i++) {
      assert_true(clip->word[i].end_sample > (i ? clip->word[i - 1].end_sample : 0));
      assert_true(clip->word[i].text_bytes > (i ? clip->word[i - 1].text_bytes : 0));
      assert_true(clip->word[i].end_sample <= clip->samples);
    }
    assert_int_equal(strlen(text), clip->word[clip->words - 1].text_bytes);
    cal_unref(clip);
  }
}

/* A number is one word of the source though five are spoken: it is over when the last of them is. */
static void a_number_is_heard_as_a_whole(void **state) {
  cal_clip *clip = say("Pay 1234 now.", (cal_voice_options){.voice = "kal"});
  assert_int_equal(3, clip->words);
  uint32_t pay = clip->word[0].end_sample, number = clip->word[1].end_sample, now = clip->word[2].end_sample;
  assert_true(number - pay > 2 * (now - number));
  assert_int_equal(strlen("Pay"), cal_clip_heard_bytes(clip, number - 1));
  assert_int_equal(strlen("Pay 1234"), cal_clip_heard_bytes(clip, number));
  cal_unref(clip);
}

static void kal_repeats_to_the_bit_and_speed_changes_the_length(void **state) {
  cal_clip *one = say("The same again.", (cal_voice_options){.voice = "kal"});
  cal_clip *two = say("The same again.", (cal_voice_options){.voice = "kal"});
  cal_clip *fast = say("The same again.", (cal_voice_options){.voice = "kal", .speed = 2});
  cal_clip *wide = say("The same again.", (cal_voice_options){.voice = "kal", .rate_hz = 16000});
  assert_int_equal(one->samples, two->samples);
  assert_memory_equal(one->data, two->data, one->samples * sizeof(int16_t));
  assert_in_range(fast->samples, one->samples * 40 / 100, one->samples * 65 / 100);
  assert_in_range(wide->samples, one->samples * 2 - 4, one->samples * 2 + 4);
  cal_unref(one);
  cal_unref(two);
  cal_unref(fast);
  cal_unref(wide);
}

static void the_level_suits_a_telephone(void **state) {
  static const char *const voices[] = {"slt", "rms", "kal"};
  for (size_t v = 0; v < 3; v++) {
    cal_clip *clip =
        say("Your order will be delivered tomorrow morning.", (cal_voice_options){.voice = voices[v]});
    double energy = 0;
    int peak = 0;
    for (uint32_t i = 0; i < clip->samples; i++) {
      energy += (double)clip->data[i] * clip->data[i];
      if (abs(clip->data[i]) > peak) peak = abs(clip->data[i]);
    }
    double dbfs = 10 * log10(energy / clip->samples / (32768.0 * 32768.0));
    assert_true(dbfs > -20 &&
                dbfs < -14); /* pauses included, so a little below the -16 of the speech itself */
    assert_true(peak < 32000);
    cal_unref(clip);
  }
}

static void speech_begins_at_once(void **state) {
  cal_clip *clip = say("Tomorrow.", (cal_voice_options){.voice = "kal"});
  uint32_t at = 0;
  while (at < clip->samples && abs(clip->data[at]) < 200) at++;
  assert_true(at <= 8000 * 60 / 1000);
  cal_unref(clip);
}

static void nothing_to_say_is_refused(void **state) {
  static const char *const texts[] = {"", "   ", "...", "?!", "\xf0\x9f\x98\x80", NULL};
  cal_clip *clip = NULL;
  for (int i = 0; texts[i]; i++) {
    assert_int_equal(-EINVAL, cal_voice_say(&clip, texts[i], NULL));
    assert_non_null(strstr(cal_error_text(), "nothing to say"));
  }
  assert_int_equal(-EINVAL, cal_voice_say(&clip, NULL, NULL));
  assert_int_equal(-EINVAL, cal_voice_say(&clip, "Hi.", &(cal_voice_options){.voice = "bob"}));
  assert_int_equal(-EINVAL, cal_voice_say(&clip, "Hi.", &(cal_voice_options){.speed = 9}));
  assert_int_equal(-EINVAL, cal_voice_say(&clip, "Hi.", &(cal_voice_options){.speed = NAN}));
  char *longest = cal_alloc(CAL_VOICE_TEXT_BYTES + 2);
  memset(longest, 'a', CAL_VOICE_TEXT_BYTES + 1);
  assert_int_equal(-EMSGSIZE, cal_voice_say(&clip, longest, NULL));
  cal_free(longest);
  assert_null(clip);
}

static void text_is_cut_into_sentences(void **state) {
  static const struct {
    const char *text, *sentences[6];
  } cases[] = {{"One. Two! Three?", {"One.", "Two!", "Three?"}},
               {"  Mr. Smith pays 3.50 today.  Thanks. ", {"Mr. Smith pays 3.50 today.", "Thanks."}},
               {"See No. 5. No. Never.", {"See No. 5.", "No.", "Never."}},
               {"Great news! \xf0\x9f\x98\x80", {"Great news! \xf0\x9f\x98\x80"}},
               {"First part\n\nSecond part", {"First part", "Second part"}},
               {"He said \"stop.\" Then he left.", {"He said \"stop.\"", "Then he left."}},
               {"Wait... what?", {"Wait...", "what?"}},
               {"... Well.", {"... Well."}},
               {"by J. R. Miller, etc. and so on", {"by J. R. Miller, etc. and so on"}},
               {"", {NULL}},
               {" .. ", {NULL}}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cal_span rest = cal_span_of(cases[i].text), sentence;
    int count = 0;
    for (; cal_voice_next_sentence(&rest, &sentence); count++) {
      assert_non_null(cases[i].sentences[count]);
      if (!cal_span_is(sentence, cases[i].sentences[count]))
        fail_msg("case %zu: got \"%.*s\", not \"%s\"", i, (int)sentence.bytes, sentence.at,
                 cases[i].sentences[count]);
    }
    assert_null(cases[i].sentences[count]);
  }
}

static void an_endless_sentence_is_cut_without_losing_a_byte(void **state) {
  char text[2001];
  for (size_t i = 0; i < 2000; i++) text[i] = i % 7 == 6 ? ' ' : 'a';
  text[2000] = 0;
  cal_span rest = cal_span_of(text), sentence;
  size_t letters = 0;
  while (cal_voice_next_sentence(&rest, &sentence)) {
    assert_true(sentence.bytes <= 300);
    for (size_t i = 0; i < sentence.bytes; i++) letters += sentence.at[i] == 'a';
  }
  assert_int_equal(2000 - 2000 / 7, letters);
}

/* A digit, a sign and a letter that is spelled take as long as a word. */
static void what_is_read_letter_by_letter_is_cut_sooner(void **state) {
  static const struct {
    char unit[8];
    size_t longest;
  } cases[] = {{"9", 60}, {"xqz", 60}, {"$9.9 ", 110}, {"w ", 100}, {"steady", 300}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[3901];
    size_t unit = strlen(cases[i].unit), bytes = 0;
    for (size_t at = 0; at < 3900; at++) text[at] = cases[i].unit[at % unit];
    text[3900] = 0;
    cal_span rest = cal_span_of(text), sentence;
    while (cal_voice_next_sentence(&rest, &sentence)) {
      assert_in_range(sentence.bytes, 1, cases[i].longest);
      bytes += sentence.bytes;
    }
    assert_in_range(bytes, 3800, 3900); /* all but blanks between two */
  }
  cal_span rest = cal_span_of(
               "Order 4711, of 24.99 euros and 15 pieces, comes on the 3rd of May at 10:30, as you asked."),
           one;
  size_t all = rest.bytes;
  assert_true(cal_voice_next_sentence(&rest, &one));
  assert_int_equal(one.bytes, all);
}

static void *speak_often(void *context) {
  for (int i = 0; i < 8; i++) {
    cal_clip *clip = NULL;
    cal_voice_options options = {.voice = i % 2 ? "kal" : "slt", .speed = i % 4 ? 1.5 : 0};
    if (!cal_voice_say(&clip, "Many voices at once, 42 of them.", &options) && clip->words == 7)
      ++*(int *)context;
    cal_unref(clip);
  }
  return NULL;
}

static void threads_speak_at_the_same_time(void **state) {
  pthread_t threads[4];
  int good[4] = {0};
  for (int i = 0; i < 4; i++) assert_int_equal(0, pthread_create(&threads[i], NULL, speak_often, &good[i]));
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < 4; i++) assert_int_equal(8, good[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_rise_and_end_within_the_clip),
      cmocka_unit_test(a_number_is_heard_as_a_whole),
      cmocka_unit_test(kal_repeats_to_the_bit_and_speed_changes_the_length),
      cmocka_unit_test(the_level_suits_a_telephone),
      cmocka_unit_test(speech_begins_at_once),
      cmocka_unit_test(nothing_to_say_is_refused),
      cmocka_unit_test(text_is_cut_into_sentences),
      cmocka_unit_test(an_endless_sentence_is_cut_without_losing_a_byte),
      cmocka_unit_test(what_is_read_letter_by_letter_is_cut_sooner),
      cmocka_unit_test(threads_speak_at_the_same_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
