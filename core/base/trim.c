#include "base/trim.h"

#include <malloc.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(clockid_t clock) {
  struct timespec at = {0};
  clock_gettime(clock, &at);
  return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

static size_t resident_bytes(void) {
  unsigned long total, resident = 0;
  FILE *file = fopen("/proc/self/statm", "re");
  if (file && fscanf(file, "%lu %lu", &total, &resident) != 2) resident = 0;
  if (file) fclose(file);
  return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static cal_trim_sight look(void) {
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  return (cal_trim_sight){.wall_ns = clock_ns(CLOCK_MONOTONIC),
                          .cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
                          .resident_bytes = resident_bytes(),
                          .cores = cores > 0 ? (uint32_t)cores : 1};
}

int cal_trim_is_due(cal_trim *trim, const cal_trim_sight *now) {
  uint64_t wall_ns = now->wall_ns - trim->last.wall_ns, cpu_ns = now->cpu_ns - trim->last.cpu_ns;
  int is_first = !trim->least_bytes;
  trim->last = *now;
  if (is_first || now->resident_bytes < trim->least_bytes) trim->least_bytes = now->resident_bytes;
  if (is_first || now->resident_bytes < trim->least_bytes + CAL_TRIM_GROWTH_BYTES) return 0;
  return cpu_ns * 100 < wall_ns * now->cores * CAL_TRIM_QUIET_PERCENT;
}

int cal_trim_look(cal_trim *trim) {
  cal_trim_sight now = look();
  if (!cal_trim_is_due(trim, &now)) return 0;
  malloc_trim(0);
  trim->least_bytes = resident_bytes(); /* what is still there is in use */
  return 1;
}
