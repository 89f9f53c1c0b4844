/* turn: what an ear tells, put together to the turns of a caller, whatever the ear's habits: pieces that are joined, texts of
 * all of the turn, last words that come twice, late or never.
 *
 *   ear: started  partial  piece  partial  ended          what comes of a turn that is over is dropped:
 *          │         │       │       │       │               by the turn's name, by where it is in the sound, or as a
 *          ▼         ▼       ▼       ▼       ▼               text that comes again within ECHO_MS
 *      started    partial  piece  partial  final
 *
 * What is told always has all of the turn so far as its text; a final one is never empty. A partial that is empty takes
 * back what was told before. Plain memory beside its buffers; one thread.
 *
 * Ceiling: a turn of CAL_TURN_BYTES has ended. */
#ifndef CAL_TALK_TURN_H
#define CAL_TALK_TURN_H

#include "base/buf.h"
#include "wire/words.h"

#define CAL_TURN_BYTES 8000
#define CAL_TURNS_REMEMBERED 4 /* by their names */

typedef struct cal_turn {
  /* What is borrowed is borrowed for the call; never CAL_WORDS_ENDED. */
  void (*on_words)(void *context, const cal_words *words);
  void *context;
  cal_buf kept, open;       /* what will not change, and what follows it and may */
  int is_started, is_stale; /* stale: what is open comes again, from its beginning */
  cal_words about;          /* times, language and confidence of the turn so far */
  char over[CAL_TURNS_REMEMBERED][CAL_WORDS_TURN_BYTES];
  unsigned over_count;
  int64_t over_until_ms; /* the sound up to here has been told in turns that are over; -1: not known */
  char *last;            /* text of the last turn; NULL: none */
  uint64_t last_ns;
} cal_turn;

void cal_turn_open(cal_turn *turn, void (*on_words)(void *context, const cal_words *words), void *context);
void cal_turn_close(cal_turn *turn); /* tells nothing */

void cal_turn_take(cal_turn *turn, const cal_words *words, uint64_t now_ns);
int cal_turn_is_pending(const cal_turn *turn);      /* there is text, and its end was not told */
void cal_turn_end(cal_turn *turn, uint64_t now_ns); /* with what is known; harmless when nothing is */

/* The ear begins anew: it gives turns new names, and is going to hear again what was not kept yet. */
void cal_turn_renew(cal_turn *turn);
void cal_turn_keep(cal_turn *turn); /* what is open will not be heard again */

#endif
