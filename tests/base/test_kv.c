#include "base/kv.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"

#define START (1000 * CAL_S)
#define S(text) cal_span_of(text)

static cal_kv *kv;

static int setup(void **state) {
  kv = cal_kv_new(1 << 20);
  return 0;
}

static int teardown(void **state) {
  kv = cal_kv_free(kv);
  return kv != NULL;
}

/* The value, or NULL when there is none. */
static const char *value(const char *key, uint64_t now_ns) {
  static char text[256];
  cal_buf buf;
  cal_buf_init(&buf, sizeof text - 1);
  int found = cal_kv_get(kv, S(key), &buf, now_ns);
  assert_in_range(found, 0, 1);
  if (found) memcpy(text, buf.data, buf.bytes + 1);
  cal_buf_free(&buf);
  return found ? text : NULL;
}

static void what_is_set_is_found_until_removed(void **state) {
  assert_null(value("a", START));
  assert_int_equal(cal_kv_set(kv, S("a"), S("one"), 0, START), 0);
  assert_int_equal(cal_kv_set(kv, S("b"), S("two"), 0, START), 0);
  assert_int_equal(cal_kv_set(kv, S("a"), S("three and more"), 0, START), 0);
  assert_string_equal(value("a", START), "three and more");
  assert_string_equal(value("b", START), "two");
  assert_int_equal(cal_kv_count(kv, START), 2);
  assert_int_equal(cal_kv_remove(kv, S("a"), START), 1);
  assert_int_equal(cal_kv_remove(kv, S("a"), START), 0);
  assert_null(value("a", START));
  assert_string_equal(value("b", START + 1000000 * CAL_S), "two");
}

static void keys_and_values_are_bytes(void **state) {
  cal_span key = {.at = "k\0x", .bytes = 3}, other = {.at = "k\0y", .bytes = 3};
  assert_int_equal(cal_kv_set(kv, key, (cal_span){.at = "v\0w", .bytes = 3}, 0, START), 0);
  assert_int_equal(cal_kv_set(kv, S(""), S(""), 0, START), 0);
  cal_buf buf;
  cal_buf_init(&buf, 100);
  assert_int_equal(cal_kv_get(kv, key, &buf, START), 1);
  assert_int_equal(buf.bytes, 3);
  assert_memory_equal(buf.data, "v\0w", 3);
  assert_int_equal(cal_kv_get(kv, other, &buf, START), 0);
  assert_int_equal(cal_kv_get(kv, S(""), &buf, START), 1);
  assert_int_equal(buf.bytes, 3);
  cal_buf_free(&buf);
}

static void an_entry_lives_for_its_time_and_not_longer(void **state) {
  cal_kv_set(kv, S("a"), S("x"), 1000, START);
  assert_string_equal(value("a", START + 999 * CAL_MS), "x");
  assert_null(value("a", START + 1000 * CAL_MS));
  assert_int_equal(cal_kv_bytes(kv), 0);

  cal_kv_set(kv, S("a"), S("x"), 1000, START);
  cal_kv_set(kv, S("a"), S("y"), 0, START); /* now for ever */
  assert_string_equal(value("a", START + 5000 * CAL_MS), "y");
  cal_kv_set(kv, S("a"), S("z"), 10, START + 5000 * CAL_MS);
  assert_int_equal(cal_kv_count(kv, START + 5010 * CAL_MS), 0);

  cal_kv_set(kv, S("b"), S("far"), UINT64_MAX, START);
  assert_string_equal(value("b", UINT64_MAX), "far");
}

static void add_is_a_latch_that_opens_with_time(void **state) {
  assert_int_equal(cal_kv_add(kv, S("lock"), S("me"), 100, START), 1);
  assert_int_equal(cal_kv_add(kv, S("lock"), S("you"), 100, START + 99 * CAL_MS), 0);
  assert_string_equal(value("lock", START + 99 * CAL_MS), "me");
  assert_int_equal(cal_kv_add(kv, S("lock"), S("you"), 100, START + 100 * CAL_MS), 1);
  assert_string_equal(value("lock", START + 100 * CAL_MS), "you");
}

static void increments_count_and_the_time_to_live_is_that_of_the_first(void **state) {
  int64_t result = -1;
  assert_int_equal(cal_kv_increment(kv, &result, S("n"), 5, 1000, START), 0);
  assert_int_equal(result, 5);
  assert_int_equal(cal_kv_increment(kv, &result, S("n"), -8, 9000, START + 900 * CAL_MS), 0);
  assert_int_equal(result, -3);
  assert_string_equal(value("n", START + 999 * CAL_MS), "-3");
  assert_int_equal(cal_kv_increment(kv, &result, S("n"), 1, 0, START + 1000 * CAL_MS), 0);
  assert_int_equal(result, 1);
}

static void only_whole_numbers_are_incremented(void **state) {
  static const char *const cases[] = {"", "-", "x", "1x", " 1", "1.5", "+1", "99999999999999999999", "0x10"};
  int64_t result = 77;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cal_kv_set(kv, S("n"), S(cases[i]), 0, START);
    assert_int_equal(cal_kv_increment(kv, &result, S("n"), 1, 0, START), -EINVAL);
    assert_string_equal(value("n", START), cases[i]);
  }
  cal_kv_set(kv, S("n"), S("9223372036854775807"), 0, START);
  assert_int_equal(cal_kv_increment(kv, &result, S("n"), 1, 0, START), -ERANGE);
  assert_string_equal(value("n", START), "9223372036854775807");
  assert_int_equal(result, 77);
  assert_int_equal(cal_kv_increment(kv, &result, S("n"), -1, 0, START), 0);
  assert_true(result == INT64_MAX - 1);
}

