#include "loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/heap.h"
#include "base/mem.h"

/* A simulated loop runs its handles until they are quiet; one that never is must not hold up the clock for
 * ever. */
#define ROUNDS_MOST 4096
#define FIRED_A_TURN_MOST 1024
#define DEFERRED_MOST (1 << 20)

typedef struct deferred {
  void (*run)(void *context);
  void *context;
} deferred;

/* One turn of a loop with the real clock:
 *
 *   idle (what was deferred) -> prepare (arms the timerfd) -> poll: waits, I/O callbacks -> check (due
 * timers)
 *
 * The timerfd only ends the waiting; it has nanoseconds where libuv's timers have milliseconds. A simulated
 * loop has neither timerfd nor prepare nor check. */
struct cal_loop {
  uv_loop_t uv;
  cal_clock *clock;
  cal_heap timers;
  uint64_t last_order;
  int fired; /* timers, since the loop was made; differences of it are given out, so it may wrap */

  int timer_fd;      /* -1 with a simulated clock */
  uint64_t armed_ns; /* what timer_fd is set to; 0 = nothing */
  uv_poll_t timer_poll;
  uv_prepare_t prepare;
  uv_check_t check;

  int is_inside; /* one of run, poll, advance */
  int is_alone;
  uv_async_t stop;
  atomic_int is_stopping;

  uv_idle_t idle; /* active while something is deferred, which keeps the loop from waiting */
  deferred *deferred;
  size_t deferred_count, deferred_room;
};

static int timer_is_before(const void *a, const void *b) {
  const cal_timer *left = a, *right = b;
  return left->due_ns != right->due_ns ? left->due_ns < right->due_ns : left->order < right->order;
}

/* Fires what is due, in order of due times: a pacer that is late catches up before what was due after it.
 * Bounded, so that timers restarted into the past leave the handles their turn. */
static void fire_due(cal_loop *loop) {
  cal_timer *first = cal_heap_top(&loop->timers);
  if (!first) return;
  uint64_t now_ns = cal_loop_now_ns(loop);
  for (int i = 0; first && first->due_ns <= now_ns && i < FIRED_A_TURN_MOST; i++) {
    cal_heap_remove(&loop->timers, first);
    loop->fired++;
    first->on_due(first);
    first = cal_heap_top(&loop->timers);
  }
}

static void on_prepare(uv_prepare_t *prepare) {
  cal_loop *loop = prepare->data;
  uint64_t due_ns = cal_loop_next_due_ns(loop);
  if (due_ns == loop->armed_ns) return;
  loop->armed_ns = due_ns;
  struct itimerspec due = {
      .it_value = {.tv_sec = (time_t)(due_ns / CAL_S), .tv_nsec = (long)(due_ns % CAL_S)}};
  int status = timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &due, NULL);
  assert(status == 0);
  (void)status;
}

/* Never read: once expired it stays readable, and so ends every wait, until on_prepare sets it to another
 * time. */
static void on_timer_fd(uv_poll_t *timer_poll, int status, int events) {}

static void on_check(uv_check_t *check) { fire_due(check->data); }

static void on_stop(uv_async_t *stop) {
  cal_loop *loop = stop->data;
  if (atomic_load(&loop->is_stopping)) uv_stop(&loop->uv);
}

/* Runs what was deferred before this call; what that defers comes with the next turn. */
static void run_deferred(cal_loop *loop) {
  deferred *taken = loop->deferred;
  size_t count = loop->deferred_count;
  loop->deferred = NULL;
  loop->deferred_count = loop->deferred_room = 0;
  for (size_t i = 0; i < count; i++) taken[i].run(taken[i].context);
  cal_free(taken);
}

static void on_idle(uv_idle_t *idle) {
  cal_loop *loop = idle->data;
  run_deferred(loop);
  if (loop->deferred_count == 0) uv_idle_stop(idle);
}

static void open_timer_fd(cal_loop *loop, int timer_fd) {
  loop->timer_fd = timer_fd;
  uv_poll_init(&loop->uv, &loop->timer_poll, timer_fd);
  uv_prepare_init(&loop->uv, &loop->prepare);
  uv_check_init(&loop->uv, &loop->check);
  loop->prepare.data = loop->check.data = loop;
  uv_poll_start(&loop->timer_poll, UV_READABLE, on_timer_fd);
  uv_prepare_start(&loop->prepare, on_prepare);
  uv_check_start(&loop->check, on_check);
}

