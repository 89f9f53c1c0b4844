#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "data/zone.h"
#include "data/zone_rule.h"

static const cal_zone *find(const char *name) {
  const cal_zone *zone;
  if (cal_zone_find(&zone, name) < 0) fail_msg("%s: %s", name, cal_error_text());
  return zone;
}

static cal_zone_fields fields_of(const char *text) {
  cal_zone_fields f = {0};
  assert_true(sscanf(text, "%d-%d-%d %d:%d:%d", &f.year, &f.month, &f.day, &f.hour, &f.minute, &f.second) >=
              5);
  return f;
}

/* ---- instants */

static void zones_know_their_offsets(void **state) {
  static const struct {
    const char *zone, *local;
    int64_t instant;
    int offset_s, is_summer;
    const char *abbreviation;
  } cases[] = {{"Europe/Berlin", "2026-01-15 12:00", 1768474800, 3600, 0, "CET"},
               {"Europe/Berlin", "2026-07-15 12:00", 1784109600, 7200, 1, "CEST"},
               {"Europe/Berlin", "2050-01-15 12:00", 2525857200, 3600, 0, "CET"},
               {"Europe/Berlin", "2050-07-15 12:00", 2541492000, 7200, 1, "CEST"},
               {"America/New_York", "2026-01-15 12:00", 1768496400, -18000, 0, "EST"},
               {"America/New_York", "2026-07-15 12:00", 1784131200, -14400, 1, "EDT"},
               {"America/New_York", "2050-07-15 12:00", 2541513600, -14400, 1, "EDT"},
               {"Asia/Kolkata", "2026-07-15 12:00", 1784097000, 19800, 0, "IST"},
               {"Asia/Kolkata", "2050-07-15 12:00", 2541479400, 19800, 0, "IST"},
               {"Asia/Kolkata", "1943-07-15 12:00", -835209000, 23400, 1, "+0630"},
               {"Australia/Lord_Howe", "2026-01-15 12:00", 1768438800, 39600, 1, "+11"},
               {"Australia/Lord_Howe", "2026-07-15 12:00", 1784079000, 37800, 0, "+1030"},
               {"Australia/Lord_Howe", "2050-01-15 12:00", 2525821200, 39600, 1, "+11"},
               {"Asia/Kathmandu", "2026-07-15 12:00", 1784096100, 20700, 0, "+0545"},
               {"UTC", "2026-07-15 12:00", 1784116800, 0, 0, "UTC"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const cal_zone *zone = find(cases[i].zone);
    cal_zone_period period = cal_zone_at(zone, cases[i].instant);
    assert_int_equal(period.offset_s, cases[i].offset_s);
    assert_int_equal(period.is_summer, cases[i].is_summer);
    assert_string_equal(period.abbreviation, cases[i].abbreviation);
    cal_zone_fields f = fields_of(cases[i].local), back = cal_zone_fields_at(zone, cases[i].instant);
    back.weekday = 0;
    assert_memory_equal(&f, &back, sizeof f);
    int64_t instant;
    assert_int_equal(cal_zone_instant(zone, &f, &instant), CAL_ZONE_ONCE);
    assert_int_equal(instant, cases[i].instant);
  }
}

static void gaps_and_overlaps_follow_the_rule(void **state) {
  static const struct {
    const char *zone, *local;
    int fit;
    const char *becomes; /* the local time of the instant */
    int64_t instant;
  } cases[] = {{"Europe/Berlin", "2026-03-29 01:59:59", CAL_ZONE_ONCE, "2026-03-29 01:59:59", 1774745999},
               {"Europe/Berlin", "2026-03-29 02:00", CAL_ZONE_GAP, "2026-03-29 03:00", 1774746000},
               {"Europe/Berlin", "2026-03-29 02:30", CAL_ZONE_GAP, "2026-03-29 03:30", 1774747800},
               {"Europe/Berlin", "2026-03-29 03:00", CAL_ZONE_ONCE, "2026-03-29 03:00", 1774746000},
               {"Europe/Berlin", "2026-10-25 01:59:59", CAL_ZONE_ONCE, "2026-10-25 01:59:59", 1792886399},
               {"Europe/Berlin", "2026-10-25 02:30", CAL_ZONE_OVERLAP, "2026-10-25 02:30", 1792888200},
               {"Europe/Berlin", "2026-10-25 03:00", CAL_ZONE_ONCE, "2026-10-25 03:00", 1792893600},
               {"Europe/Berlin", "2050-03-27 02:30", CAL_ZONE_GAP, "2050-03-27 03:30", 2531957400},
               {"Europe/Berlin", "2050-10-30 02:30", CAL_ZONE_OVERLAP, "2050-10-30 02:30", 2550702600},
               {"America/New_York", "2026-03-08 02:30", CAL_ZONE_GAP, "2026-03-08 03:30", 1772955000},
               {"America/New_York", "2026-11-01 01:30", CAL_ZONE_OVERLAP, "2026-11-01 01:30", 1793511000},
               {"Australia/Lord_Howe", "2026-10-04 02:15", CAL_ZONE_GAP, "2026-10-04 02:45", 1791042300},
               {"Australia/Lord_Howe", "2026-04-05 01:45", CAL_ZONE_OVERLAP, "2026-04-05 01:45", 1775313900},
               {"Pacific/Apia", "2011-12-30 02:30", CAL_ZONE_GAP, "2011-12-31 02:30", 1325248200},
               {"Asia/Kolkata", "2026-03-29 02:30", CAL_ZONE_ONCE, "2026-03-29 02:30", 1774731600}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const cal_zone *zone = find(cases[i].zone);
    cal_zone_fields f = fields_of(cases[i].local), wanted = fields_of(cases[i].becomes);
    int64_t instant = 0;
    int fit = cal_zone_instant(zone, &f, &instant);
    if (fit != cases[i].fit || instant != cases[i].instant)
      fail_msg("%s %s: fit %d, instant %lld", cases[i].zone, cases[i].local, fit, (long long)instant);
    f = cal_zone_fields_at(zone, instant);
    f.weekday = 0;
    assert_memory_equal(&f, &wanted, sizeof f);
  }
}

static void changes_are_told_one_after_the_other(void **state) {
  const cal_zone *berlin = find("Europe/Berlin");
  int64_t at = 1767222000, change; /* 2026-01-01 00:00 */
  for (int year = 2026; year < 2060; year++) {
    for (int i = 0; i < 2; i++) {
      assert_int_equal(cal_zone_next_change(berlin, at, &change), 1);
      assert_true(change > at);
      assert_int_equal(cal_zone_at(berlin, change).is_summer, i == 0);
      assert_int_equal(cal_zone_at(berlin, change - 1).is_summer, i == 1);
      cal_zone_fields f = cal_zone_fields_at(berlin, change);
      assert_int_equal(f.year, year);
      assert_int_equal(f.month, i ? 10 : 3);
      assert_int_equal(f.weekday, 0);
      at = change;
    }
  }
  assert_int_equal(cal_zone_next_change(find("UTC"), 0, &change), 0);
  assert_int_equal(cal_zone_next_change(find("Asia/Kolkata"), 1767222000, &change), 0);
}

/* Every local time of three years comes back, and those that do not are gaps and overlaps, as many as
 * changes. */
static void every_local_time_comes_back(void **state) {
  static const char *const names[] = {"Europe/Berlin",       "America/New_York", "Asia/Kolkata",
                                      "Australia/Lord_Howe", "Europe/Dublin",    "Africa/Casablanca",
                                      "America/Sao_Paulo",   "Pacific/Chatham"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const cal_zone *zone = find(names[i]);
    for (int64_t at = 1767222000; at < 1767222000 + 3 * 366 * 86400; at += 613) {
      cal_zone_fields f = cal_zone_fields_at(zone, at);
      int64_t back;
      int fit = cal_zone_instant(zone, &f, &back);
      assert_int_not_equal(fit, CAL_ZONE_GAP);
      if (fit == CAL_ZONE_ONCE) assert_int_equal(back, at);
      if (fit == CAL_ZONE_OVERLAP) assert_true(back == at || (back < at && at - back <= 7200));
    }
  }
}

/* A second opinion: the C library reads the same files. */
static void the_c_library_agrees(void **state) {
  char name[64], line[256];
  FILE *list = fopen("/usr/share/zoneinfo/zone1970.tab", "r");
  assert_non_null(list);
  int count = 0;
  while (fgets(line, sizeof line, list)) {
    if (*line == '#' || sscanf(line, "%*s %*s %63s", name) != 1) continue;
    const cal_zone *zone = find(name);
    setenv("TZ", name, 1);
    tzset();
    for (int64_t at = 86400; at < INT64_C(4102444800); at += 86400 * 19 + 3607) { /* until 2100 */
      time_t plain = (time_t)at;
      struct tm local;
      localtime_r(&plain, &local);
      cal_zone_period period = cal_zone_at(zone, at);
      if (period.offset_s != local.tm_gmtoff || strcmp(period.abbreviation, local.tm_zone))
        fail_msg("%s at %lld: %d %s, not %ld %s", name, (long long)at, period.offset_s, period.abbreviation,
                 local.tm_gmtoff, local.tm_zone);
    }
    count++;
  }
  fclose(list);
  unsetenv("TZ");
  tzset();
  assert_true(count > 200);
}

static void fields_are_checked(void **state) {
  const cal_zone *zone = find("UTC");
  static const char *const wrong[] = {"2026-02-29 00:00", "2026-00-01 00:00", "2026-13-01 00:00",
                                      "2026-04-31 00:00", "2026-01-01 24:00", "2026-01-01 00:60",
                                      "0000-01-01 00:00", "10000-01-01 00:00"};
  int64_t instant;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    cal_zone_fields f = fields_of(wrong[i]);
    assert_int_equal(cal_zone_instant(zone, &f, &instant), -EINVAL);
  }
  cal_zone_fields leap = fields_of("2028-02-29 00:00");
  assert_int_equal(cal_zone_instant(zone, &leap, &instant), CAL_ZONE_ONCE);
  cal_zone_fields first = fields_of("0001-01-01 00:00:00"), last = fields_of("9999-12-31 23:59:59");
  assert_int_equal(cal_zone_instant(zone, &first, &instant), CAL_ZONE_ONCE);
  assert_int_equal(instant, CAL_ZONE_INSTANT_MIN);
  assert_int_equal(cal_zone_instant(zone, &last, &instant), CAL_ZONE_ONCE);
  assert_int_equal(instant, CAL_ZONE_INSTANT_MAX);
}

