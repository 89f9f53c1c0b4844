/* Requests are taken and handed over; answers leave. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/server_private.h"
#include "net/sockets.h"

#define SLOWEST_CLIENT_BYTES_PER_MS 32 /* a deadline grows with the bytes that came, or have to leave */

void cal_conn_forget_request(cal_conn *conn) {
  if (conn->request && conn->request->view.id)
    cal_slots_remove(conn->server->waiting, conn->request->view.id);
  if (conn->request) cal_asker_leave(conn->request->view.asker);
  conn->request = cal_request_free(conn->request);
}

/* ---- refusing */

void cal_conn_refuse(cal_conn *conn, int status, const char *why) {
  char what[96];
  cal_problem problem;
  cal_buf reply;
  cal_buf_init(&reply, CAL_ANSWER_CEILING);
  cal_metric_add(conn->server->refused, 1);
  snprintf(what, sizeof what, "a request from %s was refused", conn->peer);
  cal_server_note(conn->server, what, status, why);
  cal_answer_write(&reply, cal_problem_say(&problem, status, why), CAL_ANSWER_WHOLE, "close");
  int code = cal_stream_write(&conn->stream, reply.data, reply.bytes);
  cal_buf_free(&reply);
  if (code)
    cal_conn_cut(conn);
  else
    cal_conn_leave(conn);
}

/* ---- a request arrives */

static void answer_problem(cal_conn *conn, int status, const char *detail) {
  cal_problem problem;
  cal_conn_reply(conn, cal_problem_say(&problem, status, detail));
}

static void answer_asterisk(cal_conn *conn) {
  static const cal_http_field allow = {{"allow", 5}, {"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", 44}};
  cal_conn_reply(conn, &(cal_http_answer){.status = 204, .fields = &allow, .field_count = 1});
}

static void hand_over(cal_conn *conn) {
  cal_server *server = conn->server;
  cal_http_request *view = &conn->request->view;
  conn->phase = CAL_CONN_WAITING;
  cal_request_show(conn->request, server);
  view->peer = conn->peer;
  if (cal_span_is(view->path, "*")) return answer_asterisk(conn);
  view->id = cal_slots_add(server->waiting, conn);
  if (!view->id) {
    cal_metric_add(server->crowded, 1);
    return answer_problem(conn, 503, "too many requests wait for their answers");
  }
  if (!server->options.on_request) return answer_problem(conn, 404, "nothing is served here");
  cal_conn_deadline(conn, server->net->options.reply_timeout_ms);
  view->asker = cal_asker_new();
  if (conn->has_ended) cal_asker_set(view->asker, CAL_ASKER_SENDS_NO_MORE);
  server->options.on_request(server->options.context, view);
}

static void begin_body(cal_conn *conn) {
  static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
  conn->phase = CAL_CONN_BODY;
  conn->body_from_ns = cal_loop_now_ns(conn->server->net->loop);
  cal_conn_deadline(conn, conn->server->net->options.handshake_timeout_ms);
  if (conn->request->head.expects_continue && cal_stream_write(&conn->stream, line, sizeof line - 1))
    cal_conn_cut(conn);
}

static void take_head(cal_conn *conn) {
  const cal_head *head = &conn->request->head;
  conn->is_old = !head->minor;
  conn->closes = !head->keeps_alive || conn->server->is_stopping;
  if (conn->is_crowded) {
    cal_problem problem;
    return cal_conn_reply(conn, cal_problem_say(&problem, 503, "there are too many connections"));
  }
  if (head->content_length > (int64_t)conn->server->net->options.body_ceiling_bytes)
    return cal_conn_refuse(conn, 413, "the body is too big");
  if (head->minor && cal_head_lists(head, "upgrade", "websocket")) return cal_conn_upgrade(conn);
  if (head->is_chunked || head->content_length > 0) return begin_body(conn);
  hand_over(conn);
}

int cal_conn_check_head(const char *data, size_t bytes, size_t ceiling, size_t *scanned, const char **why) {
  ssize_t end = cal_head_find_end(data, bytes, scanned);
  if (end < 0) {
    *why = "this is not HTTP, or a line of the header does not end with CR LF";
    return 400;
  }
  if ((end ? (size_t)end : bytes) <= ceiling) return -(int)end;
  int is_target = !memchr(data, '\n', ceiling);
  *why = is_target ? "the target is too long" : "the header is too long";
  return is_target ? 414 : 431;
}

