/* value: one value of a statement or of its answer. Plain data; any thread. */
#ifndef CAL_STORE_VALUE_H
#define CAL_STORE_VALUE_H

#include <stdint.h>

#include "base/buf.h"

typedef enum cal_store_type {
  CAL_STORE_NULL,
  CAL_STORE_INTEGER,
  CAL_STORE_REAL,
  CAL_STORE_TEXT,
  CAL_STORE_BLOB
} cal_store_type;

typedef struct cal_store_value {
  cal_store_type type;
  int64_t integer;
  double real;
  /* TEXT (UTF-8; a byte that belongs to no character becomes U+FFFD) and BLOB; in a result TEXT ends with 0 */
  cal_span bytes;
} cal_store_value;

static inline cal_store_value cal_store_null(void) { return (cal_store_value){.type = CAL_STORE_NULL}; }
static inline cal_store_value cal_store_integer(int64_t value) {
  return (cal_store_value){.type = CAL_STORE_INTEGER, .integer = value};
}
static inline cal_store_value cal_store_real(double value) {
  return (cal_store_value){.type = CAL_STORE_REAL, .real = value};
}
static inline cal_store_value cal_store_text(const char *text) { /* borrows; NULL text is SQL's NULL */
  return (cal_store_value){.type = text ? CAL_STORE_TEXT : CAL_STORE_NULL, .bytes = cal_span_of(text)};
}
static inline cal_store_value cal_store_blob(cal_span bytes) {
  return (cal_store_value){.type = CAL_STORE_BLOB, .bytes = bytes};
}

#endif
