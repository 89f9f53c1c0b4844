/* turns: who is next, among many who want to use one thing of which there is little: a thread, a voice.
 *
 * Each that wants it stands in line once. Next is who has used least of it; among equals, who came first. Who has not
 * wanted it for a while has saved nothing up: he begins where those are who are using it now, so he waits for one
 * turn that is under way and perhaps for equals, however much others want.
 *
 *   cal_turns_want ──► in line ──cal_turns_next──► uses it ──cal_turns_used──► perhaps in line again
 *
 * A turn lives in its owner's memory and must be out of line before that memory goes; zeroed memory is one that has used
 * nothing. One thread at a time. */
#ifndef CAL_BASE_TURNS_H
#define CAL_BASE_TURNS_H

#include "base/heap.h"

typedef struct cal_turn {
  uint64_t used; /* of the thing, in whatever it is measured in, or where he began */
  uint64_t order;
  uint32_t place; /* in the line; 0: not in it */
} cal_turn;

typedef struct cal_turns {
  cal_heap line;
  uint64_t level; /* what he had used whose turn it was last */
  uint64_t last_order;
} cal_turns;

void cal_turns_init(cal_turns *turns);
void cal_turns_free(cal_turns *turns); /* those in line are left alone */

void cal_turns_want(cal_turns *turns, cal_turn *turn);  /* harmless in line */
void cal_turns_leave(cal_turns *turns, cal_turn *turn); /* out of line; harmless when he is */
cal_turn *cal_turns_next(cal_turns *turns);             /* out of line; NULL: nobody wants it */
static inline void cal_turn_used(cal_turn *turn, uint64_t much) { turn->used += much; }
static inline int cal_turn_is_in_line(const cal_turn *turn) { return turn->place != 0; }

#endif
