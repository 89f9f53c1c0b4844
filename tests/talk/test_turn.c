/* What ears tell becomes turns: each case is what came, and what was told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "talk/turn.h"

#define MS 1000000

static char story[8 * CAL_TURN_BYTES];

static void on_words(void *context, const cal_words *words) {
  static const char *const marks[CAL_WORDS_KINDS] = {
      [CAL_WORDS_PARTIAL] = "…", [CAL_WORDS_PIECE] = ",",   [CAL_WORDS_FINAL] = ".",
      [CAL_WORDS_LIKELY] = "?",  [CAL_WORDS_RESUMED] = "-", [CAL_WORDS_STARTED] = ">"};
  size_t used = strlen(story);
  snprintf(story + used, sizeof story - used, "%s%s%s", used ? " " : "", words->text, marks[words->kind]);
}

typedef struct step {
  cal_words_kind kind;
  const char *text, *turn;
  int64_t from_ms, until_ms; /* both 0: not said */
  int is_joined;
  uint32_t after_ms;
} step;

#define STEP(kind_, text_, ...)                                                                              \
  { .kind = CAL_WORDS_##kind_, .text = text_, __VA_ARGS__ }
#define IN(name_) .turn = name_
#define JOINED .is_joined = 1
#define AT(from_, until_) .from_ms = from_, .until_ms = until_

static uint64_t take(cal_turn *turn, const step *s, uint64_t now_ns) {
  cal_words words = {
      .kind = s->kind, .text = s->text ? s->text : "", .is_joined = s->is_joined, .confidence = -1};
  snprintf(words.turn, sizeof words.turn, "%s", s->turn ? s->turn : "");
  words.from_ms = s->until_ms ? s->from_ms : -1;
  words.until_ms = s->until_ms ? s->until_ms : -1;
  now_ns += (uint64_t)s->after_ms * MS;
  cal_turn_take(turn, &words, now_ns);
  return now_ns;
}

typedef struct sequence {
  const char *about;
  step steps[10];
  const char *told;
} sequence;

static const sequence sequences[] = {
    {"pieces are joined to their turn",
     {STEP(PARTIAL, "I"), STEP(PARTIAL, "I want"), STEP(PIECE, "I want to"), STEP(PARTIAL, "pay"),
      STEP(PIECE, "pay my"), STEP(FINAL, "bill")},
     "I… I want… I want to, I want to pay… I want to pay my, I want to pay my bill."},
    {"a message without text ends a turn",
     {STEP(STARTED, ""), STEP(PIECE, "yes"), STEP(ENDED, ""), STEP(ENDED, "")},
     "> yes, yes."},
    {"what was never made final is the turn all the same", {STEP(PARTIAL, "hm"), STEP(ENDED, "")}, "hm… hm."},
    {"tokens are joined as they are",
     {STEP(PIECE, "Hel", JOINED), STEP(PARTIAL, "lo", JOINED), STEP(PIECE, "lo", JOINED), STEP(ENDED, ""),
      STEP(PARTIAL, " Wh", JOINED)},
     "Hel, Hello… Hello, Hello. Wh…"},
    {"texts of the whole turn replace each other",
     {STEP(STARTED, "I'd", IN("0")), STEP(PARTIAL, "I'd like", IN("0")), STEP(LIKELY, "I'd like it", IN("0")),
      STEP(RESUMED, "", IN("0")), STEP(FINAL, "I'd like it now", IN("0"))},
     "> I'd… I'd like… I'd like it? I'd like it- I'd like it now."},
    {"ten last words are one",
     {STEP(FINAL, "no"), STEP(FINAL, "no"), STEP(FINAL, "no", .after_ms = 100),
      STEP(FINAL, "no", .after_ms = 800)},
     "no. no."},
    {"a turn that has a name ends once",
     {STEP(FINAL, "i want", IN("4")), STEP(FINAL, "I want.", IN("4"), .after_ms = 900),
      STEP(PARTIAL, "I", IN("4")), STEP(PARTIAL, "and", IN("5"))},
     "i want. and…"},
    {"a last word that comes in the next turn is known by its place in the sound",
     {STEP(PARTIAL, "to Rome", AT(1000, 1800)), STEP(ENDED, ""), STEP(PARTIAL, "and", AT(2500, 2700)),
      STEP(PIECE, "to Rome.", AT(990, 1850)), STEP(FINAL, "and back", AT(2500, 3100))},
     "to Rome… to Rome. and… and back."},
    {"a turn of another name ends the one before",
     {STEP(PARTIAL, "one", IN("1")), STEP(PARTIAL, "two", IN("2")), STEP(FINAL, "one", IN("1")),
      STEP(FINAL, "two", IN("2"))},
     "one… one. two… two."},
    {"what is only new is added to its turn",
     {STEP(PARTIAL, "I ", IN("a"), JOINED), STEP(PARTIAL, "want", IN("a"), JOINED),
      STEP(PARTIAL, "oth", IN("b"), JOINED), STEP(FINAL, "I want", IN("a")), STEP(FINAL, "other", IN("b"))},
     "I … I want… I want. other."},
    {"a last word that comes when the next one speaks is told, and so is the next",
     {STEP(STARTED, "", IN("a")), STEP(STARTED, "", IN("b")), STEP(FINAL, "one", IN("a")),
      STEP(PARTIAL, "two", IN("b")), STEP(FINAL, "two", IN("b"))},
     "> one. two… two."},
    {"words whose last word was never told are not replaced by later ones",
     {STEP(PARTIAL, "one", AT(100, 500)), STEP(PARTIAL, "won", AT(100, 600)),
      STEP(PARTIAL, "two", AT(3000, 3500)), STEP(FINAL, "two", AT(3000, 3600))},
     "one… won… won two… won two."},
    {"an empty last word is none", {STEP(FINAL, ""), STEP(PIECE, ""), STEP(ENDED, ""), STEP(FINAL, " ")}, ""},
    {"what was taken back is told so",
     {STEP(PARTIAL, "uh"), STEP(FINAL, ""), STEP(PARTIAL, "er"), STEP(PARTIAL, "")},
     "uh… … er… …"},
    {"speech starts once a turn",
     {STEP(STARTED, ""), STEP(STARTED, ""), STEP(FINAL, "yes"), STEP(STARTED, "")},
     "> yes. >"},
};

static void turns_are_put_together(void **state) {
  for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
    const sequence *s = &sequences[i];
    cal_turn turn;
    uint64_t now_ns = 1000 * (uint64_t)MS;
    story[0] = 0;
    cal_turn_open(&turn, on_words, NULL);
    for (size_t at = 0; at < 10 && s->steps[at].text; at++) now_ns = take(&turn, &s->steps[at], now_ns);
    cal_turn_close(&turn);
    if (strcmp(story, s->told)) fail_msg("%s:\n  %s\n  but %s", s->about, s->told, story);
  }
}

