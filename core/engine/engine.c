#include "engine/engine.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "bind/init.h"
#include "engine/planes.h"
#include "io/doors.h"
#include "io/lobby.h"

#define SHARED_CEILING (64u << 20)
#define TOKENS_CEILING 100000

/* ---- what script threads say */

static void on_ready(void *context) {
  cal_engine *engine = context;
  if (atomic_fetch_add(&engine->ready, 1) + 1 == engine->reach.script_threads)
    cal_log(CAL_LOG_INFO, "engine", NULL, "ready on port %u", engine->reach.port);
}

static void on_done(void *context) {
  cal_engine *engine = context;
  atomic_fetch_add(&engine->done, 1);
  uv_async_send(&engine->again);
}

static void on_failed(void *context) {
  cal_engine *engine = context;
  atomic_store(&engine->has_failed, 1);
  uv_async_send(&engine->again);
}

/* ---- the end */

static void on_grace_over(cal_timer *timer) {
  cal_engine *engine = cal_list_entry(timer, cal_engine, grace);
  cal_log(CAL_LOG_WARN, "engine", NULL, "the grace is over with %u calls still live; they are ended",
          cal_engine_calls(engine));
  cal_loop_stop(engine->loop);
}

static void begin_drain(cal_engine *engine) {
  cal_log(CAL_LOG_INFO, "engine", NULL, "draining: no new calls; %u live ones have %u s",
          cal_engine_calls(engine), engine->options.grace_s);
  for (uint8_t i = 0; i < engine->reach.io_threads; i++) cal_io_refuse_calls(engine->reach.ios[i]);
  for (uint8_t i = 0; i < engine->reach.script_threads; i++) {
    cal_event event = {.kind = CAL_EVENT_STOP};
    cal_reach_event(&engine->reach, (uint8_t)(i + 1), &event, CAL_MAIL_CONTROL);
  }
  cal_timer_start(engine->loop, &engine->grace,
                  cal_clock_now_ns(engine->reach.clock) + engine->options.grace_s * CAL_S, on_grace_over);
}

/* On the main loop, woken by `again`: what has changed since the last look? */
static void on_again(uv_async_t *async) {
  cal_engine *engine = async->data;
  int stops = atomic_load(&engine->stops);
  if (stops && !engine->is_drain_begun) {
    engine->is_drain_begun = 1;
    begin_drain(engine);
  }
  int is_over = stops > 1 || atomic_load(&engine->has_failed) ||
                atomic_load(&engine->done) >= engine->reach.script_threads;
  if (!is_over) return;
  cal_timer_stop(engine->loop, &engine->grace);
  if (!engine->options.loop) cal_loop_stop(engine->loop); /* a borrowed one is not ours to stop */
}

/* ---- start */

/* What was not said gets its default. */
static void complete(cal_engine_options *o) {
  if (!o->node) o->node = "main";
  if (!o->settings_json) o->settings_json = "{}";
  if (!o->calls_ceiling) o->calls_ceiling = 2000;
  if (!o->warm_vms) o->warm_vms = 16;
  if (!o->arrival_wait_ms) o->arrival_wait_ms = 1000;
  if (!o->entry_budget_ms) o->entry_budget_ms = 50;
  if (!o->vm_memory_bytes) o->vm_memory_bytes = 16u << 20;
  if (o->loop) o->is_inline = 1;
  if (o->is_inline || !o->io_threads) o->io_threads = 1;
  if (o->is_inline || !o->script_threads) o->script_threads = 1;
  if (o->io_threads > CAL_THREADS) o->io_threads = CAL_THREADS;
  if (o->script_threads > CAL_THREADS) o->script_threads = CAL_THREADS;
}

