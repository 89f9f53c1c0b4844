#include "speech/spoken.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "speech/spoken_private.h"

/* A long hum takes a breath, or a detector would take it for the noise of the line. */
#define BREATH_EVERY 30 /* pieces */
#define BREATH 3        /* of them, silent */

static int next_word(const char **at, size_t *bytes) {
  *at += strspn(*at, " \t\r\n");
  *bytes = strcspn(*at, " \t\r\n");
  return *bytes > 0;
}

static int measure(const char *text, const cal_spoken_sounds *sounds, uint32_t *samples, uint32_t *words) {
  uint64_t pieces = 0, count = 0;
  size_t bytes;
  for (const char *at = text; next_word(&at, &bytes); at += bytes, count++)
    pieces += cal_spoken_pieces(at, bytes) + CAL_SPOKEN_GAP;
  if (!count) return cal_fail(-EINVAL, "there is nothing to say");
  if (count > CAL_CLIP_MAX_WORDS || strlen(text) > CAL_CLIP_MAX_TEXT_BYTES ||
      pieces * sounds->piece_samples > CAL_CLIP_MAX_SAMPLES)
    return cal_fail(-EMSGSIZE, "a text of %zu bytes is too long for one clip", strlen(text));
  *samples = (uint32_t)(pieces * sounds->piece_samples);
  *words = (uint32_t)count;
  return 0;
}

static int16_t *copy_piece(int16_t *out, const cal_spoken_sounds *sounds, const int16_t *piece) {
  memcpy(out, piece, sounds->piece_samples * sizeof *out);
  return out + sounds->piece_samples;
}

static int16_t *write_word(int16_t *out, const cal_spoken_sounds *sounds, uint32_t pieces, uint32_t number) {
  uint8_t tones[CAL_SPOKEN_PATTERN];
  for (uint32_t i = 0; i < pieces - CAL_SPOKEN_PATTERN; i++) {
    int is_breath = i % BREATH_EVERY >= BREATH_EVERY - BREATH;
    out = is_breath ? out + sounds->piece_samples : copy_piece(out, sounds, sounds->hum);
  }
  cal_spoken_pattern(tones, number);
  for (int i = 0; i < CAL_SPOKEN_PATTERN; i++) out = copy_piece(out, sounds, sounds->tone[tones[i]]);
  return out;
}

cal_clip *cal_spoken_say(const char *text, uint32_t rate_hz) {
  assert(rate_hz >= 8000 && rate_hz <= 48000);
  const cal_spoken_sounds *sounds = cal_spoken_sounds_of(rate_hz);
  uint32_t samples = 0, words = 0;
  size_t bytes;
  if (!text || measure(text, sounds, &samples, &words)) return NULL;
  cal_clip *clip = cal_clip_new(rate_hz, samples, text, words);
  int16_t *out = clip->data;
  cal_word *word = clip->word;
  for (const char *at = text; next_word(&at, &bytes); at += bytes, word++) {
    int32_t number = cal_spoken_number(at, bytes);
    if (number < 0) return cal_unref(clip);
    out = write_word(out, sounds, cal_spoken_pieces(at, bytes), (uint32_t)number);
    *word = (cal_word){(uint32_t)(out - clip->data), (uint32_t)(at + bytes - text)};
    out += CAL_SPOKEN_GAP * sounds->piece_samples;
  }
  return clip;
}

static void note_word(void *context, const char *word, uint64_t begin_ms, uint64_t end_ms) {
  cal_buf *text = context;
  if (text->bytes) cal_buf_text(text, " ");
  cal_buf_text(text, word);
}

char *cal_spoken_read(const cal_clip *clip) {
  static const int16_t silence[48000 * CAL_SPOKEN_BLOCK_MS / 1000]; /* completes the last block */
  cal_buf text;
  cal_buf_init(&text, 2 * CAL_CLIP_MAX_TEXT_BYTES);
  cal_spoken_ear *ear = cal_spoken_ear_new(clip->rate_hz, note_word, &text);
  cal_spoken_ear_put(ear, clip->data, clip->samples);
  cal_spoken_ear_put(ear, silence, cal_spoken_sounds_of(clip->rate_hz)->block_samples);
  cal_spoken_ear_free(ear);
  return cal_buf_take(&text);
}
