/* dict: how English words sound, for the recogniser.
 *
 * The file is CMU's pronouncing dictionary as Debian's pocketsphinx-en-us ships it (134,000 lines, 3.2 MiB):
 * a word, a blank, its phones; further pronunciations of a word follow as `word(2)`, `word(3)`. It is mapped
 * read-only and indexed by a hash of 1 MiB, once, and shared by every thread; the process keeps the one it
 * opened last, so that opening the same file again costs nothing. A word that is not in it gets a guess:
 * initials without a vowel are spelled ("sbi"), anything else goes through flite's letter-to-sound rules.
 *
 * The object is reference counted (mem.h) and never changes after it was opened. Any thread. */
#ifndef CAL_SPEECH_DICT_H
#define CAL_SPEECH_DICT_H

#include <stddef.h>

#define CAL_DICT_PATH "/usr/share/pocketsphinx/model/en-us/cmudict-en-us.dict"
#define CAL_DICT_WORD_BYTES 48    /* the longest word that is looked up, with its zero */
#define CAL_DICT_PHONES_BYTES 192 /* the longest pronunciation, with its zero */
#define CAL_PHONES 39

typedef struct cal_dict cal_dict;

/* NULL path = CAL_DICT_PATH. Returns owned. -ENOENT and kin when the file cannot be read, -EINVAL when it is
 * no dictionary. */
int cal_dict_open(cal_dict **result, const char *path);

/* Pronunciation number `variant` (1, 2, …) of a lower-case word: 1 found, 0 absent. */
int cal_dict_find(const cal_dict *dict, char phones[CAL_DICT_PHONES_BYTES], const char *word, int variant);

/* A guess for a lower-case word of letters and apostrophes that is not in the dictionary. -EINVAL, naming the
 * word, when the rules make nothing of it. */
int cal_dict_guess(const cal_dict *dict, char phones[CAL_DICT_PHONES_BYTES], const char *word);

/* The name of phone 0 … CAL_PHONES-1 ("AA", "AE", …). Static. */
const char *cal_dict_phone(int index);

#endif
