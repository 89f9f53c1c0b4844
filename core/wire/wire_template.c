#include "wire/wire_template.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "wire/wire.h"
#include "data/jscan.h"
#include "data/json_escape.h"

#define NUMBER_BYTES 20 /* the digits of UINT64_MAX */

static const struct {
  const char *name;
  size_t room;        /* the longest it can get; audio is counted apart */
  const char *sample; /* stands in for it when the template is tried */
} variables[CAL_WIRE_VARIABLES] = {
    [CAL_WIRE_STREAM] = {"stream", CAL_JSON_ESCAPE_GROWTH *CAL_WIRE_ID_BYTES, "s"},
    [CAL_WIRE_CALL] = {"call", CAL_JSON_ESCAPE_GROWTH *CAL_WIRE_ID_BYTES, "c"},
    [CAL_WIRE_MARK_NAME] = {"mark", CAL_JSON_ESCAPE_GROWTH *CAL_WIRE_NAME_BYTES, "m"},
    [CAL_WIRE_DIGIT] = {"digit", CAL_JSON_ESCAPE_GROWTH *CAL_WIRE_NAME_BYTES, "d"},
    [CAL_WIRE_BASE64] = {"audio", 0, "a"},
    [CAL_WIRE_SEQ] = {"seq", NUMBER_BYTES, "1"},
    [CAL_WIRE_CHUNK] = {"chunk", NUMBER_BYTES, "1"},
    [CAL_WIRE_MS] = {"ms", NUMBER_BYTES, "1"},
    [CAL_WIRE_PEER_SEQ] = {"peer_seq", NUMBER_BYTES, "1"},
    [CAL_WIRE_POSITION] = {"position", NUMBER_BYTES + 8, "PT0.0S"},
    [CAL_WIRE_BYE] = {"bye", CAL_WIRE_BYE_BYTES, "{}"},
    [CAL_WIRE_SPEAKER] = {"voice", CAL_JSON_ESCAPE_GROWTH *CAL_WIRE_NAME_BYTES, "v"},
    [CAL_WIRE_SAID] = {"text", CAL_JSON_ESCAPE_GROWTH *CAL_WIRE_SAY_BYTES, "t"},
};

static cal_wire_variable variable_named(const char *name, size_t bytes) {
  for (int v = CAL_WIRE_LITERAL + 1; v < CAL_WIRE_VARIABLES; v++)
    if (strlen(variables[v].name) == bytes && memcmp(variables[v].name, name, bytes) == 0)
      return (cal_wire_variable)v;
  return CAL_WIRE_LITERAL;
}

static void add_literal(cal_wire_template *t, unsigned *used, const char *text, size_t bytes) {
  if (bytes == 0) return;
  memcpy(t->text + *used, text, bytes);
  t->room += bytes;
  *used += (unsigned)bytes;
  if (t->segments && t->segment[t->segments - 1].variable == CAL_WIRE_LITERAL) { /* "a$$b" is one literal */
    t->segment[t->segments - 1].bytes += (unsigned)bytes;
    return;
  }
  t->segment[t->segments].variable = CAL_WIRE_LITERAL;
  t->segment[t->segments].start = *used - (unsigned)bytes;
  t->segment[t->segments++].bytes = (unsigned)bytes;
}

