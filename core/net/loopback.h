/* loopback: a network in memory, for specs.
 *
 *   net A ── fetch, connect ──► [ loopback: names → servers, doubles ] ──► net B's server, or a double
 *
 * Nets made with the same loopback (cal_net_options.loopback) reach each other by the host names and ports
 * their servers were started with, and doubles by theirs; nothing else exists. No descriptor, no thread, no
 * TLS: https and wss are http and ws whose requests say `is_tls`. A request takes the latency of its host
 * there and again back, on the loop's clock, so on simulated time a conversation of minutes is the same every
 * time and takes no time. Limits, refusals and errors are those of the real thing: ceilings of bodies and
 * messages, unknown names (-ENOENT), nobody listening (-ECONNREFUSED), silence (-ETIMEDOUT), a broken
 * connection (-ECONNRESET, was_sent).
 *
 * A server's `host` is a name here: "app.test" with options.port, "app.test:443", or "app.test" and port 0
 * for every port. No name (or a local address) is this machine: "localhost", 127.0.0.1 and ::1 reach it, and
 * with port 0 it is given a free one. Two servers cannot share a name and port, reuse_port or not.
 * Connections are not kept: a server that stopped listening answers what waits and refuses the rest. Every
 * client seems to come from 127.0.0.1.
 *
 * A double stands for a host that is not ours: a vendor, a customer's own interface. Its handler gets every
 * request, with all its fields, and answers it by id, at once or later. Loop thread only. */
#ifndef CAL_NET_LOOPBACK_H
#define CAL_NET_LOOPBACK_H

#include "net/server.h"

typedef struct cal_loopback cal_loopback;

cal_loopback *cal_loopback_new(cal_loop *loop); /* returns owned; borrows the loop */
/* Takes; every net made with it must be closed before. What doubles still have open ends with on_close. NULL
 * is fine; returns NULL. */
cal_loopback *cal_loopback_free(cal_loopback *loopback);

/* NULL handlers: every request, every upgrade gets 404. */
typedef struct cal_loopback_double {
  void *context;
  /* Answer with cal_loopback_answer, now or later. */
  void (*on_request)(void *context, const cal_http_request *request);
  /* As in cal_server_options. */
  int (*on_upgrade)(void *context, const cal_http_request *request, cal_upgrade *upgrade);
} cal_loopback_double;

/* `authority`: "api.example.com" (any port) or "api.example.com:8443"; the one with the port comes first. A
 * later double of the same authority replaces the earlier; NULL takes it away; what the earlier one was asked
 * it may still answer. -EEXIST: one of our servers has the name; -EINVAL: no authority. */
int cal_loopback_host(cal_loopback *loopback, const char *authority, const cal_loopback_double *host);
/* Copies, as cal_server_reply does; nothing happens when the request does not wait any more. */
void cal_loopback_answer(cal_loopback *loopback, cal_id request, const cal_http_answer *answer);
/* As cal_server_piece; a double does not wait for room. */
int cal_loopback_piece(cal_loopback *loopback, cal_id request, cal_span piece, cal_piece_end end);

/* What is wrong with a host, server or double, from now on. Zeroed: nothing. */
typedef struct cal_loopback_fault {
  uint32_t latency_ms; /* each way; 0: 1 */
  int refuse;          /* negative errno of connecting: -ECONNREFUSED, -ENOENT, -EHOSTUNREACH, -EKEYREJECTED;
                          -ETIMEDOUT          is only told when the time to connect is over; 0: none */
  int is_silent; /* connects, takes the request, never answers: its handler is called, its answer is lost; an
                    upgrade is not even decided */
  /* A body that is read as it comes (on_data) comes in pieces of so many bytes, one every piece_ms; 0: at once. */
  uint32_t piece_bytes, piece_ms;
  uint32_t cut_after_bytes; /* the connection breaks when so much of it has come; 0: not */
  int is_cut; /* breaks the connection after the request was taken; open sockets break at once */
} cal_loopback_fault;

/* For an authority, as above; the host need not exist yet. -EINVAL: no authority, or `refuse` is positive. */
int cal_loopback_set_fault(cal_loopback *loopback, const char *authority, const cal_loopback_fault *fault);

/* Told of every request that was answered or failed (answer NULL), in order of its end, right before whoever
 * asked is; for a spec's record. All its fields are there. A redirect that is followed is two requests, one
 * given up has -ECANCELED, an upgrade comes with the status it got, 101 when it was accepted. All borrowed
 * until it returns. */
typedef void (*cal_loopback_seen)(void *context, const char *authority, const cal_http_request *request,
                                  const cal_http_answer *answer, int error);
void cal_loopback_watch(cal_loopback *loopback, cal_loopback_seen seen, void *context);

uint32_t
cal_loopback_open(const cal_loopback *loopback); /* requests and sockets under way: 0 when all is over */

#endif
