/* overdue: requests and sockets nobody waits for any more by the time a script thread comes to them. Nothing is done for
 * them, before a VM is troubled: their askers have gone, were answered by a time-out, or are told to come again. News
 * (CAL_EVENT_NEWS) is never overdue. The script thread. */
#ifndef CAL_SCRIPT_OVERDUE_H
#define CAL_SCRIPT_OVERDUE_H

#include "script/reach.h"

/* An asker who sends no more has mostly closed the connection; one who has not is answered by then, unless there is more
 * to do than can be done. */
#define CAL_OVERDUE_DOUBT_NS (250 * CAL_MS)

/* 1: it was overdue, and its asker has been told in the words of its door; the event still is the caller's. */
int cal_overdue(cal_reach *reach, const cal_event *event, uint64_t now_ns);

#endif
