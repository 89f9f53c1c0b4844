#include "talk/mouth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "wire/wire.h"

#define PIECES_A_SECOND 10 /* of sound, each a clip: words are known to be heard when their clip was */
#define MARGIN_PERCENT 115 /* no sentence is spoken so much slower than the slowest one of before */
#define TAIL_MS 10         /* of silence, which carries the last words of an utterance */
#define REASON_BYTES 384

void cal_mouth_init(cal_mouth *q, const char *name, uint32_t rate_hz) {
  *q = (cal_mouth){.name = name, .rate_hz = rate_hz, .from_hz = rate_hz, .pace_percent = 100};
  cal_list_init(&q->list);
}

void cal_mouth_free(cal_mouth *q) {
  while (cal_mouth_first(q)) cal_mouth_drop(q, cal_mouth_first(q));
  q->resampler = cal_resampler_free(q->resampler);
}

static int check(const cal_mouth *q, const cal_saying *saying) {
  if (saying->rate_hz != q->rate_hz)
    return cal_fail(-EINVAL, "%s speaks for a leg of %u Hz", q->name, q->rate_hz);
  if (strlen(saying->text) > CAL_WIRE_SAY_BYTES)
    return cal_fail(-EMSGSIZE, "%s says at most %d bytes at a time", q->name, CAL_WIRE_SAY_BYTES);
  if (q->count == CAL_MOUTH_TEXTS)
    return cal_fail(-ENOBUFS, "%s has %d utterances to say already", q->name, CAL_MOUTH_TEXTS);
  return 0;
}

int cal_mouth_add(cal_asked **result, cal_mouth *q, const cal_saying *saying, cal_on_clip on_clip,
                  void *context) {
  int code = check(q, saying);
  if (code < 0) return code;
  cal_asked *s = cal_alloc(sizeof *s);
  *s = (cal_asked){.utterance = saying->utterance,
                   .text = cal_strdup(saying->text),
                   .voice = cal_strdup(saying->voice),
                   .on_clip = on_clip,
                   .context = context};
  cal_list_append(&q->list, &s->node);
  q->count++;
  *result = s;
  return 0;
}

cal_asked *cal_mouth_first(const cal_mouth *q) {
  return cal_list_is_empty(&q->list) ? NULL : cal_list_entry(q->list.next, cal_asked, node);
}

cal_asked *cal_mouth_find(const cal_mouth *q, uint32_t utterance) {
  cal_list_each(&q->list, node) {
    cal_asked *s = cal_list_entry(node, cal_asked, node);
    if (s->utterance == utterance) return s;
  }
  return NULL;
}

void cal_mouth_drop(cal_mouth *q, cal_asked *s) {
  cal_list_remove(&s->node);
  q->count--;
  cal_free(s->text);
  cal_free(s->voice);
  cal_free(s);
}

int cal_mouth_owes(const cal_mouth *q) {
  cal_list_each(&q->list, node) {
    if (cal_list_entry(node, cal_asked, node)->on_clip) return 1;
  }
  return 0;
}

void cal_mouth_begin(cal_mouth *q, cal_asked *s) {
  s->is_sent = 1;
  s->pace = cal_pace_of(s->text, q->pace_percent);
}

/* ---- sound */

static int be_from(cal_mouth *q, uint32_t from_hz) {
  if (from_hz == q->from_hz) return 0;
  q->resampler = cal_resampler_free(q->resampler);
  q->from_hz = q->rate_hz;
  int code = from_hz == q->rate_hz ? 0 : cal_resampler_new(&q->resampler, from_hz, q->rate_hz);
  if (!code) q->from_hz = from_hz;
  return code;
}

static cal_clip *clip_of(cal_mouth *q, cal_asked *s, const int16_t *samples, size_t count) {
  size_t room = q->resampler ? cal_resampler_room(q->resampler, count) : count;
  int16_t *sound = cal_alloc(room * sizeof *sound);
  int made = (int)count;
  if (q->resampler)
    made = cal_resampler_run(q->resampler, samples, count, sound, room);
  else
    memcpy(sound, samples, count * sizeof *sound);
  if (made < 0) made = 0;
  s->samples += (uint64_t)made;
  cal_span words = cal_pace_words(&s->pace, s->samples * 1000 / q->rate_hz);
  char *text = cal_strndup(words.at, words.bytes);
  cal_clip *clip = cal_clip_of(q->rate_hz, sound, (uint32_t)made, text);
  cal_free(text);
  cal_free(sound);
  return clip;
}

static int is_endless(const cal_mouth *q, const cal_asked *s) {
  return s->samples > (uint64_t)CAL_MOUTH_SOUND_S * q->rate_hz;
}

void cal_mouth_sound(cal_mouth *q, cal_asked *s, uint32_t from_hz, const int16_t *samples, size_t count) {
  size_t whole = from_hz / PIECES_A_SECOND;
  int code = be_from(q, from_hz);
  if (code < 0) cal_asked_end(s, code);
  while (count && s->on_clip && !is_endless(q, s)) {
    size_t piece = count < whole ? count : whole;
    s->on_clip(s->context, clip_of(q, s, samples, piece), 0, 0);
    samples += piece;
    count -= piece;
  }
  if (s->on_clip && is_endless(q, s))
    cal_asked_end(s, cal_fail(-EMSGSIZE, "%s does not end an utterance", q->name));
}

/* ---- the end */

void cal_asked_end(cal_asked *s, int code) {
  cal_on_clip on_clip = s->on_clip;
  s->on_clip = NULL;
  if (on_clip) on_clip(s->context, NULL, 1, code);
}

/* How fast it speaks is known better with each utterance. */
static void learn_pace(cal_mouth *q, const cal_asked *s) {
  uint64_t took_ms = s->samples * 1000 / q->rate_hz;
  uint64_t percent = s->pace.ms ? took_ms * 100 / s->pace.ms : 0;
  if (percent > q->slowest_percent) q->slowest_percent = percent < 100 ? (uint32_t)percent : 100;
  if (!q->slowest_percent) return;
  q->pace_percent = q->slowest_percent * MARGIN_PERCENT / 100;
  if (q->pace_percent > 100) q->pace_percent = 100;
}

/* The words that the clock did not grant yet were said all the same. */
void cal_mouth_complete(cal_mouth *q, cal_asked *s) {
  if (q->resampler) cal_resampler_reset(q->resampler);
  if (!s->on_clip) return;
  if (!s->samples) {
    cal_asked_end(s, cal_fail(-ENODATA, "%s sent no sound", q->name));
    return;
  }
  cal_span rest = cal_pace_words(&s->pace, UINT64_MAX);
  learn_pace(q, s);
  char *text = cal_strndup(rest.at, rest.bytes);
  cal_clip *tail = cal_clip_new(q->rate_hz, q->rate_hz * TAIL_MS / 1000, text, 0);
  cal_on_clip on_clip = s->on_clip;
  cal_free(text);
  s->on_clip = NULL;
  on_clip(s->context, tail, 1, 0);
}

void cal_mouth_end_all(cal_mouth *q, int code, const char *text) {
  char reason[REASON_BYTES];
  snprintf(reason, sizeof reason, "%s: %s", q->name, text);
  for (cal_asked *s; (s = cal_mouth_first(q));) {
    cal_fail(code, "%s", reason);
    cal_asked_end(s, code);
    cal_mouth_drop(q, s);
  }
}
