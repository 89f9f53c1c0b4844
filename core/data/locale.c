#include "data/locale.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <unicode/ubrk.h>
#include <unicode/uclean.h>
#include <unicode/ucurr.h>
#include <unicode/udat.h>
#include <unicode/udatpg.h>
#include <unicode/uloc.h>
#include <unicode/unum.h>
#include <unicode/upluralrules.h>
#include <unicode/ures.h>
#include <unicode/ustring.h>
#include <unicode/utext.h>

#include "base/error.h"
#include "base/mem.h"
#include "data/spellout_rules.h"

#define TAG_ROOM 40
#define PATTERN_ROOM 65
#define PATTERNS 4 /* of dates, kept for a language */
#define VALUE_CEILING 1e15
#define DIGITS "@numbers=latn"

typedef struct date_form {
  char text[PATTERN_ROOM + 1]; /* after whether it is a skeleton */
  UDateFormat *format;
} date_form;

typedef struct locale {
  char tag[TAG_ROOM];                /* as it was asked for */
  char id[TAG_ROOM + sizeof DIGITS]; /* as ICU has it */
  UNumberFormat *spellout;           /* NULL: not used yet */
  int lacks_words;                   /* ICU has no rules to spell with */
  UPluralRules *plurals;             /* NULL: not used yet */
  date_form forms[PATTERNS];
  unsigned next_form;
  uint64_t used;
} locale;

typedef struct keep {
  locale locales[CAL_LOCALES_CEILING];
  UBreakIterator *letters;
  uint64_t uses;
} keep;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int refuse(const char *what, UErrorCode code) {
  return cal_fail(-ENOTSUP, "%s: %s", what, u_errorName(code));
}

/* ---- what a thread keeps */

static void forget(locale *l) {
  if (l->spellout) unum_close(l->spellout);
  if (l->plurals) uplrules_close(l->plurals);
  for (int i = 0; i < PATTERNS; i++)
    if (l->forms[i].format) udat_close(l->forms[i].format);
  *l = (locale){0};
}

static void release(void *memory) {
  keep *k = memory;
  if (!k) return;
  for (int i = 0; i < CAL_LOCALES_CEILING; i++) forget(&k->locales[i]);
  if (k->letters) ubrk_close(k->letters);
  cal_free(k);
}

static void make_key(void) { pthread_key_create(&key, release); }

static keep *mine(void) {
  pthread_once(&once, make_key);
  keep *k = pthread_getspecific(key);
  if (k) return k;
  k = cal_alloc(sizeof *k);
  pthread_setspecific(key, k);
  return k;
}

void cal_locale_cleanup(void) {
  pthread_once(&once, make_key);
  release(pthread_getspecific(key));
  pthread_setspecific(key, NULL);
  u_cleanup();
}

static int check_tag(const char *tag) {
  size_t bytes = strlen(tag), letters = 0;
  while (isalpha((unsigned char)tag[letters])) letters++;
  int is_good = bytes < TAG_ROOM && (letters == 2 || letters == 3);
  for (size_t i = 0; i < bytes; i++)
    is_good &= isalnum((unsigned char)tag[i]) || tag[i] == '-' || tag[i] == '_';
  if (is_good && (!tag[letters] || tag[letters] == '-' || tag[letters] == '_')) return 0;
  return cal_fail(-EINVAL, "'%.40s' is not a language such as \"hi\" or \"hi-IN\"", tag);
}

/* A language that ICU has anything of; what it lacks would else be given in another one. */
static int check_known(const char *id) {
  UErrorCode code = U_ZERO_ERROR;
  UResourceBundle *bundle = ures_open(NULL, id, &code);
  ures_close(bundle);
  if (U_SUCCESS(code) && code != U_USING_DEFAULT_WARNING) return 0;
  return cal_fail(-ENOENT, "the language '%s' is not known", id);
}

static locale *place_for(keep *k, const char *tag) {
  locale *oldest = &k->locales[0];
  for (int i = 0; i < CAL_LOCALES_CEILING; i++) {
    locale *l = &k->locales[i];
    if (!strcmp(l->tag, tag)) return l;
    if (l->used < oldest->used) oldest = l;
  }
  return oldest;
}

/* Borrowed until the next one is found. */
static int find(locale **result, const char *tag) {
  keep *k = mine();
  locale *l = place_for(k, tag);
  if (strcmp(l->tag, tag)) {
    int code = check_tag(tag);
    if (code >= 0) code = check_known(tag);
    if (code < 0) return code;
    forget(l);
    snprintf(l->tag, sizeof l->tag, "%s", tag);
    snprintf(l->id, sizeof l->id, "%s" DIGITS, tag);
  }
  l->used = ++k->uses;
  *result = l;
  return 0;
}

/* ---- text */

static int is_unseen(UChar c) {
  return c == 0x00AD || c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E);
}

static int is_space(UChar c) { return c == 0x00A0 || c == 0x2009 || c == 0x202F; }

