/* readable: UTF-8 text as flite can read it, and the way back. */
#ifndef CAL_SPEECH_READABLE_H
#define CAL_SPEECH_READABLE_H

#include <stddef.h>
#include <stdint.h>

typedef struct cal_readable {
  char *text; /* printable ASCII and blanks, zero-terminated; owned */
  /* for byte i of `text`: bytes of the source up to and including what it came from; owned */
  uint32_t *source;
  size_t bytes;
  int has_words; /* is there a letter or digit at all */
} cal_readable;

void cal_readable_make(cal_readable *result, const char *source, size_t bytes);
int cal_readable_has_words(const char *source, size_t bytes); /* the same answer without the text */
void cal_readable_free(cal_readable *readable);

#endif