/* ---- names and files */

static void names_that_are_paths_are_refused(void **state) {
  static const char *const wrong[] = {"",
                                      "/etc/passwd",
                                      "../../etc/passwd",
                                      "Europe/../Europe/Berlin",
                                      "Europe//Berlin",
                                      "Europe/",
                                      "Europe/Berlin\n",
                                      ".",
                                      "zone1970.tab",
                                      ":Europe/Berlin",
                                      "1/2",
                                      "Europe/Ber lin",
                                      "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg"};
  const cal_zone *zone = NULL;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_int_equal(cal_zone_find(&zone, wrong[i]), -EINVAL);
  assert_int_equal(cal_zone_find(&zone, "Mars/Base"), -ENOENT);
  assert_non_null(strstr(cal_error_text(), "Mars/Base"));
  assert_int_equal(cal_zone_find(&zone, "Europe"), -ENOENT); /* a folder */
  assert_int_equal(cal_zone_find(&zone, "leapseconds"), -EBADMSG);
  assert_null(zone);
}

static void a_zone_is_read_once(void **state) {
  assert_ptr_equal(find("Europe/Paris"), find("Europe/Paris"));
  const cal_zone *paris = find("Europe/Paris"), *zone;
  cal_zone_set_folder("/nowhere/at/all");
  assert_ptr_equal(find("Europe/Paris"), paris);
  find("Etc/UTC"); /* needs no file */
  assert_int_equal(cal_zone_find(&zone, "Europe/Oslo"), -ENOENT);
  assert_non_null(strstr(cal_error_text(), "tzdata"));
  cal_zone_set_folder(NULL);
  find("Europe/Oslo");
}

