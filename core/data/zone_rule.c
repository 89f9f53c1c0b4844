#include "data/zone_rule.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"

#define DAY_S 86400
#define CHANGES 8 /* of the four years around an instant */

/* ---- the calendar: counts days in years that begin in March, so that the leap day is the last */

int64_t cal_zone_days(int year, int month, int day) {
  int64_t y = year - (month <= 2);
  int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
  int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void cal_zone_date(int64_t days, int *year, int *month, int *day) {
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
  int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
  *day = (int)(of_year - (153 * m + 2) / 5 + 1);
  *month = (int)(m < 10 ? m + 3 : m - 9);
  *year = (int)(y + era * 400 + (*month <= 2));
}

static int is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int cal_zone_month_length(int year, int month) {
  static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return lengths[month - 1] + (month == 2 && is_leap(year));
}

/* ---- parsing: each part moves `at` behind itself; 0 when it is not there */

static int read_name(const char **at, char into[CAL_ZONE_ABBREVIATION]) {
  int is_quoted = **at == '<';
  const char *from = *at + is_quoted, *to = from;
  while (is_quoted ? isalnum((unsigned char)*to) || *to == '+' || *to == '-' : isalpha((unsigned char)*to))
    to++;
  size_t bytes = (size_t)(to - from);
  if (bytes < 3 || bytes >= CAL_ZONE_ABBREVIATION || (is_quoted && *to != '>')) return 0;
  memcpy(into, from, bytes);
  into[bytes] = 0;
  *at = to + is_quoted;
  return 1;
}

static int read_number(const char **at, int least, int most, int *number) {
  if (!isdigit((unsigned char)**at)) return 0;
  for (*number = 0; isdigit((unsigned char)**at); (*at)++)
    if ((*number = *number * 10 + **at - '0') > most) return 0;
  return *number >= least;
}

static int skip(const char **at, char sign) {
  if (**at != sign) return 0;
  (*at)++;
  return 1;
}

/* [+-]h[:mm[:ss]] */
static int read_time(const char **at, int most_hours, int32_t *seconds) {
  int sign = skip(at, '-') ? -1 : 1, hours, minutes = 0, rest = 0;
  if (sign > 0) skip(at, '+');
  if (!read_number(at, 0, most_hours, &hours)) return 0;
  if (skip(at, ':') && !read_number(at, 0, 59, &minutes)) return 0;
  if (skip(at, ':') && !read_number(at, 0, 59, &rest)) return 0;
  *seconds = sign * (hours * 3600 + minutes * 60 + rest);
  return 1;
}

static int read_day(const char **at, cal_zone_day *day) {
  if (skip(at, 'M')) {
    day->kind = 'M';
    if (!read_number(at, 1, 12, &day->month) || !skip(at, '.') || !read_number(at, 1, 5, &day->week) ||
        !skip(at, '.') || !read_number(at, 0, 6, &day->day))
      return 0;
  } else if (skip(at, 'J')) {
    day->kind = 'J';
    if (!read_number(at, 1, 365, &day->day)) return 0;
  } else {
    day->kind = '0';
    if (!read_number(at, 0, 365, &day->day)) return 0;
  }
  day->seconds = 2 * 3600;
  return !skip(at, '/') || read_time(at, 167, &day->seconds);
}

static int read_rule(cal_zone_rule *rule, const char *at) {
  int32_t west;
  if (!read_name(&at, rule->abbreviation[0]) || !read_time(&at, 24, &west)) return 0;
  rule->offset_s[0] = -west;
  if (!*at) return 1;
  rule->has_summer = 1;
  rule->offset_s[1] = rule->offset_s[0] + 3600;
  if (!read_name(&at, rule->abbreviation[1])) return 0;
  if (*at != ',') {
    if (!read_time(&at, 24, &west)) return 0;
    rule->offset_s[1] = -west;
  }
  return skip(&at, ',') && read_day(&at, &rule->change[1]) && skip(&at, ',') &&
         read_day(&at, &rule->change[0]) && !*at;
}

int cal_zone_rule_parse(cal_zone_rule *rule, const char *text) {
  cal_zone_rule read = {0};
  if (!read_rule(&read, text)) return cal_fail(-EBADMSG, "'%s' is not a rule of a time zone", text);
  *rule = read;
  return 0;
}

/* ---- changes */

static int64_t day_of(const cal_zone_day *day, int year) {
  int64_t first = cal_zone_days(year, 1, 1);
  if (day->kind == 'J') return first + day->day - 1 + (day->day >= 60 && is_leap(year));
  if (day->kind == '0') return first + day->day;
  int64_t of_month = cal_zone_days(year, day->month, 1);
  int weekday = (int)(((of_month + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
  int64_t found = (day->day - weekday + 7) % 7 + 7 * (day->week - 1);
  if (found >= cal_zone_month_length(year, day->month)) found -= 7;
  return of_month + found;
}

typedef struct change {
  int64_t at;
  int to_summer;
} change;

/* A change is told in the local time that ends with it. At one and the same instant the change to summer time
 * is the later: a rule that ends summer time where it begins means summer time all the year. */
static int is_before(change a, change b) {
  return a.at < b.at || (a.at == b.at && a.to_summer < b.to_summer);
}

static void find_changes(const cal_zone_rule *rule, int64_t instant, change changes[CHANGES]) {
  int year, month, day, count = 0;
  int64_t days = instant / DAY_S - (instant % DAY_S < 0);
  cal_zone_date(days, &year, &month, &day);
  for (int y = year - 1; y <= year + 2; y++) {
    for (int to_summer = 0; to_summer < 2; to_summer++) {
      const cal_zone_day *when = &rule->change[to_summer];
      change next = {day_of(when, y) * DAY_S + when->seconds - rule->offset_s[!to_summer], to_summer};
      int place = count++;
      for (; place > 0 && is_before(next, changes[place - 1]); place--) changes[place] = changes[place - 1];
      changes[place] = next;
    }
  }
}

int cal_zone_rule_is_summer(const cal_zone_rule *rule, int64_t instant) {
  if (!rule->has_summer) return 0;
  change changes[CHANGES];
  find_changes(rule, instant, changes);
  int is_summer = !changes[0].to_summer;
  for (int i = 0; i < CHANGES && changes[i].at <= instant; i++) is_summer = changes[i].to_summer;
  return is_summer;
}

int cal_zone_rule_next(const cal_zone_rule *rule, int64_t instant, int64_t *at) {
  if (!rule->has_summer) return 0;
  change changes[CHANGES];
  find_changes(rule, instant, changes);
  for (int i = 0; i < CHANGES; i++) {
    if (changes[i].at <= instant) continue;
    *at = changes[i].at;
    return 1;
  }
  return 0;
}
