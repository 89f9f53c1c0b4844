#include "talk/turn.h"

#include <string.h>

#include "base/mem.h"

#define ECHO_MS 500 /* the same text so soon, with nothing in between, is the same turn once more */
#define GAP_MS 1500 /* of silence, longer than any vendor waits with what is to replace its words */
#define NS_PER_MS 1000000

/* ---- what is told */

static void reset_about(cal_turn *t) {
  t->about = (cal_words){.text = "", .confidence = -1, .from_ms = -1, .until_ms = -1};
}

/* How sure it is of what may change does not count later. */
static void tell_sure(cal_turn *t, cal_words_kind kind, double confidence) {
  cal_buf all;
  cal_words told = t->about;
  if (confidence >= 0) told.confidence = confidence;
  cal_buf_init(&all, 2 * CAL_TURN_BYTES + 2);
  cal_buf_append(&all, t->kept.data, t->kept.bytes);
  cal_buf_append(&all, t->open.data, t->open.bytes);
  char *text = cal_buf_take(&all), *at = text;
  while (*at == ' ') at++;
  told.kind = kind;
  told.text = at;
  t->on_words(t->context, &told);
  cal_free(text);
}

static void tell(cal_turn *t, cal_words_kind kind) { tell_sure(t, kind, -1); }

/* ---- what is collected */

static int is_blank_end(const cal_buf *buf) { return !buf->bytes || buf->data[buf->bytes - 1] == ' '; }

static void put(cal_buf *into, const cal_buf *before, const cal_words *words) {
  if (!*words->text) return;
  int has_before = into->bytes || before->bytes;
  if (has_before && !words->is_joined && !is_blank_end(into->bytes ? into : before)) cal_buf_text(into, " ");
  cal_buf_text(into, words->text);
}

static void note(cal_turn *t, const cal_words *words) {
  cal_words *about = &t->about;
  if (*words->turn) memcpy(about->turn, words->turn, sizeof about->turn);
  if (*words->language) memcpy(about->language, words->language, sizeof about->language);
  int is_kept = words->kind == CAL_WORDS_PIECE || words->kind == CAL_WORDS_FINAL;
  if (is_kept && words->confidence >= 0 && (about->confidence < 0 || words->confidence < about->confidence))
    about->confidence = words->confidence;
  if (words->from_ms >= 0 && about->from_ms < 0) about->from_ms = words->from_ms;
  if (words->until_ms >= 0) about->until_ms = words->until_ms;
}

/* ---- turns that are over */

static int is_over(const cal_turn *t, const char *name) {
  for (unsigned i = 0; i < CAL_TURNS_REMEMBERED && i < t->over_count; i++)
    if (!strcmp(t->over[i], name)) return 1;
  return 0;
}

/* More of it lies before the end of the last turn than behind. */
static int is_told_already(const cal_turn *t, const cal_words *words) {
  if (words->until_ms < 0 || t->over_until_ms < 0) return 0;
  int64_t from = words->from_ms < 0 ? words->until_ms : words->from_ms;
  return (from + words->until_ms) / 2 <= t->over_until_ms;
}

static int is_echo(const cal_turn *t, const cal_words *words, uint64_t now_ns) {
  int is_bare = !*words->turn && words->until_ms < 0;
  return is_bare && t->last && words->kind == CAL_WORDS_FINAL && !cal_turn_is_pending(t) && !t->is_started &&
         now_ns - t->last_ns < (uint64_t)ECHO_MS * NS_PER_MS && !strcmp(t->last, words->text);
}

static int is_late(const cal_turn *t, const cal_words *words, uint64_t now_ns) {
  if (*words->turn && is_over(t, words->turn)) return 1;
  return *words->text && (is_told_already(t, words) || is_echo(t, words, now_ns));
}

static void forget(cal_turn *t, uint64_t now_ns) {
  if (*t->about.turn)
    memcpy(t->over[t->over_count++ % CAL_TURNS_REMEMBERED], t->about.turn, sizeof t->about.turn);
  if (t->about.until_ms > t->over_until_ms) t->over_until_ms = t->about.until_ms;
  cal_free(t->last);
  cal_buf_append(&t->kept, t->open.data, t->open.bytes);
  t->last = cal_buf_take(&t->kept);
  t->last_ns = now_ns;
  cal_buf_clear(&t->open);
  t->is_started = t->is_stale = 0;
  reset_about(t);
}

/* ---- kinds */

static int is_text(const char *text) {
  while (*text == ' ') text++;
  return *text != 0;
}

static int says_something(const cal_turn *t) {
  return (t->kept.bytes && is_text(t->kept.data)) || (t->open.bytes && is_text(t->open.data));
}

