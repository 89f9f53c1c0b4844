#include "audio/resample.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <speex/speex_resampler.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

enum {
  LOWEST_HZ = 4000,
  HIGHEST_HZ = 96000,
  QUALITY = 3,      /* telephone speech: images 90 dB down, 3 ms of delay */
  SPARE_SAMPLES = 8 /* rounding of the ratio, both ends */
};

struct cal_resampler {
  SpeexResamplerState *speex; /* NULL: equal rates */
  uint32_t from_hz, to_hz;
};

static int is_rate(uint32_t rate_hz) { return rate_hz >= LOWEST_HZ && rate_hz <= HIGHEST_HZ; }

int cal_resampler_new(cal_resampler **result, uint32_t from_hz, uint32_t to_hz) {
  if (!is_rate(from_hz) || !is_rate(to_hz))
    return cal_fail(-EINVAL, "cannot resample from %u Hz to %u Hz: rates are %d to %d Hz", from_hz, to_hz,
                    LOWEST_HZ, HIGHEST_HZ);
  SpeexResamplerState *speex = NULL;
  if (from_hz != to_hz) {
    int error = 0;
    speex = speex_resampler_init(1, from_hz, to_hz, QUALITY, &error);
    if (!speex)
      return cal_fail(-EINVAL, "no resampler from %u Hz to %u Hz: %s", from_hz, to_hz,
                      speex_resampler_strerror(error));
    speex_resampler_skip_zeros(speex); /* no silence in front of the first word */
  }
  cal_resampler *resampler = cal_alloc(sizeof *resampler);
  *resampler = (cal_resampler){.speex = speex, .from_hz = from_hz, .to_hz = to_hz};
  *result = resampler;
  return 0;
}

cal_resampler *cal_resampler_free(cal_resampler *resampler) {
  if (!resampler) return NULL;
  if (resampler->speex) speex_resampler_destroy(resampler->speex);
  return cal_free(resampler);
}

size_t cal_resampler_room(const cal_resampler *resampler, size_t samples) {
  if (!resampler->speex) return samples;
  return (size_t)((uint64_t)samples * resampler->to_hz / resampler->from_hz) + SPARE_SAMPLES;
}

int cal_resampler_run(cal_resampler *resampler, const int16_t *in, size_t samples, int16_t *out,
                      size_t room) {
  if (samples == 0) return 0;
  assert(samples <= INT_MAX / 32);
  if (room < cal_resampler_room(resampler, samples))
    return cal_fail(-ENOSPC, "no room for %zu resampled samples", cal_resampler_room(resampler, samples));
  if (!resampler->speex) {
    memcpy(out, in, samples * sizeof *in);
    return (int)samples;
  }
  spx_uint32_t given = (spx_uint32_t)samples, made = (spx_uint32_t)room;
  speex_resampler_process_int(resampler->speex, 0, in, &given, out, &made);
  assert(given == samples);
  return (int)made;
}

void cal_resampler_reset(cal_resampler *resampler) {
  if (!resampler->speex) return;
  speex_resampler_reset_mem(resampler->speex);
  speex_resampler_skip_zeros(resampler->speex);
}

/* Runs the whole clip through and pushes out what the filter still holds by a little silence. */
static void fill_resampled(cal_clip *into, const cal_clip *clip, SpeexResamplerState *speex) {
  static const int16_t silence[256];
  uint32_t read = 0, written = 0;
  while (written < into->samples) {
    int is_tail = read == clip->samples;
    const int16_t *from = is_tail ? silence : clip->data + read;
    spx_uint32_t given = is_tail ? 256 : clip->samples - read, made = into->samples - written;
    speex_resampler_process_int(speex, 0, from, &given, into->data + written, &made);
    if (!is_tail) read += given;
    written += made;
  }
}

int cal_clip_resample(cal_clip **result, cal_clip *clip, uint32_t rate_hz) {
  if (clip->rate_hz == rate_hz) {
    *result = cal_ref(clip);
    return 0;
  }
  uint64_t samples = ((uint64_t)clip->samples * rate_hz + clip->rate_hz / 2) / clip->rate_hz;
  if (samples > CAL_CLIP_MAX_SAMPLES)
    return cal_fail(-EMSGSIZE, "a clip of %u samples is too long", clip->samples);
  cal_resampler *resampler;
  int code = cal_resampler_new(&resampler, clip->rate_hz, rate_hz);
  if (code < 0) return code;
  cal_clip *made =
      cal_clip_new(rate_hz, (uint32_t)samples, clip->text_bytes ? clip->text : NULL, clip->words);
  if (made->samples) fill_resampled(made, clip, resampler->speex);
  for (uint32_t i = 0; i < clip->words; i++) {
    /* Rounded up: a word is never said to be over before it is. */
    uint64_t end = ((uint64_t)clip->word[i].end_sample * rate_hz + clip->rate_hz - 1) / clip->rate_hz;
    made->word[i] = (cal_word){(uint32_t)end, clip->word[i].text_bytes};
  }
  cal_resampler_free(resampler);
  *result = made;
  return 0;
}
