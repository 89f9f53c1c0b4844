#include "data/json_strict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "data/utf8.h"

#define ESCAPE_BYTES 6 /* \uXXXX */

int cal_json_strict_check(const char *text, size_t bytes) {
  static const char spaces[] = {'\f', '\v'};
  for (size_t i = 0; i < sizeof spaces; i++) {
    const char *found = bytes ? memchr(text, spaces[i], bytes) : NULL;
    if (found) return cal_fail(-EBADMSG, "not JSON at byte %zu: a control character", (size_t)(found - text));
  }
  size_t valid = cal_utf8_valid_bytes(text, bytes);
  return valid == bytes ? 0 : cal_fail(-EBADMSG, "not JSON at byte %zu: it is not UTF-8", valid);
}

int cal_json_strict_has_surrogates(const char *text, size_t bytes) {
  return bytes >= ESCAPE_BYTES && (memmem(text, bytes, "\\ud", 3) || memmem(text, bytes, "\\uD", 3));
}

/* The unit behind \uXXXX at `at`, or -1. */
static long unit_at(const char *text, size_t bytes, size_t at) {
  if (at + ESCAPE_BYTES > bytes || text[at] != '\\' || text[at + 1] != 'u') return -1;
  char digits[5] = {0};
  memcpy(digits, text + at + 2, 4);
  if (strspn(digits, "0123456789abcdefABCDEF") != 4) return -1;
  return strtol(digits, NULL, 16);
}

static int is_first(long unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
static int is_second(long unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

void cal_json_strict_mend(char *text, size_t bytes) {
  for (size_t at = 0; at < bytes;) {
    if (text[at] != '\\') {
      at++;
      continue;
    }
    long unit = unit_at(text, bytes, at);
    if (is_first(unit) && is_second(unit_at(text, bytes, at + ESCAPE_BYTES))) {
      at += 2 * ESCAPE_BYTES;
      continue;
    }
    if (is_first(unit) || is_second(unit)) memcpy(text + at, "\\ufffd", ESCAPE_BYTES);
    at += unit < 0 ? 2 : ESCAPE_BYTES;
  }
}
