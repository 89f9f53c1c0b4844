#include "script/script.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "script/deliver.h"
#include "engine/engine.h"
#include "script/reload.h"
#include "script/say.h"
#include "script/service.h"
#include "net/message.h"
#include "store/facts.h"

#define EVENTS_CAPACITY 65536
#define CALLS_CEILING 20000
#define REQUESTS_CEILING 65536
#define CALL_REQUESTS_CEILING 64       /* of one call: what it sends is memory of ours, not of its VM */
#define STARTS_MOST 16                 /* of one service: after two it leaves out a file that never ends */
#define FALLBACK_UTTERANCE 0x6ffffff0u /* above any number a script reaches */

struct cal_script {
  cal_engine *engine;
  uint8_t index;
  cal_loop *loop;
  cal_mailbox *events;
  cal_list services;    /* all that are not freed */
  cal_service *current; /* gets what is new … */
  cal_service *next;    /* … but for the share of a canary, or while it is being prepared */
  uint32_t share;       /* percent of what is new that `next` gets */
  uint32_t turn;
  int is_stopping;
  cal_slots *calls;    /* handle → cal_script_call */
  cal_slots *requests; /* request number → asker */
  atomic_uint call_count;
  int has_started;
};

/* Who waits for an answer. A call is remembered by handle: it may be gone when the answer comes. */
typedef struct asker {
  cal_service *service; /* lives at least as long as it waits for answers */
  cal_id call;          /* 0: the service VM itself */
} asker;

static cal_metric *gauge_calls(void) { return cal_gauge("callisto_calls_live", "calls that are open"); }

cal_bind_context *cal_bind_of(lua_State *L) { return cal_vm_context(cal_vm_of(L)); }

/* It lives in the VM, so it ends with it, on whatever thread that is. */
cal_bind_context *cal_bind_context_new(lua_State *L) {
  cal_bind_context *context = lua_newuserdata(L, sizeof *context);
  memset(context, 0, sizeof *context);
  context->handler = LUA_NOREF;
  luaL_ref(L, LUA_REGISTRYINDEX);
  cal_vm_set_context(cal_vm_of(L), context);
  return context;
}

/* ---- services */

static void on_wake(cal_timer *timer);

void cal_script_wake(cal_bind_context *context, uint64_t at_ns) {
  if (at_ns)
    cal_timer_start(context->script->loop, &context->wake, at_ns, on_wake);
  else
    cal_timer_stop(context->script->loop, &context->wake);
}

/* Frees what was told to stop, has stopped, and is owed nothing. Never from inside an entry of its own VM. */
static void sweep_services(cal_script *script) {
  int running = 0;
  cal_list_each_safe(&script->services, node, after) {
    cal_service *service = cal_list_entry(node, cal_service, node);
    if (service->is_deserted && !service->calls) service->is_stopped = 1;
    if (!service->is_stopped) {
      running++;
    } else if (!service->calls && !service->asked && service != script->current && service != script->next) {
      cal_list_remove(node);
      cal_service_free(service);
    }
  }
  if (script->is_stopping && !running) {
    script->is_stopping = 0;
    cal_engine_script_is_done(script->engine);
  }
}

void cal_script_service_stopped(cal_service *service) { service->is_stopped = 1; }

/* A file that never ends while it is loaded costs two tries: the service leaves it out in the next. */
static void start_service(cal_script *script, const cal_event *event) {
  int code = -ETIMEDOUT;
  for (int tries = 0; code == -ETIMEDOUT && tries < STARTS_MOST; tries++)
    code = cal_service_run(script->current, event);
  if (code) cal_engine_script_has_failed(script->engine);
}

static void stop_service(cal_service *service) {
  if (service->is_stopping) return;
  service->is_stopping = 1;
  cal_pool_retire(service->pool);
  cal_event event = {.kind = CAL_EVENT_STOP};
  const cal_bind_context *context = cal_vm_context(service->vm);
  service->is_deserted = cal_service_run(service, &event) < 0 || context->handler == LUA_NOREF;
}

/* Who takes something new: the present code, or its canary by turns. */
static cal_service *service_for_new(cal_script *script) {
  if (!script->next || !script->share) return script->current;
  uint32_t turn = script->turn++;
  return (turn + 1) * script->share / 100 > turn * script->share / 100 ? script->next : script->current;
}

