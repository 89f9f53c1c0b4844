#include "net/ws.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "net/ws_private.h"

#define FLUSH_BEFORE_CLOSE_MS 1000
#define WAIT_FOR_CLOSE_MS 3000 /* for the peer's close frame, before the connection is cut */
#define KEEP_BYTES 16384       /* an assembly buffer larger than this is given back */

typedef struct message {
  cal_list node;
  size_t bytes;
  int kind;
  char data[]; /* CAL_WS_PAD, then the payload */
} message;

static pthread_once_t metrics_once = PTHREAD_ONCE_INIT;
static cal_metric *audio_dropped, *closed_slow, *closed_big, *closed_malformed;

static void make_metrics(void) {
  audio_dropped =
      cal_counter("callisto_ws_audio_dropped_total", "audio messages dropped because a peer read too slowly");
  closed_slow =
      cal_counter("callisto_ws_closed_total{reason=\"slow\"}", "WebSockets closed by us, by reason");
  closed_big =
      cal_counter("callisto_ws_closed_total{reason=\"too_big\"}", "WebSockets closed by us, by reason");
  closed_malformed =
      cal_counter("callisto_ws_closed_total{reason=\"malformed\"}", "WebSockets closed by us, by reason");
}

void cal_ws_init(cal_ws *ws, const cal_ws_transport *transport, cal_loop *loop,
                 const cal_ws_handlers *handlers, size_t message_ceiling_bytes) {
  pthread_once(&metrics_once, make_metrics);
  ws->transport = transport;
  ws->loop = loop;
  ws->handlers = *handlers;
  cal_list_init(&ws->node);
  cal_list_init(&ws->queue);
  cal_buf_init(&ws->message, message_ceiling_bytes);
}

/* ---- queue */

static void forget(cal_ws *ws, message *m) {
  cal_list_remove(&m->node);
  ws->waiting--;
  if (m->kind & CAL_WS_AUDIO)
    ws->audio_waiting--;
  else
    ws->control_bytes -= m->bytes;
  cal_free(m);
}

static void drop_oldest_audio(cal_ws *ws) {
  cal_list_each(&ws->queue, node) {
    message *m = cal_list_entry(node, message, node);
    if (!(m->kind & CAL_WS_AUDIO)) continue;
    forget(ws, m);
    ws->dropped++;
    cal_metric_add(audio_dropped, 1);
    return;
  }
}

static void enqueue(cal_ws *ws, const char *payload, size_t bytes, int kind) {
  if (kind & CAL_WS_AUDIO && ws->audio_waiting == CAL_WS_AUDIO_CEILING) drop_oldest_audio(ws);
  message *m = cal_alloc(sizeof *m + CAL_WS_PAD + bytes);
  m->bytes = bytes;
  m->kind = kind;
  if (bytes) memcpy(m->data + CAL_WS_PAD, payload, bytes);
  cal_list_append(&ws->queue, &m->node);
  ws->waiting++;
  if (kind & CAL_WS_AUDIO)
    ws->audio_waiting++;
  else
    ws->control_bytes += bytes;
}

uint32_t cal_ws_clear_audio(cal_ws *ws) {
  uint32_t count = 0;
  cal_list_each_safe(&ws->queue, node, after) {
    message *m = cal_list_entry(node, message, node);
    if (!(m->kind & CAL_WS_AUDIO)) continue;
    forget(ws, m);
    count++;
  }
  return count;
}

/* ---- the way to the end */

static void on_closing_due(cal_timer *timer);

static void break_off(cal_ws *ws) {
  ws->transport->release(ws);
  cal_ws_finish(ws);
}

static void continue_closing(cal_ws *ws, uint64_t after_ms) {
  cal_timer_start(ws->loop, &ws->timer, cal_loop_now_ns(ws->loop) + after_ms * CAL_MS, on_closing_due);
}

static int has_more_to_send(cal_ws *ws) {
  return !cal_list_is_empty(&ws->queue) || ws->transport->is_busy(ws);
}

/* Runs from the loop, outside every callback of the transport: some of them must not be left with their
 * connection gone. */
