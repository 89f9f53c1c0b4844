#include "script/reload.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/nice.h"
#include "script/reach.h"
#include "net/message.h"
#include "data/json_escape.h"
#include "loop/file_watch.h"
#include "loop/work.h"

#define WISHES_CAPACITY 1024
#define QUIET_MS 150 /* a burst of changes is one change when it has been quiet for so long */
#define PROBLEMS_CEILING (256 * 1024)

typedef enum state { IDLE, BUILDING, PREPARING } state;

/* What reaches the main loop: a wish of somebody, or the report of a script thread. */
typedef struct note {
  cal_wish wish;
  int is_report, code;
  char *text; /* owned */
} note;

struct cal_reload {
  cal_reload_options options;
  cal_mailbox *notes;
  cal_file_watch *watch;
  pthread_mutex_t lock; /* guards `current` */
  cal_edition *current, *previous;
  cal_edition *next;         /* being prepared, or a canary */
  atomic_uintptr_t canary;   /* == next while it is one */
  atomic_uint ended, broken; /* its calls */
  uint32_t share;

  state state;
  cal_wish wish;  /* what is being done */
  cal_wish later; /* what nobody waits for an answer to, wished meanwhile; without a reason there is none */
  int is_held;    /* rolled back: what is on disk is not wanted until a person asks for it */
  cal_edition *built;
  cal_buf problems; /* JSON objects joined by commas; written by the worker, then by the main loop */
  int problem_count;
  uint32_t waiting; /* script threads that have not reported */
  int64_t last_ms;  /* how long the last build and verification took */
  uint64_t began_ns;
};

/* ---- problems */

static void add_problem(void *context, int is_warning, const char *path, int line, const char *message) {
  cal_reload *reload = context;
  cal_log_level level = is_warning ? CAL_LOG_WARN : CAL_LOG_ERROR;
  if (line)
    cal_log(level, "code", NULL, "%s:%d: %s", path, line, message);
  else
    cal_log(level, "code", NULL, "%s: %s", path, message);
  if (is_warning) return;
  cal_buf *into = &reload->problems;
  if (reload->problem_count++) cal_buf_text(into, ",");
  cal_buf_text(into, "{\"file\":\"");
  cal_json_escape(into, cal_span_of(path));
  cal_buf_format(into, "\",\"line\":%d,\"message\":\"", line);
  cal_json_escape(into, cal_span_of(message));
  cal_buf_text(into, "\"}");
}

cal_edition *cal_reload_edition(cal_reload *reload) {
  pthread_mutex_lock(&reload->lock);
  cal_edition *edition = cal_ref(reload->current);
  pthread_mutex_unlock(&reload->lock);
  return edition;
}

/* ---- reports */

static void begin_problems(cal_reload *reload) {
  cal_buf_clear(&reload->problems);
  reload->problem_count = 0;
}

static void answer(cal_reload *reload, const cal_wish *wish, int status, const char *what) {
  cal_buf json;
  cal_buf_init(&json, PROBLEMS_CEILING + 4096);
  cal_buf_format(&json,
                 "{\"ok\":%s,\"what\":\"%s\",\"generation\":%llu,\"digest\":\"%s\",\"milliseconds\":%lld",
                 status < 300 ? "true" : "false", what,
                 (unsigned long long)cal_generation_serial(reload->current->generation),
                 cal_generation_digest(reload->current->generation), (long long)reload->last_ms);
  if (atomic_load(&reload->canary))
    cal_buf_format(&json, ",\"canary\":{\"generation\":%llu,\"share\":%u,\"ended\":%u,\"broken\":%u}",
                   (unsigned long long)cal_generation_serial(reload->next->generation), reload->share,
                   atomic_load(&reload->ended), atomic_load(&reload->broken));
  if (reload->is_held) cal_buf_text(&json, ",\"held\":true");
  cal_buf_format(&json, ",\"problems\":[%s]}",
                 reload->problems.bytes && status >= 300 ? reload->problems.data : "");
  if (wish->kind != CAL_WISH_STATUS)
    cal_log(status < 300    ? CAL_LOG_INFO
            : status == 409 ? CAL_LOG_WARN
                            : CAL_LOG_ERROR,
            "code", NULL, "%s: %s; generation %llu", wish->reason, what,
            (unsigned long long)cal_generation_serial(reload->current->generation));
  if (wish->script) {
    cal_http_message *message = cal_http_message_new();
    message->status = status;
    cal_http_message_set_body(message, json.data, json.bytes);
    cal_event event = {.kind = CAL_EVENT_HTTP_RESPONSE, .source = wish->request, .message = message};
    cal_reach_event(reload->options.reach, wish->script, &event, CAL_MAIL_RESERVED);
  }
  cal_buf_free(&json);
}

