/* A WebSocket without sockets: two halves, and what is under way between them.
 *
 *   a ── write ──► [ line: item, item, … by time of arrival ] ── when due ──► b      and the same from b to a
 *
 * Everything under way on a line lies in one queue with one timer, which hands over all that is due at once;
 * the halves of a network in memory share a line, so that a thousand calls cost one timer a tick and not two
 * thousand. Items are used again, so that a frame costs one copy of its bytes and no allocation.
 *
 * The window is the peer's kernel buffer: when it is full the sender's own queue fills, with the same rules
 * as on a real connection. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "net/ws_pair.h"

#define WINDOW_BYTES (64 * 1024)
#define MESSAGE_CEILING (256 * 1024)
#define SMALL_BYTES 1536 /* a frame of telephone audio in any carrier's envelope */
#define SPARE_ITEMS_MOST 256

typedef enum item_kind { ITEM_OPEN, ITEM_MESSAGE, ITEM_CLOSE, ITEM_CLOSE_ACK, ITEM_CUT } item_kind;

typedef struct half half;

typedef struct item {
  cal_list node;   /* in the inbox of the half it goes to */
  cal_list queued; /* in the line; out of it when it is due and the half does not read */
  half *to;
  uint64_t due_ns;
  item_kind kind;
  int code, is_binary;
  size_t bytes, room;
  char data[];
} item;

struct cal_ws_line {
  cal_loop *loop;
  cal_list queue;
  cal_list spare;
  uint32_t spare_count;
  uint32_t users; /* its halves, its owner, a delivery that runs */
  cal_timer due;
};

struct half {
  cal_ws base;
  cal_ws_line *line;
  half *peer;
  cal_list inbox;
  size_t inbox_bytes;
  uint64_t latency_ns;
  size_t window_bytes, piece_bytes;
  int is_paused, peer_waits;
  void *owner;
  void (*on_gone)(void *owner, cal_ws *ws);
};

static half *of(cal_ws *ws) { return cal_list_entry(ws, half, base); }

/* ---- the line */

cal_ws_line *cal_ws_line_new(cal_loop *loop) {
  cal_ws_line *line = cal_alloc(sizeof *line);
  line->loop = loop;
  line->users = 1;
  cal_list_init(&line->queue);
  cal_list_init(&line->spare);
  return line;
}

static cal_ws_line *hold(cal_ws_line *line) {
  line->users++;
  return line;
}

cal_ws_line *cal_ws_line_release(cal_ws_line *line) {
  if (!line || --line->users) return NULL;
  cal_timer_stop(line->loop, &line->due);
  cal_list_each_safe(&line->spare, node, after) { cal_free(cal_list_entry(node, item, node)); }
  return cal_free(line);
}

static item *take_item(cal_ws_line *line, size_t bytes) {
  if (bytes <= SMALL_BYTES && line->spare_count) {
    item *it = cal_list_entry(line->spare.next, item, node);
    cal_list_remove(&it->node);
    line->spare_count--;
    return it;
  }
  size_t room = bytes <= SMALL_BYTES ? SMALL_BYTES : bytes;
  item *it = cal_alloc(sizeof *it + room);
  it->room = room;
  return it;
}

static void give_back(cal_ws_line *line, item *it) {
  cal_list_remove(&it->node);
  cal_list_remove(&it->queued);
  if (it->room != SMALL_BYTES || line->spare_count == SPARE_ITEMS_MOST) {
    cal_free(it);
    return;
  }
  cal_list_append(&line->spare, &it->node);
  line->spare_count++;
}

static void on_due(cal_timer *timer);

static void expect_first(cal_ws_line *line) {
  if (cal_list_is_empty(&line->queue)) return cal_timer_stop(line->loop, &line->due);
  uint64_t due_ns = cal_list_entry(line->queue.next, item, queued)->due_ns;
  if (!cal_timer_is_started(&line->due) || line->due.due_ns != due_ns)
    cal_timer_start(line->loop, &line->due, due_ns, on_due);
}