typedef struct image {
  uint8_t data[4096];
  size_t bytes;
} image;

static void put(image *im, const void *data, size_t bytes) {
  memcpy(im->data + im->bytes, data, bytes);
  im->bytes += bytes;
}

static void put_number(image *im, int64_t number, int bytes) {
  for (int i = bytes - 1; i >= 0; i--) im->data[im->bytes++] = (uint8_t)((uint64_t)number >> (8 * i));
}

static void put_header(image *im, char version, int leap, int times, int types, int chars) {
  char reserved[15] = {0};
  put(im, "TZif", 4);
  put(im, &version, 1);
  put(im, reserved, 15);
  int counts[] = {0, 0, leap, times, types, chars};
  for (int i = 0; i < 6; i++) put_number(im, counts[i], 4);
}

/* Two changes, two kinds, this footer. */
static image make(const char *footer) {
  image im = {.bytes = 0};
  put_header(&im, '2', 0, 0, 1, 4);
  put_number(&im, 0, 6);
  put(&im, "AAA", 4);
  put_header(&im, '2', 0, 2, 2, 8);
  put_number(&im, 1000, 8);
  put_number(&im, 2000, 8);
  put(&im, "\1\0", 2);
  put_number(&im, 60, 4);
  put(&im, "\0\0", 2);
  put_number(&im, 120, 4);
  put(&im, "\1\4", 2);
  put(&im, "AAA\0BBB", 8);
  put(&im, "\n", 1);
  put(&im, footer, strlen(footer));
  put(&im, "\n", 1);
  return im;
}

