/* loopback_kit: a network in memory on simulated time, with a server or a double on one side and somebody who
 * asks on the other. */
#ifndef CAL_TESTS_NET_LOOPBACK_KIT_H
#define CAL_TESTS_NET_LOOPBACK_KIT_H

#include "net/kit.h"

#include "net/loopback.h"

#define START (5 * CAL_S)

/* ---- a network */

typedef struct world {
  cal_clock *clock;
  cal_loop *loop;
  cal_loopback *loopback;
  cal_net *net, *far; /* ours, and another process's */
  char record[4096];  /* what the watch was told, a line each */
} world;

static inline void on_seen(void *context, const char *authority, const cal_http_request *request,
                           const cal_http_answer *answer, int error) {
  world *w = context;
  size_t bytes = strlen(w->record);
  char end[32];
  snprintf(end, sizeof end, "%d", answer ? answer->status : 0);
  if (!answer) snprintf(end, sizeof end, "%s", cal_error_name(error));
  snprintf(w->record + bytes, sizeof w->record - bytes, "%s %s%.*s %s\n", request->method, authority,
           (int)request->path.bytes, request->path.at, end);
}

static inline void world_open(world *w, cal_net_options options) {
  *w = (world){.clock = cal_clock_simulated(START, 0)};
  assert_int_equal(cal_loop_new(&w->loop, w->clock), 0);
  w->loopback = cal_loopback_new(w->loop);
  cal_loopback_watch(w->loopback, on_seen, w);
  options.loopback = w->loopback;
  options.tag = 3;
  assert_int_equal(cal_net_new(&w->net, w->loop, &options), 0);
  options.tag = 4;
  assert_int_equal(cal_net_new(&w->far, w->loop, &options), 0);
}

static inline void pass(world *w, uint64_t ms) {
  cal_loop_advance(w->loop, cal_loop_now_ns(w->loop) + ms * CAL_MS);
}

static inline void world_close(world *w) {
  cal_net_close(w->net);
  cal_net_close(w->far);
  pass(w, 1000); /* what was said to doubles arrives */
  assert_int_equal(cal_loopback_open(w->loopback), 0);
  assert_int_equal(cal_loop_timers(w->loop), 0);
  assert_null(cal_loopback_free(w->loopback));
  assert_int_equal(cal_loop_timers(w->loop), 0);
  assert_int_equal(cal_loop_free(w->loop), 0);
  cal_clock_free(w->clock);
}

static inline void fault(world *w, const char *authority, cal_loopback_fault f) {
  assert_int_equal(cal_loopback_set_fault(w->loopback, authority, &f), 0);
}

/* ---- who answers */

typedef struct side {
  cal_ws *ws;
  int opened, closed, messages, is_binary;
  size_t bytes;
  char last[64], text[160];
  cal_ws_end end;
  int echoes;
} side;

typedef struct host {
  world *w;
  cal_server *server; /* or a double */
  int requests, upgrades, is_tls;
  cal_id id;
  char method[16], path[64], query[128], body[256], peer[64];
  char fields[512]; /* "name=value;" */
  int later, status, refuse_with;
  cal_span answer_body;
  side accepted;
} host;

static inline void copy(char *to, size_t room, cal_span from) {
  snprintf(to, room, "%.*s", (int)from.bytes, from.at ? from.at : "");
}

static inline void host_answer(host *h, int status, const char *body) {
  cal_http_field fields[] = {{cal_span_of("X-Made"), cal_span_of(" yes ")},
                             {cal_span_of("Location"), cal_span_of("/there?x=1")}};
  cal_http_answer answer = {.status = status,
                            .fields = fields,
                            .field_count = status / 100 == 3 ? 2 : 1,
                            .body = h->answer_body.bytes ? h->answer_body : cal_span_of(body)};
  if (h->server)
    cal_server_reply(h->server, h->id, &answer);
  else
    cal_loopback_answer(h->w->loopback, h->id, &answer);
}

static inline void keep(host *h, const cal_http_request *request) {
  h->is_tls = request->is_tls;
  if (request->id) h->id = request->id;
  snprintf(h->method, sizeof h->method, "%s", request->method);
  snprintf(h->peer, sizeof h->peer, "%s", request->peer);
  copy(h->path, sizeof h->path, request->path);
  copy(h->query, sizeof h->query, request->query);
  copy(h->body, sizeof h->body, request->body);
  h->fields[0] = 0;
  for (size_t i = 0; i < request->field_count; i++) {
    size_t bytes = strlen(h->fields);
    snprintf(h->fields + bytes, sizeof h->fields - bytes, "%.*s=%.*s;", (int)request->fields[i].name.bytes,
             request->fields[i].name.at, (int)request->fields[i].value.bytes, request->fields[i].value.at);
  }
}

