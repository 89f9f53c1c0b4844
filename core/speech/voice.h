/* voice: the local voice: English text in, one clip with word timings out.
 *
 * flite 2.2 (permissive licence). "slt" and "rms" are the pleasant ones: 75 to 100 times real time, a
 * sentence of 3 s in 30 to 40 ms; their sound differs a little from run to run. "kal" is plainer, ten times
 * faster, and the same to the bit every time. flite makes no sound before the whole text it was given is
 * analysed, so say one sentence after the other (cal_voice_next_sentence): the first is heard while the next
 * is made.
 *
 * The clip's words are those of the source text: a number that is read as five words ends when the last of
 * them does. Curly quotes, dashes, accents and currency signs are read as their plain forms; other foreign
 * letters are silent.
 *
 * The level suits a telephone: speech at -16 dBFS RMS, peaks bent below full scale, never clipped. The
 * silence flite leads in with is cut to 50 ms. Any thread: nothing is shared but flite's read-only tables. */
#ifndef CAL_SPEECH_VOICE_H
#define CAL_SPEECH_VOICE_H

#include <stdint.h>

#include "audio/clip.h"
#include "base/buf.h"

#define CAL_VOICE_TEXT_BYTES 4096 /* the longest text of one clip; half a minute to four */

typedef struct cal_voice_options {
  const char *voice; /* "slt", "rms" or "kal"; NULL = "slt" */
  uint32_t rate_hz;  /* 8000 to 48000; 0 = 8000 */
  double speed;      /* 0.5 to 2.0; 0 = 1.0 */
  double gain_db;    /* -40 to 12 around the telephone level; 0 = none */
} cal_voice_options;

int cal_voice_check(const cal_voice_options *options); /* NULL is good; -EINVAL with a sentence */

/* Blocks while it computes. Options NULL = defaults. Returns owned. -EINVAL for options out of range or a
 * text in which there is nothing to say, -EMSGSIZE for more than CAL_VOICE_TEXT_BYTES, -EIO when flite fails.
 */
int cal_voice_say(cal_clip **result, const char *text, const cal_voice_options *options);

/* Takes the next sentence off the front of `rest`, without the white space around it: 1, or 0 at the end.
 * What has no letter or digit belongs to its neighbour. A sentence of more than about 20 s (300 letters of words, or 60
 * digits) is cut at a comma, else at a blank, else where it is that long. */
int cal_voice_next_sentence(cal_span *rest, cal_span *sentence);

#endif
