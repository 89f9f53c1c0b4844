#include "data/json_value.h"

#include <math.h>

#include "data/json_escape.h"

static void put_text(cal_buf *into, cal_span text) {
  cal_buf_text(into, "\"");
  cal_json_escape(into, text);
  cal_buf_text(into, "\"");
}

static void put_number(cal_buf *into, double number) {
  if (isfinite(number))
    cal_buf_format(into, "%.17g", number);
  else
    cal_buf_text(into, "null");
}

static void put_key(cal_buf *into, const cal_value_item *key) {
  if (key->kind == CAL_VALUE_TEXT)
    put_text(into, key->text);
  else
    cal_buf_format(into, "\"%.17g\"", key->number);
  cal_buf_text(into, ":");
}

static void put_item(cal_buf *into, cal_value_reader *reader, const cal_value_item *item);

static void put_inside(cal_buf *into, cal_value_reader *reader, int has_keys) {
  cal_value_item item;
  for (int count = 0; cal_value_next(reader, &item) && item.kind != CAL_VALUE_END; count++) {
    if (count) cal_buf_text(into, ",");
    if (has_keys) {
      put_key(into, &item);
      if (!cal_value_next(reader, &item)) return;
    }
    put_item(into, reader, &item);
  }
}

static void put_item(cal_buf *into, cal_value_reader *reader, const cal_value_item *item) {
  switch (item->kind) {
  case CAL_VALUE_FLAG:
    cal_buf_text(into, item->flag ? "true" : "false");
    break;
  case CAL_VALUE_NUMBER:
    put_number(into, item->number);
    break;
  case CAL_VALUE_TEXT:
    put_text(into, item->text);
    break;
  case CAL_VALUE_TABLE:
    cal_buf_text(into, "{");
    put_inside(into, reader, 1);
    cal_buf_text(into, "}");
    break;
  case CAL_VALUE_LIST:
    cal_buf_text(into, "[");
    put_inside(into, reader, 0);
    cal_buf_text(into, "]");
    break;
  case CAL_VALUE_NULL:
  case CAL_VALUE_END:
    cal_buf_text(into, "null");
    break;
  }
}

void cal_json_value(cal_buf *into, const cal_value *value) {
  cal_value_reader reader = cal_value_read(value);
  cal_value_item item;
  cal_value_next(&reader, &item);
  put_item(into, &reader, &item);
}

void cal_json_members(cal_buf *into, const cal_value *value, const char *except) {
  cal_value_reader reader = cal_value_read(value);
  cal_value_item item;
  cal_value_next(&reader, &item);
  if (item.kind == CAL_VALUE_NULL) return;
  if (item.kind != CAL_VALUE_TABLE) {
    cal_buf_text(into, ",\"value\":");
    put_item(into, &reader, &item);
    return;
  }
  for (cal_value_item key; cal_value_next(&reader, &key) && key.kind != CAL_VALUE_END;) {
    if (!cal_value_next(&reader, &item)) return;
    if (except && key.kind == CAL_VALUE_TEXT && cal_span_is(key.text, except)) {
      cal_value_skip(&reader, &item);
      continue;
    }
    cal_buf_text(into, ",");
    put_key(into, &key);
    put_item(into, &reader, &item);
  }
}