int cal_loop_new(cal_loop **result, cal_clock *clock) {
  int timer_fd = -1;
  if (!cal_clock_is_simulated(clock)) {
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer_fd < 0) return cal_fail(-errno, "no timer for an event loop: %s", strerror(errno));
  }
  cal_loop *loop = cal_alloc(sizeof *loop);
  int status = uv_loop_init(&loop->uv);
  if (status == 0 && (status = uv_async_init(&loop->uv, &loop->stop, on_stop)) < 0) uv_loop_close(&loop->uv);
  if (status < 0) {
    if (timer_fd >= 0) close(timer_fd);
    cal_free(loop);
    return cal_fail(status, "no event loop: %s", uv_strerror(status));
  }
  loop->clock = clock;
  loop->timer_fd = -1;
  cal_heap_init(&loop->timers, offsetof(cal_timer, place), timer_is_before);
  uv_idle_init(&loop->uv, &loop->idle);
  loop->stop.data = loop->idle.data = loop;
  if (timer_fd >= 0) open_timer_fd(loop, timer_fd);
  *result = loop;
  return 0;
}

static int is_own(const cal_loop *loop, const uv_handle_t *handle) {
  const char *at = (const char *)handle, *start = (const char *)loop;
  return at >= start && at < start + sizeof *loop;
}

typedef struct leftovers {
  cal_loop *loop;
  int count;
} leftovers;

static void close_leftover(uv_handle_t *handle, void *context) {
  leftovers *left = context;
  if (uv_is_closing(handle)) return;
  if (is_own(left->loop, handle)) {
    uv_unref(handle);
    return;
  }
  left->count++;
  uv_close(handle, NULL);
}

