#include "engine/engine.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/nice.h"
#include "engine/planes.h"
#include "script/registry.h"
#include "script/reload.h"
#include "script/say.h"
#include "net/address.h"
#include "engine/mend.h"
#include "store/facts.h"

#define SHARED_CEILING (64u << 20)
#define TOKENS_CEILING 100000
#define SPEECH_CACHE (64u << 20)
#define LAST_TURNS 1024 /* of an io thread's loop when the engine stops: more than its mailbox can need */

/* ---- threads */

static void *run_io(void *loop) {
  cal_loop_run(loop);
  return NULL;
}

static void *run_script(void *loop) {
  cal_thread_nice(CAL_NICE_SCRIPT);
  cal_loop_run(loop);
  return NULL;
}

static int start_thread(cal_thread *thread, const char *name, void *(*run)(void *loop)) {
  if (pthread_create(&thread->id, NULL, run, thread->loop)) return cal_fail(-EAGAIN, "cannot start a thread");
  pthread_setname_np(thread->id, name);
  thread->is_running = 1;
  return 0;
}

static void stop_thread(cal_thread *thread) {
  if (!thread->is_running) return;
  cal_loop_stop(thread->loop);
  pthread_join(thread->id, NULL);
  thread->is_running = 0;
}

/* ---- hooks of the io plane */

/* Requests that name a live call go to the thread, and there to the code, that owns it; the others are dealt
 * in turn. */
static uint8_t script_for(cal_engine *engine, const cal_http_message *message, cal_id *handle) {
  const char *query = message->query, *at = query ? strstr(query, "call=") : NULL;
  if (at && (at == query || at[-1] == '&')) {
    char name[64];
    size_t bytes = strcspn(at + 5, "&");
    if (bytes < sizeof name) {
      memcpy(name, at + 5, bytes);
      name[bytes] = 0;
      uint8_t script = cal_registry_find(engine->registry, name, NULL, 0, handle);
      if (script) return script;
    }
  }
  return (uint8_t)(1 + atomic_fetch_add(&engine->turn, 1) % engine->options.script_threads);
}

static int on_request(void *context, cal_io *io, cal_id request, cal_http_message *message) {
  cal_engine *engine = context;
  cal_event event = {.kind = CAL_EVENT_HTTP_REQUEST, .source = request, .message = message};
  uint8_t script = script_for(engine, message, &event.target);
  int code = cal_engine_event(engine, script, &event, CAL_MAIL_CONTROL);
  if (!code) return 0;
  cal_metric_add(
      cal_counter("callisto_requests_refused_total", "requests refused because the script plane is behind"),
      1);
  return 503;
}

static int on_socket(void *context, cal_id socket, cal_http_message *message) {
  cal_engine *engine = context;
  cal_event event = {.kind = CAL_EVENT_SOCKET, .source = socket, .message = message};
  uint8_t script = (uint8_t)(1 + atomic_fetch_add(&engine->turn, 1) % engine->options.script_threads);
  return cal_engine_event(engine, script, &event, CAL_MAIL_CONTROL);
}

static void on_response(void *context, cal_id fetch, cal_http_message *message, int code, const char *text,
                        int was_sent) {
  cal_event event = {.kind = CAL_EVENT_HTTP_RESPONSE,
                     .source = fetch,
                     .message = message,
                     .code = code,
                     .text = message ? NULL : cal_strdup(text),
                     .flags = was_sent ? CAL_EVENT_SENT : 0};
  cal_engine_event(context, (uint8_t)cal_id_tag(fetch), &event, CAL_MAIL_RESERVED);
}

static void on_speech(void *context, cal_call *call, cal_clip *clip, void *grammar, int64_t speech_ms) {
  cal_hear_clip(((cal_engine *)context)->speech, call, clip, grammar, speech_ms);
}

typedef struct recording {
  cal_engine *engine;
  cal_file *file;
  uint64_t samples;
  char *path;
} recording;

