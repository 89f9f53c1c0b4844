#include "base/value.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

static cal_value *order(void) {
  cal_buf packed;
  cal_buf_init(&packed, 1000);
  cal_value_open(&packed, CAL_VALUE_TABLE);
  cal_value_text(&packed, cal_span_of("lines"));
  cal_value_open(&packed, CAL_VALUE_LIST);
  cal_value_open(&packed, CAL_VALUE_TABLE);
  cal_value_put_text(&packed, "id", "deep");
  cal_value_close(&packed);
  cal_value_null(&packed);
  cal_value_close(&packed);
  cal_value_put_text(&packed, "left_out", NULL);
  cal_value_put_number(&packed, "price", 12.5);
  cal_value_put_flag(&packed, "is_paid", 1);
  cal_value_text(&packed, cal_span_of("id"));
  cal_value_text(&packed, (cal_span){"a\0b", 3});
  cal_value_close(&packed);
  return cal_value_take(&packed);
}

static void what_is_packed_is_read_in_its_order(void **state) {
  static const cal_value_kind kinds[] = {CAL_VALUE_TABLE, CAL_VALUE_TEXT, CAL_VALUE_LIST,   CAL_VALUE_TABLE,
                                         CAL_VALUE_TEXT,  CAL_VALUE_TEXT, CAL_VALUE_END,    CAL_VALUE_NULL,
                                         CAL_VALUE_END,   CAL_VALUE_TEXT, CAL_VALUE_NUMBER, CAL_VALUE_TEXT,
                                         CAL_VALUE_FLAG,  CAL_VALUE_TEXT, CAL_VALUE_TEXT,   CAL_VALUE_END};
  cal_value *value = order();
  cal_value_reader reader = cal_value_read(value);
  cal_value_item item;
  size_t count = 0;
  for (; cal_value_next(&reader, &item); count++) assert_int_equal(item.kind, kinds[count]);
  assert_int_equal(count, sizeof kinds / sizeof *kinds);
  cal_free(value);
}

static void a_member_is_found_behind_what_lies_deeper(void **state) {
  cal_value *value = order();
  cal_value_item item;
  assert_true(cal_value_find(value, "id", &item));
  assert_int_equal(item.text.bytes, 3);
  assert_memory_equal(item.text.at, "a\0b", 3);
  assert_true(cal_value_find(value, "price", &item));
  assert_true(item.number == 12.5);
  assert_false(cal_value_find(value, "left_out", &item));
  assert_false(cal_value_find(NULL, "id", &item));
  cal_free(value);
}

static void a_value_over_its_ceiling_is_null(void **state) {
  cal_buf packed;
  cal_buf_init(&packed, 32);
  cal_value_open(&packed, CAL_VALUE_TABLE);
  cal_value_put_text(&packed, "text", "longer than there is room for");
  cal_value_put_flag(&packed, "x", 1); /* would fit */
  cal_value_close(&packed);
  cal_value *value = cal_value_take(&packed);
  cal_value_reader reader = cal_value_read(value);
  cal_value_item item;
  assert_true(cal_value_next(&reader, &item));
  assert_int_equal(item.kind, CAL_VALUE_NULL);
  assert_false(cal_value_next(&reader, &item));
  cal_free(value);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_packed_is_read_in_its_order),
                                     cmocka_unit_test(a_member_is_found_behind_what_lies_deeper),
                                     cmocka_unit_test(a_value_over_its_ceiling_is_null)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
