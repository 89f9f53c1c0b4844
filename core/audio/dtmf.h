/* dtmf: keys found in the sound, and keys made into sound.
 *
 * The detector reports each press once, when it is certain (after 25 to 40 ms of tone), with the position at
 * which the tone began; holding a key long or a press cut into odd chunks changes nothing. Measured through
 * µ-law: every digit of 40 ms and more down to -30 dBm0, none in 295 s of speech. It is spandsp's, works at 8
 * kHz, and resamples other rates itself. The generator makes a clip, or samples at 8 kHz in the caller's
 * memory.
 *
 * Keys are 0-9 * # A-D. No allocation per frame; one thread at a time. */
#ifndef CAL_AUDIO_DTMF_H
#define CAL_AUDIO_DTMF_H

#include <stddef.h>
#include <stdint.h>

#include "audio/clip.h"

typedef struct cal_dtmf cal_dtmf;

/* `at_sample` counts samples pushed since the detector was made, at its rate; exact to 13 ms. */
typedef void (*cal_dtmf_press)(void *context, char key, uint64_t at_sample);

int cal_dtmf_new(cal_dtmf **result, uint32_t rate_hz, cal_dtmf_press on_press,
                 void *context);         /* returns owned; -EINVAL for a rate that cannot be resampled */
cal_dtmf *cal_dtmf_free(cal_dtmf *dtmf); /* takes; returns NULL */
void cal_dtmf_push(cal_dtmf *dtmf, const int16_t *samples,
                   size_t count);              /* any chunk size; calls on_press from inside */
int cal_dtmf_is_pressed(const cal_dtmf *dtmf); /* a key is held right now */

enum { CAL_DTMF_MAX_KEYS = 64, CAL_DTMF_ON_MS = 100, CAL_DTMF_OFF_MS = 100 };

/* Samples at 8 kHz. Times 20..1000 ms, 0 for the defaults above. Returns how many were written. -EINVAL: not
 * a key, too many keys, or a time out of range; -ENOSPC: they do not fit. */
int cal_dtmf_write(int16_t *out, size_t room, const char *keys, uint32_t on_ms, uint32_t off_ms);
int cal_dtmf_clip(cal_clip **result, const char *keys, uint32_t on_ms, uint32_t off_ms,
                  uint32_t rate_hz); /* returns owned */

#endif