/* Gives a text of ICU's as UTF-8. */
static int give(char *text, size_t room, const UChar *made, int length) {
  UChar seen[CAL_LOCALE_ROOM];
  int count = 0;
  for (int i = 0; i < length && count < CAL_LOCALE_ROOM; i++)
    if (!is_unseen(made[i])) seen[count++] = is_space(made[i]) ? ' ' : made[i];
  UErrorCode code = U_ZERO_ERROR;
  int32_t bytes = 0;
  u_strToUTF8(text, (int32_t)room, &bytes, seen, count, &code);
  if (U_FAILURE(code)) return cal_fail(-ENOSPC, "a text of %d bytes does not fit into %zu", bytes, room);
  return bytes;
}

static int has_digit(const UChar *made, int length) {
  for (int i = 0; i < length; i++)
    if (made[i] >= '0' && made[i] <= '9') return 1;
  return 0;
}

/* ---- numbers */

static UNumberFormat *open_own(const char *rules, const char *id) {
  UChar wide[4096];
  UErrorCode code = U_ZERO_ERROR;
  int32_t length = 0;
  UParseError where;
  u_strFromUTF8(wide, sizeof wide / sizeof *wide, &length, rules, -1, &code);
  UNumberFormat *made = unum_open(UNUM_PATTERN_RULEBASED, wide, length, id, &where, &code);
  if (U_SUCCESS(code)) return made;
  unum_close(made);
  return NULL;
}

static UNumberFormat *open_icus(const char *id, const char *language) {
  UErrorCode code = U_ZERO_ERROR;
  UNumberFormat *made = unum_open(UNUM_SPELLOUT, NULL, 0, id, NULL, &code);
  if (U_FAILURE(code)) return NULL;
  char of[TAG_ROOM] = "";
  const char *actual = unum_getLocaleByType(made, ULOC_ACTUAL_LOCALE, &code);
  uloc_getLanguage(actual ? actual : "", of, sizeof of, &code);
  if (U_SUCCESS(code) && !strcmp(of, language)) return made;
  unum_close(made);
  return NULL;
}

static int need_spellout(locale *l) {
  if (!l->spellout && !l->lacks_words) {
    char language[TAG_ROOM] = "";
    UErrorCode code = U_ZERO_ERROR;
    uloc_getLanguage(l->id, language, sizeof language, &code);
    const char *rules = cal_spellout_rules(language);
    l->spellout = rules ? open_own(rules, l->id) : open_icus(l->id, language);
    l->lacks_words = !l->spellout;
  }
  if (l->spellout) return 0;
  return cal_fail(-ENOTSUP, "there are no words for numbers in '%s'", l->tag);
}

/* The first set of rules that the language has. */
static int choose_rules(locale *l, cal_spelling how) {
  static const char *const sets[][3] = {
      [CAL_SPELL_NUMBER] = {"%spellout-numbering"},
      [CAL_SPELL_MASCULINE] = {"%spellout-cardinal-masculine", "%spellout-cardinal", "%spellout-numbering"},
      [CAL_SPELL_FEMININE] = {"%spellout-cardinal-feminine", "%spellout-cardinal", "%spellout-numbering"},
      [CAL_SPELL_NEUTER] = {"%spellout-cardinal-neuter", "%spellout-cardinal", "%spellout-numbering"},
      [CAL_SPELL_ORDINAL] = {"%spellout-ordinal", "%spellout-ordinal-masculine"},
      [CAL_SPELL_YEAR] = {"%spellout-numbering-year", "%spellout-numbering"},
  };
  for (int i = 0; i < 3 && sets[how][i]; i++) {
    UChar name[64];
    UErrorCode code = U_ZERO_ERROR;
    u_uastrcpy(name, sets[how][i]);
    unum_setTextAttribute(l->spellout, UNUM_DEFAULT_RULESET, name, -1, &code);
    if (U_SUCCESS(code)) return 0;
  }
  return cal_fail(-ENOTSUP, "there are no such words for numbers in '%s'", l->tag);
}

int cal_locale_spell(char *text, size_t room, const char *tag, cal_spelling how, double value) {
  locale *l;
  if (!(fabs(value) < VALUE_CEILING)) return cal_fail(-ERANGE, "numbers have at most 15 digits");
  int code = find(&l, tag);
  if (code >= 0) code = need_spellout(l);
  if (code >= 0) code = choose_rules(l, how);
  if (code < 0) return code;
  UChar made[CAL_LOCALE_ROOM];
  UErrorCode failure = U_ZERO_ERROR;
  int length = value == floor(value)
                   ? unum_formatInt64(l->spellout, (int64_t)value, made, CAL_LOCALE_ROOM, NULL, &failure)
                   : unum_formatDouble(l->spellout, value, made, CAL_LOCALE_ROOM, NULL, &failure);
  if (U_FAILURE(failure)) return refuse("a number cannot be spelled", failure);
  if (has_digit(made, length)) return cal_fail(-ENOTSUP, "there are no words for such a number in '%s'", tag);
  return give(text, room, made, length);
}

