/* locale: numbers, names of money, dates and letters as a language has them (ICU).
 *
 * What ICU makes for a language is kept by the thread that uses it, for CAL_LOCALES_CEILING languages; then the
 * one that was not used for longest goes. The first use of a language takes a few milliseconds, later ones
 * microseconds. Texts are UTF-8, without the marks of direction and hyphenation that ICU puts into them.
 *
 * A language is a tag such as "hi" or "hi-IN". Functions that write a text return its bytes, without a final
 * zero; -EINVAL for what is not a tag, -ENOENT for a language ICU does not know, -ENOTSUP for one that lacks
 * the words asked for, -ENOSPC when the room is too small. Any thread. */
#ifndef CAL_DATA_LOCALE_H
#define CAL_DATA_LOCALE_H

#include <stddef.h>
#include <stdint.h>

#include "data/zone.h"

#define CAL_LOCALES_CEILING 8 /* languages a thread keeps */
#define CAL_LOCALE_ROOM 1024  /* bytes that every text below fits into */

typedef enum cal_spelling {
  CAL_SPELL_NUMBER, /* counted without a noun */
  CAL_SPELL_MASCULINE,
  CAL_SPELL_FEMININE,
  CAL_SPELL_NEUTER,
  CAL_SPELL_ORDINAL,
  CAL_SPELL_YEAR
} cal_spelling;

/* 21 as "veintiuno". What a language does not have apart (a gender, years) is what it has instead; ordinals have
 * no such thing. -ERANGE from 10^15 on. */
int cal_locale_spell(char *text, size_t room, const char *tag, cal_spelling how, double value);

/* The name of money, as said behind so much of it: "INR", 2 as "रुपए". `code` has three letters. */
int cal_locale_currency(char *text, size_t room, const char *tag, const char *code, double amount);

/* A date by a pattern of ICU's, at most 64 bytes: "EEEE" is a day of the week, "MMMM" a month, "B" a part of the
 * day. With `is_skeleton` the pattern names what is wanted and the language orders it. Numbers are in 0 to 9. */
int cal_locale_date(char *text, size_t room, const char *tag, const char *pattern, int is_skeleton,
                    const cal_zone_fields *fields);

/* Where the letters of a text end, as people count them: a base with all its marks is one. Writes at most `most`
 * ends, in bytes from the beginning, and returns how many there are. */
int cal_locale_letters(uint32_t *ends, size_t most, const char *text, size_t bytes);

/* Frees what ICU and this thread keep. For tests, when no other thread is using any of it. */
void cal_locale_cleanup(void);

#endif
