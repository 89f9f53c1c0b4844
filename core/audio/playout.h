/* playout: what one leg says, frame by frame, and the ledger of what was heard of it.
 *
 * A leg says *utterances*, in the order in which they were declared. Each receives its sound as clips,
 * whenever a voice has made some, until it is complete. The pacer pulls frames. At the end of every
 * utterance, and where a mark was asked for, the pull says "send this mark now"; the carrier echoes it when
 * it has played what came before.
 *
 *   declare ─► append, append, … complete           cal_playout_confirm ◄─ echo of a mark
 *                  │                                        │
 *     [ waiting ]──┴─► pull ─► [ sent, at the carrier ] ────┴─► [ heard ] ─► on_ended
 *                        └──► marks due                clear ───────┘  (interrupted: how much, which words)
 *
 * It can be paused: nothing is pulled, the carrier forgets what it has not played, and a resume goes on with the first
 * word that was not surely heard. A pause that nobody ends is over after a minute, and with the last utterance.
 *
 * What was *heard* is rather under- than over-stated. It is the smallest of
 *   - what was sent;
 *   - the schedule: what can have been played by now if the carrier began at once and never paused;
 *   - the first mark that was sent and not echoed: whatever lies behind it has not been played;
 *   - the last echo, or if it is further, the schedule less the delay measured on earlier echoes.
 * Two things this cannot see: a carrier that stops playing between two marks is noticed at the next one, and
 * before the first echo the delay is an assumption (200 ms, or delay_samples), so a slower carrier is
 * over-stated by the difference. An echo that comes before the schedule allows it does not move `heard`.
 * After a clear carriers give all pending marks back at once, so those numbers are forgotten: their echoes
 * prove nothing.
 *
 * Missing proof is no proof. A mark that is not echoed within two seconds is given up, and what lies before it
 * counts as heard only as far as an earlier echo says. Until another echo comes the schedule is not believed, and
 * after three such marks in a row nothing is waited for. The schedule alone decides only where the carrier has
 * no marks.
 *
 * Time is `clock_samples`: the leg's monotonic clock, counted in samples at the leg's rate, passed to
 * cal_playout_advance before anything else in a tick. Nothing here reads a clock.
 *
 * Ceilings: 64 utterances, 10 minutes of sound, 8 named marks an utterance; beyond, -ENOBUFS. Memory is the
 * caller's struct, one block an utterance and its list of clips; none is taken per frame. Clips are let go as
 * soon as they were heard. One thread. The callbacks are made from inside and must not call back into the
 * same playout. Marks and clears behave as Twilio, Plivo and Telnyx document theirs. */
#ifndef CAL_AUDIO_PLAYOUT_H
#define CAL_AUDIO_PLAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "audio/clip.h"

enum {
  CAL_PLAYOUT_UTTERANCES = 64,
  CAL_PLAYOUT_SECONDS = 600,
  CAL_PLAYOUT_MARKS = 8,       /* named ones, an utterance */
  CAL_PLAYOUT_NAME_BYTES = 32, /* of a mark's name, final zero included */
};

enum {
  CAL_UTTERANCE_INTERRUPTIBLE = 1, /* the caller's speech stops it */
  CAL_UTTERANCE_DIGITS_STOP = 2,   /* a key stops it */
  CAL_UTTERANCE_KEEP = 4,          /* a clear of everything spares it; only a clear by its own id stops it */
  CAL_UTTERANCE_REVERSIBLE = 8, /* it can be paused; the caller's speech does that instead of stopping it */
};

/* How it is known what was heard. */
typedef enum cal_proof {
  CAL_PROOF_CLOCK, /* by the schedule */
  CAL_PROOF_MARK,  /* by an echo */
  CAL_PROOF_NONE   /* an echo was due and did not come: more may have been heard */
} cal_proof;

typedef struct cal_playout_end {
  uint32_t id;
  uint32_t flags;
  uint32_t heard_samples; /* as above */
  uint32_t total_samples; /* appended so far */
  int is_interrupted;     /* cleared before its end was heard, or was given up */
  cal_proof proof;
  const char *text; /* the words heard; borrowed for the callback; "" when none or unknown */
  size_t text_bytes;
} cal_playout_end;

typedef struct cal_playout_options {
  uint32_t rate_hz;
  int echoes_marks;        /* the carrier echoes marks */
  int tells_dry;           /* it echoes none, but says when it has played everything: cal_playout_dry */
  int can_flush;           /* the carrier can throw away what it has not played */
  int silence_on_underrun; /* fill holes inside an utterance with silence instead of sending nothing */
  uint32_t delay_samples;  /* the carrier's usual delay until echoes tell better; 0: 200 ms are assumed */
  void (*on_started)(void *context, uint32_t id);              /* its first sample was pulled; may be NULL */
  void (*on_ended)(void *context, const cal_playout_end *end); /* may be NULL */
  /* It, the oldest one, goes no further for now: what was heard until here; may be NULL. */
  void (*on_paused)(void *context, const cal_playout_end *so_far);
  void (*on_mark)(void *context, uint32_t id, const char *name); /* a named mark was played; may be NULL */
  void *context;
} cal_playout_options;

struct cal_utterance;

/* Public so that it can live inside the leg; its fields are the playout's own, except the counters at the
 * end. */
