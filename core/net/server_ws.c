/* A WebSocket on a connection of ours: the transport of a cal_ws. Frames are read where they arrived and written
 * with one system call each. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/server_private.h"
#include "net/ws_frame.h"

_Static_assert(CAL_WS_PAD >= CAL_FRAME_HEAD_CEILING, "senders leave too little head-room");

/* What lies in the kernel cannot be taken back at a barge-in: 32 KiB are more than a second of any telephone
 * audio. */
#define KERNEL_SEND_BYTES 32768
#define PONGS_WAIT_BYTES 4096 /* a peer that pings and does not read gets no more pongs than that */

typedef struct cal_served_ws {
  cal_ws base;
  cal_conn *conn; /* NULL: it is gone */
  cal_net *net;
  uint64_t heard_ms; /* when bytes came last, by the loop's clock */
  int is_paused;
  cal_timer life; /* looks whether the peer is there */
  cal_timer soon; /* goes on reading, or writing, outside of whatever is running */
  cal_frame_reader reader;
} cal_served_ws;

static cal_served_ws *of(cal_ws *ws) { return cal_list_entry(ws, cal_served_ws, base); }

/* ---- writing */

static int served_write(cal_ws *ws, char *payload, size_t bytes, int is_binary) {
  cal_conn *conn = of(ws)->conn;
  if (!conn) return -ENOTCONN;
  if (cal_stream_is_busy(&conn->stream)) return -EAGAIN;
  size_t head = cal_frame_write_head(payload, is_binary ? CAL_FRAME_BINARY : CAL_FRAME_TEXT, bytes);
  return cal_stream_write(&conn->stream, payload - head, head + bytes);
}

static void send_control(cal_served_ws *s, int opcode, const char *payload, size_t bytes) {
  char frame[CAL_FRAME_HEAD_CEILING + CAL_FRAME_CONTROL_CEILING];
  char *at = frame + CAL_FRAME_HEAD_CEILING;
  if (!s->conn) return;
  if (bytes) memcpy(at, payload, bytes);
  size_t head = cal_frame_write_head(at, opcode, bytes);
  cal_stream_write(&s->conn->stream, at - head,
                   head + bytes); /* if it is dead the stream's end will say so */
}

static void send_close(cal_served_ws *s, int code, const char *reason, size_t bytes) {
  char payload[CAL_FRAME_CONTROL_CEILING] = {(char)(code >> 8), (char)code};
  if (code == 1005) return send_control(s, CAL_FRAME_CLOSE, NULL, 0);
  if (bytes > sizeof payload - 2) bytes = sizeof payload - 2;
  if (bytes) memcpy(payload + 2, reason, bytes);
  send_control(s, CAL_FRAME_CLOSE, payload, bytes + 2);
}

static int served_is_busy(cal_ws *ws) { return of(ws)->conn && cal_stream_is_busy(&of(ws)->conn->stream); }

static void on_soon(cal_timer *timer);

static void start_soon(cal_served_ws *s) {
  cal_timer_start(s->net->loop, &s->soon, cal_loop_now_ns(s->net->loop), on_soon);
}

static void served_want_write(cal_ws *ws) {
  if (!served_is_busy(ws)) start_soon(of(ws)); /* else the stream says when it is empty */
}

void cal_served_drained(cal_served_ws *s) { cal_ws_flush(&s->base); }

/* ---- the end */

/* From a peer that broke the rules nothing is read any more, its answer to our close neither. */
static void served_close(cal_ws *ws, int code, const char *reason, size_t bytes) {
  cal_served_ws *s = of(ws);
  if (!s->conn) return;
  send_close(s, code, reason, bytes);
  if (s->reader.is_bad) cal_stream_shut(&s->conn->stream);
}

static void served_release(cal_ws *ws) {
  cal_served_ws *s = of(ws);
  cal_conn *conn = s->conn;
  cal_timer_stop(s->net->loop, &s->life);
  cal_timer_stop(s->net->loop, &s->soon);
  s->conn = NULL;
  if (!conn) return;
  conn->ws = NULL;
  if (ws->close_seen)
    cal_conn_leave(conn);
  else
    cal_conn_cut(conn);
}

void cal_served_end(cal_served_ws *s, int error) {
  if (error && !s->base.close_sent && !s->base.close_seen)
    cal_ws_fail(&s->base, -ECONNRESET, "the connection was lost");
  cal_ws_finish(&s->base);
}

void cal_served_kill(cal_served_ws *s, int code) { cal_ws_kill(&s->base, code); }

