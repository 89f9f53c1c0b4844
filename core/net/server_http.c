/* Requests and answers, as lws tells about them.
 *
 * lws's habits that shape this file: it does not decode chunked bodies; it reads a doubled Content-Length as
 * its first number; it may tell twice that a body is complete; while a request waits for its answer it would
 * neither read what the client sends next nor stop asking the kernel about it, so reading is stopped
 * meanwhile. Worst, a request that was read together with the one before it is taken apart wrongly when it
 * has a body: its own header becomes its body, and what follows can make lws turn in a circle for ever. So a
 * connection on which more was sent than has been answered is closed after the answer, which a client that
 * pipelines must expect anyway (RFC 9112, 9.3.2). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/loopback_private.h"

#define LINGER_MS 1000
#define SLOWEST_CLIENT_BYTES_PER_MS 32 /* an answer's deadline grows with its size */
#define PIECE_BYTES (64 * 1024)        /* of an answer, handed to lws at a time */

void cal_conn_forget_request(cal_conn *conn) {
  if (conn->request && conn->request->view.id)
    cal_slots_remove(conn->server->waiting, conn->request->view.id);
  conn->request = cal_request_free(conn->request);
}

static void stop_reading(cal_conn *conn, int is_stopped) {
  if (conn->is_stopped == is_stopped) return;
  conn->is_stopped = is_stopped;
  lws_rx_flow_control(conn->wsi, !is_stopped);
}

static const char *connection_word(const cal_conn *conn) {
  if (conn->closes) return "close";
  return conn->is_old ? "keep-alive" : NULL;
}

static int is_head(const cal_conn *conn) {
  return conn->request && !strcmp(conn->request->view.method, "HEAD");
}

/* 1: all of it has left; 0: some of it; -1: the connection is dead. */
static int write_piece(cal_conn *conn) {
  size_t left = conn->reply.bytes - conn->replied;
  size_t bytes = left < PIECE_BYTES ? left : PIECE_BYTES;
  if (lws_partial_buffered(conn->wsi)) return 0;
  unsigned char *data = (unsigned char *)conn->reply.data + conn->replied;
  if (bytes && lws_write(conn->wsi, data, bytes, LWS_WRITE_HTTP_FINAL) < (int)bytes) return -1;
  conn->replied += bytes;
  if (conn->replied < conn->reply.bytes || lws_partial_buffered(conn->wsi)) return 0;
  cal_buf_free(&conn->reply);
  conn->replied = 0;
  return 1;
}

/* ---- refusing */

/* The client may still be sending. Its bytes are swallowed for a moment: closing with unread bytes resets the
 * connection, and a reset overtakes the answer. */
static int refuse(cal_conn *conn, int status, const char *text, int body_follows) {
  cal_http_field type = {cal_span_of("content-type"), cal_span_of("text/plain; charset=utf-8")};
  cal_http_answer answer = {.status = status, .fields = &type, .field_count = 1, .body = cal_span_of(text)};
  cal_metric_add(conn->server->refused, 1);
  conn->closes = 1;
  conn->phase = CAL_CONN_REFUSED;
  if (cal_answer_write(&conn->reply, &answer, 0, "close") || write_piece(conn) < 0) return -1;
  if (!body_follows) return -1;
  if (!conn->server->is_tls && !lws_partial_buffered(conn->wsi))
    shutdown(lws_get_socket_fd(conn->wsi), SHUT_WR);
  cal_conn_deadline(conn, LINGER_MS);
  return 0;
}

/* ---- a request arrives */

/* As lws will decide in the end; what is said in the answer should agree with it. */
static void read_persistence(cal_conn *conn) {
  cal_server *server = conn->server;
  int bytes = cal_request_token(server, conn->wsi, WSI_TOKEN_HTTP);
  conn->is_old = bytes < 8 || strncmp(server->scratch, "HTTP/1.1", 8);
  conn->closes = conn->is_old;
  if (cal_request_token(server, conn->wsi, WSI_TOKEN_CONNECTION) > 0) {
    if (!strcasecmp(server->scratch, "close")) conn->closes = 1;
    if (!strcasecmp(server->scratch, "keep-alive")) conn->closes = 0;
  }
  if (server->is_stopping) conn->closes = 1;
}

