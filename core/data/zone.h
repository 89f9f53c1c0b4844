/* zone: time zones with their summer time, from the system's tzdata.
 *
 * A zone is a file below the zoneinfo folder: TZif of version 2 or later (RFC 8536), with the rule in its
 * footer for the years after its table. It is read once and then kept for the life of the process, at most
 * CAL_ZONES_CEILING of them. "UTC" and "Etc/UTC" are built in and need no file.
 *
 * A local time may name no instant or two of them. The rule is that of most calendars: of two instants the
 * earlier one counts; a local time that is jumped over is moved forward by the length of the jump, so 02:30
 * becomes 03:30. All instants are seconds since 1970, UTC; years from 1 to 9999. Any thread. */
#ifndef CAL_DATA_ZONE_H
#define CAL_DATA_ZONE_H

#include <stddef.h>
#include <stdint.h>

#define CAL_ZONES_CEILING 1024
#define CAL_ZONE_INSTANT_MIN INT64_C(-62135596800) /* 0001-01-01 */
#define CAL_ZONE_INSTANT_MAX INT64_C(253402300799) /* 9999-12-31 23:59:59 */

typedef struct cal_zone cal_zone;

/* The folder of the files: else $TZDIR, else /usr/share/zoneinfo. Zones that were found before stay as they
 * are. NULL: as before any call. Copies. */
void cal_zone_set_folder(const char *path);

/* Borrowed for ever. -EINVAL when it is not the name of a zone (letters, digits, '_', '+', '-', parts with '/'
 * between them), -ENOENT when there is no such file, -EBADMSG when it is not whole, -ENOSPC when there are
 * too many. */
int cal_zone_find(const cal_zone **result, const char *name);

typedef struct cal_zone_period {
  int32_t offset_s; /* east of UTC */
  int is_summer;
  const char *abbreviation; /* "CEST"; borrowed from the zone */
} cal_zone_period;

/* What holds at an instant. */
cal_zone_period cal_zone_at(const cal_zone *zone, int64_t instant);

/* The first change after an instant: 1 and the change, or 0 when there is none any more. */
int cal_zone_next_change(const cal_zone *zone, int64_t instant, int64_t *change);

typedef struct cal_zone_fields {
  int year, month, day; /* 1 to 12, 1 to 31 */
  int hour, minute, second;
  int weekday; /* 0 for Sunday; not read by cal_zone_instant */
} cal_zone_fields;

cal_zone_fields cal_zone_fields_at(const cal_zone *zone, int64_t instant);

typedef enum cal_zone_fit { CAL_ZONE_ONCE, CAL_ZONE_GAP, CAL_ZONE_OVERLAP } cal_zone_fit;

/* The instant of a local time: a cal_zone_fit, or -EINVAL when a field is out of its range or the day is
 * none. */
int cal_zone_instant(const cal_zone *zone, const cal_zone_fields *fields, int64_t *instant);

/* A file's bytes as a zone, for those who have them elsewhere: tests, fuzzing. Returns owned; -EBADMSG. */
int cal_zone_parse(cal_zone **result, const char *name, const void *data, size_t bytes);
cal_zone *cal_zone_free(cal_zone *zone); /* takes; only what cal_zone_parse gave; returns NULL */

#endif
