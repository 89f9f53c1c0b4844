/* planes: what an engine is made of. For engine.c and the specs' own engine. */
#ifndef CAL_ENGINE_PLANES_H
#define CAL_ENGINE_PLANES_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "engine/engine.h"
#include "script/registry.h"
#include "io/lobby.h"

#define CAL_THREADS 16 /* of a kind */

typedef struct cal_thread {
  cal_loop *loop;
  pthread_t id;
  int is_running;
} cal_thread;

typedef struct cal_grace {
  cal_timer timer; /* first, so that the timer is the grace */
  cal_engine *engine;
} cal_grace;

struct cal_engine {
  cal_engine_options options;
  cal_clock *clock;
  cal_loop *loop; /* the main thread's: signals, the grace; in inline mode everything */
  uv_async_t again;
  int has_again, is_drain_begun;
  cal_grace grace;
  uint16_t port;

  cal_kv *shared;
  cal_holders *holders;
  cal_tokens *tokens;
  cal_prefixes *prefixes;
  cal_registry *registry;
  cal_reload *reload;
  cal_store *store;
  cal_files *files;
  cal_speech *speech;
  cal_trace *trace;
  cal_thread io_threads[CAL_THREADS], script_threads[CAL_THREADS];
  cal_io *ios[CAL_THREADS];
  cal_script *scripts[CAL_THREADS];
  /* One reference each: the store's thread still answers when the planes that asked are gone already. */
  cal_mailbox *commands[CAL_THREADS], *events[CAL_THREADS];

  atomic_uint turn;
  atomic_int stops;
  atomic_uint ready, done;
  atomic_int has_failed;
};

void cal_engine_check_end(cal_engine *engine);

#endif