size_t cal_conn_head(cal_conn *conn, const char *data, size_t bytes) {
  size_t ceiling = conn->server->net->options.header_ceiling_bytes;
  const char *why = "";
  int status = cal_conn_check_head(data, bytes, ceiling, &conn->scanned, &why);
  if (!status) return 0;
  if (status > 0) {
    cal_conn_refuse(conn, status, why);
    return bytes;
  }
  size_t end = (size_t)-status;
  conn->request = cal_request_new(conn->server, data, end);
  status = cal_head_read(&conn->request->head, conn->request->text, end, &why);
  if (status)
    cal_conn_refuse(conn, status, why);
  else
    take_head(conn);
  return end;
}

/* A body may be slow, but not slower and slower. */
static void prolong(cal_conn *conn) {
  cal_net *net = conn->server->net;
  uint64_t spent_ms = (cal_loop_now_ns(net->loop) - conn->body_from_ns) / CAL_MS;
  uint64_t may_ms =
      net->options.handshake_timeout_ms + conn->request->body.bytes / SLOWEST_CLIENT_BYTES_PER_MS;
  cal_conn_deadline(conn, may_ms > spent_ms ? may_ms - spent_ms : 0);
}

static size_t read_chunks(cal_conn *conn, const char *data, size_t bytes) {
  size_t used = 0;
  cal_request *request = conn->request;
  int code = cal_chunks_read(&request->chunks, data, bytes, &used, &request->body);
  if (code == CAL_CHUNKS_DONE)
    hand_over(conn);
  else if (code)
    cal_conn_refuse(conn, code,
                    code == 400   ? "the body's chunks are malformed"
                    : code == 413 ? "the body is too big"
                                  : "the body's trailer is too long");
  else
    prolong(conn);
  return used;
}

size_t cal_conn_body(cal_conn *conn, const char *data, size_t bytes) {
  cal_request *request = conn->request;
  if (!bytes) return 0;
  if (request->head.is_chunked) return read_chunks(conn, data, bytes);
  size_t left = (size_t)request->head.content_length - request->body.bytes;
  size_t piece = bytes < left ? bytes : left;
  cal_buf_append(&request->body, data, piece);
  if (piece == left)
    hand_over(conn);
  else
    prolong(conn);
  return piece;
}

/* ---- an answer leaves */

const char *cal_conn_word(const cal_conn *conn) {
  if (conn->closes || conn->is_crowded) return "close";
  return conn->is_old ? "keep-alive" : NULL;
}

cal_answer_manner cal_conn_manner(const cal_conn *conn) {
  if (!strcmp(conn->request->head.method, "HEAD")) return CAL_ANSWER_HEAD;
  return conn->is_old ? CAL_ANSWER_OLD : CAL_ANSWER_WHOLE;
}

void cal_conn_reply(cal_conn *conn, const cal_http_answer *answer) {
  static const cal_http_answer wrong = {.status = 500};
  cal_answer_manner manner = cal_conn_manner(conn);
  cal_buf reply;
  cal_buf_init(&reply, CAL_ANSWER_CEILING);
  if (conn->server->is_stopping) conn->closes = 1;
  if (cal_answer_is_open(answer, manner)) return cal_conn_open_answer(conn, answer);
  if (cal_answer_write(&reply, answer, manner, cal_conn_word(conn)))
    cal_answer_write(&reply, &wrong, manner, cal_conn_word(conn));
  cal_conn_say_all(conn, &reply);
}

void cal_conn_say_all(cal_conn *conn, cal_buf *last) {
  cal_conn_forget_request(conn);
  conn->phase = CAL_CONN_REPLYING;
  int code = cal_stream_write(&conn->stream, last->data, last->bytes);
  uint64_t at_least_ms = conn->server->net->options.reply_timeout_ms;
  size_t waiting = conn->stream.output.bytes - conn->stream.sent;
  cal_conn_deadline(conn, at_least_ms + waiting / SLOWEST_CLIENT_BYTES_PER_MS);
  cal_buf_free(last);
  if (code) return cal_conn_cut(conn);
  if (!cal_stream_is_busy(&conn->stream)) cal_conn_next(conn);
}

int cal_sockets_reply(cal_server *server, cal_id id, const cal_http_answer *answer) {
  cal_conn *conn = cal_slots_get(server->waiting, id);
  if (!conn) return cal_fail(-ENOENT, "this request is not waiting for an answer any more");
  cal_conn_reply(conn, answer);
  return 0;
}
