/* speech: the speech plane: threads of their own that speak, read sound files and listen, so that no loop
 * ever waits.
 *
 *   any thread ──submit──► [ hear ] [ say, play ] ──► workers ──callback on the worker──► the caller's mailbox
 *
 * Jobs wait in one bounded queue. Recognition goes first, because somebody stopped talking and waits; after
 * eight recognitions in a row one waiting sentence is spoken. A text is said sentence by sentence, and each sentence
 * is for the one who has had least of the voice (askers.h): however much one call has to say, another waits for the
 * sentence that is being made.
 *
 * Every job that was accepted is answered: zero or more clips, then exactly one last callback. Callbacks run
 * on a worker thread without any lock held; they should only post to a mailbox. They may submit and cancel
 * jobs, but must not call cal_speech_free. Clips come from a cache when the same sentence was said with the
 * same voice, or the same file read, before; that too is answered from the worker, never inside submit.
 *
 * With `threads` 0 the plane is inline, for specs: each job runs to its end on the calling thread, and its
 * callbacks have run before submit returns.
 *
 * With `is_spoken` texts are said in patterns and utterances are understood by them (spoken.h), without any
 * error: with a grammar the answer whose words were said, everything else is rejected; without one the words
 * as they were said. Options of the voice but its rate are checked and have no effect; files are played as
 * they are.
 *
 * Metrics: callisto_speech_jobs, callisto_speech_refused_total, callisto_speech_cache_hits_total,
 * callisto_speech_say_seconds (a sentence), callisto_speech_hear_seconds. Any thread unless it says
 * otherwise. */
#ifndef CAL_SPEECH_SPEECH_H
#define CAL_SPEECH_SPEECH_H

#include <stddef.h>
#include <stdint.h>

#include "audio/clip.h"
#include "base/slots.h"
#include "speech/ear.h"
#include "speech/grammar.h"
#include "speech/voice.h"

#define CAL_SPEECH_THREADS 16
#define CAL_SPEECH_TEXT_BYTES 65536       /* the longest text of one job */
#define CAL_SPEECH_FILE_BYTES (96u << 20) /* the longest sound file */

typedef struct cal_speech cal_speech;

typedef struct cal_speech_options {
  uint32_t threads;      /* 0 = inline, at most 16 */
  const char *model_dir; /* of the recogniser (ear.h); NULL = Debian's */
  size_t cache_bytes;    /* 0 = keep nothing */
  uint32_t queue;        /* jobs accepted and not yet answered; 0 = 256 */
  int free_text;         /* allow recognition without a grammar (ear.h); one worker does all of it */
  int is_spoken;         /* for specs: say and hear with spoken.h instead of voice.h and ear.h */
} cal_speech_options;

cal_speech_options cal_speech_defaults(void); /* 1 thread, 64 MiB, 256 jobs, no free text */

int cal_speech_new(cal_speech **result,
                   const cal_speech_options *options); /* NULL = defaults; returns owned; -EINVAL, -EAGAIN */
/* Takes. Lets each worker end the sentence or utterance it is at, answers everything else with -ECANCELED,
 * joins. Returns NULL. */
void *cal_speech_free(cal_speech *speech);

/* The dictionary grammars are built with; read at its first use. Borrowed, lives as long as the plane.
 * -ENOENT without the model. */
int cal_speech_dict(cal_speech *speech, const cal_dict **result);

int cal_speech_hears_free_text(const cal_speech *speech); /* may the grammar of cal_speech_hear be NULL? */

/* Submitting copies or references what it is given. `job` may be NULL; otherwise it is written before the
 * first callback. `who` asks, a number of the caller's choice; 0: nobody in particular, who shares with nobody.
 * -ENOBUFS: the queue is full, or `who` has 64 jobs in it, or, when half of it is taken, four. -EINVAL: nothing to say, bad options. -EMSGSIZE: text too
 * long. Nothing was accepted then and no callback comes. */
int cal_speech_say(cal_speech *speech, cal_id *job, uint64_t who, const char *text,
                   const cal_voice_options *voice, cal_on_clip on_clip, void *context);
/* The whole file as one clip at rate_hz (0 = 8000). A file that cannot be read is told to the callback. */
int cal_speech_play_file(cal_speech *speech, cal_id *job, uint64_t who, const char *path, uint32_t rate_hz,
                         cal_on_clip on_clip, void *context);
/* Grammar NULL = free text, -ENOTSUP unless allowed. */
int cal_speech_hear(cal_speech *speech, cal_id *job, cal_clip *utterance, cal_grammar *grammar,
                    cal_on_heard on_heard, void *context);

/* The job ends as soon as it can, with a last callback of -ECANCELED (if it was not answered meanwhile). An
 * id that is over or 0 is ignored. */
void cal_speech_cancel(cal_speech *speech, cal_id job);

uint32_t cal_speech_jobs(cal_speech *speech); /* accepted and not yet answered */

#endif
