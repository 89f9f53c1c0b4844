/* The life of a connection: its bytes, its phases, its deadlines.
 *
 * A connection has one request at a time. What a client sends beyond it waits in `input` and is read when the
 * answer has left, so pipelined requests are answered in their order; a client that sends far ahead is not read
 * until then. */
#include <stdatomic.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "net/address.h"
#include "net/server_private.h"
#include "net/sockets.h"

#define LINGER_MS 1000
#define INPUT_CEILING (256 * 1024) /* never reached: reading stops before */
#define AHEAD_BYTES (64 * 1024)    /* a client may send so much while its request waits */
#define CROWDED_CEILING 64         /* connections over the ceiling that are told so; the rest is closed */

/* ---- how many there may be */

/* Of all servers of the process. Half of the descriptors stay for recordings, outgoing sockets and files. */
static atomic_int open_conns;

static int descriptors_allow(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY) return INT32_MAX;
  return (int)(limit.rlim_cur / 2);
}

/* ---- deadlines */

static void on_deadline(cal_timer *timer) {
  cal_problem problem;
  cal_conn *conn = cal_list_entry(timer, cal_conn, timer);
  switch (conn->phase) {
  case CAL_CONN_WAITING:
    cal_metric_add(conn->server->timed_out, 1);
    return cal_conn_reply(conn, cal_problem_say(&problem, 504, "the request was not answered in time"));
  case CAL_CONN_BODY:
    return cal_conn_refuse(conn, 408, "the body did not arrive in time");
  case CAL_CONN_AWAITING:
    if (conn->has_begun) return cal_conn_refuse(conn, 408, "the header did not arrive in time");
    return cal_conn_cut(conn);
  default:
    cal_conn_cut(conn);
  }
}

void cal_conn_deadline(cal_conn *conn, uint64_t after_ms) {
  cal_net *net = conn->server->net;
  cal_timer_start(net->loop, &conn->timer, cal_net_after(net, after_ms), on_deadline);
}

/* ---- the end */

void cal_conn_cut(cal_conn *conn) {
  if (conn->phase == CAL_CONN_GONE) return;
  conn->phase = CAL_CONN_GONE;
  cal_timer_stop(conn->server->net->loop, &conn->timer);
  cal_conn_pieces_end(conn);
  cal_conn_forget_request(conn);
  cal_list_remove(&conn->node);
  conn->server->conn_count--;
  atomic_fetch_sub(&open_conns, 1);
  cal_stream_close(&conn->stream);
}

static void on_closed(cal_stream *stream) {
  cal_conn *conn = cal_list_entry(stream, cal_conn, stream);
  cal_buf_free(&conn->input);
  cal_free(conn);
}

/* Closing with unread bytes resets the connection, and a reset overtakes the answer. */
void cal_conn_leave(cal_conn *conn) {
  if (conn->phase == CAL_CONN_GONE) return;
  conn->phase = CAL_CONN_LEAVING;
  cal_conn_forget_request(conn);
  if (conn->has_ended && !cal_stream_is_busy(&conn->stream)) return cal_conn_cut(conn);
  cal_stream_shut(&conn->stream);
  cal_stream_read(&conn->stream, 1);
  cal_conn_deadline(conn, LINGER_MS);
}

/* ---- bytes arrive */

static void begin_request(cal_conn *conn) {
  if (conn->has_begun) return;
  conn->has_begun = 1;
  cal_conn_deadline(conn, conn->server->net->options.handshake_timeout_ms);
}

/* Empty lines before a request are tolerated (RFC 9112, 2.2). */
static size_t empty_lines(const char *data, size_t bytes) {
  size_t at = 0;
  while (at + 2 <= bytes && data[at] == '\r' && data[at + 1] == '\n') at += 2;
  return at;
}

static size_t await(cal_conn *conn, const char *data, size_t bytes) {
  size_t empty = conn->scanned ? 0 : empty_lines(data, bytes);
  if (empty) return empty;
  if (!bytes || (bytes == 1 && *data == '\r')) return 0;
  begin_request(conn);
  return cal_conn_head(conn, data, bytes);
}

/* One step: how many bytes it used. */
static size_t step(cal_conn *conn, char *data, size_t bytes) {
  switch (conn->phase) {
  case CAL_CONN_AWAITING:
    return await(conn, data, bytes);
  case CAL_CONN_BODY:
    return cal_conn_body(conn, data, bytes);
  case CAL_CONN_UPGRADED:
    return cal_served_read(conn->ws, data, bytes);
  case CAL_CONN_LEAVING:
  case CAL_CONN_GONE:
    return bytes;
  default:
    return 0;
  }
}

/* Its request is there, and the answer is not over. */
static int is_answered(const cal_conn *conn) {
  return conn->phase == CAL_CONN_WAITING || conn->phase == CAL_CONN_OPEN || conn->phase == CAL_CONN_REPLYING;
}

