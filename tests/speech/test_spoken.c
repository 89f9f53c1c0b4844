#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/codec.h"
#include "audio/dtmf.h"
#include "audio/endpoint.h"
#include "audio/energy.h"
#include "audio/resample.h"
#include "audio/tone.h"
#include "audio/vad.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "speech/speech.h"
#include "speech/spoken.h"

static const char sentence[] =
    "Hello Asha, this is Blue Shop about your order 4711: shall we bring it tomorrow?";

/* ---- what happens to sound on its way. All take a clip and return owned. */

static cal_clip *over(cal_clip *clip, cal_encoding codec) {
  uint8_t *wire = cal_alloc(clip->samples + 1);
  cal_clip *out = cal_clip_new(clip->rate_hz, clip->samples, NULL, 0);
  cal_encode(codec, clip->data, clip->samples, wire);
  cal_decode(codec, wire, clip->samples, out->data);
  cal_free(wire);
  cal_unref(clip);
  return out;
}

/* In frames that fit nothing. */
static cal_clip *resampled(cal_clip *clip, uint32_t rate_hz) {
  cal_resampler *resampler;
  assert_int_equal(cal_resampler_new(&resampler, clip->rate_hz, rate_hz), 0);
  uint32_t room = (uint32_t)((uint64_t)clip->samples * rate_hz / clip->rate_hz) + 1000, made = 0;
  cal_clip *out = cal_clip_new(rate_hz, room, NULL, 0);
  for (uint32_t at = 0, piece; at < clip->samples; at += piece) {
    piece = clip->samples - at < 137 ? clip->samples - at : 137;
    made += (uint32_t)cal_resampler_run(resampler, clip->data + at, piece, out->data + made, room - made);
  }
  cal_resampler_free(resampler);
  cal_unref(clip);
  return out;
}

static cal_clip *part(cal_clip *clip, uint32_t from, uint32_t to) {
  cal_clip *out = cal_clip_of(clip->rate_hz, clip->data + from, to - from, NULL);
  cal_unref(clip);
  return out;
}

static cal_clip *padded(cal_clip *clip, uint32_t before, uint32_t after) {
  cal_clip *out = cal_clip_new(clip->rate_hz, before + clip->samples + after, NULL, 0);
  memcpy(out->data + before, clip->data, clip->samples * sizeof(int16_t));
  cal_unref(clip);
  return out;
}

static uint32_t seed = 1;
static double chance(void) {
  seed = seed * 1664525u + 1013904223u;
  return seed / 4294967296.0;
}

static cal_clip *with_noise(cal_clip *clip, double rms) {
  cal_clip *out = cal_clip_of(clip->rate_hz, clip->data, clip->samples, NULL);
  for (uint32_t i = 0; i < out->samples; i++) {
    double sum = 0; /* twelve chances have a variance of one */
    for (int k = 0; k < 12; k++) sum += chance() - 0.5;
    out->data[i] = (int16_t)lrint(fmax(-32768, fmin(32767, out->data[i] + rms * sum)));
  }
  cal_unref(clip);
  return out;
}

/* ---- voice and ear */

static void reads_as(cal_clip *clip, const char *expected) { /* takes */
  char *text = cal_spoken_read(clip);
  assert_string_equal(text, expected);
  cal_free(text);
  cal_unref(clip);
}

static void what_was_said_is_heard_as_it_was_written(void **state) {
  static const uint32_t rates[] = {8000, 11025, 16000, 22050, 24000, 44100, 48000};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
    reads_as(cal_spoken_say(sentence, rates[i]), sentence);
  reads_as(cal_spoken_say("  a \t b\n\nc ", 8000), "a b c");
  reads_as(cal_spoken_say("don't DON'T Don't, \"don't\" - !", 8000), "don't DON'T Don't, \"don't\" - !");
  reads_as(cal_spoken_say("नमस्ते, Grüße ₹1,200", 8000), "नमस्ते, Grüße ₹1,200");
}

static void nothing_and_too_much_are_refused(void **state) {
  assert_null(cal_spoken_say("", 8000));
  assert_null(cal_spoken_say(" \n", 8000));
  assert_null(cal_spoken_say(NULL, 8000));
  char *text = cal_alloc(400001);
  for (int i = 0; i < 400000; i++) text[i] = i % 2 ? ' ' : 'a';
  assert_null(cal_spoken_say(text, 8000));
  assert_non_null(strstr(cal_error_text(), "too long"));
  cal_free(text);
}

