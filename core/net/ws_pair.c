/* A WebSocket without sockets: two halves, and what is under way between them.
 *
 *   a ── write ──► [ frame, frame, close ] ── after latency ──► b        and the same from b to a
 *
 * Each half keeps what is on its way to it, in order, with the moment of arrival. The window is the peer's
 * kernel buffer: when it is full the sender's own queue fills, with the same rules as on a real connection.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "net/ws_private.h"

#define WINDOW_BYTES (64 * 1024)
#define MESSAGE_CEILING (256 * 1024)

typedef enum item_kind { ITEM_OPEN, ITEM_MESSAGE, ITEM_CLOSE, ITEM_CLOSE_ACK, ITEM_CUT } item_kind;

typedef struct item {
  cal_list node;
  uint64_t due_ns;
  item_kind kind;
  int code, is_binary;
  size_t bytes;
  char data[]; /* with a final zero */
} item;

typedef struct half {
  cal_ws base;
  struct half *peer;
  cal_list inbox;
  size_t inbox_bytes;
  uint64_t latency_ns;
  size_t window_bytes, piece_bytes;
  int is_paused, peer_waits;
  cal_timer arrival;
} half;

static half *of(cal_ws *ws) { return cal_list_entry(ws, half, base); }

static void on_arrival(cal_timer *timer);

static void expect_next(half *h) {
  if (cal_list_is_empty(&h->inbox) || h->is_paused) return;
  item *first = cal_list_entry(h->inbox.next, item, node);
  cal_timer_start(h->base.loop, &h->arrival, first->due_ns, on_arrival);
}

static void send_item(half *to, item_kind kind, int code, const char *data, size_t bytes, int is_binary) {
  item *it = cal_alloc(sizeof *it + bytes + 1);
  *it = (item){.kind = kind, .code = code, .bytes = bytes, .is_binary = is_binary};
  it->due_ns = cal_loop_now_ns(to->base.loop) + to->latency_ns;
  if (bytes) memcpy(it->data, data, bytes);
  cal_list_append(&to->inbox, &it->node);
  if (kind == ITEM_MESSAGE) to->inbox_bytes += bytes;
  if (!cal_timer_is_started(&to->arrival)) expect_next(to);
}

/* ---- arriving
 * -------------------------------------------------------------------------------------------------- */

static void receive(half *h, item *it) {
  if (!h->piece_bytes || it->bytes <= h->piece_bytes)
    return cal_ws_received(&h->base, it->data, it->bytes, 1, 1, it->is_binary);
  for (size_t at = 0; at < it->bytes; at += h->piece_bytes) {
    size_t left = it->bytes - at, bytes = left < h->piece_bytes ? left : h->piece_bytes;
    cal_ws_received(&h->base, it->data + at, bytes, at == 0, bytes == left, it->is_binary);
  }
}

/* Returns 1 when the half is gone. */
static int handle(half *h, item *it) {
  switch (it->kind) {
  case ITEM_OPEN:
    cal_ws_opened(&h->base);
    return 0;
  case ITEM_MESSAGE:
    receive(h, it);
    return 0;
  case ITEM_CLOSE:
    cal_ws_peer_closes(&h->base, it->code, it->data, it->bytes);
    if (h->peer) send_item(h->peer, ITEM_CLOSE_ACK, 0, NULL, 0, 0);
    break;
  case ITEM_CLOSE_ACK:
    break;
  case ITEM_CUT:
    cal_ws_fail(&h->base, -ECONNRESET, "the connection was lost");
    break;
  }
  cal_ws_finish(&h->base);
  return 1;
}

static void on_arrival(cal_timer *timer) {
  half *h = cal_list_entry(timer, half, arrival);
  item *it = cal_list_entry(h->inbox.next, item, node);
  cal_list_remove(&it->node);
  if (it->kind == ITEM_MESSAGE) h->inbox_bytes -= it->bytes;
  int is_gone = handle(h, it);
  cal_free(it);
  if (is_gone) return;
  expect_next(h);
  if (!h->peer_waits || !h->peer) return;
  h->peer_waits = 0;
  cal_ws_flush(&h->peer->base);
}

