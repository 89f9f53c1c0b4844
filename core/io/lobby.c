#include "io/lobby.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/slots.h"
#include "leg/leg_private.h"

#define KEPT_BYTES (512 * 1024) /* of one socket's messages: five seconds of any carrier's audio */
#define CLOSE_LATER 1011        /* 1013 says it better, but not every client takes it */

/* ---- held sockets */

typedef struct kept {
  cal_list node;
  size_t bytes;
  int is_binary;
  char data[];
} kept;

/*   HELD ──► ASKED ──┬──► TAKEN (everything goes to the leg)
 *                    └──► REFUSED (until the other side closes) */
typedef enum held_state { HELD, ASKED, TAKEN, REFUSED } held_state;

typedef struct held {
  cal_lobby *lobby;
  cal_id id;
  cal_prefix *prefix;
  held_state state;
  cal_ws *ws; /* NULL: not open yet, or closed */
  cal_timer patience;
  cal_http_message *about; /* until it is told */
  uint32_t awaited;        /* text messages until then */
  uint32_t told;           /* messages that were there when it was */
  cal_list kept;
  size_t kept_bytes;
  cal_ws_handlers leg; /* TAKEN */
  cal_refusal *refusal;
  cal_wire_state wire_state;
} held;

struct cal_lobby {
  cal_io *io;
  cal_prefixes *prefixes; /* borrowed */
  cal_slots *sockets;
};

static cal_metric *gauge_held(void) {
  return cal_gauge("callisto_sockets_held", "media sockets that wait for their call");
}

cal_lobby *cal_lobby_new(cal_io *io, cal_prefixes *prefixes, uint8_t tag, uint32_t ceiling) {
  cal_lobby *lobby = cal_alloc(sizeof *lobby);
  lobby->io = io;
  lobby->prefixes = prefixes;
  lobby->sockets = cal_slots_new(ceiling, tag);
  return lobby;
}

cal_lobby *cal_lobby_free(cal_lobby *lobby) {
  if (!lobby) return NULL;
  cal_slots_free(lobby->sockets);
  return cal_free(lobby);
}

uint32_t cal_lobby_held(const cal_lobby *lobby) { return cal_slots_count(lobby->sockets); }

/* From here on nobody can take or refuse it; its connection may live on. */
static void leave_lobby(held *h) {
  if (!h->id) return;
  cal_slots_remove(h->lobby->sockets, h->id);
  h->id = 0;
  cal_timer_stop(cal_io_loop(h->lobby->io), &h->patience);
  cal_metric_add(gauge_held(), -1);
}

static void drop_kept(held *h) {
  cal_list_each_safe(&h->kept, node, after) {
    cal_list_remove(node);
    cal_free(cal_list_entry(node, kept, node));
  }
  h->kept_bytes = 0;
}

static void close_held(held *h, int code, const char *reason) {
  leave_lobby(h);
  drop_kept(h);
  if (h->state < TAKEN) h->state = REFUSED;
  if (h->ws) cal_ws_close(h->ws, code, reason);
}

static void on_patience_over(cal_timer *timer) {
  held *h = (held *)((char *)timer - offsetof(held, patience));
  cal_log(CAL_LOG_WARN, "lobby", NULL, "a socket at %s had no answer in time", cal_prefix_path(h->prefix));
  close_held(h, CLOSE_LATER, "no answer in time");
}

static void keep(held *h, const char *data, size_t bytes, int is_binary) {
  if (h->kept_bytes + bytes + sizeof(kept) > KEPT_BYTES) {
    close_held(h, 1008, "too much before the call was answered");
    return;
  }
  kept *k = cal_alloc(sizeof *k + bytes);
  k->bytes = bytes;
  k->is_binary = is_binary;
  memcpy(k->data, data, bytes);
  cal_list_append(&h->kept, &k->node);
  h->kept_bytes += bytes + sizeof *k;
}