static void many_words_have_numbers_of_their_own(void **state) {
  for (int i = 0; i < 20000; i++) {
    char text[64];
    snprintf(text, sizeof text, "order-%d x%d", i, i * 7919);
    reads_as(cal_spoken_say(text, 8000), text);
  }
}

static void a_word_takes_60_ms_a_character_and_a_blank_60_more(void **state) {
  cal_clip *clip = cal_spoken_say("confirmation is", 8000);
  assert_int_equal(clip->words, 2);
  assert_int_equal(clip->word[0].end_sample, 12 * 60 * 8);
  assert_int_equal(clip->word[0].text_bytes, 12);
  assert_int_equal(clip->word[1].end_sample, (13 * 60 + 200) * 8); /* "is" has the length of a pattern */
  assert_int_equal(clip->word[1].text_bytes, 15);
  assert_int_equal(clip->samples, (14 * 60 + 200) * 8);
  assert_string_equal(clip->text, "confirmation is");
  cal_unref(clip);
}

static void any_path_a_call_takes_leaves_it_whole(void **state) {
  static const uint32_t there[] = {8000, 16000, 24000};
  for (int codec = 0; codec < 2; codec++)
    for (int from = 0; from < 3; from++)
      for (int to = 0; to < 3; to++) {
        cal_clip *clip = resampled(cal_spoken_say(sentence, there[from]), 8000);
        clip = over(clip, codec ? CAL_PCMA : CAL_PCMU);
        clip = resampled(clip, there[to]);
        clip = resampled(over(resampled(clip, 8000), codec ? CAL_PCMU : CAL_PCMA), there[to]);
        reads_as(padded(clip, 0, 100), sentence);
      }
}

static void it_may_begin_at_any_sample(void **state) {
  for (uint32_t before = 0; before < 170; before++)
    reads_as(over(padded(cal_spoken_say("yes, I will", 8000), before, 0), CAL_PCMU), "yes, I will");
}

static void note_word(void *context, const char *word, uint64_t begin_ms, uint64_t end_ms) {
  cal_buf_text(context, word);
  cal_buf_text(context, " ");
}

static void frames_may_be_cut_anywhere(void **state) {
  cal_clip *clip = cal_spoken_say("frames may be cut", 16000);
  for (uint32_t piece = 1; piece < 700; piece += 43) {
    cal_buf text;
    cal_buf_init(&text, 1000);
    cal_spoken_ear *ear = cal_spoken_ear_new(16000, note_word, &text);
    for (uint32_t at = 0; at < clip->samples; at += piece)
      cal_spoken_ear_put(ear, clip->data + at, clip->samples - at < piece ? clip->samples - at : piece);
    assert_string_equal(text.data, "frames may be cut ");
    cal_spoken_ear_free(ear);
    cal_buf_free(&text);
  }
  cal_unref(clip);
}

static void background_sound_does_not_hurt(void **state) {
  for (int i = 0; i < 20; i++) {
    reads_as(over(with_noise(cal_spoken_say(sentence, 8000), 1036), CAL_PCMU), sentence); /* -30 dBFS */
    reads_as(resampled(with_noise(cal_spoken_say(sentence, 16000), 1036), 8000), sentence);
  }
}

static void a_fainter_or_louder_voice_is_heard(void **state) {
  for (int quarter = 1; quarter <= 8; quarter++) {
    cal_clip *clip = cal_spoken_say(sentence, 8000);
    for (uint32_t i = 0; i < clip->samples; i++) {
      int value = clip->data[i] * quarter / 4;
      clip->data[i] = (int16_t)(value > 32767 ? 32767 : value < -32768 ? -32768 : value);
    }
    reads_as(over(clip, CAL_PCMU), sentence);
  }
}

/* Cut at every 5 ms: what is heard is a beginning of the text, and no less than the clip's own timings say.
 */
static void a_word_cut_off_is_not_heard(void **state) {
  static const char text[] = "Good morning to you";
  cal_clip *clip = cal_spoken_say(text, 8000);
  for (uint32_t end = 0; end <= clip->samples; end += 40) {
    cal_clip *heard = over(padded(part(cal_ref(clip), 0, end), 0, 400), CAL_PCMU);
    char *words = cal_spoken_read(heard);
    assert_int_equal(strncmp(text, words, strlen(words)), 0);
    assert_true(strlen(words) >= cal_clip_heard_bytes(clip, end));
    assert_true(end + 80 > clip->samples ||
                strlen(words) <= cal_clip_heard_bytes(clip, end + 80)); /* 10 ms */
    cal_free(words);
    cal_unref(heard);
  }
  cal_unref(clip);
}

