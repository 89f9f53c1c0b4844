/* words: what an ear tells of what it understood, in words of ours, whatever the vendor calls it. Plain data; the
 * text is borrowed from where it came from. Any thread. */
#ifndef CAL_WIRE_WORDS_H
#define CAL_WIRE_WORDS_H

#include <stdint.h>

typedef enum cal_words_kind {
  CAL_WORDS_PARTIAL, /* may still change */
  CAL_WORDS_PIECE,   /* will not change; the turn goes on */
  CAL_WORDS_FINAL,   /* the turn has ended */
  CAL_WORDS_LIKELY,  /* the turn has probably ended */
  CAL_WORDS_RESUMED, /* it has not */
  CAL_WORDS_STARTED, /* somebody speaks */
  CAL_WORDS_ENDED,   /* the turn has ended, with what was told before; a wire's alone */
  CAL_WORDS_KINDS
} cal_words_kind;

#define CAL_WORDS_TURN_BYTES 64
#define CAL_WORDS_LANGUAGE_BYTES 24

typedef struct cal_words {
  cal_words_kind kind;
  const char *text;                        /* borrowed; "": none */
  int is_joined;                           /* follows the text before it without a blank */
  char turn[CAL_WORDS_TURN_BYTES];         /* the vendor's name of it; "": it has none */
  char language[CAL_WORDS_LANGUAGE_BYTES]; /* such as "en"; "": it does not say */
  double confidence;                       /* 0 to 1; -1: it does not say */
  int64_t from_ms, until_ms;               /* of the sound it was sent; -1: it does not say */
} cal_words;

#endif
