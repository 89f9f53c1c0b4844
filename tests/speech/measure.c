/* measure: the accuracy table of docs/local-speech.md.
 *
 *   speech_measure          the table, with the grammars' own rejection
 *   speech_measure 0.0005   the same with another P of the phone loop; -1 = never reject
 *
 * Every utterance goes through µ-law at 8 kHz. Callers are flite's three voices and, where
 * asterisk-core-sounds-en-wav is installed, one human speaker. Voices slt and rms differ a little from run to
 * run, so the figures move by a point or two. */
#include <string.h>

#include "base/error.h"
#include "speech/line.h"
#include "speech/ear.h"
#include "speech/phrase.h"
#include "speech/voice.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

typedef struct tally {
  int right, rejected, wrong, silent;
  unsigned audio_ms, decode_ms;
} tally;

static const char *const voices[] = {"rms", "slt", "kal"};
static const char *const yes_words[] = {"Yes.",       "Yeah.", "Yes please.",    "Sure.",    "That's right.",
                                        "Of course.", "Okay.", "Yes, go ahead.", "Correct.", "Um, yes."};
static const char *const no_words[] = {"No.",    "Nope.",   "No thanks.",  "Not now.", "No, thank you.",
                                       "Wrong.", "Cancel.", "Not really.", "Never.",   "Um, no."};
static const char *const menu[] = {"sales",          "billing",      "technical support", "opening hours",
                                   "track my order", "cancel order", "speak to an agent", "change address",
                                   "delivery",       "returns",      "refund status",     "payment",
                                   "new account",    "main menu",    "repeat that",       "monday",
                                   "tuesday",        "wednesday",    "saturday",          "tomorrow morning",
                                   "this evening",   "call me back"};
/* None of these was used to fit the thresholds. */
static const char *const other[] = {
    "There is a cat on the roof again.",   "My neighbour plays the piano at night.",
    "Can you hear the rain outside?",      "I lost my umbrella in the park.",
    "The soup is getting cold.",           "Nobody told me about the meeting.",
    "We should paint the kitchen green.",  "How long does it take to boil an egg?",
    "The bus stops near the library.",     "His car broke down on the bridge.",
    "Please pass me the salt and pepper.", "They moved here from another country.",
    "The phone has been ringing all day.", "I think my battery is nearly empty.",
    "What did the doctor tell you?",       "Put the flowers next to the window."};
static const char *const digit_words[] = {"zero", "one", "two",   "three", "four",
                                          "five", "six", "seven", "eight", "nine"};
static const char *const human_menu[][2] = {{"activated", "activated"},
                                            {"added", "added"},
                                            {"call-forwarding", "call forwarding"},
                                            {"call-waiting", "call waiting"},
                                            {"calling", "calling"},
                                            {"cancelled", "cancelled"},
                                            {"disabled", "disabled"},
                                            {"do-not-disturb", "do not disturb"},
                                            {"enabled", "enabled"},
                                            {"extension", "extension"},
                                            {"goodbye", "goodbye"},
                                            {"hello", "hello"},
                                            {"hours", "hours"},
                                            {"im-sorry", "i'm sorry"},
                                            {"auth-thankyou", "thank you"},
                                            {"digits/day-0", "sunday"},
                                            {"digits/day-1", "monday"},
                                            {"digits/day-3", "wednesday"},
                                            {"digits/today", "today"},
                                            {"digits/tomorrow", "tomorrow"},
                                            {"digits/yesterday", "yesterday"},
                                            {"digits/mon-8", "september"}};
static const char *const human_other[] = {
    "agent-loginok",      "auth-incorrect", "conf-hasjoin",       "conf-invalidpin",
    "conf-kicked",        "conf-locked",    "conf-nonextended",   "conf-onlyperson",
    "conf-placeintoconf", "conf-unmuted",   "confbridge-invalid", "confbridge-pin-bad",
    "demo-nomatch",       "demo-thanks",    "dir-nomore",         "enter-num-blacklist"};

static cal_dict *dict;
static cal_ear *ear;
static double reject;
static uint32_t seed = 1;

static uint32_t next_random(void) { return (seed = seed * 1664525u + 1013904223u) >> 16; }

static void insist(int code) {
  if (!code) return;
  fprintf(stderr, "%s\n", cal_error_text());
  exit(1);
}

static cal_grammar *grammar_of(const cal_choice *choices, size_t count, uint32_t digits) {
  cal_grammar_options options = {.choices = choices,
                                 .choice_count = count,
                                 .digits_min = digits,
                                 .digits_max = digits,
                                 .reject = reject};
  cal_grammar *grammar = NULL;
  insist(cal_grammar_new(&grammar, dict, &options));
  return grammar;
}

