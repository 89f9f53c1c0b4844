#include "audio/mix.h"

#include <math.h>

#include "base/mem.h"

static inline int16_t saturate(int32_t value) {
  if (value > INT16_MAX) return INT16_MAX;
  if (value < INT16_MIN) return INT16_MIN;
  return (int16_t)value;
}

int32_t cal_gain_of_db(double db) {
  if (!(db > -120)) return 0;
  double gain = CAL_GAIN_UNITY * pow(10, db / 20);
  return gain >= CAL_GAIN_MAX ? CAL_GAIN_MAX : (int32_t)lrint(gain);
}

void cal_gain_apply(int16_t *samples, size_t count, int32_t gain_q12) {
  if (gain_q12 == CAL_GAIN_UNITY) return;
  for (size_t i = 0; i < count; i++) samples[i] = saturate(samples[i] * gain_q12 / CAL_GAIN_UNITY);
}

void cal_mix_add(int16_t *into, const int16_t *from, size_t count, int32_t gain_q12) {
  for (size_t i = 0; i < count; i++) into[i] = saturate(into[i] + from[i] * gain_q12 / CAL_GAIN_UNITY);
}

void cal_background_init(cal_background *background, cal_clip *clip, int32_t gain_q12) {
  *background = (cal_background){.gain_q12 = gain_q12, .wanted_q12 = gain_q12};
  if (!clip || clip->samples == 0) return;
  background->clip = cal_ref(clip);
  uint32_t fade = (uint32_t)((uint64_t)clip->rate_hz * CAL_BACKGROUND_FADE_MS / 1000);
  background->fade_samples = clip->samples > 2 * fade ? fade : 0;
}

void cal_background_done(cal_background *background) { background->clip = cal_unref(background->clip); }

void cal_background_gain(cal_background *background, int32_t gain_q12) { background->wanted_q12 = gain_q12; }

/* The last `fade` samples of the clip are played together with its first ones, and the next round starts
 * behind those. */
static int32_t next_sample(cal_background *background) {
  const cal_clip *clip = background->clip;
  uint32_t at = background->position++, fade = background->fade_samples, tail = clip->samples - fade;
  int32_t sample = clip->data[at];
  if (at >= tail && fade) {
    int32_t progress = (int32_t)(at - tail);
    sample = (sample * ((int32_t)fade - progress) + clip->data[progress] * progress) / (int32_t)fade;
  }
  if (background->position == clip->samples) background->position = fade;
  return sample;
}

/* What lies before the end of the fade was the end of the round before. */
void cal_background_rewind(cal_background *background, uint32_t samples) {
  if (!background->clip) return;
  uint32_t fade = background->fade_samples, round = background->clip->samples - fade;
  samples %= round;
  background->position += background->position >= fade + samples ? 0 : round;
  background->position -= samples;
}

void cal_background_mix(cal_background *background, int16_t *frame, size_t samples) {
  if (!background->clip || samples == 0) return;
  int64_t from = background->gain_q12, step = background->wanted_q12 - from;
  for (size_t i = 0; i < samples; i++) {
    int32_t gain = step ? (int32_t)(from + step * (int64_t)(i + 1) / (int64_t)samples) : (int32_t)from;
    frame[i] = saturate(frame[i] + next_sample(background) * gain / CAL_GAIN_UNITY);
  }
  background->gain_q12 = background->wanted_q12;
}
