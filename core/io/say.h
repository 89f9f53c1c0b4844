/* say: what a voice and an ear do on behalf of a party: the sound goes to its leg, what was understood to its script.
 * Any thread. */
#ifndef CAL_IO_SAY_H
#define CAL_IO_SAY_H

#include <stddef.h>
#include <stdint.h>

#include "io/party.h"
#include "talk/ear.h"
#include "talk/voice.h"

/* Declares the utterance on the leg and has it spoken; its sound follows as it is made. Errors are told to
 * the leg, so that the utterance ends. `flags` are CAL_COMMAND_INTERRUPTIBLE, CAL_COMMAND_REVERSIBLE and CAL_COMMAND_DIGITS_STOP.
 * `name`: which of the voices; NULL: the default one. */
void cal_say_text(cal_talk_voice voice, cal_party *party, uint32_t utterance, const char *text,
                  const char *name, uint32_t flags);
/* As cal_say_text, but nobody in particular asks: what the call's script has asked for before, be it as much as it may,
 * leaves this neither unsaid nor waiting. */
void cal_say_last_words(cal_talk_voice voice, cal_party *party, uint32_t utterance, const char *text,
                        const char *name);
/* Declares it, and leaves it to the vendor of the party's leg (CAL_COMMAND_LEG_SAY). */
void cal_say_by_leg(cal_party *party, uint32_t utterance, const char *text, const char *name, uint32_t flags);
/* The voices that may say a text, one after the other. `next` gives the one that says it, or what is left of it: at first
 * (`after` is -1), or after the one at the place `after` has failed. It returns that one's place, or -1: there is none,
 * and nobody says it. It is called on the thread on which the last one failed. */
typedef struct cal_say_voices {
  int (*next)(void *self, int after, cal_talk_voice *voice, int *is_first);
  void *self;
} cal_say_voices;

/* As cal_say_text, for one that is declared already. When a voice fails the next one says it from the first word of
 * which no sound has come; `name` is for the first of them, the others have voices of their own. */
void cal_say_declared(const cal_say_voices *voices, cal_party *party, uint32_t utterance, const char *text,
                      const char *name);
/* `announced` is for specs, where sound is known by its words: it is said first (spoken.h). NULL: nothing. */
void cal_say_file(cal_talk_voice voice, cal_party *party, uint32_t utterance, const char *path,
                  const char *announced, uint32_t flags);
void cal_say_clip(cal_party *party, uint32_t utterance, cal_clip *clip,
                  uint32_t flags); /* takes the clip; NULL: ends at once */

/* Plays the file under everything from when it was read; NULL: no longer. Of several calls the one with the
 * highest `number` counts, in whatever order their files were read. A file that cannot be read is logged and
 * changes nothing.
 */
void cal_say_background(cal_talk_voice voice, cal_party *party, int32_t number, const char *path,
                        int32_t gain_q12);

/* Has a piece of speech recognised; the call's script gets CAL_EVENT_HEARD. Takes the clip, borrows the
 * grammar. */
void cal_hear_clip(cal_talk_ear ear, cal_party *party, cal_clip *clip, cal_grammar *grammar,
                   int64_t speech_ms);

/* Has the voice make now what will be said soon, for its cache. */
void cal_say_prepare(cal_talk_voice voice, const char *text, const char *name);

#endif
