#include "data/zone.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "data/zone_rule.h"

#define FOLDER "/usr/share/zoneinfo"
#define FILE_CEILING (64 * 1024) /* bytes; the largest of tzdata has 4 KB */
#define NAME_CEILING 64
#define PATH_CEILING 4096
#define HEADER 44
#define OFFSET_MOST (26 * 3600) /* RFC 8536, 3.2: no zone is further from UTC */
#define DAY_S 86400

typedef struct kind {
  int32_t offset_s;
  uint8_t is_summer, abbreviation; /* its place in the texts */
} kind;

struct cal_zone {
  char *name;
  size_t change_count, kind_count, text_bytes;
  int64_t *changes;  /* ascending */
  uint8_t *kinds_of; /* what holds from each change on */
  kind *kinds;       /* the first one holds before the first change */
  char *texts;
  int has_rule;
  cal_zone_rule rule; /* from the last change on */
};

/* ---- files */

typedef struct header {
  char version;
  size_t utc, standard, leap, times, types, chars;
} header;

static uint32_t big32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t big64(const uint8_t *at) { return (int64_t)((uint64_t)big32(at) << 32 | big32(at + 4)); }

static int broken(const char *name, const char *what) {
  return cal_fail(-EBADMSG, "the file of the time zone %s is not whole: %s", name, what);
}

static int read_header(header *h, const uint8_t *at, size_t bytes) {
  if (bytes < HEADER || memcmp(at, "TZif", 4)) return -EBADMSG;
  *h = (header){.version = (char)at[4],
                .utc = big32(at + 20),
                .standard = big32(at + 24),
                .leap = big32(at + 28),
                .times = big32(at + 32),
                .types = big32(at + 36),
                .chars = big32(at + 40)};
  return 0;
}

/* No count can be more than the bytes of the file, so nothing overflows. */
static int counts_are_sane(const header *h) {
  const size_t most = FILE_CEILING;
  return h->utc <= most && h->standard <= most && h->leap <= most && h->times <= most && h->types <= most &&
         h->chars <= most;
}

static size_t block_bytes(const header *h, size_t time_bytes) {
  return h->times * (time_bytes + 1) + h->types * 6 + h->chars + h->leap * (time_bytes + 4) + h->standard +
         h->utc;
}

static const char *read_tables(cal_zone *zone, const header *h, const uint8_t *at) {
  zone->change_count = h->times;
  zone->kind_count = h->types;
  zone->text_bytes = h->chars;
  zone->changes = cal_alloc((h->times + 1) * sizeof *zone->changes);
  zone->kinds_of = cal_alloc(h->times + 1);
  zone->kinds = cal_alloc(h->types * sizeof *zone->kinds);
  for (size_t i = 0; i < h->times; i++) {
    zone->changes[i] = big64(at + i * 8);
    zone->kinds_of[i] = at[h->times * 8 + i];
    if (i && zone->changes[i] <= zone->changes[i - 1]) return "its changes are not in order";
    if (zone->kinds_of[i] >= h->types) return "a change leads to a kind of time that is not there";
  }
  at += h->times * 9;
  for (size_t i = 0; i < h->types; i++, at += 6) {
    zone->kinds[i] = (kind){(int32_t)big32(at), at[4], at[5]};
    if (zone->kinds[i].offset_s < -OFFSET_MOST || zone->kinds[i].offset_s > OFFSET_MOST)
      return "a kind of time is further from UTC than any place";
    if (zone->kinds[i].abbreviation >= h->chars || at[4] > 1) return "a kind of time has no name";
  }
  zone->texts = cal_memdup(at, h->chars);
  return zone->texts[h->chars - 1] ? "its last name does not end" : NULL;
}

static const char *read_footer(cal_zone *zone, const char *at, size_t bytes) {
  const char *end = bytes ? memchr(at + 1, '\n', bytes - 1) : NULL;
  if (!end || *at != '\n') return "it has no footer";
  size_t length = (size_t)(end - at - 1);
  if (!length) return NULL;
  char text[128];
  if (length >= sizeof text || memchr(at + 1, 0, length)) return "its footer is not a rule";
  memcpy(text, at + 1, length);
  text[length] = 0;
  zone->has_rule = 1;
  return cal_zone_rule_parse(&zone->rule, text) < 0 ? "its footer is not a rule" : NULL;
}

