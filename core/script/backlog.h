/* backlog: events of calls, each waiting for its call's turn on the script thread.
 *
 *   mailbox, timers ──add──► [ events of a call ] ──┐
 *                            [ events of a call ] ──┼─ the call that has used least time ──► run, one event
 *                            [ events of a call ] ──┘
 *
 * An event is run at once while little is going on. After a slice of scripts the rest waits for the loop's next turn, so
 * that what has come meanwhile takes part, and the services' own work gets in between. A call whose script computes for
 * long waits behind those that answer quickly: beside any number of such calls an event waits for the entry that is under
 * way, and for the first of its equals. The events of one call are run in their order.
 *
 * Ceiling: of CAL_BACKLOG_EVENTS waiting ones some are run before another is taken, so that what comes then waits in the
 * thread's mailbox, under the mailbox's rules. With a simulated clock entries take no time, and nothing ever waits.
 *
 * The script thread only. */
#ifndef CAL_SCRIPT_BACKLOG_H
#define CAL_SCRIPT_BACKLOG_H

#include "base/list.h"
#include "base/turns.h"
#include "io/event.h"
#include "loop/loop.h"

#define CAL_BACKLOG_EVENTS 4096
#define CAL_BACKLOG_SLICE_NS (5 * CAL_MS)

typedef struct cal_backlog cal_backlog;

/* A call's place in it: in its owner's memory, begun by cal_backlog_open, and forgotten before that memory goes. */
typedef struct cal_backlog_place {
  cal_turn turn; /* nanoseconds of the thread */
  cal_list events;
} cal_backlog_place;

/* Returns owned; borrows the loop. `run` has the event for the length of the call; it may add events, and forget any
 * place. */
cal_backlog *cal_backlog_new(cal_loop *loop, void (*run)(void *context, cal_event *event), void *context);
void *cal_backlog_free(cal_backlog *backlog); /* takes; every place has been forgotten; returns NULL */

void cal_backlog_open(cal_backlog_place *place);
void cal_backlog_add(cal_backlog *backlog, cal_backlog_place *place, const cal_event *event); /* takes */
void cal_backlog_forget(cal_backlog *backlog,
                        cal_backlog_place *place); /* drops its events; harmless twice */
uint32_t cal_backlog_waiting(const cal_backlog *backlog);

#endif
