/* lexis: the set of words of one grammar, each with its pronunciations. Belongs to the grammar; not
 * thread-safe while it grows. */
#ifndef CAL_SPEECH_LEXIS_H
#define CAL_SPEECH_LEXIS_H

#include <stddef.h>

#include "speech/dict.h"

#define CAL_LEXIS_WORDS 4096 /* pronunciations of one grammar */

typedef struct cal_lexis {
  struct {
    char *word; /* "tomato", "tomato(2)" */
    char *phones;
  } * entries;
  size_t count, room;
} cal_lexis;

int cal_lexis_add(cal_lexis *lexis, const cal_dict *dict,
                  const char *word);        /* all its variants, once; -EINVAL, -EMSGSIZE */
int cal_lexis_add_phones(cal_lexis *lexis); /* "xx-aa" … "xx-zh": one word a phone */
void cal_lexis_free(cal_lexis *lexis);

#endif