static void fill_reach(cal_engine *engine) {
  const cal_engine_options *o = &engine->options;
  engine->reach = (cal_reach){.node = o->node,
                              .workspace = o->workspace,
                              .library = o->library,
                              .data_folder = o->data_folder,
                              .service = o->service,
                              .warm_module = o->warm_module,
                              .is_simulated = o->loop != NULL,
                              .is_spoken = o->loop && !o->has_real_voice,
                              .limits = {.calls = o->calls_ceiling,
                                         .warm_vms = o->warm_vms,
                                         .arrival_wait_ms = o->arrival_wait_ms,
                                         .entry_budget_ms = o->entry_budget_ms,
                                         .vm_memory_bytes = o->vm_memory_bytes,
                                         .opens_metrics = o->opens_metrics,
                                         .allow_private = o->allow_private},
                              .open = cal_bind_open,
                              .clock = o->clock ? o->clock : cal_clock_real(),
                              .ids = o->ids ? o->ids : cal_ids_real(),
                              .shared = cal_kv_new(SHARED_CEILING),
                              .holders = cal_holders_new(),
                              .flow_shared = cal_kv_new(SHARED_CEILING),
                              .flow_holders = cal_holders_new(),
                              .breakers = cal_breakers_new(),
                              .tokens = cal_tokens_new(TOKENS_CEILING),
                              .doors = cal_doors_new(),
                              .registry = cal_registry_new(),
                              .io_threads = o->io_threads,
                              .script_threads = o->script_threads,
                              .engine = engine,
                              .on_ready = on_ready,
                              .on_done = on_done,
                              .on_failed = on_failed};
  engine->reach.prefixes = cal_prefixes_new(engine->reach.holders);
}

static int new_reload(cal_engine *engine) {
  const cal_engine_options *o = &engine->options;
  cal_reload_options options = {.reach = &engine->reach,
                                .loop = engine->loop,
                                .sources = {.workspace = o->workspace,
                                            .library = o->library,
                                            .before = o->sources,
                                            .before_count = o->source_count,
                                            .is_again = o->loop != NULL},
                                .settings_json = o->settings_json,
                                .read_settings = o->read_settings,
                                .settings_context = o->settings_context,
                                .is_unjudged = o->is_tool};
  return cal_reload_new(&engine->reach.reload, &options);
}

int cal_engine_new(cal_engine **result, const cal_engine_options *options) {
  cal_engine *engine = cal_alloc(sizeof *engine);
  engine->options = *options;
  complete(&engine->options);
  fill_reach(engine);
  engine->loop = options->loop;
  int code = options->loop ? 0 : cal_loop_new(&engine->loop, engine->reach.clock);
  if (!code && uv_async_init(cal_loop_uv(engine->loop), &engine->again, on_again))
    code = cal_fail(-ENFILE, "no file descriptors are left");
  if (!code) {
    engine->again.data = engine;
    engine->has_again = 1;
    code = new_reload(engine);
  }
  if (!code && !options->is_tool) code = cal_planes_open(engine);
  if (code) {
    cal_engine_free(engine);
    return code;
  }
  *result = engine;
  return 0;
}

int cal_engine_start(cal_engine *engine) {
  int code = cal_planes_start(engine);
  if (!code && engine->options.watches) code = cal_reload_watch(engine->reach.reload);
  return code;
}

int cal_engine_run(cal_engine *engine) {
  cal_loop_run(engine->loop);
  return atomic_load(&engine->has_failed)
             ? cal_fail(-EIO, "the service could not be started; the log says why")
             : 0;
}

/* ---- stop */

void cal_engine_drain(cal_engine *engine) {
  atomic_fetch_add(&engine->stops, 1);
  atomic_store(&engine->reach.is_draining, 1);
  uv_async_send(&engine->again);
}

/* Threads first, so that nothing runs any more. */
cal_engine *cal_engine_free(cal_engine *engine) {
  if (!engine) return NULL;
  cal_planes_stop(engine);
  if (engine->loop) cal_timer_stop(engine->loop, &engine->grace);
  if (engine->has_again) uv_close((uv_handle_t *)&engine->again, NULL);
  cal_planes_close(engine);
  cal_registry_free(engine->reach.registry);
  cal_tokens_free(engine->reach.tokens);
  cal_prefixes_free(engine->reach.prefixes);
  cal_doors_free(engine->reach.doors);
  cal_kv_free(engine->reach.shared);
  cal_holders_free(engine->reach.holders);
  cal_kv_free(engine->reach.flow_shared);
  cal_holders_free(engine->reach.flow_holders);
  cal_breakers_free(engine->reach.breakers);
  return cal_free(engine);
}

/* ---- any thread */

cal_reach *cal_engine_reach(cal_engine *engine) { return &engine->reach; }
cal_loop *cal_engine_loop(cal_engine *engine) { return engine->loop; }
uint16_t cal_engine_port(const cal_engine *engine) { return engine->reach.port; }
uint32_t cal_engine_calls(const cal_engine *engine) { return atomic_load(&engine->reach.calls); }
uint32_t cal_engine_legs(const cal_engine *engine) { return cal_reach_legs(&engine->reach); }
