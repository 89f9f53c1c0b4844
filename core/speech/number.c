#include "speech/number.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

const char *const cal_number_units[20] = {"zero",    "one",     "two",       "three",    "four",
                                          "five",    "six",     "seven",     "eight",    "nine",
                                          "ten",     "eleven",  "twelve",    "thirteen", "fourteen",
                                          "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
const char *const cal_number_tens[10] = {"",      "",      "twenty",  "thirty", "forty",
                                         "fifty", "sixty", "seventy", "eighty", "ninety"};

static const struct {
  const char *word;
  uint64_t value;
} scales[] = {{"thousand", 1000}, {"lakh", 100000}, {"lakhs", 100000}, {"million", 1000000}};

typedef struct reader {
  uint64_t total, group; /* group: what the next scale multiplies */
  int words;
} reader;

static int is_word(const char *at, size_t bytes, const char *word) {
  return strlen(word) == bytes && !memcmp(at, word, bytes);
}

/* 0 to 19; -1: no such word. */
static int unit_of(const char *at, size_t bytes) {
  for (int i = 0; i < 20; i++)
    if (is_word(at, bytes, cal_number_units[i])) return i;
  return -1;
}

static int take(reader *r, const char *at, size_t bytes) {
  int unit = unit_of(at, bytes);
  r->words++;
  if (unit >= 0) return r->group += (uint64_t)unit, 1;
  for (int i = 2; i < 10; i++)
    if (is_word(at, bytes, cal_number_tens[i])) return r->group += (uint64_t)i * 10, 1;
  if (is_word(at, bytes, "a")) return r->group = 1;
  if (is_word(at, bytes, "and")) return 1;
  if (is_word(at, bytes, "hundred")) return r->group *= 100, 1;
  for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
    if (!is_word(at, bytes, scales[i].word)) continue;
    r->total += r->group * scales[i].value;
    r->group = 0;
    return 1;
  }
  return 0;
}

/* Appends single digits up to the end; 0 when there is anything else, or no room. */
static int read_digits(char number[CAL_NUMBER_BYTES], const char *words) {
  size_t count = strlen(number);
  for (const char *at = words; *at; at += at[strcspn(at, " ")] ? strcspn(at, " ") + 1 : strcspn(at, " ")) {
    int digit = unit_of(at, strcspn(at, " "));
    if (digit < 0 || digit > 9 || count + 1 >= CAL_NUMBER_BYTES) return 0;
    number[count++] = (char)('0' + digit);
    number[count] = 0;
  }
  return count > 0;
}

static int read_whole(char number[CAL_NUMBER_BYTES], const char *words, size_t bytes) {
  reader r = {0};
  for (const char *at = words, *end = words + bytes; at < end; at++) {
    size_t length = strcspn(at, " ");
    if (!take(&r, at, length)) return 0;
    at += length;
  }
  size_t used = strlen(number);
  snprintf(number + used, CAL_NUMBER_BYTES - used, "%" PRIu64, r.total + r.group);
  return r.words > 0;
}

int cal_number_read(char number[CAL_NUMBER_BYTES], const char *words) {
  char made[CAL_NUMBER_BYTES] = "";
  int is_negative = !strncmp(words, "minus ", 6);
  if (is_negative) words += 6;
  if (is_negative) strcpy(made, "-");
  size_t sign = strlen(made);
  const char *point = strstr(words, " point ");
  if (!point && read_digits(made, words)) {
    memcpy(number, made, sizeof made);
    return 1;
  }
  made[sign] = 0;
  if (!read_whole(made, words, point ? (size_t)(point - words) : strlen(words))) return 0;
  if (point && (strcat(made, "."), !read_digits(made, point + 7))) return 0;
  memcpy(number, made, sizeof made);
  return 1;
}
