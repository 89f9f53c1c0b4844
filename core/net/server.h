/* server: HTTP/1.1 and WebSocket on one port, with or without TLS.
 *
 * A request is handed over whole, body included, with an id; the answer is given by that id, at once or
 * later, from the loop's thread. A request that is never answered gets a 504 from the server. A client that
 * went away makes the answer a polite no-op. An upgrade is decided on the spot: accept it with the handlers of
 * the new WebSocket, or refuse it with a status.
 *
 * Connections are kept for the next request; requests sent ahead are answered in their order, one at a time.
 * Bodies come with a length or in chunks. What a request's head may look like is said in request_head.h:
 * whatever two readers could take differently is refused. Each refusal is an answer with a problem document
 * (RFC 9457), one log line a second at most, and the end of the connection:
 *
 *   400 malformed   408 too slow    413 body over its ceiling   414, 431 target, header over theirs
 *   417, 501, 505 an expectation, a method or coding, a version that is not served
 *   503 4,096 requests wait for their answers, or too many connections
 *
 * The target is handed over as it was sent, byte for byte, so a signature over the URL can be checked. Nothing
 * in it is decoded or collapsed: whoever compares paths compares what was sent, and decodes only what he takes
 * for a value. (A path with a segment `.` or `..`, however encoded, is refused; `//` and `%2F` are not `/`.)
 *
 * Loop thread only. */
#ifndef CAL_NET_SERVER_H
#define CAL_NET_SERVER_H

#include "base/slots.h"
#include "net/asker.h"
#include "net/net.h"
#include "net/ws.h"

typedef struct cal_server cal_server;

/* All borrowed until the callback returns. */
typedef struct cal_http_request {
  cal_id id;          /* 0 for an upgrade: it is answered by returning */
  const char *method; /* "GET"; static */
  cal_span target;    /* path and query as they were sent; "/a?" keeps its '?' */
  cal_span path;      /* its part before the '?'; begins with '/' */
  cal_span query;     /* its part after the '?'; empty when there is none */
  /* Those of the wanted fields that were sent; repeated ones are joined by commas. */
  const cal_http_field *fields;
  size_t field_count;
  cal_span body;
  const char *peer; /* numeric address, without port */
  cal_asker *asker; /* who waits for the answer; NULL for an upgrade */
  int is_tls;
} cal_http_request;

/* The value of a field; the empty span (`at` NULL) when it was not sent or not wanted. Case does not matter.
 */
cal_span cal_http_request_field(const cal_http_request *request, const char *name);

/* Content-Length and Connection are written by the server; anything else is the caller's, content-type
 * included. */
typedef struct cal_http_answer {
  int status; /* 200..599 */
  const cal_http_field *fields;
  size_t field_count;
  cal_span body;
  /* 1: the body goes on, with cal_server_piece; `body` is its first piece. One that has no body (204, 304, to HEAD) is
   * over at once. */
  int is_open;
} cal_http_answer;

/* What comes after a piece of a body. */
typedef enum cal_piece_end {
  CAL_PIECE_MORE,
  CAL_PIECE_LAST, /* nothing: the body is whole */
  CAL_PIECE_CUT,  /* nothing: the connection breaks, as that of a server that fails does */
} cal_piece_end;

#define CAL_PIECE_WAIT 1
#define CAL_PIECES_ROOM_BYTES (64 * 1024)      /* may wait for a client before the sender is asked to wait */
#define CAL_PIECES_CEILING_BYTES (1024 * 1024) /* may wait in all; a client for whom more waits is cut off */

typedef struct cal_upgrade {
  /* Fill in to accept; on_close comes exactly once from then on, even if on_open never does. */
  cal_ws_handlers handlers;
  /* One of the sub-protocols the client offers (its Sec-WebSocket-Protocol field), borrowed until the callback
   * returned; NULL, or one it does not offer: none is agreed on. */
  const char *subprotocol;
  cal_buf *refusal; /* the server's; see cal_upgrade_refuse */
} cal_upgrade;

/* Copies a refusal with fields (Retry-After) and a body; returns its status, for `return
 * cal_upgrade_refuse(…)`. */
int cal_upgrade_refuse(cal_upgrade *upgrade, const cal_http_answer *answer);

typedef struct cal_server_options {
  const char *host;                 /* numeric address; NULL: all of IPv4. "::" is all of both */
  int port;                         /* 0: the kernel chooses; see cal_server_port */
  int reuse_port;                   /* SO_REUSEPORT: several servers, one a thread, on one port */
  const char *cert_file, *key_file; /* both or neither; PEM */
  /* Names of the fields handlers want to see, lower case, at most 64, copied. "x-forwarded*": all that begin so,
   * as far as there is room beside those that are named: a request shows at most 64. */
  const char *const *fields;
  size_t field_count;
  void *context;
  void (*on_request)(void *context, const cal_http_request *request);
  /* 0 accepts (fill upgrade->handlers), a status refuses; NULL: every upgrade gets 404. */
  int (*on_upgrade)(void *context, const cal_http_request *request, cal_upgrade *upgrade);
  /* After cal_server_piece gave CAL_PIECE_WAIT, once: 0, there is room again; -EPIPE: the client has gone. May come
   * from within cal_server_piece and cal_server_free; NULL: pieces are sent as they come. */
  void (*on_room)(void *context, cal_id request, int code);
} cal_server_options;

/* Borrows the net; `*result` is owned by the net until cal_server_free or cal_net_close, whichever comes
 * first. -EADDRINUSE with the remedy in the error text, -EACCES, -EINVAL, or what cal_tls_check says. */
int cal_server_listen(cal_server **result, cal_net *net, const cal_server_options *options);
int cal_server_port(const cal_server *server);
int cal_server_connections(const cal_server *server); /* open now, WebSockets included */

/* Copies the answer. -ENOENT: nobody waits for it any more (answered, timed out or gone), which is no reason
 * to worry. An answer has at most 16 MiB and clean fields; instead of any other the client gets a 500. */
int cal_server_reply(cal_server *server, cal_id id, const cal_http_answer *answer);

/* Copies the next piece of an answer that is open: a chunk, or to a client of HTTP/1.0 what comes before the connection
 * ends. 0: there is room for the next one; CAL_PIECE_WAIT: it was taken, and the next may come after on_room.
 * -ENOENT: this answer is not open, or its client has gone or took nothing for as long as a request may be unanswered;
 * -ENOBUFS: the client took too little and was cut off. */
int cal_server_piece(cal_server *server, cal_id id, cal_span piece, cal_piece_end end);

/* Drains: no new connection is taken, requests on open ones are still served and told to close, upgrades get
 * 503. */
void cal_server_stop_listening(cal_server *server);

/* Loads certificate and key again from the same files, for connections to come. On failure nothing changes.
 */
int cal_server_reload_tls(cal_server *server);

/* Takes; NULL is fine; returns NULL. Listening ends, connections are cut, WebSockets get their on_close,
 * waiting requests are forgotten. Not from a callback of this server. */
void *cal_server_free(cal_server *server);

#endif
