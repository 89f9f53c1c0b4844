#include "lab/lab.h"

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lua.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/planes.h"
#include "script/live_call.h"
#include "script/script_thread.h"
#include "speech/spoken.h"

#define HEADERS_CEILING 64
#define BUDGET_MS 5000      /* of an entry: a busy machine must not fail a spec */
#define GRACE_S 3600        /* for live calls, of an engine that drains: a spec ends them itself */
#define KEPT_CEILING 200000 /* words, lines and requests; the oldest stay */

/* A list that grows. */
typedef struct record {
  char *data;
  size_t count, room, bytes;
} record;

typedef struct lab_engine {
  cal_list node;
  cal_engine *engine;
  char *texts[12]; /* what its options point to */
  size_t text_count;
  const char *fields[HEADERS_CEILING + 1];
  cal_generation_root *sources;
  size_t source_count;
} lab_engine;

typedef struct ear {
  cal_list node;
  cal_lab *lab;
  cal_spoken_ear *ear;
  uint32_t rate_hz;
  uint64_t samples;
  char call[64];
} ear;

struct cal_lab {
  cal_clock *clock;
  cal_ids *ids;
  cal_loop *loop;
  cal_loopback *network;
  cal_net *net;
  cal_list engines, ears;
  char folder[64];
  uint32_t engine_count;
  int is_stirred;
  record words, lines, requests;
  pthread_mutex_t lock; /* guards `lines`: the watchdog's thread logs too */
};

static void *append(record *list) {
  if (list->count == KEPT_CEILING) return NULL;
  if (list->count == list->room) {
    list->room = list->room ? list->room * 2 : 64;
    list->data = cal_resize(list->data, list->room * list->bytes);
  }
  void *entry = list->data + list->bytes * list->count++;
  memset(entry, 0, list->bytes);
  return entry;
}

/* ---- what happens */

void cal_lab_stir(cal_lab *lab) { lab->is_stirred = 1; }

/* Without its time, which is the real clock's. */
static void on_line(void *context, const char *text) {
  cal_lab *lab = context;
  const char *blank = strchr(text, ' ');
  pthread_mutex_lock(&lab->lock);
  cal_lab_line *line = append(&lab->lines);
  if (line) {
    line->at_ns = cal_clock_now_ns(lab->clock);
    line->text = cal_strdup(*text != '{' && blank ? blank + 1 : text);
  }
  pthread_mutex_unlock(&lab->lock);
}

static void copy_fields(cal_lab_request *to, const cal_http_request *request) {
  to->field_count = request->field_count;
  to->fields = cal_alloc((request->field_count + 1) * sizeof *to->fields);
  for (size_t i = 0; i < request->field_count; i++) {
    to->fields[i].name = cal_strndup(request->fields[i].name.at, request->fields[i].name.bytes);
    to->fields[i].value = cal_strndup(request->fields[i].value.at, request->fields[i].value.bytes);
  }
}

static void on_seen(void *context, const char *authority, const cal_http_request *request,
                    const cal_http_answer *answer, int error) {
  cal_lab *lab = context;
  cal_lab_stir(lab);
  cal_lab_request *seen = append(&lab->requests);
  if (!seen) return;
  seen->at_ns = cal_clock_now_ns(lab->clock);
  seen->authority = cal_strdup(authority);
  seen->method = cal_strdup(request->method);
  seen->path = cal_strndup(request->path.at ? request->path.at : "", request->path.bytes);
  seen->query = cal_strndup(request->query.at ? request->query.at : "", request->query.bytes);
  seen->body = cal_strndup(request->body.at ? request->body.at : "", request->body.bytes);
  seen->body_bytes = request->body.bytes;
  copy_fields(seen, request);
  seen->status = answer ? answer->status : 0;
  seen->error = error;
}

/* ---- hearing */