static void prepare(cal_script *script, const cal_event *event) {
  cal_service *service = NULL;
  int code = script->is_stopping ? cal_fail(-ESHUTDOWN, "this node is draining")
                                 : cal_service_new(&service, script, event->object);
  if (!code) {
    cal_list_append(&script->services, &service->node);
    cal_event start = {.kind = CAL_EVENT_START};
    code = cal_service_run(service, &start);
    if (code) {
      cal_fail(code, "%s", cal_vm_error(service->vm));
      service->is_stopped = 1;
    } else {
      script->next = service;
      script->share = 0;
    }
  }
  cal_reload_prepared(script->engine, code, cal_error_text());
}

static void commit(cal_script *script, int64_t share) {
  if (!script->next) return;
  cal_service *old = share >= 100 ? script->current : share == 0 ? script->next : NULL;
  if (share >= 100) {
    script->current = script->next;
    script->next = NULL;
  } else if (share == 0) {
    script->next = NULL;
  }
  script->share = script->next ? (uint32_t)share : 0;
  if (old) stop_service(old);
}

static void stop_all(cal_script *script) {
  script->is_stopping = 1;
  cal_list_each(&script->services, node) stop_service(cal_list_entry(node, cal_service, node));
}

/* ---- the end of a call */

static void throw_vm_away(cal_script_call *call) {
  if (!call->vm) return;
  cal_bind_context *context = cal_vm_context(call->vm);
  cal_timer_stop(call->script->loop, &context->wake);
  call->vm = cal_pool_discard(call->service->pool, call->vm);
}

static cal_script_call *call_free(cal_script_call *call) {
  cal_script *script = call->script;
  cal_engine *engine = script->engine;
  const cal_call_options *about = cal_call_about(call->call);
  if (call->has_token) cal_tokens_withdraw(cal_engine_tokens(engine), about->path);
  if (call->has_name) cal_engine_unregister(engine, about->name);
  if (call->carrier_call) cal_engine_unregister(engine, call->carrier_call);
  if (call->has_room) cal_mailbox_unreserve(script->events);
  throw_vm_away(call);
  cal_reload_count(engine, call->service->code, 0);
  call->service->calls--;
  if (call->handle) {
    cal_slots_remove(script->calls, call->handle);
    atomic_fetch_sub(&script->call_count, 1);
    cal_metric_add(gauge_calls(), -1);
  }
  cal_unref(call->call);
  cal_free(call->fallback_text);
  cal_free(call->fallback_voice);
  cal_free(call->entry);
  cal_free(call->carrier_call);
  return cal_free(call);
}

/* The script is out of the game; what the caller hears from now on comes from here. */
static void play_fallback(cal_script_call *call) {
  cal_call_forget_waiting(call->call); /* its commands may fill the room these need */
  cal_command stop = {.kind = CAL_COMMAND_LEG_STOP};
  cal_command close = {.kind = CAL_COMMAND_LEG_CLOSE, .flags = CAL_COMMAND_DRAIN};
  cal_call_command(call->call, &stop);
  if (call->fallback_text) {
    cal_line line = {.call_id = cal_call_about(call->call)->name,
                     .at_ms = cal_clock_wall_ms(cal_engine_clock(call->script->engine)),
                     .who = "agent",
                     .text = call->fallback_text};
    cal_store_line(cal_engine_store(call->script->engine), &line);
    cal_say_text(cal_engine_speech(call->script->engine), call->call, FALLBACK_UTTERANCE, call->fallback_text,
                 call->fallback_voice, 0);
  }
  cal_call_command(call->call, &close);
}

static void tell_broken(cal_script_call *call, int code, char *text) {
  cal_event event = {.kind = CAL_EVENT_BROKEN, .target = call->handle, .code = code, .text = text};
  snprintf(event.name, sizeof event.name, "%s", cal_call_about(call->call)->name);
  call->has_room = 0;
  if (cal_mailbox_post(call->script->events, &event, CAL_MAIL_RESERVED)) cal_event_drop(&event);
}

