#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "speech/readable.h"
#include "speech/voice.h"

/* In letters of ordinary words: about 20 s of speech; its analysis costs 0.2 s before anything is heard. */
#define LONGEST 300
#define SPELLED 5 /* what a digit, a sign or a letter of what is no word weighs: each is read as a word */

static const char *const abbreviations[] = {"mr", "mrs", "ms",  "dr",  "prof", "st", "vs", "etc",   "rs",
                                            "jr", "sr",  "inc", "ltd", "co",   "eg", "ie", "approx"};

static int is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* Does the full stop at `stop` belong to an abbreviation or an initial? "No." is one only before a number. */
static int is_abbreviation(const char *text, size_t bytes, size_t stop) {
  size_t from = stop;
  while (from > 0 && isalpha((unsigned char)text[from - 1])) from--;
  size_t length = stop - from;
  if (length == 1 && isupper((unsigned char)text[from]) && text[from] != 'I') return 1;
  if (length == 2 && !strncasecmp(text + from, "no", 2))
    return stop + 2 < bytes && isdigit((unsigned char)text[stop + 2]);
  for (size_t i = 0; i < sizeof abbreviations / sizeof abbreviations[0]; i++)
    if (strlen(abbreviations[i]) == length && !strncasecmp(text + from, abbreviations[i], length)) return 1;
  return 0;
}

/* Bytes up to and with the end of a sentence whose last mark is at `at`, or 0 when it goes on. */
static size_t sentence_end(const char *text, size_t bytes, size_t at) {
  if (text[at] == '\n') return at + 1 < bytes && text[at + 1] == '\n' ? at : 0;
  if (!text[at] || !strchr(".!?", text[at])) return 0;
  size_t end = at + 1;
  while (end < bytes && text[end] && strchr(".!?\"')]", text[end])) end++;
  if (end < bytes && !is_blank(text[end])) return 0;
  if (text[at] != '.' || end > at + 1 || end == bytes) return end;
  size_t next = end;
  while (next < bytes && is_blank(text[next])) next++;
  if (next < bytes && islower((unsigned char)text[next])) return 0;
  return is_abbreviation(text, bytes, at) ? 0 : end;
}

static int is_letter(char c) { return isalpha((unsigned char)c) || (unsigned char)c >= 0x80; }

/* Letters that are read one by one: alone, or with no vowel among them. */
static int is_spelled(const char *text, size_t bytes) {
  size_t length = 0, vowels = 0;
  for (; length < bytes && length < LONGEST && is_letter(text[length]); length++)
    vowels += text[length] && strchr("aeiouyAEIOUY", text[length]) != NULL;
  return length == 1 || !vowels;
}

/* What the letter at `at` adds to a sentence. `spelled`: whether its word is; kept from its first letter on. */
static size_t weight_of(const char *text, size_t bytes, size_t at, int *spelled) {
  char c = text[at];
  if (is_blank(c)) return 1;
  if (!is_letter(c)) return strchr(",;:.!?'\"-()", c) ? 1 : SPELLED;
  if (at == 0 || !is_letter(text[at - 1])) *spelled = is_spelled(text + at, bytes - at);
  return *spelled ? SPELLED : 1;
}

static size_t cut_long(const char *text, size_t longest) {
  size_t comma = 0, blank = 0;
  for (size_t i = longest / 4 + 1; i < longest; i++) {
    if (!is_blank(text[i])) continue;
    blank = i;
    if (strchr(",;:", text[i - 1])) comma = i;
  }
  if (comma || blank) return comma ? comma : blank;
  size_t cut = longest;
  while (cut > 1 && ((unsigned char)text[cut] & 0xC0) == 0x80) cut--; /* not inside a UTF-8 letter */
  return cut;
}

static size_t length_of_first(const char *text, size_t bytes) {
  size_t weight = 0;
  int spelled = 0;
  for (size_t i = 0; i < bytes; i++) {
    weight += weight_of(text, bytes, i, &spelled);
    if (weight > LONGEST) return cut_long(text, i);
    size_t end = sentence_end(text, bytes, i);
    if (end && cal_readable_has_words(text, end))
      return cal_readable_has_words(text + end, bytes - end) ? end : bytes;
  }
  return bytes;
}

int cal_voice_next_sentence(cal_span *rest, cal_span *sentence) {
  while (rest->bytes && is_blank(*rest->at)) rest->at++, rest->bytes--;
  if (!rest->bytes || !cal_readable_has_words(rest->at, rest->bytes)) {
    rest->at += rest->bytes;
    rest->bytes = 0;
    return 0;
  }
  size_t bytes = length_of_first(rest->at, rest->bytes);
  *sentence = (cal_span){rest->at, bytes};
  rest->at += bytes;
  rest->bytes -= bytes;
  while (sentence->bytes && is_blank(sentence->at[sentence->bytes - 1])) sentence->bytes--;
  return 1;
}
