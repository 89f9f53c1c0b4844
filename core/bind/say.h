/* say: jobs of the speech plane on behalf of a call: a voice whose sound goes to the call's leg, an ear whose
 * findings go to the call's script. Any thread. */
#ifndef CAL_BIND_SAY_H
#define CAL_BIND_SAY_H

#include <stddef.h>
#include <stdint.h>

#include "call/call.h"
#include "speech/speech.h"

/* Declares the utterance on the leg and has it spoken; its sound follows as it is made. Errors are told to
 * the leg, so that the utterance ends. `flags` are CAL_COMMAND_INTERRUPTIBLE and CAL_COMMAND_DIGITS_STOP.
 * `voice` NULL: the default one. */
void cal_say_text(cal_speech *speech, cal_call *call, uint32_t utterance, const char *text, const char *voice,
                  uint32_t flags);
void cal_say_file(cal_speech *speech, cal_call *call, uint32_t utterance, const char *path, uint32_t flags);
void cal_say_clip(cal_call *call, uint32_t utterance, cal_clip *clip,
                  uint32_t flags); /* takes the clip; NULL: ends at once */

/* Has a piece of speech recognised; the call's script gets CAL_EVENT_HEARD. Takes the clip, borrows the
 * grammar. */
void cal_hear_clip(cal_speech *speech, cal_call *call, cal_clip *clip, cal_grammar *grammar,
                   int64_t speech_ms);

/* Synthesises now what will be said soon, into the speech plane's cache. */
void cal_say_prepare(cal_speech *speech, const char *text, const char *voice);

#endif
