/* work: one thing that takes long, on a thread of its own, and what to do on the loop when it is over.
 *
 * For what happens now and then and must not be in the way of calls: the thread stands back by `nice`
 * (base/nice.h) for the whole of its life, which a thread of libuv's pool could not. */
#ifndef CAL_LOOP_WORK_H
#define CAL_LOOP_WORK_H

#include "loop/loop.h"

typedef struct cal_work {
  const char *name;            /* of the thread; at most 15 bytes */
  int nice;                    /* 0..19 */
  void (*run)(void *context);  /* on the thread */
  void (*done)(void *context); /* afterwards, on the loop's */
  void *context;               /* borrowed until `done` */
} cal_work;

/* Loop thread. Copies `work`. -EAGAIN when no thread can be started, -ENFILE; nothing runs then. The loop is not
 * to be freed before `done` has run. */
int cal_work_start(cal_loop *loop, const cal_work *work);

#endif