/* The text messages so far, each with a final zero, travel as the body. */
static void ask(held *h) {
  cal_buf body;
  cal_buf_init(&body, 2 * KEPT_BYTES);
  cal_list_each(&h->kept, node) {
    kept *k = cal_list_entry(node, kept, node);
    h->told++;
    if (k->is_binary) continue;
    cal_buf_append(&body, k->data, k->bytes);
    cal_buf_append(&body, "", 1);
  }
  cal_http_message *about = h->about;
  h->about = NULL;
  cal_http_message_set_body(about, body.data, body.bytes);
  cal_buf_free(&body);
  h->state = ASKED;
  const cal_io_hooks *hooks = cal_io_hooks_of(h->lobby->io);
  if (hooks->on_socket && hooks->on_socket(hooks->context, h->id, about) == 0) return;
  if (!hooks->on_socket) cal_http_message_free(about);
  close_held(h, CLOSE_LATER, "this node is overloaded");
}

/* ---- refusing */

static void destroy_refusal(void *object) {
  cal_refusal *refusal = object;
  cal_free(refusal->text);
  cal_free(refusal->reason);
  cal_unref(refusal->wire);
}

cal_refusal *cal_refusal_new(const char *text, cal_wire *wire, int code, const char *reason) {
  cal_refusal *refusal = cal_ref_new(sizeof *refusal, destroy_refusal);
  refusal->text = cal_strdup(text);
  refusal->wire = cal_ref(wire);
  refusal->code = code;
  refusal->reason = cal_strdup(reason ? reason : "");
  return refusal;
}

/* A message on a socket that was turned away: read for its numbers, answered if the wire says how. */
static void answer(held *h, char *data, size_t bytes, int is_binary, int is_told) {
  cal_io *io = h->lobby->io;
  cal_wire *wire = h->refusal->wire;
  cal_wire_event event;
  size_t room = cal_wire_samples_bound(wire, bytes);
  cal_wire_kind kind =
      cal_wire_read(wire, &h->wire_state, data, bytes, is_binary, &event, cal_io_samples(io, room), room);
  if (is_told || !h->ws) return;
  size_t control = cal_wire_control_room(wire);
  char *message = cal_io_message(io, control);
  ssize_t written = cal_wire_write_reply(wire, &h->wire_state, event.reply, message, control);
  if (written > 0) cal_ws_send(h->ws, message, (size_t)written, CAL_WS_TEXT);
  if (kind == CAL_WIRE_STOP && !cal_wire_is_closed_by_peer(wire))
    cal_ws_close(h->ws, h->refusal->code, h->refusal->reason);
}

static void on_refused_long_enough(cal_timer *timer) {
  held *h = (held *)((char *)timer - offsetof(held, patience));
  if (h->ws) cal_ws_close(h->ws, h->refusal->code, h->refusal->reason);
}

static void say_text(held *h) {
  const char *text = h->refusal->text;
  if (!text) return;
  cal_ws_send_copy(h->ws, text, strlen(text), CAL_WS_TEXT);
  h->wire_state.seq++;
}

static void part(held *h) {
  cal_loop *loop = cal_io_loop(h->lobby->io);
  uint32_t at = 0;
  cal_wire_state_init(&h->wire_state);
  cal_list_each(&h->kept, node) {
    kept *k = cal_list_entry(node, kept, node);
    if (at == h->told) say_text(h);
    answer(h, k->data, k->bytes, k->is_binary, at++ < h->told);
  }
  if (at <= h->told) say_text(h);
  uint64_t until_ns = cal_loop_now_ns(loop) + cal_wire_bye_wait_ms(h->refusal->wire) * CAL_MS;
  cal_timer_start(loop, &h->patience, until_ns, on_refused_long_enough);
}

