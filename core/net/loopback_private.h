/* loopback_private: what the files of the network in memory share.
 *
 *   loopback.c          names, doubles, faults, the watch
 *   loopback_sent.c     a request and an answer as they cross the network
 *   loopback_fetch.c    http.h: the way of a request there and back
 *   loopback_server.c   server.h: what a host does with it
 *   loopback_connect.c  ws.h: a WebSocket between the two
 */
#ifndef CAL_NET_LOOPBACK_PRIVATE_H
#define CAL_NET_LOOPBACK_PRIVATE_H

#include "net/http_private.h"
#include "net/loopback.h"
#include "net/server_private.h"
#include "net/ws_pair.h"

#define CAL_LOOPBACK_LOCAL "localhost" /* every local address goes by this name */
#define CAL_LOOPBACK_PEER "127.0.0.1"  /* where every client seems to be */

typedef struct cal_loopback_name {
  cal_list node;
  char *host;
  int port;           /* 0: any */
  int exists;         /* a server was here: the name is known even when nothing listens */
  cal_server *server; /* one of both, or neither */
  int is_double;
  cal_loopback_double handlers;
  int has_fault;
  cal_loopback_fault fault;
} cal_loopback_name;

struct cal_loopback {
  cal_loop *loop;
  cal_ws_line *line;
  cal_list names;
  cal_list trips, links;
  cal_slots *asked; /* requests doubles were asked, by id → cal_trip */
  uint32_t open;
  int nets, last_port;
  cal_loopback_seen seen;
  void *seen_context;
};

/* ---- loopback.c */

char *cal_loopback_host_name(const char *host, size_t bytes); /* returns owned: as it is known here */
int cal_loopback_split(char **host, int *port,
                       const char *authority); /* host is owned; port 0: none said; -EINVAL */
cal_loopback_name *cal_loopback_name_of(cal_loopback *loopback, const char *host,
                                        int port); /* made when needed */
cal_loopback_name *cal_loopback_listener(cal_loopback *loopback, const char *host,
                                         int port);                 /* NULL: nobody */
int cal_loopback_missing(cal_loopback *loopback, const char *host); /* why nobody: -ECONNREFUSED or -ENOENT */
const cal_loopback_fault *cal_loopback_fault_of(cal_loopback *loopback, const char *host,
                                                int port); /* never NULL */
int cal_loopback_is_private(const char *host);             /* as it is known here */
uint32_t cal_loopback_latency_ms(cal_loopback *loopback, const char *host, int port);

/* ---- loopback_sent.c */

/* A request as it was sent. */
typedef struct cal_sent {
  cal_http_request view; /* with every field; its spans and strings are ours */
  char *host;            /* as it is known here */
  char *authority;       /* as the Host field says it */
  char *method;          /* NULL: one that servers of ours know */
  char *target;
  int port;
  cal_http_field *fields;
} cal_sent;

/* Returns owned. `host` as the URL has it; `target` is path and query as they go over the wire. */
cal_sent *cal_sent_new(const char *method, const char *host, int port, int is_tls, const char *target);
void cal_sent_add(cal_sent *sent, cal_span name, cal_span value);
void cal_sent_default(cal_sent *sent, const char *name, cal_span value); /* unless it is there */
void *cal_sent_free(cal_sent *sent); /* takes; NULL is fine; returns NULL */
void cal_sent_tell(cal_loopback *loopback, const cal_sent *sent, const cal_http_answer *answer, int error);

/* As a server of ours reads it. Returns owned. `*status` 0: it may be handed over; else the refusal. */
cal_request *cal_sent_read(const cal_sent *sent, const cal_server *server, int *status, const char **why);

/* An answer, read from its bytes: its spans point into them, names are made lower case. */
typedef struct cal_received {
  int status;
  cal_http_field fields[CAL_HTTP_FIELDS_CEILING];
  size_t field_count, field_bytes;
  cal_span body;
} cal_received;

void cal_received_read(cal_received *received, cal_buf *bytes);

/* ---- loopback_fetch.c, loopback_server.c */

/*   start ─► CONNECTING ─ latency ─► WAITING at the host ─ answer, latency ─► RECEIVING ─► over
 *     ▲                                                                           │
 *     └───────────────────────────── redirect ────────────────────────────────────┘ */
typedef struct cal_trip cal_trip;

int cal_loopback_fetch(cal_id *result, cal_net *net, const char *method,
                       const cal_http_fetch_options *options);
int cal_loopback_cancel(cal_net *net, cal_id id);
int cal_loopback_resume(cal_net *net, cal_id id);
void cal_loopback_drop_trips(cal_net *net); /* without a word */

struct cal_trip {
  cal_list node; /* in the loopback */
  cal_loopback *loopback;
  cal_net *net;
  cal_id id;
  /* what was asked for; `fields`, `body` and the strings are ours */
  cal_http_fetch_options options;
  CURLU *url;
  uint32_t redirected;
  char *first_authority; /* where our secrets may go, also after a redirect */
  int first_is_tls;
  uint64_t end_ns;
  cal_timer step, deadline;
  /* how far it is */
  cal_sent *sent;
  uint32_t latency_ms;
  cal_http_phase phase;
  int is_cancelled, is_told, is_paused;
  int error;
  char text[160];
  cal_buf reply;
  cal_received received;
  size_t given; /* bytes of the body */
  /* an answer that is open: what has come of its body, and whether more may; it may end with a break */
  int is_open, is_broken;
  cal_buf pieces;
  /* at the host, while it waits there */
  cal_server *server;
  cal_id asked; /* the id it has there */
  cal_asker *asker;
  cal_timer reply_due;
  int awaits_room; /* who sends the pieces was asked to wait */
};

void cal_trip_take(cal_trip *trip,
                   cal_loopback_name *name); /* the host has it; returns with or without an answer */
void cal_trip_leave(cal_trip *trip);         /* the host forgets it */
void cal_trip_answer(cal_trip *trip, const cal_http_answer *answer);
int cal_trip_piece(cal_trip *trip, cal_span piece, cal_piece_end end); /* NULL: its asker has gone */
void cal_trip_room(cal_trip *trip, int code); /* tells who waits for room, if anyone does */
void cal_trip_break(cal_trip *trip);          /* the connection broke after the request was taken */

int cal_loopback_listen(cal_server *server); /* -EADDRINUSE, -EINVAL */
void cal_loopback_stop_listening(cal_server *server);
void cal_loopback_cut_server(cal_server *server); /* what is open there */
int cal_loopback_reply(cal_server *server, cal_id id, const cal_http_answer *answer);
int cal_loopback_piece_of(cal_server *server, cal_id id, cal_span piece, cal_piece_end end);

/* ---- loopback_connect.c */

typedef struct cal_link {
  cal_list node; /* in the loopback */
  cal_loopback *loopback;
  cal_sent *sent;
  int is_told;
  cal_server *server; /* that accepted it; NULL: a double */
  cal_ws *client, *accepted;
  uint32_t latency_ms;
  cal_timer step, deadline;
  cal_buf refusal;
  int error;
  char text[160];
} cal_link;

int cal_loopback_connect(cal_ws **result, cal_net *net, const cal_ws_connect_options *options,
                         cal_ws_target *target);
void cal_loopback_cut_links(cal_loopback *loopback); /* those to hosts whose fault says so */
void cal_loopback_end_links(cal_loopback *loopback, const cal_server *server); /* NULL: all of them */

#endif
