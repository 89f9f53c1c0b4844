#include "base/log_repeat.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define ID_LEAST 20 /* letters and digits of an id (base/ids.h); no word is so long and has a digit in it */

static int is_of_a_word(char letter) { return isalnum((unsigned char)letter) || strchr("_./:", letter); }

/* Bytes of an id or of a number that stands alone; 0: neither is here. */
static size_t passed_over(const char *at, char before) {
  if (before && is_of_a_word(before)) return 0;
  size_t digits = strspn(at, "0123456789");
  if (digits && (!at[digits] || !is_of_a_word(at[digits]))) return digits;
  size_t letters = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789");
  return letters >= ID_LEAST && strcspn(at, "0123456789") < letters ? letters : 0;
}

static uint64_t mix(uint64_t key, char letter) {
  return (key ^ (unsigned char)letter) * UINT64_C(0x100000001b3);
}

static uint64_t key_of(cal_log_level level, const char *part, const char *text) {
  uint64_t key = mix(UINT64_C(0xcbf29ce484222325), (char)level);
  for (; *part; part++) key = mix(key, *part);
  for (char before = '\0'; *text; before = *text++) {
    size_t bytes = passed_over(text, before);
    if (bytes) text += bytes - 1;
    key = mix(key, bytes ? '\0' : *text);
  }
  return key ? key : 1;
}

int cal_log_repeat_allows(cal_log_repeat *repeat, cal_log_level level, const char *part, const char *text,
                          int64_t now_ms, uint32_t *left_out) {
  uint64_t key = key_of(level, part, text);
  cal_log_repeated *line = &repeat->lines[key % CAL_LOG_REPEATS];
  *left_out = 0;
  if (line->key == key) {
    if (now_ms - line->written_ms < CAL_LOG_REPEAT_MS) {
      line->left_out++;
      return 0;
    }
    *left_out = line->left_out;
  }
  *line = (cal_log_repeated){.key = key, .written_ms = now_ms, .level = level};
  snprintf(line->part, sizeof line->part, "%s", part);
  snprintf(line->text, sizeof line->text, "%s", text);
  return 1;
}

int cal_log_repeat_overdue(cal_log_repeat *repeat, int64_t now_ms, cal_log_repeated *result) {
  for (int i = 0; i < CAL_LOG_REPEATS; i++) {
    cal_log_repeated *line = &repeat->lines[i];
    if (!line->left_out || now_ms - line->written_ms < CAL_LOG_REPEAT_MS) continue;
    *result = *line;
    line->key = line->left_out = 0;
    return 1;
  }
  return 0;
}
