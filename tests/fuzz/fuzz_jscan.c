/* The scanner against yajl: both must agree on what JSON is, as far as both want the same. yajl is laxer
 * about white space (it takes \v and \f) and UTF-8 (overlong forms, surrogates), overlooks half a token
 * behind the value ("a"" passes), and has no depth limit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/error.h"
#include "base/mem.h"
#include "data/json_escape.h"
#include "data/jscan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define MUST(condition)                                                                                      \
  do {                                                                                                       \
    if (!(condition)) {                                                                                      \
      fprintf(stderr, "does not hold: %s\n", #condition);                                                    \
      abort();                                                                                               \
    }                                                                                                        \
  } while (0)

static int yajl_accepts(const uint8_t *data, size_t bytes) {
  yajl_handle handle = yajl_alloc(NULL, NULL, NULL);
  int is_good =
      yajl_parse(handle, data, bytes) == yajl_status_ok && yajl_complete_parse(handle) == yajl_status_ok;
  yajl_free(handle);
  return is_good;
}

static int is_comparable(const uint8_t *data, size_t bytes) {
  size_t open = 0;
  for (size_t i = 0; i < bytes; i++) {
    if (data[i] >= 0x80 || data[i] == '\v' || data[i] == '\f') return 0;
    open += data[i] == '{' || data[i] == '[';
  }
  return open <= CAL_JSCAN_DEPTH;
}

/* What is unescaped and escaped again must mean the same. */
static void go_round(const cal_jvalue *value) {
  char *plain = cal_alloc(value->raw.bytes + 1);
  ssize_t n = cal_jscan_unescape(value->raw, plain, value->raw.bytes);
  MUST(n >= 0);
  size_t room = (size_t)n * CAL_JSON_ESCAPE_GROWTH;
  char *escaped = cal_alloc(room + 1);
  ssize_t m = cal_json_escape_to(escaped, room, (cal_span){plain, (size_t)n});
  MUST(m >= 0);
  char *back = cal_alloc((size_t)m + 1);
  MUST(cal_jscan_unescape((cal_span){escaped, (size_t)m}, back, (size_t)m) == n);
  MUST(memcmp(back, plain, (size_t)n) == 0);
  cal_free(back);
  cal_free(escaped);
  cal_free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  const char *text = (const char *)data;
  int is_good = cal_jscan_validate(text, bytes) == 0;
  if (is_good) MUST(yajl_accepts(data, bytes));
  int is_behind = !is_good && strstr(cal_error_text(), "after the end of the value");
  if (!is_good && !is_behind && is_comparable(data, bytes)) MUST(!yajl_accepts(data, bytes));

  static const char *const paths[] = {"event", "media.payload", "0", "1.a", "a", "start.streamSid"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    cal_jvalue value;
    int found = cal_jscan_find(text, bytes, paths[i], &value);
    MUST((found >= 0) == is_good);
    if (found != 1) continue;
    MUST(value.raw.at >= text && value.raw.at + value.raw.bytes <= text + bytes);
    int64_t number;
    cal_jvalue_integer(&number, &value);
    if (value.kind == CAL_JSON_STRING)
      go_round(&value);
    else
      MUST(cal_jscan_validate(value.raw.at, value.raw.bytes) == 0);
  }
  return 0;
}