static void sizes_have_limits(void **state) {
  static char lots[64 * 1024 + 1];
  memset(lots, 'k', sizeof lots);
  cal_span key = {.at = lots, .bytes = 512}, long_key = {.at = lots, .bytes = 513};
  cal_span big = {.at = lots, .bytes = 64 * 1024}, too_big = {.at = lots, .bytes = 64 * 1024 + 1};
  int64_t result;
  assert_int_equal(cal_kv_set(kv, key, big, 0, START), 0);
  assert_int_equal(cal_kv_set(kv, long_key, S("x"), 0, START), -EMSGSIZE);
  assert_int_equal(cal_kv_set(kv, S("x"), too_big, 0, START), -EMSGSIZE);
  assert_int_equal(cal_kv_add(kv, long_key, S("x"), 0, START), -EMSGSIZE);
  assert_int_equal(cal_kv_increment(kv, &result, long_key, 1, 0, START), -EMSGSIZE);
  assert_int_equal(cal_kv_count(kv, START), 1);
  cal_buf small;
  cal_buf_init(&small, 100);
  assert_int_equal(cal_kv_get(kv, key, &small, START), -EMSGSIZE);
  cal_buf_free(&small);
}

static void a_full_store_refuses_and_evicts_nothing(void **state) {
  cal_kv *small = cal_kv_new(4000);
  char key[16];
  int count = 0, status;
  int64_t result;
  for (;; count++) {
    snprintf(key, sizeof key, "key%d", count);
    if ((status = cal_kv_set(small, S(key), S("0123456789"), 5000, START)) < 0) break;
  }
  assert_int_equal(status, -ENOSPC);
  assert_true(count > 10);
  assert_true(cal_kv_bytes(small) <= 4000);
  assert_int_equal(cal_kv_add(small, S("another"), S("0123456789"), 0, START), -ENOSPC);
  assert_int_equal(cal_kv_increment(small, &result, S("another, with a longer key than those"), 1, 0, START),
                   -ENOSPC);
  assert_int_equal(cal_kv_count(small, START), count);
  /* Replacing like by like fits; by something much longer it does not, and the old value stays. */
  char longer[500];
  memset(longer, 'x', sizeof longer);
  assert_int_equal(cal_kv_set(small, S("key0"), S("9876543210"), 5000, START), 0);
  assert_int_equal(cal_kv_set(small, S("key0"), (cal_span){.at = longer, .bytes = sizeof longer}, 0, START),
                   -ENOSPC);
  cal_buf buf;
  cal_buf_init(&buf, 100);
  assert_int_equal(cal_kv_get(small, S("key0"), &buf, START), 1);
  assert_string_equal(buf.data, "9876543210");
  cal_buf_free(&buf);
  /* What has expired makes room by itself. */
  assert_int_equal(cal_kv_add(small, S("another"), S("0123456789"), 0, START + 5 * CAL_S), 1);
  assert_int_equal(cal_kv_count(small, START + 5 * CAL_S), 1);
  cal_kv_free(small);
}

static void many_entries_are_all_found_and_expire_each_in_its_time(void **state) {
  char key[16], text[16];
  for (int i = 0; i < 3000; i++) {
    snprintf(key, sizeof key, "k%d", i);
    snprintf(text, sizeof text, "v%d", i);
    assert_int_equal(cal_kv_set(kv, S(key), S(text), (uint64_t)(1 + i * 7919 % 3000), START), 0);
  }
  for (int i = 0; i < 3000; i++) {
    snprintf(key, sizeof key, "k%d", i);
    snprintf(text, sizeof text, "v%d", i);
    assert_string_equal(value(key, START), text);
  }
  for (uint64_t ms = 0; ms <= 3000; ms += 250)
    assert_int_equal(cal_kv_count(kv, START + ms * CAL_MS), 3000 - ms);
  assert_int_equal(cal_kv_bytes(kv), 0);
}

static void *count_up(void *context) {
  int64_t result;
  for (int i = 0; i < 5000; i++) {
    cal_kv_increment(kv, &result, S("shared"), 1, 0, START);
    cal_kv_add(kv, S("once"), S(context), 0, START);
  }
  return NULL;
}

static void threads_lose_no_increment(void **state) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, count_up, "x");
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  assert_string_equal(value("shared", START), "20000");
  assert_int_equal(cal_kv_count(kv, START), 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_is_set_is_found_until_removed, setup, teardown),
      cmocka_unit_test_setup_teardown(keys_and_values_are_bytes, setup, teardown),
      cmocka_unit_test_setup_teardown(an_entry_lives_for_its_time_and_not_longer, setup, teardown),
      cmocka_unit_test_setup_teardown(add_is_a_latch_that_opens_with_time, setup, teardown),
      cmocka_unit_test_setup_teardown(increments_count_and_the_time_to_live_is_that_of_the_first, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(only_whole_numbers_are_incremented, setup, teardown),
      cmocka_unit_test_setup_teardown(sizes_have_limits, setup, teardown),
      cmocka_unit_test_setup_teardown(a_full_store_refuses_and_evicts_nothing, setup, teardown),
      cmocka_unit_test_setup_teardown(many_entries_are_all_found_and_expire_each_in_its_time, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(threads_lose_no_increment, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
