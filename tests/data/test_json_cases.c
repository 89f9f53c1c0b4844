/* tests/data/json_cases.txt, read by jscan: what is JSON, what is not, and what may be refused. spec/modules/json_cases_spec.lua
 * has the other readers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/jscan.h"
#include "data/json_strict.h"

#define CASES CAL_SOURCE_DIR "/tests/data/json_cases.txt"
#define JSCAN 2 /* its letter */

static size_t text_of(const char *written, char *into) {
  size_t bytes = 0, length = strcspn(written, "\n");
  for (size_t i = 0; i < length;) {
    int is_byte = written[i] == '\\' && written[i + 1] == 'x';
    char digits[3] = {written[i + 2 * is_byte], is_byte ? written[i + 3] : 0, 0};
    into[bytes++] = is_byte ? (char)strtol(digits, NULL, 16) : written[i];
    i += is_byte ? 4 : 1;
  }
  return bytes;
}

static void every_case_is_taken_or_refused(void **state) {
  char line[2048], text[2048];
  FILE *file = fopen(CASES, "r");
  int count = 0;
  assert_non_null(file);
  while (fgets(line, sizeof line, file)) {
    if (line[0] == '#') continue;
    char *name = strchr(line, '\t') + 1, *written = strchr(name, '\t') + 1;
    size_t bytes = text_of(written, text);
    char *copy = cal_memdup(text, bytes); /* of exactly its size, so that a sanitizer sees one byte too far */
    char letter = cal_jscan_validate(copy, bytes) ? 'n' : 'y';
    if (letter != line[JSCAN] || (line[0] != 'i' && letter != line[0]))
      fail_msg("jscan says %c, expected %c: %s", letter, line[JSCAN], name);
    if (line[0] == 'y' && cal_json_strict_check(copy, bytes)) fail_msg("refused before it is read: %s", name);
    cal_json_strict_mend(copy, bytes);
    if (line[0] == 'n') assert_int_not_equal(cal_jscan_validate(copy, bytes), 0);
    cal_free(copy);
    count++;
  }
  fclose(file);
  assert_true(count > 200);
}

static void assert_mended(const char *text, const char *expected) {
  size_t bytes = strlen(text);
  char *copy = cal_memdup(text, bytes);
  cal_json_strict_mend(copy, bytes);
  assert_int_equal(bytes, strlen(expected));
  assert_memory_equal(copy, expected, bytes);
  cal_free(copy);
}

static void half_a_pair_is_replaced_and_nothing_else(void **state) {
  assert_mended("\\ud83d", "\\ufffd");
  assert_mended("\\uDE00\\uD83D\\uDE00", "\\ufffd\\uD83D\\uDE00");
  assert_mended("\\ud83d\\u0041", "\\ufffd\\u0041");
  assert_mended("\\ud83d\\ud83d\\ude00", "\\ufffd\\ud83d\\ude00");
  assert_mended("\\\\ud83d", "\\\\ud83d"); /* an escaped backslash, and letters */
  assert_mended("\\\\\\ud83d", "\\\\\\ufffd");
  assert_mended("\\u00e9 \\ud83", "\\u00e9 \\ud83");
  assert_mended("\\", "\\");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_case_is_taken_or_refused),
      cmocka_unit_test(half_a_pair_is_replaced_and_nothing_else),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
