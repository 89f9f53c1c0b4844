#include "base/clock.h"

#include <assert.h>
#include <stddef.h>
#include <time.h>

#include "base/mem.h"

struct cal_clock {
  int is_simulated;
  uint64_t now_ns;
  uint64_t start_ns;
  int64_t start_wall_ms;
};

static cal_clock real_clock;

cal_clock *cal_clock_real(void) { return &real_clock; }

cal_clock *cal_clock_simulated(uint64_t start_ns, int64_t wall_ms) {
  cal_clock *clock = cal_alloc(sizeof *clock);
  clock->is_simulated = 1;
  clock->start_ns = start_ns ? start_ns : CAL_S; /* zero would read as "never" in every due time */
  clock->now_ns = clock->start_ns;
  clock->start_wall_ms = wall_ms;
  return clock;
}

cal_clock *cal_clock_free(cal_clock *clock) {
  if (clock != &real_clock) cal_free(clock);
  return NULL;
}

static uint64_t system_ns(clockid_t id) {
  struct timespec time;
  int status = clock_gettime(id, &time);
  assert(status == 0);
  (void)status;
  return (uint64_t)time.tv_sec * CAL_S + (uint64_t)time.tv_nsec;
}

uint64_t cal_clock_now_ns(const cal_clock *clock) {
  return clock->is_simulated ? clock->now_ns : system_ns(CLOCK_MONOTONIC);
}

int64_t cal_clock_wall_ms(const cal_clock *clock) {
  if (!clock->is_simulated) return (int64_t)(system_ns(CLOCK_REALTIME) / CAL_MS);
  return clock->start_wall_ms + (int64_t)((clock->now_ns - clock->start_ns) / CAL_MS);
}

int cal_clock_is_simulated(const cal_clock *clock) { return clock->is_simulated; }

void cal_clock_advance_to(cal_clock *clock, uint64_t now_ns) {
  assert(clock->is_simulated && now_ns >= clock->now_ns);
  clock->now_ns = now_ns;
}
