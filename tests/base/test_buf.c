#include "base/buf.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

static void spans_compare_with_text(void **state) {
  assert_int_equal(cal_span_of(NULL).bytes, 0);
  assert_null(cal_span_of(NULL).at);
  assert_true(cal_span_is(cal_span_of("BYE"), "BYE"));
  assert_false(cal_span_is(cal_span_of("BYE"), "BY"));
  assert_false(cal_span_is(cal_span_of("BYE"), "BYEE"));
  assert_true(cal_span_is(cal_span_of(NULL), ""));
  assert_true(cal_span_is((cal_span){.at = "BYEx", .bytes = 3}, "BYE"));
}

static void what_is_appended_is_there_with_a_final_zero(void **state) {
  cal_buf buf;
  cal_buf_init(&buf, 10000);
  assert_int_equal(cal_buf_append(&buf, "a\0b", 3), 0);
  assert_int_equal(cal_buf_text(&buf, "-text"), 0);
  assert_int_equal(cal_buf_format(&buf, "-%d-%s", 42, "x"), 0);
  assert_int_equal(buf.bytes, 13);
  assert_memory_equal(buf.data, "a\0b-text-42-x", 14);
  for (int i = 0; i < 1000; i++) assert_int_equal(cal_buf_text(&buf, "12345678"), 0);
  assert_int_equal(buf.bytes, 8013);
  assert_int_equal(buf.data[8013], 0);
  cal_buf_free(&buf);
}

static void past_the_ceiling_nothing_changes(void **state) {
  cal_buf buf;
  cal_buf_init(&buf, 10);
  assert_int_equal(cal_buf_text(&buf, "1234567"), 0);
  assert_int_equal(cal_buf_text(&buf, "8901"), -EMSGSIZE);
  assert_int_equal(cal_buf_format(&buf, "%04d", 1), -EMSGSIZE);
  assert_string_equal(buf.data, "1234567");
  assert_int_equal(buf.bytes, 7);
  assert_int_equal(cal_buf_text(&buf, "890"), 0);
  assert_int_equal(cal_buf_text(&buf, ""), 0);
  assert_int_equal(cal_buf_text(&buf, "x"), -EMSGSIZE);
  assert_string_equal(buf.data, "1234567890");
  cal_buf_free(&buf);
}

static void a_ceiling_of_nothing_takes_nothing(void **state) {
  cal_buf buf;
  cal_buf_init(&buf, 0);
  assert_int_equal(cal_buf_text(&buf, "x"), -EMSGSIZE);
  assert_int_equal(cal_buf_text(&buf, ""), 0);
  cal_buf_free(&buf);
}

static void clearing_keeps_the_memory(void **state) {
  cal_buf buf;
  cal_buf_init(&buf, 100);
  cal_buf_clear(&buf);
  cal_buf_text(&buf, "first");
  char *memory = buf.data;
  cal_buf_clear(&buf);
  assert_int_equal(buf.bytes, 0);
  assert_ptr_equal(buf.data, memory);
  assert_string_equal(buf.data, "");
  cal_buf_free(&buf);
  assert_null(buf.data);
  cal_buf_free(&buf);
}

static void the_first_bytes_can_be_dropped(void **state) {
  cal_buf buf;
  cal_buf_init(&buf, 100);
  cal_buf_text(&buf, "used, kept");
  cal_buf_drop(&buf, 6);
  assert_string_equal(buf.data, "kept");
  cal_buf_drop(&buf, 0);
  assert_int_equal(buf.bytes, 4);
  cal_buf_drop(&buf, 4);
  assert_string_equal(buf.data, "");
  assert_int_equal(buf.bytes, 0);
  cal_buf_free(&buf);
}

static void taking_empties_and_the_ceiling_stays(void **state) {
  cal_buf buf;
  cal_buf_init(&buf, 5);
  char *nothing = cal_buf_take(&buf);
  assert_string_equal(nothing, "");
  cal_buf_text(&buf, "12345");
  char *taken = cal_buf_take(&buf);
  assert_string_equal(taken, "12345");
  assert_int_equal(buf.bytes, 0);
  assert_int_equal(cal_buf_text(&buf, "123456"), -EMSGSIZE);
  assert_int_equal(cal_buf_text(&buf, "12345"), 0);
  cal_free(nothing);
  cal_free(taken);
  cal_buf_free(&buf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(spans_compare_with_text),
      cmocka_unit_test(what_is_appended_is_there_with_a_final_zero),
      cmocka_unit_test(past_the_ceiling_nothing_changes),
      cmocka_unit_test(a_ceiling_of_nothing_takes_nothing),
      cmocka_unit_test(clearing_keeps_the_memory),
      cmocka_unit_test(the_first_bytes_can_be_dropped),
      cmocka_unit_test(taking_empties_and_the_ceiling_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
