/* value: a value of a script, or for one, packed into one block of memory, so that it can cross between threads and VMs
 * without being text. Written front to back into a cal_buf, read front to back.
 *
 *   cal_buf packed;                                    cal_value_reader reader = cal_value_read(value);
 *   cal_buf_init(&packed, 4096);                       cal_value_item item;
 *   cal_value_open(&packed, CAL_VALUE_TABLE);          while (cal_value_next(&reader, &item)) …
 *   cal_value_put_text(&packed, "reason", "closed");
 *   cal_value_close(&packed);
 *   cal_value *value = cal_value_take(&packed);
 *
 * In a table keys and values alternate; a key is a text or a number. Lists hold values alone. Writing past the ceiling of
 * the buffer leaves the value incomplete: cal_value_take then gives the null value. Knows no Lua. Any thread; a value is
 * used by one at a time. */
#ifndef CAL_BASE_VALUE_H
#define CAL_BASE_VALUE_H

#include "base/buf.h"

typedef enum cal_value_kind {
  CAL_VALUE_NULL = 1,
  CAL_VALUE_FLAG,
  CAL_VALUE_NUMBER,
  CAL_VALUE_TEXT,  /* bytes, zeros too */
  CAL_VALUE_TABLE, /* its members follow, then an end */
  CAL_VALUE_LIST,
  CAL_VALUE_END
} cal_value_kind;

typedef struct cal_value cal_value; /* one block; cal_free */

void cal_value_open(cal_buf *into, cal_value_kind kind); /* a table or a list */
void cal_value_close(cal_buf *into);
void cal_value_null(cal_buf *into);
void cal_value_flag(cal_buf *into, int flag);
void cal_value_number(cal_buf *into, double number);
void cal_value_text(cal_buf *into, cal_span text);

/* Members of the table that is open. */
void cal_value_put_flag(cal_buf *into, const char *name, int flag);
void cal_value_put_number(cal_buf *into, const char *name, double number);
void cal_value_put_text(cal_buf *into, const char *name, const char *text); /* NULL: left out */

cal_value *cal_value_take(cal_buf *packed); /* returns owned; the buffer is empty afterwards */
size_t cal_value_bytes(const cal_value *value);

typedef struct cal_value_item {
  cal_value_kind kind;
  int flag;
  double number;
  cal_span text; /* borrowed from the value */
} cal_value_item;

typedef struct cal_value_reader {
  cal_span rest;
} cal_value_reader;

cal_value_reader cal_value_read(const cal_value *value);            /* NULL is read as null */
int cal_value_next(cal_value_reader *reader, cal_value_item *item); /* 0: no more */
/* After an item that opened a table or a list: goes behind its end. */
void cal_value_skip(cal_value_reader *reader, const cal_value_item *item);

/* The text or number of a member of the outermost table; 0: it is not there, or another kind. For tests and traces. */
int cal_value_find(const cal_value *value, const char *name, cal_value_item *item);

#endif
