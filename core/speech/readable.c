#include "speech/readable.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"

/* Bytes of text from one byte of source: " pounds " is eight from two. */
#define GROWTH 4

static const struct {
  uint32_t point;
  const char *text;
} replacements[] = {
    {0x00A0, " "},  {0x00A3, " pounds "}, {0x00B0, " degree "}, {0x00DF, "ss"},
    {0x2010, "-"},  {0x2011, "-"},        {0x2012, "-"},        {0x2013, "-"},
    {0x2014, ", "}, {0x2018, "'"},        {0x2019, "'"},        {0x201C, "\""},
    {0x201D, "\""}, {0x2026, "."},        {0x20AC, " euros "},  {0x20B9, " rupees "},
};

/* U+00C0 to U+00FF without their accents. */
static const char latin[] = "AAAAAAACEEEEIIIIDNOOOOO OUUUUYTsaaaaaaaceeeeiiiidnooooo ouuuuyty";

/* One code point; a byte that is not UTF-8 counts as one unknown letter. */
static size_t next_point(uint32_t *point, const unsigned char *at, size_t left) {
  size_t bytes = at[0] < 0x80 ? 1 : at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : at[0] >= 0xC2 ? 2 : 0;
  *point = 0xFFFD;
  if (!bytes || bytes > left) return 1;
  uint32_t value = bytes == 1 ? at[0] : at[0] & (0xFFu >> (bytes + 1));
  for (size_t i = 1; i < bytes; i++) {
    if ((at[i] & 0xC0) != 0x80) return 1;
    value = value << 6 | (at[i] & 0x3F);
  }
  *point = value;
  return bytes;
}

static const char *plain_form(char one[2], uint32_t point) {
  one[0] = ' ';
  one[1] = 0;
  if (point > 0x20 && point < 0x7F) one[0] = (char)point;
  if (point >= 0xC0 && point <= 0xFF) one[0] = latin[point - 0xC0];
  for (size_t i = 0; i < sizeof replacements / sizeof replacements[0]; i++)
    if (replacements[i].point == point) return replacements[i].text;
  return one;
}

void cal_readable_make(cal_readable *result, const char *source, size_t bytes) {
  cal_readable made = {.text = cal_alloc(bytes * GROWTH + 1),
                       .source = cal_alloc((bytes * GROWTH + 1) * sizeof(uint32_t))};
  for (size_t at = 0; at < bytes;) {
    uint32_t point;
    char one[2];
    at += next_point(&point, (const unsigned char *)source + at, bytes - at);
    for (const char *c = plain_form(one, point); *c; c++) {
      made.has_words |= isalnum((unsigned char)*c) != 0;
      made.source[made.bytes] = (uint32_t)at;
      made.text[made.bytes++] = *c;
    }
  }
  *result = made;
}

int cal_readable_has_words(const char *source, size_t bytes) {
  for (size_t at = 0; at < bytes;) {
    uint32_t point;
    char one[2];
    at += next_point(&point, (const unsigned char *)source + at, bytes - at);
    for (const char *c = plain_form(one, point); *c; c++)
      if (isalnum((unsigned char)*c)) return 1;
  }
  return 0;
}

void cal_readable_free(cal_readable *readable) {
  cal_free(readable->text);
  cal_free(readable->source);
  *readable = (cal_readable){0};
}
