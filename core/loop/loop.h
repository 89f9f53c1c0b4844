/* loop: one thread's event loop: libuv, plus timers that obey the clock.
 *
 * A loop belongs to the thread that runs it. With the real clock it is libuv's. With a simulated clock
 * nothing waits: cal_loop_advance() moves the clock from due timer to due timer and lets libuv's ready
 * handles run without blocking in between, so a five-minute call takes milliseconds and is the same every
 * time. Timers with equal due times fire in the order in which they were started. Running, polling or
 * advancing a loop from one of its own callbacks is a mistake. Loop thread only, except cal_loop_stop. */
#ifndef CAL_LOOP_LOOP_H
#define CAL_LOOP_LOOP_H

#include <stdint.h>
#include <uv.h>

#include "base/clock.h"

typedef struct cal_loop cal_loop;

int cal_loop_new(cal_loop **result, cal_clock *clock); /* returns owned; borrows the clock */
/* Takes. Every handle opened on the loop must have been closed or be closing; runs the loop until they are
 * gone. Returns the number of handles that were still open (0 is expected; tests assert it). */
int cal_loop_free(cal_loop *loop);
uv_loop_t *cal_loop_uv(cal_loop *loop);
cal_clock *cal_loop_clock(cal_loop *loop);
uint64_t cal_loop_now_ns(cal_loop *loop); /* the clock's now, not libuv's cached one */
void cal_loop_run(cal_loop *loop);        /* until cal_loop_stop; real clock only */
void cal_loop_stop(cal_loop *loop);       /* any thread */
int cal_loop_poll(cal_loop *loop); /* runs what is ready (handles and due timers), waits for nothing; how many
                                      timers fired */
/* Simulated clock: runs everything that becomes due up to and including `until_ns`, in order. Returns how
 * many timers fired. */
int cal_loop_advance(cal_loop *loop, uint64_t until_ns);
/* The same, but not beyond the moment at which `*stop` is not zero. */
int cal_loop_advance_until(cal_loop *loop, uint64_t until_ns, const int *stop);
/* Simulated clock: from now on nothing but its own timers, what is deferred and mailboxes of its own thread
 * move this loop; libuv's handles are looked at once an advance. No system calls in between. */
void cal_loop_set_alone(cal_loop *loop);
int cal_loop_is_alone(const cal_loop *loop);

/* A timer lives in its owner's memory and must be stopped before that memory goes. Zeroed memory is a stopped
 * timer. */
typedef struct cal_timer {
  void (*on_due)(struct cal_timer *timer);
  uint64_t due_ns;
  uint64_t order;
  uint32_t place; /* index in the heap + 1; 0 = stopped */
} cal_timer;

/* Starts or moves it. Never early; at once if `due_ns` is past. The timer is stopped when on_due runs. */
void cal_timer_start(cal_loop *loop, cal_timer *timer, uint64_t due_ns, void (*on_due)(cal_timer *timer));
void cal_timer_stop(cal_loop *loop, cal_timer *timer);
static inline int cal_timer_is_started(const cal_timer *timer) { return timer->place != 0; }
uint64_t cal_loop_next_due_ns(cal_loop *loop); /* 0 when no timer is started */
int cal_loop_timers(cal_loop *loop);           /* how many are started */

/* Runs `run` on the loop's thread soon, after the current callback: for what must not be done inside it. What
 * is still waiting when the loop is freed runs then. At most 2^20 at a time. Loop thread only. */
void cal_loop_defer(cal_loop *loop, void (*run)(void *context), void *context);

#endif