/* The first block, with times of four bytes, is there for readers of long ago. */
static const char *read_zone(cal_zone *zone, const uint8_t *data, size_t bytes) {
  header first, h;
  if (read_header(&first, data, bytes) < 0) return "it is not TZif";
  if (first.version < '2') return "it is of version 1, which ends in 2037; install the package tzdata";
  if (!counts_are_sane(&first)) return "its counts are too large";
  size_t skipped = HEADER + block_bytes(&first, 4);
  if (skipped > bytes || read_header(&h, data + skipped, bytes - skipped) < 0) return "it ends too early";
  if (!counts_are_sane(&h)) return "its counts are too large";
  if (h.leap) return "it counts leap seconds";
  if (!h.types || h.types > 256 || !h.chars) return "it has no kinds of time";
  size_t used = skipped + HEADER + block_bytes(&h, 8);
  if (used > bytes) return "it ends too early";
  const char *why = read_tables(zone, &h, data + skipped + HEADER);
  return why ? why : read_footer(zone, (const char *)data + used, bytes - used);
}

cal_zone *cal_zone_free(cal_zone *zone) {
  if (!zone) return NULL;
  cal_free(zone->name);
  cal_free(zone->changes);
  cal_free(zone->kinds_of);
  cal_free(zone->kinds);
  cal_free(zone->texts);
  return cal_free(zone);
}

int cal_zone_parse(cal_zone **result, const char *name, const void *data, size_t bytes) {
  cal_zone *zone = cal_alloc(sizeof *zone);
  zone->name = cal_strdup(name);
  const char *why = bytes > FILE_CEILING ? "it is too large" : read_zone(zone, data, bytes);
  if (why) {
    cal_zone_free(zone);
    return broken(name, why);
  }
  *result = zone;
  return 0;
}

/* ---- the zones that were found */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static cal_zone *zones[CAL_ZONES_CEILING];
static size_t zone_count;
static char *folder;

void cal_zone_set_folder(const char *path) {
  pthread_mutex_lock(&lock);
  cal_free(folder);
  folder = cal_strdup(path);
  pthread_mutex_unlock(&lock);
}

static int is_name(const char *name) {
  size_t bytes = strlen(name);
  if (bytes > NAME_CEILING || !isalpha((unsigned char)*name)) return 0;
  for (size_t i = 0; i < bytes; i++) {
    if (name[i] == '/' && (name[i + 1] == '/' || !name[i + 1])) return 0;
    if (!isalnum((unsigned char)name[i]) && !strchr("_+-/", name[i])) return 0;
  }
  return 1;
}

/* A regular file under its ceiling; bytes or a negative errno. */
static ssize_t read_file(const char *path, uint8_t *into) {
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return -errno;
  struct stat about;
  ssize_t bytes = fstat(file, &about) < 0 ? -errno : S_ISREG(about.st_mode) ? 0 : -ENOENT;
  for (ssize_t got = 1; bytes >= 0 && got > 0 && bytes <= FILE_CEILING; bytes += got)
    if ((got = read(file, into + bytes, (size_t)(FILE_CEILING + 1 - bytes))) < 0) bytes = -errno, got = 0;
  close(file);
  return bytes;
}

static int load(cal_zone **result, const char *name) {
  char path[PATH_CEILING];
  const char *given = getenv("TZDIR"), *below = folder ? folder : given && *given ? given : FOLDER;
  if (snprintf(path, sizeof path, "%s/%s", below, name) >= (int)sizeof path)
    return cal_fail(-ENAMETOOLONG, "the folder of the time zones has too long a name");
  uint8_t *data = cal_alloc(FILE_CEILING + 1);
  ssize_t bytes = read_file(path, data);
  int code = bytes < 0 ? (int)bytes : cal_zone_parse(result, name, data, (size_t)bytes);
  cal_free(data);
  if (bytes >= 0) return code;
  if (access(below, R_OK))
    return cal_fail(-ENOENT, "there are no time zones in %s; install the package tzdata, or set TZDIR",
                    below);
  return cal_fail(bytes == -EACCES ? -EACCES : -ENOENT, "there is no time zone %s in %s", name, below);
}

static cal_zone *make_utc(const char *name) {
  cal_zone *zone = cal_alloc(sizeof *zone);
  zone->name = cal_strdup(name);
  zone->kind_count = 1;
  zone->kinds = cal_alloc(sizeof *zone->kinds);
  zone->texts = cal_strdup("UTC");
  zone->text_bytes = 4;
  return zone;
}

