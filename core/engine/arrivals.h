/* arrivals: what comes from outside on an io thread.
 *
 *   request ──┬─► /healthz, /readyz, /metrics   answered here: they tell of the engine, however busy scripts are
 *             └─► all the rest ─► a script thread: that of the call it names, or by turns
 *   socket ───────────────────► a script thread
 *
 * Io threads; nothing blocks. */
#ifndef CAL_ENGINE_ARRIVALS_H
#define CAL_ENGINE_ARRIVALS_H

#include "script/reach.h"

/* Hooks of io (io/io.h); both take the message. */
int cal_arrivals_request(void *reach, cal_io *io, cal_id request, cal_http_message *message);
int cal_arrivals_socket(void *reach, cal_id socket, cal_http_message *message);

#endif
