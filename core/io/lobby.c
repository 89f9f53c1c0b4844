#include "io/lobby.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/slots.h"
#include "leg/port_ws.h"

#define KEPT_BYTES (512 * 1024) /* of one socket's messages: five seconds of any carrier's audio */
#define CLOSE_LATER 1011        /* 1013 says it better, but not every client takes it */

/* ---- held sockets */

typedef struct kept {
  cal_list node;
  size_t bytes;
  int is_binary;
  int is_answered; /* by the text of a refusal */
  char data[];
} kept;

/*   UNPROVEN ──► HELD ──► ASKED ──┬──► HANDED_ON (everything goes to a port: a leg's, or one that only parts)
 *                                 └──► REFUSED (until the other side closes) */
typedef enum held_state { UNPROVEN, HELD, ASKED, HANDED_ON, REFUSED } held_state;

typedef struct held {
  cal_lobby *lobby;
  cal_id id;
  cal_prefix *prefix;
  held_state state;
  int is_proven;
  cal_ws *ws; /* NULL: not open yet, or closed */
  cal_timer patience;
  cal_http_message *proof, *about;                /* until they are told */
  cal_asker *asker;                               /* until it is taken, refused or closed */
  char sub_protocol[CAL_WIRE_SUB_PROTOCOL_BYTES]; /* "": none */
  uint32_t awaited;                               /* text messages until then */
  uint32_t told;                                  /* messages that were there when it was */
  cal_list kept;
  size_t kept_bytes;
  cal_ws_handlers port; /* HANDED_ON */
} held;

struct cal_lobby {
  cal_lobby_options options;
  cal_slots *sockets;
  uint32_t proven; /* of them */
};

static cal_metric *gauge_held(void) {
  return cal_gauge("callisto_sockets_held", "media sockets that wait for their call");
}

static cal_loop *loop_of(const held *h) { return cal_legs_host(h->lobby->options.legs)->loop; }

cal_lobby *cal_lobby_new(const cal_lobby_options *options) {
  cal_lobby *lobby = cal_alloc(sizeof *lobby);
  lobby->options = *options;
  lobby->sockets = cal_slots_new(options->ceiling, options->tag);
  return lobby;
}

cal_lobby *cal_lobby_free(cal_lobby *lobby) {
  if (!lobby) return NULL;
  cal_slots_free(lobby->sockets);
  return cal_free(lobby);
}

uint32_t cal_lobby_held(const cal_lobby *lobby) { return cal_slots_count(lobby->sockets); }
uint32_t cal_lobby_proven(const cal_lobby *lobby) { return lobby->proven; }

/* From here on it can be neither taken nor refused; its connection may live on. */
static void leave_lobby(held *h) {
  if (!h->id) return;
  cal_slots_remove(h->lobby->sockets, h->id);
  h->id = 0;
  if (h->is_proven) h->lobby->proven--;
  h->asker = cal_asker_leave(h->asker);
  cal_timer_stop(loop_of(h), &h->patience);
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
  if (h->state < HANDED_ON) h->state = REFUSED;
  if (h->ws) cal_ws_close(h->ws, code, reason);
}

