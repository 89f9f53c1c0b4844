#include "wire/wire_times.h"

#include <stdlib.h>
#include <string.h>

#include "data/jscan.h"

#define NUMBER_BYTES 32
#define LONGEST_MS 3600000

static int is_between(char c) {
  return c == '[' || c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void skip(cal_span *list) {
  while (list->bytes && is_between(*list->at)) {
    list->at++;
    list->bytes--;
  }
}

/* The scanner has seen that the message is JSON: a string has its end. */
static int next_text(cal_span *list, char text[CAL_WIRE_TIME_BYTES]) {
  skip(list);
  if (!list->bytes || *list->at != '"') return 0;
  size_t bytes = 1;
  while (bytes < list->bytes && list->at[bytes] != '"') bytes += list->at[bytes] == '\\' ? 2 : 1;
  if (bytes >= list->bytes) return 0;
  ssize_t length = cal_jscan_unescape((cal_span){list->at + 1, bytes - 1}, text, CAL_WIRE_TIME_BYTES - 1);
  if (length < 0) return 0;
  text[length] = 0;
  list->at += bytes + 1;
  list->bytes -= bytes + 1;
  return 1;
}

static int next_number(cal_span *list, double *number) {
  char digits[NUMBER_BYTES] = "", *end;
  skip(list);
  size_t bytes = 0;
  while (bytes < list->bytes && bytes + 1 < sizeof digits && strchr("+-.0123456789eE", list->at[bytes])) {
    digits[bytes] = list->at[bytes];
    bytes++;
  }
  *number = strtod(digits, &end);
  if (!bytes || *end) return 0;
  list->at += bytes;
  list->bytes -= bytes;
  return 1;
}

static int next_end(cal_wire_times *times, double *end) {
  double start, lasts;
  if (times->ends.bytes) return next_number(&times->ends, end);
  if (!next_number(&times->starts, &start) || !next_number(&times->lasts, &lasts)) return 0;
  *end = start + lasts;
  return 1;
}

int cal_wire_times_next(cal_wire_times *times, cal_wire_time *next) {
  double end;
  if (!next_text(&times->texts, next->text) || !next_end(times, &end)) return 0;
  end *= times->is_ms ? 1 : 1000;
  if (!(end >= 0 && end < LONGEST_MS)) return 0;
  next->end_ms = (int64_t)(end + 0.5);
  return 1;
}