static void without_its_beginning_the_rest_is_heard(void **state) {
  static const char text[] = "Good morning to you";
  for (uint32_t from = 0; from < 8000; from += 40) {
    cal_clip *clip = cal_spoken_say(text, 8000);
    cal_clip *rest = part(cal_ref(clip), from, clip->samples);
    char *words = cal_spoken_read(rest);
    size_t bytes = strlen(words);
    assert_true(bytes >= strlen("you"));
    assert_string_equal(text + strlen(text) - bytes, words);
    cal_free(words);
    cal_unref(rest);
    cal_unref(clip);
  }
}

/* Frames lost, doubled and swapped: words may be missing, but none that was not said is ever heard. */
static void a_broken_pattern_is_no_other_word(void **state) {
  static const char *const texts[] = {"one two three four five six seven", "alpha beta gamma delta epsilon"};
  for (int round = 0; round < 3000; round++) {
    cal_clip *clip = cal_spoken_say(texts[round % 2], 8000);
    cal_clip *broken = cal_clip_new(8000, clip->samples, NULL, 0);
    uint32_t shift = (uint32_t)(chance() * 160);
    for (uint32_t at = 0; at + 160 <= clip->samples; at += 160) {
      double luck = chance();
      uint32_t from = luck < 0.1 ? (uint32_t)(chance() * (clip->samples - 160)) : at;
      if (luck > 0.1 && luck < 0.2) continue;
      memcpy(broken->data + at, clip->data + (from + shift + 160 <= clip->samples ? from + shift : from),
             320);
    }
    char *words = cal_spoken_read(broken), *rest = words;
    for (char *word; (word = strsep(&rest, " ")) && *word;) assert_non_null(strstr(texts[round % 2], word));
    cal_free(words);
    cal_unref(broken);
    cal_unref(clip);
  }
}

static void other_sounds_have_no_words(void **state) {
  static const char *const tones[] = {"ringback", "busy", "congestion", "dial", "beep", "prompt"};
  for (size_t i = 0; i < sizeof tones / sizeof *tones; i++) {
    cal_clip *clip;
    assert_int_equal(cal_tone_clip(&clip, tones[i], 8000), 0);
    reads_as(clip, "");
  }
  cal_clip *keys;
  assert_int_equal(cal_dtmf_clip(&keys, "0123456789*#ABCD", 0, 0, 8000), 0);
  reads_as(keys, "");
  for (int level = 10; level < 20000; level *= 3)
    reads_as(with_noise(cal_clip_new(8000, 80000, NULL, 0), level), "");
  cal_clip *voice;
  assert_int_equal(
      cal_voice_say(&voice, "Six thick thistle sticks, and she sells sea shells on the shore.", NULL), 0);
  reads_as(voice, "");
}

typedef struct times {
  uint32_t count;
  uint64_t begin_ms[8], end_ms[8];
} times;

static void note_times(void *context, const char *word, uint64_t begin_ms, uint64_t end_ms) {
  times *t = context;
  assert_true(t->count < 8);
  t->begin_ms[t->count] = begin_ms;
  t->end_ms[t->count++] = end_ms;
}

static void the_times_of_words_are_known(void **state) {
  cal_clip *clip = over(padded(cal_spoken_say("Good morning to you", 8000), 4000, 0), CAL_PCMU);
  static const int begin[] = {500, 800, 1280, 1540}, end[] = {740, 1220, 1480, 1740};
  times t = {0};
  cal_spoken_ear *ear = cal_spoken_ear_new(8000, note_times, &t);
  assert_false(cal_spoken_ear_is_loud(ear));
  cal_spoken_ear_put(ear, clip->data, 3900);
  assert_false(cal_spoken_ear_is_loud(ear));
  cal_spoken_ear_put(ear, clip->data + 3900, 1000);
  assert_true(cal_spoken_ear_is_loud(ear));
  cal_spoken_ear_put(ear, clip->data + 4900, clip->samples - 4900);
  assert_false(cal_spoken_ear_is_loud(ear));
  assert_int_equal(t.count, 4);
  for (int i = 0; i < 4; i++) {
    assert_true(llabs((long long)t.begin_ms[i] - begin[i]) <= 10);
    assert_true(llabs((long long)t.end_ms[i] - end[i]) <= 10);
  }
  assert_null(cal_spoken_ear_free(ear));
  cal_unref(clip);
}