static int find_locked(const cal_zone **result, const char *name) {
  for (size_t i = 0; i < zone_count; i++) {
    if (strcmp(zones[i]->name, name)) continue;
    *result = zones[i];
    return 0;
  }
  if (zone_count == CAL_ZONES_CEILING) return cal_fail(-ENOSPC, "more than %d time zones", CAL_ZONES_CEILING);
  cal_zone *zone = NULL;
  if (!strcmp(name, "UTC") || !strcmp(name, "Etc/UTC")) zone = make_utc(name);
  int code = zone ? 0 : load(&zone, name);
  if (!code) *result = zones[zone_count++] = zone;
  return code;
}

int cal_zone_find(const cal_zone **result, const char *name) {
  if (!is_name(name))
    return cal_fail(-EINVAL, "'%.80s' is not the name of a time zone, such as Asia/Kolkata", name);
  pthread_mutex_lock(&lock);
  int code = find_locked(result, name);
  pthread_mutex_unlock(&lock);
  return code;
}

/* ---- instants */

/* How many changes there have been up to an instant. */
static size_t changes_until(const cal_zone *zone, int64_t instant) {
  size_t low = 0, high = zone->change_count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (zone->changes[middle] <= instant)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

cal_zone_period cal_zone_at(const cal_zone *zone, int64_t instant) {
  size_t count = changes_until(zone, instant);
  if (count == zone->change_count && zone->has_rule) {
    int is_summer = cal_zone_rule_is_summer(&zone->rule, instant);
    return (cal_zone_period){zone->rule.offset_s[is_summer], is_summer, zone->rule.abbreviation[is_summer]};
  }
  const kind *k = &zone->kinds[count ? zone->kinds_of[count - 1] : 0];
  return (cal_zone_period){k->offset_s, k->is_summer, zone->texts + k->abbreviation};
}

int cal_zone_next_change(const cal_zone *zone, int64_t instant, int64_t *change) {
  size_t count = changes_until(zone, instant);
  if (count == zone->change_count) return zone->has_rule && cal_zone_rule_next(&zone->rule, instant, change);
  *change = zone->changes[count];
  return 1;
}

cal_zone_fields cal_zone_fields_at(const cal_zone *zone, int64_t instant) {
  int64_t local = instant + cal_zone_at(zone, instant).offset_s;
  int64_t days = local / DAY_S - (local % DAY_S < 0);
  int of_day = (int)(local - days * DAY_S);
  cal_zone_fields f = {.hour = of_day / 3600,
                       .minute = of_day / 60 % 60,
                       .second = of_day % 60,
                       .weekday = (int)(((days + 4) % 7 + 7) % 7)};
  cal_zone_date(days, &f.year, &f.month, &f.day);
  return f;
}

static int is_in(int value, int least, int most) { return value >= least && value <= most; }

static int check_fields(const cal_zone_fields *f) {
  if (is_in(f->year, 1, 9999) && is_in(f->month, 1, 12) &&
      is_in(f->day, 1, cal_zone_month_length(f->year, f->month)) && is_in(f->hour, 0, 23) &&
      is_in(f->minute, 0, 59) && is_in(f->second, 0, 59))
    return 0;
  return cal_fail(-EINVAL, "%04d-%02d-%02d %02d:%02d:%02d is not a local time", f->year, f->month, f->day,
                  f->hour, f->minute, f->second);
}

/* Walks over the periods that could hold the local time: those of the day before and the day after. A period
 * that has it gives an instant; a change that jumps over it gives the one behind the gap. */
int cal_zone_instant(const cal_zone *zone, const cal_zone_fields *fields, int64_t *instant) {
  int code = check_fields(fields);
  if (code < 0) return code;
  int64_t local = cal_zone_days(fields->year, fields->month, fields->day) * DAY_S + fields->hour * 3600 +
                  fields->minute * 60 + fields->second;
  int64_t from = local - OFFSET_MOST - 1, behind_gap = local, to;
  int found = 0, is_over = 0;
  while (!is_over && from <= local + OFFSET_MOST) {
    int64_t offset = cal_zone_at(zone, from).offset_s, candidate = local - offset;
    is_over = !cal_zone_next_change(zone, from, &to);
    if (is_over) to = INT64_MAX;
    if (candidate >= from && candidate < to && !found++) *instant = candidate;
    if (!is_over && candidate >= to && local - cal_zone_at(zone, to).offset_s < to) behind_gap = candidate;
    from = to;
  }
  if (!found) *instant = behind_gap;
  return found == 1 ? CAL_ZONE_ONCE : found ? CAL_ZONE_OVERLAP : CAL_ZONE_GAP;
}
