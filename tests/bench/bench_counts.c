/* What a frame, a webhook, a VM, a start and a reload cost in instructions, which a busy machine does not change:
 * one engine in a lab (lab/lab.h), over simulated time, with a carrier of this program's own at the other end of
 * the wire.
 *
 *   valgrind --tool=callgrind --instr-atstart=no bench_counts frame|webhook           the same number each time
 *   valgrind --tool=callgrind --instr-atstart=no bench_counts start|reload FOLDER     a workspace
 *
 * Counted is what happens between two dumps' beginnings: FRAMES of each of CALLS held calls, each 20 ms in and
 * out; or WEBHOOKS that become calls, each with the VM that is built for it and with the callback that ends it; or
 * the start of an engine with a workspace; or a reload of it after its template CHANGED got a line more.
 * Sockets and TLS are not in it, for the network lies in memory; the carrier's half of that network is. Prints
 * how many of them there were. With --toggle-collect=cal_pool_take a count of webhooks is one of VMs. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/callgrind.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "lab/lab.h"
#include "load/player.h"
#include "load/sound.h"
#include "load/twilio.h"
#include "load/wire.h"
#include "net/http.h"
#include "net/ws.h"

enum { CALLS = 10, FRAMES = 250, WEBHOOKS = 20, WARM_FRAMES = 50, WARM_WEBHOOKS = 5 };

#define HOST "app.test"
#define URL "https://" HOST
#define ACCOUNT "AC00000000000000000000000000000001"
#define TOKEN "bench-token-0123456789"
#define KEY "bench-key-0123456789"
#define PATIENCE (5 * CAL_S)
#define CHANGED "templates/order_7.lua"

static const char settings_json[] =
    "{\"env\":{\"PUBLIC_BASE_URL\":\"" URL "\",\"TWILIO_ACCOUNT_SID\":\"" ACCOUNT
    "\",\"TWILIO_AUTH_TOKEN\":\"" TOKEN
    "\",\"TWILIO_MAX_CONCURRENT\":\"1000\",\"TWILIO_CALLS_PER_SECOND\":\"1000\",\"CALLISTO_API_KEYS\":\"" KEY
    "\"},\"file\":{},\"cli\":{}}";

typedef struct call {
  char sid[40], stream[40], document[2048], url[512];
  int status; /* of the request that was answered last; 0: it is under way */
  cal_ws *ws;
  uint32_t chunk;
  uint64_t sequence, frames_heard;
  load_player player;
} call;

static cal_lab *lab;
static cal_engine *engine;
static const load_wire *wire;
static call calls[CALLS];

static void fail(const char *what, const char *about) {
  fprintf(stderr, "bench_counts: %s: %s\n", what, about);
  exit(1);
}

static void check(int code) {
  if (code < 0) fail("failed", cal_error_text());
}

static uint64_t now_ns(void) { return cal_loop_now_ns(cal_lab_loop(lab)); }

static void make_lab(void) {
  check(cal_lab_new(&lab, &(cal_lab_options){.seed = 1, .wall_ms = 1772532900000}));
}

static void add_engine(const char *workspace) {
  const char *library = getenv("CALLISTO_LIBRARY");
  check(
      cal_lab_add(lab, &engine,
                  &(cal_lab_engine){.host = HOST,
                                    .service = "callisto.service",
                                    .warm_module = "callisto.flow",
                                    .workspace = workspace,
                                    .library = library ? library : "lua",
                                    .settings_json = settings_json,
                                    .fields = "authorization content-type host user-agent x-twilio-signature",
                                    .entry_budget_ms = 60000}));
}

/* ---- webhooks */

static void on_answer(void *context, const cal_http_result *result) {
  call *c = context;
  c->status = result->status ? result->status : -1;
  snprintf(c->document, sizeof c->document, "%.*s", (int)result->body.bytes,
           result->body.bytes ? result->body.at : "");
}

/* Sends a request, and waits until the answer is good. */
static void fetch(call *c, cal_http_fetch_options *options) {
  cal_id id;
  c->status = 0;
  options->method = "POST";
  options->context = c;
  options->on_done = on_answer;
  check(cal_http_fetch(&id, cal_lab_net(lab), options));
  for (uint64_t until = now_ns() + PATIENCE; !c->status && now_ns() < until;) cal_lab_move(lab, CAL_MS, 0);
  if (c->status < 200 || c->status > 299) fail(options->url, c->document);
}