static int parse(cal_zone **zone, const image *im) {
  uint8_t *exact = cal_memdup(im->data, im->bytes); /* so that a sanitizer sees a byte too many */
  int code = cal_zone_parse(zone, "Made/Up", exact, im->bytes);
  cal_free(exact);
  return code;
}

static void tables_count_before_the_footer(void **state) {
  cal_zone *zone;
  image im = make("CCC-1");
  assert_int_equal(parse(&zone, &im), 0);
  assert_string_equal(cal_zone_at(zone, 0).abbreviation, "AAA");
  assert_string_equal(cal_zone_at(zone, 999).abbreviation, "AAA");
  assert_string_equal(cal_zone_at(zone, 1000).abbreviation, "BBB");
  assert_string_equal(cal_zone_at(zone, 1999).abbreviation, "BBB");
  assert_string_equal(cal_zone_at(zone, 2000).abbreviation, "CCC");
  assert_int_equal(cal_zone_at(zone, 2000).offset_s, 3600);
  zone = cal_zone_free(zone);
  im = make("");
  assert_int_equal(parse(&zone, &im), 0);
  assert_string_equal(cal_zone_at(zone, 1 << 30).abbreviation, "AAA"); /* the last change's, for ever */
  cal_zone_free(zone);
}

static void files_that_are_not_whole_are_refused(void **state) {
  cal_zone *zone = NULL;
  image whole = make("CET-1CEST,M3.5.0,M10.5.0/3"), im;
  assert_int_equal(parse(&zone, &whole), 0);
  zone = cal_zone_free(zone);
  for (size_t bytes = 1; bytes < whole.bytes; bytes++) {
    im = whole;
    im.bytes = bytes;
    assert_int_equal(parse(&zone, &im), -EBADMSG);
  }
  for (size_t i = 0; i < whole.bytes; i++) { /* any byte may be anything: it is read or refused */
    for (int bit = 0; bit < 8; bit++) {
      im = whole;
      im.data[i] ^= (uint8_t)(1 << bit);
      int code = parse(&zone, &im);
      if (!code) {
        for (int64_t at = -5000; at < 5000; at += 500) assert_non_null(cal_zone_at(zone, at).abbreviation);
        zone = cal_zone_free(zone);
      } else {
        assert_int_equal(code, -EBADMSG);
      }
    }
  }
  im = whole;
  im.data[4] = 0;
  assert_int_equal(parse(&zone, &im), -EBADMSG);
  assert_non_null(strstr(cal_error_text(), "version 1"));
  static const char *const rules[] = {"CET",
                                      "CET-1CEST",
                                      "CET-1CEST,M3.5.0",
                                      "CET-1CEST,M13.5.0,M10.5.0",
                                      "CE-1",
                                      "CET-1CEST,M3.6.0,M10.5.0",
                                      "CET-1CEST,M3.5.7,M10.5.0",
                                      "CET-99",
                                      "<CET-1",
                                      "CET-1CEST,J0,J365",
                                      "CET-1CEST,M3.5.0,M10.5.0/168",
                                      "CET-1 ",
                                      "CET-1CEST,366,1"};
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    im = make(rules[i]);
    if (parse(&zone, &im) != -EBADMSG) fail_msg("%s was read", rules[i]);
  }
}

/* ---- rules */

