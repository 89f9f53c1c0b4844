/* The wire of a voice: what says a text, and what a message says besides what its event stands for. */
#include "wire/wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "wire/wire_private.h"

/* ---- compiled */

/* Spellings lie apart: one walk looks for the first of all. */
static int compile_spellings(cal_wire *wire, int place, const char *path) {
  cal_jpath also[WIRE_SPELLINGS - 1] = {0};
  int code = cal_wire_compile_spellings(&wire->voice_paths[0][place], also, path);
  for (int i = 1; i < WIRE_SPELLINGS; i++) wire->voice_paths[i][place] = also[i - 1];
  return code;
}

static int compile_paths(cal_wire *wire, const cal_wire_spec *s) {
  const struct {
    const char *field, *path;
  } all[VOICE_PATHS] = {
      [VOICE_UTTERANCE] = {"utterance_path", s->utterance_path},
      [VOICE_MARK_WHEN] = {"mark.when_path", s->mark.when_path},
      [VOICE_TEXTS] = {"times.texts", s->times.texts},
      [VOICE_STARTS] = {"times.starts", s->times.starts},
      [VOICE_ENDS] = {"times.ends", s->times.ends},
      [VOICE_LASTS] = {"times.lasts", s->times.lasts},
  };
  for (int i = 0; i < VOICE_PATHS; i++) {
    if (!all[i].path) continue;
    wire->is_voice = 1;
    if (compile_spellings(wire, i, all[i].path) == 0) continue;
    char reason[200] = {0};
    strncpy(reason, cal_error_text(), sizeof reason - 1);
    return cal_fail(-EINVAL, "wire %s: %s: %s", s->name, all[i].field, reason);
  }
  return 0;
}

static int check_times(const cal_wire_spec *s) {
  int has_times = s->times.ends || (s->times.starts && s->times.lasts);
  if (!s->times.texts == !has_times) return 0;
  return cal_fail(-EINVAL,
                  "wire %s: times: set texts, and ends or both of starts and lasts, to say what ends when",
                  s->name);
}

static int compile_says(cal_wire *wire, const cal_wire_spec *s) {
  unsigned uses = 0;
  for (; wire->says < CAL_WIRE_SAYS && s->say_out[wire->says]; wire->says++) {
    cal_wire_template *into = &wire->out[OUT_SAY + wire->says];
    int code = cal_wire_template_compile(into, s->name, "say_out", s->say_out[wire->says], CAL_WIRE_SAYING);
    if (code < 0) return code;
    uses |= into->uses;
  }
  if (!wire->says || uses & 1u << CAL_WIRE_SAID) return 0;
  return cal_fail(-EINVAL, "wire %s: say_out lacks $text: put it, inside quotes, where the value belongs",
                  s->name);
}

int cal_wire_compile_voice(cal_wire *wire, const cal_wire_spec *s) {
  wire->times_are_ms = s->times.is_ms;
  wire->times_are_relative = s->times.is_relative;
  if (s->mark.when_text)
    wire->mark_when_text = (cal_span){cal_strdup(s->mark.when_text), strlen(s->mark.when_text)};
  int code = check_times(s);
  if (!code) code = compile_paths(wire, s);
  return code ? code : compile_says(wire, s);
}

int cal_wire_can_say(const cal_wire *wire) { return wire->says; }
int cal_wire_can_cancel(const cal_wire *wire) { return wire->out[OUT_CANCEL].text != NULL; }
int cal_wire_names_utterances(const cal_wire *wire) {
  return wire->voice_paths[0][VOICE_UTTERANCE].parts > 0;
}

size_t cal_wire_say_room(const cal_wire *wire) {
  size_t room = 0;
  for (int i = 0; i < wire->says; i++)
    if (wire->out[OUT_SAY + i].room > room) room = wire->out[OUT_SAY + i].room;
  return room;
}

/* ---- read */

static void find(const cal_wire *wire, const char *text, size_t bytes, cal_jvalue fields[VOICE_PATHS]) {
  cal_jvalue other[VOICE_PATHS];
  cal_jscan_fields(text, bytes, wire->voice_paths[0], VOICE_PATHS, fields);
  for (int i = 1; i < WIRE_SPELLINGS; i++) {
    int is_declared = 0;
    for (int place = 0; place < VOICE_PATHS; place++)
      is_declared |= wire->voice_paths[i][place].parts && fields[place].kind == CAL_JSON_ABSENT;
    if (!is_declared) continue;
    cal_jscan_fields(text, bytes, wire->voice_paths[i], VOICE_PATHS, other);
    for (int place = 0; place < VOICE_PATHS; place++)
      if (fields[place].kind == CAL_JSON_ABSENT) fields[place] = other[place];
  }
}

static int is_something(const cal_jvalue *value) {
  return value->kind != CAL_JSON_ABSENT && value->kind != CAL_JSON_NULL && value->kind != CAL_JSON_FALSE &&
         !(value->kind == CAL_JSON_STRING && !value->raw.bytes);
}

static int is_mark(const cal_wire *wire, const cal_jvalue *value) {
  return wire->mark_when_text.at ? cal_jvalue_is(value, wire->mark_when_text) : is_something(value);
}

static cal_span list_of(const cal_jvalue *value) {
  return value->kind == CAL_JSON_ARRAY ? value->raw : (cal_span){0};
}

static void read_times(const cal_wire *wire, const cal_jvalue *fields, cal_wire_times *times) {
  times->texts = list_of(&fields[VOICE_TEXTS]);
  times->starts = list_of(&fields[VOICE_STARTS]);
  times->ends = list_of(&fields[VOICE_ENDS]);
  times->lasts = list_of(&fields[VOICE_LASTS]);
  times->is_ms = wire->times_are_ms;
  times->is_relative = wire->times_are_relative;
}

cal_wire_kind cal_wire_read_voice(const cal_wire *wire, const char *text, size_t bytes, cal_wire_event *out) {
  cal_jvalue fields[VOICE_PATHS];
  find(wire, text, bytes, fields);
  if (cal_wire_read_text(out->utterance, sizeof out->utterance, &fields[VOICE_UTTERANCE]))
    out->utterance[0] = 0;
  read_times(wire, fields, &out->times);
  if (!wire->voice_paths[0][VOICE_MARK_WHEN].parts) return out->kind;
  int is_one = is_mark(wire, &fields[VOICE_MARK_WHEN]), is_any = !(wire->heard & 1u << EVENT_MARK);
  if (out->kind == CAL_WIRE_MARK && !is_one) return out->kind = CAL_WIRE_OTHER;
  if (out->kind == CAL_WIRE_AUDIO && is_one && is_any) out->is_mark = 1;
  if (out->kind == CAL_WIRE_OTHER && is_one && is_any) return cal_wire_read_mark(wire, text, bytes, out);
  return out->kind;
}
