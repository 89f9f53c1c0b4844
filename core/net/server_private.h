/* server_private: what the files of the server share.
 *
 *   server.c          life of a server and of its connections
 *   listener.c        the socket that accepts
 *   server_http.c     requests and answers, as lws tells about them
 *   server_upgrade.c  the decision about a WebSocket
 *   server_request.c  a request, read out of lws
 *   server_answer.c   an answer, written as bytes */
#ifndef CAL_NET_SERVER_PRIVATE_H
#define CAL_NET_SERVER_PRIVATE_H

#include "net/server.h"
#include "net/ws_socket.h"

#define CAL_FIELDS_CEILING 64
#define CAL_ANSWER_CEILING (16 * 1024 * 1024)

/*      ┌────────────────────────────────────────────────┐
 *      ▼                                                │
 *   AWAITING ─► BODY ─► WAITING ─► REPLYING ────────────┤
 *      │          └───────► REFUSED ─► closed           │
 *      └─► UPGRADED (the WebSocket has it now)          └─► closed */
typedef enum cal_conn_phase {
  CAL_CONN_AWAITING, /* TLS, or a request's headers */
  CAL_CONN_BODY,
  CAL_CONN_WAITING, /* for the answer; nothing is read meanwhile */
  CAL_CONN_REPLYING,
  CAL_CONN_REFUSED, /* answered already; what still comes is thrown away for a moment, or a reset would eat
                       the answer */
  CAL_CONN_UPGRADED
} cal_conn_phase;

typedef struct cal_request {
  cal_http_request view;
  cal_http_field fields[CAL_FIELDS_CEILING];
  cal_buf text; /* what the spans of the view point into */
  cal_buf body;
} cal_request;

typedef struct cal_conn {
  cal_list node;
  cal_server *server;
  struct lws *wsi;
  cal_timer timer; /* the deadline of the phase */
  cal_conn_phase phase;
  cal_request *request;
  cal_buf reply;
  size_t replied;     /* bytes of it that lws has */
  int closes, is_old; /* after this answer; HTTP/1.0 */
  int is_stopped;     /* reading is */
  cal_ws_socket *ws;
  char peer[48];
} cal_conn;

typedef struct cal_listener cal_listener;

struct cal_server {
  cal_list node; /* in the net */
  cal_net *net;
  cal_server_options options; /* its pointers to text are ours */
  cal_lws *lws;
  cal_listener *listener;
  cal_slots *waiting; /* requests by id → cal_conn */
  cal_list conns;
  uint32_t conn_count;
  int port, is_tls, is_stopping, is_dying;
  struct {
    char *name;   /* "x-twilio-signature:", as lws wants it */
    size_t bytes; /* without the colon */
    int token;    /* lws's own number for well-known names, or -1 */
  } fields[CAL_FIELDS_CEILING];
  char *scratch; /* room for a request's longest header */
  size_t scratch_bytes;
  cal_metric *timed_out, *refused, *crowded;
};

/* listener.c */
int cal_listener_open(cal_server *server);
void *cal_listener_close(cal_listener *listener); /* takes; NULL is fine; returns NULL */
void cal_server_take(cal_server *server, int fd,
                     const struct sockaddr *peer); /* server.c: a new connection; takes fd */

/* server.c */
void cal_server_bury(cal_server *server); /* takes a parked one, when its net goes */
void cal_conn_cut(cal_conn *conn);
void cal_conn_deadline(cal_conn *conn, uint64_t after_ms);

/* server_http.c: what lws's callback returns */
int cal_conn_http(cal_conn *conn);
int cal_conn_body(cal_conn *conn, const void *data, size_t bytes);
int cal_conn_body_complete(cal_conn *conn);
int cal_conn_writable(cal_conn *conn);
void cal_conn_forget_request(cal_conn *conn);
void cal_conn_reply(cal_conn *conn, const cal_http_answer *answer);

/* server_upgrade.c */
int cal_conn_upgrade(cal_conn *conn, const char *to);

/* server_request.c */
int cal_field_token(const char *name_with_colon);
const char *cal_request_method(struct lws *wsi, int *token); /* NULL: none we serve */
int cal_request_token(cal_server *server, struct lws *wsi,
                      int token);              /* into scratch; bytes, or -1: absent */
cal_request *cal_request_read(cal_conn *conn); /* returns owned */
void *cal_request_free(cal_request *request);
int cal_path_survives(const char *path, size_t bytes); /* 1: decoding has changed nothing in it */
int cal_query_encode(cal_buf *into, const char *part,
                     size_t bytes); /* a decoded part of a query; 1: as it was */

/* server_answer.c */
int cal_answer_write(cal_buf *into, const cal_http_answer *answer, int is_head, const char *connection);

#endif