static void on_word(void *context, const char *text, uint64_t begin_ms, uint64_t end_ms) {
  ear *e = context;
  cal_lab *lab = e->lab;
  uint64_t now_ns = cal_clock_now_ns(lab->clock), now_ms = e->samples * 1000 / e->rate_hz;
  cal_lab_stir(lab);
  cal_lab_word *word = append(&lab->words);
  if (!word) return;
  word->begin_ns = now_ns - (now_ms > begin_ms ? now_ms - begin_ms : 0) * CAL_MS;
  word->end_ns = now_ns - (now_ms > end_ms ? now_ms - end_ms : 0) * CAL_MS;
  snprintf(word->call, sizeof word->call, "%s", e->call);
  word->word = cal_strdup(text);
}

static void *ear_open(void *context, const char *call, uint32_t rate_hz) {
  ear *e = cal_alloc(sizeof *e);
  e->lab = context;
  e->rate_hz = rate_hz;
  e->ear = cal_spoken_ear_new(rate_hz, on_word, e);
  snprintf(e->call, sizeof e->call, "%s", call);
  cal_list_append(&e->lab->ears, &e->node);
  return e;
}

static void ear_put(void *context, const int16_t *samples, size_t count) {
  ear *e = context;
  e->samples += count;
  cal_spoken_ear_put(e->ear, samples, count);
}

static void ear_close(void *context) {
  ear *e = context;
  cal_list_remove(&e->node);
  cal_spoken_ear_free(e->ear);
  cal_free(e);
}

int cal_lab_is_loud(const cal_lab *lab, const char *call) {
  cal_list_each((cal_list *)&lab->ears, node) {
    const ear *e = cal_list_entry(node, ear, node);
    if (!strcmp(e->call, call) && cal_spoken_ear_is_loud(e->ear)) return 1;
  }
  return 0;
}

/* ---- moving */

static void begin(cal_lab *lab) { cal_log_sink(on_line, lab); }
static void end(void) { cal_log_sink(NULL, NULL); }

int cal_lab_move(cal_lab *lab, uint64_t ns, int stops) {
  uint64_t until = cal_clock_now_ns(lab->clock) + ns;
  static const int never;
  begin(lab);
  lab->is_stirred = 0;
  cal_loop_advance_until(lab->loop, until, stops ? &lab->is_stirred : &never);
  end();
  return lab->is_stirred;
}

/* ---- engines */

static char *keep(lab_engine *e, const char *text) {
  return text ? (e->texts[e->text_count++] = cal_strdup(text)) : NULL;
}

static void copy_sources(lab_engine *e, const cal_lab_engine *options) {
  e->source_count = options->source_count;
  e->sources = cal_alloc((options->source_count + 1) * sizeof *e->sources);
  for (size_t i = 0; i < options->source_count; i++)
    e->sources[i] = (cal_generation_root){.dir = cal_strdup(options->sources[i].dir),
                                          .prefix = cal_strdup(options->sources[i].prefix),
                                          .text = cal_strdup(options->sources[i].text)};
}

static void split_fields(lab_engine *e, const char *text) {
  char *rest = keep(e, text), *name;
  for (size_t i = 0; rest && i < HEADERS_CEILING && (name = strsep(&rest, " "));)
    if (*name) e->fields[i++] = name;
}

static lab_engine *engine_free(lab_engine *e) {
  cal_engine_free(e->engine);
  for (size_t i = 0; i < e->text_count; i++) cal_free(e->texts[i]);
  for (size_t i = 0; i < e->source_count; i++) {
    cal_free((char *)e->sources[i].dir);
    cal_free((char *)e->sources[i].prefix);
    cal_free((char *)e->sources[i].text);
  }
  cal_free(e->sources);
  return cal_free(e);
}

/* The sentence of the log that says why. */
static int fail_with_last_line(cal_lab *lab, const char *host) {
  size_t count;
  const cal_lab_line *lines = cal_lab_lines(lab, &count);
  while (count && strncmp(lines[count - 1].text, "error ", 6)) count--;
  return cal_fail(-EIO, "the engine %s did not start: %s", host,
                  count ? lines[count - 1].text : "it says no reason");
}