static int64_t wall_ms(const cal_engine *engine) { return cal_clock_wall_ms(engine->clock); }

static void *recording_open(void *context, const char *path, const char *call) {
  cal_engine *engine = context;
  cal_file *file;
  if (cal_file_create(&file, engine->files, path, NULL, 0) < 0) {
    cal_log(CAL_LOG_ERROR, "recording", call, "not recorded: %s", cal_error_text());
    return NULL;
  }
  recording *r = cal_alloc(sizeof *r);
  r->engine = engine;
  r->file = file;
  r->path = cal_strdup(path);
  cal_store_recording_begin(engine->store, call, path, wall_ms(engine));
  return r;
}

static void recording_write(void *context, void *file, uint8_t *block, size_t bytes) {
  cal_file_append(((recording *)file)->file, block, bytes);
}

static void on_recorded(void *context, int code) {
  recording *r = context;
  if (code) cal_log(CAL_LOG_ERROR, "recording", NULL, "%s is incomplete: %s", r->path, cal_error_name(code));
  cal_store_recording_end(r->engine->store, r->path, wall_ms(r->engine), code == 0, (int64_t)r->samples,
                          (int64_t)r->samples * 4);
  cal_free(r->path);
  cal_free(r);
}

static void recording_close(void *context, void *file, const uint8_t *head, size_t bytes, uint64_t samples) {
  recording *r = file;
  r->samples = samples;
  cal_file_patch(r->file, 0, head, bytes);
  cal_file_finish(&r->file, on_recorded, r);
}

static void on_wire(void *context, const char *call, int is_ours, const char *data, size_t bytes,
                    int is_binary) {
  cal_trace_wire(((cal_engine *)context)->trace, call, is_ours, data, bytes, is_binary);
}

/* ---- start */

static int open_store_and_speech(cal_engine *engine) {
  const cal_engine_options *o = &engine->options;
  char store_path[1024], recordings[1024];
  snprintf(store_path, sizeof store_path, "%s/callisto.db", o->data_folder);
  snprintf(recordings, sizeof recordings, "%s/recordings", o->data_folder);
  int code =
      cal_store_open(&engine->store, &(cal_store_options){.path = o->store_path ? o->store_path : store_path,
                                                          .node = o->node,
                                                          .mend_recording = cal_mend_recording,
                                                          .is_inline = o->is_inline,
                                                          .clock = engine->clock});
  if (!code)
    code = cal_files_open(
        &engine->files,
        &(cal_files_options){.folder = recordings, .is_inline = o->is_inline, .clock = engine->clock});
  if (!code && o->trace_path)
    code = cal_trace_open(&engine->trace, engine->files, o->trace_path, engine->clock);
  if (code) return code;
  cal_speech_options speech = cal_speech_defaults();
  speech.threads = o->is_inline ? 0 : o->speech_threads;
  speech.cache_bytes = SPEECH_CACHE;
  speech.is_spoken = o->loop && !o->has_real_voice;
  speech.free_text = o->hears_free_text;
  code = cal_speech_new(&engine->speech, &speech);
  /* Read now, because the first script that listens would pay for it out of its budget. */
  const cal_dict *dict;
  if (!code && cal_speech_dict(engine->speech, &dict) < 0)
    cal_log(CAL_LOG_WARN, "engine", NULL, "callers will not be understood: %s", cal_error_text());
  return code;
}

static int new_loop(cal_engine *engine, cal_thread *thread) {
  if (engine->options.is_inline) {
    thread->loop = engine->loop;
    return 0;
  }
  return cal_loop_new(&thread->loop, engine->clock);
}