/* ---- the engine's own detectors */

typedef struct ends {
  uint32_t started, stopped;
  uint64_t began_at, ended_at;
  cal_clip *clip;
} ends;

static void on_end(void *context, const cal_endpoint_event *event) {
  ends *e = context;
  if (event->kind == CAL_SPEECH_STARTED && !e->started++) e->began_at = event->at_sample;
  if (event->kind != CAL_SPEECH_STOPPED) return;
  e->stopped++;
  e->ended_at = event->at_sample;
  cal_unref(e->clip);
  e->clip = event->clip;
}

static void it_is_one_utterance(cal_vad_engine engine, uint32_t rate_hz, const char *text, double noise,
                                int denoise, uint32_t quiet_ms) {
  uint32_t quiet = quiet_ms * rate_hz / 1000;
  ends e = {0};
  cal_endpoint *endpoint;
  cal_endpoint_options options = {
      .vad = {.rate_hz = rate_hz, .engine = engine, .denoise = denoise}, .on_event = on_end, .context = &e};
  assert_int_equal(cal_endpoint_new(&endpoint, &options), 0);
  cal_clip *said = cal_spoken_say(text, rate_hz);
  uint32_t last = said->word[said->words - 1].end_sample;
  cal_clip *clip = over(with_noise(padded(said, quiet, rate_hz), noise), CAL_PCMU);
  cal_endpoint_push(endpoint, clip->data, clip->samples);
  assert_int_equal(e.started, 1);
  assert_int_equal(e.stopped, 1);
  assert_true(e.began_at <= quiet + rate_hz / 25);
  assert_true(e.ended_at + rate_hz / 10 >= quiet + last && e.ended_at <= quiet + last + rate_hz / 4);
  char *words = cal_spoken_read(e.clip);
  assert_string_equal(words, text);
  cal_free(words);
  cal_unref(e.clip);
  cal_unref(clip);
  cal_endpoint_free(endpoint);
}

static void it_counts_as_speech(void **state) {
  static const char *const texts[] = {"yes",
                                      "I",
                                      "no",
                                      "a b c d e f g h i j k l m n o p q r s t u v w x y z",
                                      sentence,
                                      "https://example.com/a/very/long/address/that/nobody/would/ever/read/"
                                      "to/anybody/on/the/telephone?really=1"};
  for (int engine = 0; engine < 3; engine++) {
    cal_vad *vad;
    if (cal_vad_new(&vad, &(cal_vad_options){.rate_hz = 8000, .engine = (cal_vad_engine)engine}) < 0)
      continue;
    cal_vad_free(vad);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
      for (uint32_t rate_hz = 8000; rate_hz <= 16000; rate_hz += 8000)
        for (uint32_t quiet_ms = 0; quiet_ms <= 4000; quiet_ms += 1333) {
          it_is_one_utterance((cal_vad_engine)engine, rate_hz, texts[i], 0, 0, quiet_ms);
          it_is_one_utterance((cal_vad_engine)engine, rate_hz, texts[i], 30, 0, quiet_ms);
          if (i == 5) continue; /* a hum of six seconds is noise to the suppressor */
          it_is_one_utterance((cal_vad_engine)engine, rate_hz, texts[i], 30, 1, quiet_ms);
          it_is_one_utterance((cal_vad_engine)engine, rate_hz, texts[i], 30, 3, quiet_ms);
        }
  }
}

static void on_press(void *context, char key, uint64_t at_sample) { ++*(int *)context; }

static void it_is_never_a_key(void **state) {
  static const uint32_t rates[] = {8000, 16000, 24000};
  for (size_t r = 0; r < 3; r++) {
    int presses = 0;
    cal_dtmf *dtmf;
    assert_int_equal(cal_dtmf_new(&dtmf, rates[r], on_press, &presses), 0);
    for (int i = 0; i < 4000; i++) {
      char text[32];
      snprintf(text, sizeof text, "key-%d %d", i, i * 31);
      cal_clip *clip = over(padded(cal_spoken_say(text, rates[r]), (uint32_t)i % 97, 0), CAL_PCMU);
      cal_dtmf_push(dtmf, clip->data, clip->samples);
      cal_unref(clip);
    }
    assert_int_equal(presses, 0);
    cal_dtmf_free(dtmf);
  }
}