static int run_until_ready(cal_lab *lab, const lab_engine *e, const char *host) {
  int code = cal_engine_start(e->engine);
  for (int turn = 0; !code && turn < 100 && !atomic_load(&e->engine->ready); turn++) {
    cal_loop_advance(lab->loop, cal_clock_now_ns(lab->clock) + CAL_MS);
    if (atomic_load(&e->engine->has_failed)) break;
  }
  return code ? code : atomic_load(&e->engine->ready) ? 0 : fail_with_last_line(lab, host);
}

int cal_lab_add(cal_lab *lab, cal_engine **result, const cal_lab_engine *options) {
  lab_engine *e = cal_alloc(sizeof *e);
  char folder[128];
  snprintf(folder, sizeof folder, "%s/%u", lab->folder, ++lab->engine_count);
  copy_sources(e, options);
  split_fields(e, options->fields);
  cal_engine_options about = {.service = keep(e, options->service),
                              .warm_module = keep(e, options->warm_module),
                              .workspace = keep(e, options->workspace),
                              .library = keep(e, options->library),
                              .settings_json = keep(e, options->settings_json),
                              .host = keep(e, options->host),
                              .port = 443,
                              .grace_s = GRACE_S,
                              .data_folder = keep(e, folder),
                              .has_real_voice = options->has_real_voice,
                              .trace_path = keep(e, options->trace_path),
                              .store_path = ":memory:",
                              .node = "lab",
                              .clock = lab->clock,
                              .ids = lab->ids,
                              .loop = lab->loop,
                              .loopback = lab->network,
                              .hearing = {lab, ear_open, ear_put, ear_close},
                              .fields = e->fields,
                              .sources = e->sources,
                              .source_count = e->source_count,
                              .entry_budget_ms =
                                  options->entry_budget_ms ? options->entry_budget_ms : BUDGET_MS,
                              .vm_memory_bytes = options->vm_memory_bytes};
  begin(lab);
  int code = cal_engine_new(&e->engine, &about);
  if (!code) code = run_until_ready(lab, e, options->host);
  if (code)
    engine_free(e);
  else
    cal_list_append(&lab->engines, &e->node);
  end();
  if (!code) *result = e->engine;
  return code;
}

int cal_lab_tell(cal_engine *engine, const char *call, cal_value *message) {
  cal_live_call *found = cal_live_call_named(cal_script_thread_host(engine->scripts[0]), call);
  if (found) return cal_live_call_tell(found, message);
  cal_free(message);
  return cal_fail(-ENOENT, "no call %s is live", call);
}

/* ---- counting */

/* Those of callisto.task, in a VM that has loaded it. */
static uint32_t tasks_of(cal_vm *vm) {
  if (!vm || cal_vm_require(vm, "callisto.task") < 0) return 0;
  lua_State *L = cal_vm_state(vm);
  lua_getfield(L, -1, "count");
  lua_remove(L, -2);
  if (cal_vm_enter(vm, 0, 1) < 0) return 0;
  uint32_t count = (uint32_t)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return count;
}

void cal_lab_count(cal_lab *lab, cal_lab_left *left) {
  *left = (cal_lab_left){.sockets = cal_loopback_open(lab->network),
                         .timers = (uint32_t)cal_loop_timers(lab->loop)};
  cal_list_each(&lab->engines, node) {
    cal_engine *engine = cal_list_entry(node, lab_engine, node)->engine;
    left->calls += cal_engine_calls(engine);
    left->legs += cal_reach_legs(&engine->reach);
    left->commands += cal_mailbox_waiting(engine->reach.commands[0]);
    left->events += cal_mailbox_waiting(engine->reach.events[0]);
    left->speech += cal_speech_jobs(engine->speech);
    left->vms += cal_script_thread_vms(engine->scripts[0]);
    left->tasks += tasks_of(cal_script_thread_service_vm(engine->scripts[0]));
  }
}

/* ---- life */

