#include "vm/watchdog.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"

#define LOOK_NS (5 * CAL_MS)
#define IDLE_LOOKS 200 /* a second without any entry: go to sleep */
#define WALL_FACTOR 20

/* A thread that enters scripts. `running` and `budget_ns` are written by that thread and read by the
 * watchdog; the budget is valid for the entry whose number is read before and after it. */
typedef struct seat {
  cal_list node;
  pthread_t thread;
  clockid_t cpu_clock;
  _Atomic(uint64_t) running; /* number of the innermost entry; 0 = none */
  _Atomic(uint64_t) budget_ns;
  _Atomic(uint64_t) condemned;          /* number of the entry to be stopped */
  cal_watch *_Atomic top;               /* own thread and its signal handler only */
  uint64_t numbers;                     /* own thread only */
  uint64_t seen, cpu_at_ns, wall_at_ns; /* watchdog only: the entry it is timing, and since when */
} seat;

/* The model keeps access free of a call into the dynamic linker, which a signal handler could not afford. */
static __thread seat *my_seat __attribute__((tls_model("initial-exec")));

static struct {
  pthread_once_t once;
  pthread_key_t key;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  cal_list seats;
  atomic_int is_asleep;
} dog = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static uint64_t clock_ns(clockid_t clock) {
  struct timespec at;
  if (clock_gettime(clock, &at) < 0) return 0;
  return (uint64_t)at.tv_sec * CAL_S + (uint64_t)at.tv_nsec;
}

static void on_signal(int signal) {
  int saved = errno;
  seat *mine = my_seat;
  uint64_t running = mine ? atomic_load(&mine->running) : 0;
  if (running && atomic_load(&mine->condemned) == running) {
    cal_watch *watch = atomic_load(&mine->top);
    watch->strike(watch);
  }
  errno = saved;
}

/* Looks at one thread; 1 when it is inside an entry. */
static int look(seat *one) {
  uint64_t running = atomic_load(&one->running);
  uint64_t budget_ns = atomic_load(&one->budget_ns);
  if (!running || atomic_load(&one->running) != running) return running != 0;
  if (!budget_ns) return 1;
  uint64_t cpu_ns = clock_ns(one->cpu_clock), wall_ns = clock_ns(CLOCK_MONOTONIC);
  if (one->seen != running) {
    one->seen = running;
    one->cpu_at_ns = cpu_ns;
    one->wall_at_ns = wall_ns;
    return 1;
  }
  if (cpu_ns - one->cpu_at_ns < budget_ns && wall_ns - one->wall_at_ns < budget_ns * WALL_FACTOR) return 1;
  atomic_store(&one->condemned, running);
  pthread_kill(one->thread, SIGURG);
  return 1;
}

static int look_at_all(void) {
  int busy = 0;
  cal_list_each(&dog.seats, node) busy += look(cal_list_entry(node, seat, node));
  return busy;
}

static void *watch_threads(void *context) {
  int idle = 0;
  pthread_mutex_lock(&dog.lock);
  for (;;) {
    idle = look_at_all() ? 0 : idle + 1;
    if (idle >= IDLE_LOOKS) {
      /* Say so first, look once more, then sleep: an enter either sees the flag or is seen by this look. */
      atomic_store(&dog.is_asleep, 1);
      while (atomic_load(&dog.is_asleep) && !look_at_all()) pthread_cond_wait(&dog.wake, &dog.lock);
      atomic_store(&dog.is_asleep, 0);
      idle = 0;
    }
    pthread_mutex_unlock(&dog.lock);
    struct timespec pause = {.tv_nsec = LOOK_NS};
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&dog.lock);
  }
  return context;
}

static void wake(void) {
  pthread_mutex_lock(&dog.lock);
  atomic_store(&dog.is_asleep, 0);
  pthread_cond_signal(&dog.wake);
  pthread_mutex_unlock(&dog.lock);
}

/* At the end of a thread. Under the lock, so that no signal is sent to a thread that is gone. */
static void forget(void *object) {
  seat *mine = object;
  my_seat = NULL;
  pthread_mutex_lock(&dog.lock);
  cal_list_remove(&mine->node);
  pthread_mutex_unlock(&dog.lock);
  cal_free(mine);
}

static void start(void) {
  cal_list_init(&dog.seats);
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGURG, &action, NULL);
  pthread_key_create(&dog.key, forget);

  /* The watchdog itself handles no signals. It lives as long as the process. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  int code = pthread_create(&thread, NULL, watch_threads, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (code != 0) {
    cal_log(CAL_LOG_ERROR, "vm", NULL, "the watchdog's thread could not be started: %s", strerror(code));
    abort(); /* scripts without a watchdog could stop every call */
  }
  pthread_setname_np(thread, "watchdog");
  pthread_detach(thread);
}

static seat *take_seat(void) {
  pthread_once(&dog.once, start);
  seat *mine = cal_alloc(sizeof *mine);
  mine->thread = pthread_self();
  pthread_getcpuclockid(mine->thread, &mine->cpu_clock);
  sigset_t urgent;
  sigemptyset(&urgent);
  sigaddset(&urgent, SIGURG);
  pthread_sigmask(SIG_UNBLOCK, &urgent, NULL);
  pthread_setspecific(dog.key, mine);
  pthread_mutex_lock(&dog.lock);
  cal_list_append(&dog.seats, &mine->node);
  pthread_mutex_unlock(&dog.lock);
  my_seat = mine;
  return mine;
}

/* Makes `watch` (or nothing) the entry that is timed. In between none is: a signal then finds nothing to
 * strike. */
static void seat_entry(seat *mine, cal_watch *watch) {
  atomic_store(&mine->running, 0);
  atomic_store(&mine->top, watch);
  if (!watch) return;
  atomic_store_explicit(&mine->budget_ns, watch->budget_ns, memory_order_release);
  atomic_store(&mine->running, watch->number);
}

void cal_watchdog_enter(cal_watch *watch) {
  seat *mine = my_seat ? my_seat : take_seat();
  watch->number = ++mine->numbers;
  watch->outer = atomic_load_explicit(&mine->top, memory_order_relaxed);
  seat_entry(mine, watch);
  if (atomic_load(&dog.is_asleep)) wake();
}

void cal_watchdog_leave(cal_watch *watch) {
  assert(my_seat && atomic_load_explicit(&my_seat->top, memory_order_relaxed) == watch);
  seat_entry(my_seat, watch->outer);
}
