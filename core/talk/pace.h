/* pace: which words of a text have certainly been spoken by now.
 *
 * Where the voice says when its words end, those times are it, word by word, as long as its words are ours: the letters are
 * compared, and from the first difference on (a number that was written out) it is not believed any more. Elsewhere a
 * clock that is slower than any speaker, so that what was heard is never overstated. Figures and signs are spoken as whole words.
 * Once a voice is known to be quicker, its clock may go faster. Any thread; the text is borrowed. */
#ifndef CAL_TALK_PACE_H
#define CAL_TALK_PACE_H

#include <stdint.h>

#include "base/buf.h"

#define CAL_PACE_MS_A_BYTE 100 /* quick speakers need 50, slow ones 80 */
#define CAL_PACE_MS_A_SIGN 500 /* "7", "%" */
#define CAL_PACE_KNOWN 64 /* ends that are known and not over yet; the voice is not believed beyond them */

typedef struct cal_pace {
  cal_span rest; /* of the text, not told yet */
  uint64_t ms;   /* which what was told takes, by the slow clock */
  uint32_t percent;
  /* What the voice has said: how far the text has been compared, and where in it something ends when. */
  const char *compared;
  int is_disbelieved;
  struct {
    const char *at; /* what stands before it is over then */
    uint64_t ms;
  } known[CAL_PACE_KNOWN];
  uint32_t first, count; /* of a ring */
} cal_pace;

/* percent: of the slow clock's times, 1 to 100. */
cal_pace cal_pace_of(const char *text, uint32_t percent);
/* The voice says that this (a word, a letter, a blank), the next of the text, ends so many milliseconds after its first
 * sound. */
void cal_pace_know(cal_pace *pace, const char *spoken, uint64_t end_ms);
/* The whole words that are over after so many milliseconds of sound and were not told before. */
cal_span cal_pace_words(cal_pace *pace, uint64_t ms);

#endif