static void count_result(const char *result) {
  char name[96];
  snprintf(name, sizeof name, "callisto_reloads_total{result=\"%s\"}", result);
  cal_metric_add(cal_counter(name, "reloads of code by what became of them"), 1);
}

static void take_wish(cal_reload *reload, const cal_wish *wish);

static const cal_wish of_watcher = {
    .kind = CAL_WISH_RELOAD, .share = 100, .is_from_watcher = 1, .reason = "a file changed"};

static void finish(cal_reload *reload, int status, const char *what) {
  count_result(status < 300 ? "good" : "refused");
  reload->state = IDLE;
  answer(reload, &reload->wish, status, what);
  cal_wish later = reload->later;
  reload->later = (cal_wish){0};
  if (later.reason) take_wish(reload, &later);
}

/* ---- commit */

static void release_edition(void *edition) { cal_unref(edition); }

static void tell_scripts(cal_reload *reload, cal_event_kind kind, int64_t number, cal_edition *edition) {
  for (uint8_t i = 1; i <= reload->options.reach->script_threads; i++) {
    cal_event event = {.kind = kind, .number = number};
    if (edition) {
      event.object = cal_ref(edition);
      event.release = release_edition;
    }
    cal_reach_event(reload->options.reach, i, &event, CAL_MAIL_CONTROL);
  }
}

static void drop_next(cal_reload *reload) {
  atomic_store(&reload->canary, 0);
  if (!reload->next) return;
  tell_scripts(reload, CAL_EVENT_COMMIT, 0, NULL);
  reload->next = cal_unref(reload->next);
}

static void make_current(cal_reload *reload) {
  atomic_store(&reload->canary, 0);
  tell_scripts(reload, CAL_EVENT_COMMIT, 100, NULL);
  cal_unref(reload->previous);
  pthread_mutex_lock(&reload->lock);
  reload->previous = reload->current;
  reload->current = reload->next;
  reload->next = NULL;
  pthread_mutex_unlock(&reload->lock);
  cal_metric_set(cal_gauge("callisto_generation", "serial number of the code that takes new calls"),
                 (int64_t)cal_generation_serial(reload->current->generation));
}

/* The code that was left must not come back by a second rollback, nor by the watcher. */
static void hold_back(cal_reload *reload) {
  reload->previous = cal_unref(reload->previous);
  reload->is_held = 1;
}

static void on_all_prepared(cal_reload *reload) {
  if (reload->problem_count) {
    drop_next(reload);
    finish(reload, 422, "nothing changed: the new code does not start");
    return;
  }
  if (reload->wish.kind == CAL_WISH_ROLLBACK) {
    make_current(reload);
    hold_back(reload);
    finish(reload, 200, "rolled back");
    return;
  }
  reload->is_held = 0;
  if (reload->wish.share >= 100) {
    make_current(reload);
    finish(reload, 200, "reloaded");
    return;
  }
  reload->share = reload->wish.share;
  atomic_store(&reload->ended, 0);
  atomic_store(&reload->broken, 0);
  atomic_store(&reload->canary, (uintptr_t)reload->next);
  tell_scripts(reload, CAL_EVENT_COMMIT, reload->share, NULL);
  finish(reload, 200, "a canary runs");
}

static void prepare(cal_reload *reload, cal_edition *edition) {
  reload->state = PREPARING;
  reload->next = edition;
  reload->waiting = reload->options.reach->script_threads;
  tell_scripts(reload, CAL_EVENT_RELOAD, 0, edition);
}

/* ---- build */

static void build(void *context) {
  cal_reload *reload = context;
  const cal_reload_options *o = &reload->options;
  char *settings = o->read_settings ? o->read_settings(o->settings_context) : cal_strdup(o->settings_json);
  if (!settings) {
    add_problem(reload, 0, "callisto.lua", 0, cal_error_text());
    return;
  }
  cal_edition_sources sources = o->sources;
  cal_edition *earlier = cal_reload_edition(reload);
  sources.earlier = earlier;
  if (cal_edition_build(&reload->built, &sources, settings, o->reach, add_problem, reload) < 0)
    add_problem(reload, 0, o->sources.workspace, 0, cal_error_text());
  cal_unref(earlier);
  cal_free(settings);
}