static void on_closing_due(cal_timer *timer) {
  cal_ws *ws = cal_list_entry(timer, cal_ws, timer);
  if (ws->error || ws->close_sent || ws->close_seen) return break_off(ws);
  if (has_more_to_send(ws)) {
    uint64_t now = cal_loop_now_ns(ws->loop);
    if (now >= ws->give_up_ns) return break_off(ws);
    cal_timer_start(ws->loop, &ws->timer, ws->give_up_ns, on_closing_due);
    ws->transport->want_write(ws);
    return;
  }
  ws->close_sent = 1;
  continue_closing(ws, WAIT_FOR_CLOSE_MS);
  ws->transport->close(ws, ws->code, ws->reason, strlen(ws->reason));
}

static void keep_reason(cal_ws *ws, int code, const char *reason, size_t bytes) {
  if (bytes > sizeof ws->reason - 1) bytes = sizeof ws->reason - 1;
  ws->code = code;
  if (bytes) memcpy(ws->reason, reason, bytes);
  ws->reason[bytes] = 0;
}

void cal_ws_close(cal_ws *ws, int code, const char *reason) {
  if (ws->state >= CAL_WS_CLOSING) return;
  keep_reason(ws, code, reason, reason ? strlen(reason) : 0);
  ws->close_asked = 1;
  if (ws->state == CAL_WS_CONNECTING) ws->error = -ECANCELED;
  ws->state = CAL_WS_CLOSING;
  cal_ws_clear_audio(ws);
  ws->give_up_ns = cal_loop_now_ns(ws->loop) + FLUSH_BEFORE_CLOSE_MS * CAL_MS;
  continue_closing(ws, 0);
}

void cal_ws_fail(cal_ws *ws, int error, const char *text) {
  if (ws->error) return;
  ws->error = error;
  if (!ws->close_asked) keep_reason(ws, 0, text, strlen(text));
  ws->state = CAL_WS_CLOSING;
}

void cal_ws_peer_closes(cal_ws *ws, int code, const char *reason, size_t bytes) {
  ws->close_seen = 1;
  if (ws->close_asked) return;
  keep_reason(ws, code, reason, bytes);
  ws->state = CAL_WS_CLOSING;
  continue_closing(ws, WAIT_FOR_CLOSE_MS);
}

void cal_ws_finish(cal_ws *ws) {
  ws->state = CAL_WS_CLOSED;
  cal_timer_stop(ws->loop, &ws->timer);
  cal_list_remove(&ws->node);
  ws->transport->release(ws);
  int is_clean = !ws->error && (ws->close_sent || ws->close_seen);
  cal_ws_end end = {.code = is_clean ? ws->code : 1006,
                    .is_clean = is_clean,
                    .error = ws->error,
                    .status = ws->status,
                    .text = ws->reason};
  if (ws->handlers.on_close) ws->handlers.on_close(ws->handlers.context, &end);
  cal_list_each_safe(&ws->queue, node, after) { forget(ws, cal_list_entry(node, message, node)); }
  cal_buf_free(&ws->message);
  cal_free(ws);
}

void cal_ws_say_goodbye(cal_ws *ws) {
  if (ws->state != CAL_WS_OPEN) return;
  keep_reason(ws, 1001, "going away", 10);
  ws->state = CAL_WS_CLOSING;
  ws->close_asked = ws->close_sent = 1;
  ws->transport->close(ws, ws->code, ws->reason, strlen(ws->reason));
}

void cal_ws_kill(cal_ws *ws, int code) {
  if (!ws->code) ws->code = code;
  break_off(ws);
}

/* ---- sending */

static int broken(cal_ws *ws, int code) {
  cal_ws_fail(ws, code, "the connection broke while sending");
  continue_closing(ws, 0);
  return cal_fail(-ENOTCONN, "the WebSocket is broken");
}