static cal_clip *spoken(const char *voice, const char *text) {
  cal_voice_options options = {.voice = voice};
  cal_clip *clip = NULL;
  insist(cal_voice_say(&clip, text, &options));
  return clip;
}

/* `right` is the id or the digits that were meant; NULL = none of the answers. Takes the clip. */
static void hear(tally *into, cal_grammar *grammar, cal_clip *clip, const char *right) {
  cal_heard heard;
  clip = over_the_line(clip);
  insist(cal_ear_recognise(&heard, ear, clip->data, clip->samples, clip->rate_hz, grammar));
  cal_unref(clip);
  const char *got = heard.match.id[0]       ? heard.match.id
                    : heard.match.number[0] ? heard.match.number
                                            : heard.match.digits;
  into->audio_ms += heard.audio_ms;
  into->decode_ms += heard.decode_ms;
  if (right && !strcmp(got, right))
    into->right++;
  else if (got[0])
    into->wrong++;
  else if (heard.match.is_rejected)
    into->rejected++;
  else
    into->silent++;
  if (getenv("MEASURE_VERBOSE"))
    fprintf(stderr, "%s -> %s [%s]\n", right ? right : "-", got, heard.match.text);
}

static void print(const char *what, const char *who, tally t, int is_other) {
  int all = t.right + t.rejected + t.wrong + t.silent, none = t.rejected + t.silent;
  printf("| %s | %s | %d | %d %% | %d | %d | %u |\n", what, who, all, (is_other ? none : t.right) * 100 / all,
         is_other ? 0 : none, t.wrong, t.decode_ms ? t.audio_ms / t.decode_ms : 0);
}

static void measure_yes_no(const char *voice) {
  static const cal_choice choices[] = {{"yes", NULL, 0}, {"no", NULL, 0}};
  cal_grammar *grammar = grammar_of(choices, COUNT(choices), 0);
  tally answers = {0}, others = {0};
  for (size_t i = 0; i < COUNT(yes_words); i++) hear(&answers, grammar, spoken(voice, yes_words[i]), "yes");
  for (size_t i = 0; i < COUNT(no_words); i++) hear(&answers, grammar, spoken(voice, no_words[i]), "no");
  for (size_t i = 0; i < COUNT(other); i++) hear(&others, grammar, spoken(voice, other[i]), NULL);
  print("yes or no", voice, answers, 0);
  print("yes or no: other sentences refused", voice, others, 1);
  cal_unref(grammar);
}

static void measure_menu(const char *voice) {
  cal_choice choices[COUNT(menu)];
  for (size_t i = 0; i < COUNT(menu); i++) choices[i] = (cal_choice){menu[i], &menu[i], 1};
  cal_grammar *grammar = grammar_of(choices, COUNT(menu), 0);
  tally plain = {0}, polite = {0}, others = {0};
  for (size_t i = 0; i < COUNT(menu); i++) {
    char text[64];
    hear(&plain, grammar, spoken(voice, menu[i]), menu[i]);
    snprintf(text, sizeof text, i % 2 ? "Um, %s, please." : "I'd like %s.", menu[i]);
    hear(&polite, grammar, spoken(voice, text), menu[i]);
  }
  for (size_t i = 0; i < COUNT(other); i++) hear(&others, grammar, spoken(voice, other[i]), NULL);
  print("menu of 22", voice, plain, 0);
  print("menu of 22, with \"um\", \"I'd like\", \"please\"", voice, polite, 0);
  print("menu of 22: other sentences refused", voice, others, 1);
  cal_unref(grammar);
}

static void random_digits(char *digits, char *text, size_t room, uint32_t count) {
  text[0] = 0;
  for (uint32_t i = 0; i < count; i++) {
    digits[i] = (char)('0' + next_random() % 10);
    size_t used = strlen(text);
    snprintf(text + used, room - used, "%s ", digit_words[digits[i] - '0']);
  }
  digits[count] = 0;
}

static void measure_digits(const char *voice, uint32_t count) {
  cal_grammar *grammar = grammar_of(NULL, 0, count);
  tally t = {0};
  char name[32], digits[CAL_GRAMMAR_DIGITS + 1], text[256];
  for (int i = 0; i < 20; i++) {
    random_digits(digits, text, sizeof text, count);
    hear(&t, grammar, spoken(voice, text), digits);
  }
  snprintf(name, sizeof name, "%u digits", count);
  print(name, voice, t, 0);
  tally others = {0};
  for (size_t i = 0; i < COUNT(other); i++) hear(&others, grammar, spoken(voice, other[i]), NULL);
  snprintf(name, sizeof name, "%u digits: others refused", count);
  print(name, voice, others, 1);
  cal_unref(grammar);
}

