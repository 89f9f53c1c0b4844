/* utterance: one thing said: its clips, where its samples are in time, and its marks. Inside of playout.c.
 *
 * Samples of an utterance are counted from 0. `sent` runs through them; spans remember when each run of sent
 * samples can be played at the earliest, so "how much can have been heard at clock t" is a walk over at most
 * a few spans. */
#ifndef CAL_AUDIO_UTTERANCE_H
#define CAL_AUDIO_UTTERANCE_H

#include <stdint.h>

#include "audio/clip.h"
#include "audio/playout.h"
#include "base/buf.h"

enum { CAL_UTTERANCE_SPANS = 8, CAL_UTTERANCE_POINTS = CAL_PLAYOUT_MARKS + 1 /* the end */ };

typedef struct cal_span_sent {
  uint32_t offset, samples;
  uint64_t earliest; /* clock at which `offset` can begin to be played */
} cal_span_sent;

typedef enum cal_mark_state {
  CAL_MARK_OPEN,
  CAL_MARK_ECHOED,
  CAL_MARK_PASSED, /* by the schedule: no echo was due */
  CAL_MARK_LOST    /* its echo was due, and was given up */
} cal_mark_state;

typedef struct cal_mark_point {
  uint32_t offset;
  uint32_t number; /* 0: not sent */
  cal_mark_state state;
  uint64_t at_clock;                 /* when, at the earliest, it can be echoed */
  char name[CAL_PLAYOUT_NAME_BYTES]; /* "": the end */
} cal_mark_point;

typedef struct cal_utterance {
  uint32_t id, flags;
  int is_complete, is_started, is_starving;
  cal_clip **clips; /* those not let go */
  uint32_t clip_count, clip_room;
  uint32_t base; /* samples in clips let go: all heard */
  uint32_t sent, total;
  uint32_t cursor, cursor_at; /* clip that holds sample `sent`, and the sample it begins with */
  uint32_t span_count, point_count, points_sent;
  cal_span_sent spans[CAL_UTTERANCE_SPANS];
  cal_mark_point points[CAL_UTTERANCE_POINTS]; /* by rising offset */
  cal_buf text;                                /* of the clips let go */
} cal_utterance;

cal_utterance *cal_utterance_new(uint32_t id, uint32_t flags);      /* returns owned */
cal_utterance *cal_utterance_free(cal_utterance *utterance);        /* takes; returns NULL */
int cal_utterance_append(cal_utterance *utterance, cal_clip *clip); /* takes; -ENOBUFS */
void cal_utterance_point(cal_utterance *utterance,
                         const char *name); /* at `total`; the caller looked for room */

/* Copies the next samples (there must be as many) and notes when they can be played. */
void cal_utterance_read(cal_utterance *utterance, int16_t *out, uint32_t samples, uint64_t earliest);
uint32_t cal_utterance_played_by(const cal_utterance *utterance, uint64_t clock);
uint64_t cal_utterance_end_clock(const cal_utterance *utterance); /* when all that was sent can be over */
void cal_utterance_rewind(cal_utterance *utterance, uint32_t to); /* what follows `to` will be sent again */
/* Where the word begins that was not over at `heard`; `heard` itself where that is not known, or is long ago. */
uint32_t cal_utterance_word_start(const cal_utterance *utterance, uint32_t heard);
uint32_t cal_utterance_let_go(cal_utterance *utterance,
                              uint32_t heard); /* clips wholly heard; how many samples they had */
void cal_utterance_text(const cal_utterance *utterance, uint32_t heard,
                        cal_buf *into); /* the words of the first `heard` samples */

static inline int cal_utterance_is_sent(const cal_utterance *utterance) {
  return utterance->is_complete && utterance->sent == utterance->total &&
         utterance->points_sent == utterance->point_count;
}

#endif
