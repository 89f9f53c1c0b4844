/* kit: an engine over a small workspace of its own, running on a thread of its own, and the carrier's side of
 * its sockets on the test's thread. Loopback only, ports chosen by the kernel, folders that are gone
 * afterwards. */
#ifndef CAL_TESTS_ENGINE_KIT_H
#define CAL_TESTS_ENGINE_KIT_H

#include "net/kit.h"

#include <ftw.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/log.h"
#include "engine/engine.h"
#include "data/base64.h"

#if defined(__SANITIZE_THREAD__)
/* signals wait for the next call of a library there, so a loop of Lua cannot be interrupted */
#define IS_TSAN 1
#else
#define IS_TSAN 0
#endif

#define BUDGET_MS (IS_TSAN ? 5000 : 100) /* slow there, and what loops is skipped */

/* ---- the workspace */

/* Requests: /open/ENTRY/NAME opens a call, /boom fails, /spin never ends, /never is not answered, /store asks
 * the store, /owner?call=NAME says whether the request came to the right thread. Facts are left in
 * callisto.shared. */
static const char service_text[] =
    "local core, shared = require 'callisto.core', require 'callisto.shared'\n"
    "if core.kind ~= 'service' then return {} end -- only looked at\n"
    "local wire = core.wire { name = 'test', encoding = 'pcmu', rate = 8000, frame_ms = 20, event = "
    "'event',\n"
    "  audio_in = { event = 'media', payload = 'media.payload' },\n"
    "  start_in = { event = 'start', stream = 'stream', call = 'call' },\n"
    "  mark_in = { event = 'mark', name = 'name' }, stop_in = { event = 'stop' },\n"
    "  audio_out = [[{\"event\":\"media\",\"stream\":\"$stream\",\"payload\":\"$audio\"}]],\n"
    "  mark_out = [[{\"event\":\"mark\",\"name\":\"$mark\"}]], clear = [[{\"event\":\"clear\"}]] }\n"
    "local live, is_draining = 0, false\n"
    "local function stop_if_idle() if is_draining and live == 0 then core.stopped() end end\n"
    "local function open(request, entry, name)\n"
    "  local ok, why, code = core.call_open { id = name, entry = 'exchange.' .. entry, begin = name, wire = "
    "wire,\n"
    "    role = 'agent', path = '/media/' .. name, recording = 'recordings/' .. name .. '.wav',\n"
    "    fallback = { text = 'Sorry.' } }\n"
    "  if not ok then return core.http_reply(request, 503, nil, code) end\n"
    "  live = live + 1\n"
    "  core.http_reply(request, 200, { ['content-type'] = 'text/plain' }, '/media/' .. name)\n"
    "end\n"
    "local on = {}\n"
    "function on.start()\n"
    "  core.doors { { kind = 'tells', path = '/owner', call = 'call' } }\n"
    "  core.started()\n"
    "end\n"
    "function on.stop() is_draining = true stop_if_idle() end\n"
    "function on.request(request, message)\n"
    "  local entry, name = message.path:match '^/open/([a-z]+)/([a-z0-9-]+)$'\n"
    "  if entry then return open(request, entry, name) end\n"
    "  if message.path == '/boom' then error 'boom' end\n"
    "  if message.path == '/spin' then while true do end end\n"
    "  if message.path == '/never' then return end\n"
    "  if message.path == '/store' then return assert(core.store('select 1', {})) end\n"
    "  if message.path == '/owner' then\n"
    "    local name = message.query:match 'call=([a-z0-9-]+)'\n"
    "    local id, is_mine = core.owner(name)\n"
    "    if id and not is_mine then return assert(core.forward(request, message, id)) end\n"
    "    return core.http_reply(request, id and 200 or 404, nil, id or '')\n"
    "  end\n"
    "  core.http_reply(request, 404)\n"
    "end\n"
    "function on.leg(name, party, what)\n"
    "  shared.set(what .. ':' .. name, '1')\n"
    "  if what == 'ended' then core.call_close(name) live = live - 1 stop_if_idle() end\n"
    "end\n"
    "function on.told(name, text) shared.set('told:' .. name, text) end\n"
    "function on.broken(name, code, why) shared.set('broken:' .. name, code) end\n"
    "core.handler(function(kind, ...) if on[kind] then on[kind](...) end end)\n"
    "return {}\n";