static void on_life_due(cal_timer *timer) {
  cal_served_ws *s = cal_list_entry(timer, cal_served_ws, life);
  uint64_t now_ms = uv_now(cal_loop_uv(s->net->loop));
  uint64_t ping_ms = s->net->options.ping_after_s * 1000ull, dead_ms = s->net->options.dead_after_s * 1000ull;
  if (s->is_paused) s->heard_ms = now_ms;
  uint64_t silent_ms = now_ms - s->heard_ms;
  if (silent_ms >= dead_ms) {
    cal_ws_fail(&s->base, -ETIMEDOUT, "the peer has fallen silent");
    return cal_ws_finish(&s->base);
  }
  uint64_t wait_ms = ping_ms - silent_ms;
  if (silent_ms >= ping_ms) {
    if (!served_is_busy(&s->base)) send_control(s, CAL_FRAME_PING, NULL, 0);
    wait_ms = dead_ms - silent_ms < ping_ms ? dead_ms - silent_ms : ping_ms;
  }
  cal_timer_start(s->net->loop, &s->life, cal_net_after(s->net, wait_ms), on_life_due);
}

/* ---- reading */

static void served_pause(cal_ws *ws, int is_paused) {
  cal_served_ws *s = of(ws);
  s->is_paused = is_paused;
  if (!s->conn) return;
  cal_stream_read(&s->conn->stream, !is_paused);
  if (!is_paused) start_soon(s);
}

static void on_soon(cal_timer *timer) {
  cal_served_ws *s = cal_list_entry(timer, cal_served_ws, soon);
  cal_conn *conn = s->conn;
  if (!cal_list_is_empty(&s->base.queue)) cal_ws_flush(&s->base);
  if (conn->input.bytes && !s->is_paused) cal_conn_feed(conn, conn->input.data, conn->input.bytes);
}

static void answer_ping(cal_served_ws *s, const cal_frame_event *event) {
  if (s->base.close_sent || s->conn->stream.output.bytes > PONGS_WAIT_BYTES) return;
  send_control(s, CAL_FRAME_PONG, event->data, event->bytes);
}

static void take_close(cal_served_ws *s, const cal_frame_event *event) {
  cal_ws_peer_closes(&s->base, event->code, event->data, event->bytes);
  if (!s->base.close_sent) send_close(s, event->code, NULL, 0);
  cal_ws_finish(&s->base);
}

static void take_bad(cal_served_ws *s, const cal_frame_event *event) {
  char what[96];
  snprintf(what, sizeof what, "a WebSocket from %s was closed", s->conn->peer);
  cal_server_note(s->conn->server, what, event->code, event->why);
  cal_ws_reject(&s->base, event->code, event->why);
}

/* Frames sent after a close, or on a WebSocket that is over, are skipped. */
size_t cal_served_read(cal_served_ws *s, char *data, size_t bytes) {
  size_t used = 0;
  cal_frame_event event = {.kind = CAL_FRAME_PIECE};
  s->heard_ms = uv_now(cal_loop_uv(s->net->loop));
  while (used < bytes && event.kind != CAL_FRAME_NOTHING && !s->is_paused) {
    used += cal_frame_read(&s->reader, data + used, bytes - used, &event);
    switch (event.kind) {
    case CAL_FRAME_PIECE:
      cal_ws_received(&s->base, event.data, event.bytes, event.is_first, event.is_last, event.is_binary);
      break;
    case CAL_FRAME_PINGED:
      answer_ping(s, &event);
      break;
    case CAL_FRAME_CLOSED:
      take_close(s, &event);
      return bytes;
    case CAL_FRAME_BAD:
      take_bad(s, &event);
      return bytes;
    default:
      break;
    }
  }
  return used;
}

/* ---- the beginning */

static const cal_ws_transport transport = {.write = served_write,
                                           .want_write = served_want_write,
                                           .is_busy = served_is_busy,
                                           .close = served_close,
                                           .pause = served_pause,
                                           .release = served_release};

cal_served_ws *cal_served_new(cal_conn *conn, const cal_ws_handlers *handlers) {
  int send_bytes = KERNEL_SEND_BYTES;
  cal_net *net = conn->server->net;
  cal_served_ws *s = cal_alloc(sizeof *s);
  s->conn = conn;
  s->net = net;
  s->heard_ms = uv_now(cal_loop_uv(net->loop));
  cal_ws_init(&s->base, &transport, net->loop, handlers, net->options.message_ceiling_bytes);
  cal_frame_reader_init(&s->reader, net->options.message_ceiling_bytes);
  cal_list_append(&net->sockets, &s->base.node);
  setsockopt(conn->stream.fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes);
  cal_timer_stop(net->loop, &conn->timer);
  cal_timer_start(net->loop, &s->life, cal_net_after(net, net->options.ping_after_s * 1000ull), on_life_due);
  return s;
}

void cal_served_open(cal_served_ws *s) { cal_ws_opened(&s->base); }