void cal_lobby_refuse(cal_lobby *lobby, cal_id socket, cal_refusal *refusal) {
  held *h = cal_slots_get(lobby->sockets, socket);
  if (!h || !h->ws) {
    cal_unref(refusal);
    return;
  }
  leave_lobby(h);
  h->state = REFUSED;
  h->refusal = refusal;
  if (refusal->wire) {
    part(h);
  } else {
    if (refusal->text) cal_ws_send_copy(h->ws, refusal->text, strlen(refusal->text), CAL_WS_TEXT);
    cal_ws_close(h->ws, refusal->code, refusal->reason);
  }
  drop_kept(h);
}

/* ---- taking */

static void hand_over(held *h) {
  h->leg.on_open(h->leg.context, h->ws);
  cal_list_each_safe(&h->kept, node, after) {
    kept *k = cal_list_entry(node, kept, node);
    cal_list_remove(node);
    if (h->ws) h->leg.on_message(h->leg.context, k->data, k->bytes, k->is_binary);
    cal_free(k);
  }
  h->kept_bytes = 0;
}

void cal_lobby_take(cal_lobby *lobby, cal_id socket, cal_call *call) {
  held *h = cal_slots_get(lobby->sockets, socket);
  if (!h || !h->ws) {
    cal_leg_miss(lobby->io, call, "the socket was closed before its call was open");
    return;
  }
  leave_lobby(h);
  if (!cal_leg_accept(lobby->io, call, &h->leg)) {
    close_held(h, CLOSE_LATER, "this node is overloaded");
    return;
  }
  h->state = TAKEN;
  hand_over(h);
}

/* ---- the socket */

static void on_open(void *context, cal_ws *ws) {
  held *h = context;
  h->ws = ws;
  if (h->state == REFUSED)
    cal_ws_close(ws, CLOSE_LATER, "");
  else if (!h->awaited)
    ask(h);
}

static void on_message(void *context, char *data, size_t bytes, int is_binary) {
  held *h = context;
  switch (h->state) {
  case TAKEN:
    h->leg.on_message(h->leg.context, data, bytes, is_binary);
    break;
  case REFUSED:
    if (h->refusal && h->refusal->wire) answer(h, data, bytes, is_binary, 0);
    break;
  case ASKED:
    keep(h, data, bytes, is_binary);
    break;
  case HELD:
    keep(h, data, bytes, is_binary);
    if (h->state == HELD && !is_binary && --h->awaited == 0) ask(h);
  }
}

static void on_drain(void *context) {
  held *h = context;
  if (h->state == TAKEN && h->leg.on_drain) h->leg.on_drain(h->leg.context);
}

static void on_close(void *context, const cal_ws_end *end) {
  held *h = context;
  leave_lobby(h);
  cal_timer_stop(cal_io_loop(h->lobby->io), &h->patience);
  if (h->state == TAKEN) h->leg.on_close(h->leg.context, end);
  drop_kept(h);
  cal_prefix_leave(h->prefix);
  cal_http_message_free(h->about);
  cal_unref(h->refusal);
  cal_free(h);
}

int cal_lobby_hold(cal_lobby *lobby, const cal_http_request *request, cal_ws_handlers *handlers) {
  uint32_t first = 0;
  int code;
  cal_prefix *p = cal_prefixes_enter(lobby->prefixes, request->path, &first, &code);
  if (!p) return code;
  held *h = cal_alloc(sizeof *h);
  h->lobby = lobby;
  h->prefix = p;
  h->awaited = first;
  cal_list_init(&h->kept);
  h->id = cal_slots_add(lobby->sockets, h);
  if (!h->id) {
    cal_prefix_leave(p);
    cal_free(h);
    return -EBUSY;
  }
  h->about = cal_io_message_of(request);
  cal_metric_add(gauge_held(), 1);
  cal_loop *loop = cal_io_loop(lobby->io);
  cal_timer_start(loop, &h->patience, cal_loop_now_ns(loop) + CAL_LOBBY_WAIT_MS * CAL_MS, on_patience_over);
  *handlers = (cal_ws_handlers){
      .context = h, .on_open = on_open, .on_message = on_message, .on_drain = on_drain, .on_close = on_close};
  return 0;
}
