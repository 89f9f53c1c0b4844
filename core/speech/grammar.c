#include "speech/grammar_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "speech/lexis.h"
#include "speech/number.h"
#include "speech/phrase.h"

/* States of the drawing in the header; those of phrases and digits follow. */
enum { START, FINAL, PHONES, LEAD, ANSWER, TAIL, FIRST_FREE };

#define FSG_BYTES (1u << 20) /* the longest FSG text */
#define REJECT 3e-3          /* P of the phone loop (figures: docs/local-speech.md) */
#define CARRIER_P "0.2"      /* an "um" or "please" must sound like one to be preferred to the bare answer */

static const char *const yes_phrases[] = {
    "yes",      "yeah",      "yep",        "yes please", "sure",         "correct",
    "okay",     "ok",        "right",      "of course",  "that's right", "that's correct",
    "go ahead", "please do", "absolutely", "yes it is",  "yes i do"};
static const char *const no_phrases[] = {
    "no",     "nope",  "no thanks",    "no thank you", "not now",     "wrong",      "incorrect",
    "cancel", "never", "please don't", "that's wrong", "no it isn't", "no i don't", "not really"};
static const char *const openers[] = {"um", "uh", "well"};
static const char *const leads[] = {"i'd like", "i would like", "i want", "i need", "give me", "it's"};
static const char *const tails[] = {"please", "thanks", "thank you"};
static const char *const digit_words[] = {"zero", "one", "two",   "three", "four",
                                          "five", "six", "seven", "eight", "nine"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

typedef struct phrase {
  int choice;
  cal_words words;
} phrase;

struct cal_grammar {
  char *fsg;
  uint64_t hash;
  cal_lexis lexis;
  char (*ids)[CAL_GRAMMAR_ID_BYTES];
  size_t id_count;
  phrase *phrases;
  size_t phrase_count;
  uint32_t digits_min, digits_max, number_max;
  int has_fraction, has_minus;
  double reject;
  int is_bare;
};

typedef cal_grammar_edge edge;
typedef cal_grammar_build build;

static void destroy(void *object) {
  cal_grammar *grammar = object;
  cal_free(grammar->fsg);
  cal_free(grammar->ids);
  cal_free(grammar->phrases);
  cal_lexis_free(&grammar->lexis);
}

const char *cal_grammar_fsg(const cal_grammar *grammar) { return grammar->fsg; }
uint64_t cal_grammar_hash(const cal_grammar *grammar) { return grammar->hash; }
int cal_grammar_has_digits(const cal_grammar *grammar) {
  return grammar->digits_max > 0 || grammar->number_max > 0;
}
int cal_grammar_rejects(const cal_grammar *grammar) { return grammar->reject >= 0; }

int cal_grammar_word(const cal_grammar *grammar, size_t index, const char **word, const char **phones) {
  if (index >= grammar->lexis.count) return 0;
  *word = grammar->lexis.entries[index].word;
  *phones = grammar->lexis.entries[index].phones;
  return 1;
}

int cal_grammar_arc(build *b, int from, int to, const char *p, const char *word) {
  int code = word ? cal_lexis_add(&b->grammar->lexis, b->dict, word) : 0;
  return code ? code : cal_buf_format(&b->text, "TRANSITION %d %d %s %s\n", from, to, p, word ? word : "");
}

static int arc(build *b, int from, int to, const char *p, const char *word) {
  return cal_grammar_arc(b, from, to, p, word);
}

static int state_after(build *b, int *state, int from, const char *word, const char *p) {
  for (size_t i = 0; i < b->edge_count; i++)
    if (b->edges[i].from == from && !strcmp(b->edges[i].word, word)) {
      *state = b->edges[i].to;
      return 0;
    }
  if (b->edge_count == b->edge_room) {
    b->edge_room = b->edge_room ? b->edge_room * 2 : 64;
    b->edges = cal_resize(b->edges, b->edge_room * sizeof *b->edges);
  }
  *state = b->states++;
  b->edges[b->edge_count++] = (edge){from, *state, word};
  return arc(b, from, *state, p, word);
}

static int path(build *b, int from, int to, const cal_words *words, const char *p) {
  int code = 0;
  for (size_t i = 0; !code && i + 1 < words->count; i++, p = "1.0")
    code = state_after(b, &from, from, words->word[i], p);
  return code ? code : arc(b, from, to, p, words->word[words->count - 1]);
}

static int carriers(build *b, int from, int to, const char *const *texts, size_t count) {
  int code = 0;
  for (size_t i = 0; !code && i < count; i++) {
    cal_words words;
    code = cal_words_of(&words, texts[i]);
    if (code) break;
    int at = from;
    const char *p = CARRIER_P;
    for (size_t w = 0; !code && w < words.count; w++, p = "1.0") {
      int next = w + 1 == words.count ? to : b->states++;
      code = arc(b, at, next, p, words.word[w]);
      at = next;
    }
  }
  return code ? code : arc(b, from, to, "1.0", NULL);
}

static int digits(build *b) {
  int code = 0, from = ANSWER;
  for (uint32_t said = 1; !code && said <= b->grammar->digits_max; said++) {
    int next = said < b->grammar->digits_max ? b->states++ : -1;
    for (size_t i = 0; !code && i < COUNT(digit_words); i++) {
      if (said >= b->grammar->digits_min) code = arc(b, from, TAIL, "1.0", digit_words[i]);
      if (!code && next >= 0) code = arc(b, from, next, "1.0", digit_words[i]);
    }
    from = next;
  }
  return code;
}

static int phone_loop(build *b) {
  if (b->grammar->reject < 0) return 0;
  size_t first = b->grammar->lexis.count;
  int code = cal_lexis_add_phones(&b->grammar->lexis);
  if (!code) code = arc(b, START, PHONES, "1.0", NULL);
  if (!code) code = arc(b, PHONES, FINAL, "1.0", NULL);
  for (size_t i = 0; !code && i < CAL_PHONES; i++)
    code = cal_buf_format(&b->text, "TRANSITION %d %d %g %s\n", PHONES, PHONES, b->grammar->reject,
                          b->grammar->lexis.entries[first + i].word);
  return code;
}

static int lines(build *b) {
  cal_grammar *grammar = b->grammar;
  int code = 0;
  for (size_t i = 0; !code && i < grammar->phrase_count; i++)
    code = path(b, ANSWER, TAIL, &grammar->phrases[i].words, "1.0");
  if (!code) code = digits(b);
  if (!code && grammar->number_max)
    code =
        cal_grammar_numbers(b, ANSWER, TAIL, grammar->number_max, grammar->has_fraction, grammar->has_minus);
  if (code) return code;
  if (grammar->is_bare) {
    code = arc(b, START, LEAD, "1.0", NULL);
    if (!code) code = arc(b, LEAD, ANSWER, "1.0", NULL);
    if (!code) code = arc(b, TAIL, FINAL, "1.0", NULL);
  } else {
    code = carriers(b, START, LEAD, openers, COUNT(openers));
    if (!code) code = carriers(b, LEAD, ANSWER, leads, COUNT(leads));
    if (!code) code = carriers(b, TAIL, FINAL, tails, COUNT(tails));
  }
  return code ? code : phone_loop(b);
}

static uint64_t hash_of(const char *text) { /* FNV-1a */
  uint64_t hash = UINT64_C(14695981039346656037);
  for (; *text; text++) hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
  return hash;
}

static int write_fsg(cal_grammar *grammar, const cal_dict *dict) {
  build b = {.grammar = grammar, .dict = dict, .states = FIRST_FREE};
  cal_buf whole;
  cal_buf_init(&b.text, FSG_BYTES);
  cal_buf_init(&whole, FSG_BYTES + 256);
  int code = lines(&b);
  if (!code)
    code = cal_buf_format(&whole, "FSG_BEGIN answers\nNUM_STATES %d\nSTART_STATE %d\nFINAL_STATE %d\n",
                          b.states, START, FINAL);
  if (!code) code = cal_buf_append(&whole, b.text.data, b.text.bytes);
  if (!code) code = cal_buf_text(&whole, "FSG_END\n");
  if (!code) {
    grammar->fsg = cal_buf_take(&whole);
    grammar->hash = hash_of(grammar->fsg);
  }
  cal_buf_free(&whole);
  cal_buf_free(&b.text);
  cal_free(b.edges);
  return code;
}

static int same_words(const cal_words *a, const cal_words *b) {
  if (a->count != b->count) return 0;
  for (size_t i = 0; i < a->count; i++)
    if (strcmp(a->word[i], b->word[i])) return 0;
  return 1;
}

static int add_phrase(cal_grammar *grammar, int choice, const char *text) {
  cal_words words;
  int code = cal_words_of(&words, text);
  if (code) return code;
  for (size_t i = 0; i < grammar->phrase_count; i++) {
    if (!same_words(&grammar->phrases[i].words, &words)) continue;
    if (grammar->phrases[i].choice == choice) return 0;
    return cal_fail(-EINVAL, "the phrase \"%s\" belongs to both \"%s\" and \"%s\"", text,
                    grammar->ids[grammar->phrases[i].choice], grammar->ids[choice]);
  }
  if (grammar->phrase_count == CAL_GRAMMAR_PHRASES)
    return cal_fail(-EINVAL, "a grammar has more than %d phrases", CAL_GRAMMAR_PHRASES);
  grammar->phrases[grammar->phrase_count++] = (phrase){choice, words};
  return 0;
}

static int add_choice(cal_grammar *grammar, const cal_choice *choice) {
  if (!choice->id || !choice->id[0] || strlen(choice->id) >= CAL_GRAMMAR_ID_BYTES)
    return cal_fail(-EINVAL, "a choice needs an id of 1 to %d bytes", CAL_GRAMMAR_ID_BYTES - 1);
  int index = (int)grammar->id_count++;
  snprintf(grammar->ids[index], CAL_GRAMMAR_ID_BYTES, "%s", choice->id);
  const char *const *phrases = choice->phrases;
  size_t count = choice->phrase_count;
  if (!count && !strcmp(choice->id, "yes")) phrases = yes_phrases, count = COUNT(yes_phrases);
  if (!count && !strcmp(choice->id, "no")) phrases = no_phrases, count = COUNT(no_phrases);
  if (!count) return add_phrase(grammar, index, choice->id);
  int code = 0;
  for (size_t i = 0; !code && i < count; i++) code = add_phrase(grammar, index, phrases[i]);
  return code;
}

static int check(const cal_grammar_options *options) {
  if (!options->choice_count && !options->digits_max && !options->number_max)
    return cal_fail(-EINVAL, "a grammar needs at least one choice, a number of digits, or numbers");
  if (options->number_max > CAL_GRAMMAR_NUMBER)
    return cal_fail(-EINVAL, "numbers in words go up to %d", CAL_GRAMMAR_NUMBER);
  if (options->choice_count > CAL_GRAMMAR_CHOICES)
    return cal_fail(-EINVAL, "a grammar has more than %d choices", CAL_GRAMMAR_CHOICES);
  if (options->digits_max > CAL_GRAMMAR_DIGITS || options->digits_min > options->digits_max)
    return cal_fail(-EINVAL, "spoken digits need 1 <= min <= max <= %d", CAL_GRAMMAR_DIGITS);
  if (options->reject > 0.1) return cal_fail(-EINVAL, "reject is a probability of at most 0.1");
  return 0;
}

int cal_grammar_new(cal_grammar **result, const cal_dict *dict, const cal_grammar_options *options) {
  int code = check(options);
  if (code) return code;
  cal_grammar *grammar = cal_ref_new(sizeof *grammar, destroy);
  grammar->ids = cal_alloc((options->choice_count + 1) * CAL_GRAMMAR_ID_BYTES);
  grammar->phrases = cal_alloc(CAL_GRAMMAR_PHRASES * sizeof *grammar->phrases);
  grammar->digits_max = options->digits_max;
  grammar->digits_min = options->digits_min ? options->digits_min : 1;
  grammar->number_max = options->number_max;
  grammar->has_fraction = options->has_fraction;
  grammar->has_minus = options->has_minus;
  grammar->is_bare = options->is_bare;
  for (size_t i = 0; !code && i < options->choice_count; i++)
    code = add_choice(grammar, &options->choices[i]);
  grammar->phrases = cal_resize(grammar->phrases, (grammar->phrase_count + 1) * sizeof *grammar->phrases);
  grammar->reject = options->reject != 0 ? options->reject : REJECT;
  if (!code) code = write_fsg(grammar, dict);
  if (code) {
    cal_unref(grammar);
    return code;
  }
  *result = grammar;
  return 0;
}

static int is_one_of(const char *word, size_t bytes, const char *const *texts, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (const char *at = texts[i]; *at;) {
      size_t length = strcspn(at, " ");
      if (length == bytes && !memcmp(at, word, bytes)) return 1;
      at += length + (at[length] == ' ');
    }
  return 0;
}

static int is_carrier(const char *word, size_t bytes) {
  return is_one_of(word, bytes, openers, COUNT(openers)) || is_one_of(word, bytes, leads, COUNT(leads)) ||
         is_one_of(word, bytes, tails, COUNT(tails));
}

static const char *next_word(const char *at) {
  at += strcspn(at, " ");
  return at + strspn(at, " ");
}

/* The words after `at` if the phrase stands there, else NULL. */
static const char *after_phrase(const char *at, const cal_words *words) {
  for (size_t i = 0; i < words->count; i++, at = next_word(at)) {
    size_t bytes = strcspn(at, " ");
    if (strlen(words->word[i]) != bytes || memcmp(at, words->word[i], bytes)) return NULL;
  }
  return at;
}

static int only_carriers(const char *at) {
  for (; *at; at = next_word(at))
    if (!is_carrier(at, strcspn(at, " "))) return 0;
  return 1;
}

/* True if what was heard is the phrase with nothing but carriers around it. */
static int is_answer(const char *heard, const cal_words *words) {
  for (const char *at = heard; *at; at = next_word(at)) {
    const char *rest = after_phrase(at, words);
    if (rest && only_carriers(rest)) return 1;
    if (!is_carrier(at, strcspn(at, " "))) return 0;
  }
  return 0;
}

/* Only digits, with nothing but carriers around them. */
static void match_digits(cal_match *match, const char *heard) {
  char digits[CAL_GRAMMAR_DIGITS + 1] = "";
  size_t count = 0;
  for (const char *at = heard; *at; at = next_word(at)) {
    size_t bytes = strcspn(at, " "), digit = 0;
    while (digit < COUNT(digit_words) && !is_one_of(at, bytes, &digit_words[digit], 1)) digit++;
    int is_digit = digit < COUNT(digit_words);
    if ((!is_digit && !is_carrier(at, bytes)) || count == CAL_GRAMMAR_DIGITS) return;
    if (is_digit) digits[count++] = (char)('0' + digit);
  }
  memcpy(match->digits, digits, sizeof digits);
}

static void match_number(cal_match *match, const char *heard) {
  while (*heard && is_carrier(heard, strcspn(heard, " "))) heard = next_word(heard);
  const char *end = heard;
  while (*end && !is_carrier(end, strcspn(end, " "))) end = next_word(end);
  char words[CAL_HEARD_TEXT_BYTES];
  size_t bytes = (size_t)(end - heard);
  while (bytes && heard[bytes - 1] == ' ') bytes--;
  if (!bytes || bytes >= sizeof words) return;
  memcpy(words, heard, bytes);
  words[bytes] = 0;
  cal_number_read(match->number, words);
}

static int is_noise(const char *hypothesis) {
  int is_lone_phone = !strncmp(hypothesis, "xx-", 3) && !strchr(hypothesis, ' ');
  return !hypothesis[0] || is_lone_phone;
}

void cal_grammar_match(const cal_grammar *grammar, cal_match *match, const char *hypothesis) {
  *match = (cal_match){.choice = -1};
  if (!hypothesis || is_noise(hypothesis)) return;
  match->is_rejected = 1;
  if (strstr(hypothesis, "xx-")) return;
  size_t longest = 0;
  for (size_t i = 0; i < grammar->phrase_count; i++) {
    const phrase *one = &grammar->phrases[i];
    if (one->words.count <= longest || !is_answer(hypothesis, &one->words)) continue;
    longest = one->words.count;
    match->choice = one->choice;
  }
  if (match->choice >= 0) memcpy(match->id, grammar->ids[match->choice], CAL_GRAMMAR_ID_BYTES);
  if (match->choice < 0 && grammar->digits_max) match_digits(match, hypothesis);
  if (match->choice < 0 && grammar->number_max) match_number(match, hypothesis);
  match->is_rejected = match->choice < 0 && !match->digits[0] && !match->number[0];
  if (!match->is_rejected) snprintf(match->text, sizeof match->text, "%s", hypothesis);
}