static int new_ios(cal_engine *engine) {
  const cal_engine_options *o = &engine->options;
  for (uint8_t i = 0; i < o->io_threads; i++) {
    int code = new_loop(engine, &engine->io_threads[i]);
    if (code) return code;
    cal_io_options options = {
        .index = (uint8_t)(i + 1),
        .loop = engine->io_threads[i].loop,
        .tokens = engine->tokens,
        .prefixes = engine->prefixes,
        .hooks = {.context = engine,
                  .on_request = on_request,
                  .on_socket = on_socket,
                  .on_response = on_response,
                  .on_speech = on_speech,
                  .recordings = {.context = engine,
                                 .open = recording_open,
                                 .write = recording_write,
                                 .close = recording_close},
                  .hearing = o->hearing,
                  .watcher = {.context = engine, .saw = engine->trace ? on_wire : NULL}},
        .net = {.ca_file = o->ca_file, .loopback = o->loopback},
        .legs_ceiling = o->calls_ceiling};
    code = cal_io_new(&engine->ios[i], &options);
    if (code) return code;
    engine->commands[i] = cal_ref(cal_io_commands(engine->ios[i]));
  }
  return 0;
}

static int new_scripts(cal_engine *engine) {
  for (uint8_t i = 0; i < engine->options.script_threads; i++) {
    int code = new_loop(engine, &engine->script_threads[i]);
    if (!code)
      code = cal_script_new(&engine->scripts[i], engine, (uint8_t)(i + 1), engine->script_threads[i].loop);
    if (code) return code;
    engine->events[i] = cal_ref(cal_script_events(engine->scripts[i]));
    code = cal_script_start(engine->scripts[i]);
    if (code) return code;
  }
  return 0;
}

/* Listeners that share a port among our threads would share it with a second process as well, without a word.
 */