/* Good code while a canary runs. Takes `built`. */
static void judge_canary(cal_reload *reload, cal_edition *built) {
  int is_same = cal_edition_is_same(built, reload->next);
  if (!is_same && !reload->wish.is_forced) {
    cal_unref(built);
    finish(reload, 409,
           "nothing changed: a canary runs, and what is on disk is other code than the canary's; "
           "callisto rollback ends the canary, callisto reload --force ends it and takes what is on disk");
    return;
  }
  if (is_same && reload->wish.share >= 100) {
    cal_unref(built);
    make_current(reload);
    finish(reload, 200, "the canary takes all calls now");
    return;
  }
  drop_next(reload);
  if (cal_edition_is_same(built, reload->current)) {
    cal_unref(built);
    finish(reload, 200, "the canary was ended: what is on disk is the code of before");
    return;
  }
  prepare(reload, built);
}

static void on_built(void *context) {
  cal_reload *reload = context;
  reload->last_ms = (int64_t)((cal_reach_now_ns(reload->options.reach) - reload->began_ns) / CAL_MS);
  cal_edition *built = reload->built;
  reload->built = NULL;
  if (reload->problem_count || atomic_load(&reload->options.reach->is_draining)) {
    cal_unref(built);
    finish(reload, 422, "nothing changed");
  } else if (atomic_load(&reload->canary)) {
    judge_canary(reload, built);
  } else if (cal_edition_is_same(built, reload->current)) {
    cal_unref(built);
    reload->is_held = 0;
    finish(reload, 200, "nothing has changed");
  } else {
    prepare(reload, built);
  }
}

static void begin_reload(cal_reload *reload, const cal_wish *wish) {
  reload->wish = *wish;
  reload->state = BUILDING;
  reload->began_ns = cal_reach_now_ns(reload->options.reach);
  begin_problems(reload);
  if (reload->options.reach->is_simulated) {
    build(reload); /* time stands still meanwhile */
    on_built(reload);
    return;
  }
  const cal_work work = {"reload", CAL_NICE_BUILDER, build, on_built, reload};
  if (cal_work_start(reload->options.loop, &work) >= 0) return;
  add_problem(reload, 0, reload->options.sources.workspace, 0, cal_error_text());
  on_built(reload);
}

static void begin_rollback(cal_reload *reload, const cal_wish *wish) {
  reload->wish = *wish;
  begin_problems(reload);
  if (atomic_load(&reload->canary)) {
    drop_next(reload);
    reload->is_held = 1;
    finish(reload, 200, "the canary was rolled back");
    return;
  }
  if (!reload->previous) {
    finish(reload, 409, "there is no earlier code to go back to");
    return;
  }
  reload->wish.share = 100;
  prepare(reload, cal_ref(reload->previous));
}

static void take_report(cal_reload *reload, const note *n) {
  if (reload->state != PREPARING) return;
  if (n->code) add_problem(reload, 0, "start", 0, n->text);
  if (--reload->waiting == 0) on_all_prepared(reload);
}

/* What stands between a file that changed and its code: the decision of a person. NULL: nothing. */
static const char *decision_of(const cal_reload *reload) {
  if (atomic_load(&reload->canary))
    return "a file changed while a canary runs: callisto reload or callisto rollback decides";
  if (reload->is_held) return "a file changed after a rollback: it is taken with callisto reload";
  return NULL;
}

/* Of several the one that weighs most: the end of a canary that breaks, then what a person wants. */
static void keep_for_later(cal_reload *reload, const cal_wish *wish) {
  const cal_wish *kept = &reload->later;
  if (!kept->reason || wish->kind == CAL_WISH_ROLLBACK ||
      (kept->is_from_watcher && kept->kind != CAL_WISH_ROLLBACK))
    reload->later = *wish;
}

static void take_wish(cal_reload *reload, const cal_wish *wish) {
  const char *decision = wish->is_from_watcher ? decision_of(reload) : NULL;
  if (wish->kind == CAL_WISH_STATUS)
    answer(reload, wish, 200, reload->state == IDLE ? "idle" : "reloading");
  else if (wish->is_of_canary && !atomic_load(&reload->canary))
    return; /* several of its calls broke at once: the first ended it */
  else if (reload->state != IDLE && !wish->script)
    keep_for_later(reload, wish);
  else if (decision)
    cal_log(CAL_LOG_WARN, "code", NULL, "%s", decision);
  else if (reload->state != IDLE)
    answer(reload, wish, 409, "another reload is under way");
  else if (wish->kind == CAL_WISH_ROLLBACK)
    begin_rollback(reload, wish);
  else
    begin_reload(reload, wish);
}

