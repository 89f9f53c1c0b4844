#include "talk/pace.h"

#include <string.h>

static int is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

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
  return (cal_pace){.rest = without_blanks(cal_span_of(text)), .percent = percent, .compared = text};
}

/* ---- what the voice says */

static const char *past(const char *at, const char *spoken) {
  for (; *spoken; spoken++) {
    if (is_blank(*spoken)) continue;
    while (is_blank(*at)) at++;
    if (*at++ != *spoken) return NULL;
  }
  return at;
}

void cal_pace_know(cal_pace *pace, const char *spoken, uint64_t end_ms) {
  const char *at = pace->is_disbelieved ? NULL : past(pace->compared, spoken);
  if (!at || pace->count == CAL_PACE_KNOWN) {
    pace->is_disbelieved = 1;
    return;
  }
  if (at == pace->compared) return;
  uint32_t last = (pace->first + pace->count - 1) % CAL_PACE_KNOWN;
  int is_word_begun = pace->count && !is_blank(*pace->known[last].at);
  if (!is_word_begun) last = (pace->first + pace->count++) % CAL_PACE_KNOWN;
  pace->known[last].at = pace->compared = at;
  pace->known[last].ms = end_ms;
}

/* Where the text stands for which the voice's word is taken; NULL: nowhere. */
static const char *known_until(cal_pace *pace, uint64_t ms) {
  const char *at = NULL;
  while (pace->count && pace->known[pace->first].ms <= ms) {
    at = pace->known[pace->first].at;
    pace->first = (pace->first + 1) % CAL_PACE_KNOWN;
    pace->count--;
  }
  return at;
}

/* ---- what is told */

/* One more word; it takes at least until then. */
static size_t take(cal_pace *pace, size_t word, uint64_t over_ms) {
  pace->ms = over_ms;
  pace->rest = (cal_span){pace->rest.at + word, pace->rest.bytes - word};
  return word;
}

cal_span cal_pace_words(cal_pace *pace, uint64_t ms) {
  cal_span told = {pace->rest.at, 0};
  const char *known = known_until(pace, ms);
  while (pace->rest.bytes) {
    size_t word = next_word(pace->rest);
    uint64_t over_ms = pace->ms + ms_of((cal_span){pace->rest.at, word});
    int is_known = known && pace->rest.at + word <= known;
    int is_known_later = pace->count && pace->rest.at < pace->known[pace->first].at;
    if (!is_known && ms != UINT64_MAX && (is_known_later || over_ms * pace->percent / 100 > ms)) break;
    told.bytes += take(pace, word, over_ms);
  }
  return without_blanks(told);
}