/* "two hundred and five thousand three hundred and twelve", below a billion. */
static void say_number(char *text, size_t room, uint32_t number) {
  static const struct {
    uint32_t value;
    const char *word;
  } scales[] = {{1000000, " million "}, {1000, " thousand "}, {100, " hundred "}};
  size_t used = strlen(text);
  for (size_t i = 0; i < COUNT(scales); i++) {
    if (number < scales[i].value) continue;
    say_number(text, room, number / scales[i].value);
    strncat(text, scales[i].word, room - strlen(text) - 1);
    number %= scales[i].value;
    if (number && number < 100) strncat(text, "and ", room - strlen(text) - 1);
  }
  if (!number && strlen(text) > used) return;
  if (number >= 20) {
    strncat(text, cal_number_tens[number / 10], room - strlen(text) - 1);
    strncat(text, " ", room - strlen(text) - 1);
    number %= 10;
    if (!number) return;
  }
  strncat(text, cal_number_units[number], room - strlen(text) - 1);
}

static cal_clip *human_words(const char *text);

/* The way Lua's `number = { max = most }` listens: in words, or digit by digit. */
static void measure_numbers(const char *voice, uint32_t most, uint32_t digits) {
  cal_grammar_options options = {.number_max = most, .digits_min = 1, .digits_max = digits, .reject = reject};
  cal_grammar *grammar = NULL;
  insist(cal_grammar_new(&grammar, dict, &options));
  tally t = {0}, others = {0};
  for (int i = 0; i < 40; i++) {
    char text[256] = "", right[16];
    uint32_t number = (next_random() << 16 | next_random()) % (most + 1);
    say_number(text, sizeof text, number);
    snprintf(right, sizeof right, "%u", number);
    hear(&t, grammar, voice ? spoken(voice, text) : human_words(text), right);
  }
  char name[64];
  snprintf(name, sizeof name, "number in words up to %u", most);
  print(name, voice ? voice : "human", t, 0);
  for (size_t i = 0; voice && i < COUNT(other); i++) hear(&others, grammar, spoken(voice, other[i]), NULL);
  snprintf(name, sizeof name, "number in words up to %u: other sentences refused", most);
  if (voice) print(name, voice, others, 1);
  cal_unref(grammar);
}

static void measure_all_numbers(const char *voice) {
  measure_numbers(voice, 99, 2);
  measure_numbers(voice, 999, 3);
  measure_numbers(voice, 99999, 5);
  measure_numbers(voice, CAL_GRAMMAR_NUMBER, 7);
}

static const char *const free_phrases[] = {"My parcel has not arrived yet.",
                                           "I want to change the delivery address.",
                                           "Where is my order?",
                                           "The screen is broken.",
                                           "Can you call me back tomorrow morning?",
                                           "I would like to speak to a manager.",
                                           "It does not fit and I want my money back.",
                                           "The driver left it with a neighbour.",
                                           "I paid twice for the same thing.",
                                           "Please send me the invoice by mail."};

/* Of the words that were said, how many were not heard in their order (the longest common sequence). */
static void count_words(const char *said, const char *heard, int *all, int *wrong) {
  cal_words a, b = {0};
  insist(cal_words_of(&a, said));
  if (heard[0] && cal_words_of(&b, heard)) b.count = 0;
  int table[17][17] = {{0}};
  for (size_t i = 0; i <= a.count; i++)
    for (size_t k = 0; k <= b.count; k++) {
      if (!i || !k) {
        table[i][k] = (int)(i + k);
        continue;
      }
      int same = table[i - 1][k - 1] + (strcmp(a.word[i - 1], b.word[k - 1]) != 0);
      int less = 1 + (table[i - 1][k] < table[i][k - 1] ? table[i - 1][k] : table[i][k - 1]);
      table[i][k] = same < less ? same : less;
    }
  *all += (int)a.count;
  *wrong += table[a.count][b.count];
}

static void measure_free_text(const char *voice, cal_ear *dictation) {
  int all = 0, wrong = 0, right = 0;
  unsigned audio_ms = 0, decode_ms = 0;
  for (size_t i = 0; i < COUNT(free_phrases); i++) {
    cal_heard heard;
    cal_clip *clip = over_the_line(spoken(voice, free_phrases[i]));
    insist(cal_ear_recognise(&heard, dictation, clip->data, clip->samples, clip->rate_hz, NULL));
    cal_unref(clip);
    int before = wrong;
    count_words(free_phrases[i], heard.match.text, &all, &wrong);
    right += before == wrong;
    audio_ms += heard.audio_ms;
    decode_ms += heard.decode_ms;
    if (getenv("MEASURE_VERBOSE")) fprintf(stderr, "%s -> %s\n", free_phrases[i], heard.match.text);
  }
  printf("| free text: %d %% of %d words wrong | %s | %d | %d %% | | | %.1f |\n", wrong * 100 / all, all,
         voice, (int)COUNT(free_phrases), right * 100 / (int)COUNT(free_phrases),
         (double)audio_ms / decode_ms);
}

