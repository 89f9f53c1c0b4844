/* say: jobs of the speech plane on behalf of a call: a voice whose sound goes to the call's leg, an ear whose
 * findings go to the call's script. Any thread. */
#ifndef CAL_IO_SAY_H
#define CAL_IO_SAY_H

#include <stddef.h>
#include <stdint.h>

#include "io/party.h"
#include "speech/speech.h"

/* Declares the utterance on the leg and has it spoken; its sound follows as it is made. Errors are told to
 * the leg, so that the utterance ends. `flags` are CAL_COMMAND_INTERRUPTIBLE and CAL_COMMAND_DIGITS_STOP.
 * `voice` NULL: the default one. */
void cal_say_text(cal_speech *speech, cal_party *party, uint32_t utterance, const char *text,
                  const char *voice, uint32_t flags);
/* `announced` is for specs, where sound is known by its words: it is said first (spoken.h). NULL: nothing. */
void cal_say_file(cal_speech *speech, cal_party *party, uint32_t utterance, const char *path,
                  const char *announced, uint32_t flags);
void cal_say_clip(cal_party *party, uint32_t utterance, cal_clip *clip,
                  uint32_t flags); /* takes the clip; NULL: ends at once */

/* Plays the file under everything from when it was read; NULL: no longer. Of several calls the one with the
 * highest `number` counts, in whatever order their files were read. A file that cannot be read is logged and
 * changes nothing.
 */
void cal_say_background(cal_speech *speech, cal_party *party, int32_t number, const char *path,
                        int32_t gain_q12);

/* Has a piece of speech recognised; the call's script gets CAL_EVENT_HEARD. Takes the clip, borrows the
 * grammar. */
void cal_hear_clip(cal_speech *speech, cal_party *party, cal_clip *clip, cal_grammar *grammar,
                   int64_t speech_ms);

/* Synthesises now what will be said soon, into the speech plane's cache. */
void cal_say_prepare(cal_speech *speech, const char *text, const char *voice);

#endif
