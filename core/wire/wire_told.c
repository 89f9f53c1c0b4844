#include "wire/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "wire/wire_private.h"

/* ---- declared */

static const char *const kind_fields[CAL_WORDS_KINDS] = {
    [CAL_WORDS_PIECE] = "words.piece",     [CAL_WORDS_FINAL] = "words.final",
    [CAL_WORDS_LIKELY] = "words.likely",   [CAL_WORDS_RESUMED] = "words.resumed",
    [CAL_WORDS_STARTED] = "words.started", [CAL_WORDS_ENDED] = "words.ended"};

static cal_span keep(const char *text) {
  return text ? (cal_span){cal_strdup(text), strlen(text)} : (cal_span){NULL, 0};
}

static int wrong_path(const cal_wire_spec *s, const char *field) {
  char reason[200];
  snprintf(reason, sizeof reason, "%s", cal_error_text());
  return cal_fail(-EINVAL, "wire %s: %s: %s", s->name, field, reason);
}

static int compile_kinds(wire_told *told, const cal_wire_spec *s) {
  for (int kind = CAL_WORDS_PARTIAL + 1; kind < CAL_WORDS_KINDS; kind++) {
    const char *path = s->words.kinds[kind].path;
    if (s->words.kinds[kind].text && !path)
      return cal_fail(-EINVAL, "wire %s: %s has a text and no path: say where it is", s->name,
                      kind_fields[kind]);
    if (path && cal_jpath_compile(&told->paths[TOLD_KINDS + kind], path))
      return wrong_path(s, kind_fields[kind]);
    told->kind_texts[kind] = keep(s->words.kinds[kind].text);
  }
  told->ends_by_itself =
      !s->words.kinds[CAL_WORDS_FINAL].path && !s->words.kinds[CAL_WORDS_ENDED].path && !s->words.list.ends;
  return 0;
}

static int compile_list(wire_told *told, const cal_wire_spec *s) {
  const struct {
    int place;
    const char *field, *path;
  } all[] = {{EACH_FINAL, "words.list.final", s->words.list.final},
             {EACH_FROM, "words.list.from", s->words.list.from},
             {EACH_UNTIL, "words.list.until", s->words.list.until},
             {EACH_LANGUAGE, "words.list.language", s->words.list.language},
             {EACH_CONFIDENCE, "words.list.confidence", s->words.list.confidence}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    if (!all[i].path) continue;
    if (!s->words.list.at)
      return cal_fail(-EINVAL, "wire %s: %s without words.list.at: say where the list is", s->name,
                      all[i].field);
    if (cal_jpath_compile(&told->each[all[i].place], all[i].path)) return wrong_path(s, all[i].field);
  }
  if (s->words.list.text &&
      cal_wire_compile_spellings(&told->each[EACH_TEXT], told->also_each, s->words.list.text))
    return wrong_path(s, "words.list.text");
  told->ends = keep(s->words.list.ends);
  return 0;
}

int cal_wire_compile_told(cal_wire *wire, const cal_wire_spec *s) {
  wire_told *told = &wire->told;
  const struct {
    int place;
    const char *field, *path;
  } all[] = {{TOLD_TURN, "words.turn", s->words.turn},
             {TOLD_LANGUAGE, "words.language", s->words.language},
             {TOLD_CONFIDENCE, "words.confidence", s->words.confidence},
             {TOLD_FROM, "words.from", s->words.from},
             {TOLD_UNTIL, "words.until", s->words.until},
             {TOLD_LIST, "words.list.at", s->words.list.at}};
  int has_text = s->words.text || s->words.list.text;
  if ((s->words.event || s->words.list.at) && !has_text)
    return cal_fail(
        -EINVAL, "wire %s: words.event without words.text or words.list.text: set both or neither", s->name);
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i].path && cal_jpath_compile(&told->paths[all[i].place], all[i].path))
      return wrong_path(s, all[i].field);
  if (s->words.text && cal_wire_compile_spellings(&told->paths[TOLD_TEXT], told->also_text, s->words.text))
    return wrong_path(s, "words.text");
  told->is_ms = s->words.is_ms;
  told->is_joined = s->words.has_deltas;
  int code = compile_kinds(told, s);
  return code ? code : compile_list(told, s);
}

void cal_wire_free_told(cal_wire *wire) {
  for (int i = 0; i < CAL_WORDS_KINDS; i++) cal_free((char *)wire->told.kind_texts[i].at);
  cal_free((char *)wire->told.ends.at);
}

/* ---- read: texts are laid one behind the other into the event */