static void *talk(void *context) {
  for (int i = 0; i < 500; i++) {
    char text[48];
    snprintf(text, sizeof text, "thread word-%d %d", i % 50, i % 2 ? *(int *)context : i);
    cal_clip *clip = cal_spoken_say(text, i % 2 ? 8000 : 16000);
    char *words = cal_spoken_read(clip);
    if (strcmp(words, text)) abort();
    cal_free(words);
    cal_unref(clip);
  }
  return NULL;
}

static void threads_share_the_words(void **state) {
  pthread_t threads[4];
  int names[4] = {1, 2, 3, 4};
  for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, talk, &names[i]), 0);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}

/* ---- the speech plane with it */

typedef struct answer {
  int clips, lasts, code;
  char text[600];
  cal_heard heard;
} answer;

static void on_clip(void *context, cal_clip *clip, int is_last, int code) {
  answer *a = context;
  if (clip) {
    a->clips++;
    char *words = cal_spoken_read(clip);
    snprintf(a->text + strlen(a->text), sizeof a->text - strlen(a->text), "%s|", words);
    cal_free(words);
  }
  a->lasts += is_last;
  a->code = code;
  cal_unref(clip);
}

static void on_heard(void *context, const cal_heard *heard, int code) {
  answer *a = context;
  if (heard) a->heard = *heard;
  a->code = code;
  a->lasts++;
}

static int open_plane(void **state) {
  cal_speech_options options = cal_speech_defaults();
  options.threads = 0;
  options.is_spoken = 1;
  return cal_speech_new((cal_speech **)state, &options);
}

static int close_plane(void **state) {
  *state = cal_speech_free(*state);
  return 0;
}

static void a_text_is_said_sentence_by_sentence(void **state) {
  answer a = {0};
  for (int i = 0; i < 2; i++) /* the second time from the cache */
    assert_int_equal(cal_speech_say(*state, NULL, 0, "Hello Asha. Is it you?", NULL, on_clip, &a), 0);
  assert_int_equal(a.clips, 4);
  assert_int_equal(a.lasts, 2);
  assert_string_equal(a.text, "Hello Asha.|Is it you?|Hello Asha.|Is it you?|");
  assert_int_equal(cal_speech_say(*state, NULL, 0, "?!", NULL, on_clip, &a), -EINVAL);
  cal_voice_options voice = {.voice = "nobody"};
  assert_int_equal(cal_speech_say(*state, NULL, 0, "Hello", &voice, on_clip, &a), -EINVAL);
}

static answer hear(cal_speech *speech, const cal_grammar_options *options, cal_clip *utterance) { /* takes */
  answer a = {0};
  cal_grammar *grammar = NULL;
  const cal_dict *dict;
  if (options) {
    assert_int_equal(cal_speech_dict(speech, &dict), 0);
    assert_int_equal(cal_grammar_new(&grammar, dict, options), 0);
  }
  assert_int_equal(cal_speech_hear(speech, NULL, utterance, grammar, on_heard, &a), 0);
  assert_int_equal(a.lasts, 1);
  assert_int_equal(a.code, 0);
  cal_unref(grammar);
  cal_unref(utterance);
  return a;
}