static int make_folder(cal_lab *lab) {
  const char *temporary = getenv("TMPDIR");
  if (!temporary || strlen(temporary) > 32) temporary = "/tmp";
  snprintf(lab->folder, sizeof lab->folder, "%s/callisto-lab-XXXXXX", temporary);
  if (mkdtemp(lab->folder)) return 0;
  lab->folder[0] = 0;
  return cal_fail(-errno, "no folder for recordings in %s: %s", temporary, strerror(errno));
}

int cal_lab_new(cal_lab **result, const cal_lab_options *options) {
  cal_lab *lab = cal_alloc(sizeof *lab);
  cal_list_init(&lab->engines);
  cal_list_init(&lab->ears);
  pthread_mutex_init(&lab->lock, NULL);
  lab->words.bytes = sizeof(cal_lab_word);
  lab->lines.bytes = sizeof(cal_lab_line);
  lab->requests.bytes = sizeof(cal_lab_request);
  lab->clock = cal_clock_simulated(CAL_LAB_BEGIN_NS, options->wall_ms);
  lab->ids = cal_ids_simulated(options->seed);
  int code = make_folder(lab);
  if (!code) code = cal_loop_new(&lab->loop, lab->clock);
  if (!code) {
    cal_loop_set_alone(lab->loop);
    lab->network = cal_loopback_new(lab->loop);
    cal_loopback_watch(lab->network, on_seen, lab);
    code = cal_net_new(&lab->net, lab->loop, &(cal_net_options){.loopback = lab->network});
  }
  if (code) {
    cal_lab_free(lab);
    return code;
  }
  *result = lab;
  return 0;
}

static void free_words(record *list) {
  for (size_t i = 0; i < list->count; i++) cal_free(((cal_lab_word *)list->data)[i].word);
  cal_free(list->data);
}

static void free_lines(record *list) {
  for (size_t i = 0; i < list->count; i++) cal_free(((cal_lab_line *)list->data)[i].text);
  cal_free(list->data);
}

static void free_requests(record *list) {
  for (size_t i = 0; i < list->count; i++) {
    cal_lab_request *request = (cal_lab_request *)list->data + i;
    char *texts[] = {request->authority, request->method, request->path, request->query, request->body};
    for (size_t n = 0; n < sizeof texts / sizeof *texts; n++) cal_free(texts[n]);
    for (size_t n = 0; n < request->field_count; n++) {
      cal_free(request->fields[n].name);
      cal_free(request->fields[n].value);
    }
    cal_free(request->fields);
  }
  cal_free(list->data);
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *walk) {
  return remove(path);
}

int cal_lab_free(cal_lab *lab) {
  if (!lab) return 0;
  begin(lab);
  cal_list_each_safe(&lab->engines, node, after) {
    cal_list_remove(node);
    engine_free(cal_list_entry(node, lab_engine, node));
  }
  cal_net_close(lab->net);
  cal_loopback_free(lab->network);
  int left = lab->loop ? cal_loop_free(lab->loop) : 0;
  end();
  cal_list_each_safe(&lab->ears, node, after) ear_close(cal_list_entry(node, ear, node));
  cal_clock_free(lab->clock);
  cal_ids_free(lab->ids);
  free_words(&lab->words);
  free_lines(&lab->lines);
  free_requests(&lab->requests);
  pthread_mutex_destroy(&lab->lock);
  if (lab->folder[0]) nftw(lab->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  cal_free(lab);
  return left;
}

cal_loop *cal_lab_loop(cal_lab *lab) { return lab->loop; }
cal_loopback *cal_lab_network(cal_lab *lab) { return lab->network; }
cal_net *cal_lab_net(cal_lab *lab) { return lab->net; }

const cal_lab_word *cal_lab_words(const cal_lab *lab, size_t *count) {
  *count = lab->words.count;
  return (const cal_lab_word *)lab->words.data;
}

const cal_lab_line *cal_lab_lines(const cal_lab *lab, size_t *count) {
  *count = lab->lines.count;
  return (const cal_lab_line *)lab->lines.data;
}

const cal_lab_request *cal_lab_requests(const cal_lab *lab, size_t *count) {
  *count = lab->requests.count;
  return (const cal_lab_request *)lab->requests.data;
}
