#include "loop/work.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/nice.h"

typedef struct worker {
  cal_work work;
  uv_async_t over;
  pthread_t thread;
} worker;

static void on_closed(uv_handle_t *handle) { cal_free(handle->data); }

static void close_worker(worker *w) { uv_close((uv_handle_t *)&w->over, on_closed); }

static void on_over(uv_async_t *over) {
  worker *w = over->data;
  cal_work work = w->work;
  pthread_join(w->thread, NULL);
  close_worker(w);
  work.done(work.context);
}

static void *run(void *context) {
  worker *w = context;
  pthread_setname_np(pthread_self(), w->work.name);
  cal_thread_nice(w->work.nice);
  w->work.run(w->work.context);
  uv_async_send(&w->over);
  return NULL;
}

int cal_work_start(cal_loop *loop, const cal_work *work) {
  worker *w = cal_alloc(sizeof *w);
  w->work = *work;
  if (uv_async_init(cal_loop_uv(loop), &w->over, on_over)) {
    cal_free(w);
    return cal_fail(-ENFILE, "no file descriptors are left");
  }
  w->over.data = w;
  int code = pthread_create(&w->thread, NULL, run, w);
  if (!code) return 0;
  close_worker(w);
  return cal_fail(-code, "the thread '%s' could not be started: %s", work->name, strerror(code));
}