/* What flows have in common: their handler is a table of functions. A file that is judged cannot set one. */
static const char warm_text[] =
    "local core = require 'callisto.core'\n"
    "return function(on)\n"
    "  pcall(core.handler, function(kind, ...) if on[kind] then on[kind](...) end end)\n"
    "end\n";

static const struct {
  const char *path, *text;
} workspace_files[] = {
    {"exchange/service.lua", service_text},
    {"exchange/warm.lua", warm_text},
    /* Says something, hangs up when it was heard. */
    {"exchange/talk.lua",
     "local core = require 'callisto.core'\n"
     "require 'exchange.warm' {\n"
     "  begin = function(name) core.tell(nil, 'begun ' .. name) core.tone(1, 1, 'busy', 0.3) end,\n"
     "  utterance = function(_, number, what) if what == 'ended' then core.party_close(1, true) end end }\n"
     "return {}\n"},
    /* Speaks for a minute. */
    {"exchange/hold.lua",
     "local core = require 'callisto.core'\n"
     "require 'exchange.warm' { begin = function() core.tone(1, 1, 'busy', 60) end }\nreturn {}\n"},
    {"exchange/speak.lua",
     "local core = require 'callisto.core'\n"
     "require 'exchange.warm' { begin = function()\n"
     "  for number = 1, 5 do core.say(1, number, 'This is sentence number ' .. number .. '.') end\n"
     "end }\nreturn {}\n"},
    {"exchange/spin.lua", "require 'exchange.warm' { leg = function() while true do end end }\nreturn {}\n"},
    {"exchange/hog.lua", "require 'exchange.warm' { leg = function()\n"
                         "  local all = {}\n"
                         "  for number = 1, 1e9 do all[number] = ('x'):rep(10000) .. number end\n"
                         "end }\nreturn {}\n"},
    {"exchange/boom.lua",
     "require 'exchange.warm' { leg = function() error 'the script is wrong' end }\nreturn {}\n"},
    /* Asks without end, and tells how often it was let. */
    {"exchange/asks.lua",
     "local core = require 'callisto.core'\n"
     "require 'exchange.warm' { leg = function(_, what) if what == 'ended' then return end\n"
     "  local count, why, code = 0\n"
     "  repeat\n"
     "    local ok\n"
     "    ok, why, code = core.http_fetch { url = require('callisto.shared').get 'url', body = 'x' }\n"
     "    count = count + 1\n"
     "  until not ok\n"
     "  core.tell(nil, count .. ' ' .. code) end }\nreturn {}\n"},
    /* Fetches the URL it is told, and tells what became of it. */
    {"exchange/fetch.lua", "local core = require 'callisto.core'\n"
                           "require 'exchange.warm' {\n"
                           "  leg = function(_, what) if what == 'started' then\n"
                           "    assert(core.http_fetch { url = require('callisto.shared').get 'url' }) "
                           "core.tell(nil, 'asked') end end,\n"
                           "  response = function(_, answer, text, code) core.tell(nil, answer and "
                           "tostring(answer.status) or code) end }\n"
                           "return {}\n"},
};

typedef struct world {
  kit client;
  cal_engine *engine;
  char folder[64], data[80];
  pthread_t thread;
  int is_running;
  int code; /* of cal_engine_run */
} world;

static inline int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *walk) {
  return remove(path);
}

