/* leg: one party's media socket, and everything that happens to its samples. io thread only.
 *
 *            message ──► wire ──► decode ──► in-band keys ──► vad / endpoint ──► recorder (left)
 *   carrier                                                        │ speech starts: interruptible
 *   socket                                                         ▼ utterances stop in this tick
 *            frame  ◄── wire ◄── encode ◄──────────────────── playout queue ──► recorder (right)
 *
 * Role AGENT (we answer the carrier): samples are used as they arrive; frames are sent only while there is
 * something to say, `lead_ms` ahead of real time; the end of each utterance carries a mark, and what the
 * caller heard is computed from echoed marks and the schedule, never over-stated. Role CARRIER (the
 * exchange): what arrives is played in real time from a queue (carrier_queue.h), marks are echoed when they
 * are reached, and a frame is sent every tick, silence included. */
#ifndef CAL_LEG_LEG_H
#define CAL_LEG_LEG_H

#include "io/io.h"
#include "net/ws.h"

typedef struct cal_leg cal_leg;

typedef enum cal_leg_end {
  CAL_LEG_HANGUP = 1,  /* the other side said stop or closed properly */
  CAL_LEG_LOST,        /* the socket broke or fell silent */
  CAL_LEG_CLOSED,      /* we closed it */
  CAL_LEG_NO_START,    /* no start message within the deadline */
  CAL_LEG_WRONG_START, /* another call, encoding or rate than we asked for */
  CAL_LEG_TOO_LONG,    /* the longest call length was reached */
  CAL_LEG_NO_SOCKET,   /* the socket could not be opened (role CARRIER) */
  CAL_LEG_MALFORMED,   /* too many messages in a row that make no sense */
} cal_leg_end;

/* Both take one reference of the call. Accept fills in the handlers, which go to cal_server; NULL (with an
 * error text): refused, because the call has a leg already or its script could not be told the leg's end. A
 * dial that fails is told as CAL_EVENT_LEG_ENDED; one of a call that has a leg already is passed over. A call
 * of role CARRIER may be accepted as well, for a socket that somebody else opens (one half of a pair in
 * memory); its cal_dial gives ids and opening. */
cal_leg *cal_leg_accept(cal_io *io, cal_call *call, cal_ws_handlers *handlers);
void cal_leg_dial(cal_io *io, cal_call *call);
/* Takes the call, whose socket will never come: told as the end of its leg. */
void cal_leg_miss(cal_io *io, cal_call *call, const char *text);
void cal_leg_command(cal_leg *leg, cal_command *command);             /* takes what the command points to */
void cal_leg_tick(cal_leg *leg, uint64_t now_ns);                     /* from io's wheel */
void cal_leg_finish(cal_leg *leg, cal_leg_end end, const char *text); /* ends it; its socket frees it, soon */

#endif