static void post(call *c, const char *path, const char *status, int is_final) {
  char url[256], signature[LOAD_SIGNATURE_BYTES], form[2048];
  load_parameter parameters[LOAD_WEBHOOK_PARAMETERS];
  load_webhook webhook = {ACCOUNT, c->sid, "+14155550100", "+14155550199", status, is_final};
  size_t count = load_webhook_parameters(&webhook, parameters);
  snprintf(url, sizeof url, URL "%s", path);
  load_sign(signature, TOKEN, url, parameters, count);
  size_t bytes = load_form(form, sizeof form, parameters, count);
  const cal_http_field fields[] = {
      {cal_span_of("content-type"), cal_span_of("application/x-www-form-urlencoded; charset=UTF-8")},
      {cal_span_of("x-twilio-signature"), cal_span_of(signature)}};
  fetch(c, &(cal_http_fetch_options){.url = url, .body = {form, bytes}, .fields = fields, .field_count = 2});
}

static void ask(call *c) {
  static unsigned number;
  *c = (call){.sid = ""};
  snprintf(c->sid, sizeof c->sid, "CA%032x", ++number);
  snprintf(c->stream, sizeof c->stream, "MZ%032x", number);
  post(c, "/telephony/twilio/inbound/held", "ringing", 0);
  if (load_wire_url(wire, c->document, c->url, sizeof c->url))
    fail("an answer without a socket", c->document);
}

static void ask_and_end(int count) {
  for (int i = 0; i < count; i++) {
    ask(&calls[0]);
    post(&calls[0], "/twilio/callback/status", "completed", 1);
    cal_lab_move(lab, CAL_S, 0);
  }
  if (cal_engine_calls(engine)) fail("a call has not ended", calls[0].sid);
}

/* ---- frames */

static void say(call *c, const char *text, const load_values *about) {
  char message[LOAD_MESSAGE_BYTES];
  load_values values = *about;
  values.call = c->sid;
  values.stream = c->stream;
  values.account = ACCOUNT;
  values.seq = ++c->sequence;
  size_t bytes = load_write(message, sizeof message, text, &values);
  check(cal_ws_send_copy(c->ws, message, bytes, CAL_WS_TEXT));
}

static const char *value_of(const char *data, size_t bytes, const char *name, size_t *length) {
  const char *at = memmem(data, bytes, name, strlen(name));
  const char *value = at ? at + strlen(name) : NULL;
  const char *end = value ? memchr(value, '"', (size_t)(data + bytes - value)) : NULL;
  if (!end) fail("not understood", wire->name);
  *length = (size_t)(end - value);
  return value;
}

static void on_message(void *context, char *data, size_t bytes, int is_binary) {
  call *c = context;
  size_t length;
  if (!strncmp(data, wire->audio_in, strlen(wire->audio_in))) {
    c->frames_heard++;
    load_player_audio(&c->player, now_ns(), LOAD_TURN_MS * 1000, NULL);
  } else if (!strncmp(data, wire->mark_in, strlen(wire->mark_in))) {
    const char *name = value_of(data, bytes, wire->mark_name, &length);
    load_player_mark(&c->player, now_ns(), name, length, NULL);
  }
}

static void on_open(void *context, cal_ws *ws) {}

static void on_close(void *context, const cal_ws_end *end) {
  call *c = context;
  if (c->frames_heard < WARM_FRAMES + FRAMES) fail("a media socket was closed", end->text);
  c->ws = NULL;
}

static void connect_socket(call *c) {
  char signature[LOAD_SIGNATURE_BYTES];
  load_sign(signature, TOKEN, c->url, NULL, 0);
  const cal_http_field field = {cal_span_of("x-twilio-signature"), cal_span_of(signature)};
  check(cal_ws_connect(&c->ws, cal_lab_net(lab),
                       &(cal_ws_connect_options){.url = c->url,
                                                 .fields = &field,
                                                 .field_count = 1,
                                                 .handlers = {c, on_open, on_message, NULL, on_close}}));
  for (uint64_t until = now_ns() + PATIENCE; !cal_ws_is_open(c->ws) && now_ns() < until;)
    cal_lab_move(lab, CAL_MS, 0);
  say(c, wire->opening[0], &(load_values){.call = ""});
  say(c, wire->opening[1], &(load_values){.call = ""});
}