static void the_answer_that_was_said_is_chosen(void **state) {
  static const char *const support[] = {"technical support", "line 2"};
  static const cal_choice choices[] = {{"yes", NULL, 0}, {"no", NULL, 0}, {"help", support, 2}};
  const cal_grammar_options answers = {.choices = choices, .choice_count = 3},
                            bare = {.choices = choices, .choice_count = 3, .is_bare = 1},
                            with_digits = {
                                .choices = choices, .choice_count = 3, .digits_min = 3, .digits_max = 20};
  static const struct {
    const char *said, *id, *digits;
    int bare; /* the same without carriers */
  } cases[] = {
      {"Yes.", "yes", "", 1},
      {"YES, please!", "yes", "", 1},
      {"Well, I'd like technical-support, thank you.", "help", "", 0},
      {"Technical support", "help", "", 1},
      {"line two", "help", "", 1},
      {"Line 2 - please", "help", "", 0},
      {"four zero seven", "", "407", 0},
      {"407", "", "407", 0},
      {"417.", "", "417", 0},
      {"It's 4 0 7 please", "", "407", 0},
      {"12345678901234567890", "", "12345678901234567890", 0},
      {"123456789012345678901", NULL, "", 0},
      {"four", NULL, "", 0},
      {"yes no", NULL, "", 0},
      {"yesterday", NULL, "", 0},
      {"technical", NULL, "", 0},
      {"I have 407 dogs", NULL, "", 0},
      {"हाँ", NULL, "", 0},
      {"yes हाँ", NULL, "", 0},
      {"...", NULL, "", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    answer a = hear(*state, &with_digits, cal_spoken_say(cases[i].said, 8000));
    assert_int_equal(a.heard.match.is_rejected, !cases[i].id);
    assert_string_equal(a.heard.match.id, cases[i].id ? cases[i].id : "");
    assert_string_equal(a.heard.match.digits, cases[i].digits);
    assert_int_equal(a.heard.match.text[0] != 0, cases[i].id != NULL);
    a = hear(*state, &bare, cal_spoken_say(cases[i].said, 16000));
    assert_int_equal(a.heard.match.is_rejected, !cases[i].bare);
    a = hear(*state, &answers, cal_spoken_say(cases[i].said, 24000));
    assert_int_equal(a.heard.match.is_rejected, !cases[i].id || cases[i].digits[0]);
  }
}

static void silence_and_sounds_without_words_are_no_answer(void **state) {
  static const cal_choice choices[] = {{"yes", NULL, 0}};
  const cal_grammar_options answers = {.choices = choices, .choice_count = 1};
  answer a = hear(*state, &answers, cal_clip_new(8000, 8000, NULL, 0));
  assert_int_equal(a.heard.match.choice, -1);
  assert_false(a.heard.match.is_rejected);
  assert_int_equal(a.heard.audio_ms, 1000);
  a = hear(*state, &answers, with_noise(cal_clip_new(8000, 8000, NULL, 0), 3000));
  assert_false(a.heard.match.is_rejected);
  a = hear(*state, &answers, part(cal_spoken_say("yes", 8000), 0, 1400)); /* cut off */
  assert_int_equal(a.heard.match.choice, -1);
  assert_false(a.heard.match.is_rejected);
}

static void without_a_grammar_it_is_the_text(void **state) {
  answer a = hear(*state, NULL, over(cal_spoken_say(sentence, 8000), CAL_PCMU));
  assert_string_equal(a.heard.match.text, sentence);
  assert_int_equal(a.heard.match.choice, -1);
  assert_false(a.heard.match.is_rejected);
}

static void a_dictionary_is_read_once_a_process(void **state) {
  cal_speech *other;
  const cal_dict *one, *two;
  assert_int_equal(cal_speech_dict(*state, &one), 0);
  assert_int_equal(cal_speech_new(&other, NULL), 0);
  assert_int_equal(cal_speech_dict(other, &two), 0);
  assert_ptr_equal(one, two);
  cal_speech_free(other);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_said_is_heard_as_it_was_written),
      cmocka_unit_test(nothing_and_too_much_are_refused),
      cmocka_unit_test(many_words_have_numbers_of_their_own),
      cmocka_unit_test(a_word_takes_60_ms_a_character_and_a_blank_60_more),
      cmocka_unit_test(any_path_a_call_takes_leaves_it_whole),
      cmocka_unit_test(it_may_begin_at_any_sample),
      cmocka_unit_test(frames_may_be_cut_anywhere),
      cmocka_unit_test(background_sound_does_not_hurt),
      cmocka_unit_test(a_fainter_or_louder_voice_is_heard),
      cmocka_unit_test(a_word_cut_off_is_not_heard),
      cmocka_unit_test(without_its_beginning_the_rest_is_heard),
      cmocka_unit_test(a_broken_pattern_is_no_other_word),
      cmocka_unit_test(other_sounds_have_no_words),
      cmocka_unit_test(the_times_of_words_are_known),
      cmocka_unit_test(it_counts_as_speech),
      cmocka_unit_test(it_is_never_a_key),
      cmocka_unit_test(threads_share_the_words),
      cmocka_unit_test_setup_teardown(a_text_is_said_sentence_by_sentence, open_plane, close_plane),
      cmocka_unit_test_setup_teardown(the_answer_that_was_said_is_chosen, open_plane, close_plane),
      cmocka_unit_test_setup_teardown(silence_and_sounds_without_words_are_no_answer, open_plane,
                                      close_plane),
      cmocka_unit_test_setup_teardown(without_a_grammar_it_is_the_text, open_plane, close_plane),
      cmocka_unit_test_setup_teardown(a_dictionary_is_read_once_a_process, open_plane, close_plane),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
