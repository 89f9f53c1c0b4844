/* server_private: what the files of the server share.
 *
 *   server.c          life of a server
 *   listener.c        the socket that accepts
 *   server_conn.c     life of a connection: its bytes, phases and deadlines
 *   server_http.c     a request is taken, handed over and answered
 *   server_request.c  a request, as handlers see it
 *   server_answer.c   an answer, written as bytes
 *   server_pieces.c   an answer whose body comes in pieces
 *   server_upgrade.c  the decision about a WebSocket
 *   server_ws.c       a WebSocket on a connection of ours
 *
 * Below them, knowing nothing of servers: stream (bytes), request_head, chunks, ws_frame, ws_text (syntax). */
#ifndef CAL_NET_SERVER_PRIVATE_H
#define CAL_NET_SERVER_PRIVATE_H

#include "net/chunks.h"
#include "net/request_head.h"
#include "net/server.h"
#include "net/stream.h"
#include "net/ws_private.h"

#define CAL_FIELDS_CEILING 64
#define CAL_ANSWER_CEILING (16 * 1024 * 1024)

/*      ┌────────────────────────────────────────────────┐
 *      ▼                                                │
 *   AWAITING ─► BODY ─► WAITING ─► OPEN ─► REPLYING ────┤
 *      │          └───────► LEAVING ◄─────────┘         │
 *      └─► UPGRADED (the WebSocket has it now)          └─► GONE */
typedef enum cal_conn_phase {
  CAL_CONN_AWAITING, /* TLS, or a request's head */
  CAL_CONN_BODY,
  CAL_CONN_WAITING, /* for the answer */
  CAL_CONN_OPEN,    /* for the next piece of its body */
  CAL_CONN_REPLYING,
  CAL_CONN_LEAVING, /* the last word is said; what still comes is thrown away for a moment, or a reset would
                       eat it */
  CAL_CONN_UPGRADED,
  CAL_CONN_GONE
} cal_conn_phase;

typedef struct cal_request {
  cal_http_request view;
  cal_head head;
  cal_http_field fields[CAL_FIELDS_CEILING];
  char *text;     /* what the spans of the head point into */
  cal_buf joined; /* values of repeated fields */
  cal_buf body;
  cal_chunks chunks;
} cal_request;

struct cal_served_ws;

typedef struct cal_conn {
  cal_stream stream;
  cal_list node;
  cal_server *server;
  cal_timer timer; /* the deadline of the phase */
  cal_conn_phase phase;
  uint8_t closes;      /* after this answer */
  uint8_t is_old;      /* HTTP/1.0 */
  uint8_t has_begun;   /* a byte of the request has come */
  uint8_t is_feeding;  /* what has arrived is being read, further up the stack */
  uint8_t has_ended;   /* the client sends no more */
  uint8_t is_crowded;  /* over the ceiling: its request is refused */
  uint8_t awaits_room; /* who sends the pieces was asked to wait */
  size_t scanned;      /* of the head, see cal_head_find_end */
  uint64_t body_from_ns;
  cal_buf input; /* arrived, and not yet its turn */
  cal_request *request;
  struct cal_served_ws *ws;
  char peer[48];
} cal_conn;

typedef struct cal_listener cal_listener;

typedef enum cal_answer_manner {
  CAL_ANSWER_WHOLE,
  CAL_ANSWER_HEAD, /* to HEAD: without its body */
  CAL_ANSWER_OLD,  /* to HTTP/1.0, which knows no chunks */
} cal_answer_manner;

struct cal_server {
  cal_list node; /* in the net */
  cal_net *net;
  cal_server_options options; /* its pointers to text are ours */
  SSL_CTX *tls;               /* NULL: plain */
  cal_listener *listener;
  cal_slots *waiting; /* requests by id → cal_conn */
  cal_list conns;
  uint32_t conn_count;
  int port, is_stopping;
  uint64_t noted_ns; /* when cal_server_note wrote its last line */
  uint32_t unnoted;  /* since then */
  cal_metric *timed_out, *refused, *crowded;
};