static void turn(call *c) {
  char name[LOAD_MARK_BYTES];
  size_t bytes;
  load_values about = {.chunk = c->chunk + 1, .ms = c->chunk * LOAD_TURN_MS};
  about.audio = load_sound(c->chunk++, &bytes);
  about.audio_bytes = bytes;
  say(c, wire->audio, &about);
  while (load_player_due_mark(&c->player, now_ns(), name)) say(c, wire->mark, &(load_values){.mark = name});
}

static void talk(int frames) {
  for (int i = 0; i < frames; i++) {
    for (int k = 0; k < CALLS; k++) turn(&calls[k]);
    cal_lab_move(lab, LOAD_TURN_MS * CAL_MS, 0);
  }
}

/* ---- counting */

static void count_frames(void) {
  for (int i = 0; i < CALLS; i++) {
    ask(&calls[i]);
    connect_socket(&calls[i]);
  }
  talk(WARM_FRAMES);
  uint64_t before = calls[0].frames_heard;
  CALLGRIND_START_INSTRUMENTATION;
  talk(FRAMES);
  CALLGRIND_DUMP_STATS;
  CALLGRIND_STOP_INSTRUMENTATION;
  if (calls[0].frames_heard - before < FRAMES * 9 / 10)
    fail("the agent did not speak all along", calls[0].sid);
  printf("%d\n", CALLS * FRAMES);
  exit(0); /* the calls are up: there is nothing left to count */
}

static void count_webhooks(void) {
  ask_and_end(WARM_WEBHOOKS);
  CALLGRIND_START_INSTRUMENTATION;
  ask_and_end(WEBHOOKS);
  CALLGRIND_DUMP_STATS;
  CALLGRIND_STOP_INSTRUMENTATION;
  printf("%d\n", WEBHOOKS);
  cal_lab_free(lab);
}

static void count_start(const char *workspace) {
  CALLGRIND_START_INSTRUMENTATION;
  add_engine(workspace);
  CALLGRIND_DUMP_STATS;
  CALLGRIND_STOP_INSTRUMENTATION;
}

static void change(const char *workspace) {
  char path[1024];
  snprintf(path, sizeof path, "%s/" CHANGED, workspace);
  FILE *file = fopen(path, "a");
  if (!file || fputs("-- another edition\n", file) < 0 || fclose(file)) fail("cannot be changed", path);
}

static void count_reload(const char *workspace) {
  const cal_http_field key = {cal_span_of("authorization"), cal_span_of("Bearer " KEY)};
  add_engine(workspace);
  change(workspace);
  CALLGRIND_START_INSTRUMENTATION;
  fetch(&calls[0],
        &(cal_http_fetch_options){.url = URL "/api/code/reload", .fields = &key, .field_count = 1});
  CALLGRIND_DUMP_STATS;
  CALLGRIND_STOP_INSTRUMENTATION;
  if (!strstr(calls[0].document, "\"what\":\"reloaded\"")) fail("not reloaded", calls[0].document);
}

static void count_code(int is_reload, const char *workspace) {
  if (is_reload)
    count_reload(workspace);
  else
    count_start(workspace);
  printf("1\n");
  cal_lab_free(lab);
}

static void count_calls(int is_frame) {
  wire = load_wire_find("twilio");
  load_sound_make(&wire->format, 0);
  add_engine("tests/bench/workspace");
  if (is_frame)
    count_frames();
  else
    count_webhooks();
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  int is_frame = !strcmp(mode, "frame"), is_reload = !strcmp(mode, "reload");
  int is_of_calls = argc == 2 && (is_frame || !strcmp(mode, "webhook"));
  if (!is_of_calls && (argc != 3 || !(is_reload || !strcmp(mode, "start")))) {
    fprintf(stderr, "usage: bench_counts frame|webhook|start FOLDER|reload FOLDER\n");
    return 2;
  }
  cal_log_setup(CAL_LOG_ERROR, 0);
  make_lab();
  if (is_of_calls)
    count_calls(is_frame);
  else
    count_code(is_reload, argv[2]);
  return 0;
}
