#include "data/jscan.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "data/json_plain.h"
#include "data/utf8.h"

/* The walk is recursive descent, at most CAL_JSCAN_DEPTH deep. `alive` is the set of paths whose first
 * `depth` names are the way to the value that is being read: a path with exactly `depth` names ends here. */
typedef struct scan {
  const char *text, *at, *end;
  const cal_jpath *paths;
  cal_jvalue *out;
  const char *wrong; /* why the text is not JSON */
} scan;

static bool read_value(scan *s, uint32_t alive, unsigned depth);

static bool fail(scan *s, const char *why) {
  s->wrong = why;
  return false;
}

static inline void skip_space(scan *s) {
  while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t')) s->at++;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The four digits of \uXXXX; -1 when they are not there. */
static int hex_four(const char *at, const char *end) {
  if (end - at < 4) return -1;
  int code = 0;
  for (int i = 0; i < 4; i++) {
    int digit = hex_digit(at[i]);
    if (digit < 0) return -1;
    code = code << 4 | digit;
  }
  return code;
}

static bool skip_escape(scan *s) {
  if (s->end - s->at < 2) return fail(s, "the text ends inside a string");
  char c = s->at[1];
  if (c == 'u') {
    if (hex_four(s->at + 2, s->end) < 0) return fail(s, "a \\u without four hexadecimal digits");
    s->at += 6;
    return true;
  }
  if (!c || !strchr("\"\\/bfnrt", c)) return fail(s, "an unknown escape");
  s->at += 2;
  return true;
}

static bool read_string(scan *s, cal_jvalue *value) { /* at the opening quote */
  const char *start = ++s->at;
  int has_escapes = 0;
  for (;;) {
    s->at = cal_json_plain(s->at, s->end);
    if (s->at == s->end) return fail(s, "the text ends inside a string");
    if (*s->at == '"') break;
    if (*s->at == '\\') {
      has_escapes = 1;
      if (!skip_escape(s)) return false;
      continue;
    }
    if ((unsigned char)*s->at < 0x20) return fail(s, "a control character inside a string");
    size_t bytes = cal_utf8_next(s->at, (size_t)(s->end - s->at));
    if (bytes == 0) return fail(s, "a string that is not UTF-8");
    s->at += bytes;
  }
  *value = (cal_jvalue){CAL_JSON_STRING, {start, (size_t)(s->at - start)}, has_escapes};
  s->at++;
  return true;
}

static bool skip_digits(scan *s) {
  const char *start = s->at;
  while (s->at < s->end && *s->at >= '0' && *s->at <= '9') s->at++;
  return s->at > start;
}

static bool read_number(scan *s) {
  if (*s->at == '-') s->at++;
  if (s->at < s->end && *s->at == '0')
    s->at++; /* no digit may follow: the next read refuses it */
  else if (!skip_digits(s))
    return fail(s, "a number without digits");
  if (s->at < s->end && *s->at == '.') {
    s->at++;
    if (!skip_digits(s)) return fail(s, "a number without digits after its point");
  }
  if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
    s->at++;
    if (s->at < s->end && (*s->at == '+' || *s->at == '-')) s->at++;
    if (!skip_digits(s)) return fail(s, "a number without digits in its exponent");
  }
  return true;
}

static bool read_word(scan *s, const char *word, size_t bytes) {
  if ((size_t)(s->end - s->at) < bytes || memcmp(s->at, word, bytes) != 0)
    return fail(s, "something that is not a value");
  s->at += bytes;
  return true;
}

/* Which of the paths go on with this name? */
static uint32_t follow_name(const scan *s, uint32_t alive, unsigned depth, const cal_jvalue *name) {
  uint32_t on = 0;
  for (uint32_t left = alive; left; left &= left - 1) {
    unsigned i = (unsigned)__builtin_ctz(left);
    const cal_jpath *path = &s->paths[i];
    if (path->parts <= depth) continue;
    cal_span wanted = {path->text + path->part[depth].start, path->part[depth].bytes};
    if (!name->has_escapes && name->raw.bytes != wanted.bytes) continue; /* nearly always decided here */
    if (cal_jvalue_is(name, wanted)) on |= UINT32_C(1) << i;
  }
  return on;
}

static uint32_t follow_index(const scan *s, uint32_t alive, unsigned depth, int32_t index) {
  uint32_t on = 0;
  for (uint32_t left = alive; left; left &= left - 1) {
    unsigned i = (unsigned)__builtin_ctz(left);
    if (s->paths[i].parts > depth && s->paths[i].part[depth].index == index) on |= UINT32_C(1) << i;
  }
  return on;
}

static bool read_object(scan *s, uint32_t alive, unsigned depth) {
  s->at++;
  skip_space(s);
  if (s->at < s->end && *s->at == '}') {
    s->at++;
    return true;
  }
  for (;;) {
    cal_jvalue name;
    if (s->at == s->end || *s->at != '"') return fail(s, "an object without a name where one belongs");
    if (!read_string(s, &name)) return false;
    skip_space(s);
    if (s->at == s->end || *s->at != ':') return fail(s, "a name without a colon");
    s->at++;
    if (!read_value(s, alive ? follow_name(s, alive, depth, &name) : 0, depth + 1)) return false;
    if (s->at == s->end) return fail(s, "the text ends inside an object");
    char c = *s->at++;
    if (c == '}') return true;
    if (c != ',') return s->at--, fail(s, "neither comma nor end after a value in an object");
    skip_space(s);
  }
}

