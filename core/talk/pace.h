/* pace: which words of a text have certainly been spoken by now, when the voice does not say so: by a clock that is
 * slower than any speaker, so that what was heard is never overstated. Figures and signs are spoken as whole words.
 * Once a voice is known to be quicker, its clock may go faster. Any thread; the text is borrowed. */
#ifndef CAL_TALK_PACE_H
#define CAL_TALK_PACE_H

#include <stdint.h>

#include "base/buf.h"

#define CAL_PACE_MS_A_BYTE 100 /* quick speakers need 50, slow ones 80 */
#define CAL_PACE_MS_A_SIGN 500 /* "7", "%" */

typedef struct cal_pace {
  cal_span rest; /* of the text, not told yet */
  uint64_t ms;   /* which what was told takes, by the slow clock */
  uint32_t percent;
} cal_pace;

/* percent: of the slow clock's times, 1 to 100. */
cal_pace cal_pace_of(const char *text, uint32_t percent);
/* The whole words that are over after so many milliseconds of sound and were not told before. */
cal_span cal_pace_words(cal_pace *pace, uint64_t ms);

#endif