static void break_call(cal_script_call *call, int code) {
  const char *why = cal_vm_error(call->vm);
  cal_log(CAL_LOG_ERROR, "script", cal_call_about(call->call)->name, "stopped (%s): %s", cal_error_name(code),
          why);
  cal_reload_count(call->script->engine, call->service->code, 1);
  cal_metric_add(cal_counter("callisto_scripts_broken_total", "calls whose script was stopped or failed"), 1);
  char *text = cal_strdup(why);
  throw_vm_away(call);
  play_fallback(call);
  tell_broken(call, code, text);
}

/* ---- running VMs */

static void run_call(cal_script_call *call, const cal_event *event) {
  if (!call->vm) return;
  cal_trace *trace = cal_engine_trace(call->script->engine);
  if (trace) cal_trace_event(trace, cal_call_about(call->call)->name, event);
  int code = cal_deliver(call->vm, event);
  if (code < 0) break_call(call, code);
}

static void on_wake(cal_timer *timer) {
  cal_bind_context *context = (cal_bind_context *)((char *)timer - offsetof(cal_bind_context, wake));
  cal_script *script = context->script;
  cal_event event = {.kind = CAL_EVENT_WAKE};
  if (context->call)
    run_call(context->call, &event);
  else
    cal_service_run(context->service, &event);
  sweep_services(script);
}

static void run_answer(cal_script *script, const cal_event *event) {
  asker *who = cal_slots_remove(script->requests, event->source);
  if (!who) return;
  asker to = *who;
  cal_free(who);
  to.service->asked--;
  cal_script_call *call = to.call ? cal_slots_get(script->calls, to.call) : NULL;
  if (call) call->asked--;
  if (call)
    run_call(call, event);
  else if (!to.call)
    cal_service_run(to.service, event);
}

/* What a call's service is told as well, or instead: the leg's beginning and end, messages of the script, its
 * failure, and requests that name the call. */
static void run_for_call(cal_script *script, cal_event *event) {
  cal_script_call *call = cal_slots_get(script->calls, event->target);
  if (!call) return;
  cal_service *service = call->service;
  snprintf(event->name, sizeof event->name, "%s", cal_call_about(call->call)->name);
  int is_for_both = event->kind == CAL_EVENT_LEG_STARTED || event->kind == CAL_EVENT_LEG_ENDED;
  int is_for_service = event->kind == CAL_EVENT_BROKEN || event->kind == CAL_EVENT_HTTP_REQUEST ||
                       event->kind == CAL_EVENT_REPORT;
  if (!is_for_service) run_call(call, event);
  if (is_for_service || is_for_both) cal_service_run(service, event);
}

static void deliver(void *context, void *message) {
  cal_script *script = context;
  cal_event *event = message;
  switch (event->kind) {
  case CAL_EVENT_HTTP_RESPONSE:
  case CAL_EVENT_STORED:
    run_answer(script, event);
    break;
  case CAL_EVENT_RELOAD:
    prepare(script, event);
    break;
  case CAL_EVENT_COMMIT:
    commit(script, event->number);
    break;
  case CAL_EVENT_STOP:
    stop_all(script);
    break;
  case CAL_EVENT_START:
    start_service(script, event);
    break;
  case CAL_EVENT_SOCKET:
    cal_service_run(service_for_new(script), event);
    break;
  case CAL_EVENT_HTTP_REQUEST:
    if (!event->target || !cal_slots_get(script->calls, event->target)) {
      cal_service_run(service_for_new(script), event);
      break;
    }
    run_for_call(script, event);
    break;
  default:
    run_for_call(script, event);
  }
  cal_event_drop(event);
  sweep_services(script);
}

static void drop(void *context, void *message) { cal_event_drop(message); }

void cal_script_started(cal_script *script) {
  if (script->has_started) return;
  script->has_started = 1;
  cal_engine_script_is_ready(script->engine);
}

/* ---- requests and messages */

int cal_script_ask(cal_bind_context *who, cal_id *request) {
  cal_script *script = who->script;
  if (who->call && who->call->asked >= CALL_REQUESTS_CEILING)
    return cal_fail(-ENOBUFS, "a call waits for at most %d answers at a time", CALL_REQUESTS_CEILING);
  int code = cal_mailbox_reserve(script->events);
  if (code) return cal_fail(code, "too many requests wait for their answers");
  asker *a = cal_alloc(sizeof *a);
  a->call = who->call ? who->call->handle : 0;
  a->service = who->service;
  *request = cal_slots_add(script->requests, a);
  if (*request) {
    a->service->asked++;
    if (who->call) who->call->asked++;
    return 0;
  }
  cal_free(a);
  cal_mailbox_unreserve(script->events);
  return cal_fail(-ENOBUFS, "too many requests wait for their answers");
}

