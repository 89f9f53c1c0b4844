#include "engine/planes.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/nice.h"
#include "engine/hooks.h"
#include "engine/mend.h"
#include "net/address.h"
#include "store/store.h"
#include "talk/local.h"

#define SPEECH_CACHE (64u << 20)
#define LAST_TURNS 1024 /* of an io thread's loop when the engine stops: more than its mailbox can need */

/* ---- making them */

static int open_store_and_speech(cal_engine *engine) {
  const cal_engine_options *o = &engine->options;
  char store_path[1024], recordings[1024];
  snprintf(store_path, sizeof store_path, "%s/callisto.db", o->data_folder);
  snprintf(recordings, sizeof recordings, "%s/recordings", o->data_folder);
  int code = cal_store_open(&engine->reach.store,
                            &(cal_store_options){.path = o->store_path ? o->store_path : store_path,
                                                 .node = o->node,
                                                 .is_inline = o->is_inline,
                                                 .mend_recording = cal_mend_recording,
                                                 .clock = engine->reach.clock});
  if (!code)
    code = cal_files_open(
        &engine->reach.files,
        &(cal_files_options){.folder = recordings, .is_inline = o->is_inline, .clock = engine->reach.clock});
  if (!code && o->trace_path)
    code = cal_trace_open(&engine->reach.trace, engine->reach.files, o->trace_path, engine->reach.clock);
  if (code) return code;
  cal_speech_options speech = cal_speech_defaults();
  speech.threads = o->is_inline ? 0 : o->speech_threads;
  speech.cache_bytes = SPEECH_CACHE;
  speech.is_spoken = o->loop && !o->has_real_voice;
  speech.free_text = o->hears_free_text;
  code = cal_speech_new(&engine->speech, &speech);
  engine->reach.voice = cal_local_voice(engine->speech);
  engine->reach.ear = cal_local_ear(engine->speech);
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
  return cal_loop_new(&thread->loop, engine->reach.clock);
}

static int new_ios(cal_engine *engine) {
  const cal_engine_options *o = &engine->options;
  for (uint8_t i = 0; i < engine->reach.io_threads; i++) {
    int code = new_loop(engine, &engine->io_threads[i]);
    if (code) return code;
    cal_io_options options = {.index = (uint8_t)(i + 1),
                              .loop = engine->io_threads[i].loop,
                              .tokens = engine->reach.tokens,
                              .prefixes = engine->reach.prefixes,
                              .hooks = cal_engine_hooks(&engine->reach, o->hearing),
                              .net = {.ca_file = o->ca_file, .loopback = o->loopback},
                              .legs_ceiling = engine->reach.limits.calls};
    code = cal_io_new(&engine->reach.ios[i], &options);
    if (code) return code;
    engine->reach.commands[i] = cal_ref(cal_io_commands(engine->reach.ios[i]));
  }
  return 0;
}

static int new_scripts(cal_engine *engine) {
  cal_reach *reach = &engine->reach;
  for (uint8_t i = 0; i < reach->script_threads; i++) {
    cal_thread *thread = &engine->script_threads[i];
    int code = new_loop(engine, thread);
    if (!code) code = cal_script_thread_new(&engine->scripts[i], reach, (uint8_t)(i + 1), thread->loop);
    if (code) return code;
    reach->events[i] = cal_ref(cal_script_thread_host(engine->scripts[i])->events);
    code = cal_script_thread_start(engine->scripts[i]);
    if (code) return code;
  }
  return 0;
}

/* Listeners that share a port among our threads would share it with a second process as well, without a word.
 */
static int check_port(const cal_engine *engine) {
  const cal_engine_options *o = &engine->options;
  struct sockaddr_storage address;
  int yes = 1, no = 0, error = 0;
  if (engine->reach.io_threads == 1 || !o->port ||
      cal_address_parse(&address, o->host ? o->host : "0.0.0.0", o->port))
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
                               .reuse_port = engine->reach.io_threads > 1,
                               .cert_file = o->cert_file,
                               .key_file = o->key_file,
                               .fields = o->fields,
                               .field_count = fields};
  int busy = check_port(engine);
  if (busy) return busy;
  engine->reach.is_local = o->loopback || (o->host && cal_address_is_loopback_text(o->host));
  for (uint8_t i = 0; i < engine->reach.io_threads; i++) {
    int code = cal_io_listen(engine->reach.ios[i], &server);
    if (code) return code;
    server.port = engine->reach.port = cal_io_port(engine->reach.ios[i]);
  }
  return 0;
}

int cal_planes_open(cal_engine *engine) {
  int code = open_store_and_speech(engine);
  if (!code) code = new_ios(engine);
  if (!code) code = new_scripts(engine);
  return code ? code : listen_all(engine);
}

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

int cal_planes_start(cal_engine *engine) {
  char name[16];
  if (engine->options.is_inline) return 0;
  for (uint8_t i = 0; i < engine->reach.io_threads; i++) {
    snprintf(name, sizeof name, "io-%u", i + 1u);
    int code = start_thread(&engine->io_threads[i], name, run_io);
    if (code) return code;
  }
  for (uint8_t i = 0; i < engine->reach.script_threads; i++) {
    snprintf(name, sizeof name, "script-%u", i + 1u);
    int code = start_thread(&engine->script_threads[i], name, run_script);
    if (code) return code;
  }
  return 0;
}

void cal_planes_stop(cal_engine *engine) {
  for (int i = 0; i < CAL_THREADS; i++) stop_thread(&engine->script_threads[i]);
  for (int i = 0; i < CAL_THREADS; i++) stop_thread(&engine->io_threads[i]);
}

/* ---- taking them apart */

/* The last answers scripts gave still go out. Voices may post meanwhile, so there is an end to it. */
static void finish_commands(cal_engine *engine) {
  for (int i = 0; i < CAL_THREADS; i++)
    for (int turn = 0;
         turn < LAST_TURNS && engine->reach.ios[i] && cal_mailbox_waiting(engine->reach.commands[i]); turn++)
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

/* Scripts first: closing sockets runs their loop, in inline mode the only one, and no script may find half an
 * engine. Then io, whose legs still write recordings and hand speech over; the speech plane, whose last
 * callbacks find closed mailboxes; the store last, because everything writes to it. What its thread answers
 * until then finds closed mailboxes too. */
void cal_planes_close(cal_engine *engine) {
  cal_reach *reach = &engine->reach;
  for (int i = 0; i < CAL_THREADS; i++) engine->scripts[i] = cal_script_thread_free(engine->scripts[i]);
  reach->reload = cal_reload_free(reach->reload);
  finish_commands(engine);
  for (int i = 0; i < CAL_THREADS; i++) reach->ios[i] = cal_io_free(reach->ios[i]);
  cal_speech_free(engine->speech);
  cal_trace_close(reach->trace);
  cal_files_close(reach->files);
  cal_store_close(reach->store);
  free_loops(engine);
  for (int i = 0; i < CAL_THREADS; i++) {
    cal_unref(reach->commands[i]);
    cal_unref(reach->events[i]);
  }
}