static inline void on_request(void *context, const cal_http_request *request) {
  host *h = context;
  h->requests++;
  keep(h, request);
  if (h->later) return;
  int status = h->status && strcmp(h->path, "/there") ? h->status : 200;
  host_answer(h, status, "thank you");
}

static inline void on_open(void *context, cal_ws *ws) {
  side *s = context;
  s->opened++;
  s->ws = ws;
}

static inline void on_message(void *context, char *data, size_t bytes, int is_binary) {
  side *s = context;
  s->messages++;
  s->is_binary = is_binary;
  s->bytes = bytes;
  memset(s->last, 0, sizeof s->last);
  memcpy(s->last, data, bytes < 63 ? bytes : 63);
  if (s->echoes) cal_ws_send_copy(s->ws, data, bytes, is_binary ? CAL_WS_BINARY : CAL_WS_TEXT);
}

static inline void on_close(void *context, const cal_ws_end *end) {
  side *s = context;
  s->closed++;
  s->end = *end;
  snprintf(s->text, sizeof s->text, "%s", end->text);
  s->ws = NULL;
}

static inline cal_ws_handlers handlers_of(side *s) {
  return (cal_ws_handlers){.context = s, .on_open = on_open, .on_message = on_message, .on_close = on_close};
}

static inline int on_upgrade(void *context, const cal_http_request *request, cal_upgrade *upgrade) {
  host *h = context;
  h->upgrades++;
  keep(h, request);
  if (h->refuse_with == 503) {
    cal_http_field field = {cal_span_of("retry-after"), cal_span_of("7")};
    return cal_upgrade_refuse(
        upgrade,
        &(cal_http_answer){.status = 503, .fields = &field, .field_count = 1, .body = cal_span_of("full")});
  }
  upgrade->handlers = handlers_of(&h->accepted);
  return h->refuse_with;
}

static const char *const wanted[] = {"x-signature", "cookie", "authorization", "content-type", "host"};
static const char *const subprotocols[] = {"audio.example", "twilio"};

static inline void serve(world *w, host *h, const char *name, int port) {
  *h = (host){.w = w};
  cal_server_options options = {.host = name,
                                .port = port,
                                .fields = wanted,
                                .field_count = 5,
                                .context = h,
                                .on_request = on_request,
                                .on_upgrade = on_upgrade};
  if (cal_server_listen(&h->server, w->far, &options)) fail_msg("no server: %s", cal_error_text());
}

static inline void play(world *w, host *h, const char *authority) {
  *h = (host){.w = w};
  cal_loopback_double handlers = {.context = h, .on_request = on_request, .on_upgrade = on_upgrade};
  assert_int_equal(cal_loopback_host(w->loopback, authority, &handlers), 0);
}

/* ---- who asks */

typedef struct asked {
  world *w;
  cal_id id;
  int done, answers, status_seen, data_calls;
  int pause_at, stop_at, cancel_at; /* which call of on_data */
  cal_http_result result;
  char text[160], body[64], made[16];
  size_t bytes;
} asked;

static inline int on_data(void *context, const char *data, size_t bytes) {
  asked *a = context;
  a->data_calls++;
  if (a->data_calls == a->pause_at) return CAL_HTTP_PAUSE;
  if (a->data_calls == a->cancel_at) assert_int_equal(cal_http_cancel(a->w->net, a->id), 0);
  a->bytes += bytes;
  return a->data_calls == a->stop_at ? CAL_HTTP_STOP : CAL_HTTP_CONTINUE;
}

static inline void on_answer(void *context, const cal_http_result *head) {
  asked *a = context;
  a->answers++;
  a->status_seen = head->status;
}

static inline void on_done(void *context, const cal_http_result *result) {
  asked *a = context;
  a->done++;
  a->result = *result;
  a->bytes += result->body.bytes;
  snprintf(a->text, sizeof a->text, "%s", result->text);
  copy(a->body, sizeof a->body, result->body);
  for (size_t i = 0; i < result->field_count; i++)
    if (cal_span_is(result->fields[i].name, "x-made")) copy(a->made, sizeof a->made, result->fields[i].value);
}

static inline void ask(world *w, asked *a, cal_http_fetch_options options) {
  a->w = w;
  options.context = a;
  options.on_done = on_done;
  options.on_answer = on_answer;
  if (cal_http_fetch(&a->id, w->net, &options)) fail_msg("%s: %s", options.url, cal_error_text());
  assert_int_equal(a->done, 0);
}

static inline void expect(asked *a, int error, int was_sent, int status) {
  if (a->done != 1) fail_msg("%d answers instead of one", a->done);
  if (a->result.error != error || a->result.was_sent != was_sent || a->result.status != status)
    fail_msg("%s, sent %d, status %d: %s", cal_error_name(a->result.error), a->result.was_sent,
             a->result.status, a->text);
  assert_int_equal(!a->text[0], !error);
  assert_int_equal(cal_http_cancel(a->w->net, a->id), -ENOENT);
}

#endif