typedef struct cal_playout {
  cal_playout_options options;
  /* in order of speaking; the first is the oldest not ended */
  struct cal_utterance *utterances[CAL_PLAYOUT_UTTERANCES];
  uint32_t count;
  uint32_t next_mark;
  uint64_t clock;        /* samples */
  uint64_t tail;         /* when, at the earliest, the carrier will have played everything sent */
  uint64_t paused_until; /* clock; 0: it is not paused */
  uint64_t held_samples; /* in clips not let go */
  uint32_t delay;        /* samples from the earliest possible time to an echo */
  int is_delay_measured;
  uint32_t lost_in_a_row;
  uint64_t underruns; /* the carrier ran dry inside an utterance */
  uint64_t lost_marks;
  uint64_t early_marks; /* echoed before they can have been played */
} cal_playout;

void cal_playout_init(cal_playout *playout, const cal_playout_options *options);
void cal_playout_done(cal_playout *playout); /* lets go of everything, silently; may be called twice */

/* -EEXIST for an id that is still queued; -EINVAL for id 0; -ENOBUFS at the ceiling. */
int cal_playout_declare(cal_playout *playout, uint32_t id, uint32_t flags);

/* Takes the clip on success; an empty one is let go at once. -ENOENT: no such utterance (it was cleared: let
 * the clip go too); -EPIPE: already complete; -EINVAL: another rate; -ENOBUFS: over ten minutes. */
int cal_playout_append(cal_playout *playout, uint32_t id, cal_clip *clip);
int cal_playout_complete(cal_playout *playout, uint32_t id); /* no more sound; -ENOENT; again is harmless */
int cal_playout_mark(cal_playout *playout, uint32_t id,
                     const char *name); /* at the end of what is appended; -ENOENT, -ENOBUFS, -EPIPE */

/* The time of this tick; never goes back. Ends what was heard to its end and gives up lost marks. */
void cal_playout_advance(cal_playout *playout, uint64_t clock_samples);

typedef struct cal_playout_frame {
  uint32_t samples; /* to be sent: the frame's length, or 0 when there is nothing to play */
  uint32_t real;    /* of them sound; the rest of the frame is silence */
  uint32_t marks;   /* marks to be sent after the frame (also when samples is 0) … */
  uint32_t mark;    /* … numbered from here */
} cal_playout_frame;

/* The next frame of exactly `samples` samples; it runs on from one utterance into the next. A frame is never
 * cut: while an utterance has less than a frame and more is to come, there is nothing to play. Always fills
 * `frame`. */
cal_playout_frame cal_playout_pull(cal_playout *playout, int16_t *frame, uint32_t samples);

/* The leg sent that much sound of its own (background) without a pull: the carrier is busy for as long. */
void cal_playout_filler(cal_playout *playout, uint32_t samples);

/* The carrier echoed a mark. -ENOENT for one that is not pending: forgotten after a clear, or never sent. */
int cal_playout_confirm(cal_playout *playout, uint32_t mark);

/* The carrier says that it has played everything it holds (options.tells_dry). That proves the marks whose
 * time has come; what was sent meanwhile it cannot have played, so an old word about it is harmless. */
void cal_playout_dry(cal_playout *playout);

typedef struct cal_playout_cleared {
  uint32_t utterances; /* ended by this clear; on_ended was called for each, in order */
  int flush;           /* tell the carrier to clear now: it holds sound of them */
} cal_playout_cleared;

/* Pauses, if the oldest utterance has all of `flags` and CAL_UTTERANCE_REVERSIBLE. Harmless when it is paused already. */
cal_playout_cleared cal_playout_pause(cal_playout *playout, uint32_t flags);
void cal_playout_resume(cal_playout *playout); /* harmless when it is not paused */
static inline int cal_playout_is_paused(const cal_playout *playout) { return playout->paused_until != 0; }

/* Drops unsent sound and ends utterances: the one with `id`, or (id 0) all that have one of `flags`, or (both
 * 0) all that are not CAL_UTTERANCE_KEEP. When the carrier must be flushed, whatever it held of utterances
 * that stay is sent again from where it was certainly heard: a greeting that may not be interrupted loses
 * nothing. A clear that is not by id ends a pause as well. */
cal_playout_cleared cal_playout_clear(cal_playout *playout, uint32_t id, uint32_t flags);

/* The leg is over: ends every utterance, kept ones too, with what was heard until now. */
void cal_playout_finish(cal_playout *playout);

typedef struct cal_playout_ledger {
  uint32_t heard, sent, total; /* samples */
  uint32_t flags;
  int is_complete;
} cal_playout_ledger;

int cal_playout_heard(const cal_playout *playout, uint32_t id,
                      cal_playout_ledger *ledger); /* -ENOENT when ended or unknown */

uint32_t cal_playout_speaking(const cal_playout *playout,
                              uint32_t *flags); /* id of the oldest one begun and not ended; 0: silent */
int cal_playout_is_drained(const cal_playout *playout);     /* nothing queued, nothing unheard */
uint32_t cal_playout_ahead(const cal_playout *playout);     /* samples the carrier holds, by the schedule */
uint64_t cal_playout_remaining(const cal_playout *playout); /* samples until all that is here will have been
                                                               heard, by the schedule; 0 only when drained */

#endif
