#include "audio/clip.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

static size_t round_up(size_t bytes) { return (bytes + 7) & ~(size_t)7; }

cal_clip *cal_clip_new(uint32_t rate_hz, uint32_t samples, const char *text, uint32_t words) {
  size_t text_bytes = text ? strlen(text) : 0;
  assert(rate_hz > 0 && samples <= CAL_CLIP_MAX_SAMPLES);
  assert(words <= CAL_CLIP_MAX_WORDS && text_bytes <= CAL_CLIP_MAX_TEXT_BYTES);
  size_t words_at = round_up(sizeof(cal_clip) + samples * sizeof(int16_t));
  size_t text_at = words_at + words * sizeof(cal_word);
  char *memory = cal_ref_new(text_at + text_bytes + 1, NULL);
  cal_clip *clip = (cal_clip *)memory;
  clip->rate_hz = rate_hz;
  clip->samples = samples;
  clip->words = words;
  clip->text_bytes = (uint32_t)text_bytes;
  clip->word = (cal_word *)(memory + words_at);
  clip->text = memory + text_at;
  if (text_bytes) memcpy(clip->text, text, text_bytes);
  return clip;
}

cal_clip *cal_clip_of(uint32_t rate_hz, const int16_t *data, uint32_t samples, const char *text) {
  cal_clip *clip = cal_clip_new(rate_hz, samples, text, 0);
  if (samples) memcpy(clip->data, data, samples * sizeof(int16_t));
  return clip;
}

uint32_t cal_clip_heard_bytes(const cal_clip *clip, uint32_t samples_heard) {
  if (samples_heard >= clip->samples) return clip->text_bytes;
  uint32_t low = 0, high = clip->words; /* how many words end at or before samples_heard */
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (clip->word[middle].end_sample <= samples_heard)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0) return 0;
  uint32_t bytes = clip->word[low - 1].text_bytes;
  return bytes < clip->text_bytes ? bytes : clip->text_bytes;
}