static void an_ear_that_begins_anew_doubles_nothing(void **state) {
  cal_turn turn;
  story[0] = 0;
  cal_turn_open(&turn, on_words, NULL);
  take(&turn, &(step)STEP(FINAL, "one", IN("0")), MS);
  take(&turn, &(step)STEP(PIECE, "two", IN("1")), MS);
  take(&turn, &(step)STEP(PARTIAL, "three", IN("1")), MS);
  cal_turn_renew(&turn);
  take(&turn, &(step)STEP(PARTIAL, "three", IN("0")), MS); /* its names begin anew as well */
  take(&turn, &(step)STEP(FINAL, "three", IN("0")), MS);
  assert_string_equal(story, "one. two, two three… two three… two three.");
  story[0] = 0;
  take(&turn, &(step)STEP(PARTIAL, "too long ago", IN("1")), MS);
  cal_turn_keep(&turn);
  cal_turn_renew(&turn);
  take(&turn, &(step)STEP(FINAL, "to be heard again", IN("0")), MS);
  assert_string_equal(story, "too long ago… too long ago to be heard again.");
  cal_turn_close(&turn);
}

static void a_turn_without_end_is_ended(void **state) {
  static char piece[1001];
  cal_turn turn;
  unsigned finals = 0;
  memset(piece, 'x', sizeof piece - 1);
  cal_turn_open(&turn, on_words, NULL);
  for (int i = 0; i < 40; i++) {
    story[0] = 0;
    take(&turn, &(step)STEP(PIECE, piece), MS);
    finals += strchr(story, '.') != NULL;
    assert_true(turn.kept.bytes <= CAL_TURN_BYTES);
  }
  assert_true(finals >= 4);
  cal_turn_close(&turn);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(turns_are_put_together),
      cmocka_unit_test(an_ear_that_begins_anew_doubles_nothing),
      cmocka_unit_test(a_turn_without_end_is_ended),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