/* listener.c */

/* server.c */
/* Logs that something was refused; one line a second at most, or whoever sends rubbish fills the disk. */
void cal_server_note(cal_server *server, const char *what, int code, const char *why);

/* server_conn.c */
void cal_conn_take(cal_server *server, int fd, const struct sockaddr *peer); /* a new connection; takes fd */
void cal_conn_cut(cal_conn *conn); /* at once; its memory goes with the loop's next turn */
void cal_conn_deadline(cal_conn *conn, uint64_t after_ms);
void cal_conn_leave(cal_conn *conn); /* all is said: LEAVING */
void cal_conn_next(cal_conn *conn);  /* the answer has left: on to what comes after it */
/* What has arrived is read as far as its phase lets it; what is left becomes conn->input. */
void cal_conn_feed(cal_conn *conn, char *data, size_t bytes);

/* server_http.c */
/* Negative: the head has so many bytes; 0: it is not there yet; or the status of the refusal, `*why` static. */
int cal_conn_check_head(const char *data, size_t bytes, size_t ceiling, size_t *scanned, const char **why);
/* How many of the bytes were used. */
size_t cal_conn_head(cal_conn *conn, const char *data, size_t bytes);
size_t cal_conn_body(cal_conn *conn, const char *data, size_t bytes);
void cal_conn_forget_request(cal_conn *conn);
void cal_conn_reply(cal_conn *conn, const cal_http_answer *answer);
void cal_conn_say_all(cal_conn *conn, cal_buf *last);    /* the end of an answer, which it takes */
cal_answer_manner cal_conn_manner(const cal_conn *conn); /* what its request asks for */
const char *cal_conn_word(const cal_conn *conn);         /* its Connection field; NULL: it needs none */
void cal_conn_refuse(cal_conn *conn, int status,
                     const char *why); /* answers and leaves; counted and logged */

/* server_pieces.c */
void cal_conn_open_answer(cal_conn *conn, const cal_http_answer *answer);
void cal_conn_has_room(cal_conn *conn);   /* all that was sent has left */
void cal_conn_pieces_end(cal_conn *conn); /* the connection is over: who waits for room is told */

/* server_upgrade.c */
void cal_conn_upgrade(cal_conn *conn); /* its request asks for a WebSocket */

/* server_ws.c */
struct cal_served_ws *cal_served_new(cal_conn *conn, const cal_ws_handlers *handlers);
void cal_served_open(struct cal_served_ws *ws); /* the client has been told: on_open */
size_t cal_served_read(struct cal_served_ws *ws, char *data, size_t bytes);
void cal_served_drained(struct cal_served_ws *ws);
void cal_served_end(struct cal_served_ws *ws, int error); /* takes: the connection is over */
void cal_served_kill(struct cal_served_ws *ws, int code); /* takes */

/* server_request.c */
cal_request *cal_request_new(const cal_server *server, const char *head, size_t bytes); /* returns owned */
void cal_request_show(cal_request *request,
                      const cal_server *server); /* fills in the view, once it is read */
void *cal_request_free(cal_request *request);    /* takes; NULL is fine; returns NULL */
/* The fields of `from` that the server wants, repeated ones joined; how many. `joined` holds what was joined. */
size_t cal_fields_choose(cal_http_field *into, cal_buf *joined, const cal_server *server,
                         const cal_http_field *from, size_t count);

/* server_answer.c */
/* Of an answer that is open, the head alone. */
int cal_answer_write(cal_buf *into, const cal_http_answer *answer, cal_answer_manner manner,
                     const char *connection);
int cal_answer_is_open(const cal_http_answer *answer,
                       cal_answer_manner manner); /* it has a body that goes on */

/* What the server itself says, as application/problem+json (RFC 9457). */
typedef struct cal_problem {
  cal_http_answer answer;
  cal_http_field fields[2];
  char body[256];
} cal_problem;

const cal_http_answer *cal_problem_say(cal_problem *problem, int status, const char *detail);

#endif
