#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/trim.h"

#define MIB ((size_t)1 << 20)
#define SECOND UINT64_C(1000000000)

/* A process of two cores that is looked at every five seconds. */
static cal_trim_sight at;

static int look(cal_trim *trim, size_t resident_mib, uint64_t cpu_percent) {
  at.cores = 2;
  at.wall_ns += 5 * SECOND;
  at.cpu_ns += 5 * SECOND * cpu_percent / 100;
  at.resident_bytes = resident_mib * MIB;
  return cal_trim_is_due(trim, &at);
}

static void it_is_due_when_the_process_has_grown_and_is_quiet(void **unused) {
  static const struct {
    const char *name;
    size_t resident_mib;
    uint64_t cpu_percent; /* of one core */
    int is_due;
  } cases[] = {
      {"as before", 100, 1, 0},    {"a little more", 131, 1, 0},     {"much more, busy", 500, 150, 0},
      {"still busy", 500, 50, 0},  {"much more, quiet", 500, 49, 1}, {"just enough, quiet", 132, 10, 1},
      {"it has shrunk", 90, 1, 0}, {"more than then", 121, 1, 0},    {"more than then by enough", 122, 1, 1},
  };
  cal_trim trim = {0};
  assert_int_equal(look(&trim, 100, 0), 0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    if (look(&trim, cases[i].resident_mib, cases[i].cpu_percent) != cases[i].is_due)
      fail_msg("%s: due is not %d", cases[i].name, cases[i].is_due);
}

static void nothing_is_due_at_the_first_look(void **unused) {
  cal_trim trim = {0};
  assert_int_equal(look(&trim, 5000, 0), 0);
  assert_int_equal(look(&trim, 5000, 0), 0);
}

/* The sanitizers have an allocator of their own, which keeps what was freed. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static size_t resident_bytes(void) {
  unsigned long total = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
  fclose(file);
  return resident * (size_t)sysconf(_SC_PAGESIZE);
}

#define PIECES 100000
#define PIECE_BYTES 2000

static void the_holes_of_a_heap_go_back_to_the_system(void **unused) {
  static char *pieces[PIECES];
  cal_trim trim = {0};
  assert_int_equal(cal_trim_look(&trim), 0);
  for (int i = 0; i < PIECES; i++) pieces[i] = memset(malloc(PIECE_BYTES), 1, PIECE_BYTES);
  for (int i = 0; i < PIECES; i++)
    if (i % 50) free(pieces[i]);
  size_t full = resident_bytes();
  trim.last.wall_ns -= 3600 * SECOND; /* quiet, as if the last look were an hour ago */
  assert_int_equal(cal_trim_look(&trim), 1);
  assert_true(resident_bytes() < full - (size_t)PIECES * PIECE_BYTES / 2);
  trim.last.wall_ns -= 3600 * SECOND;
  assert_int_equal(cal_trim_look(&trim), 0); /* what is left is in use */
  for (int i = 0; i < PIECES; i += 50) free(pieces[i]);
}
#endif

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(it_is_due_when_the_process_has_grown_and_is_quiet),
    cmocka_unit_test(nothing_is_due_at_the_first_look),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    cmocka_unit_test(the_holes_of_a_heap_go_back_to_the_system),
#endif
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
