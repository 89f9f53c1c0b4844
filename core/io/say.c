#include "io/say.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "speech/spoken.h"

#define HEARD_BYTES 16384 /* of what is said of one piece of speech */

/* A job keeps its party alive until it has been answered, which happens exactly once. */
typedef struct saying {
  cal_party *party;
  uint32_t utterance;
  cal_say_voices voices; /* none of them: NULL */
  int place;             /* of the one that says it */
  char *text;            /* NULL: nobody else says it */
  const char *rest;      /* of the text: no clip had these words yet */
} saying;

static void declare(cal_party *party, uint32_t utterance, uint32_t flags) {
  cal_command command = {.kind = CAL_COMMAND_LEG_UTTERANCE, .utterance = utterance, .flags = flags};
  cal_party_command(party, &command);
}

static void audio(cal_party *party, uint32_t utterance, cal_clip *clip, int is_last, int code) {
  cal_command command = {.kind = CAL_COMMAND_LEG_AUDIO,
                         .utterance = utterance,
                         .clip = clip,
                         .flags = is_last ? CAL_COMMAND_LAST : 0,
                         .code = code};
  cal_party_command(party, &command);
}

static int say_otherwise(saying *s);

static const char *past_blanks(const char *at) { return at + strspn(at, " \t\r\n"); }

/* The words of a clip are the next ones of the text. */
static void note_words(saying *s, const cal_clip *clip) {
  if (!s->text || !clip || !clip->text_bytes) return;
  const char *at = past_blanks(s->rest);
  if (!strncmp(at, clip->text, clip->text_bytes)) s->rest = at + clip->text_bytes;
}

static void on_clip(void *context, cal_clip *clip, int is_last, int code) {
  saying *s = context;
  const char *call = cal_party_about(s->party)->name;
  int has_failed = code && code != -ECANCELED;
  if (has_failed && s->text && !*past_blanks(s->rest)) code = has_failed = 0; /* all of it was said */
  if (has_failed && s->text && say_otherwise(s)) return;
  note_words(s, clip);
  if (has_failed) cal_log(CAL_LOG_ERROR, "speech", call, "not spoken: %s", cal_error_text());
  audio(s->party, s->utterance, clip, is_last, code);
  if (!is_last) return;
  cal_unref(s->party);
  cal_free(s->text);
  cal_free(s);
}

/* All parties of a call ask as one. */
static uint64_t asker_of(const cal_party *party) { return cal_party_about(party)->handle; }

static void begin_for(uint64_t who, saying *s, cal_talk_voice voice, const char *text, const char *name) {
  cal_saying what = {.who = who,
                     .utterance = s->utterance,
                     .text = text,
                     .voice = name,
                     .rate_hz = cal_party_rate_hz(s->party)};
  int code = voice.ops->say(voice.self, &what, on_clip, s);
  if (code < 0) on_clip(s, NULL, 1, code);
}

static void begin(saying *s, cal_talk_voice voice, const char *text, const char *name) {
  begin_for(asker_of(s->party), s, voice, text, name);
}

/* 1: the next voice says the rest. It may fail at once, and free the saying. */
static int say_otherwise(saying *s) {
  cal_talk_voice voice;
  char reason[256];
  snprintf(reason, sizeof reason, "%s", cal_error_text());
  int is_first, place = s->voices.next(s->voices.self, s->place, &voice, &is_first);
  if (place < 0) return 0;
  cal_log(CAL_LOG_WARN, "speech", cal_party_about(s->party)->name, "%s; another voice says it", reason);
  s->place = place;
  char *rest = cal_strdup(past_blanks(s->rest));
  begin(s, voice, rest, NULL);
  cal_free(rest);
  return 1;
}

static saying *saying_new(cal_party *party, uint32_t utterance) {
  saying *s = cal_alloc(sizeof *s);
  s->party = cal_ref(party);
  s->utterance = utterance;
  return s;
}

void cal_say_text(cal_talk_voice voice, cal_party *party, uint32_t utterance, const char *text,
                  const char *name, uint32_t flags) {
  declare(party, utterance, flags);
  begin(saying_new(party, utterance), voice, text, name);
}

void cal_say_last_words(cal_talk_voice voice, cal_party *party, uint32_t utterance, const char *text,
                        const char *name) {
  declare(party, utterance, 0);
  begin_for(0, saying_new(party, utterance), voice, text, name);
}

void cal_say_by_leg(cal_party *party, uint32_t utterance, const char *text, const char *name,
                    uint32_t flags) {
  declare(party, utterance, flags);
  cal_command command = {
      .kind = CAL_COMMAND_LEG_SAY, .utterance = utterance, .saying = {cal_strdup(text), cal_strdup(name)}};
  cal_party_command(party, &command);
}