void cal_conn_feed(cal_conn *conn, char *data, size_t bytes) {
  size_t used = 0;
  conn->is_feeding = 1;
  for (;;) {
    cal_conn_phase before = conn->phase;
    size_t now = step(conn, data + used, bytes - used);
    used += now;
    if (used == bytes || (!now && conn->phase == before)) break;
  }
  conn->is_feeding = 0;
  if (data != conn->input.data && used < bytes)
    cal_buf_append(&conn->input, data + used, bytes - used);
  else if (data == conn->input.data && used < bytes)
    cal_buf_drop(&conn->input, used);
  else
    cal_buf_free(&conn->input);
  if (is_answered(conn) && conn->input.bytes >= AHEAD_BYTES) cal_stream_read(&conn->stream, 0);
}

static void on_data(cal_stream *stream, char *data, size_t bytes) {
  cal_conn *conn = cal_list_entry(stream, cal_conn, stream);
  if (!conn->input.bytes) return cal_conn_feed(conn, data, bytes);
  if (cal_buf_append(&conn->input, data, bytes)) return cal_conn_cut(conn);
  cal_conn_feed(conn, conn->input.data, conn->input.bytes);
}

void cal_conn_next(cal_conn *conn) {
  if (conn->closes || conn->is_crowded) return cal_conn_leave(conn);
  conn->phase = CAL_CONN_AWAITING;
  conn->has_begun = 0;
  conn->scanned = 0;
  cal_conn_deadline(conn, conn->server->net->options.idle_timeout_ms);
  if (conn->is_feeding) return;
  cal_stream_read(&conn->stream, 1);
  if (conn->input.bytes) cal_conn_feed(conn, conn->input.data, conn->input.bytes);
  if (conn->has_ended && conn->phase == CAL_CONN_AWAITING) cal_conn_cut(conn);
}

/* A client may say that it sends no more and still wait for its answer. */
static void on_end(cal_stream *stream, int error) {
  cal_conn *conn = cal_list_entry(stream, cal_conn, stream);
  conn->has_ended = 1;
  if (conn->request) cal_asker_set(conn->request->view.asker, CAL_ASKER_SENDS_NO_MORE);
  if (conn->phase == CAL_CONN_UPGRADED) return cal_served_end(conn->ws, error);
  if (!error && is_answered(conn)) return;
  if (!error && conn->phase == CAL_CONN_LEAVING && cal_stream_is_busy(stream)) return;
  cal_conn_cut(conn);
}

static void on_drained(cal_stream *stream) {
  cal_conn *conn = cal_list_entry(stream, cal_conn, stream);
  if (conn->phase == CAL_CONN_UPGRADED) return cal_served_drained(conn->ws);
  if (conn->phase == CAL_CONN_OPEN) return cal_conn_has_room(conn);
  if (conn->phase == CAL_CONN_REPLYING) return cal_conn_next(conn);
  if (conn->phase == CAL_CONN_LEAVING && conn->has_ended) cal_conn_cut(conn);
}

/* ---- the beginning */

void cal_conn_take(cal_server *server, int fd, const struct sockaddr *peer) {
  static const cal_stream_handlers handlers = {
      .on_data = on_data, .on_end = on_end, .on_drained = on_drained, .on_closed = on_closed};
  cal_net *net = server->net;
  int over = (int)server->conn_count - (int)net->options.connection_ceiling;
  int over_all = atomic_load(&open_conns) - descriptors_allow();
  if (over_all > over) over = over_all;
  if (over >= 0) cal_metric_add(server->crowded, 1);
  cal_conn *conn = cal_alloc(sizeof *conn);
  conn->server = server;
  conn->is_crowded = over >= 0;
  cal_address_text(peer, conn->peer, sizeof conn->peer);
  cal_buf_init(&conn->input, INPUT_CEILING);
  cal_list_append(&server->conns, &conn->node);
  server->conn_count++;
  atomic_fetch_add(&open_conns, 1);
  cal_conn_deadline(conn, conn->is_crowded ? LINGER_MS : net->options.handshake_timeout_ms);
  if (!cal_stream_open(&conn->stream, net, fd, server->tls, &handlers)) {
    if (over >= CROWDED_CEILING) cal_conn_cut(conn);
    return;
  }
  conn->stream.fd = -1;
  cal_conn_cut(conn);
  on_closed(&conn->stream);
}

void cal_sockets_cut(cal_server *server) {
  cal_list_each_safe(&server->conns, node, after) {
    cal_conn *conn = cal_list_entry(node, cal_conn, node);
    if (conn->ws)
      cal_served_kill(conn->ws, 1001);
    else
      cal_conn_cut(conn);
  }
}
