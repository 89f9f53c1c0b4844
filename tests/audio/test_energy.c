#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "audio/energy.h"

/* The same by the book, in doubles. */
static double level_by_the_book(const int16_t *frame, size_t samples) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < samples; i++) {
    sum += frame[i];
    squares += (double)frame[i] * frame[i];
  }
  double mean = sum / (double)samples, power = squares / (double)samples - mean * mean;
  double level_db = 10 * log10((power > 0 ? power : 0) + 1) - 90.3;
  return level_db > -75 ? level_db : -75;
}

static double level_of(const int16_t *frame, size_t samples) {
  cal_energy energy;
  cal_energy_init(&energy);
  cal_energy_frame(&energy, frame, samples);
  return energy.level_db;
}

static void a_level_is_that_of_the_book_at_every_length(void **state) {
  int16_t frame[480];
  uint32_t seed = 1;
  for (size_t samples = 1; samples <= 480; samples++) {
    for (size_t i = 0; i < samples; i++) frame[i] = (int16_t)((seed = seed * 1664525 + 1013904223) >> 16);
    assert_true(fabs(level_of(frame, samples) - level_by_the_book(frame, samples)) < 0.01);
  }
}

static void the_loudest_frame_does_not_overflow(void **state) {
  int16_t frame[480];
  for (size_t i = 0; i < 480; i++) frame[i] = i % 2 ? INT16_MIN : INT16_MAX;
  assert_true(fabs(level_of(frame, 480) - level_by_the_book(frame, 480)) < 0.01);
}

static void an_offset_is_silence(void **state) {
  int16_t frame[160];
  for (size_t i = 0; i < 160; i++) frame[i] = INT16_MIN;
  assert_true(level_of(frame, 160) == -75);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_level_is_that_of_the_book_at_every_length),
      cmocka_unit_test(the_loudest_frame_does_not_overflow),
      cmocka_unit_test(an_offset_is_silence),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
