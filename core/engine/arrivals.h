/* arrivals: what comes from outside on an io thread, and which script thread works on it, and when.
 *
 *   request ─┬─► /healthz, /readyz, /metrics            answered here: they tell of the engine, however busy scripts are
 *            ├─► of a live call, or news (io/doors.h) ─► goes first: the mailbox's ordinary lane
 *            ├─► asks something ─────────────────────┐
 *            └─► begins a call ──────────────────────┼─► in time (script/admission.h)? ─► stands back: a lane of its own
 *   socket that comes first ─────────────────────────┘                             └────► no: turned away at once, in the
 *                                                                                         words of its door
 * What goes first is refused only when its asker would be gone before a script came to it; it comes again then, as
 * carriers' callbacks do. What stands back may wait for limits.arrival_wait_ms by the estimate, and twice as long in fact;
 * who waited longer is turned away by the script thread (script/overdue.h). Io threads; nothing blocks. */
#ifndef CAL_ENGINE_ARRIVALS_H
#define CAL_ENGINE_ARRIVALS_H

#include "script/reach.h"

/* Hooks of io (io/io.h); the first two take the message. */
int cal_arrivals_request(void *reach, cal_io *io, cal_id request, cal_http_message *message);
int cal_arrivals_socket(void *reach, cal_id socket, cal_lobby_asks asks, cal_http_message *message);
int cal_arrivals_have_time(void *reach);

#endif
