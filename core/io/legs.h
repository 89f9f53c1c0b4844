/* legs: the legs of one io thread. What a call asks for reaches its leg as calls of leg.h, and what the leg
 * tells becomes the call's events; the leg itself knows neither.
 *
 *   cal_command ──► cal_legs_command ──► leg ──► hooks ──► cal_event ──► the call's script thread
 *
 * io thread only, but for the count. */
#ifndef CAL_IO_LEGS_H
#define CAL_IO_LEGS_H

#include "io/party.h"
#include "leg/leg.h"
#include "net/ws.h"
#include "talk/breaker.h"
#include "talk/ear.h"
#include "talk/voice.h"

typedef struct cal_legs cal_legs;

typedef struct cal_legs_options {
  cal_host host;          /* copied; loop and net are set, the rest of the thread is added here */
  cal_mailbox *commands;  /* borrowed: of this thread; calls get a reference when their leg is up */
  uint8_t tag;            /* of the ids given out */
  uint32_t ceiling;       /* at most so many at a time */
  cal_talk_ear ear;       /* of finished pieces of callers' speech */
  cal_talk_voice voice;   /* says what a vendor does not */
  cal_breakers *breakers; /* borrowed: of vendors */
} cal_legs_options;

cal_legs *cal_legs_new(const cal_legs_options *options); /* returns owned */
cal_legs *
cal_legs_free(cal_legs *legs); /* takes; after the sockets are gone, and so the legs; returns NULL */
const cal_host *cal_legs_host(const cal_legs *legs); /* borrowed: for ports without a leg */
uint32_t cal_legs_count(const cal_legs *legs);       /* any thread; a snapshot */

/* All three take the call. Accept fills in the handlers for the socket that comes; NULL (with an error text):
 * refused, because the call has a leg already or its script could not be told the leg's end. A call of role
 * CARRIER may be accepted as well, for a socket that somebody else opens (one half of a pair in memory); its
 * cal_dial gives ids and opening. A dial that fails becomes CAL_EVENT_LEG_ENDED; one of a call that has a leg
 * already is passed over. */
cal_leg *cal_legs_accept(cal_legs *legs, cal_party *party, cal_ws_handlers *handlers);
void cal_legs_dial(cal_legs *legs, cal_party *party);
/* The call's socket will never come: the end of a leg that never was. */
void cal_legs_miss(cal_legs *legs, cal_party *party, cal_leg_end end, const char *text);
/* A leg on any port. Takes both; NULL as above, and then the port is freed. */
cal_leg *cal_legs_add(cal_legs *legs, cal_party *party, cal_port *port);

void cal_legs_command(cal_legs *legs, cal_command *command); /* to the leg that is its target; takes it */
void cal_legs_end(cal_legs *legs, const char *text);         /* every one that lives */

#endif
