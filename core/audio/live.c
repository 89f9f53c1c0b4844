#include "audio/live.h"

#include <stdatomic.h>

#include "audio/mix.h"
#include "base/mem.h"

#define STEP_MS 20 /* the wait grows by it, and is never shorter */
#define WINDOW_MS 1000
#define PAUSE_MS 200 /* a hole that long is a pause of the writer, not jitter */

struct cal_live {
  uint32_t rate_hz, step, mask;
  atomic_uint_fast64_t written, read; /* samples since the beginning */
  atomic_uint_fast64_t skipped;
  atomic_int is_muted, is_closed;
  /* the reader's */
  int is_running;
  uint32_t wait;   /* samples that must be there before it runs */
  uint32_t hole;   /* samples that were missing in a row since it ran dry */
  uint32_t least;  /* that were left in this window … */
  uint32_t window; /* … which has so many samples to go */
  int16_t ring[];
};

static uint32_t samples_of(const cal_live *live, uint32_t ms) {
  return (uint32_t)((uint64_t)live->rate_hz * ms / 1000);
}

static void begin_window(cal_live *live) {
  live->window = samples_of(live, WINDOW_MS);
  live->least = UINT32_MAX;
}

cal_live *cal_live_new(uint32_t rate_hz) {
  uint32_t room = 1;
  while (room < rate_hz) room *= 2;
  cal_live *live = cal_ref_new(sizeof *live + room * sizeof(int16_t), NULL);
  live->rate_hz = rate_hz;
  live->mask = room - 1;
  live->wait = live->step = samples_of(live, STEP_MS);
  begin_window(live);
  return live;
}

uint32_t cal_live_rate_hz(const cal_live *live) { return live->rate_hz; }
void cal_live_mute(cal_live *live, int is_muted) { atomic_store(&live->is_muted, is_muted); }
void cal_live_close(cal_live *live) { atomic_store(&live->is_closed, 1); }
int cal_live_is_closed(const cal_live *live) { return atomic_load(&live->is_closed); }
uint64_t cal_live_skipped(const cal_live *live) { return atomic_load(&live->skipped); }

uint32_t cal_live_waiting(const cal_live *live) {
  return (uint32_t)(atomic_load(&live->written) - atomic_load(&live->read));
}

/* ---- the writer */

void cal_live_write(cal_live *live, const int16_t *samples, size_t count) {
  if (atomic_load_explicit(&live->is_muted, memory_order_relaxed)) return;
  uint64_t written = atomic_load_explicit(&live->written, memory_order_relaxed);
  uint64_t room = live->mask + 1 - (written - atomic_load_explicit(&live->read, memory_order_acquire));
  size_t fits = count < room ? count : (size_t)room;
  for (size_t i = 0; i < fits; i++) live->ring[(written + i) & live->mask] = samples[i];
  atomic_store_explicit(&live->written, written + fits, memory_order_release);
  if (fits < count) atomic_fetch_add(&live->skipped, count - fits);
}

/* ---- the reader */

static void skip(cal_live *live, uint32_t samples) {
  atomic_fetch_add_explicit(&live->read, samples, memory_order_release);
  atomic_fetch_add_explicit(&live->skipped, samples, memory_order_relaxed);
}

/* The writer is back. Was it late, or had it nothing to say? */
static void start(cal_live *live) {
  uint32_t most = samples_of(live, CAL_LIVE_WAIT_MS);
  int was_pause = live->hole >= samples_of(live, PAUSE_MS);
  if (was_pause)
    live->wait = live->step;
  else if (live->hole && live->wait + live->step <= most)
    live->wait += live->step;
  live->hole = 0;
  live->is_running = 1;
  begin_window(live);
}

/* Before the first frame: all is there that has to wait. More than that has come while nobody read. */
static int is_ready(cal_live *live, uint32_t waiting) {
  if (live->is_running) return 1;
  if (waiting < live->wait) return 0;
  start(live);
  return 1;
}

/* What was left over after every frame of a whole second is not needed, but for one step. */
static void look_back(cal_live *live, uint32_t left, uint32_t count) {
  if (left < live->least) live->least = left;
  live->window = live->window > count ? live->window - count : 0;
  if (live->window) return;
  if (live->least > live->step) skip(live, live->least - live->step);
  begin_window(live);
}

static void mix(cal_live *live, int16_t *frame, uint32_t count) {
  uint64_t from = atomic_load_explicit(&live->read, memory_order_relaxed);
  uint32_t at = (uint32_t)(from & live->mask), first = live->mask + 1 - at;
  if (first > count) first = count;
  cal_mix_add(frame, live->ring + at, first, CAL_GAIN_UNITY);
  cal_mix_add(frame + first, live->ring, count - first, CAL_GAIN_UNITY);
  atomic_store_explicit(&live->read, from + count, memory_order_release);
}

size_t cal_live_mix(cal_live *live, int16_t *frame, size_t samples) {
  uint32_t count = (uint32_t)samples, most = samples_of(live, CAL_LIVE_WAIT_MS + PAUSE_MS);
  uint64_t read = atomic_load_explicit(&live->read, memory_order_relaxed);
  uint32_t waiting = (uint32_t)(atomic_load_explicit(&live->written, memory_order_acquire) - read);
  if (waiting > most + count) {
    skip(live, waiting - live->wait - count);
    waiting = live->wait + count;
  }
  if (!is_ready(live, waiting)) {
    live->hole += live->hole < live->rate_hz ? count : 0;
    return 0;
  }
  uint32_t taken = waiting < count ? waiting : count;
  mix(live, frame, taken);
  if (taken < count) {
    live->is_running = 0;
    live->hole = count - taken;
  } else {
    look_back(live, waiting - taken, count);
  }
  return taken;
}
