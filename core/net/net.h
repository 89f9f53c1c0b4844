/* net: the sockets of one io thread.
 *
 * A net belongs to one loop and carries everything that speaks to the outside on that loop's thread: servers
 * (server.h), WebSockets of both kinds (ws.h) and requests of our own (http.h). Which libraries do the work
 * is known to this module alone. Several nets live in one process, one a thread; SO_REUSEPORT lets
 * them share a port.
 *
 * Nets are made one after the other (a lock sees to it), from any thread; each is then used on its loop's
 * thread only, and closed there, or anywhere once that thread has ended. Names are looked up off the loop.
 *
 * A deployed host needs Debian's libwebsockets-evlib-uv beside libwebsockets: it is opened at run time. */
#ifndef CAL_NET_NET_H
#define CAL_NET_NET_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "loop/loop.h"

typedef struct cal_net cal_net;

/* A header field. Incoming names are lower case. */
typedef struct cal_http_field {
  cal_span name;
  cal_span value;
} cal_http_field;

/* Zero means the default, which stands behind each. Strings are copied. */
typedef struct cal_net_options {
  const char *ca_file;           /* whom clients trust; the system's authorities */
  int skip_tls_verification;     /* 1: clients believe any certificate (development only); 0 */
  uint32_t ping_after_s;         /* a WebSocket that is silent for this long is pinged; 20 */
  uint32_t dead_after_s;         /* and is dead when it has sent nothing at all for this long; 45 */
  uint32_t handshake_timeout_ms; /* for TLS and a request's header; and for its body, longer when the body is
                                    large and keeps coming: 10,000, then 408 */
  uint32_t idle_timeout_ms;      /* a kept-alive connection waits so long for its next request: 15,000 */
  uint32_t reply_timeout_ms;     /* a request not answered by then gets 504, counted: 15,000 */
  /* of one server: 20,000. All servers of the process together have at most half of its descriptors. A few over
   * it get 503, more are closed at once; counted */
  uint32_t connection_ceiling;
  size_t header_ceiling_bytes;   /* of a request's head; over it 431, or 414: 8 KiB */
  size_t body_ceiling_bytes;     /* of a request's body; over it 413: 1 MiB */
  size_t message_ceiling_bytes;  /* of a WebSocket message; over it close code 1009: 256 KiB */
  uint32_t fetch_ceiling;        /* own requests under way at once; over it -EAGAIN: 1,024 */
  struct cal_loopback *loopback; /* a network in memory instead of sockets (loopback.h), borrowed; NULL */
  uint32_t tag;                  /* 0..255, kept in every id this net gives out (cal_id_tag) */
} cal_net_options;

/* Returns owned; borrows the loop. -EINVAL, -EMFILE (fewer descriptors are left than it takes to start). */
int cal_net_new(cal_net **result, cal_loop *loop, const cal_net_options *options);
/* Takes; NULL is fine; returns NULL. Servers and WebSockets still open are told (close code 1001) and ended,
 * requests under way are dropped. Runs the loop until the last handle is gone, so never call it from one of
 * its callbacks; in a loopback there is none, and the goodbyes are still on their way. Close nets when the
 * process ends, after the threads that open files. */
void *cal_net_close(cal_net *net);
cal_loop *cal_net_loop(cal_net *net); /* borrowed */

#endif