/* ---- the transport
 * --------------------------------------------------------------------------------------------- */

static int pair_write(cal_ws *ws, char *payload, size_t bytes, int is_binary) {
  half *peer = of(ws)->peer;
  if (!peer) return 0; /* it left a moment ago: bytes on their way to nobody, as on a real line */
  if (peer->inbox_bytes && peer->inbox_bytes + bytes > peer->window_bytes) return -EAGAIN;
  send_item(peer, ITEM_MESSAGE, 0, payload, bytes, is_binary);
  return 0;
}

static void pair_want_write(cal_ws *ws) {
  if (of(ws)->peer) of(ws)->peer->peer_waits = 1;
}

static int pair_is_busy(cal_ws *ws) { return 0; }

static void pair_close(cal_ws *ws, int code, const char *reason, size_t bytes) {
  half *h = of(ws);
  h->is_paused = 0;
  if (h->peer)
    send_item(h->peer, ITEM_CLOSE, code, reason, bytes, 0);
  else
    send_item(h, ITEM_CLOSE_ACK, 0, NULL, 0, 0);
  expect_next(h);
}

static void pair_pause(cal_ws *ws, int is_paused) {
  half *h = of(ws);
  h->is_paused = is_paused;
  if (is_paused)
    cal_timer_stop(ws->loop, &h->arrival);
  else if (!cal_timer_is_started(&h->arrival))
    expect_next(h);
}

static void pair_release(cal_ws *ws) {
  half *h = of(ws);
  cal_timer_stop(ws->loop, &h->arrival);
  cal_list_each_safe(&h->inbox, node, after) {
    cal_list_remove(node);
    cal_free(cal_list_entry(node, item, node));
  }
  if (!h->peer) return;
  if (!ws->close_sent && !ws->close_seen) send_item(h->peer, ITEM_CUT, 0, NULL, 0, 0);
  h->peer->peer = NULL;
  h->peer = NULL;
}

static const cal_ws_transport transport = {.write = pair_write,
                                           .want_write = pair_want_write,
                                           .is_busy = pair_is_busy,
                                           .close = pair_close,
                                           .pause = pair_pause,
                                           .release = pair_release};

static half *new_half(cal_loop *loop, const cal_ws_pair_options *options, const cal_ws_handlers *handlers) {
  half *h = cal_alloc(sizeof *h);
  size_t ceiling = options->message_ceiling_bytes ? options->message_ceiling_bytes : MESSAGE_CEILING;
  cal_ws_init(&h->base, &transport, loop, handlers, ceiling);
  cal_list_init(&h->inbox);
  h->latency_ns = options->latency_ms * CAL_MS;
  h->window_bytes = options->window_bytes ? options->window_bytes : WINDOW_BYTES;
  h->piece_bytes = options->piece_bytes;
  return h;
}

int cal_ws_pair_new(cal_ws **a, cal_ws **b, cal_loop *loop, const cal_ws_pair_options *options) {
  half *first = new_half(loop, options, &options->a), *second = new_half(loop, options, &options->b);
  first->peer = second;
  second->peer = first;
  send_item(second, ITEM_OPEN, 0, NULL, 0, 0);
  send_item(first, ITEM_OPEN, 0, NULL, 0, 0);
  *a = &first->base;
  *b = &second->base;
  return 0;
}

/* Done soon, like everything that ends a connection. */
static void cut_one(half *h) {
  if (!h) return;
  cal_ws_fail(&h->base, -ECONNRESET, "the connection was lost");
  item *it = cal_alloc(sizeof *it + 1);
  *it = (item){.kind = ITEM_CUT, .due_ns = cal_loop_now_ns(h->base.loop)};
  it->node.next = h->inbox.next; /* before everything that is still under way */
  it->node.prev = &h->inbox;
  h->inbox.next->prev = &it->node;
  h->inbox.next = &it->node;
  h->is_paused = 0;
  expect_next(h);
}

void cal_ws_pair_cut(cal_ws *either) {
  half *h = of(either);
  cut_one(h->peer);
  cut_one(h);
}
