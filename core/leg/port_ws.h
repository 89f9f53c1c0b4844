/* port_ws: a port over a WebSocket, in the words of a wire (wire/wire.h).
 *
 *   accepted ──────────────► waiting for the start message ──► up ──► parting ──► gone
 *   dialled ──► connecting ──────┘   (none if the wire knows none)
 *
 * Its manners are those the wire declares: answers leave at once, messages are numbered and their order is
 * checked, the last word is said and the other side's awaited for a bounded time, what is too much is refused.
 * More than 50 malformed messages in a row end it. One thread, the host's. */
#ifndef CAL_LEG_PORT_WS_H
#define CAL_LEG_PORT_WS_H

#include "leg/host.h"
#include "leg/port.h"
#include "net/ws.h"
#include "wire/wire.h"

typedef struct cal_port_ws_options {
  const char *name;           /* of the call; for the log and the watcher */
  cal_wire *wire;             /* one reference is taken */
  int is_watched;             /* by the host's watcher */
  const char *expected_call;  /* the start message must name the same; NULL or "": any */
  uint32_t start_deadline_ms; /* of the start message; of the connection too, when it is dialled */
  const char *stream, *call;  /* ids that are known before; NULL: the start message gives them */
  uint64_t sequence;          /* number of our first message; 0: 1 */
  const char *const *opening; /* texts sent when the socket is open, NULL-terminated; NULL: none */
  const char *closing;        /* sent before we close what was up; NULL: nothing */
  const char *url;            /* to dial */
  const char *url_headers;    /* "Name: value\n…" for the upgrade; NULL: none; at most 16 */
  void *texts;                /* keeps all these texts alive: one reference (mem.h) is taken */
} cal_port_ws_options;

/* Both return owned; -EMSGSIZE for an id that is too long. `handlers` are filled in, for the socket that
 * comes; dialling also fails as cal_ws_connect does. A port of which nobody has set the handlers yet must have
 * them before the loop turns. */
int cal_port_ws_accept(cal_port **result, const cal_host *host, const cal_port_ws_options *options,
                       cal_ws_handlers *handlers);
int cal_port_ws_dial(cal_port **result, const cal_host *host, const cal_port_ws_options *options);

/* For an open socket that is turned away with manners: the port, which was made to accept it, does not come
 * up, but says `text` (NULL: nothing) as its last word and waits for the other side's; `code` and `reason` go
 * into the close frame. Messages that came before and have had their answer are passed to `skip` first, and
 * read for their numbers alone. */
void cal_port_ws_skip(cal_port *port, const char *data, size_t bytes, int is_binary);
void cal_port_ws_refuse(cal_port *port, cal_ws *ws, const char *text, int code, const char *reason);

#endif
