/* host: what services, calls and questions need of their script thread. Given to them at birth, so that they know no
 * thread. Used on that thread only; `reach` and the mailbox on any. */
#ifndef CAL_SCRIPT_HOST_H
#define CAL_SCRIPT_HOST_H

#include "base/slots.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "script/backlog.h"
#include "script/reach.h"

typedef struct cal_script_host {
  cal_reach *reach;
  cal_loop *loop;
  uint8_t index; /* 1..; tag of the handles and of the requests' numbers given out here */
  cal_mailbox *events;
  cal_backlog *backlog;              /* events of calls that wait for their turn */
  cal_slots *calls;                  /* handle → cal_live_call */
  cal_slots *questions;              /* number of a request → who waits for its answer */
  void (*on_wake)(cal_timer *timer); /* the time that a VM asked for has come: the timer of its context */
  int has_started;                   /* a service VM said core.started() */
} cal_script_host;

#endif
