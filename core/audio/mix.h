/* mix: louder, softer, and two sounds at once.
 *
 * Gains are Q12 numbers: 4096 is unity. Everything saturates instead of wrapping. The background is a clip
 * that plays for ever under whatever else is sent (an office, hold music); its end is cross-faded into its
 * beginning, so the loop has no click, and a change of its gain glides over one frame. Plain memory, no
 * allocation per frame; one thread. */
#ifndef CAL_AUDIO_MIX_H
#define CAL_AUDIO_MIX_H

#include <stddef.h>
#include <stdint.h>

#include "audio/clip.h"

enum { CAL_GAIN_UNITY = 4096, CAL_GAIN_MAX = 32768 /* +18 dB */ };

int32_t
cal_gain_of_db(double db); /* -120 dB and less is 0; at most CAL_GAIN_MAX; for set-up, not per frame */

void cal_gain_apply(int16_t *samples, size_t count, int32_t gain_q12);
void cal_mix_add(int16_t *into, const int16_t *from, size_t count,
                 int32_t gain_q12); /* into += from · gain */

typedef struct cal_background {
  cal_clip *clip; /* NULL: silent */
  uint32_t position;
  uint32_t fade_samples;
  int32_t gain_q12, wanted_q12;
} cal_background;

enum { CAL_BACKGROUND_FADE_MS = 20 };

/* Takes a reference of its own to `clip` (NULL allowed). Clips of one fade's length or less are played
 * without fade. */
void cal_background_init(cal_background *background, cal_clip *clip, int32_t gain_q12);
void cal_background_done(cal_background *background); /* gives the clip back; may be called twice */
void cal_background_gain(cal_background *background, int32_t gain_q12);
void cal_background_mix(cal_background *background, int16_t *frame,
                        size_t samples); /* adds the next samples of the loop */
void cal_background_rewind(cal_background *background, uint32_t samples); /* these will be mixed once more */

#endif
