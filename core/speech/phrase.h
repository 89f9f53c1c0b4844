/* phrase: ordinary text turned into the words a dictionary knows. Any thread. */
#ifndef CAL_SPEECH_PHRASE_H
#define CAL_SPEECH_PHRASE_H

#include <stddef.h>

#include "speech/dict.h"

typedef struct cal_words {
  size_t count;
  char word[16][CAL_DICT_WORD_BYTES];
} cal_words;

/* Lower case, apostrophes kept, other punctuation and '_' and '-' as gaps, numbers in words. -EINVAL with a
 * sentence: no word, more than 16, one of 48 bytes or more, or letters other than English ones. */
int cal_words_of(cal_words *words, const char *text);

#endif