typedef struct telling {
  const wire_told *told;
  cal_wire_event *out;
  size_t used; /* of out->word_texts */
  const char *wrong;
} telling;

static cal_words *add(telling *t, cal_words_kind kind) {
  if (t->out->word_count == CAL_WIRE_WORDS) {
    t->wrong = "more of them than one message can tell";
    return NULL;
  }
  cal_words *words = &t->out->words[t->out->word_count++];
  *words = (cal_words){.kind = kind, .text = "", .confidence = -1, .from_ms = -1, .until_ms = -1};
  return words;
}

/* "" for what is not there. */
static const char *take_text(telling *t, const cal_jvalue *value) {
  size_t room = sizeof t->out->word_texts - t->used;
  char *into = t->out->word_texts + t->used;
  if (value->kind == CAL_JSON_ABSENT || value->kind == CAL_JSON_NULL) return "";
  const char *wrong = room ? cal_wire_read_text(into, room, value) : "is too long";
  if (wrong) {
    t->wrong = wrong;
    return "";
  }
  t->used += strlen(into) + 1;
  return into;
}

/* One that is too long is as good as none. */
static void take_short(char *into, size_t room, const cal_jvalue *value) {
  if (cal_wire_read_text(into, room, value)) into[0] = 0;
}

static double number_of(const cal_jvalue *value, double least, double most) {
  char text[40], *end;
  if (value->kind != CAL_JSON_NUMBER || cal_wire_read_text(text, sizeof text, value)) return -1;
  double number = strtod(text, &end);
  return !*end && number >= least && number <= most ? number : -1;
}

static int64_t time_of(const wire_told *told, const cal_jvalue *value) {
  double number = number_of(value, 0, 1e9);
  return number < 0 ? -1 : (int64_t)(number * (told->is_ms ? 1 : 1000) + 0.5);
}

static int is_kind(const wire_told *told, const cal_jvalue *fields, cal_words_kind kind) {
  const cal_jvalue *value = &fields[TOLD_KINDS + kind];
  if (!told->paths[TOLD_KINDS + kind].parts) return 0;
  return told->kind_texts[kind].at ? cal_jvalue_is(value, told->kind_texts[kind])
                                   : value->kind == CAL_JSON_TRUE;
}

static cal_words_kind kind_of(const wire_told *told, const cal_jvalue *fields) {
  static const cal_words_kind order[] = {CAL_WORDS_STARTED, CAL_WORDS_RESUMED, CAL_WORDS_LIKELY,
                                         CAL_WORDS_ENDED,   CAL_WORDS_FINAL,   CAL_WORDS_PIECE};
  for (size_t i = 0; i < sizeof order / sizeof *order; i++)
    if (is_kind(told, fields, order[i])) return order[i];
  return told->ends_by_itself ? CAL_WORDS_FINAL : CAL_WORDS_PARTIAL;
}

/* Times of a list are those of its first and its last element. */
static void add_times(const wire_told *told, const cal_jvalue *each, cal_words *words) {
  int64_t from = time_of(told, &each[EACH_FROM]), until = time_of(told, &each[EACH_UNTIL]);
  if (from >= 0 && words->from_ms < 0) words->from_ms = from;
  if (until >= 0) words->until_ms = until;
}

static void take_times(telling *t, cal_span list, cal_words *words) {
  for (cal_span element; cal_jscan_next(&list, &element);) {
    cal_jvalue each[EACH_PATHS];
    cal_jscan_fields(element.at, element.bytes, t->told->each, EACH_PATHS, each);
    add_times(t->told, each, words);
  }
}

static void take_one(telling *t, const cal_jvalue *fields) {
  const wire_told *rule = t->told;
  cal_words_kind kind = kind_of(rule, fields);
  int needs_text = kind < CAL_WORDS_RESUMED;
  if (needs_text && fields[TOLD_TEXT].kind == CAL_JSON_ABSENT) t->wrong = "is missing";
  cal_words *words = add(t, kind);
  words->text = take_text(t, &fields[TOLD_TEXT]);
  take_short(words->turn, sizeof words->turn, &fields[TOLD_TURN]);
  take_short(words->language, sizeof words->language, &fields[TOLD_LANGUAGE]);
  words->confidence = number_of(&fields[TOLD_CONFIDENCE], 0, 1);
  words->from_ms = time_of(rule, &fields[TOLD_FROM]);
  words->until_ms = time_of(rule, &fields[TOLD_UNTIL]);
  words->is_joined = rule->is_joined && kind == CAL_WORDS_PARTIAL;
  if (fields[TOLD_LIST].kind != CAL_JSON_ARRAY) return;
  words->from_ms = words->until_ms = -1;
  take_times(t, fields[TOLD_LIST].raw, words);
}