static void on_note(void *context, void *message) {
  note *n = message;
  if (n->is_report)
    take_report(context, n);
  else
    take_wish(context, &n->wish);
  cal_free(n->text);
}

static void drop_note(void *context, void *message) { cal_free(((note *)message)->text); }

/* ---- any thread */

int cal_reload_wish(cal_reload *reload, const cal_wish *wish) {
  note n = {.wish = *wish};
  return cal_mailbox_post(reload->notes, &n, CAL_MAIL_CONTROL);
}

void cal_reload_prepared(cal_reload *reload, int code, const char *text) {
  note n = {.is_report = 1, .code = code, .text = code ? cal_strdup(text) : NULL};
  if (cal_mailbox_post(reload->notes, &n, CAL_MAIL_CONTROL)) cal_free(n.text);
}

void cal_reload_count(cal_reload *reload, const cal_edition *edition, int is_broken) {
  if (!reload || atomic_load(&reload->canary) != (uintptr_t)edition) return;
  if (!is_broken) {
    atomic_fetch_add(&reload->ended, 1);
    return;
  }
  unsigned broken = atomic_fetch_add(&reload->broken, 1) + 1, ended = atomic_load(&reload->ended);
  if (broken < CAL_CANARY_LEAST || broken * 100 < (ended + broken) * CAL_CANARY_PERCENT) return;
  cal_reload_wish(
      reload,
      &(cal_wish){.kind = CAL_WISH_ROLLBACK, .is_of_canary = 1, .reason = "the canary's calls break"});
}

/* ---- life */

static void on_change(void *context) { cal_reload_wish(context, &of_watcher); }

int cal_reload_watch(cal_reload *reload) {
  static const char *const files[] = {"routing.lua", "callisto.lua"};
  enum { FILES = sizeof files / sizeof *files, NAMES = CAL_EDITION_FOLDERS + FILES };
  const cal_edition_sources *sources = &reload->options.sources;
  char paths[NAMES][1024];
  const char *watched[NAMES + 1];
  for (size_t i = 0; i < NAMES; i++) {
    const char *name = i < FILES ? files[i] : cal_edition_folders[i - FILES];
    snprintf(paths[i], sizeof paths[i], "%s/%s", sources->workspace, name);
    watched[i] = paths[i];
  }
  watched[NAMES] = sources->library;
  return cal_file_watch_new(&reload->watch, reload->options.loop, watched, NAMES + 1, QUIET_MS, on_change,
                            reload);
}

int cal_reload_new(cal_reload **result, const cal_reload_options *options) {
  cal_reload *reload = cal_alloc(sizeof *reload);
  reload->options = *options;
  pthread_mutex_init(&reload->lock, NULL);
  cal_buf_init(&reload->problems, PROBLEMS_CEILING);
  int code = cal_edition_build(&reload->current, &options->sources, options->settings_json,
                               options->is_unjudged ? NULL : options->reach, add_problem, reload);
  if (!code)
    code = cal_mailbox_new(&reload->notes, options->loop,
                           &(cal_mailbox_options){.name = "reload",
                                                  .message_bytes = sizeof(note),
                                                  .capacity = WISHES_CAPACITY,
                                                  .deliver = on_note,
                                                  .drop = drop_note,
                                                  .context = reload});
  if (code) {
    cal_reload_free(reload);
    return code;
  }
  *result = reload;
  return 0;
}

cal_reload *cal_reload_free(cal_reload *reload) {
  if (!reload) return NULL;
  if (reload->watch) cal_file_watch_free(reload->watch);
  if (reload->notes) cal_mailbox_close(reload->notes);
  reload->later = (cal_wish){0};
  while (reload->state == BUILDING)
    uv_run(cal_loop_uv(reload->options.loop), UV_RUN_ONCE); /* the worker uses all this */
  cal_unref(reload->current);
  cal_unref(reload->previous);
  cal_unref(reload->next);
  cal_unref(reload->built);
  cal_buf_free(&reload->problems);
  pthread_mutex_destroy(&reload->lock);
  return cal_free(reload);
}
