#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "data/json_escape.h"
#include "data/jscan.h"

/* The text in a block of exactly its size, so that a sanitizer sees one byte too far. */
static int find(const char *text, size_t bytes, const char *path, cal_jvalue *out, char **copy) {
  *copy = cal_memdup(text, bytes);
  return cal_jscan_find(*copy, bytes, path, out);
}

static void assert_raw(const char *text, const char *path, cal_jkind kind, const char *raw) {
  cal_jvalue value;
  char *copy;
  assert_int_equal(find(text, strlen(text), path, &value, &copy), 1);
  assert_int_equal(value.kind, kind);
  assert_int_equal(value.raw.bytes, strlen(raw));
  assert_memory_equal(value.raw.at, raw, strlen(raw));
  cal_free(copy);
}

static void finds_every_kind_of_value(void **state) {
  const char *text = " { \"s\" : \"a b\", \"n\":-1.5e+3,\"t\":true , "
                     "\"f\":false,\"z\":null,\"o\":{\"x\":[1]} ,\"a\":[ ],\"e\":\"\"}\n";
  assert_raw(text, "s", CAL_JSON_STRING, "a b");
  assert_raw(text, "n", CAL_JSON_NUMBER, "-1.5e+3");
  assert_raw(text, "t", CAL_JSON_TRUE, "true");
  assert_raw(text, "f", CAL_JSON_FALSE, "false");
  assert_raw(text, "z", CAL_JSON_NULL, "null");
  assert_raw(text, "o", CAL_JSON_OBJECT, "{\"x\":[1]}");
  assert_raw(text, "a", CAL_JSON_ARRAY, "[ ]");
  assert_raw(text, "e", CAL_JSON_STRING, "");
}

static void follows_paths_through_objects_and_arrays(void **state) {
  const char *text =
      "{\"a\":{\"b\":{\"c\":1}},\"parts\":[{\"x\":0},{\"x\":\"one\"},[5,6]],\"b\":2,\"1\":\"name\"}";
  assert_raw(text, "a.b.c", CAL_JSON_NUMBER, "1");
  assert_raw(text, "b", CAL_JSON_NUMBER, "2");
  assert_raw(text, "parts.1.x", CAL_JSON_STRING, "one");
  assert_raw(text, "parts.2.1", CAL_JSON_NUMBER, "6");
  assert_raw(text, "1", CAL_JSON_STRING, "name");
  cal_jvalue value;
  const char *absent[] = {"c", "a.c", "a.b.c.d", "parts.3", "parts.x", "A"};
  for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
    assert_int_equal(cal_jscan_find(text, strlen(text), absent[i], &value), 0);
    assert_int_equal(value.kind, CAL_JSON_ABSENT);
  }
}

static void the_last_of_a_repeated_name_wins(void **state) {
  assert_raw("{\"a\":1,\"a\":2}", "a", CAL_JSON_NUMBER, "2");
}

static void a_name_may_be_escaped(void **state) {
  assert_raw("{\"\\u0065v\\u0065nt\":\"m\"}", "event", CAL_JSON_STRING, "m");
}

static void one_walk_serves_many_paths(void **state) {
  const char *text = "{\"event\":\"media\",\"media\":{\"track\":\"inbound\",\"payload\":\"AAAA\"}}";
  cal_jpath paths[4] = {0}; /* the last one matches nothing */
  cal_jvalue out[4];
  assert_int_equal(cal_jpath_compile(&paths[0], "event"), 0);
  assert_int_equal(cal_jpath_compile(&paths[1], "media.payload"), 0);
  assert_int_equal(cal_jpath_compile(&paths[2], "media"), 0);
  assert_int_equal(cal_jscan_fields(text, strlen(text), paths, 4, out), 0);
  assert_true(cal_jvalue_is(&out[0], cal_span_of("media")));
  assert_true(cal_jvalue_is(&out[1], cal_span_of("AAAA")));
  assert_int_equal(out[2].kind, CAL_JSON_OBJECT);
  assert_int_equal(out[3].kind, CAL_JSON_ABSENT);
}

