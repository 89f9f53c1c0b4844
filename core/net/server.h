/* server: HTTP/1.1 and WebSocket on one port, with or without TLS.
 *
 * A request is handed over whole, body included, with an id; the answer is given by that id, at once or
 * later, from the loop's thread. Whoever never answers is answered for (504). A client that went away makes
 * the answer a polite no-op. An upgrade is decided on the spot: accept it with the handlers of the new
 * WebSocket, or refuse it with a status.
 *
 * The net's options bound every request; what is wrong is refused before it is handed over: 413 for a body
 * over its ceiling, 411 for a chunked one, 400 for a Content-Length that is not one number, 503 when 4,096
 * requests wait for their answers. Too much header closes the connection without a word. Connections are
 * kept for the next request, but one on which more was sent before the answer came is closed after the
 * answer: pipelining is not served (server_http.c says why).
 *
 * The request's target cannot be had as it was written: the path comes decoded, `//` and `..` collapsed.
 * `query` is encoded again from its decoded parts, so it is decoded once by whoever reads it; for what is
 * made of the characters A-Z a-z 0-9 - . _ ~ / = & ? it is byte for byte what was sent, and `target_is_exact`
 * says that nothing else came out of the target. A signature over the URL may only be checked when it is 1.
 * (A target that wrote such a character as %41, or `//`, looks exact and is not; its signature then fails.)
 *
 * Loop thread only. */
#ifndef CAL_NET_SERVER_H
#define CAL_NET_SERVER_H

#include "base/slots.h"
#include "net/net.h"
#include "net/ws.h"

typedef struct cal_server cal_server;

/* All borrowed until the callback returns. */
typedef struct cal_http_request {
  cal_id id;          /* 0 for an upgrade: it is answered by returning */
  const char *method; /* "GET"; static */
  cal_span path;      /* begins with '/' */
  cal_span query;     /* without '?'; empty when there is none */
  int target_is_exact;
  /* Those of the wanted fields that were sent; repeated ones are joined by commas. */
  const cal_http_field *fields;
  size_t field_count;
  cal_span body;
  const char *peer; /* numeric address, without port */
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
} cal_http_answer;

typedef struct cal_upgrade {
  /* Fill in to accept; on_close comes exactly once from then on, even if on_open never does. */
  cal_ws_handlers handlers;
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
  const char *const *fields; /* names of the fields handlers want to see, lower case; at most 32; copied */
  size_t field_count;
  const char *const *subprotocols; /* WebSocket sub-protocols served; at most 8; a client that asks for none
                                      of them is refused with 400, one that asks for nothing is fine */
  size_t subprotocol_count;
  void *context;
  void (*on_request)(void *context, const cal_http_request *request);
  /* 0 accepts (fill upgrade->handlers), a status refuses; NULL: every upgrade gets 404. */
  int (*on_upgrade)(void *context, const cal_http_request *request, cal_upgrade *upgrade);
} cal_server_options;

/* Borrows the net; `*result` is owned by the net until cal_server_free or cal_net_close, whichever comes
 * first. -EADDRINUSE with the remedy in the error text, -EACCES, -EINVAL, or what cal_tls_check says. */
int cal_server_listen(cal_server **result, cal_net *net, const cal_server_options *options);
int cal_server_port(const cal_server *server);
int cal_server_connections(const cal_server *server); /* open now, WebSockets included */

/* Copies the answer. -ENOENT: nobody waits for it any more (answered, timed out or gone), which is no reason
 * to worry. An answer has at most 16 MiB and clean fields; instead of any other the client gets a 500. */
int cal_server_reply(cal_server *server, cal_id id, const cal_http_answer *answer);

/* Drains: no new connection is taken, requests on open ones are still served and told to close, upgrades get
 * 503. */
void cal_server_stop_listening(cal_server *server);

/* Loads certificate and key again from the same files, for connections to come. On failure nothing changes.
 */
int cal_server_reload_tls(cal_server *server);

/* Takes; NULL is fine; returns NULL. Listening ends, connections are cut, WebSockets get their on_close,
 * waiting requests are forgotten. Some memory (a third of a megabyte at an ulimit of 20,000 descriptors)
 * stays until the net is closed. Not from a callback of this server. */
void *cal_server_free(cal_server *server);

#endif
