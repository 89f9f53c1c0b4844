#include "base/value.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

struct cal_value {
  size_t bytes;
  char data[];
};

/* A byte that is the kind; then, for a number, its eight bytes, for a text, its length and its bytes, for a flag, one. */

/* ---- writing */

/* All or nothing, so that what was written is whole items. A buffer that has once been full takes nothing more. */
static void put(cal_buf *into, cal_value_kind kind, const void *head, size_t head_bytes, cal_span text) {
  if (into->bytes + 1 + head_bytes + text.bytes > into->ceiling) {
    into->ceiling = 0;
    return;
  }
  char byte = (char)kind;
  cal_buf_append(into, &byte, 1);
  if (head_bytes) cal_buf_append(into, head, head_bytes);
  if (text.bytes) cal_buf_append(into, text.at, text.bytes);
}

static const cal_span nothing;

void cal_value_open(cal_buf *into, cal_value_kind kind) { put(into, kind, NULL, 0, nothing); }
void cal_value_close(cal_buf *into) { put(into, CAL_VALUE_END, NULL, 0, nothing); }
void cal_value_null(cal_buf *into) { put(into, CAL_VALUE_NULL, NULL, 0, nothing); }

void cal_value_flag(cal_buf *into, int flag) {
  char byte = flag != 0;
  put(into, CAL_VALUE_FLAG, &byte, 1, nothing);
}

void cal_value_number(cal_buf *into, double number) {
  put(into, CAL_VALUE_NUMBER, &number, sizeof number, nothing);
}

void cal_value_text(cal_buf *into, cal_span text) {
  uint32_t bytes = (uint32_t)text.bytes;
  put(into, CAL_VALUE_TEXT, &bytes, sizeof bytes, text);
}

void cal_value_put_flag(cal_buf *into, const char *name, int flag) {
  cal_value_text(into, cal_span_of(name));
  cal_value_flag(into, flag);
}

void cal_value_put_number(cal_buf *into, const char *name, double number) {
  cal_value_text(into, cal_span_of(name));
  cal_value_number(into, number);
}

void cal_value_put_text(cal_buf *into, const char *name, const char *text) {
  if (!text) return;
  cal_value_text(into, cal_span_of(name));
  cal_value_text(into, cal_span_of(text));
}

cal_value *cal_value_take(cal_buf *packed) {
  size_t bytes = packed->ceiling ? packed->bytes : 0;
  cal_value *value = cal_alloc(sizeof *value + bytes);
  value->bytes = bytes;
  if (bytes) memcpy(value->data, packed->data, bytes);
  cal_buf_free(packed);
  return value;
}

size_t cal_value_bytes(const cal_value *value) { return value ? value->bytes : 0; }

/* ---- reading */

cal_value_reader cal_value_read(const cal_value *value) {
  static const char null = CAL_VALUE_NULL;
  if (!cal_value_bytes(value)) return (cal_value_reader){{&null, 1}};
  return (cal_value_reader){{value->data, value->bytes}};
}

static const char *take(cal_value_reader *reader, size_t bytes) {
  const char *at = reader->rest.at;
  reader->rest.at += bytes;
  reader->rest.bytes -= bytes;
  return at;
}

int cal_value_next(cal_value_reader *reader, cal_value_item *item) {
  if (!reader->rest.bytes) return 0;
  *item = (cal_value_item){.kind = (cal_value_kind)*take(reader, 1)};
  uint32_t bytes;
  switch (item->kind) {
  case CAL_VALUE_FLAG:
    item->flag = *take(reader, 1);
    break;
  case CAL_VALUE_NUMBER:
    memcpy(&item->number, take(reader, sizeof item->number), sizeof item->number);
    break;
  case CAL_VALUE_TEXT:
    memcpy(&bytes, take(reader, sizeof bytes), sizeof bytes);
    item->text.bytes = bytes;
    item->text.at = take(reader, bytes);
    break;
  default:
    break;
  }
  return 1;
}

void cal_value_skip(cal_value_reader *reader, const cal_value_item *item) {
  int depth = item->kind == CAL_VALUE_TABLE || item->kind == CAL_VALUE_LIST;
  cal_value_item inner;
  while (depth && cal_value_next(reader, &inner)) {
    if (inner.kind == CAL_VALUE_TABLE || inner.kind == CAL_VALUE_LIST) depth++;
    if (inner.kind == CAL_VALUE_END) depth--;
  }
}

int cal_value_find(const cal_value *value, const char *name, cal_value_item *item) {
  cal_value_reader reader = cal_value_read(value);
  cal_value_item key;
  if (!cal_value_next(&reader, &key) || key.kind != CAL_VALUE_TABLE) return 0;
  while (cal_value_next(&reader, &key) && key.kind != CAL_VALUE_END) {
    if (!cal_value_next(&reader, item)) return 0;
    if (key.kind == CAL_VALUE_TEXT && cal_span_is(key.text, name)) return 1;
    cal_value_skip(&reader, item);
  }
  return 0;
}
