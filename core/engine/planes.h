/* planes: what an engine is made of, made, started, stopped and taken apart. For engine.c and the specs' own engine. Main
 * thread. */
#ifndef CAL_ENGINE_PLANES_H
#define CAL_ENGINE_PLANES_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "engine/engine.h"
#include "script/script_thread.h"
#include "speech/speech.h"

typedef struct cal_thread {
  cal_loop *loop;
  pthread_t id;
  int is_running;
} cal_thread;

struct cal_engine {
  cal_engine_options options;
  cal_reach reach;
  cal_speech *speech; /* the voice and the ear of the reach are over it */
  cal_loop *loop;     /* the main thread's: signals, the grace; in inline mode everything */
  uv_async_t again;
  int has_again, is_drain_begun;
  cal_timer grace;
  cal_thread io_threads[CAL_THREADS], script_threads[CAL_THREADS];
  cal_script_thread *scripts[CAL_THREADS];

  atomic_int stops;
  atomic_uint ready, done;
  atomic_int has_failed;
};

int cal_planes_open(
    cal_engine *engine); /* store, speech, io and script threads, listeners; nothing runs yet */
int cal_planes_start(cal_engine *engine);  /* starts the threads */
void cal_planes_stop(cal_engine *engine);  /* joins them */
void cal_planes_close(cal_engine *engine); /* after stop; also what was half opened */

#endif