static void on_patience_over(cal_timer *timer) {
  held *h = cal_list_entry(timer, held, patience);
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

/* Takes the message. */
static void ask_script(held *h, cal_lobby_asks asks, cal_http_message *message) {
  const cal_lobby_options *options = &h->lobby->options;
  if (options->on_socket && options->on_socket(options->context, h->id, asks, message) == 0) return;
  if (!options->on_socket) cal_http_message_free(message);
  close_held(h, CLOSE_LATER, "this node is overloaded");
}

static void ask_for_proof(held *h) {
  cal_http_message *proof = h->proof;
  h->proof = NULL;
  ask_script(h, CAL_LOBBY_PROOF, proof);
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
  ask_script(h, h->is_proven ? CAL_LOBBY_CALL : CAL_LOBBY_WORDS, about);
}

static void ask_when_it_has_spoken(held *h) {
  if (h->state == HELD && !h->awaited) ask(h);
}

/* What was kept goes to the port, then the rest does. */
static void hand_on(held *h) {
  cal_list_each_safe(&h->kept, node, after) {
    kept *k = cal_list_entry(node, kept, node);
    cal_list_remove(node);
    if (h->ws && !k->is_answered) h->port.on_message(h->port.context, k->data, k->bytes, k->is_binary);
    cal_free(k);
  }
  h->kept_bytes = 0;
}

/* ---- proving */

/* A place of the carrier's; 0: there is none, and it is closed. */
static int take_place(held *h) {
  int code = cal_prefix_prove(h->lobby->options.prefixes, h->prefix, cal_loop_now_ns(loop_of(h)));
  if (code < 0) {
    close_held(h, CLOSE_LATER, "all lines of this carrier are in use");
    return 0;
  }
  h->is_proven = 1;
  h->lobby->proven++;
  return 1;
}

void cal_lobby_prove(cal_lobby *lobby, cal_id socket, int is_proven) {
  held *h = cal_slots_get(lobby->sockets, socket);
  if (!h || h->state != UNPROVEN) return;
  if (is_proven && !take_place(h)) return;
  h->state = HELD;
  if (!is_proven)
    cal_timer_start(loop_of(h), &h->patience, cal_loop_now_ns(loop_of(h)) + CAL_LOBBY_FORGED_WAIT_MS * CAL_MS,
                    on_patience_over);
  ask_when_it_has_spoken(h);
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

static void on_parted(void *port) { ((cal_port *)port)->ops->free(port); }

/* Says the refusal's text, answers as its wire declares, and waits for the other side's end. */
static const cal_port_handlers parting_handlers = {.on_gone = on_parted};

static cal_port *parting_port(held *h, const cal_refusal *refusal) {
  cal_port *port;
  cal_port_ws_options options = {.wire = refusal->wire};
  cal_port_ws_accept(&port, cal_legs_host(h->lobby->options.legs), &options, &h->port);
  port->handlers = &parting_handlers;
  port->context = port;
  return port;
}

static void part(held *h, const cal_refusal *refusal) {
  cal_port *port = parting_port(h, refusal);
  uint32_t at = 0;
  h->state = HANDED_ON;
  cal_list_each(&h->kept, node) {
    kept *k = cal_list_entry(node, kept, node);
    if (at++ == h->told) break;
    cal_port_ws_skip(port, k->data, k->bytes, k->is_binary);
    k->is_answered = 1;
  }
  cal_port_ws_refuse(port, h->ws, refusal->text, refusal->code, refusal->reason);
  hand_on(h);
}

void cal_lobby_refuse(cal_lobby *lobby, cal_id socket, cal_refusal *refusal) {
  held *h = cal_slots_get(lobby->sockets, socket);
  if (h && h->ws) {
    leave_lobby(h);
    h->state = REFUSED;
    if (refusal->wire) {
      part(h, refusal);
    } else {
      if (refusal->text) cal_ws_send_copy(h->ws, refusal->text, strlen(refusal->text), CAL_WS_TEXT);
      cal_ws_close(h->ws, refusal->code, refusal->reason);
    }
    drop_kept(h);
  }
  cal_unref(refusal);
}

/* ---- taking */

void cal_lobby_take(cal_lobby *lobby, cal_id socket, cal_party *call) {
  held *h = cal_slots_get(lobby->sockets, socket);
  if (!h || !h->ws) {
    cal_legs_miss(lobby->options.legs, call, CAL_LEG_HANGUP,
                  "the socket was closed before its call was open");
    return;
  }
  leave_lobby(h);
  if (!cal_legs_accept(lobby->options.legs, call, &h->port)) {
    close_held(h, CLOSE_LATER, "this node is overloaded");
    return;
  }
  h->state = HANDED_ON;
  h->port.on_open(h->port.context, h->ws);
  hand_on(h);
}

/* ---- the socket */

static void on_open(void *context, cal_ws *ws) {
  held *h = context;
  h->ws = ws;
  if (h->state == REFUSED)
    cal_ws_close(ws, CLOSE_LATER, "");
  else
    ask_for_proof(h);
}

static void on_message(void *context, char *data, size_t bytes, int is_binary) {
  held *h = context;
  switch (h->state) {
  case HANDED_ON:
    h->port.on_message(h->port.context, data, bytes, is_binary);
    break;
  case REFUSED:
    break;
  case ASKED:
    keep(h, data, bytes, is_binary);
    break;
  case UNPROVEN:
  case HELD:
    keep(h, data, bytes, is_binary);
    if (!is_binary && h->awaited) h->awaited--;
    ask_when_it_has_spoken(h);
  }
}

static void on_close(void *context, const cal_ws_end *end) {
  held *h = context;
  leave_lobby(h);
  if (h->state == HANDED_ON) h->port.on_close(h->port.context, end);
  drop_kept(h);
  cal_prefix_leave(h->prefix, h->is_proven);
  cal_http_message_free(h->proof);
  cal_http_message_free(h->about);
  cal_free(h);
}

static cal_http_message *message_of(held *h, const cal_http_request *request) {
  cal_http_message *message = cal_http_message_of(request);
  message->asker = cal_ref(h->asker);
  return message;
}

int cal_lobby_hold(cal_lobby *lobby, const cal_http_request *request, cal_upgrade *upgrade) {
  cal_prefix_place place = {0};
  int code;
  uint64_t now_ns = cal_loop_now_ns(cal_legs_host(lobby->options.legs)->loop);
  cal_prefix *p = cal_prefixes_enter(lobby->options.prefixes, request->path, now_ns, &place, &code);
  if (!p) return code;
  if (lobby->options.has_time && !lobby->options.has_time(lobby->options.context)) {
    cal_prefix_leave(p, 0);
    return -EAGAIN;
  }
  held *h = cal_alloc(sizeof *h);
  h->lobby = lobby;
  h->prefix = p;
  h->awaited = place.first;
  memcpy(h->sub_protocol, place.sub_protocol, sizeof h->sub_protocol);
  cal_list_init(&h->kept);
  h->id = cal_slots_add(lobby->sockets, h);
  if (!h->id) {
    cal_prefix_leave(p, 0);
    cal_free(h);
    return -EBUSY;
  }
  h->asker = cal_asker_new();
  h->proof = message_of(h, request);
  h->about = message_of(h, request);
  cal_metric_add(gauge_held(), 1);
  cal_timer_start(loop_of(h), &h->patience, cal_loop_now_ns(loop_of(h)) + CAL_LOBBY_WAIT_MS * CAL_MS,
                  on_patience_over);
  if (h->sub_protocol[0]) upgrade->subprotocol = h->sub_protocol;
  upgrade->handlers =
      (cal_ws_handlers){.context = h, .on_open = on_open, .on_message = on_message, .on_close = on_close};
  return 0;
}
