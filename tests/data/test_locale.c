#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "data/locale.h"

static void assert_text(const char *wanted, const char *text, int bytes) {
  if (bytes < 0) fail_msg("'%s': %s", wanted, cal_error_text());
  char whole[CAL_LOCALE_ROOM + 1] = "";
  memcpy(whole, text, (size_t)bytes);
  assert_string_equal(wanted, whole);
}

static void numbers_are_spelled_in_many_languages(void **state) {
  static const struct {
    const char *tag;
    cal_spelling how;
    double value;
    const char *text;
  } cases[] = {
      {"hi-IN", CAL_SPELL_NUMBER, 150000, "एक लाख पचास हज़ार"},
      {"hi", CAL_SPELL_NUMBER, -12.05, "ऋण बारह दशमलव शून्य पाँच"},
      {"es", CAL_SPELL_FEMININE, 200, "doscientas"},
      {"es_MX", CAL_SPELL_MASCULINE, 21, "veintiún"},
      {"de", CAL_SPELL_NUMBER, 121, "einhunderteinundzwanzig"},
      {"de", CAL_SPELL_ORDINAL, 3, "dritte"},
      {"fr", CAL_SPELL_NEUTER, 80, "quatre-vingts"},
      {"zh", CAL_SPELL_YEAR, 2026, "二〇二六"},
      {"te", CAL_SPELL_NUMBER, 0, "సున్నా"},
      {"te", CAL_SPELL_NUMBER, 101, "నూట ఒకటి"},
      {"te", CAL_SPELL_NUMBER, 2000, "రెండు వేలు"},
      {"te", CAL_SPELL_NUMBER, 2534821, "ఇరవై ఐదు లక్షల ముప్పై నాలుగు వేల ఎనిమిది వందల ఇరవై ఒకటి"},
      {"te", CAL_SPELL_NUMBER, 20000001, "రెండు కోట్ల ఒకటి"},
      {"te", CAL_SPELL_ORDINAL, 31, "ముప్పై ఒకటవ"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[CAL_LOCALE_ROOM];
    int bytes = cal_locale_spell(text, sizeof text, cases[i].tag, cases[i].how, cases[i].value);
    assert_text(cases[i].text, text, bytes);
  }
}

static void every_number_can_be_spelled_in_telugu(void **state) {
  char text[CAL_LOCALE_ROOM];
  for (double value = 0; value < 1e15; value = value < 10000 ? value + 1 : floor(value * 1.37))
    assert_true(cal_locale_spell(text, sizeof text, "te", CAL_SPELL_NUMBER, value) > 0);
}

static void what_is_not_there_is_refused(void **state) {
  static const struct {
    const char *tag;
    cal_spelling how;
    double value;
    int code;
  } cases[] = {
      {"", CAL_SPELL_NUMBER, 1, -EINVAL},
      {"hindi", CAL_SPELL_NUMBER, 1, -EINVAL},
      {"h", CAL_SPELL_NUMBER, 1, -EINVAL},
      {"hi/../x", CAL_SPELL_NUMBER, 1, -EINVAL},
      {"hi@x=y", CAL_SPELL_NUMBER, 1, -EINVAL},
      {"hi-0123456789012345678901234567890123456789", 0, 1, -EINVAL},
      {"xx", CAL_SPELL_NUMBER, 1, -ENOENT},
      {"bn", CAL_SPELL_NUMBER, 1, -ENOTSUP},
      {"ta", CAL_SPELL_ORDINAL, 99, -ENOTSUP},
      {"hi", CAL_SPELL_NUMBER, 1e15, -ERANGE},
      {"hi", CAL_SPELL_NUMBER, -1e300, -ERANGE},
      {"hi", CAL_SPELL_NUMBER, NAN, -ERANGE},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[CAL_LOCALE_ROOM];
    assert_int_equal(cases[i].code,
                     cal_locale_spell(text, sizeof text, cases[i].tag, cases[i].how, cases[i].value));
  }
  char text[4];
  assert_int_equal(-ENOSPC, cal_locale_spell(text, sizeof text, "hi", CAL_SPELL_NUMBER, 1234));
  assert_int_equal(-ENOTSUP, cal_locale_currency(text, sizeof text, "hi", "XQZ", 1));
}

static void money_and_dates_have_their_names(void **state) {
  static const cal_zone_fields march = {.year = 2026, .month = 3, .day = 3, .hour = 15, .minute = 30};
  static const cal_zone_fields none = {.year = 2026, .month = 2, .day = 30};
  char text[CAL_LOCALE_ROOM];
  assert_text("dólar estadounidense", text, cal_locale_currency(text, sizeof text, "es", "usd", 1));
  assert_text("dólares estadounidenses", text, cal_locale_currency(text, sizeof text, "es", "USD", 2));
  assert_text("الثلاثاء، 3 مارس", text, cal_locale_date(text, sizeof text, "ar", "EEEEMMMMd", 1, &march));
  assert_text("दोपहर", text, cal_locale_date(text, sizeof text, "hi", "B", 0, &march));
  assert_int_equal(-EINVAL, cal_locale_date(text, sizeof text, "hi", "B", 0, &none));
  assert_int_equal(-EINVAL, cal_locale_date(text, sizeof text, "hi", "\xff\xfe", 0, &march));
  for (const char *p = "EMdyHm"; *p; p++) /* more patterns than are kept */
    assert_true(cal_locale_date(text, sizeof text, "hi", p, 0, &march) > 0);
}

static void letters_are_counted_as_people_count_them(void **state) {
  static const char hindi[] = "नमस्ते", mixed[] = "e\xCC\x81x";
  uint32_t ends[4];
  assert_int_equal(3, cal_locale_letters(ends, 4, hindi, sizeof hindi - 1));
  assert_int_equal(6, ends[1]);
  assert_int_equal(2, cal_locale_letters(ends, 1, mixed, sizeof mixed - 1));
  assert_int_equal(3, ends[0]);
  assert_int_equal(0, cal_locale_letters(ends, 4, "", 0));
  assert_true(cal_locale_letters(ends, 4, "\xff\x80x", 3) > 0);
}

/* More languages than a thread keeps: the oldest go, and come again. */
static void *speak_many(void *unused) {
  static const char *const tags[] = {"hi", "es", "de", "fr", "pt", "ar", "id", "ta", "te", "ru", "it", "nl"};
  char text[CAL_LOCALE_ROOM];
  for (int round = 0; round < 3; round++)
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
      if (cal_locale_spell(text, sizeof text, tags[i], CAL_SPELL_NUMBER, 42) <= 0) return (void *)tags[i];
      if (cal_locale_currency(text, sizeof text, tags[i], "EUR", 42) <= 0) return (void *)tags[i];
    }
  return NULL;
}

static void threads_keep_languages_of_their_own(void **state) {
  pthread_t threads[3];
  void *failed;
  for (int i = 0; i < 3; i++) assert_int_equal(0, pthread_create(&threads[i], NULL, speak_many, NULL));
  assert_null(speak_many(NULL));
  for (int i = 0; i < 3; i++) {
    pthread_join(threads[i], &failed);
    assert_null(failed);
  }
}

static int leave_nothing(void **state) {
  cal_locale_cleanup();
  return 0;
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_spelled_in_many_languages),
      cmocka_unit_test(every_number_can_be_spelled_in_telugu),
      cmocka_unit_test(what_is_not_there_is_refused),
      cmocka_unit_test(money_and_dates_have_their_names),
      cmocka_unit_test(letters_are_counted_as_people_count_them),
      cmocka_unit_test(threads_keep_languages_of_their_own),
  };
  return cmocka_run_group_tests(tests, NULL, leave_nothing);
}