static void refuses_what_is_no_json_and_says_where(void **state) {
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"", "empty"},
      {" ", "ends where a value"},
      {"{", "name"},
      {"{\"a\"", "colon"},
      {"{\"a\":", "ends where a value"},
      {"{\"a\":1", "inside an object"},
      {"{\"a\":1,}", "name"},
      {"{\"a\" 1}", "colon"},
      {"{a:1}", "name"},
      {"[1", "inside an array"},
      {"[1,]", "not a value"},
      {"[1 2]", "comma"},
      {"\"abc", "inside a string"},
      {"\"abc\\", "inside a string"},
      {"\"\\x\"", "unknown escape"},
      {"\"\\u12g4\"", "hexadecimal"},
      {"\"\\u12", "hexadecimal"},
      {"\"a\nb\"", "control"},
      {"\"\xC3(\"", "UTF-8"},
      {"\"\xED\xA0\x80\"", "UTF-8"},
      {"\"\xC0\xAF\"", "UTF-8"},
      {"01", "after the end"},
      {"1.", "after its point"},
      {"1e", "exponent"},
      {"-", "without digits"},
      {".5", "not a value"},
      {"+1", "not a value"},
      {"tru", "not a value"},
      {"nulL", "not a value"},
      {"1 1", "after the end"},
      {"{}x", "after the end"},
      {"'a'", "not a value"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t bytes = strlen(cases[i].text);
    char *copy = cal_memdup(cases[i].text, bytes);
    if (cal_jscan_validate(copy, bytes) != -EBADMSG) fail_msg("accepted: %s", cases[i].text);
    if (!strstr(cal_error_text(), cases[i].says)) fail_msg("%s: %s", cases[i].text, cal_error_text());
    cal_free(copy);
  }
}

static void a_zero_byte_is_no_white_space_and_no_character(void **state) {
  assert_int_equal(cal_jscan_validate("{}\0", 3), -EBADMSG);
  assert_int_equal(cal_jscan_validate("\"a\0b\"", 5), -EBADMSG);
  assert_int_equal(cal_jscan_validate("\"\\\0\"", 4), -EBADMSG);
}

static void nesting_has_a_limit(void **state) {
  char text[2 * CAL_JSCAN_DEPTH + 2];
  memset(text, '[', CAL_JSCAN_DEPTH);
  memset(text + CAL_JSCAN_DEPTH, ']', CAL_JSCAN_DEPTH);
  assert_int_equal(cal_jscan_validate(text, 2 * CAL_JSCAN_DEPTH), 0);
  memset(text, '[', CAL_JSCAN_DEPTH + 1);
  memset(text + CAL_JSCAN_DEPTH + 1, ']', CAL_JSCAN_DEPTH + 1);
  assert_int_equal(cal_jscan_validate(text, 2 * CAL_JSCAN_DEPTH + 2), -EBADMSG);
  assert_non_null(strstr(cal_error_text(), "deep"));
  size_t many = 200000;
  char *deep = cal_alloc(many);
  memset(deep, '[', many);
  assert_int_equal(cal_jscan_validate(deep, many), -EBADMSG);
  cal_free(deep);
}

static void every_cut_of_a_text_is_refused(void **state) {
  const char *text = "{\"event\":\"media\",\"n\":[1.5,true,{\"p\":\"\\u00e9\xC3\xA9////8=\"}]}";
  size_t bytes = strlen(text);
  assert_int_equal(cal_jscan_validate(text, bytes), 0);
  for (size_t cut = 1; cut < bytes; cut++) {
    char *copy = cal_memdup(text, cut);
    assert_int_equal(cal_jscan_validate(copy, cut), -EBADMSG);
    cal_free(copy);
  }
}

