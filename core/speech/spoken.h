/* spoken: a voice and an ear for specs: sound that carries its words, costs next to nothing, and is
 * understood exactly.
 *
 *   text ── cal_spoken_say ──► clip: every word a hum and a short pattern of tones
 *        ──► … the real path: resampling, G.711, wires, barge-in, mixing …
 *        ──► cal_spoken_ear ──► the words that really arrived, with their times
 *
 *   a word:  hum … hum | start | seven tones: its number | two: their check | gap
 *
 * A word is what stands between blanks, and is heard as it was written. The pattern ends it, so a word cut
 * off is not heard. Words are numbered as they are first said, in one table of the process (823,543 words,
 * never forgotten), so only the process that said them understands them. The patterns pass for speech
 * (vad.h), never for keys (dtmf.h) or a beep (tone.h); they survive G.711, resampling between 8, 16 and 24
 * kHz, and background sound 14 dB below them. Level -16 dBFS, as voice.h. Saying costs a copy; hearing 20 ms
 * at 8 kHz takes 0.02 µs of silence and 0.2 µs of sound.
 *
 * Any thread, but an ear belongs to one. */
#ifndef CAL_SPEECH_SPOKEN_H
#define CAL_SPEECH_SPOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "audio/clip.h"

/* how long words take, and blanks; a word is never shorter than its pattern */
#define CAL_SPOKEN_MS_A_CHARACTER 60

/* The whole text as one clip with the time of each word, at 8000 to 48000 Hz. Returns owned; NULL: nothing to
 * say, or, with an error, a text too long for a clip or one word too many for the table. */
cal_clip *cal_spoken_say(const char *text, uint32_t rate_hz);

typedef struct cal_spoken_ear cal_spoken_ear;
/* The word is borrowed for the call, though it lives as long as the process. */
typedef void (*cal_spoken_word)(void *context, const char *word, uint64_t begin_ms, uint64_t end_ms);

/* Times are counted from the first sample it was given, exact to 10 ms; a word is told up to 10 ms before its
 * end. */
cal_spoken_ear *cal_spoken_ear_new(uint32_t rate_hz, cal_spoken_word on_word,
                                   void *context); /* returns owned */
cal_spoken_ear *cal_spoken_ear_free(cal_spoken_ear *ear);
void cal_spoken_ear_put(cal_spoken_ear *ear, const int16_t *samples,
                        size_t count);                 /* on_word comes from here */
int cal_spoken_ear_is_loud(const cal_spoken_ear *ear); /* something sounded within the last 20 ms */

/* The words of a clip, joined by spaces; "" when there are none. Returns owned (cal_free). */
char *cal_spoken_read(const cal_clip *clip);

#endif