/* ---- a list whose elements are the text */

static int is_end(const wire_told *told, const cal_jvalue *text) {
  for (const char *at = told->ends.at; at;) {
    size_t bytes = strcspn(at, "|");
    if (cal_jvalue_is(text, (cal_span){at, bytes})) return 1;
    at = at[bytes] ? at + bytes + 1 : NULL;
  }
  return 0;
}

/* Elements in a row that are of one kind make one text: the new one goes over the zero of the last. */
static cal_words *words_for(telling *t, cal_words_kind kind) {
  cal_words *last = t->out->word_count ? &t->out->words[t->out->word_count - 1] : NULL;
  if (last && last->kind == kind) return last;
  cal_words *words = add(t, kind);
  if (!words) return NULL;
  if (t->used == sizeof t->out->word_texts) {
    t->wrong = "is too long";
    return NULL;
  }
  words->is_joined = 1;
  words->text = t->out->word_texts + t->used;
  t->out->word_texts[t->used++] = 0;
  return words;
}

static void note_element(telling *t, cal_words *words, const cal_jvalue *each) {
  double sure = number_of(&each[EACH_CONFIDENCE], 0, 1);
  add_times(t->told, each, words);
  if (!*words->language) take_short(words->language, sizeof words->language, &each[EACH_LANGUAGE]);
  if (sure >= 0 && (words->confidence < 0 || sure < words->confidence)) words->confidence = sure;
}

static void take_element(telling *t, cal_span element) {
  const wire_told *told = t->told;
  cal_jvalue each[EACH_PATHS];
  cal_jscan_fields(element.at, element.bytes, told->each, EACH_PATHS, each);
  cal_wire_find_also(told->also_each, element.at, element.bytes, &each[EACH_TEXT]);
  if (is_end(told, &each[EACH_TEXT])) {
    add(t, CAL_WORDS_ENDED);
    return;
  }
  if (each[EACH_TEXT].kind != CAL_JSON_STRING) {
    t->wrong = "has an element without a text";
    return;
  }
  int is_kept = each[EACH_FINAL].kind == CAL_JSON_TRUE;
  cal_words *words = words_for(t, is_kept ? CAL_WORDS_PIECE : CAL_WORDS_PARTIAL);
  if (!words) return;
  t->used--;
  take_text(t, &each[EACH_TEXT]);
  note_element(t, words, each);
}

static cal_wire_kind told(telling *t, const char *field) {
  t->out->kind = t->out->word_count ? CAL_WIRE_TOLD : CAL_WIRE_IGNORED;
  if (!t->wrong) return t->out->kind;
  snprintf(t->out->reason, sizeof t->out->reason, "%s %s", field, t->wrong);
  return t->out->kind = CAL_WIRE_MALFORMED;
}

int cal_wire_is_told(const cal_wire *wire, const char *text, size_t bytes) {
  const wire_told *rule = &wire->told;
  int is_list = rule->each[EACH_TEXT].parts > 0;
  const cal_jpath *path = &rule->paths[is_list ? TOLD_LIST : TOLD_TEXT];
  cal_jvalue value;
  if (wire->heard & 1u << EVENT_TOLD || !path->parts) return 0;
  cal_jscan_fields(text, bytes, path, 1, &value);
  if (!is_list) cal_wire_find_also(rule->also_text, text, bytes, &value);
  return value.kind == (is_list ? CAL_JSON_ARRAY : CAL_JSON_STRING);
}

cal_wire_kind cal_wire_read_told(const cal_wire *wire, const char *text, size_t bytes, cal_wire_event *out) {
  const wire_told *rule = &wire->told;
  telling t = {.told = rule, .out = out};
  cal_jvalue fields[TOLD_PATHS];
  out->word_count = 0;
  cal_jscan_fields(text, bytes, rule->paths, TOLD_PATHS, fields);
  if (!rule->each[EACH_TEXT].parts) {
    cal_wire_find_also(rule->also_text, text, bytes, &fields[TOLD_TEXT]);
    take_one(&t, fields);
    return told(&t, rule->paths[TOLD_TEXT].text);
  }
  cal_span list = fields[TOLD_LIST].kind == CAL_JSON_ARRAY ? fields[TOLD_LIST].raw : (cal_span){0};
  for (cal_span element; !t.wrong && cal_jscan_next(&list, &element);) take_element(&t, element);
  return told(&t, rule->paths[TOLD_LIST].text);
}
