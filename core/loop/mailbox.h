/* mailbox: how planes talk. Bounded, many writers, one reader: the loop it was opened on.
 *
 * Messages are small structs of one fixed size, copied in and out; what they point to changes owner with
 * them. One wake-up serves many messages. A mailbox states what happens when it is full:
 *
 *   CONTROL    refused with -ENOBUFS at the writer, who notifies the asker. A reply never is refused: the
 *              sender of a request reserves room for its answer first (cal_mailbox_reserve), and the answer
 *              is sent as CAL_MAIL_RESERVED.
 *   QUESTION   the same, with room of its own: a lane for what may wait, and is asked by others.
 *   BEGINNING  the same again: another such lane, for what begins something new.
 *   TELEMETRY  the new message is dropped and counted.
 *
 * Messages are delivered in the order in which they were posted, whatever their kind, a bounded number a
 * turn, so that a flood leaves timers and sockets their share. Only questions and beginnings stand back: one a turn,
 * while nothing else waits, and when there are both, by turns: neither keeps the other out.
 *
 * A dropped or undelivered message is given to `drop`, which releases what it owns. On an inline engine
 * writer and reader are the same thread: post still only queues; delivery is from the loop. */
#ifndef CAL_LOOP_MAILBOX_H
#define CAL_LOOP_MAILBOX_H

#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"

typedef struct cal_mailbox cal_mailbox;
typedef enum cal_mail {
  CAL_MAIL_CONTROL,
  CAL_MAIL_RESERVED,
  CAL_MAIL_QUESTION,
  CAL_MAIL_BEGINNING,
  CAL_MAIL_TELEMETRY
} cal_mail;

#define CAL_MAIL_BYTES_MOST 512

typedef struct cal_mailbox_options {
  const char *name;     /* for metrics and messages; static */
  size_t message_bytes; /* size of the struct that is copied; at most CAL_MAIL_BYTES_MOST */
  uint32_t capacity;    /* messages of CONTROL and TELEMETRY and reserved ones, promised or waiting, together;
                         * QUESTION and BEGINNING have as many again, each */
  void (*deliver)(void *context, void *message); /* reader's thread; owns what the message points to */
  void (*drop)(void *context, void *message); /* either thread; releases it; NULL when messages own nothing */
  void *context;
} cal_mailbox_options;

int cal_mailbox_new(cal_mailbox **result, cal_loop *reader,
                    const cal_mailbox_options *options); /* reader's thread; returns owned */
void *cal_mailbox_close(cal_mailbox *box); /* reader's thread; later posts get -ESHUTDOWN; the memory lives
                                              until the last reference goes; returns NULL */

/* Copies the message. 0, -ENOBUFS, or -ESHUTDOWN; on failure the caller still owns what it points to.
 * TELEMETRY that finds no room was dropped, which is no failure. Any thread. */
int cal_mailbox_post(cal_mailbox *box, const void *message, cal_mail kind);
/* Any thread; 0, -ENOBUFS or -ESHUTDOWN. After 0 one future CAL_MAIL_RESERVED message will fit. */
int cal_mailbox_reserve(cal_mailbox *box);
void cal_mailbox_unreserve(cal_mailbox *box); /* any thread; the answer will never be sent */
uint64_t cal_mailbox_dropped(cal_mailbox *box);
/* How many messages wait, at one moment. Any thread. */
typedef struct cal_mail_waiting {
  uint32_t ordinary; /* all but these: */
  uint32_t questions, beginnings;
} cal_mail_waiting;

cal_mail_waiting cal_mailbox_waiting_by_lane(cal_mailbox *box);
uint32_t cal_mailbox_waiting(cal_mailbox *box); /* together */
/* Half of the room for ordinary messages is taken or promised. Any thread. */
int cal_mailbox_is_short(cal_mailbox *box);

/* A mailbox is reference counted (mem.h), because writers outlive readers at shutdown: cal_ref / cal_unref.
 */

#endif
