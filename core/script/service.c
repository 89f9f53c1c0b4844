#include "script/service.h"

#include <errno.h>
#include <lauxlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "io/lobby.h"
#include "net/message.h"
#include "script/context.h"
#include "script/deliver.h"
#include "script/live_call.h"

#define SERVICE_MEMORY_BYTES (256u << 20)
#define SERVICE_BUDGET_FACTOR 4 /* a service VM works for many calls: its entries may take longer */

static void print(cal_vm *vm, const char *line) {
  const cal_context *context = cal_vm_context(vm);
  if (context->call)
    cal_live_call_log(context->call, CAL_LOG_INFO, line);
  else
    cal_log(CAL_LOG_INFO, "script", cal_vm_name(vm), "%s", line);
}

/* Runs protected while a VM is made; for a warm one that is on the pool's own thread. */
static void open_libraries(lua_State *L, void *context) {
  cal_service *service = context;
  cal_context *mine = cal_context_new(L);
  mine->reach = service->host->reach;
  mine->host = service->host;
  mine->service = service;
  mine->reach->open(L);
}

static cal_vm_options vm_options(cal_service *service, cal_vm_kind kind) {
  const cal_limits *limits = &service->host->reach->limits;
  int is_service = kind == CAL_VM_SERVICE;
  return (cal_vm_options){.kind = kind,
                          .name = is_service ? "service" : "warm",
                          .memory_bytes = is_service ? SERVICE_MEMORY_BYTES : limits->vm_memory_bytes,
                          .entry_budget_ms =
                              limits->entry_budget_ms * (is_service ? SERVICE_BUDGET_FACTOR : 1),
                          .open = open_libraries,
                          .print = print,
                          .context = service};
}

/* On the pool's thread: the VM is made ready as far as it can be without knowing its call. */
static int load_warm_module(cal_vm *vm, void *service) {
  int code = cal_vm_require(vm, ((cal_service *)service)->host->reach->warm_module);
  if (!code) lua_settop(cal_vm_state(vm), 0);
  return code;
}

int cal_service_new(cal_service **result, cal_script_host *host, cal_edition *edition) {
  const cal_reach *reach = host->reach;
  cal_service *service = cal_alloc(sizeof *service);
  service->host = host;
  service->edition = cal_ref(edition);
  service->adapters = cal_adapters_new(host->reach, edition->generation);
  cal_pool_options pool = {.target = reach->limits.warm_vms,
                           .vm = vm_options(service, CAL_VM_CALL),
                           .setup = load_warm_module,
                           .context = service,
                           .is_inline = reach->is_simulated};
  cal_vm_options options = vm_options(service, CAL_VM_SERVICE);
  int failed = cal_vm_new(&service->vm, edition->generation, &options);
  if (!failed) {
    failed = cal_vm_require(service->vm, reach->service);
    if (failed) failed = cal_fail(failed, "%s", cal_vm_error(service->vm));
  }
  if (!failed) {
    lua_settop(cal_vm_state(service->vm), 0);
    failed = cal_pool_new(&service->pool, edition->generation, &pool);
  }
  if (failed) {
    cal_service_free(service);
    return failed;
  }
  *result = service;
  return 0;
}

cal_service *cal_service_free(cal_service *service) {
  if (!service) return NULL;
  if (service->vm) {
    cal_context *context = cal_vm_context(service->vm);
    if (context) cal_context_wake_at(context, 0);
  }
  cal_vm_free(service->vm);
  cal_pool_free(service->pool);
  cal_adapters_free(service->adapters);
  cal_unref(service->edition);
  return cal_free(service);
}

/* Nothing waits longer for an answer than it has to. */
static void answer_failed(cal_reach *reach, const cal_event *event) {
  if (event->kind == CAL_EVENT_HTTP_REQUEST) {
    cal_http_message *message = cal_http_message_new();
    message->status = 500;
    cal_command command = {.kind = CAL_COMMAND_HTTP_REPLY, .target = event->source, .message = message};
    cal_reach_command(reach, &command);
  }
  if (event->kind == CAL_EVENT_SOCKET) {
    cal_command command = {.kind = CAL_COMMAND_SOCKET_REFUSE,
                           .target = event->source,
                           .object = cal_refusal_new(NULL, NULL, 1011, "the call could not be answered")};
    cal_reach_command(reach, &command);
  }
}

int cal_service_run(cal_service *service, const cal_event *event) {
  int code = cal_deliver(service->vm, event);
  if (!code) return 0;
  cal_log(CAL_LOG_ERROR, "service", NULL, "an event failed (%s): %s", cal_error_name(code),
          cal_vm_error(service->vm));
  cal_metric_add(
      cal_counter("callisto_service_failures_total", "events a service VM failed or was stopped in"), 1);
  answer_failed(service->host->reach, event);
  return code;
}

void cal_service_stop(cal_service *service) {
  if (service->is_stopping) return;
  service->is_stopping = 1;
  cal_pool_retire(service->pool);
  cal_event event = {.kind = CAL_EVENT_STOP};
  const cal_context *context = cal_vm_context(service->vm);
  service->is_deserted = cal_service_run(service, &event) < 0 || context->handler == LUA_NOREF;
}

void cal_service_started(cal_service *service) {
  cal_script_host *host = service->host;
  if (host->has_started) return;
  host->has_started = 1;
  host->reach->on_ready(host->reach->engine);
}

void cal_service_stopped(cal_service *service) { service->is_stopped = 1; }
