#include "call/wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "call/wire_private.h"
#include "data/base64.h"

static cal_wire_kind is(cal_wire_event *out, cal_wire_kind kind) { return out->kind = kind; }

__attribute__((format(printf, 2, 3))) static cal_wire_kind malformed(cal_wire_event *out, const char *format,
                                                                     ...) {
  va_list values;
  va_start(values, format);
  vsnprintf(out->reason, sizeof out->reason, format, values);
  va_end(values);
  return is(out, CAL_WIRE_MALFORMED);
}

static cal_wire_kind read_binary(const cal_wire *wire, const void *data, size_t bytes, cal_wire_event *out,
                                 int16_t *samples, size_t max_samples) {
  if (!wire->is_binary_in) return malformed(out, "a binary message where only text was expected");
  size_t count = bytes >> wire->shift_in;
  if (count << wire->shift_in != bytes)
    return malformed(out, "%zu bytes of audio end in the middle of a sample", bytes);
  if (count > max_samples) return malformed(out, "%zu samples where at most %zu fit", count, max_samples);
  if (bytes) out->samples = cal_decode(wire->encoding_in, data, bytes, samples);
  return is(out, CAL_WIRE_AUDIO);
}

/* Some JSON writers escape what base64 is made of ("\/", "\u002B"): resolves escapes until `into` is full.
 * Returns 0 letters for an escape that cannot be base64. */
static size_t unescape_piece(const char **at, const char *end, char into[WIRE_PIECE_LETTERS]) {
  size_t used = 0;
  while (*at < end && used < WIRE_PIECE_LETTERS) {
    if (**at != '\\') {
      into[used++] = *(*at)++;
      continue;
    }
    size_t escape = (*at)[1] == 'u' ? 6 : 2; /* the scanner saw that it is whole */
    ssize_t bytes = cal_jscan_unescape((cal_span){*at, escape}, into + used, WIRE_PIECE_LETTERS - used);
    if (bytes != 1) return 0;
    used++;
    *at += escape;
  }
  return used;
}

static cal_span next_piece(const char **at, const char *end, int has_escapes,
                           char plain[WIRE_PIECE_LETTERS]) {
  if (has_escapes) return (cal_span){plain, unescape_piece(at, end, plain)};
  size_t left = (size_t)(end - *at);
  cal_span piece = {*at, left < WIRE_PIECE_LETTERS ? left : WIRE_PIECE_LETTERS};
  *at += piece.bytes;
  return piece;
}

static cal_wire_kind read_payload(const cal_wire *wire, const cal_jvalue *payload, cal_wire_event *out,
                                  int16_t *samples, size_t max_samples) {
  const char *field = wire->paths[PATH_PAYLOAD].text;
  if (payload->kind != CAL_JSON_STRING) return malformed(out, "audio without a string at %s", field);
  size_t done = 0;
  const char *at = payload->raw.at, *end = at + payload->raw.bytes;
  char plain[WIRE_PIECE_LETTERS];
  uint8_t bytes[WIRE_PIECE_BYTES];
  while (at < end) {
    cal_span piece = next_piece(&at, end, payload->has_escapes, plain);
    if (piece.bytes == 0) return malformed(out, "%s is not base64: a foreign character", field);
    ssize_t n = cal_base64_decode(CAL_BASE64_STD, bytes, sizeof bytes, piece);
    if (n < 0) return malformed(out, "%s is %s", field, cal_error_text());
    if (at < end && n < WIRE_PIECE_BYTES)
      return malformed(out, "%s is not base64: padding in its middle", field);
    size_t count = (size_t)n >> wire->shift_in;
    if (count << wire->shift_in != (size_t)n)
      return malformed(out, "%s ends in the middle of a sample", field);
    if (count > max_samples - done)
      return malformed(out, "%s has more samples than the %zu that fit", field, max_samples);
    done += cal_decode(wire->encoding_in, bytes, (size_t)n, samples + done);
  }
  out->samples = done;
  return is(out, CAL_WIRE_AUDIO);
}

static cal_wire_kind read_audio(const cal_wire *wire, const cal_jvalue *fields, cal_wire_event *out,
                                int16_t *samples, size_t max_samples) {
  const cal_jvalue *when = &fields[PATH_WHEN];
  if (when->kind != CAL_JSON_ABSENT && !cal_jvalue_is(when, wire->when_text))
    return is(out, CAL_WIRE_IGNORED);
  return read_payload(wire, &fields[PATH_PAYLOAD], out, samples, max_samples);
}

/* A string, or a number as it stands, with a final zero. Returns NULL, or what is wrong with it. */
static const char *read_text(char *into, size_t room, const cal_jvalue *value) {
  if (value->kind != CAL_JSON_STRING && value->kind != CAL_JSON_NUMBER) return "is missing";
  ssize_t bytes = cal_jscan_unescape(value->raw, into, room - 1);
  if (bytes < 0) return "is too long";
  if (memchr(into, 0, (size_t)bytes)) return "holds a zero byte";
  into[bytes] = 0;
  return NULL;
}