static int add_variable(cal_wire_template *t, const char *wire, const char *field, const char *name,
                        size_t bytes, cal_wire_variable needs) {
  cal_wire_variable v = variable_named(name, bytes);
  if (v == CAL_WIRE_LITERAL)
    return cal_fail(
        -EINVAL,
        "wire %s: %s has the unknown variable $%.*s: there are $stream, $call, $audio, $mark, $digit, $seq, "
        "$peer_seq, $chunk, $ms, $position, $bye, $text and $voice, and $$ for a dollar sign",
        wire, field, (int)bytes, name);
  int is_particular = v == CAL_WIRE_MARK_NAME || v == CAL_WIRE_DIGIT || v == CAL_WIRE_BASE64 ||
                      v == CAL_WIRE_BYE || v == CAL_WIRE_SAID || v == CAL_WIRE_SPEAKER;
  int goes_with = needs == CAL_WIRE_SAID && (v == CAL_WIRE_MARK_NAME || v == CAL_WIRE_SPEAKER);
  if (needs == CAL_WIRE_SAYING)
    goes_with = v == CAL_WIRE_SAID || v == CAL_WIRE_MARK_NAME || v == CAL_WIRE_SPEAKER;
  if (is_particular && v != needs && !goes_with)
    return cal_fail(-EINVAL, "wire %s: %s cannot have $%s, which has no value in this message: take it out",
                    wire, field, variables[v].name);
  if (v == CAL_WIRE_BASE64 && t->uses & 1u << v)
    return cal_fail(-EINVAL, "wire %s: %s has $audio twice: leave one of them", wire, field);
  t->segment[t->segments++].variable = v;
  t->uses |= 1u << v;
  t->room += variables[v].room;
  return 0;
}

/* Fills the variables in and looks whether the result is JSON: a string variable outside quotes shows up
 * here. */
static int try_out(const cal_wire_template *t, const char *wire, const char *field) {
  cal_buf text;
  cal_buf_init(&text, 2 * CAL_WIRE_TEMPLATE_BYTES);
  int code = 0;
  for (unsigned i = 0; i < t->segments && code == 0; i++) {
    cal_wire_variable v = t->segment[i].variable;
    code = v == CAL_WIRE_LITERAL ? cal_buf_append(&text, t->text + t->segment[i].start, t->segment[i].bytes)
                                 : cal_buf_text(&text, variables[v].sample);
  }
  if (code == 0 && cal_jscan_validate(text.data, text.bytes) < 0) {
    char reason[160] = {0};
    strncpy(reason, cal_error_text(), sizeof reason - 1);
    code = cal_fail(
        -EINVAL,
        "wire %s: %s is %s once its variables are filled in: %.150s; put $stream, $call, $audio, $mark, "
        "$digit, $text and $position inside quotes",
        wire, field, reason, text.data);
  }
  cal_buf_free(&text);
  return code;
}

int cal_wire_template_compile(cal_wire_template *t, const char *wire, const char *field, const char *text,
                              cal_wire_variable needs) {
  *t = (cal_wire_template){0};
  if (!text) return 0;
  size_t bytes = strlen(text);
  unsigned used = 0;
  if (bytes == 0 || bytes > CAL_WIRE_TEMPLATE_BYTES)
    return cal_fail(-EINVAL, "wire %s: %s has %zu bytes: 1 to %d are possible", wire, field, bytes,
                    CAL_WIRE_TEMPLATE_BYTES);
  t->text = cal_alloc(bytes + 1);
  t->is_xml = *text == '<';
  for (const char *at = text, *end = text + bytes; at < end;) {
    const char *dollar = memchr(at, '$', (size_t)(end - at));
    if (t->segments > CAL_WIRE_SEGMENTS - 2)
      return cal_fail(-EINVAL, "wire %s: %s has too many variables: %d at most", wire, field,
                      CAL_WIRE_SEGMENTS / 2 - 1);
    add_literal(t, &used, at, (size_t)((dollar ? dollar : end) - at));
    if (!dollar) break;
    at = dollar + 1;
    if (*at == '$') {
      add_literal(t, &used, at++, 1);
      continue;
    }
    size_t name = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    int code = add_variable(t, wire, field, at, name, needs);
    if (code < 0) return code;
    at += name;
  }
  if (needs < CAL_WIRE_VARIABLES && needs != CAL_WIRE_LITERAL && !(t->uses & 1u << needs))
    return cal_fail(-EINVAL, "wire %s: %s lacks $%s: put it, inside quotes, where the value belongs", wire,
                    field, variables[needs].name);
  return t->is_xml ? 0 : try_out(t, wire, field);
}

void cal_wire_template_free(cal_wire_template *made) { made->text = cal_free(made->text); }
