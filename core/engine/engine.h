/* engine: the planes, put together: io threads, script threads, the store and the speech plane, started and
 * stopped in order.
 *
 * Start: store (migrations, lost calls) → generation of code → speech → io and script threads → listening →
 * "start". Stop:  the first SIGTERM refuses new calls and lets live ones finish within the grace; then, or on
 * the second signal, sockets are closed and every thread is joined. Inline mode runs everything on the
 * calling thread's one loop. On a borrowed loop (options.loop) nothing runs by itself: who owns the loop
 * moves it, and cal_engine_run is not used. Main thread, except where noted. */
#ifndef CAL_ENGINE_ENGINE_H
#define CAL_ENGINE_ENGINE_H

#include "loop/loop.h"
#include "script/reach.h"
#include "script/reload.h"

typedef struct cal_engine cal_engine;

typedef struct cal_engine_options {
  /* entry module of the service VMs: "callisto.service" or "callisto.exchange.service" */
  const char *service;
  const char *warm_module;            /* what warm VMs have loaded already: "callisto.flow" */
  const char *workspace;              /* folder with templates/, providers/ …; "." */
  const char *library;                /* folder with callisto/…: our own Lua */
  const cal_generation_root *sources; /* modules that go before those of the workspace; borrowed; for specs */
  size_t source_count;
  const char *host;
  uint16_t port;                    /* 0: any free one */
  const char *cert_file, *key_file; /* both or none: TLS */
  const char *ca_file;              /* extra authority for outgoing TLS; NULL: the system's */
  uint8_t io_threads, script_threads, speech_threads;
  int is_inline;
  /* A simulated engine (lab.h): inline, on a loop and a network that others share. Both borrowed; NULL
   * outside. */
  cal_loop *loop;
  struct cal_loopback *loopback;
  int has_real_voice;      /* on such a loop: the built-in voice and ear instead of those of specs
                              (speech/spoken.h) */
  cal_hearing hearing;     /* what subscribers of the exchange hear; empty outside */
  int hears_free_text;     /* the built-in ear may listen without expected answers */
  int is_tool;             /* only clock, ids, shared state and code: no planes */
  cal_clock *clock;        /* NULL: the real one */
  cal_ids *ids;            /* NULL: the real ones */
  const char *node;        /* who we are in the store; NULL: "main" */
  const char *store_path;  /* NULL: <data folder>/callisto.db */
  const char *data_folder; /* recordings and the database; created */
  uint32_t grace_s;
  uint32_t calls_ceiling;   /* live calls of this node; 0 = 2000 */
  uint32_t warm_vms;        /* a script thread; 0 = 16 */
  uint32_t arrival_wait_ms; /* see cal_limits */
  int opens_metrics;        /* the same */
  uint32_t entry_budget_ms, vm_memory_bytes;
  int allow_private;         /* scripts of calls may fetch from private addresses */
  const char *const *fields; /* request headers that scripts want to see, lower case, NULL-terminated */
  const char *settings_json; /* what core.settings() returns at first */
  char *(*read_settings)(void *context); /* reads them again for a reload, on a worker thread: owned, or NULL
                                            with an error text; NULL: they stay */
  void *settings_context;
  int watches;            /* files that change are reloaded */
  const char *trace_path; /* all that happens on calls is written there (trace.h); NULL: it is not */
} cal_engine_options;

int cal_engine_new(cal_engine **result, const cal_engine_options *options);
int cal_engine_start(cal_engine *engine);      /* starts the threads; calls come from now on */
int cal_engine_run(cal_engine *engine);        /* until drained; -EIO when a service VM could not start */
cal_loop *cal_engine_loop(cal_engine *engine); /* the main thread's */
void cal_engine_drain(cal_engine *engine);     /* any thread, also before start; twice = at once */
cal_engine *cal_engine_free(cal_engine *engine);

/* Any thread. */
cal_reach *cal_engine_reach(cal_engine *engine); /* what scripts may reach; borrowed */
uint16_t cal_engine_port(const cal_engine *engine);
uint32_t cal_engine_calls(const cal_engine *engine); /* live */
uint32_t cal_engine_legs(const cal_engine *engine);

#endif
