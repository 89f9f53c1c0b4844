#include "speech/lexis.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define VARIANTS 4 /* pronunciations of one word: the file has at most four of common words */

static int is_known(const cal_lexis *lexis, const char *word) {
  for (size_t i = 0; i < lexis->count; i++)
    if (!strcmp(lexis->entries[i].word, word)) return 1;
  return 0;
}

static int append(cal_lexis *lexis, const char *word, const char *phones) {
  if (lexis->count == CAL_LEXIS_WORDS)
    return cal_fail(-EMSGSIZE, "a grammar has more than %d words", CAL_LEXIS_WORDS);
  if (lexis->count == lexis->room) {
    lexis->room = lexis->room ? lexis->room * 2 : 64;
    lexis->entries = cal_resize(lexis->entries, lexis->room * sizeof *lexis->entries);
  }
  lexis->entries[lexis->count].word = cal_strdup(word);
  lexis->entries[lexis->count++].phones = cal_strdup(phones);
  return 0;
}

int cal_lexis_add(cal_lexis *lexis, const cal_dict *dict, const char *word) {
  char phones[CAL_DICT_PHONES_BYTES], name[CAL_DICT_WORD_BYTES + 8];
  if (is_known(lexis, word)) return 0;
  int code = cal_dict_find(dict, phones, word, 1) ? 0 : cal_dict_guess(dict, phones, word);
  if (!code) code = append(lexis, word, phones);
  for (int variant = 2; !code && variant <= VARIANTS && cal_dict_find(dict, phones, word, variant);
       variant++) {
    snprintf(name, sizeof name, "%s(%d)", word, variant);
    code = append(lexis, name, phones);
  }
  return code;
}

int cal_lexis_add_phones(cal_lexis *lexis) {
  for (int i = 0; i < CAL_PHONES; i++) {
    char name[8];
    int bytes = snprintf(name, sizeof name, "xx-%s", cal_dict_phone(i));
    for (int at = 3; at < bytes; at++) name[at] = (char)tolower((unsigned char)name[at]);
    int code = append(lexis, name, cal_dict_phone(i));
    if (code) return code;
  }
  return 0;
}

void cal_lexis_free(cal_lexis *lexis) {
  for (size_t i = 0; i < lexis->count; i++) {
    cal_free(lexis->entries[i].word);
    cal_free(lexis->entries[i].phones);
  }
  cal_free(lexis->entries);
  *lexis = (cal_lexis){0};
}
