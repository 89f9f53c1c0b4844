#include "base/error.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/check.h"

static void fail_gives_the_code_and_keeps_the_sentence(void **state) {
  assert_int_equal(cal_fail(-EINVAL, "a rate of %d Hz", 12345), -EINVAL);
  assert_string_equal(cal_error_text(), "a rate of 12345 Hz");
}

static void a_sentence_may_hold_the_one_before(void **state) {
  cal_fail(-EIO, "the disk is gone");
  cal_fail(-EIO, "no recording: %s", cal_error_text());
  assert_string_equal(cal_error_text(), "no recording: the disk is gone");
}

static void a_long_sentence_is_cut_at_511_bytes(void **state) {
  char lots[2000];
  memset(lots, 'a', sizeof lots - 1);
  lots[sizeof lots - 1] = 0;
  cal_fail(-EIO, "%s", lots);
  assert_int_equal(strlen(cal_error_text()), 511);
}

static void *fail_elsewhere(void *context) {
  const char *before = cal_error_text();
  int was_empty = before && !*before;
  cal_fail(-EIO, "elsewhere");
  return was_empty ? context : NULL;
}

static void every_thread_has_its_own_sentence(void **state) {
  cal_fail(-EIO, "here");
  pthread_t thread;
  int token;
  void *result = NULL;
  assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, &token), 0);
  pthread_join(thread, &result);
  assert_ptr_equal(result, &token);
  assert_string_equal(cal_error_text(), "here");
}

static void numbers_have_names(void **state) {
  static const struct {
    int code;
    const char *name;
  } cases[] = {{-ETIMEDOUT, "ETIMEDOUT"}, {ETIMEDOUT, "ETIMEDOUT"},  {-ECONNREFUSED, "ECONNREFUSED"},
               {-ENOBUFS, "ENOBUFS"},     {-ESHUTDOWN, "ESHUTDOWN"}, {-4095, "EOF"},
               {-3008, "EAI_NONAME"},     {0, "EUNKNOWN"},           {-77777, "EUNKNOWN"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_string_equal(cal_error_name(cases[i].code), cases[i].name);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fail_gives_the_code_and_keeps_the_sentence),
      cmocka_unit_test(a_sentence_may_hold_the_one_before),
      cmocka_unit_test(a_long_sentence_is_cut_at_511_bytes),
      cmocka_unit_test(every_thread_has_its_own_sentence),
      cmocka_unit_test(numbers_have_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
