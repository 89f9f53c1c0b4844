#include "audio/utterance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

enum {
  FIRST_ROOM = 8,
  MAX_CLIPS = 32768, /* ten minutes of 20 ms pieces */
  MAX_TEXT_BYTES = 64 << 10,
  LONGEST_WORD_S = 2, /* what lies further back is not said again */
};

cal_utterance *cal_utterance_new(uint32_t id, uint32_t flags) {
  cal_utterance *utterance = cal_alloc(sizeof *utterance);
  utterance->id = id;
  utterance->flags = flags;
  cal_buf_init(&utterance->text, MAX_TEXT_BYTES);
  return utterance;
}

cal_utterance *cal_utterance_free(cal_utterance *utterance) {
  if (!utterance) return NULL;
  for (uint32_t i = 0; i < utterance->clip_count; i++) cal_unref(utterance->clips[i]);
  cal_free(utterance->clips);
  cal_buf_free(&utterance->text);
  return cal_free(utterance);
}

int cal_utterance_append(cal_utterance *utterance, cal_clip *clip) {
  if (utterance->clip_count == MAX_CLIPS)
    return cal_fail(-ENOBUFS, "an utterance has at most %d clips", MAX_CLIPS);
  if (utterance->clip_count == utterance->clip_room) {
    uint32_t room = utterance->clip_room ? utterance->clip_room * 2 : FIRST_ROOM;
    utterance->clips = cal_resize(utterance->clips, room * sizeof(cal_clip *));
    utterance->clip_room = room;
  }
  utterance->clips[utterance->clip_count++] = clip;
  utterance->total += clip->samples;
  return 0;
}

void cal_utterance_point(cal_utterance *utterance, const char *name) {
  cal_mark_point *point = &utterance->points[utterance->point_count++];
  *point = (cal_mark_point){.offset = utterance->total};
  snprintf(point->name, sizeof point->name, "%s", name);
}

/* A run that goes on where the last one ended, in samples and in time, makes it longer. When there is no room
 * for one more, the last one is moved to the later time: that states too little, never too much. */
static void note_span(cal_utterance *utterance, uint32_t samples, uint64_t earliest) {
  cal_span_sent *last = utterance->span_count ? &utterance->spans[utterance->span_count - 1] : NULL;
  if (last && last->earliest + last->samples == earliest) {
    last->samples += samples;
    return;
  }
  if (utterance->span_count == CAL_UTTERANCE_SPANS) {
    last->earliest = earliest - last->samples;
    last->samples += samples;
    return;
  }
  utterance->spans[utterance->span_count++] = (cal_span_sent){utterance->sent, samples, earliest};
}

void cal_utterance_read(cal_utterance *utterance, int16_t *out, uint32_t samples, uint64_t earliest) {
  note_span(utterance, samples, earliest);
  while (samples > 0) {
    const cal_clip *clip = utterance->clips[utterance->cursor];
    uint32_t at = utterance->sent - utterance->cursor_at, piece = clip->samples - at;
    if (piece > samples) piece = samples;
    memcpy(out, clip->data + at, piece * sizeof *out);
    out += piece;
    samples -= piece;
    utterance->sent += piece;
    if (at + piece < clip->samples) continue;
    utterance->cursor++;
    utterance->cursor_at = utterance->sent;
  }
}

uint32_t cal_utterance_played_by(const cal_utterance *utterance, uint64_t clock) {
  uint32_t played = utterance->base;
  for (uint32_t i = 0; i < utterance->span_count; i++) {
    const cal_span_sent *span = &utterance->spans[i];
    if (clock <= span->earliest) break;
    uint64_t run = clock - span->earliest;
    played = span->offset + (run < span->samples ? (uint32_t)run : span->samples);
  }
  return played;
}

uint64_t cal_utterance_end_clock(const cal_utterance *utterance) {
  if (utterance->span_count == 0) return 0;
  const cal_span_sent *last = &utterance->spans[utterance->span_count - 1];
  return last->earliest + last->samples;
}

/* Cuts the spans at `to`, so that the time of what was heard stays known. */
static void cut_spans(cal_utterance *utterance, uint32_t to) {
  while (utterance->span_count > 0) {
    cal_span_sent *last = &utterance->spans[utterance->span_count - 1];
    if (last->offset < to) {
      if (last->offset + last->samples > to) last->samples = to - last->offset;
      return;
    }
    utterance->span_count--;
  }
}

void cal_utterance_rewind(cal_utterance *utterance, uint32_t to) {
  if (to < utterance->base) to = utterance->base;
  cut_spans(utterance, to);
  utterance->sent = to;
  utterance->cursor = 0;
  utterance->cursor_at = utterance->base;
  while (utterance->cursor < utterance->clip_count) {
    uint32_t after = utterance->cursor_at + utterance->clips[utterance->cursor]->samples;
    if (after > to) break;
    utterance->cursor++;
    utterance->cursor_at = after;
  }
  /* What was certainly heard keeps its marks; the others are asked for again, under new numbers. */
  uint32_t kept = 0;
  while (kept < utterance->points_sent && utterance->points[kept].state &&
         utterance->points[kept].offset <= to)
    kept++;
  for (uint32_t i = kept; i < utterance->point_count; i++) {
    utterance->points[i].number = 0;
    utterance->points[i].state = CAL_MARK_OPEN;
  }
  utterance->points_sent = kept;
}

uint32_t cal_utterance_word_start(const cal_utterance *utterance, uint32_t heard) {
  uint32_t begin = utterance->base;
  for (uint32_t i = 0; i < utterance->clip_count; i++) {
    const cal_clip *clip = utterance->clips[i];
    if (begin + clip->samples <= heard) {
      begin += clip->samples;
      continue;
    }
    if (clip->words == 0 || heard <= begin) return heard;
    uint32_t start = begin;
    for (uint32_t k = 0; k < clip->words && begin + clip->word[k].end_sample <= heard; k++)
      start = begin + clip->word[k].end_sample;
    return heard - start > LONGEST_WORD_S * clip->rate_hz ? heard : start;
  }
  return heard;
}

/* Clips are sentences: a blank belongs between them. */
static int append_words(cal_buf *text, const char *words, uint32_t bytes) {
  if (bytes && text->bytes && text->data[text->bytes - 1] != ' ' && *words != ' ') cal_buf_text(text, " ");
  return cal_buf_append(text, words, bytes);
}

uint32_t cal_utterance_let_go(cal_utterance *utterance, uint32_t heard) {
  uint32_t clips = 0, samples = 0;
  while (clips < utterance->cursor) {
    cal_clip *clip = utterance->clips[clips];
    if (utterance->base + samples + clip->samples > heard) break;
    if (append_words(&utterance->text, clip->text, clip->text_bytes) < 0)
      utterance->text.ceiling = utterance->text.bytes; /* the words end here; later ones would leave a hole */
    samples += clip->samples;
    cal_unref(clip);
    clips++;
  }
  if (clips == 0) return 0;
  utterance->clip_count -= clips;
  memmove(utterance->clips, utterance->clips + clips, utterance->clip_count * sizeof(cal_clip *));
  utterance->cursor -= clips;
  utterance->base += samples;
  return samples;
}

void cal_utterance_text(const cal_utterance *utterance, uint32_t heard, cal_buf *into) {
  cal_buf_append(into, utterance->text.data, utterance->text.bytes);
  uint32_t at = utterance->base;
  for (uint32_t i = 0; i < utterance->clip_count && at < heard; i++) {
    const cal_clip *clip = utterance->clips[i];
    append_words(into, clip->text, cal_clip_heard_bytes(clip, heard - at));
    at += clip->samples;
  }
}
