/* jscan: reads fields out of a JSON text without building a tree.
 *
 * A media frame is a small JSON text that arrives fifty times a second per call, and one or two of its
 * strings matter. The scanner walks the text once, remembers the values at the wanted paths and checks the
 * rest, so that what it accepts is JSON as RFC 8259 has it (in UTF-8, strictly). It never reads outside the
 * text, never allocates, and refuses nesting deeper than CAL_JSCAN_DEPTH. A path is names joined by dots; a
 * name made of digits also counts array elements from 0: "media.payload", "parts.0.text". When a name is
 * repeated the last match wins.
 *
 *   cal_jvalue payload;
 *   if (cal_jscan_find(text, bytes, "media.payload", &payload) == 1 && payload.kind == CAL_JSON_STRING) …
 *
 * Any thread. Values borrow the text. */
#ifndef CAL_DATA_JSCAN_H
#define CAL_DATA_JSCAN_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

#define CAL_JSCAN_DEPTH 32 /* objects and arrays inside one another */
#define CAL_JPATH_PARTS 8
#define CAL_JPATH_BYTES 120
#define CAL_JSCAN_PATHS 16 /* in one walk */

typedef enum cal_jkind {
  CAL_JSON_ABSENT, /* nothing at that path */
  CAL_JSON_STRING,
  CAL_JSON_NUMBER,
  CAL_JSON_TRUE,
  CAL_JSON_FALSE,
  CAL_JSON_NULL,
  CAL_JSON_OBJECT,
  CAL_JSON_ARRAY
} cal_jkind;

typedef struct cal_jvalue {
  cal_jkind kind;
  /* borrowed, as it stands in the text; a string without its quotes; "" has a place but no bytes */
  cal_span raw;
  int has_escapes; /* a string that must go through cal_jscan_unescape to be read */
} cal_jvalue;

/* A path made ready. Plain memory: copy it as you like. One with no parts (all zero) matches nothing. */
typedef struct cal_jpath {
  char text[CAL_JPATH_BYTES];
  struct {
    uint8_t start, bytes; /* in text */
    int32_t index;        /* array element, or -1 when the name is not a number */
  } part[CAL_JPATH_PARTS];
  uint8_t parts;
} cal_jpath;

/* -EINVAL: empty, an empty name, more than CAL_JPATH_PARTS names, or CAL_JPATH_BYTES and longer. */
int cal_jpath_compile(cal_jpath *result, const char *path);

/* One walk, many paths (at most CAL_JSCAN_PATHS). Writes every out[i]. 0, or -EBADMSG when the text is not
 * JSON: cal_error_text() then says what is wrong at which byte. */
int cal_jscan_fields(const char *text, size_t bytes, const cal_jpath *paths, size_t count, cal_jvalue *out);

/* 1 found, 0 absent, -EBADMSG not JSON, -EINVAL not a path. `out` is always written. */
int cal_jscan_find(const char *text, size_t bytes, const char *path, cal_jvalue *out);

int cal_jscan_validate(const char *text, size_t bytes); /* 0 or -EBADMSG */

/* The next element of an array: `rest` begins as the raw of one that was found, and is moved on. 0: there is none. */
int cal_jscan_next(cal_span *rest, cal_span *element);

/* The string behind `raw` (as found by the functions above), in UTF-8, without a final zero. Returns its
 * bytes, which are never more than raw.bytes; -EMSGSIZE when `room` is too small; -EBADMSG for a bad escape.
 * An unpaired surrogate becomes U+FFFD. */
ssize_t cal_jscan_unescape(cal_span raw, char *into, size_t room);

/* The whole number behind a JSON number or a string of digits ("8000", 8000, 8000.0); -EINVAL for anything
 * else. Carriers disagree on whether numbers are strings. */
int cal_jvalue_integer(int64_t *result, const cal_jvalue *value);

/* Is it a string with exactly this text, escapes resolved? */
int cal_jvalue_is(const cal_jvalue *value, cal_span text);

#endif
