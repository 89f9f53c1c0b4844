#include "base/ids.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

static void the_same_seed_gives_the_same_ids(void **state) {
  cal_ids *a = cal_ids_simulated(42), *b = cal_ids_simulated(42), *c = cal_ids_simulated(43);
  char one[64], two[64], other[64];
  for (int i = 0; i < 10; i++) {
    assert_int_equal(cal_ids_text(a, one, sizeof one, "call_", 15), 0);
    assert_int_equal(cal_ids_text(b, two, sizeof two, "call_", 15), 0);
    assert_int_equal(cal_ids_text(c, other, sizeof other, "call_", 15), 0);
    assert_string_equal(one, two);
    assert_string_not_equal(one, other);
  }
  assert_null(cal_ids_free(a));
  cal_ids_free(b);
  cal_ids_free(c);
}

static void text_has_its_prefix_length_and_letters_only(void **state) {
  for (size_t bytes = 0; bytes <= 100; bytes++) {
    char text[256];
    memset(text, '!', sizeof text);
    assert_int_equal(cal_ids_text(cal_ids_real(), text, 3 + CAL_IDS_TEXT_ROOM(bytes), "CA-", bytes), 0);
    assert_int_equal(strlen(text), 3 + (bytes * 8 + 4) / 5);
    assert_memory_equal(text, "CA-", 3);
    assert_int_equal(strspn(text + 3, "abcdefghijklmnopqrstuvwxyz234567"), strlen(text) - 3);
  }
}

static void too_little_room_writes_nothing(void **state) {
  char text[32] = "before";
  assert_int_equal(cal_ids_text(cal_ids_real(), text, CAL_IDS_TEXT_ROOM(10) - 1, NULL, 10), -EMSGSIZE);
  assert_string_equal(text, "before");
  assert_int_equal(cal_ids_text(cal_ids_real(), text, CAL_IDS_TEXT_ROOM(10), NULL, 10), 0);
  assert_int_equal(strlen(text), 16);
}

static void real_ids_do_not_repeat(void **state) {
  char seen[200][32];
  for (int i = 0; i < 200; i++) {
    cal_ids_text(cal_ids_real(), seen[i], sizeof seen[i], "", 10);
    for (int j = 0; j < i; j++) assert_string_not_equal(seen[i], seen[j]);
  }
  assert_null(cal_ids_free(cal_ids_real()));
}

static void every_byte_value_comes_about_equally_often(void **state) {
  unsigned char bytes[256 * 64];
  int counts[256] = {0};
  cal_ids *ids = cal_ids_simulated(1);
  cal_ids_bytes(ids, bytes, sizeof bytes);
  for (size_t i = 0; i < sizeof bytes; i++) counts[bytes[i]]++;
  for (int i = 0; i < 256; i++) assert_in_range(counts[i], 24, 112); /* 64 is expected, and sigma is 8 */
  cal_ids_free(ids);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_same_seed_gives_the_same_ids),
      cmocka_unit_test(text_has_its_prefix_length_and_letters_only),
      cmocka_unit_test(too_little_room_writes_nothing),
      cmocka_unit_test(real_ids_do_not_repeat),
      cmocka_unit_test(every_byte_value_comes_about_equally_often),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
