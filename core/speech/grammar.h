/* grammar: the answers that are expected, as the recogniser needs them.
 *
 *   choices, digits -> cal_grammar_new -> FSG text + the words and their sounds -> cal_ear_recognise
 *                                                                     hypothesis -> cal_grammar_match ->
 * choice
 *
 *        um, well …    i'd like …       a choice's phrase | digits         please …
 *   (0) ----------> (3) ----------> (4) ------------------------> (5) ----------------> (1)
 *    '------------------------- any phones (rejection), P per phone -------------------->'
 *
 * A small grammar is what makes telephone speech recognisable: yes/no and menus of a few dozen phrases work,
 * long spoken numbers do not (docs/local-speech.md has the figures). The phone loop is half of how the
 * recogniser says "none of these": the higher P, the more is rejected, rightly and wrongly. The other half is
 * how well the words fit (ear.h).
 *
 * Phrases are ordinary text: case and punctuation do not matter, numbers are read as words ("2" is "two",
 * "42" "forty two", longer ones digit by digit). A word that is not in the dictionary gets a guessed sound
 * (dict.h).
 *
 * A grammar is reference counted (mem.h) and never changes after it was built. Any thread. */
#ifndef CAL_SPEECH_GRAMMAR_H
#define CAL_SPEECH_GRAMMAR_H

#include <stddef.h>
#include <stdint.h>

#include "speech/dict.h"
#include "speech/number.h"

#define CAL_GRAMMAR_CHOICES 256     /* choices of one grammar */
#define CAL_GRAMMAR_PHRASES 1024    /* phrases of all choices together */
#define CAL_GRAMMAR_PHRASE_WORDS 16 /* words of one phrase */
#define CAL_GRAMMAR_DIGITS 20       /* digits of one spoken number */
#define CAL_GRAMMAR_NUMBER 9999999  /* the highest number in words */
#define CAL_GRAMMAR_ID_BYTES 64     /* a choice's id, with its zero */
#define CAL_HEARD_TEXT_BYTES 512    /* what was heard, with its zero; cut beyond */

typedef struct cal_grammar cal_grammar;

/* What a caller may answer, and what to call it. Without phrases "yes" and "no" mean the usual words for them
 * ("sure", "nope", …) and any other id is its own phrase ("call_back" is "call back"). */
typedef struct cal_choice {
  const char *id;
  const char *const *phrases;
  size_t phrase_count;
} cal_choice;

typedef struct cal_grammar_options { /* everything is borrowed for the call only */
  const cal_choice *choices;
  size_t choice_count;
  uint32_t digits_min, digits_max; /* a spoken number of so many digits; digits_max 0 = none */
  uint32_t number_max; /* numbers in words from zero, "one lakh twenty thousand", "three hundred and five", up
                          to about this one: parts that cannot be needed are left out, more is not checked; 0
                          = none */
  int has_fraction, has_minus; /* of these: "two point five", "minus three" */
  double reject; /* P of the phone loop, 0 < P <= 0.1; 0 = the measured default; negative = never reject */
  int is_bare;   /* true: no "um", "I'd like" and "please" around the answer */
} cal_grammar_options;

/* Returns owned. -EINVAL, with a sentence, for no answers at all, a phrase without words, one phrase in two
 * choices, a word that cannot be sounded, or a limit above. */
int cal_grammar_new(cal_grammar **result, const cal_dict *dict, const cal_grammar_options *options);

const char *cal_grammar_fsg(const cal_grammar *grammar); /* pocketsphinx' FSG text; borrowed */
uint64_t cal_grammar_hash(const cal_grammar *grammar);   /* of the FSG text: what caches compare first */
int cal_grammar_has_digits(const cal_grammar *grammar);  /* or numbers: rows of short words */
int cal_grammar_rejects(const cal_grammar *grammar);     /* false: one of the answers is always taken */

/* Word number `index` as the FSG spells it and one pronunciation; variants come as "word(2)" after "word". 0
 * at the end. */
int cal_grammar_word(const cal_grammar *grammar, size_t index, const char **word, const char **phones);

typedef struct cal_match {
  int choice;                          /* index into the options' choices; -1 = none of them */
  int is_rejected;                     /* words were said, and they were none of the expected answers */
  char id[CAL_GRAMMAR_ID_BYTES];       /* of the choice; "" = none */
  char digits[CAL_GRAMMAR_DIGITS + 1]; /* "407" for "four zero seven"; "" = none */
  char number[CAL_NUMBER_BYTES];       /* "405" for "four hundred and five", "407" too; "" = none */
  char text[CAL_HEARD_TEXT_BYTES];     /* the words heard, "" when nothing was heard or it was rejected */
} cal_match;

/* Reads the recogniser's hypothesis. NULL or "" is silence, or a noise in which nothing is a word; one phone
 * alone ("uh", a knock) is a noise, too: no choice and not rejected. */
void cal_grammar_match(const cal_grammar *grammar, cal_match *match, const char *hypothesis);

/* Reads text that is known to have been said, as the recogniser would if it never erred: rejected unless the
 * grammar has a way for exactly these words. Case and punctuation do not matter, numerals are read as words.
 */
void cal_grammar_read(const cal_grammar *grammar, cal_match *match, const char *text);

#endif