void cal_turn_end(cal_turn *t, uint64_t now_ns) {
  int is_said = says_something(t);
  if (is_said) tell(t, CAL_WORDS_FINAL);
  if (is_said || t->is_started || *t->about.turn) forget(t, now_ns);
}

/* What may change is all there is of it, or with deltas what is new. */
static void take_open(cal_turn *t, const cal_words *words) {
  int is_delta = words->is_joined && words->kind == CAL_WORDS_PARTIAL && *words->turn && !t->is_stale;
  if (!is_delta) cal_buf_clear(&t->open);
  t->is_stale = 0;
  put(&t->open, &t->kept, words);
}

static int was_withdrawn(const cal_turn *t, const cal_words *words) { return !*words->text && t->open.bytes; }

/* Of one that is too long already this is the next. */
static void take_kept(cal_turn *t, const cal_words *words, uint64_t now_ns) {
  int is_taken_back = was_withdrawn(t, words) && !t->kept.bytes;
  cal_buf_clear(&t->open);
  t->is_stale = 0;
  if (is_taken_back) tell(t, CAL_WORDS_PARTIAL);
  if (t->kept.bytes + strlen(words->text) + 1 > CAL_TURN_BYTES) cal_turn_end(t, now_ns);
  put(&t->kept, &t->open, words);
}

static void take_partial(cal_turn *t, const cal_words *words) {
  int is_news = *words->text || was_withdrawn(t, words);
  take_open(t, words);
  if (is_news) tell_sure(t, CAL_WORDS_PARTIAL, words->confidence);
}

static void take_started(cal_turn *t, const cal_words *words) {
  if (!t->is_started) tell(t, CAL_WORDS_STARTED);
  t->is_started = 1;
  if (*words->text) take_partial(t, words);
}

/* Another turn begins before this one has ended: what is known of it is all there is. That speech began, or what is
 * only new in the other one, can wait for the last word of this one. 0: nothing is to be done with the words. */
static int make_way(cal_turn *t, const cal_words *words, uint64_t now_ns) {
  if (!*words->turn || !*t->about.turn || !strcmp(words->turn, t->about.turn)) return 1;
  int can_wait = words->kind == CAL_WORDS_STARTED || (words->is_joined && words->kind == CAL_WORDS_PARTIAL);
  if (can_wait && says_something(t)) return 0;
  if (says_something(t))
    cal_turn_end(t, now_ns);
  else
    t->about.turn[0] = 0; /* its words are still to come */
  return 1;
}

/* Words so far behind those that may still change do not replace them: their last word is owed, and will not come. */
static int is_far_behind(const cal_turn *t, const cal_words *words) {
  return t->open.bytes && !t->is_stale && t->about.until_ms >= 0 &&
         words->from_ms >= t->about.until_ms + GAP_MS;
}

void cal_turn_take(cal_turn *t, const cal_words *words, uint64_t now_ns) {
  if (is_late(t, words, now_ns) || !make_way(t, words, now_ns)) return;
  if (is_far_behind(t, words)) cal_turn_keep(t);
  if (*words->text || *words->turn) note(t, words);
  switch (words->kind) {
  case CAL_WORDS_PARTIAL:
    take_partial(t, words);
    break;
  case CAL_WORDS_PIECE:
    take_kept(t, words, now_ns);
    if (*words->text) tell(t, CAL_WORDS_PIECE);
    break;
  case CAL_WORDS_FINAL:
    take_kept(t, words, now_ns);
    cal_turn_end(t, now_ns);
    break;
  case CAL_WORDS_ENDED:
    cal_turn_end(t, now_ns);
    break;
  case CAL_WORDS_STARTED:
    take_started(t, words);
    break;
  case CAL_WORDS_LIKELY:
  case CAL_WORDS_RESUMED:
    if (*words->text) take_open(t, words);
    tell_sure(t, words->kind, words->confidence);
    break;
  case CAL_WORDS_KINDS:
    break;
  }
}

int cal_turn_is_pending(const cal_turn *t) { return says_something(t); }

/* ---- life */

void cal_turn_renew(cal_turn *t) {
  t->over_count = 0;
  t->about.turn[0] = 0;
  t->is_stale = 1;
}

void cal_turn_keep(cal_turn *t) {
  cal_buf_append(&t->kept, t->open.data, t->open.bytes);
  cal_buf_clear(&t->open);
}

void cal_turn_open(cal_turn *t, void (*on_words)(void *context, const cal_words *words), void *context) {
  *t = (cal_turn){.on_words = on_words, .context = context, .over_until_ms = -1};
  cal_buf_init(&t->kept, 2 * CAL_TURN_BYTES);
  cal_buf_init(&t->open, CAL_TURN_BYTES);
  reset_about(t);
}

void cal_turn_close(cal_turn *t) {
  cal_buf_free(&t->kept);
  cal_buf_free(&t->open);
  cal_free(t->last);
}