static inline void write_file(const world *w, const char *path, const char *text) {
  char full[256];
  snprintf(full, sizeof full, "%s/%s", w->folder, path);
  FILE *file = fopen(full, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static inline void make_workspace(world *w) {
  char path[128];
  snprintf(w->folder, sizeof w->folder, "/tmp/callisto-bind-XXXXXX");
  assert_non_null(mkdtemp(w->folder));
  snprintf(w->data, sizeof w->data, "%s/var", w->folder);
  snprintf(path, sizeof path, "%s/exchange", w->folder);
  assert_int_equal(mkdir(path, 0700), 0);
  for (size_t i = 0; i < sizeof workspace_files / sizeof *workspace_files; i++)
    write_file(w, workspace_files[i].path, workspace_files[i].text);
}

static inline cal_engine_options world_options(const world *w, int threads) {
  return (cal_engine_options){.service = "exchange.service",
                              .warm_module = "exchange.warm",
                              .workspace = w->folder,
                              .library = CAL_SOURCE_DIR "/lua",
                              .host = "127.0.0.1",
                              .io_threads = (uint8_t)threads,
                              .script_threads = (uint8_t)threads,
                              .speech_threads = 1,
                              .is_inline = threads == 0,
                              .data_folder = w->data,
                              .grace_s = 60,
                              .warm_vms = 2,
                              .allow_private = 1,
                              .arrival_wait_ms = 10000, /* a busy machine turns nobody away */
                              .entry_budget_ms = BUDGET_MS};
}

static inline void *run_engine(void *context) {
  world *w = context;
  w->code = cal_engine_run(w->engine);
  return NULL;
}

/* `threads` of io and of scripts; 0: inline. One file of the workspace may be another than usual. */
static inline void world_prepare_with(world *w, int threads, const char *path, const char *text) {
  *w = (world){0};
  cal_log_setup(CAL_LOG_ERROR, 0);
  make_workspace(w);
  if (path) write_file(w, path, text);
  kit_open(&w->client, NULL);
  cal_engine_options options = world_options(w, threads);
  if (cal_engine_new(&w->engine, &options)) fail_msg("no engine: %s", cal_error_text());
}

static inline void world_prepare(world *w, int threads) { world_prepare_with(w, threads, NULL, NULL); }

static inline void world_run(world *w) {
  if (cal_engine_start(w->engine)) fail_msg("no engine: %s", cal_error_text());
  assert_int_equal(pthread_create(&w->thread, NULL, run_engine, w), 0);
  w->is_running = 1;
}

static inline void world_open(world *w, int threads) {
  world_prepare(w, threads);
  world_run(w);
}

static inline void world_join(world *w) {
  pthread_join(w->thread, NULL);
  w->is_running = 0;
}

/* At once, whatever is alive. */
static inline void world_close(world *w) {
  cal_engine_drain(w->engine);
  cal_engine_drain(w->engine);
  if (w->is_running) world_join(w);
  cal_engine_free(w->engine);
  kit_close(&w->client);
  nftw(w->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- facts */

static inline int is_fact(world *w, const char *kind, const char *name, const char *value) {
  char key[2048];
  cal_buf found;
  cal_buf_init(&found, 4096);
  snprintf(key, sizeof key, "%s:%s", kind, name);
  int is_there = cal_kv_get(cal_engine_reach(w->engine)->shared, cal_span_of(key), &found,
                            cal_reach_now_ns(cal_engine_reach(w->engine))) == 1;
  int is_same = is_there && (!value || strcmp(found.data, value) == 0);
  cal_buf_free(&found);
  return is_same;
}

/* The script thread that owns the call of this name; 0: none. */
static inline uint8_t owner_of(world *w, const char *name) {
  cal_owner owner;
  return cal_registry_find(cal_engine_reach(w->engine)->registry, name, &owner) ? owner.script : 0;
}

/* ---- requests */

typedef struct reply {
  int is_done, error, status;
  char body[256];
} reply;

static inline void on_reply(void *context, const cal_http_result *result) {
  reply *r = context;
  r->is_done = 1;
  r->error = result->error;
  r->status = result->status;
  snprintf(r->body, sizeof r->body, "%.*s", (int)result->body.bytes,
           result->body.bytes ? result->body.at : "");
}

static inline void ask(world *w, reply *r, const char *path) {
  char url[256];
  cal_id id;
  *r = (reply){0};
  snprintf(url, sizeof url, "http://127.0.0.1:%u%s", cal_engine_port(w->engine), path);
  cal_http_fetch_options options = {.url = url, .context = r, .on_done = on_reply};
  assert_int_equal(cal_http_fetch(&id, w->client.net, &options), 0);
}

static inline int get(world *w, const char *path) {
  reply r;
  ask(w, &r, path);
  WAIT_FOR(&w->client, r.is_done);
  return r.status;
}

/* A server that takes connections and says nothing. */
static inline int silent_server(char *url, size_t room) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(listener, 64), 0);
  getsockname(listener, (struct sockaddr *)&address, &size);
  snprintf(url, room, "http://127.0.0.1:%u/", ntohs(address.sin_port));
  return listener;
}

/* For flows to read. */
static inline void set_fact(world *w, const char *key, const char *value) {
  cal_kv_set(cal_engine_reach(w->engine)->flow_shared, cal_span_of(key), cal_span_of(value), 0,
             cal_reach_now_ns(cal_engine_reach(w->engine)));
}

/* ---- lines */

typedef struct line {
  char name[32];
  cal_ws *ws;
  int is_open, is_closed, status;
  int frames, loud; /* messages of audio, and those that are not silence */
  int marks, clears;
} line;

static inline void count_frame(line *l, const char *text) {
  uint8_t samples[1024];
  const char *at = strstr(text, "\"payload\":\""), *end = at ? strchr(at + 11, '"') : NULL;
  if (!end) return;
  ssize_t count = cal_base64_decode(CAL_BASE64_STD, samples, sizeof samples,
                                    (cal_span){at + 11, (size_t)(end - at - 11)});
  assert_true(count > 0);
  l->frames++;
  for (ssize_t i = 0; i < count; i++)
    if ((samples[i] & 0x7f) < 0x60) { /* well above the steps of μ-law around zero */
      l->loud++;
      return;
    }
}

static inline void on_line_message(void *context, char *data, size_t bytes, int is_binary) {
  line *l = context;
  char *text = cal_strndup(data, bytes);
  if (strstr(text, "\"media\"")) count_frame(l, text);
  if (strstr(text, "\"clear\"")) l->clears++;
  if (strstr(text, "\"mark\"")) {
    l->marks++;
    cal_ws_send_copy(l->ws, text, bytes, CAL_WS_TEXT); /* played, as far as we are concerned */
  }
  cal_free(text);
}

static inline void on_line_open(void *context, cal_ws *ws) {
  line *l = context;
  char text[128];
  l->is_open = 1;
  l->ws = ws;
  int bytes = snprintf(text, sizeof text, "{\"event\":\"start\",\"stream\":\"s-%s\",\"call\":\"c-%s\"}",
                       l->name, l->name);
  cal_ws_send_copy(ws, text, (size_t)bytes, CAL_WS_TEXT);
}

static inline void on_line_close(void *context, const cal_ws_end *end) {
  line *l = context;
  l->is_closed = 1;
  l->status = end->status;
  l->ws = NULL;
}

static inline void line_dial(world *w, line *l, const char *name) {
  char url[128];
  *l = (line){0};
  snprintf(l->name, sizeof l->name, "%s", name);
  snprintf(url, sizeof url, "ws://127.0.0.1:%u/media/%s", cal_engine_port(w->engine), name);
  cal_ws_connect_options options = {
      .url = url,
      .handlers = {
          .context = l, .on_open = on_line_open, .on_message = on_line_message, .on_close = on_line_close}};
  assert_int_equal(cal_ws_connect(&l->ws, w->client.net, &options), 0);
}

/* The webhook, then the media socket. */
static inline void line_call(world *w, line *l, const char *entry, const char *name) {
  char path[96];
  snprintf(path, sizeof path, "/open/%s/%s", entry, name);
  assert_int_equal(get(w, path), 200);
  line_dial(w, l, name);
}

static inline void line_say_silence(line *l) {
  char text[320] = "{\"event\":\"media\",\"media\":{\"payload\":\"";
  size_t bytes = strlen(text);
  memset(text + bytes, '/', 212); /* 159 times 0xff */
  strcpy(text + bytes + 212, "\"}}");
  cal_ws_send_copy(l->ws, text, strlen(text), CAL_WS_TEXT);
}

#endif