/* ---- money */

int cal_locale_currency(char *text, size_t room, const char *tag, const char *code, double amount) {
  locale *l;
  int found = find(&l, tag);
  if (found < 0) return found;
  UErrorCode failure = U_ZERO_ERROR;
  if (!l->plurals) l->plurals = uplrules_open(l->id, &failure);
  UChar keyword[32], currency[4] = {0};
  int32_t length = uplrules_select(l->plurals, amount, keyword, 31, &failure);
  if (U_FAILURE(failure)) return refuse("a plural cannot be chosen", failure);
  char count[32];
  keyword[length] = 0;
  u_austrcpy(count, keyword);
  for (int i = 0; i < 3; i++) currency[i] = (UChar)toupper((unsigned char)code[i]);
  UBool is_choice;
  const UChar *name = ucurr_getPluralName(currency, l->id, &is_choice, count, &length, &failure);
  if (U_FAILURE(failure) || !u_strcmp(name, currency))
    return cal_fail(-ENOTSUP, "there is no name for the money '%.3s' in '%s'", code, tag);
  return give(text, room, name, length);
}

/* ---- dates */

static int best_pattern(UChar *pattern, const char *id, const UChar *skeleton) {
  UErrorCode code = U_ZERO_ERROR;
  UDateTimePatternGenerator *generator = udatpg_open(id, &code);
  int32_t length = U_SUCCESS(code) ? udatpg_getBestPattern(generator, skeleton, -1, pattern, 128, &code) : 0;
  udatpg_close(generator);
  return U_SUCCESS(code) ? length : -1;
}

static UDateFormat *open_date(const locale *l, const char *text, int is_skeleton) {
  static const UChar utc[] = {'U', 'T', 'C', 0};
  UChar given[PATTERN_ROOM], best[128];
  UErrorCode code = U_ZERO_ERROR;
  int32_t length = 0;
  u_strFromUTF8(given, PATTERN_ROOM, &length, text, -1, &code);
  if (U_FAILURE(code)) return NULL;
  if (is_skeleton) length = best_pattern(best, l->id, given);
  if (length < 0) return NULL;
  UDateFormat *made =
      udat_open(UDAT_PATTERN, UDAT_PATTERN, l->id, utc, 3, is_skeleton ? best : given, length, &code);
  if (U_SUCCESS(code)) return made;
  udat_close(made);
  return NULL;
}

static UDateFormat *date_format(locale *l, const char *text, int is_skeleton) {
  char wanted[PATTERN_ROOM + 1];
  snprintf(wanted, sizeof wanted, "%c%s", is_skeleton ? 's' : 'p', text);
  for (int i = 0; i < PATTERNS; i++)
    if (!strcmp(l->forms[i].text, wanted)) return l->forms[i].format;
  UDateFormat *made = open_date(l, text, is_skeleton);
  if (!made) return NULL;
  date_form *p = &l->forms[l->next_form++ % PATTERNS];
  if (p->format) udat_close(p->format);
  *p = (date_form){.format = made};
  memcpy(p->text, wanted, sizeof wanted);
  return made;
}

int cal_locale_date(char *text, size_t room, const char *tag, const char *pattern, int is_skeleton,
                    const cal_zone_fields *fields) {
  const cal_zone *utc;
  locale *l;
  int64_t instant;
  if (strlen(pattern) >= PATTERN_ROOM) return cal_fail(-EINVAL, "a pattern of a date has at most 64 bytes");
  int code = cal_zone_find(&utc, "UTC");
  if (code >= 0) code = cal_zone_instant(utc, fields, &instant);
  if (code >= 0) code = find(&l, tag);
  if (code < 0) return code;
  UDateFormat *format = date_format(l, pattern, is_skeleton);
  if (!format) return cal_fail(-EINVAL, "'%s' is not a pattern of a date", pattern);
  UChar made[CAL_LOCALE_ROOM];
  UErrorCode failure = U_ZERO_ERROR;
  int length = udat_format(format, (double)instant * 1000, made, CAL_LOCALE_ROOM, NULL, &failure);
  if (U_FAILURE(failure)) return refuse("a date cannot be written", failure);
  return give(text, room, made, length);
}

/* ---- letters */

int cal_locale_letters(uint32_t *ends, size_t most, const char *text, size_t bytes) {
  keep *k = mine();
  UErrorCode code = U_ZERO_ERROR;
  UText source = UTEXT_INITIALIZER;
  if (!k->letters) k->letters = ubrk_open(UBRK_CHARACTER, "en", NULL, 0, &code);
  utext_openUTF8(&source, text, (int64_t)bytes, &code);
  ubrk_setUText(k->letters, &source, &code);
  if (U_FAILURE(code)) return refuse("letters cannot be told apart", code);
  int count = 0;
  for (int32_t end = ubrk_next(k->letters); end != UBRK_DONE; end = ubrk_next(k->letters), count++)
    if ((size_t)count < most) ends[count] = (uint32_t)end;
  utext_close(&source);
  return count;
}
