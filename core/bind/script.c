#include "bind/script.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "bind/deliver.h"
#include "bind/engine.h"
#include "bind/lib.h"
#include "bind/say.h"
#include "call/http_message.h"

#define EVENTS_CAPACITY 65536
#define CALLS_CEILING 20000
#define REQUESTS_CEILING 65536
#define FALLBACK_UTTERANCE 0x6ffffff0u /* above any number a script reaches */
#define SERVICE_MEMORY_BYTES (256u << 20)

struct cal_script {
  cal_engine *engine;
  uint8_t index;
  cal_loop *loop;
  cal_mailbox *events;
  cal_vm *service;
  cal_pool *pool;
  cal_slots *calls;    /* handle → cal_script_call */
  cal_slots *requests; /* request number → asker */
  atomic_uint call_count;
};

/* Who waits for an answer. A call is remembered by handle: it may be gone when the answer comes. */
typedef struct asker {
  cal_id call; /* 0: the service VM */
} asker;

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

/* ---- VMs ------------------------------------------------------------------------------------------------------------ */

static void on_wake(cal_timer *timer);

/* Runs protected while a VM is made; for a warm one that is on the pool's own thread. */
static void open_libraries(lua_State *L, void *script) {
  cal_lib_provide(L);
  cal_script *mine = script;
  cal_bind_context *context = cal_bind_context_new(L);
  context->engine = mine->engine;
  context->script = mine;
}

static cal_vm_options vm_options(cal_script *script, cal_vm_kind kind) {
  const cal_engine_options *about = cal_engine_about(script->engine);
  int is_service = kind == CAL_VM_SERVICE;
  return (cal_vm_options){.kind = kind,
                          .name = is_service ? "service" : "warm",
                          .memory_bytes = is_service ? SERVICE_MEMORY_BYTES : about->vm_memory_bytes,
                          .entry_budget_ms = is_service ? 4 * about->entry_budget_ms : about->entry_budget_ms,
                          .open = open_libraries,
                          .context = script};
}

static int load_warm_module(cal_vm *vm, void *script) {
  int code = cal_vm_require(vm, cal_engine_about(((cal_script *)script)->engine)->warm_module);
  if (!code) lua_settop(cal_vm_state(vm), 0);
  return code;
}

void cal_script_wake(cal_bind_context *context, uint64_t at_ns) {
  if (at_ns)
    cal_timer_start(context->script->loop, &context->wake, at_ns, on_wake);
  else
    cal_timer_stop(context->script->loop, &context->wake);
}

/* ---- the end of a call ------------------------------------------------------------------------------------------------- */

static void throw_vm_away(cal_script_call *call) {
  if (!call->vm) return;
  cal_bind_context *context = cal_vm_context(call->vm);
  cal_timer_stop(call->script->loop, &context->wake);
  call->vm = cal_pool_discard(call->script->pool, call->vm);
}