/* Behind all that is due as early: mostly at the end. */
static void queue_item(cal_ws_line *line, item *it, uint64_t due_ns) {
  cal_list *before = line->queue.prev;
  while (before != &line->queue && cal_list_entry(before, item, queued)->due_ns > due_ns)
    before = before->prev;
  it->due_ns = due_ns;
  cal_list_append(before->next, &it->queued);
  if (it->queued.prev == &line->queue) expect_first(line);
}

static item *new_item(half *to, item_kind kind, const char *data, size_t bytes) {
  item *it = take_item(to->line, bytes);
  it->to = to;
  it->kind = kind;
  it->code = it->is_binary = 0;
  it->bytes = bytes;
  if (bytes) memcpy(it->data, data, bytes);
  return it;
}

static void post(item *it, uint64_t latency_ns) {
  cal_ws_line *line = it->to->line;
  cal_list_append(&it->to->inbox, &it->node);
  if (it->kind == ITEM_MESSAGE) it->to->inbox_bytes += it->bytes;
  queue_item(line, it, cal_loop_now_ns(line->loop) + latency_ns);
}

static void send_word(half *to, item_kind kind) { post(new_item(to, kind, NULL, 0), to->latency_ns); }

/* ---- arriving */

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
    if (h->peer) send_word(h->peer, ITEM_CLOSE_ACK);
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

static void arrive(cal_ws_line *line, item *it) {
  half *h = it->to;
  cal_list_remove(&it->queued);
  if (h->is_paused) return;
  /* What waited for a reader that reads again was queued a moment ago, and comes first. */
  if (h->inbox.next != &it->node) return queue_item(line, it, cal_loop_now_ns(line->loop));
  cal_list_remove(&it->node);
  if (it->kind == ITEM_MESSAGE) h->inbox_bytes -= it->bytes;
  int is_gone = handle(h, it);
  give_back(line, it);
  if (is_gone || !h->peer_waits || !h->peer) return;
  h->peer_waits = 0;
  cal_ws_flush(&h->peer->base);
}

/* What is sent meanwhile waits for the next turn, also when it is due at once. */
static void on_due(cal_timer *timer) {
  cal_ws_line *line = hold(cal_list_entry(timer, cal_ws_line, due));
  uint64_t now_ns = cal_loop_now_ns(line->loop);
  cal_list arrived;
  cal_list_init(&arrived);
  while (!cal_list_is_empty(&line->queue)) {
    item *first = cal_list_entry(line->queue.next, item, queued);
    if (first->due_ns > now_ns) break;
    cal_list_remove(&first->queued);
    cal_list_append(&arrived, &first->queued);
  }
  while (!cal_list_is_empty(&arrived)) arrive(line, cal_list_entry(arrived.next, item, queued));
  expect_first(line);
  cal_ws_line_release(line);
}

/* ---- the transport */

static int pair_write(cal_ws *ws, char *payload, size_t bytes, int is_binary) {
  half *peer = of(ws)->peer;
  if (!peer) return 0; /* it left a moment ago: bytes on their way to nobody, as on a real line */
  if (peer->inbox_bytes && peer->inbox_bytes + bytes > peer->window_bytes) return -EAGAIN;
  item *it = new_item(peer, ITEM_MESSAGE, payload, bytes);
  it->is_binary = is_binary;
  post(it, peer->latency_ns);
  return 0;
}

static void pair_want_write(cal_ws *ws) {
  if (of(ws)->peer) of(ws)->peer->peer_waits = 1;
}

static int pair_is_busy(cal_ws *ws) { return 0; }

/* What was due while nobody read is due now. */
static void read_again(half *h) {
  if (!h->is_paused) return;
  h->is_paused = 0;
  cal_list_each(&h->inbox, node) {
    item *it = cal_list_entry(node, item, node);
    if (cal_list_is_empty(&it->queued)) queue_item(h->line, it, cal_loop_now_ns(h->line->loop));
  }
}

