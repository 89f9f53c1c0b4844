#include "script/service.h"

#include <errno.h>
#include <lauxlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "script/deliver.h"
#include "engine/engine.h"
#include "bind/init.h"
#include "net/message.h"
#include "io/lobby.h"

#define SERVICE_MEMORY_BYTES (256u << 20)
#define SERVICE_BUDGET_FACTOR 4 /* a service VM works for many calls: its entries may take longer */

/* Runs protected while a VM is made; for a warm one that is on the pool's own thread. */
static void open_libraries(lua_State *L, void *service) {
  cal_service *mine = service;
  cal_bind_context *context = cal_bind_context_new(L);
  context->engine = cal_script_engine(mine->script);
  context->script = mine->script;
  context->service = mine;
  cal_bind_open(L);
}

static cal_vm_options vm_options(cal_service *service, cal_vm_kind kind) {
  const cal_engine_options *about = cal_engine_about(cal_script_engine(service->script));
  int is_service = kind == CAL_VM_SERVICE;
  return (cal_vm_options){.kind = kind,
                          .name = is_service ? "service" : "warm",
                          .memory_bytes = is_service ? SERVICE_MEMORY_BYTES : about->vm_memory_bytes,
                          .entry_budget_ms =
                              about->entry_budget_ms * (is_service ? SERVICE_BUDGET_FACTOR : 1),
                          .open = open_libraries,
                          .context = service};
}

/* On the pool's thread: the VM is made ready as far as it can be without knowing its call. */
static int load_warm_module(cal_vm *vm, void *service) {
  int code =
      cal_vm_require(vm, cal_engine_about(cal_script_engine(((cal_service *)service)->script))->warm_module);
  if (!code) lua_settop(cal_vm_state(vm), 0);
  return code;
}

int cal_service_new(cal_service **result, cal_script *script, cal_code *code) {
  const cal_engine_options *about = cal_engine_about(cal_script_engine(script));
  cal_service *service = cal_alloc(sizeof *service);
  service->script = script;
  service->code = cal_ref(code);
  cal_pool_options pool = {.target = about->warm_vms,
                           .vm = vm_options(service, CAL_VM_CALL),
                           .setup = load_warm_module,
                           .context = service,
                           .is_inline = about->loop != NULL};
  cal_vm_options options = vm_options(service, CAL_VM_SERVICE);
  int failed = cal_vm_new(&service->vm, code->generation, &options);
  if (!failed) {
    failed = cal_vm_require(service->vm, about->service);
    if (failed) failed = cal_fail(failed, "%s", cal_vm_error(service->vm));
  }
  if (!failed) {
    lua_settop(cal_vm_state(service->vm), 0);
    failed = cal_pool_new(&service->pool, code->generation, &pool);
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
    cal_bind_context *context = cal_vm_context(service->vm);
    if (context) cal_timer_stop(cal_script_loop(service->script), &context->wake);
  }
  cal_vm_free(service->vm);
  cal_pool_free(service->pool);
  cal_unref(service->code);
  return cal_free(service);
}

int cal_service_run(cal_service *service, const cal_event *event) {
  int code = cal_deliver(service->vm, event);
  if (!code) return 0;
  cal_log(CAL_LOG_ERROR, "service", NULL, "an event failed (%s): %s", cal_error_name(code),
          cal_vm_error(service->vm));
  cal_metric_add(
      cal_counter("callisto_service_failures_total", "events a service VM failed or was stopped in"), 1);
  if (event->kind == CAL_EVENT_HTTP_REQUEST) {
    cal_http_message *message = cal_http_message_new();
    message->status = 500;
    cal_command command = {.kind = CAL_COMMAND_HTTP_REPLY, .target = event->source, .message = message};
    cal_engine_command(cal_script_engine(service->script), &command);
  }
  if (event->kind == CAL_EVENT_SOCKET) {
    cal_command command = {.kind = CAL_COMMAND_SOCKET_REFUSE,
                           .target = event->source,
                           .object = cal_refusal_new(NULL, NULL, 1011, "the call could not be answered")};
    cal_engine_command(cal_script_engine(service->script), &command);
  }
  return code;
}
