/* stats: a distribution of times, and what another process used of the machine.
 *
 * Times are counted in buckets of 10 µs up to 5 s, so a percentile costs no sorting and adding costs nothing;
 * the longest is kept exactly. */
#ifndef LOAD_STATS_H
#define LOAD_STATS_H

#include <stdint.h>
#include <sys/types.h>

enum { LOAD_BUCKET_US = 10, LOAD_BUCKETS = 500000, LOAD_THREADS = 64 };

typedef struct load_stats {
  uint32_t *buckets;
  uint64_t count;
  int64_t longest_us;
} load_stats;

void load_stats_add(load_stats *stats, int64_t us); /* below 0 counts as 0 */
double load_stats_ms(const load_stats *stats,
                     double share); /* share 0..1 of all times are at most this; 0 when empty */
double load_stats_longest_ms(const load_stats *stats);

typedef struct load_thread {
  int id;
  char name[32];
  uint64_t cpu_ns;
} load_thread;

typedef struct load_usage {
  uint64_t at_ns;      /* monotonic */
  uint64_t own_cpu_ns; /* of this process */
  uint64_t cpu_ns;     /* of the other one, all threads, user and system: /proc/<pid>/stat */
  uint64_t pss_kb;     /* /proc/<pid>/smaps_rollup */
  uint64_t core_ns;    /* that its core was busy, with whatever: /proc/stat */
  uint64_t switches;   /* times its threads were put on a core */
  load_thread threads[LOAD_THREADS];
  int thread_count;
} load_usage;

/* pid 0: only this process. `core` is the one the other process is pinned to. What cannot be read is 0. */
void load_usage_take(load_usage *usage, pid_t pid, int core);

uint64_t load_pss_kb(pid_t pid); /* 0: cannot be read */

uint64_t load_now_ns(void); /* monotonic */

#endif