static void measure_human_menu(void) {
  cal_choice choices[COUNT(human_menu)];
  for (size_t i = 0; i < COUNT(human_menu); i++)
    choices[i] = (cal_choice){human_menu[i][1], &human_menu[i][1], 1};
  cal_grammar *grammar = grammar_of(choices, COUNT(human_menu), 0);
  tally answers = {0}, others = {0};
  for (size_t i = 0; i < COUNT(human_menu); i++) {
    cal_clip *clip = human_clip(human_menu[i][0]);
    if (clip) hear(&answers, grammar, clip, human_menu[i][1]);
  }
  for (size_t i = 0; i < COUNT(human_other); i++) {
    cal_clip *clip = human_clip(human_other[i]);
    if (clip) hear(&others, grammar, clip, NULL);
  }
  print("menu of 22", "human", answers, 0);
  print("menu of 22: other sentences refused", "human", others, 1);
  cal_unref(grammar);
}

/* Single recordings put one after the other. Returns owned. */
static cal_clip *human_digits(const char *digits) {
  int16_t *data = cal_alloc(sizeof *data * 8000 * CAL_GRAMMAR_DIGITS);
  uint32_t samples = 0;
  for (; *digits; digits++) {
    char name[16];
    snprintf(name, sizeof name, "digits/%c", *digits);
    cal_clip *one = human_clip(name);
    if (!one || one->samples > 8000) exit(1);
    memcpy(data + samples, one->data, one->samples * sizeof *data);
    samples += one->samples;
    cal_unref(one);
  }
  cal_clip *clip = cal_clip_of(8000, data, samples, NULL);
  cal_free(data);
  return clip;
}

/* The same for words of numbers, of which there are recordings as well. Returns owned. */
static cal_clip *human_words(const char *text) {
  int16_t *data = cal_alloc(sizeof *data * 8000 * 30);
  uint32_t samples = 0;
  cal_words words;
  insist(cal_words_of(&words, text));
  for (size_t w = 0; w < words.count; w++) {
    char name[64];
    snprintf(name, sizeof name, "digits/%s", words.word[w]);
    if (!strcmp(words.word[w], "and")) snprintf(name, sizeof name, "vm-and");
    for (int i = 0; i < 100; i++)
      if (!strcmp(words.word[w], i < 20 ? cal_number_units[i] : i % 10 ? "" : cal_number_tens[i / 10]))
        snprintf(name, sizeof name, "digits/%d", i);
    cal_clip *one = human_clip(name);
    if (!one || one->samples > 16000) {
      fprintf(stderr, "no recording of %s\n", name);
      exit(1);
    }
    memcpy(data + samples, one->data, one->samples * sizeof *data);
    samples += one->samples;
    cal_unref(one);
  }
  cal_clip *clip = cal_clip_of(8000, data, samples, NULL);
  cal_free(data);
  return clip;
}

static void measure_human_digits(uint32_t count) {
  cal_grammar *grammar = grammar_of(NULL, 0, count);
  tally t = {0};
  char name[32], digits[CAL_GRAMMAR_DIGITS + 1], text[256];
  for (int i = 0; i < 20; i++) {
    random_digits(digits, text, sizeof text, count);
    hear(&t, grammar, human_digits(digits), digits);
  }
  snprintf(name, sizeof name, "%u digits", count);
  print(name, "human", t, 0);
  cal_unref(grammar);
}

int main(int count, char **argument) {
  reject = count > 1 ? atof(argument[1]) : 0;
  insist(cal_dict_open(&dict, NULL));
  insist(cal_ear_new(&ear, NULL));
  printf("| what | caller | utterances | right | of an answer: not understood | wrong answer given | x real "
         "time |\n"
         "| --- | --- | --- | --- | --- | --- | --- |\n");
  for (size_t i = 0; i < COUNT(voices); i++) {
    measure_yes_no(voices[i]);
    measure_menu(voices[i]);
    measure_digits(voices[i], 1);
    measure_digits(voices[i], 4);
    measure_digits(voices[i], 10);
    measure_all_numbers(voices[i]);
  }
  cal_ear *dictation = NULL;
  insist(cal_ear_new(&dictation, &(cal_ear_options){.free_text = 1}));
  for (size_t i = 0; i < COUNT(voices); i++) measure_free_text(voices[i], dictation);
  cal_ear_free(dictation);
  cal_clip *human = human_clip("hello");
  if (human) {
    measure_human_menu();
    measure_human_digits(1);
    measure_human_digits(4);
    measure_human_digits(10);
    measure_all_numbers(NULL);
  }
  cal_unref(human);
  cal_ear_free(ear);
  cal_unref(dict);
  return 0;
}