static void rules_of_every_kind(void **state) {
  static const struct {
    const char *rule;
    int64_t instant;
    int offset_s;
  } cases[] = {
      {"<-03>3", 0, -10800},
      {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 1768438800, 39600},
      {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 1784079000, 37800},
      {"IST-1GMT0,M10.5.0,M3.5.0/1", 1768474800, 0}, /* summer time that is in winter */
      {"IST-1GMT0,M10.5.0,M3.5.0/1", 1784109600, 3600},
      {"XXX3EDT4,0/0,J365/23", 1767236400, -14400}, /* summer time all the year */
      {"XXX3EDT4,0/0,J365/23", 1767236399, -14400},
      {"XXX3EDT4,0/0,J365/23", 1784109600, -14400},
      {"EST5EDT,J60/0,J300", 1772341200, -14400}, /* 2026-03-01 05:00 UTC */
      {"EST5EDT,J60/0,J300", 1772341199, -18000},
      {"EST5EDT,J60/0,J300", 1835499600, -14400}, /* 2028-03-01: the 29th of February does not count */
      {"EST5EDT,J60/0,J300", 1835499599, -18000},
      {"EST5EDT,59/0,299", 1835413200, -14400}, /* here it does */
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1774746000, -3600},
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1774745999, -7200},
      {"IST-2IDT,M3.4.4/26,M10.5.0", 1774569600, 10800}, /* Friday 02:00, told from Thursday */
      {"IST-2IDT,M3.4.4/26,M10.5.0", 1774569599, 7200}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cal_zone_rule rule;
    assert_int_equal(cal_zone_rule_parse(&rule, cases[i].rule), 0);
    int offset_s = rule.offset_s[cal_zone_rule_is_summer(&rule, cases[i].instant)];
    if (offset_s != cases[i].offset_s)
      fail_msg("%s at %lld: %d", cases[i].rule, (long long)cases[i].instant, offset_s);
  }
}

static void days_are_counted(void **state) {
  int year, month, day;
  int64_t expected = cal_zone_days(-9999, 1, 1);
  for (year = -9999; year <= 9999; year++)
    for (month = 1; month <= 12; month++)
      for (day = 1; day <= cal_zone_month_length(year, month); day += 9) {
        int y, m, d;
        int64_t days = cal_zone_days(year, month, day);
        assert_true(days >= expected);
        expected = days + 1;
        cal_zone_date(days, &y, &m, &d);
        if (y != year || m != month || d != day)
          fail_msg("%d-%d-%d became %d-%d-%d", year, month, day, y, m, d);
      }
  assert_int_equal(cal_zone_days(1970, 1, 1), 0);
  assert_int_equal(cal_zone_days(2000, 3, 1), 11017);
}

/* ---- threads */

static void *find_many(void *context) {
  static const char *const names[] = {"Europe/Rome", "Europe/Madrid", "Asia/Tokyo", "Asia/Dubai",
                                      "America/Lima"};
  const cal_zone **found = context;
  for (int round = 0; round < 100; round++)
    for (int i = 0; i < 5; i++)
      if (cal_zone_find(&found[i], names[i]) < 0) return NULL;
  return context;
}

static void any_thread_finds_the_same(void **state) {
  const cal_zone *found[4][5];
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, find_many, found[i]), 0);
  for (int i = 0; i < 4; i++) {
    void *result;
    pthread_join(threads[i], &result);
    assert_ptr_equal(result, found[i]);
    assert_memory_equal(found[i], found[0], sizeof found[0]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(zones_know_their_offsets),
                                     cmocka_unit_test(gaps_and_overlaps_follow_the_rule),
                                     cmocka_unit_test(changes_are_told_one_after_the_other),
                                     cmocka_unit_test(every_local_time_comes_back),
                                     cmocka_unit_test(the_c_library_agrees),
                                     cmocka_unit_test(fields_are_checked),
                                     cmocka_unit_test(names_that_are_paths_are_refused),
                                     cmocka_unit_test(a_zone_is_read_once),
                                     cmocka_unit_test(tables_count_before_the_footer),
                                     cmocka_unit_test(files_that_are_not_whole_are_refused),
                                     cmocka_unit_test(rules_of_every_kind),
                                     cmocka_unit_test(days_are_counted),
                                     cmocka_unit_test(any_thread_finds_the_same)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