static bool read_array(scan *s, uint32_t alive, unsigned depth) {
  s->at++;
  skip_space(s);
  if (s->at < s->end && *s->at == ']') {
    s->at++;
    return true;
  }
  for (int32_t index = 0;; index++) {
    if (!read_value(s, alive ? follow_index(s, alive, depth, index) : 0, depth + 1)) return false;
    if (s->at == s->end) return fail(s, "the text ends inside an array");
    char c = *s->at++;
    if (c == ']') return true;
    if (c != ',') return s->at--, fail(s, "neither comma nor end after a value in an array");
  }
}

static void remember(scan *s, uint32_t alive, unsigned depth, const cal_jvalue *value) {
  for (; alive; alive &= alive - 1) {
    unsigned i = (unsigned)__builtin_ctz(alive);
    if (s->paths[i].parts == depth) s->out[i] = *value;
  }
}

/* Reads one value and the white space on both sides of it. */
static bool read_value(scan *s, uint32_t alive, unsigned depth) {
  skip_space(s);
  if (s->at == s->end) return fail(s, "the text ends where a value belongs");
  cal_jvalue value = {.raw.at = s->at};
  bool is_good;
  switch (*s->at) {
  case '"':
    is_good = read_string(s, &value);
    break;
  case '{':
  case '[':
    if (depth >= CAL_JSCAN_DEPTH) return fail(s, "objects or arrays nested too deeply");
    value.kind = *s->at == '{' ? CAL_JSON_OBJECT : CAL_JSON_ARRAY;
    is_good = *s->at == '{' ? read_object(s, alive, depth) : read_array(s, alive, depth);
    break;
  case 't':
    value.kind = CAL_JSON_TRUE;
    is_good = read_word(s, "true", 4);
    break;
  case 'f':
    value.kind = CAL_JSON_FALSE;
    is_good = read_word(s, "false", 5);
    break;
  case 'n':
    value.kind = CAL_JSON_NULL;
    is_good = read_word(s, "null", 4);
    break;
  default:
    if (*s->at != '-' && (*s->at < '0' || *s->at > '9')) return fail(s, "something that is not a value");
    value.kind = CAL_JSON_NUMBER;
    is_good = read_number(s);
  }
  if (!is_good) return false;
  if (value.kind != CAL_JSON_STRING) value.raw.bytes = (size_t)(s->at - value.raw.at);
  if (alive) remember(s, alive, depth, &value);
  skip_space(s);
  return true;
}

int cal_jscan_fields(const char *text, size_t bytes, const cal_jpath *paths, size_t count, cal_jvalue *out) {
  uint32_t alive = 0;
  if (count > CAL_JSCAN_PATHS) return cal_fail(-EINVAL, "at most %d JSON paths in one walk", CAL_JSCAN_PATHS);
  for (size_t i = 0; i < count; i++) {
    out[i] = (cal_jvalue){0};
    if (paths[i].parts) alive |= UINT32_C(1) << i;
  }
  if (bytes == 0) return cal_fail(-EBADMSG, "not JSON: an empty text");
  scan s = {text, text, text + bytes, paths, out, NULL};
  if (read_value(&s, alive, 0) && s.at < s.end) s.wrong = "something after the end of the value";
  if (s.wrong)
    return cal_fail(-EBADMSG, "not JSON: %s, at byte %zu of %zu", s.wrong, (size_t)(s.at - text), bytes);
  return 0;
}

int cal_jscan_find(const char *text, size_t bytes, const char *path, cal_jvalue *out) {
  cal_jpath compiled;
  *out = (cal_jvalue){0};
  int code = cal_jpath_compile(&compiled, path);
  if (code == 0) code = cal_jscan_fields(text, bytes, &compiled, 1, out);
  return code < 0 ? code : out->kind != CAL_JSON_ABSENT;
}

int cal_jscan_validate(const char *text, size_t bytes) {
  return cal_jscan_fields(text, bytes, NULL, 0, NULL);
}

/* The text was found to be JSON; `rest` is at the bracket or the comma before the element. */
int cal_jscan_next(cal_span *rest, cal_span *element) {
  const char *end = rest->at + rest->bytes;
  scan s = {rest->at, rest->at, end, NULL, NULL, NULL};
  if (s.at == end || (*s.at != '[' && *s.at != ',')) return 0;
  s.at++;
  skip_space(&s);
  if (s.at == end || *s.at == ']') return 0;
  element->at = s.at;
  if (!read_value(&s, 0, 1)) return 0;
  element->bytes = (size_t)(s.at - element->at);
  *rest = (cal_span){s.at, (size_t)(end - s.at)};
  return 1;
}
