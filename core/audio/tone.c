#include "audio/tone.h"

#include <errno.h>
#include <spandsp.h>
#include <string.h>

#include "base/error.h"

enum {
  STEPS = 4,
  LOWEST_HZ = 4000,
  HIGHEST_HZ = 96000,
  DDS_HZ = 8000, /* the rate spandsp's phase rates are made for */
  STEADY_MS = 1000,
};
#define LEVEL_DBM0 (-13.0f)

/* Cadence: on, off, on, off in milliseconds; the first 0 ends it. */
struct cal_tone_pattern {
  const char *name;
  float hz[2]; /* the second may be 0 */
  uint16_t ms[STEPS];
  int is_once;
};

static const struct cal_tone_pattern patterns[] = {
    {"ringback", {440, 480}, {2000, 4000}, 0},
    {"ringback-in", {400, 425}, {400, 200, 400, 2000}, 0},
    {"ringback-uk", {400, 450}, {400, 200, 400, 2000}, 0},
    {"busy", {480, 620}, {500, 500}, 0},
    {"busy-in", {400, 0}, {750, 750}, 0},
    {"congestion", {480, 620}, {250, 250}, 0},
    {"congestion-in", {400, 0}, {250, 250}, 0},
    {"dial", {350, 440}, {STEADY_MS}, 0},
    {"dial-in", {400, 425}, {STEADY_MS}, 0},
    {"beep", {1000, 0}, {500}, 1},
    {"prompt", {1400, 0}, {120}, 1},
};

static uint32_t step_samples(const cal_tone *tone) {
  return (uint32_t)((uint64_t)tone->pattern->ms[tone->step] * tone->rate_hz / 1000);
}

int cal_tone_init(cal_tone *tone, const char *name, uint32_t rate_hz) {
  if (rate_hz < LOWEST_HZ || rate_hz > HIGHEST_HZ) return cal_fail(-EINVAL, "no tones at %u Hz", rate_hz);
  for (size_t i = 0; name && i < sizeof patterns / sizeof *patterns; i++) {
    if (strcmp(name, patterns[i].name) != 0) continue;
    *tone = (cal_tone){.pattern = &patterns[i], .rate_hz = rate_hz, .scale = dds_scaling_dbm0(LEVEL_DBM0)};
    for (int k = 0; k < 2; k++)
      tone->phase_rate[k] = dds_phase_rate(patterns[i].hz[k] * DDS_HZ / (float)rate_hz);
    tone->left = step_samples(tone);
    return 0;
  }
  return cal_fail(-ENOENT, "no tone is called \"%s\"", name ? name : "");
}

static int16_t next_sample(cal_tone *tone) {
  if (tone->step % 2) return 0;
  int32_t sum = dds_mod(&tone->phase[0], tone->phase_rate[0], tone->scale, 0);
  if (tone->phase_rate[1]) sum += dds_mod(&tone->phase[1], tone->phase_rate[1], tone->scale, 0);
  return (int16_t)sum; /* two tones of -13 dBm0 stay below half of full scale */
}

/* Moves to the next step of the cadence; 0 when the tone is over. */
static int next_step(cal_tone *tone) {
  tone->step++;
  if (tone->step == STEPS || tone->pattern->ms[tone->step] == 0) {
    if (tone->pattern->is_once) return 0;
    tone->step = 0;
  }
  tone->left = step_samples(tone);
  return 1;
}

size_t cal_tone_read(cal_tone *tone, int16_t *out, size_t samples) {
  size_t made = 0;
  while (made < samples) {
    if (tone->left == 0) {
      if (tone->step == STEPS || !next_step(tone)) {
        tone->step = STEPS;
        break;
      }
    }
    out[made++] = next_sample(tone);
    tone->left--;
  }
  return made;
}

int cal_tone_clip(cal_clip **result, const char *name, uint32_t rate_hz) {
  cal_tone tone;
  int code = cal_tone_init(&tone, name, rate_hz);
  if (code < 0) return code;
  uint64_t ms = 0;
  for (int i = 0; i < STEPS && tone.pattern->ms[i]; i++) ms += tone.pattern->ms[i];
  cal_clip *clip = cal_clip_new(rate_hz, (uint32_t)(ms * rate_hz / 1000), NULL, 0);
  cal_tone_read(&tone, clip->data, clip->samples);
  *result = clip;
  return 0;
}
