/* Writer and reader on clocks of their own: what arrives, how late, and that the delay never grows. */
#include "harness.h"

#include <pthread.h>
#include <string.h>

#include "audio/live.h"
#include "base/mem.h"

enum { RATE = 8000, FRAME = 160 };

static cal_live *live;
static int16_t next_written, next_read;
static uint32_t holes; /* frames that were not whole */

static int setup(void **state) {
  live = cal_live_new(RATE);
  next_written = next_read = 1;
  holes = 0;
  return 0;
}

static int teardown(void **state) {
  cal_unref(live);
  return 0;
}

/* Rising numbers without 0, so that every sample is known. */
static void write(size_t count) {
  int16_t samples[RATE];
  for (size_t i = 0; i < count; i++) {
    samples[i] = next_written;
    next_written = next_written == INT16_MAX ? 1 : next_written + 1;
  }
  cal_live_write(live, samples, count);
}

static size_t read_frame(int16_t *frame, size_t count) {
  memset(frame, 0, count * sizeof *frame);
  size_t got = cal_live_mix(live, frame, count);
  holes += got < count;
  return got;
}

static void what_is_written_is_read_in_order(void **state) {
  int16_t frame[FRAME];
  assert_int_equal(read_frame(frame, FRAME), 0);
  for (int i = 0; i < 500; i++) {
    write(FRAME);
    assert_int_equal(read_frame(frame, FRAME), FRAME);
    for (int s = 0; s < FRAME; s++) {
      assert_int_equal(frame[s], next_read);
      next_read = next_read == INT16_MAX ? 1 : next_read + 1;
    }
  }
  assert_int_equal(cal_live_waiting(live), 0);
}

static void it_is_added_to_what_is_there(void **state) {
  int16_t loud[FRAME], frame[FRAME];
  for (int i = 0; i < FRAME; i++) {
    loud[i] = 30000;
    frame[i] = i % 2 ? 1000 : 10000;
  }
  cal_live_write(live, loud, FRAME);
  assert_int_equal(cal_live_mix(live, frame, FRAME), FRAME);
  assert_int_equal(frame[0], INT16_MAX);
  assert_int_equal(frame[1], 31000);
}

/* Writer and reader for `minutes`, the writer's clock off by `ppm`, each of its pieces late by up to
 * `jitter_ms`, but in order. How much waits at most in the last minute. */
static uint32_t run(int minutes, int64_t ppm, uint32_t jitter_ms, uint32_t piece) {
  int16_t frame[FRAME];
  uint64_t pieces = 0, late = 0;
  uint32_t seed = 1, most = 0;
  for (uint64_t ms = 0; ms < (uint64_t)minutes * 60000; ms++) {
    for (;;) {
      uint64_t due_us = (pieces + 1) * piece * 125 * 1000000 / (uint64_t)(1000000 + ppm);
      if (due_us / 1000 + late > ms) break;
      write(piece);
      pieces++;
      seed = seed * 1664525 + 1013904223;
      late = jitter_ms ? (seed >> 16) % jitter_ms : 0;
    }
    if (ms % 20 == 0) read_frame(frame, FRAME);
    uint32_t waiting = cal_live_waiting(live);
    if (ms >= (uint64_t)(minutes - 1) * 60000 && waiting > most) most = waiting;
  }
  return most;
}

static void the_delay_does_not_grow_whatever_the_clocks_do(void **state) {
  static const struct {
    const char *name;
    int64_t ppm;
    uint32_t jitter_ms, piece, most_ms;
  } cases[] = {{"equal clocks", 0, 0, FRAME, 40},
               {"a writer that is faster", 200, 0, FRAME, 45},
               {"a writer that is slower", -200, 0, FRAME, 45},
               {"much faster", 5000, 0, FRAME, 70},
               {"jitter of 15 ms", 0, 15, FRAME, 80},
               {"jitter of 60 ms, faster", 200, 60, FRAME, 160},
               {"pieces of 100 ms", 0, 0, 800, 160},
               {"pieces of 100 ms, faster", 200, 0, 800, 160}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    live = cal_unref(live);
    setup(NULL);
    uint32_t first = run(2, cases[i].ppm, cases[i].jitter_ms, cases[i].piece);
    uint32_t most = run(10, cases[i].ppm, cases[i].jitter_ms, cases[i].piece);
    print_message("%-28s at most %u ms, after ten minutes %u ms; %u of 36000 frames not whole\n",
                  cases[i].name, first / 8, most / 8, holes);
    if (most > cases[i].most_ms * 8) fail_msg("%s: %u ms wait", cases[i].name, most / 8);
  }
}