static cal_wire_kind read_named(const cal_wire *wire, int place, cal_wire_kind kind, const char *text,
                                size_t bytes, cal_wire_event *out) {
  cal_jvalue value;
  cal_jscan_fields(text, bytes, &wire->paths[place], 1, &value);
  const char *wrong = read_text(out->name, sizeof out->name, &value);
  if (!wrong) return is(out, kind);
  out->name[0] = 0;
  return malformed(out, "%s %s", wire->paths[place].text, wrong);
}

static int is_format_ours(const cal_wire *wire, const cal_jvalue *encoding, const cal_jvalue *rate) {
  char text[CAL_WIRE_NAME_BYTES];
  int64_t hz;
  if (encoding->kind != CAL_JSON_ABSENT &&
      (encoding->kind != CAL_JSON_STRING || read_text(text, sizeof text, encoding) ||
       strcasecmp(text, wire->encoding_text.at) != 0))
    return 0;
  return rate->kind == CAL_JSON_ABSENT || (cal_jvalue_integer(&hz, rate) == 0 && hz == wire->rate_expected);
}

static cal_wire_kind wrong_format(const cal_wire *wire, const cal_jvalue *encoding, const cal_jvalue *rate,
                                  cal_wire_event *out) {
  cal_span nothing = cal_span_of("nothing");
  cal_span came = encoding->kind ? encoding->raw : nothing, hz = rate->kind ? rate->raw : nothing;
  int came_bytes = came.bytes < 60 ? (int)came.bytes : 60, hz_bytes = hz.bytes < 20 ? (int)hz.bytes : 20;
  const char *asked = wire->encoding_text.at ? wire->encoding_text.at : cal_encoding_name(wire->encoding_in);
  snprintf(
      out->reason, sizeof out->reason,
      "wire %.40s: asked for encoding %.60s and rate %lld, the carrier announces encoding %.*s and rate %.*s",
      wire->name, asked, (long long)wire->rate_expected, came_bytes, came.at, hz_bytes, hz.at);
  return is(out, CAL_WIRE_WRONG_FORMAT);
}

static cal_wire_kind read_start(const cal_wire *wire, cal_wire_state *state, const char *text, size_t bytes,
                                cal_wire_event *out) {
  cal_jvalue fields[START_PATHS];
  char ids[2][CAL_WIRE_ID_BYTES];
  cal_jscan_fields(text, bytes, &wire->paths[PATH_STREAM], START_PATHS, fields);
  for (int i = 0; i < 2; i++) {
    const cal_jpath *path = &wire->paths[PATH_STREAM + i];
    const char *wrong = path->parts ? read_text(ids[i], sizeof ids[i], &fields[i]) : NULL;
    if (wrong) return malformed(out, "%s %s", path->text, wrong);
  }
  if (wire->paths[PATH_STREAM].parts) strcpy(state->stream, ids[0]);
  if (wire->paths[PATH_CALL].parts) strcpy(state->call, ids[1]);
  const cal_jvalue *encoding = &fields[PATH_ENCODING - PATH_STREAM], *rate = &fields[PATH_RATE - PATH_STREAM];
  return is_format_ours(wire, encoding, rate) ? is(out, CAL_WIRE_START)
                                              : wrong_format(wire, encoding, rate, out);
}

static int event_of(const cal_wire *wire, const cal_jvalue *event) {
  if (event->kind != CAL_JSON_STRING) return WIRE_EVENTS;
  for (int i = 0; i < WIRE_EVENTS; i++)
    if (wire->events[i].at && cal_jvalue_is(event, wire->events[i])) return i;
  return WIRE_EVENTS;
}

cal_wire_kind cal_wire_read(const cal_wire *wire, cal_wire_state *state, const void *data, size_t bytes,
                            int is_binary, cal_wire_event *out, int16_t *samples, size_t max_samples) {
  out->samples = 0;
  out->name[0] = out->reason[0] = 0;
  if (bytes > CAL_WIRE_MESSAGE_BYTES)
    return malformed(out, "a message of %zu bytes, at most %d are read", bytes, CAL_WIRE_MESSAGE_BYTES);
  if (is_binary) return read_binary(wire, data, bytes, out, samples, max_samples);
  cal_jvalue fields[MEDIA_PATHS];
  if (cal_jscan_fields(data, bytes, wire->paths, MEDIA_PATHS, fields) < 0)
    return malformed(out, "%s", cal_error_text());
  switch (event_of(wire, &fields[PATH_EVENT])) {
  case EVENT_AUDIO:
    return read_audio(wire, fields, out, samples, max_samples);
  case EVENT_START:
    return read_start(wire, state, data, bytes, out);
  case EVENT_MARK:
    return read_named(wire, PATH_MARK, CAL_WIRE_MARK, data, bytes, out);
  case EVENT_DTMF:
    return read_named(wire, PATH_DIGIT, CAL_WIRE_DTMF, data, bytes, out);
  case EVENT_STOP:
    return is(out, CAL_WIRE_STOP);
  case EVENT_CLEAR:
    return is(out, CAL_WIRE_CLEAR);
  }
  int is_any_audio = !wire->events[EVENT_AUDIO].at && fields[PATH_PAYLOAD].kind == CAL_JSON_STRING;
  return is_any_audio ? read_audio(wire, fields, out, samples, max_samples) : is(out, CAL_WIRE_OTHER);
}