/* Every length and every place of the special character: the fast steps and the slow end must agree. */
static void a_special_byte_is_found_at_any_place(void **state) {
  for (size_t length = 0; length < 70; length++) {
    for (size_t place = 0; place <= length; place++) {
      char text[80];
      memset(text, 'x', sizeof text);
      text[0] = text[1 + length] = '"';
      char *copy = cal_memdup(text, length + 2);
      assert_int_equal(cal_jscan_validate(copy, length + 2), 0);
      if (place < length) {
        copy[1 + place] = '\x1f';
        assert_int_equal(cal_jscan_validate(copy, length + 2), -EBADMSG);
        copy[1 + place] = '\x80';
        assert_int_equal(cal_jscan_validate(copy, length + 2), -EBADMSG);
        copy[1 + place] = '\x7f';
        assert_int_equal(cal_jscan_validate(copy, length + 2), 0);
      }
      cal_free(copy);
    }
  }
}

static void assert_unescaped(const char *raw, const char *plain, size_t bytes) {
  char into[64];
  char *copy = cal_strdup(raw);
  assert_int_equal(cal_jscan_unescape((cal_span){copy, strlen(raw)}, into, sizeof into), bytes);
  assert_memory_equal(into, plain, bytes);
  cal_free(copy);
}

static void unescapes(void **state) {
  assert_unescaped("plain", "plain", 5);
  assert_unescaped("", "", 0);
  assert_unescaped("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 8);
  assert_unescaped("\\u0041\\u00e9\\u20AC", "A\xC3\xA9\xE2\x82\xAC", 6);
  assert_unescaped("\\ud83d\\ude00", "\xF0\x9F\x98\x80", 4);
  assert_unescaped("\\ud83dx", "\xEF\xBF\xBDx", 4);
  assert_unescaped("\\ud83d\\u0041",
                   "\xEF\xBF\xBD"
                   "A",
                   4);
  assert_unescaped("a\\u0000b", "a\0b", 3);
  char small[3];
  assert_int_equal(cal_jscan_unescape(cal_span_of("abcd"), small, 3), -EMSGSIZE);
  assert_int_equal(cal_jscan_unescape(cal_span_of("ab\\u20ac"), small, 3), -EMSGSIZE);
  assert_int_equal(cal_jscan_unescape(cal_span_of("\\"), small, 3), -EBADMSG);
  assert_int_equal(cal_jscan_unescape(cal_span_of("\\u12"), small, 3), -EBADMSG);
}

static void reads_numbers_that_may_be_strings(void **state) {
  static const struct {
    const char *text;
    int is_good;
    int64_t number;
  } cases[] = {{"8000", 1, 8000}, {"\"8000\"", 1, 8000}, {"8000.0", 1, 8000}, {"-5", 1, -5},
               {"8000.5", 0, 0},  {"\"8k\"", 0, 0},      {"\"\"", 0, 0},      {"true", 0, 0},
               {"\"-\"", 0, 0},   {"1e3", 0, 0},         {"0", 1, 0},         {"99999999999999999999", 0, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[64];
    cal_jvalue value;
    int64_t number = 0;
    snprintf(text, sizeof text, "[%s]", cases[i].text);
    assert_int_equal(cal_jscan_find(text, strlen(text), "0", &value), 1);
    if ((cal_jvalue_integer(&number, &value) == 0) != cases[i].is_good) fail_msg("%s", cases[i].text);
    assert_int_equal(number, cases[i].number);
  }
}

static void bad_paths_are_named(void **state) {
  cal_jpath path;
  const char *bad[] = {"", ".a", "a.", "a..b", "a.b.c.d.e.f.g.h.i", NULL};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_equal(cal_jpath_compile(&path, bad[i]), -EINVAL);
  char long_path[CAL_JPATH_BYTES + 1];
  memset(long_path, 'a', sizeof long_path - 1);
  long_path[sizeof long_path - 1] = 0;
  assert_int_equal(cal_jpath_compile(&path, long_path), -EINVAL);
  long_path[CAL_JPATH_BYTES - 1] = 0;
  assert_int_equal(cal_jpath_compile(&path, long_path), 0);
  cal_jvalue value;
  assert_int_equal(cal_jscan_find("{}", 2, "a..b", &value), -EINVAL);
}

/* Every byte there is, escaped, scanned and unescaped: UTF-8 comes back as it was. */
static void what_is_escaped_reads_back(void **state) {
  char all[256 + 8], escaped[6 * sizeof all + 2], back[6 * sizeof all];
  size_t bytes = 0;
  for (int c = 0; c < 128; c++) all[bytes++] = (char)c;
  memcpy(all + bytes, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9);
  bytes += 9;
  ssize_t n = cal_json_escape_to(escaped + 1, sizeof escaped - 2, (cal_span){all, bytes});
  assert_true(n > 0);
  escaped[0] = escaped[n + 1] = '"';
  assert_int_equal(cal_jscan_validate(escaped, (size_t)n + 2), 0);
  assert_int_equal(cal_jscan_unescape((cal_span){escaped + 1, (size_t)n}, back, sizeof back), bytes);
  assert_memory_equal(back, all, bytes);
  cal_buf buf;
  cal_buf_init(&buf, 4096);
  assert_int_equal(cal_json_escape(&buf, (cal_span){all, bytes}), 0);
  assert_int_equal(buf.bytes, n);
  assert_memory_equal(buf.data, escaped + 1, (size_t)n);
  cal_buf_free(&buf);
}

static void escaping_repairs_utf8_and_respects_the_room(void **state) {
  char into[8];
  assert_int_equal(cal_json_escape_to(into, 8, (cal_span){"a\xFFz", 3}), 5);
  assert_memory_equal(into, "a\xEF\xBF\xBDz", 5);
  assert_int_equal(cal_json_escape_to(into, 8, cal_span_of("\x01\x02")), -EMSGSIZE);
  assert_int_equal(cal_json_escape_to(into, 2, cal_span_of("abc")), -EMSGSIZE);
  cal_buf buf;
  cal_buf_init(&buf, 6);
  assert_int_equal(cal_buf_text(&buf, "ab"), 0);
  assert_int_equal(cal_json_escape(&buf, cal_span_of("cd\"ef")), -EMSGSIZE);
  assert_int_equal(buf.bytes, 2);
  assert_string_equal(buf.data, "ab");
  cal_buf_free(&buf);
}

static void elements_of_an_array_come_one_by_one(void **state) {
  static const char text[] = " {\"a\":[ 1 , \"x],\\\"\" ,{\"b\":[2]},[ ] ]}";
  static const char *const expected[] = {"1 ", "\"x],\\\"\" ", "{\"b\":[2]}", "[ ] "};
  cal_jvalue array;
  cal_span element;
  assert_int_equal(cal_jscan_find(text, sizeof text - 1, "a", &array), 1);
  for (int i = 0; i < 4; i++) {
    assert_true(cal_jscan_next(&array.raw, &element));
    assert_true(cal_span_is(element, expected[i]));
  }
  assert_false(cal_jscan_next(&array.raw, &element));
  assert_false(cal_jscan_next(&array.raw, &element));
  cal_span empty = cal_span_of("[ ]");
  assert_false(cal_jscan_next(&empty, &element));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_every_kind_of_value),
      cmocka_unit_test(follows_paths_through_objects_and_arrays),
      cmocka_unit_test(the_last_of_a_repeated_name_wins),
      cmocka_unit_test(a_name_may_be_escaped),
      cmocka_unit_test(one_walk_serves_many_paths),
      cmocka_unit_test(refuses_what_is_no_json_and_says_where),
      cmocka_unit_test(a_zero_byte_is_no_white_space_and_no_character),
      cmocka_unit_test(nesting_has_a_limit),
      cmocka_unit_test(every_cut_of_a_text_is_refused),
      cmocka_unit_test(a_special_byte_is_found_at_any_place),
      cmocka_unit_test(unescapes),
      cmocka_unit_test(reads_numbers_that_may_be_strings),
      cmocka_unit_test(bad_paths_are_named),
      cmocka_unit_test(what_is_escaped_reads_back),
      cmocka_unit_test(escaping_repairs_utf8_and_respects_the_room),
      cmocka_unit_test(elements_of_an_array_come_one_by_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
