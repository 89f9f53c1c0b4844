/* tone: the sounds of the telephone network, made by name.
 *
 *   for ever  ringback  ringback-in  ringback-uk  busy  busy-in  congestion  congestion-in  dial  dial-in
 *   once      beep (1 kHz, 500 ms)  prompt (1.4 kHz, 120 ms)
 *
 * Names without a country are North American; frequencies and cadences from ITU-T E.180 and its supplement.
 * -13 dBm0 a frequency. Plain memory, no allocation; any rate; one thread. Sine waves by spandsp's table. */
#ifndef CAL_AUDIO_TONE_H
#define CAL_AUDIO_TONE_H

#include <stddef.h>
#include <stdint.h>

#include "audio/clip.h"

struct cal_tone_pattern;

typedef struct cal_tone {
  const struct cal_tone_pattern *pattern;
  uint32_t rate_hz;
  uint32_t step; /* of the cadence */
  uint32_t left; /* samples of the step */
  uint32_t phase[2];
  int32_t phase_rate[2];
  int16_t scale;
} cal_tone;

int cal_tone_init(cal_tone *tone, const char *name,
                  uint32_t rate_hz); /* -ENOENT for an unknown name, -EINVAL for a rate under 4,000 */

/* Fills `out`; fewer than asked (then 0) only when a tone that plays once is over. */
size_t cal_tone_read(cal_tone *tone, int16_t *out, size_t samples);

/* The tone as a clip: one whole cadence, or all of one that plays once; a repeating tone that never pauses
 * gives one second. Good for the playout and for a loop. Returns owned. Errors as cal_tone_init. */
int cal_tone_clip(cal_clip **result, const char *name, uint32_t rate_hz);

#endif
