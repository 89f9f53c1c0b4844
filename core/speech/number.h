/* number: the words of English numbers, for grammars of them and back. Any thread. */
#ifndef CAL_SPEECH_NUMBER_H
#define CAL_SPEECH_NUMBER_H

#define CAL_NUMBER_BYTES 32 /* "-9999999.1234" and more, with its zero */

extern const char *const cal_number_units[20]; /* "zero" … "nineteen" */
extern const char *const cal_number_tens[10];  /* "", "", "twenty" … "ninety" */

/* "minus two hundred and five point one" → "-205.1"; "four zero seven" → "407". The words are those of a
 * grammar (grammar.h), in its order, separated by single blanks: 1, or 0 when there is another word or there
 * are too many. */
int cal_number_read(char number[CAL_NUMBER_BYTES], const char *words);

#endif
