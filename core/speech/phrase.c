#include "speech/phrase.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "speech/number.h"

#define WORDS (sizeof((cal_words *)0)->word / CAL_DICT_WORD_BYTES)

static int add(cal_words *words, const char *at, size_t bytes) {
  if (bytes >= CAL_DICT_WORD_BYTES) return cal_fail(-EINVAL, "a word of a phrase has %zu letters", bytes);
  if (words->count == WORDS) return cal_fail(-EINVAL, "a phrase has more than %zu words", WORDS);
  memcpy(words->word[words->count], at, bytes);
  words->word[words->count++][bytes] = 0;
  return 0;
}

static int add_text(cal_words *words, const char *text) { return add(words, text, strlen(text)); }

static int add_number(cal_words *words, const char *at, size_t bytes) {
  int code = 0;
  if (bytes == 2 && at[0] != '0') {
    int value = (at[0] - '0') * 10 + at[1] - '0';
    if (value < 20) return add_text(words, cal_number_units[value]);
    code = add_text(words, cal_number_tens[value / 10]);
    return code || !(value % 10) ? code : add_text(words, cal_number_units[value % 10]);
  }
  for (size_t i = 0; !code && i < bytes; i++) code = add_text(words, cal_number_units[at[i] - '0']);
  return code;
}

/* An apostrophe belongs to a word only between letters; quotes around words are gaps. */
static size_t letters(const char *at) {
  size_t bytes = 0;
  while (isalpha((unsigned char)at[bytes]) ||
         (at[bytes] == '\'' && bytes && isalpha((unsigned char)at[bytes + 1])))
    bytes++;
  return bytes;
}

int cal_words_of(cal_words *words, const char *text) {
  cal_words found = {0};
  int code = 0;
  for (const char *at = text; !code && *at;) {
    size_t bytes = strspn(at, "0123456789");
    if (bytes) {
      code = add_number(&found, at, bytes);
    } else if ((bytes = letters(at))) {
      code = add(&found, at, bytes);
      if (!code)
        for (char *c = found.word[found.count - 1]; *c; c++) *c = (char)tolower((unsigned char)*c);
    } else if ((unsigned char)*at >= 0x80) {
      return cal_fail(-EINVAL, "the phrase \"%s\" has letters that are not English", text);
    } else {
      bytes = 1;
    }
    at += bytes;
  }
  if (!code && !found.count) code = cal_fail(-EINVAL, "the phrase \"%s\" has no word", text);
  if (!code) *words = found;
  return code;
}
