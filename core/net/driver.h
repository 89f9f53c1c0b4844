/* driver: what carries the bytes of a net: sockets of this machine (sockets.c), or a network in memory
 * (loopback.c).
 *
 *   net.h   http.h   server.h   ws.h        what is checked, counted and promised the same for both
 *   ─────────────── driver ───────────────
 *   sockets: curl, listener, lws │ loopback: doubles, faults, latency
 *
 * Above, no file knows which of both a net has; below, none knows the other. Both answer with the same codes.
 * Loop thread only. */
#ifndef CAL_NET_DRIVER_H
#define CAL_NET_DRIVER_H

#include "base/buf.h"
#include "net/http.h"
#include "net/server.h"
#include "net/ws.h"

/* Where a WebSocket leads, and what is sent along: read from its options (ws_target.c). Owned. */
typedef struct cal_ws_target {
  char *host, *host_header, *path; /* the name or number alone; as the Host field says it; with the query */
  int port, is_tls;
  cal_buf fields; /* "name: value\r\n" of each */
} cal_ws_target;

int cal_ws_target_read(cal_ws_target *target,
                       const cal_ws_connect_options *options); /* -EINVAL: nothing is owned */
void cal_ws_target_free(cal_ws_target *target);

typedef struct cal_net_driver {
  int (*open)(cal_net *net);   /* or a negative code, and nothing is left of it */
  void (*flush)(cal_net *net); /* goodbyes are written, as far as that is possible at once */
  void (*close)(cal_net *net); /* servers and sockets are gone before, its handles on the loop after */

  /* http.h; method and URL are checked */
  int (*fetch)(cal_id *result, cal_net *net, const char *method, const cal_http_fetch_options *options);
  int (*cancel)(cal_net *net, cal_id fetch);
  int (*resume)(cal_net *net, cal_id fetch);

  /* server.h; the options are checked and copied. `listen` sets the port. */
  int (*listen)(cal_server *server);
  void (*stop_listening)(cal_server *server); /* harmless twice */
  void (*cut)(cal_server *server);            /* what is open there; sockets end with 1001 */
  int (*reply)(cal_server *server, cal_id request, const cal_http_answer *answer);
  int (*piece)(cal_server *server, cal_id request, cal_span piece, cal_piece_end end);

  /* ws.h; takes what the target owns, also when it fails. */
  int (*connect)(cal_ws **result, cal_net *net, const cal_ws_connect_options *options, cal_ws_target *target);
} cal_net_driver;

extern const cal_net_driver cal_sockets_driver, cal_loopback_driver;

#endif
