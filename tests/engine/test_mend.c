/* A recording that was cut off is a sound file as far as it goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "audio/wav.h"
#include "engine/mend.h"

static char path[64];

static void lay_down(const void *data, size_t bytes, size_t zeros) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(bytes, fwrite(data, 1, bytes, file));
  for (size_t i = 0; i < zeros; i++) fputc(0, file);
  assert_int_equal(0, fclose(file));
}

static int make(void **state) {
  const char *base = getenv("TMPDIR");
  snprintf(path, sizeof path, "%.40s/mend-XXXXXX", base && *base ? base : P_tmpdir);
  int fd = mkstemp(path);
  return fd < 0 ? -1 : close(fd);
}

static int clean(void **state) { return unlink(path); }

static void a_cut_recording_says_how_long_it_is(void **state) {
  uint8_t header[CAL_WAV_HEADER_BYTES], after[CAL_WAV_HEADER_BYTES], right[CAL_WAV_HEADER_BYTES];
  cal_wav_header(header, 8000, 2, 0);
  lay_down(header, sizeof header, 32002); /* cut in the middle of a sample */
  for (int round = 0; round < 2; round++) {
    int64_t samples = 0, bytes = 0;
    assert_int_equal(0, cal_mend_recording(path, &samples, &bytes));
    assert_int_equal(8000, samples);
    assert_int_equal(32000, bytes);
    FILE *file = fopen(path, "r");
    assert_int_equal(sizeof after, fread(after, 1, sizeof after, file));
    fclose(file);
    cal_wav_header(right, 8000, 2, 32000);
    assert_memory_equal(right, after, sizeof after);
  }
}

static void what_is_no_recording_is_left_alone(void **state) {
  int64_t samples = -1, bytes = -1;
  lay_down("notes", 5, 0);
  assert_int_equal(-EINVAL, cal_mend_recording(path, &samples, &bytes));
  lay_down("notes of a meeting, and more of them than a header has bytes", 60, 0);
  assert_int_equal(-EINVAL, cal_mend_recording(path, &samples, &bytes));
  assert_int_equal(-ENOENT, cal_mend_recording("/nowhere/a.wav", &samples, &bytes));
  assert_int_equal(-1, samples);
  assert_int_equal(-1, bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_cut_recording_says_how_long_it_is, make, clean),
      cmocka_unit_test_setup_teardown(what_is_no_recording_is_left_alone, make, clean),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
