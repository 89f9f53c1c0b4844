#include "net/ws_socket.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/ws_frame.h"

_Static_assert(CAL_WS_PAD >= LWS_PRE, "senders leave too little head-room");

/* What lies in the kernel cannot be taken back at a barge-in: 32 KiB are more than a second of any telephone
 * audio. */
#define KERNEL_SEND_BYTES 32768
#define PROVE_EVERY_MS 500

static cal_ws_socket *of(cal_ws *ws) { return cal_list_entry(ws, cal_ws_socket, base); }

/* lws keeps what the kernel did not take of one message. Nothing may be written before that has left, so one
 * such message at most lies there; everything else waits in our queue, where it is bounded and can be
 * dropped. */
static int socket_write(cal_ws *ws, char *payload, size_t bytes, int is_binary) {
  struct lws *wsi = of(ws)->wsi;
  if (!wsi) return -ENOTCONN;
  if (lws_partial_buffered(wsi)) return -EAGAIN;
  int sent = lws_write(wsi, (unsigned char *)payload, bytes, is_binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
  return sent < (int)bytes ? -EPIPE : 0;
}

static void socket_want_write(cal_ws *ws) {
  if (of(ws)->wsi) lws_callback_on_writable(of(ws)->wsi);
}

static int socket_is_busy(cal_ws *ws) { return of(ws)->wsi && lws_partial_buffered(of(ws)->wsi); }

/* Killing a connection that has a close reason makes lws send the close frame and wait for the peer's. It
 * works from outside the connection's own callbacks only. */
static void socket_close(cal_ws *ws, int code, const char *reason, size_t bytes) {
  struct lws *wsi = of(ws)->wsi;
  if (!wsi) return;
  lws_close_reason(wsi, (enum lws_close_status)code, (unsigned char *)(uintptr_t)reason, bytes);
  lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void socket_pause(cal_ws *ws, int is_paused) {
  if (of(ws)->wsi) lws_rx_flow_control(of(ws)->wsi, !is_paused);
}

static void cut(struct lws *wsi) {
  shutdown(lws_get_socket_fd(wsi), SHUT_RDWR); /* else lws would still try to flush what it has */
  lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void socket_release(cal_ws *ws) {
  cal_ws_socket *socket = of(ws);
  struct lws *wsi = socket->wsi;
  socket->wsi = NULL;
  if (wsi) lws_set_opaque_user_data(wsi, NULL);
  cal_ws_attempt_free(socket->attempt);
  socket->attempt = NULL;
  if (wsi) cut(wsi);
}

static const cal_ws_transport transport = {.write = socket_write,
                                           .want_write = socket_want_write,
                                           .is_busy = socket_is_busy,
                                           .close = socket_close,
                                           .pause = socket_pause,
                                           .release = socket_release};

cal_ws_socket *cal_ws_socket_new(cal_net *net, const cal_ws_handlers *handlers) {
  cal_ws_socket *socket = cal_alloc(sizeof *socket);
  socket->net = net;
  cal_ws_init(&socket->base, &transport, net->loop, handlers, net->options.message_ceiling_bytes);
  cal_list_append(&net->sockets, &socket->base.node);
  return socket;
}

static void opened(cal_ws_socket *socket, struct lws *wsi) {
  int bytes = KERNEL_SEND_BYTES;
  setsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  socket->wsi = wsi;
  cal_ws_attempt_free(socket->attempt);
  socket->attempt = NULL;
  cal_ws_opened(&socket->base);
}

/* lws takes any code and reason and would send them back. -1 hangs up instead. */
static int peer_closes(cal_ws *ws, const unsigned char *in, size_t bytes) {
  cal_ws_text text = {0};
  int code = bytes < 2 ? 1005 : in[0] << 8 | in[1];
  const char *reason = bytes ? (const char *)in + 2 : "";
  size_t reason_bytes = bytes < 2 ? 0 : bytes - 2;
  int is_sound = bytes == 0 || (bytes > 1 && cal_close_code_is_sound(code));
  if (!is_sound || !cal_ws_text_take(&text, reason, reason_bytes) || !cal_ws_text_is_whole(&text)) {
    cal_ws_fail(ws, -EPROTO, "the peer closed with a code or a reason that must not be sent");
    return -1;
  }
  cal_ws_peer_closes(ws, code, reason, reason_bytes);
  return 0;
}

static void closed(cal_ws_socket *socket, struct lws *wsi) {
  lws_set_opaque_user_data(wsi, NULL);
  socket->wsi = NULL;
  cal_ws_finish(&socket->base);
}

/* A pong counts as life, and so does everything else the peer sends. lws sorts a list of timers for it. */
static void prove_life(cal_ws_socket *socket, struct lws *wsi) {
  uint64_t now_ms = uv_now(cal_loop_uv(socket->net->loop));
  if (now_ms - socket->proven_ms < PROVE_EVERY_MS) return;
  socket->proven_ms = now_ms;
  lws_validity_confirmed(wsi);
}

static void dispatch(cal_ws_socket *socket, struct lws *wsi, enum lws_callback_reasons reason, void *in,
                     size_t bytes) {
  switch (reason) {
  case LWS_CALLBACK_CLIENT_ESTABLISHED:
    return opened(socket, wsi);
  case LWS_CALLBACK_CLIENT_RECEIVE:
    prove_life(socket, wsi);
    return cal_ws_received(&socket->base, in, bytes, lws_is_first_fragment(wsi), lws_is_final_fragment(wsi),
                           lws_frame_is_binary(wsi));
  case LWS_CALLBACK_CLIENT_WRITEABLE:
    return cal_ws_flush(&socket->base);
  case LWS_CALLBACK_CLIENT_CLOSED:
    return closed(socket, wsi);
  default:
    return;
  }
}

int cal_ws_socket_event(cal_ws_socket *socket, struct lws *wsi, enum lws_callback_reasons reason, void *in,
                        size_t bytes) {
  if (reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE) return peer_closes(&socket->base, in, bytes);
  dispatch(socket, wsi, reason, in, bytes);
  return 0;
}
