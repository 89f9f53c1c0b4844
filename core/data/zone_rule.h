/* zone_rule: the rule in the footer of a time zone's file, as POSIX writes TZ: "CET-1CEST,M3.5.0,M10.5.0/3".
 * Borrows nothing. For data/zone.c. Any thread. */
#ifndef CAL_DATA_ZONE_RULE_H
#define CAL_DATA_ZONE_RULE_H

#include <stdint.h>

#define CAL_ZONE_ABBREVIATION 16 /* with the final zero */

typedef struct cal_zone_day {
  char kind; /* 'J': day 1 to 365, never the 29th of February; '0': day 0 to 365; 'M': month.week.weekday */
  int month, week; /* 1 to 12; 1 to 5, 5 for the last */
  int day;         /* of the year, or of the week with 0 for Sunday */
  int32_t seconds; /* after midnight, -167 h to 167 h */
} cal_zone_day;

typedef struct cal_zone_rule {
  int has_summer;
  int32_t offset_s[2]; /* [0] standard, [1] summer; east of UTC */
  char abbreviation[2][CAL_ZONE_ABBREVIATION];
  cal_zone_day change[2]; /* [1] to summer time, [0] back to standard time */
} cal_zone_rule;

int cal_zone_rule_parse(cal_zone_rule *rule, const char *text); /* 0 or -EBADMSG */

int cal_zone_rule_is_summer(const cal_zone_rule *rule, int64_t instant);

/* The first change after an instant: 1, or 0 when there is none. */
int cal_zone_rule_next(const cal_zone_rule *rule, int64_t instant, int64_t *change);

/* Days since 1970-01-01 of a day of the Gregorian calendar, and back. Years from -9999 to 9999. */
int64_t cal_zone_days(int year, int month, int day);
void cal_zone_date(int64_t days, int *year, int *month, int *day);
int cal_zone_month_length(int year, int month);

#endif