int cal_ws_send(cal_ws *ws, char *payload, size_t bytes, int kind) {
  if (ws->state != CAL_WS_OPEN) return cal_fail(-ENOTCONN, "the WebSocket is not open");
  if (cal_list_is_empty(&ws->queue)) {
    int code = ws->transport->write(ws, payload, bytes, kind & CAL_WS_BINARY);
    if (!code) return 0;
    if (code != -EAGAIN) return broken(ws, code);
  }
  if (!(kind & CAL_WS_AUDIO) && ws->control_bytes + bytes > CAL_WS_QUEUE_CEILING) {
    cal_metric_add(closed_slow, 1);
    cal_ws_close(ws, 1008, "reads too slowly");
    return cal_fail(-ENOBUFS, "the peer reads too slowly; the WebSocket is being closed");
  }
  enqueue(ws, payload, bytes, kind);
  ws->transport->want_write(ws);
  return 0;
}

int cal_ws_send_copy(cal_ws *ws, const void *payload, size_t bytes, int kind) {
  char small[CAL_WS_PAD + 1024];
  char *room = bytes <= 1024 ? small : cal_alloc(CAL_WS_PAD + bytes);
  if (bytes) memcpy(room + CAL_WS_PAD, payload, bytes);
  int code = cal_ws_send(ws, room + CAL_WS_PAD, bytes, kind);
  if (room != small) cal_free(room);
  return code;
}

void cal_ws_flush(cal_ws *ws) {
  int was_waiting = !cal_list_is_empty(&ws->queue);
  while (!cal_list_is_empty(&ws->queue)) {
    message *m = cal_list_entry(ws->queue.next, message, node);
    int code = ws->transport->write(ws, m->data + CAL_WS_PAD, m->bytes, m->kind & CAL_WS_BINARY);
    if (code == -EAGAIN) return ws->transport->want_write(ws);
    forget(ws, m);
    if (code) return (void)broken(ws, code);
  }
  if (ws->state == CAL_WS_CLOSING) {
    if (ws->close_asked && !ws->close_sent && !ws->error && !ws->close_seen) continue_closing(ws, 0);
    return;
  }
  if (was_waiting && ws->handlers.on_drain) ws->handlers.on_drain(ws->handlers.context);
}

/* ---- receiving */

void cal_ws_opened(cal_ws *ws) {
  if (ws->state != CAL_WS_CONNECTING) return;
  ws->state = CAL_WS_OPEN;
  if (ws->handlers.on_open) ws->handlers.on_open(ws->handlers.context, ws);
}

static void deliver(cal_ws *ws, char *data, size_t bytes, int is_binary) {
  if (ws->handlers.on_message) ws->handlers.on_message(ws->handlers.context, data, bytes, is_binary);
}

void cal_ws_reject(cal_ws *ws, int code, const char *why) {
  cal_metric_add(code == 1009 ? closed_big : closed_malformed, 1);
  cal_buf_free(&ws->message);
  cal_ws_close(ws, code, why);
}

void cal_ws_received(cal_ws *ws, char *data, size_t bytes, int is_first, int is_last, int is_binary) {
  char nothing[1] = {0};
  if (ws->state != CAL_WS_OPEN) return;
  if (!bytes) data = nothing; /* never NULL, even when there is nothing */
  if (is_first && is_last && bytes <= ws->message.ceiling) return deliver(ws, data, bytes, is_binary);
  if (cal_buf_append(&ws->message, data, bytes)) return cal_ws_reject(ws, 1009, "message too big");
  if (!is_last) return;
  deliver(ws, ws->message.data ? ws->message.data : nothing, ws->message.bytes, is_binary);
  if (ws->message.room > KEEP_BYTES)
    cal_buf_free(&ws->message);
  else
    cal_buf_clear(&ws->message);
}

/* ---- the rest */

void cal_ws_pause(cal_ws *ws, int is_paused) {
  if (ws->state == CAL_WS_OPEN) ws->transport->pause(ws, is_paused);
}

int cal_ws_is_open(const cal_ws *ws) { return ws->state == CAL_WS_OPEN; }
uint64_t cal_ws_dropped(const cal_ws *ws) { return ws->dropped; }
uint32_t cal_ws_waiting(const cal_ws *ws) { return ws->waiting; }