void cal_script_forget(cal_bind_context *who, cal_id request) {
  cal_free(cal_slots_remove(who->script->requests, request));
  who->service->asked--;
  if (who->call) who->call->asked--;
  cal_mailbox_unreserve(who->script->events);
}

int cal_script_tell_call(cal_script *script, const char *name, const char *text, size_t bytes) {
  cal_script_call *call = cal_script_call_named(script, name);
  if (!call || !call->vm) return cal_fail(-ENOENT, "no call %s runs on this thread", name);
  cal_event event = {.kind = CAL_EVENT_TOLD, .target = call->handle, .text = cal_strndup(text, bytes)};
  int code = cal_mailbox_post(script->events, &event, CAL_MAIL_CONTROL);
  if (!code) return 0;
  cal_event_drop(&event);
  return cal_fail(code, "the script thread's mailbox is full");
}

int cal_script_tell_service(cal_script_call *call, const char *text, size_t bytes) {
  cal_event event = {.kind = CAL_EVENT_REPORT, .target = call->handle, .text = cal_strndup(text, bytes)};
  int code = cal_mailbox_post(call->script->events, &event, CAL_MAIL_CONTROL);
  if (!code) return 0;
  cal_event_drop(&event);
  return cal_fail(code, "the script thread's mailbox is full");
}

/* ---- calls */

cal_script_call *cal_script_call_named(cal_script *script, const char *name) {
  char id[64];
  if (cal_engine_owner(script->engine, name, id, sizeof id) != script->index) return NULL;
  return cal_slots_get(script->calls, cal_engine_handle(script->engine, name));
}

static int take_vm(cal_script_call *call) {
  int code = cal_pool_take(call->service->pool, &call->vm);
  if (code < 0) return code;
  cal_vm_set_name(call->vm, cal_call_about(call->call)->name);
  cal_bind_context *context = cal_vm_context(call->vm);
  context->call = call;
  code = cal_vm_require(call->vm, call->entry);
  if (code < 0) return cal_fail(code, "%s: %s", call->entry, cal_vm_error(call->vm));
  lua_settop(cal_vm_state(call->vm), 0);
  return 0;
}

static int admit(cal_script_call *call, const char *begin, size_t begin_bytes) {
  cal_engine *engine = call->script->engine;
  const cal_call_options *about = cal_call_about(call->call);
  if (cal_engine_is_draining(engine)) return cal_fail(-ESHUTDOWN, "this node takes no new calls");
  if (cal_engine_calls(engine) > cal_engine_about(engine)->calls_ceiling)
    return cal_fail(-EBUSY, "%u calls are live, which is the most this node takes",
                    cal_engine_about(engine)->calls_ceiling);
  int code = cal_mailbox_reserve(call->script->events);
  call->has_room = !code;
  if (!code) code = cal_engine_register(engine, about->name, about->name, call->script->index, call->handle);
  call->has_name = !code;
  if (!code) code = take_vm(call);
  if (!code && about->path) {
    code = cal_tokens_add(cal_engine_tokens(engine), call->call, cal_engine_now_ns(engine));
    call->has_token = !code;
  }
  if (code) return code;
  cal_event event = {
      .kind = CAL_EVENT_BEGIN, .target = call->handle, .text = cal_strndup(begin, begin_bytes)};
  code = cal_mailbox_post(call->script->events, &event, CAL_MAIL_CONTROL);
  if (!code) return 0;
  cal_event_drop(&event);
  return cal_fail(code, "the script thread's mailbox is full");
}

