/* jvalue: what is done with a value once it was found, and how a path is made ready. */
#include "data/jscan.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "data/utf8.h"

static int32_t array_index(const char *name, size_t bytes) {
  int32_t index = 0;
  if (bytes > 6) return -1;
  for (size_t i = 0; i < bytes; i++) {
    if (name[i] < '0' || name[i] > '9') return -1;
    index = index * 10 + (name[i] - '0');
  }
  return index;
}

int cal_jpath_compile(cal_jpath *result, const char *path) {
  size_t bytes = path ? strlen(path) : 0;
  if (bytes == 0)
    return cal_fail(-EINVAL, "an empty JSON path: write names joined by dots, as in media.payload");
  if (bytes >= CAL_JPATH_BYTES)
    return cal_fail(-EINVAL, "a JSON path has at most %d bytes", CAL_JPATH_BYTES - 1);
  cal_jpath made = {0};
  memcpy(made.text, path, bytes);
  for (size_t start = 0; start <= bytes;) {
    const char *dot = memchr(path + start, '.', bytes - start);
    size_t length = dot ? (size_t)(dot - path) - start : bytes - start;
    if (length == 0)
      return cal_fail(-EINVAL, "the JSON path \"%s\" has an empty name between its dots", path);
    if (made.parts == CAL_JPATH_PARTS)
      return cal_fail(-EINVAL, "the JSON path \"%s\" has more than %d names", path, CAL_JPATH_PARTS);
    made.part[made.parts].start = (uint8_t)start;
    made.part[made.parts].bytes = (uint8_t)length;
    made.part[made.parts++].index = array_index(path + start, length);
    start += length + 1;
  }
  *result = made;
  return 0;
}

static int hex_four(const char *at, const char *end) {
  unsigned code = 0;
  if (end - at < 4) return -1;
  for (int i = 0; i < 4; i++) {
    char c = at[i];
    if (c >= '0' && c <= '9')
      code = code << 4 | (unsigned)(c - '0');
    else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
      code = code << 4 | (unsigned)((c | 0x20) - 'a' + 10);
    else
      return -1;
  }
  return (int)code;
}

/* Reads \uXXXX, and the second half of a surrogate pair behind it. `at` is after the u. NULL for a bad one.
 */
static const char *read_code(const char *at, const char *end, unsigned *code) {
  int first = hex_four(at, end);
  if (first < 0) return NULL;
  *code = (unsigned)first;
  at += 4;
  if (first < 0xD800 || first > 0xDBFF || end - at < 6 || at[0] != '\\' || at[1] != 'u') return at;
  int second = hex_four(at + 2, end);
  if (second < 0xDC00 || second > 0xDFFF) return at;
  *code = 0x10000 + (((unsigned)first - 0xD800) << 10) + ((unsigned)second - 0xDC00);
  return at + 6;
}

/* One escape; `at` is after the backslash. Returns where to go on, NULL for a bad one. */
static const char *read_escape(const char *at, const char *end, char into[4], size_t *bytes) {
  static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
  if (at == end) return NULL;
  if (*at == 'u') {
    unsigned code;
    at = read_code(at + 1, end, &code);
    if (at) *bytes = cal_utf8_put(into, code);
    return at;
  }
  const char *found = *at ? strchr(names, *at) : NULL;
  if (!found) return NULL;
  into[0] = means[found - names];
  *bytes = 1;
  return at + 1;
}

ssize_t cal_jscan_unescape(cal_span raw, char *into, size_t room) {
  const char *at = raw.at, *end = raw.at + raw.bytes;
  size_t used = 0;
  while (at < end) {
    const char *backslash = memchr(at, '\\', (size_t)(end - at));
    size_t plain = backslash ? (size_t)(backslash - at) : (size_t)(end - at);
    if (plain > room - used) return cal_fail(-EMSGSIZE, "a JSON string is longer than %zu bytes", room);
    memcpy(into + used, at, plain);
    used += plain;
    if (!backslash) break;
    char character[4];
    size_t bytes;
    at = read_escape(backslash + 1, end, character, &bytes);
    if (!at) return cal_fail(-EBADMSG, "a bad escape in a JSON string");
    if (bytes > room - used) return cal_fail(-EMSGSIZE, "a JSON string is longer than %zu bytes", room);
    memcpy(into + used, character, bytes);
    used += bytes;
  }
  return (ssize_t)used;
}

int cal_jvalue_is(const cal_jvalue *value, cal_span text) {
  char plain[6 * CAL_JPATH_BYTES];
  if (value->kind != CAL_JSON_STRING) return 0;
  if (!value->has_escapes)
    return value->raw.bytes == text.bytes &&
           (text.bytes == 0 || memcmp(value->raw.at, text.at, text.bytes) == 0);
  if (value->raw.bytes > sizeof plain) return 0;
  ssize_t bytes = cal_jscan_unescape(value->raw, plain, sizeof plain);
  return bytes >= 0 && (size_t)bytes == text.bytes && memcmp(plain, text.at, text.bytes) == 0;
}

int cal_jvalue_integer(int64_t *result, const cal_jvalue *value) {
  if (value->kind != CAL_JSON_NUMBER && value->kind != CAL_JSON_STRING)
    return cal_fail(-EINVAL, "not a number: neither a JSON number nor a string of digits");
  const char *at = value->raw.at, *end = at + value->raw.bytes;
  int is_negative = at < end && *at == '-';
  int64_t number = 0;
  const char *first = at += is_negative;
  for (; at < end && *at >= '0' && *at <= '9' && at - first < 18; at++) number = number * 10 + (*at - '0');
  int has_digits = at > first;
  if (at < end && *at == '.')
    for (at++; at < end && *at == '0';) at++;
  if (!has_digits || at != end)
    return cal_fail(-EINVAL, "not a whole number: %.*s", (int)value->raw.bytes, value->raw.at);
  *result = is_negative ? -number : number;
  return 0;
}
