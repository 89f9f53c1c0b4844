/* rows: collects an answer row by row, then packs it into one piece of memory. Private to the store. */
#ifndef CAL_STORE_ROWS_H
#define CAL_STORE_ROWS_H

#include <stdint.h>

#include "store/result.h"

typedef struct cal_rows { /* reused from answer to answer */
  cal_buf bytes;          /* names and values, each zero-terminated */
  cal_store_value *cells; /* `bytes.at` is meaningless until packed; offsets are kept beside */
  size_t *offsets;
  uint32_t count, room, columns;
} cal_rows;

void cal_rows_init(cal_rows *rows);
void cal_rows_free(cal_rows *rows);
void cal_rows_start(cal_rows *rows, uint32_t columns);

/* Adds the next name (the first `columns` calls) or value. -EMSGSIZE over a ceiling of result.h. */
int cal_rows_add(cal_rows *rows, const cal_store_value *value);

cal_store_result *cal_rows_pack(const cal_rows *rows, int64_t changes); /* returns owned */

#endif