void cal_say_declared(const cal_say_voices *voices, cal_party *party, uint32_t utterance, const char *text,
                      const char *name) {
  saying *s = saying_new(party, utterance);
  cal_talk_voice voice;
  int is_first;
  s->voices = *voices;
  s->rest = s->text = cal_strdup(text);
  s->place = voices->next(voices->self, -1, &voice, &is_first);
  begin(s, voice, text, is_first ? name : NULL);
}

void cal_say_file(cal_talk_voice voice, cal_party *party, uint32_t utterance, const char *path,
                  const char *announced, uint32_t flags) {
  declare(party, utterance, flags);
  if (announced) audio(party, utterance, cal_spoken_say(announced, cal_party_rate_hz(party)), 0, 0);
  saying *s = saying_new(party, utterance);
  int code = voice.ops->play(voice.self, asker_of(party), path, cal_party_rate_hz(party), on_clip, s);
  if (code < 0) on_clip(s, NULL, 1, code);
}

void cal_say_clip(cal_party *party, uint32_t utterance, cal_clip *clip, uint32_t flags) {
  declare(party, utterance, flags);
  audio(party, utterance, clip, 1, 0);
}

typedef struct background {
  cal_party *party;
  int32_t number, gain_q12;
} background;

static void post_background(const background *b, uint32_t flags, cal_clip *clip) {
  cal_command command = {.kind = CAL_COMMAND_LEG_BACKGROUND,
                         .code = b->number,
                         .flags = flags,
                         .background = {.clip = clip, .gain_q12 = b->gain_q12}};
  cal_party_command(b->party, &command);
}

static void on_background(void *context, cal_clip *clip, int is_last, int code) {
  background *b = context;
  if (code && code != -ECANCELED)
    cal_log(CAL_LOG_ERROR, "speech", cal_party_about(b->party)->name, "no background: %s", cal_error_text());
  if (clip) post_background(b, CAL_COMMAND_ON, clip);
  if (!is_last) return;
  cal_unref(b->party);
  cal_free(b);
}

void cal_say_background(cal_talk_voice voice, cal_party *party, int32_t number, const char *path,
                        int32_t gain_q12) {
  background *b = cal_alloc(sizeof *b);
  *b = (background){.party = cal_ref(party), .number = number, .gain_q12 = gain_q12};
  post_background(b, path ? CAL_COMMAND_ON : 0, NULL);
  int code =
      path ? voice.ops->play(voice.self, asker_of(party), path, cal_party_rate_hz(party), on_background, b)
           : 0;
  if (code < 0 || !path) on_background(b, NULL, 1, code);
}

static void on_prepared(void *context, cal_clip *clip, int is_last, int code) { cal_unref(clip); }

void cal_say_prepare(cal_talk_voice voice, const char *text, const char *name) {
  cal_saying what = {.text = text, .voice = name, .rate_hz = 8000};
  voice.ops->say(voice.self, &what, on_prepared, NULL);
}

typedef struct hearing {
  cal_party *party;
  int64_t speech_ms;
} hearing;

static void on_heard(void *context, const cal_heard *heard, int code) {
  hearing *h = context;
  cal_buf packed;
  cal_buf_init(&packed, HEARD_BYTES);
  cal_value_open(&packed, CAL_VALUE_TABLE);
  cal_value_put_number(&packed, "ms", (double)h->speech_ms);
  cal_value_put_text(&packed, "text", heard ? heard->match.text : "");
  if (heard) {
    if (heard->match.id[0]) cal_value_put_text(&packed, "choice", heard->match.id);
    if (heard->match.digits[0]) cal_value_put_text(&packed, "digits", heard->match.digits);
    if (heard->match.number[0]) cal_value_put_text(&packed, "number", heard->match.number);
    cal_value_put_flag(&packed, "rejected", heard->match.is_rejected);
    cal_value_put_number(&packed, "decode_ms", heard->decode_ms);
  } else {
    cal_value_put_text(&packed, "error", cal_error_name(code));
  }
  cal_value_close(&packed);
  cal_event event = {.kind = CAL_EVENT_HEARD, .code = code, .value = cal_value_take(&packed)};
  cal_party_event(h->party, &event);
  cal_unref(h->party);
  cal_free(h);
}

void cal_hear_clip(cal_talk_ear ear, cal_party *party, cal_clip *clip, cal_grammar *grammar,
                   int64_t speech_ms) {
  hearing *h = cal_alloc(sizeof *h);
  h->party = cal_ref(party);
  h->speech_ms = speech_ms;
  int code = ear.ops->hear(ear.self, clip, grammar, on_heard, h);
  if (code < 0) on_heard(h, NULL, code);
  cal_unref(clip);
}
