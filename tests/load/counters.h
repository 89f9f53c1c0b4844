/* counters: what the processor itself counts of another process: instructions, and memory it had to wait for.
 * Virtual machines often have none of them. User mode only, so that figures of different kernels compare. */
#ifndef LOAD_COUNTERS_H
#define LOAD_COUNTERS_H

#include <stdint.h>
#include <sys/types.h>

enum { LOAD_COUNTED_THREADS = 64 };

typedef struct load_counter {
  int fds[LOAD_COUNTED_THREADS];
  int count; /* 0: there is no such counter here */
} load_counter;

/* Begins to count an event of perf_event_open(2) on all threads a process has now. */
void load_counter_open(load_counter *counter, pid_t pid, uint32_t type, uint64_t event);
uint64_t load_counter_read(const load_counter *counter); /* of all threads, since then */
void load_counter_close(load_counter *counter);

#endif