int cal_script_call_open(cal_service *service, cal_call_options *options, const char *entry,
                         const char *begin, size_t begin_bytes, const char *fallback_text,
                         const char *fallback_voice) {
  cal_script *script = service->script;
  cal_script_call *call = cal_alloc(sizeof *call);
  call->script = script;
  call->service = service;
  call->handle = cal_slots_add(script->calls, call);
  if (!call->handle) {
    cal_free(call);
    return cal_fail(-ENOBUFS, "%u calls are open on this thread, which is the most possible", CALLS_CEILING);
  }
  atomic_fetch_add(&script->call_count, 1);
  cal_metric_add(gauge_calls(), 1);
  service->calls++;
  options->handle = call->handle;
  options->events = script->events;
  call->call = cal_call_new(options);
  call->entry = cal_strdup(entry);
  call->fallback_text = cal_strdup(fallback_text);
  call->fallback_voice = cal_strdup(fallback_voice);
  int code = admit(call, begin, begin_bytes);
  if (code) call_free(call);
  return code;
}

int cal_script_call_alias(cal_script *script, const char *name, const char *carrier_call) {
  cal_script_call *call = cal_script_call_named(script, name);
  if (!call) return cal_fail(-ENOENT, "no call %s is open on this thread", name);
  if (call->carrier_call && !strcmp(call->carrier_call, carrier_call)) return 0;
  int code = cal_engine_register(script->engine, carrier_call, cal_call_about(call->call)->name,
                                 script->index, call->handle);
  if (code) return code;
  if (call->carrier_call) cal_engine_unregister(script->engine, call->carrier_call);
  cal_free(call->carrier_call);
  call->carrier_call = cal_strdup(carrier_call);
  return 0;
}

void cal_script_call_close(cal_script *script, const char *name, int close_code) {
  cal_script_call *call = cal_script_call_named(script, name);
  if (!call) return;
  cal_command command = {.kind = CAL_COMMAND_LEG_CLOSE, .code = close_code};
  cal_call_command(call->call, &command);
  call_free(call);
}

/* ---- life */

int cal_script_new(cal_script **result, cal_engine *engine, uint8_t index, cal_loop *loop) {
  cal_script *script = cal_alloc(sizeof *script);
  script->engine = engine;
  script->index = index;
  script->loop = loop;
  cal_list_init(&script->services);
  script->calls = cal_slots_new(CALLS_CEILING, index);
  script->requests = cal_slots_new(REQUESTS_CEILING, index);
  int code = cal_mailbox_new(&script->events, loop,
                             &(cal_mailbox_options){.name = "events",
                                                    .message_bytes = sizeof(cal_event),
                                                    .capacity = EVENTS_CAPACITY,
                                                    .deliver = deliver,
                                                    .drop = drop,
                                                    .context = script});
  if (code) {
    cal_script_free(script);
    return code;
  }
  *result = script;
  return 0;
}

int cal_script_start(cal_script *script) {
  cal_code *code_now = cal_engine_code(script->engine);
  int code = cal_service_new(&script->current, script, code_now);
  cal_unref(code_now);
  if (code) return code;
  cal_list_append(&script->services, &script->current->node);
  cal_event event = {.kind = CAL_EVENT_START};
  return cal_mailbox_post(script->events, &event, CAL_MAIL_CONTROL);
}

cal_script *cal_script_free(cal_script *script) {
  if (!script) return NULL;
  for (cal_id id = 0; (id = cal_slots_next(script->calls, id));) call_free(cal_slots_get(script->calls, id));
  cal_list_each_safe(&script->services, node, after)
      cal_service_free(cal_list_entry(node, cal_service, node));
  for (cal_id id = 0; (id = cal_slots_next(script->requests, id));)
    cal_free(cal_slots_remove(script->requests, id));
  cal_mailbox_close(script->events);
  cal_slots_free(script->calls);
  cal_slots_free(script->requests);
  return cal_free(script);
}

cal_mailbox *cal_script_events(cal_script *script) { return script->events; }
cal_loop *cal_script_loop(cal_script *script) { return script->loop; }
cal_engine *cal_script_engine(cal_script *script) { return script->engine; }
uint8_t cal_script_index(const cal_script *script) { return script->index; }
uint32_t cal_script_calls(const cal_script *script) {
  return atomic_load(&((cal_script *)script)->call_count);
}

uint32_t cal_script_vms(const cal_script *script) {
  uint32_t count = 0;
  cal_list_each((cal_list *)&script->services, node) count +=
      cal_pool_taken(cal_list_entry(node, cal_service, node)->pool);
  return count;
}

cal_vm *cal_script_service_vm(const cal_script *script) {
  return script->current ? script->current->vm : NULL;
}