static cal_script_call *call_free(cal_script_call *call) {
  cal_engine *engine = call->script->engine;
  const cal_call_options *about = cal_call_about(call->call);
  if (about->path) cal_tokens_withdraw(cal_engine_tokens(engine), about->path);
  cal_engine_unregister(engine, about->name);
  if (call->carrier_call) cal_engine_unregister(engine, call->carrier_call);
  throw_vm_away(call);
  if (call->handle) {
    cal_slots_remove(call->script->calls, call->handle);
    atomic_fetch_sub(&call->script->call_count, 1);
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
  cal_command stop = {.kind = CAL_COMMAND_LEG_STOP};
  cal_command close = {.kind = CAL_COMMAND_LEG_CLOSE, .flags = CAL_COMMAND_DRAIN};
  cal_call_command(call->call, &stop);
  if (call->fallback_text)
    cal_say_text(cal_engine_speech(call->script->engine), call->call, FALLBACK_UTTERANCE, call->fallback_text,
                 call->fallback_voice, 0);
  cal_call_command(call->call, &close);
}

static void post_to_service(cal_script_call *call, cal_event event) {
  snprintf(event.name, sizeof event.name, "%s", cal_call_about(call->call)->name);
  event.target = 0;
  if (cal_mailbox_post(call->script->events, &event, CAL_MAIL_CONTROL)) cal_event_drop(&event);
}

static void break_call(cal_script_call *call, int code) {
  const char *why = cal_vm_error(call->vm);
  cal_log(CAL_LOG_ERROR, "script", cal_call_about(call->call)->name, "stopped (%s): %s", cal_error_name(code), why);
  cal_metric_add(cal_counter("callisto_scripts_broken_total", "calls whose script was stopped or failed"), 1);
  char *text = cal_strdup(why);
  throw_vm_away(call);
  play_fallback(call);
  post_to_service(call, (cal_event){.kind = CAL_EVENT_BROKEN, .code = code, .text = text});
}

/* ---- running VMs -------------------------------------------------------------------------------------------------------- */

static void run_call(cal_script_call *call, const cal_event *event) {
  if (!call->vm) return;
  int code = cal_deliver(call->vm, event);
  if (code < 0) break_call(call, code);
}

/* A service VM that fails an event has failed that event alone: a request is refused, everything else goes on. */
static void run_service(cal_script *script, const cal_event *event) {
  if (!script->service) return;
  int code = cal_deliver(script->service, event);
  if (!code) return;
  cal_log(CAL_LOG_ERROR, "service", NULL, "an event failed (%s): %s", cal_error_name(code), cal_vm_error(script->service));
  cal_metric_add(cal_counter("callisto_service_failures_total", "events a service VM failed or was stopped in"), 1);
  if (event->kind != CAL_EVENT_HTTP_REQUEST) return;
  cal_http_message *message = cal_http_message_new();
  message->status = 500;
  cal_command command = {.kind = CAL_COMMAND_HTTP_REPLY, .target = event->source, .message = message};
  cal_engine_command(script->engine, &command);
}

static void on_wake(cal_timer *timer) {
  cal_bind_context *context = (cal_bind_context *)((char *)timer - offsetof(cal_bind_context, wake));
  cal_event event = {.kind = CAL_EVENT_WAKE};
  if (context->call)
    run_call(context->call, &event);
  else
    run_service(context->script, &event);
}

/* The leg's beginning and end are news for both: the script of the call, and the service that keeps its record. */
static void run_leg_event(cal_script *script, cal_event *event) {
  cal_script_call *call = cal_slots_get(script->calls, event->target);
  if (!call) return;
  snprintf(event->name, sizeof event->name, "%s", cal_call_about(call->call)->name);
  run_call(call, event);
  run_service(script, event);
}

static void run_answer(cal_script *script, const cal_event *event) {
  asker *who = cal_slots_remove(script->requests, event->source);
  if (!who) return;
  cal_id handle = who->call;
  cal_free(who);
  if (!handle) {
    run_service(script, event);
    return;
  }
  cal_script_call *call = cal_slots_get(script->calls, handle);
  if (call) run_call(call, event);
}

static void deliver(void *context, void *message) {
  cal_script *script = context;
  cal_event *event = message;
  cal_script_call *call;
  switch (event->kind) {
  case CAL_EVENT_HTTP_RESPONSE:
  case CAL_EVENT_STORED: run_answer(script, event); break;
  case CAL_EVENT_LEG_STARTED:
  case CAL_EVENT_LEG_ENDED: run_leg_event(script, event); break;
  default:
    if (!event->target) {
      run_service(script, event);
    } else {
      call = cal_slots_get(script->calls, event->target);
      if (call) run_call(call, event);
    }
  }
  cal_event_drop(event);
}

static void drop(void *context, void *message) { cal_event_drop(message); }

/* ---- requests and messages ------------------------------------------------------------------------------------------------ */

int cal_script_ask(cal_bind_context *who, cal_id *request) {
  cal_script *script = who->script;
  int code = cal_mailbox_reserve(script->events);
  if (code) return cal_fail(code, "too many requests wait for their answers");
  asker *a = cal_alloc(sizeof *a);
  a->call = who->call ? who->call->handle : 0;
  *request = cal_slots_add(script->requests, a);
  if (*request) return 0;
  cal_free(a);
  cal_mailbox_unreserve(script->events);
  return cal_fail(-ENOBUFS, "too many requests wait for their answers");
}

void cal_script_forget(cal_bind_context *who, cal_id request) {
  cal_free(cal_slots_remove(who->script->requests, request));
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
  cal_event event = {.kind = CAL_EVENT_TOLD, .text = cal_strndup(text, bytes)};
  snprintf(event.name, sizeof event.name, "%s", cal_call_about(call->call)->name);
  int code = cal_mailbox_post(call->script->events, &event, CAL_MAIL_CONTROL);
  if (!code) return 0;
  cal_event_drop(&event);
  return cal_fail(code, "the script thread's mailbox is full");
}

/* ---- calls ------------------------------------------------------------------------------------------------------------------ */

cal_script_call *cal_script_call_named(cal_script *script, const char *name) {
  char id[64];
  if (cal_engine_owner(script->engine, name, id, sizeof id) != script->index) return NULL;
  return cal_slots_get(script->calls, cal_engine_handle(script->engine, name));
}

static int take_vm(cal_script_call *call) {
  int code = cal_pool_take(call->script->pool, &call->vm);
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
    return cal_fail(-EBUSY, "%u calls are live, which is the most this node takes", cal_engine_about(engine)->calls_ceiling);
  int code = cal_engine_register(engine, about->name, about->name, call->script->index, call->handle);
  if (!code) code = take_vm(call);
  if (!code && about->path) code = cal_tokens_add(cal_engine_tokens(engine), call->call, cal_engine_now_ns(engine));
  if (code) return code;
  cal_event event = {.kind = CAL_EVENT_BEGIN, .target = call->handle, .text = cal_strndup(begin, begin_bytes)};
  code = cal_mailbox_post(call->script->events, &event, CAL_MAIL_CONTROL);
  if (!code) return 0;
  cal_event_drop(&event);
  return cal_fail(code, "the script thread's mailbox is full");
}

int cal_script_call_open(cal_script *script, cal_call_options *options, const char *entry, const char *begin,
                         size_t begin_bytes, const char *fallback_text, const char *fallback_voice) {
  cal_script_call *call = cal_alloc(sizeof *call);
  call->script = script;
  call->handle = cal_slots_add(script->calls, call);
  if (!call->handle) {
    cal_free(call);
    return cal_fail(-ENOBUFS, "%u calls are open on this thread, which is the most possible", CALLS_CEILING);
  }
  atomic_fetch_add(&script->call_count, 1);
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
  if (call->carrier_call) return 0;
  int code = cal_engine_register(script->engine, carrier_call, cal_call_about(call->call)->name, script->index, call->handle);
  if (!code) call->carrier_call = cal_strdup(carrier_call);
  return code;
}

void cal_script_call_close(cal_script *script, const char *name, int close_code) {
  cal_script_call *call = cal_script_call_named(script, name);
  if (!call) return;
  cal_command command = {.kind = CAL_COMMAND_LEG_CLOSE, .code = close_code};
  cal_call_command(call->call, &command);
  call_free(call);
}

/* ---- life --------------------------------------------------------------------------------------------------------------------- */

int cal_script_new(cal_script **result, cal_engine *engine, uint8_t index, cal_loop *loop) {
  const cal_engine_options *about = cal_engine_about(engine);
  cal_script *script = cal_alloc(sizeof *script);
  script->engine = engine;
  script->index = index;
  script->loop = loop;
  script->calls = cal_slots_new(CALLS_CEILING, index);
  script->requests = cal_slots_new(REQUESTS_CEILING, index);
  cal_generation *generation = cal_engine_generation(engine);
  cal_pool_options pool = {.target = about->warm_vms,
                           .vm = vm_options(script, CAL_VM_CALL),
                           .setup = load_warm_module,
                           .context = script};
  int code = cal_mailbox_new(&script->events, loop,
                             &(cal_mailbox_options){.name = "events",
                                                    .message_bytes = sizeof(cal_event),
                                                    .capacity = EVENTS_CAPACITY,
                                                    .deliver = deliver,
                                                    .drop = drop,
                                                    .context = script});
  if (!code) code = cal_pool_new(&script->pool, generation, &pool);
  cal_unref(generation);
  if (code) {
    cal_script_free(script);
    return code;
  }
  *result = script;
  return 0;
}

int cal_script_start(cal_script *script) {
  cal_generation *generation = cal_engine_generation(script->engine);
  cal_vm_options options = vm_options(script, CAL_VM_SERVICE);
  int code = cal_vm_new(&script->service, generation, &options);
  cal_unref(generation);
  if (code) return code;
  code = cal_vm_require(script->service, cal_engine_about(script->engine)->service);
  if (code < 0) return cal_fail(code, "%s", cal_vm_error(script->service));
  lua_settop(cal_vm_state(script->service), 0);
  cal_event event = {.kind = CAL_EVENT_START};
  return cal_mailbox_post(script->events, &event, CAL_MAIL_CONTROL);
}

static void free_service(cal_script *script) {
  if (!script->service) return;
  cal_timer_stop(script->loop, &((cal_bind_context *)cal_vm_context(script->service))->wake);
  script->service = cal_vm_free(script->service);
}

cal_script *cal_script_free(cal_script *script) {
  if (!script) return NULL;
  for (cal_id id = 0; (id = cal_slots_next(script->calls, id));) call_free(cal_slots_get(script->calls, id));
  free_service(script);
  script->pool = cal_pool_free(script->pool);
  for (cal_id id = 0; (id = cal_slots_next(script->requests, id));) cal_free(cal_slots_remove(script->requests, id));
  cal_mailbox_close(script->events);
  cal_slots_free(script->calls);
  cal_slots_free(script->requests);
  return cal_free(script);
}

cal_mailbox *cal_script_events(cal_script *script) { return script->events; }
cal_loop *cal_script_loop(cal_script *script) { return script->loop; }
cal_engine *cal_script_engine(cal_script *script) { return script->engine; }
uint8_t cal_script_index(const cal_script *script) { return script->index; }
uint32_t cal_script_calls(const cal_script *script) { return atomic_load(&((cal_script *)script)->call_count); }
