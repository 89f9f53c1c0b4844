/* sayings: the utterances of a call that were declared and have not ended.
 *
 * What waits to be heard is sound in memory, or work for the voice. A call has at most CAL_SAYINGS of it, and no more than
 * CAL_SAYINGS_LETTERS letters, nine minutes of speech. Zeroed memory has none. The call's script thread. */
#ifndef CAL_SCRIPT_SAYINGS_H
#define CAL_SCRIPT_SAYINGS_H

#include <stdint.h>

#define CAL_SAYINGS 32
#define CAL_SAYINGS_LETTERS 8000
#define CAL_SAYINGS_LETTERS_A_SECOND 15 /* what a second of other sound counts as */

typedef struct cal_sayings {
  struct {
    uint8_t party; /* 0: free */
    uint32_t utterance, letters;
  } of[CAL_SAYINGS];
  uint32_t letters;
} cal_sayings;

/* -EDQUOT: there is too much already. Saying the same utterance again is a new one. */
int cal_sayings_begin(cal_sayings *sayings, uint8_t party, uint32_t utterance, uint32_t letters);
void cal_sayings_end(cal_sayings *sayings, uint8_t party,
                     uint32_t utterance);                      /* harmless for one that is not there */
void cal_sayings_end_all(cal_sayings *sayings, uint8_t party); /* its leg has ended */

#endif