static void pair_close(cal_ws *ws, int code, const char *reason, size_t bytes) {
  half *h = of(ws);
  read_again(h);
  if (!h->peer) return send_word(h, ITEM_CLOSE_ACK);
  item *it = new_item(h->peer, ITEM_CLOSE, reason, bytes);
  it->code = code;
  post(it, h->peer->latency_ns);
}

static void pair_pause(cal_ws *ws, int is_paused) {
  if (!is_paused) return read_again(of(ws));
  of(ws)->is_paused = 1;
}

static void forget_inbox(half *h) {
  cal_list_each_safe(&h->inbox, node, after) { give_back(h->line, cal_list_entry(node, item, node)); }
  h->inbox_bytes = 0;
  expect_first(h->line);
}

/* Comes twice when a connection is broken off: once at once, once at its end. */
static void pair_release(cal_ws *ws) {
  half *h = of(ws);
  if (!h->line) return;
  forget_inbox(h);
  if (h->peer) {
    if (!ws->close_sent && !ws->close_seen) send_word(h->peer, ITEM_CUT);
    h->peer->peer = NULL;
    h->peer = NULL;
  }
  h->line = cal_ws_line_release(h->line);
  if (h->on_gone) h->on_gone(h->owner, ws);
}

static const cal_ws_transport transport = {.write = pair_write,
                                           .want_write = pair_want_write,
                                           .is_busy = pair_is_busy,
                                           .close = pair_close,
                                           .pause = pair_pause,
                                           .release = pair_release};

/* ---- life */

cal_ws *cal_ws_half_new(cal_ws_line *line, const cal_ws_half_options *options) {
  half *h = cal_alloc(sizeof *h);
  size_t ceiling = options->message_ceiling_bytes ? options->message_ceiling_bytes : MESSAGE_CEILING;
  cal_ws_init(&h->base, &transport, line->loop, &options->handlers, ceiling);
  cal_list_init(&h->inbox);
  h->line = hold(line);
  h->latency_ns = options->latency_ms * CAL_MS;
  h->window_bytes = options->window_bytes ? options->window_bytes : WINDOW_BYTES;
  h->piece_bytes = options->piece_bytes;
  h->owner = options->owner;
  h->on_gone = options->on_gone;
  return &h->base;
}

static void join(half *a, half *b, uint64_t b_opens_after_ns) {
  a->peer = b;
  b->peer = a;
  post(new_item(b, ITEM_OPEN, NULL, 0), b_opens_after_ns);
  send_word(a, ITEM_OPEN);
}

void cal_ws_half_join(cal_ws *client, cal_ws *accepted) { join(of(client), of(accepted), 0); }

int cal_ws_pair_new(cal_ws **a, cal_ws **b, cal_loop *loop, const cal_ws_pair_options *options) {
  cal_ws_half_options half_options = {.latency_ms = options->latency_ms,
                                      .window_bytes = options->window_bytes,
                                      .piece_bytes = options->piece_bytes,
                                      .message_ceiling_bytes = options->message_ceiling_bytes,
                                      .handlers = options->a};
  cal_ws_line *line = cal_ws_line_new(loop);
  *a = cal_ws_half_new(line, &half_options);
  half_options.handlers = options->b;
  *b = cal_ws_half_new(line, &half_options);
  join(of(*a), of(*b), of(*b)->latency_ns);
  cal_ws_line_release(line);
  return 0;
}

/* Done soon, like everything that ends a connection. */
static void cut_one(half *h) {
  if (!h) return;
  cal_ws_fail(&h->base, -ECONNRESET, "the connection was lost");
  forget_inbox(h);
  h->is_paused = 0;
  post(new_item(h, ITEM_CUT, NULL, 0), 0);
}

void cal_ws_pair_cut(cal_ws *either) {
  half *h = of(either);
  cut_one(h->peer);
  cut_one(h);
}
