#include "talk/pace.h"

#include <string.h>

static int is_blank(char c) { return c == ' ' || c == '\n' || c == '\t'; }

static cal_span without_blanks(cal_span text) {
  while (text.bytes && is_blank(*text.at)) {
    text.at++;
    text.bytes--;
  }
  return text;
}

/* With the blanks before it. */
static size_t next_word(cal_span text) {
  size_t bytes = text.bytes - without_blanks(text).bytes;
  while (bytes < text.bytes && !is_blank(text.at[bytes])) bytes++;
  return bytes;
}

static uint64_t ms_of(cal_span word) {
  uint64_t ms = 0;
  for (size_t i = 0; i < word.bytes; i++)
    ms += word.at[i] && strchr("0123456789%&+=@#$*/<>", word.at[i]) ? CAL_PACE_MS_A_SIGN : CAL_PACE_MS_A_BYTE;
  return ms;
}

cal_pace cal_pace_of(const char *text, uint32_t percent) {
  return (cal_pace){.rest = without_blanks(cal_span_of(text)), .percent = percent};
}

cal_span cal_pace_words(cal_pace *pace, uint64_t ms) {
  cal_span told = {pace->rest.at, 0};
  while (pace->rest.bytes) {
    size_t word = next_word(pace->rest);
    uint64_t over_ms = pace->ms + ms_of((cal_span){pace->rest.at, word});
    if (over_ms * pace->percent / 100 > ms) break;
    pace->ms = over_ms;
    pace->rest = (cal_span){pace->rest.at + word, pace->rest.bytes - word};
    told.bytes += word;
  }
  return without_blanks(told);
}
