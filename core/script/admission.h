/* admission: how long something that comes now would wait for a script thread, in time and not in places of a queue.
 *
 *   the thread   begin ─► works on one message ─► end
 *   io threads   wait?  what goes first × its price  +  (turns ahead + 1) × the price of a turn
 *
 * What goes first are the messages of the mailbox's ordinary lane: live calls, callbacks, answers. A turn is one of those
 * that stand back: a question or a beginning (mailbox.h). Both prices are measured: a message's own work, and where more
 * turns wait, the time from the beginning of one turn to that of the next, with all the thread does between them and all
 * that other threads take of its core. They are averages in which the last eight count for two thirds. When no turn waits
 * any more, the price of one falls to that of its own work: what a rush cost says nothing about the time after it. A
 * thread that has been busy with one message for longer than its price is taken at its word, and an idle one always takes
 * the next.
 *
 * One script thread tells, any thread asks; times are of the engine's clock. Arithmetic only. */
#ifndef CAL_SCRIPT_ADMISSION_H
#define CAL_SCRIPT_ADMISSION_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/clock.h"

typedef struct cal_admission {
  _Atomic uint64_t first_ns;     /* the price of an ordinary message; 0: not known yet */
  _Atomic uint64_t turn_ns;      /* of a turn; 0: not known yet */
  _Atomic uint64_t under_way_ns; /* since when one is worked on; 0: none is */
  atomic_int is_turn;            /* the one under way is a turn */
  /* The script thread's. */
  uint64_t work_ns;  /* of a turn: its own work */
  uint64_t begun_ns; /* the last turn */
  int has_backlog;   /* more turns waited when it ended */
} cal_admission;

void cal_admission_begin(cal_admission *admission, uint64_t now_ns, int is_turn);
void cal_admission_end(cal_admission *admission, uint64_t now_ns, uint32_t turns_waiting);

/* What waits before it. */
typedef struct cal_queue_ahead {
  uint32_t first, turns;
} cal_queue_ahead;

/* Until one that comes now and stands back would be done; `cal_admission_first_wait_ns`: until the thread would come to
 * one that goes first. */
uint64_t cal_admission_wait_ns(const cal_admission *admission, uint64_t now_ns, cal_queue_ahead ahead);
uint64_t cal_admission_first_wait_ns(const cal_admission *admission, uint64_t now_ns, uint32_t first);

#endif