static int check_port(const cal_engine_options *o) {
  struct sockaddr_storage address;
  int yes = 1, no = 0, error = 0;
  if (o->io_threads == 1 || !o->port || cal_address_parse(&address, o->host ? o->host : "0.0.0.0", o->port))
    return 0;
  int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0; /* the listener will say why */
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (address.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  socklen_t size = address.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  if (bind(fd, (struct sockaddr *)&address, size)) error = errno;
  close(fd);
  if (error != EADDRINUSE) return 0;
  return cal_fail(-EADDRINUSE, "port %u is in use by another program: choose another with --port", o->port);
}

/* Every io thread has a listener of its own on the same port. The first one finds the port when any will do.
 */
static int listen_all(cal_engine *engine) {
  const cal_engine_options *o = &engine->options;
  size_t fields = 0;
  while (o->fields && o->fields[fields]) fields++;
  cal_server_options server = {.host = o->host,
                               .port = o->port,
                               .reuse_port = o->io_threads > 1,
                               .cert_file = o->cert_file,
                               .key_file = o->key_file,
                               .fields = o->fields,
                               .field_count = fields};
  int busy = check_port(o);
  if (busy) return busy;
  for (uint8_t i = 0; i < o->io_threads; i++) {
    int code = cal_io_listen(engine->ios[i], &server);
    if (code) return code;
    server.port = engine->port = cal_io_port(engine->ios[i]);
  }
  return 0;
}

static int open_planes(cal_engine *engine) {
  int code = open_store_and_speech(engine);
  if (!code) code = new_ios(engine);
  if (!code) code = new_scripts(engine);
  return code ? code : listen_all(engine);
}

static void on_again(uv_async_t *async) { cal_engine_check_end(async->data); }

int cal_engine_new(cal_engine **result, const cal_engine_options *options) {
  cal_engine *engine = cal_alloc(sizeof *engine);
  engine->options = *options;
  cal_engine_options *o = &engine->options;
  if (!o->node) o->node = "main";
  if (!o->settings_json) o->settings_json = "{}";
  if (!o->calls_ceiling) o->calls_ceiling = 2000;
  if (!o->warm_vms) o->warm_vms = 16;
  if (!o->entry_budget_ms) o->entry_budget_ms = 50;
  if (!o->vm_memory_bytes) o->vm_memory_bytes = 16u << 20;
  if (o->loop) o->is_inline = 1;
  if (o->is_inline || !o->io_threads) o->io_threads = 1;
  if (o->is_inline || !o->script_threads) o->script_threads = 1;
  if (o->io_threads > CAL_THREADS) o->io_threads = CAL_THREADS;
  if (o->script_threads > CAL_THREADS) o->script_threads = CAL_THREADS;
  engine->clock = o->clock ? o->clock : cal_clock_real();
  engine->shared = cal_kv_new(SHARED_CEILING);
  engine->holders = cal_holders_new();
  engine->tokens = cal_tokens_new(TOKENS_CEILING);
  engine->prefixes = cal_prefixes_new();
  engine->registry = cal_registry_new();
  engine->grace.engine = engine;
  engine->loop = o->loop;
  int code = o->loop ? 0 : cal_loop_new(&engine->loop, engine->clock);
  if (!code && uv_async_init(cal_loop_uv(engine->loop), &engine->again, on_again))
    code = cal_fail(-ENFILE, "no file descriptors are left");
  if (!code) {
    engine->again.data = engine;
    engine->has_again = 1;
    code = cal_reload_new(&engine->reload, engine);
  }
  if (!code && !o->is_tool) code = open_planes(engine);
  if (code) {
    cal_engine_free(engine);
    return code;
  }
  *result = engine;
  return 0;
}

static int start_threads(cal_engine *engine) {
  char name[16];
  if (engine->options.is_inline) return 0;
  for (uint8_t i = 0; i < engine->options.io_threads; i++) {
    snprintf(name, sizeof name, "io-%u", i + 1u);
    int code = start_thread(&engine->io_threads[i], name, run_io);
    if (code) return code;
  }
  for (uint8_t i = 0; i < engine->options.script_threads; i++) {
    snprintf(name, sizeof name, "script-%u", i + 1u);
    int code = start_thread(&engine->script_threads[i], name, run_script);
    if (code) return code;
  }
  return 0;
}

int cal_engine_start(cal_engine *engine) {
  int code = start_threads(engine);
  if (!code && engine->options.watches) code = cal_reload_watch(engine->reload);
  return code;
}

int cal_engine_run(cal_engine *engine) {
  cal_loop_run(engine->loop);
  return atomic_load(&engine->has_failed)
             ? cal_fail(-EIO, "the service could not be started; the log says why")
             : 0;
}

/* ---- stop */

static void on_grace_over(cal_timer *timer) {
  cal_engine *engine = ((cal_grace *)timer)->engine;
  cal_log(CAL_LOG_WARN, "engine", NULL, "the grace is over with %u calls still live; they are ended",
          cal_engine_calls(engine));
  cal_loop_stop(engine->loop);
}

static void begin_drain(cal_engine *engine) {
  cal_log(CAL_LOG_INFO, "engine", NULL, "draining: no new calls; %u live ones have %u s",
          cal_engine_calls(engine), engine->options.grace_s);
  for (uint8_t i = 0; i < engine->options.io_threads; i++) cal_io_refuse_calls(engine->ios[i]);
  for (uint8_t i = 0; i < engine->options.script_threads; i++) {
    cal_event event = {.kind = CAL_EVENT_STOP};
    cal_engine_event(engine, (uint8_t)(i + 1), &event, CAL_MAIL_CONTROL);
  }
  cal_timer_start(engine->loop, &engine->grace.timer,
                  cal_clock_now_ns(engine->clock) + engine->options.grace_s * CAL_S, on_grace_over);
}

/* On the main loop, woken by `again`: what has changed since the last look? */
void cal_engine_check_end(cal_engine *engine) {
  int stops = atomic_load(&engine->stops);
  if (stops && !engine->is_drain_begun) {
    engine->is_drain_begun = 1;
    begin_drain(engine);
  }
  int is_over = stops > 1 || atomic_load(&engine->has_failed) ||
                atomic_load(&engine->done) >= engine->options.script_threads;
  if (is_over) cal_loop_stop(engine->loop);
}

void cal_engine_drain(cal_engine *engine) {
  atomic_fetch_add(&engine->stops, 1);
  uv_async_send(&engine->again);
}

void cal_engine_script_is_ready(cal_engine *engine) {
  if (atomic_fetch_add(&engine->ready, 1) + 1 == engine->options.script_threads)
    cal_log(CAL_LOG_INFO, "engine", NULL, "ready on port %u", engine->port);
}

void cal_engine_script_is_done(cal_engine *engine) {
  atomic_fetch_add(&engine->done, 1);
  uv_async_send(&engine->again);
}

void cal_engine_script_has_failed(cal_engine *engine) {
  atomic_store(&engine->has_failed, 1);
  uv_async_send(&engine->again);
}

/* The last answers scripts gave still go out. Voices may post meanwhile, so there is an end to it. */
static void finish_commands(cal_engine *engine) {
  for (int i = 0; i < CAL_THREADS; i++)
    for (int turn = 0; turn < LAST_TURNS && engine->ios[i] && cal_mailbox_waiting(engine->commands[i]);
         turn++)
      cal_loop_poll(engine->io_threads[i].loop);
}

static void free_loops(cal_engine *engine) {
  for (int i = 0; i < CAL_THREADS; i++) {
    cal_loop *io = engine->io_threads[i].loop, *script = engine->script_threads[i].loop;
    if (io != engine->loop) cal_loop_free(io);
    if (script != engine->loop) cal_loop_free(script);
  }
  /* What was closed on a loop that others keep must be gone before its memory is. */
  if (engine->options.loop)
    cal_loop_poll(engine->loop);
  else
    cal_loop_free(engine->loop);
}

/* Threads first, so that nothing runs any more. Then scripts: closing sockets runs their loop, in inline mode
 * the only one, and no script may find half an engine. Then io, whose legs still write recordings and hand
 * speech over; the speech plane, whose last callbacks find closed mailboxes; the store last, because
 * everything writes to it. What its thread answers until then finds closed mailboxes too. */
cal_engine *cal_engine_free(cal_engine *engine) {
  if (!engine) return NULL;
  for (int i = 0; i < CAL_THREADS; i++) stop_thread(&engine->script_threads[i]);
  for (int i = 0; i < CAL_THREADS; i++) stop_thread(&engine->io_threads[i]);
  if (engine->loop) cal_timer_stop(engine->loop, &engine->grace.timer);
  if (engine->has_again) uv_close((uv_handle_t *)&engine->again, NULL);
  for (int i = 0; i < CAL_THREADS; i++) engine->scripts[i] = cal_script_free(engine->scripts[i]);
  engine->reload = cal_reload_free(engine->reload);
  finish_commands(engine);
  for (int i = 0; i < CAL_THREADS; i++) engine->ios[i] = cal_io_free(engine->ios[i]);
  cal_speech_free(engine->speech);
  cal_trace_close(engine->trace);
  cal_files_close(engine->files);
  cal_store_close(engine->store);
  free_loops(engine);
  for (int i = 0; i < CAL_THREADS; i++) {
    cal_unref(engine->commands[i]);
    cal_unref(engine->events[i]);
  }
  cal_registry_free(engine->registry);
  cal_tokens_free(engine->tokens);
  cal_prefixes_free(engine->prefixes);
  cal_kv_free(engine->shared);
  cal_holders_free(engine->holders);
  return cal_free(engine);
}

/* ---- for the bindings */

const cal_engine_options *cal_engine_about(const cal_engine *engine) { return &engine->options; }
uint64_t cal_engine_now_ns(const cal_engine *engine) { return cal_clock_now_ns(engine->clock); }
cal_clock *cal_engine_clock(const cal_engine *engine) { return engine->clock; }
cal_kv *cal_engine_shared(const cal_engine *engine) { return engine->shared; }
cal_holders *cal_engine_holders(const cal_engine *engine) { return engine->holders; }
cal_ids *cal_engine_ids(const cal_engine *engine) {
  return engine->options.ids ? engine->options.ids : cal_ids_real();
}
cal_tokens *cal_engine_tokens(const cal_engine *engine) { return engine->tokens; }
cal_prefixes *cal_engine_prefixes(const cal_engine *engine) { return engine->prefixes; }
cal_store *cal_engine_store(const cal_engine *engine) { return engine->store; }
cal_speech *cal_engine_speech(const cal_engine *engine) { return engine->speech; }
cal_trace *cal_engine_trace(const cal_engine *engine) { return engine->trace; }
cal_code *cal_engine_code(cal_engine *engine) { return cal_reload_code(engine->reload); }

cal_generation *cal_engine_generation(cal_engine *engine) {
  cal_code *code = cal_reload_code(engine->reload);
  cal_generation *generation = cal_ref(code->generation);
  cal_unref(code);
  return generation;
}

const char *cal_engine_node(const cal_engine *engine) { return engine->options.node; }
uint16_t cal_engine_port(const cal_engine *engine) { return engine->port; }
int cal_engine_is_draining(const cal_engine *engine) {
  return atomic_load(&((cal_engine *)engine)->stops) > 0;
}
uint8_t cal_engine_script_count(const cal_engine *engine) { return engine->options.script_threads; }
cal_loop *cal_engine_loop(cal_engine *engine) { return engine->loop; }

uint32_t cal_engine_calls(const cal_engine *engine) {
  uint32_t count = 0;
  for (uint8_t i = 0; i < engine->options.script_threads; i++)
    if (engine->scripts[i]) count += cal_script_calls(engine->scripts[i]);
  return count;
}

uint32_t cal_engine_legs(const cal_engine *engine) {
  uint32_t count = 0;
  for (uint8_t i = 0; i < engine->options.io_threads; i++)
    count += cal_legs_count(cal_io_legs(engine->ios[i]));
  return count;
}

int cal_engine_command(cal_engine *engine, cal_command *command) {
  uint32_t io = cal_id_tag(command->target);
  int is_new = command->kind == CAL_COMMAND_HTTP_FETCH || command->kind == CAL_COMMAND_CALL_DIAL;
  if (is_new) io = 1 + atomic_fetch_add(&engine->turn, 1) % engine->options.io_threads;
  int code = io < 1 || io > engine->options.io_threads
                 ? cal_fail(-ENOENT, "nothing has this id")
                 : cal_mailbox_post(engine->commands[io - 1], command, CAL_MAIL_CONTROL);
  if (code) cal_command_drop(command);
  return code;
}

int cal_engine_event(cal_engine *engine, uint8_t script, cal_event *event, cal_mail kind) {
  int code = script < 1 || script > engine->options.script_threads
                 ? cal_fail(-ENOENT, "no script thread has this number")
                 : cal_mailbox_post(engine->events[script - 1], event, kind);
  if (code) cal_event_drop(event);
  return code;
}

uint8_t cal_engine_owner(cal_engine *engine, const char *name, char *call, size_t room) {
  return cal_registry_find(engine->registry, name, call, room, NULL);
}

cal_id cal_engine_handle(cal_engine *engine, const char *name) {
  cal_id handle = 0;
  cal_registry_find(engine->registry, name, NULL, 0, &handle);
  return handle;
}

int cal_engine_register(cal_engine *engine, const char *name, const char *call, uint8_t script,
                        cal_id handle) {
  return cal_registry_add(engine->registry, name, call, script, handle);
}

void cal_engine_unregister(cal_engine *engine, const char *name) {
  cal_registry_remove(engine->registry, name);
}