static void a_pause_of_the_writer_costs_nothing(void **state) {
  int16_t frame[FRAME];
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < 50; i++) {
      write(FRAME);
      read_frame(frame, FRAME);
    }
    for (int i = 0; i < 50; i++) assert_int_equal(read_frame(frame, FRAME), 0);
    write(FRAME);
    assert_int_equal(read_frame(frame, FRAME), FRAME); /* at once */
  }
}

static void a_reader_that_comes_back_goes_on_at_the_end(void **state) {
  int16_t frame[FRAME];
  write(FRAME);
  read_frame(frame, FRAME);
  for (int i = 0; i < 100; i++) write(FRAME); /* two seconds, of which one fits */
  assert_int_equal(read_frame(frame, FRAME), FRAME);
  assert_true(cal_live_waiting(live) <= 2 * FRAME);
  assert_true(cal_live_skipped(live) > 90 * FRAME);
}

static void muted_nothing_passes_and_closed_is_seen(void **state) {
  int16_t frame[FRAME];
  cal_live_mute(live, 1);
  write(FRAME);
  assert_int_equal(read_frame(frame, FRAME), 0);
  cal_live_mute(live, 0);
  write(FRAME);
  assert_int_equal(read_frame(frame, FRAME), FRAME);
  assert_false(cal_live_is_closed(live));
  cal_live_close(live);
  assert_true(cal_live_is_closed(live));
}

static void frames_longer_than_a_step_are_whole(void **state) {
  int16_t frame[800];
  for (int i = 0; i < 100; i++) {
    for (int n = 0; n < 5; n++) write(FRAME);
    assert_int_equal(read_frame(frame, 800), 800);
  }
}

/* ---- two threads */

enum { MANY = 400000 };

static void *writes(void *context) {
  for (int i = 0; i < MANY / FRAME; i++) {
    while (cal_live_waiting(live) > RATE / 8) sched_yield(); /* a writer in real time is not faster either */
    write(FRAME);
  }
  return NULL;
}

/* How far ahead of what was expected, in the circle of rising numbers. */
static uint32_t missing_before(int16_t sample) {
  return (uint32_t)(sample - next_read + INT16_MAX) % INT16_MAX;
}

/* A reader that is slower than its clock for a second makes the line skip; what was skipped was counted, and all
 * else comes once and in order. But for the last of it: what is shorter than the wait stays until more comes. */
static void two_threads_mix_up_nothing_and_count_what_is_skipped(void **state) {
  pthread_t thread;
  int16_t frame[FRAME];
  uint64_t skipped = 0;
  uint32_t wait = RATE * CAL_LIVE_WAIT_MS / 1000;
  pthread_create(&thread, NULL, writes, NULL);
  for (size_t got = 0; got + cal_live_skipped(live) + wait < MANY / FRAME * FRAME;) {
    size_t count = read_frame(frame, FRAME);
    for (size_t s = 0; s < count; s++) {
      skipped += missing_before(frame[s]);
      next_read = frame[s] == INT16_MAX ? 1 : frame[s] + 1;
    }
    got += count;
    if (!count) sched_yield();
  }
  pthread_join(thread, NULL);
  assert_in_range(cal_live_skipped(live), skipped, skipped + wait); /* a skip at the very end is not seen */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(what_is_written_is_read_in_order),
      TEST(it_is_added_to_what_is_there),
      TEST(the_delay_does_not_grow_whatever_the_clocks_do),
      TEST(a_pause_of_the_writer_costs_nothing),
      TEST(a_reader_that_comes_back_goes_on_at_the_end),
      TEST(muted_nothing_passes_and_closed_is_seen),
      TEST(frames_longer_than_a_step_are_whole),
      TEST(two_threads_mix_up_nothing_and_count_what_is_skipped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