/* -1: absent; -EINVAL: not one number; -EMSGSIZE: over the ceiling. */
static int64_t content_length(cal_conn *conn) {
  int bytes = cal_request_token(conn->server, conn->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
  if (bytes < 0) return -1;
  const char *text = conn->server->scratch;
  if (!bytes || bytes > 15 || strspn(text, "0123456789") != (size_t)bytes) return -EINVAL;
  int64_t length = atoll(text);
  return length > (int64_t)conn->server->net->options.body_ceiling_bytes ? -EMSGSIZE : length;
}

static int expects_continue(cal_conn *conn) {
  return cal_request_token(conn->server, conn->wsi, WSI_TOKEN_HTTP_EXPECT) > 0 &&
         !strcasecmp(conn->server->scratch, "100-continue");
}

static int send_continue(cal_conn *conn) {
  char line[LWS_PRE + 32] = {0};
  static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
  memcpy(line + LWS_PRE, text, sizeof text);
  int sent = lws_write(conn->wsi, (unsigned char *)line + LWS_PRE, sizeof text - 1,
                       LWS_WRITE_HTTP_HEADERS_CONTINUATION);
  return sent < (int)sizeof text - 1 ? -1 : 0;
}

static void answer_briefly(cal_conn *conn, int status, const char *text) {
  cal_http_field fields[] = {{cal_span_of("content-type"), cal_span_of("text/plain; charset=utf-8")},
                             {cal_span_of("retry-after"), cal_span_of("1")}};
  cal_conn_reply(conn, &(cal_http_answer){.status = status,
                                          .fields = fields,
                                          .field_count = status == 503 ? 2 : 1,
                                          .body = cal_span_of(text)});
}

static void hand_over(cal_conn *conn) {
  cal_server *server = conn->server;
  cal_http_request *view = &conn->request->view;
  conn->phase = CAL_CONN_WAITING;
  view->body = (cal_span){.at = conn->request->body.data, .bytes = conn->request->body.bytes};
  view->id = cal_slots_add(server->waiting, conn);
  if (!view->id) {
    cal_metric_add(server->crowded, 1);
    return answer_briefly(conn, 503, "too many requests wait for their answers\n");
  }
  if (!server->options.on_request) return answer_briefly(conn, 404, "nothing is served here\n");
  cal_conn_deadline(conn, server->net->options.reply_timeout_ms);
  server->options.on_request(server->options.context, view);
  if (conn->phase == CAL_CONN_WAITING) stop_reading(conn, 1);
}

int cal_conn_http(cal_conn *conn) {
  int token = 0;
  struct lws *wsi = conn->wsi;
  if (conn->phase != CAL_CONN_AWAITING) return -1;
  read_persistence(conn);
  const char *method = cal_request_method(wsi, &token);
  int may_have_body =
      token == WSI_TOKEN_POST_URI || token == WSI_TOKEN_PUT_URI || token == WSI_TOKEN_PATCH_URI;
  int64_t length = content_length(conn);
  int body_follows = may_have_body || length > 0 || length < -1;
  if (!method) return refuse(conn, 501, "this method is not served\n", 0);
  if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING))
    return refuse(conn, 411, "send the body with a Content-Length, not in chunks\n", body_follows);
  if (length == -EINVAL) return refuse(conn, 400, "Content-Length is not one number\n", body_follows);
  if (length == -EMSGSIZE) return refuse(conn, 413, "the body is too big\n", body_follows);
  if (length < 0 && may_have_body) conn->closes = 1; /* lws would take what follows for this request's body */
  conn->request = cal_request_read(conn);
  if (length <= 0) {
    hand_over(conn);
    return 0;
  }
  conn->phase = CAL_CONN_BODY;
  cal_conn_deadline(conn, conn->server->net->options.handshake_timeout_ms);
  return expects_continue(conn) ? send_continue(conn) : 0;
}

int cal_conn_body(cal_conn *conn, const void *data, size_t bytes) {
  if (conn->phase != CAL_CONN_BODY || !bytes) return 0;
  return cal_buf_append(&conn->request->body, data, bytes) ? -1 : 0;
}

int cal_conn_body_complete(cal_conn *conn) {
  if (conn->phase == CAL_CONN_REFUSED) return -1;
  if (conn->phase == CAL_CONN_BODY) hand_over(conn);
  return 0;
}

/* ---- an answer leaves */

void cal_conn_reply(cal_conn *conn, const cal_http_answer *answer) {
  static const cal_http_answer wrong = {.status = 500};
  if (cal_answer_write(&conn->reply, answer, is_head(conn), connection_word(conn)))
    cal_answer_write(&conn->reply, &wrong, is_head(conn), connection_word(conn));
  cal_conn_forget_request(conn);
  conn->phase = CAL_CONN_REPLYING;
  uint64_t at_least_ms = conn->server->net->options.reply_timeout_ms;
  cal_conn_deadline(conn, at_least_ms + conn->reply.bytes / SLOWEST_CLIENT_BYTES_PER_MS);
  stop_reading(conn, 0);
  lws_callback_on_writable(conn->wsi);
}

/* lws keeps the header table of a connection only when it holds bytes of a next request; asked for a field,
 * it touches the buffer only when there is a table. */
static int more_was_sent(cal_conn *conn) {
  char touched[2] = "x";
  lws_hdr_custom_copy(conn->wsi, touched, sizeof touched, "-:", 2);
  return touched[0] != 'x';
}

int cal_conn_writable(cal_conn *conn) {
  if (conn->phase != CAL_CONN_REPLYING) return 0;
  int code = write_piece(conn);
  if (code < 0) return -1;
  if (code == 0) {
    lws_callback_on_writable(conn->wsi);
    return 0;
  }
  conn->phase = CAL_CONN_AWAITING;
  cal_conn_deadline(conn, conn->server->net->options.idle_timeout_ms);
  if (conn->closes || lws_http_transaction_completed(conn->wsi)) return -1;
  return more_was_sent(conn) ? -1 : 0;
}

int cal_server_reply(cal_server *server, cal_id id, const cal_http_answer *answer) {
  if (server->net->options.loopback) return cal_loopback_reply(server, id, answer);
  cal_conn *conn = cal_slots_get(server->waiting, id);
  if (!conn) return cal_fail(-ENOENT, "nobody waits for this answer any more");
  cal_conn_reply(conn, answer);
  return 0;
}
