/* watchdog: stops work that uses up its time, on the thread that does it.
 *
 * One thread per process looks every 5 ms at the threads that are inside an entry. It counts the CPU time of
 * that thread since it first saw the entry, so that a busy machine does not punish innocent scripts, and as a
 * back-stop wall time, of which an entry gets 20 times as much. When either is used up the thread gets
 * SIGURG, and the signal handler, on the very thread, calls the entry's `strike`. The kick is repeated every
 * look until the entry is left.
 *
 *   script thread   enter ──── running ─────────────────── strike(handler) ─── leave
 *   watchdog          look · look · look · look (over!) ── kick ▲ · kick · look
 *
 * Entering and leaving cost a few atomic stores and no system call. While no VM has been inside an entry for
 * a second the watchdog sleeps, and the next enter wakes it. Entries nest on one thread (a spec's own VM
 * drives the engine's VMs); only the innermost is timed. A signal that arrives after its entry was left, or
 * in a later one, does nothing: entries are numbered.
 *
 * Threads register themselves with their first entry and are forgotten when they end. Any thread. */
#ifndef CAL_VM_WATCHDOG_H
#define CAL_VM_WATCHDOG_H

#include <stdint.h>

typedef struct cal_watch {
  /* Async-signal-safe; called on the entry's own thread between enter and leave, perhaps several times. */
  void (*strike)(struct cal_watch *watch);
  uint64_t budget_ns; /* of CPU time; 0 = none */
  uint64_t number;    /* the rest is the watchdog's own */
  struct cal_watch *outer;
} cal_watch;

/* The watch lives in its owner's memory until it is left. Leave in the reverse order of entering. */
void cal_watchdog_enter(cal_watch *watch);
void cal_watchdog_leave(cal_watch *watch);

#endif