static void close_own(uv_handle_t *handle, void *context) {
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

int cal_loop_free(cal_loop *loop) {
  if (!loop) return 0;
  /* The loop's own handles stay open till last, since what closes may still defer; but they no longer keep it
   * alive. */
  leftovers left = {.loop = loop};
  if (loop->timer_fd >= 0) uv_check_stop(&loop->check); /* timers are over: their owners may be gone */
  do {
    run_deferred(loop);
    uv_walk(&loop->uv, close_leftover, &left);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
  } while (loop->deferred_count > 0 || uv_loop_alive(&loop->uv));
  uv_walk(&loop->uv, close_own, NULL);
  uv_run(&loop->uv, UV_RUN_DEFAULT);
  int status = uv_loop_close(&loop->uv);
  assert(status == 0);
  (void)status;
  if (loop->timer_fd >= 0) close(loop->timer_fd);
  cal_heap_free(&loop->timers);
  cal_free(loop->deferred);
  cal_free(loop);
  return left.count;
}

uv_loop_t *cal_loop_uv(cal_loop *loop) { return &loop->uv; }
cal_clock *cal_loop_clock(cal_loop *loop) { return loop->clock; }
uint64_t cal_loop_now_ns(cal_loop *loop) { return cal_clock_now_ns(loop->clock); }

/* libuv cannot be run from one of its own callbacks. */
static void enter(cal_loop *loop) {
  assert(!loop->is_inside);
  loop->is_inside = 1;
}

void cal_loop_run(cal_loop *loop) {
  assert(!cal_clock_is_simulated(loop->clock));
  enter(loop);
  while (!atomic_exchange(&loop->is_stopping, 0)) uv_run(&loop->uv, UV_RUN_DEFAULT);
  loop->is_inside = 0;
}

void cal_loop_stop(cal_loop *loop) {
  atomic_store(&loop->is_stopping, 1);
  uv_async_send(&loop->stop);
}

static int has_ready_handles(cal_loop *loop) {
  if (loop->deferred_count > 0 || uv_backend_timeout(&loop->uv) == 0) return 1;
  struct pollfd backend = {.fd = uv_backend_fd(&loop->uv), .events = POLLIN};
  return poll(&backend, 1, 0) > 0;
}

/* Runs the handles until nothing is ready. A handle started in one turn is known to the kernel only in the
 * next, so it takes two quiet turns to be sure. */
static void run_until_quiet(cal_loop *loop) {
  int quiet_turns = 0;
  for (int i = 0; i < ROUNDS_MOST && quiet_turns < 2; i++) {
    if (loop->is_alone) run_deferred(loop);
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    quiet_turns = has_ready_handles(loop) ? 0 : quiet_turns + 1;
  }
}

/* libuv has something to do without asking the kernel: handles that close, mostly. */
static int has_pending(cal_loop *loop) {
  return uv_loop_alive(&loop->uv) && uv_backend_timeout(&loop->uv) == 0;
}

static void run_what_is_ready(cal_loop *loop) {
  if (!loop->is_alone) {
    run_until_quiet(loop);
    return;
  }
  for (int i = 0; i < ROUNDS_MOST && (loop->deferred_count || has_pending(loop)); i++) {
    run_deferred(loop);
    if (has_pending(loop)) uv_run(&loop->uv, UV_RUN_NOWAIT);
  }
}

int cal_loop_poll(cal_loop *loop) {
  if (cal_clock_is_simulated(loop->clock)) return cal_loop_advance(loop, cal_loop_now_ns(loop));
  int fired_before = loop->fired;
  enter(loop);
  uv_run(&loop->uv, UV_RUN_NOWAIT);
  loop->is_inside = 0;
  return loop->fired - fired_before;
}

int cal_loop_advance_until(cal_loop *loop, uint64_t until_ns, const int *stop) {
  assert(cal_clock_is_simulated(loop->clock));
  int fired_before = loop->fired;
  enter(loop);
  run_what_is_ready(loop);
  run_until_quiet(loop);
  for (cal_timer *first; !*stop && (first = cal_heap_top(&loop->timers)) && first->due_ns <= until_ns;) {
    if (first->due_ns > cal_loop_now_ns(loop)) cal_clock_advance_to(loop->clock, first->due_ns);
    cal_heap_remove(&loop->timers, first);
    loop->fired++;
    first->on_due(first);
    run_what_is_ready(loop);
  }
  if (!*stop && until_ns > cal_loop_now_ns(loop)) cal_clock_advance_to(loop->clock, until_ns);
  loop->is_inside = 0;
  return loop->fired - fired_before;
}

int cal_loop_advance(cal_loop *loop, uint64_t until_ns) {
  static const int never;
  return cal_loop_advance_until(loop, until_ns, &never);
}

void cal_loop_set_alone(cal_loop *loop) {
  assert(cal_clock_is_simulated(loop->clock));
  loop->is_alone = 1;
}

int cal_loop_is_alone(const cal_loop *loop) { return loop->is_alone; }

void cal_timer_start(cal_loop *loop, cal_timer *timer, uint64_t due_ns, void (*on_due)(cal_timer *timer)) {
  cal_heap_remove(&loop->timers, timer);
  timer->due_ns = due_ns ? due_ns : 1; /* zero means "no timer" to cal_loop_next_due_ns */
  timer->order = ++loop->last_order;
  timer->on_due = on_due;
  cal_heap_add(&loop->timers, timer);
}

void cal_timer_stop(cal_loop *loop, cal_timer *timer) { cal_heap_remove(&loop->timers, timer); }

uint64_t cal_loop_next_due_ns(cal_loop *loop) {
  const cal_timer *first = cal_heap_top(&loop->timers);
  return first ? first->due_ns : 0;
}

int cal_loop_timers(cal_loop *loop) { return (int)loop->timers.count; }

void cal_loop_defer(cal_loop *loop, void (*run)(void *context), void *context) {
  assert(loop->deferred_count < DEFERRED_MOST); /* beyond it somebody defers without end */
  if (loop->deferred_count == loop->deferred_room) {
    loop->deferred_room = loop->deferred_room ? loop->deferred_room * 2 : 16;
    loop->deferred = cal_resize(loop->deferred, loop->deferred_room * sizeof(deferred));
  }
  loop->deferred[loop->deferred_count++] = (deferred){.run = run, .context = context};
  if (!loop->is_alone && !uv_is_active((uv_handle_t *)&loop->idle)) uv_idle_start(&loop->idle, on_idle);
}
