#include "wire/wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "wire/wire_private.h"
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

/* Audio whose last sample is not whole loses that one, and nothing else. */
static void note_cut(cal_wire_event *out, const char *what) {
  snprintf(out->reason, sizeof out->reason, "%s ends in the middle of a sample, which is left out", what);
}

/* Of interleaved channels the first stays. */
static cal_wire_kind first_channel(const cal_wire *wire, cal_wire_event *out, int16_t *samples) {
  if (wire->channels == 1) return is(out, CAL_WIRE_AUDIO);
  size_t count = out->samples / wire->channels;
  if (count * wire->channels != out->samples) note_cut(out, "audio of several channels");
  for (size_t i = 1; i < count; i++) samples[i] = samples[i * wire->channels];
  out->samples = count;
  return is(out, CAL_WIRE_AUDIO);
}

static cal_wire_kind read_binary(const cal_wire *wire, const void *data, size_t bytes, cal_wire_event *out,
                                 int16_t *samples, size_t max_samples) {
  if (!wire->is_binary_in) return malformed(out, "a binary message where only text was expected");
  size_t count = bytes >> wire->shift_in;
  if (count << wire->shift_in != bytes) note_cut(out, "a binary message");
  if (count > max_samples) return malformed(out, "%zu samples where at most %zu fit", count, max_samples);
  if (count) out->samples = cal_decode(wire->encoding_in, data, count << wire->shift_in, samples);
  return first_channel(wire, out, samples);
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
    if (count << wire->shift_in != (size_t)n) note_cut(out, field);
    if (count > max_samples - done)
      return malformed(out, "%s has more samples than the %zu that fit", field, max_samples);
    done += cal_decode(wire->encoding_in, bytes, count << wire->shift_in, samples + done);
  }
  out->samples = done;
  return first_channel(wire, out, samples);
}

static cal_wire_kind read_audio(const cal_wire *wire, const cal_jvalue *fields, cal_wire_event *out,
                                int16_t *samples, size_t max_samples) {
  const cal_jvalue *when = &fields[PATH_WHEN];
  if (when->kind != CAL_JSON_ABSENT && !cal_jvalue_is(when, wire->when_text))
    return is(out, CAL_WIRE_IGNORED);
  return read_payload(wire, &fields[PATH_PAYLOAD], out, samples, max_samples);
}

const char *cal_wire_read_text(char *into, size_t room, const cal_jvalue *value) {
  if (value->kind != CAL_JSON_STRING && value->kind != CAL_JSON_NUMBER) return "is missing";
  ssize_t bytes = cal_jscan_unescape(value->raw, into, room - 1);
  if (bytes < 0) return "is too long";
  if (memchr(into, 0, (size_t)bytes)) return "holds a zero byte";
  into[bytes] = 0;
  return NULL;
}

void cal_wire_find_also(const cal_jpath *also, const char *text, size_t bytes, cal_jvalue *value) {
  for (int i = 0; i < WIRE_SPELLINGS - 1 && also[i].parts && value->kind == CAL_JSON_ABSENT; i++)
    cal_jscan_fields(text, bytes, &also[i], 1, value);
}

static void find_also(const cal_wire *wire, int place, const char *text, size_t bytes, cal_jvalue *value) {
  if (place < PATH_RETRY) cal_wire_find_also(wire->also[place], text, bytes, value);
}

static cal_wire_kind read_named(const cal_wire *wire, int place, cal_wire_kind kind, const char *text,
                                size_t bytes, cal_wire_event *out) {
  cal_jvalue value;
  cal_jscan_fields(text, bytes, &wire->paths[place], 1, &value);
  find_also(wire, place, text, bytes, &value);
  const char *wrong = cal_wire_read_text(out->name, sizeof out->name, &value);
  if (!wrong) return is(out, kind);
  out->name[0] = 0;
  return malformed(out, "%s %s", wire->paths[place].text, wrong);
}

cal_wire_kind cal_wire_read_mark(const cal_wire *wire, const char *text, size_t bytes, cal_wire_event *out) {
  if (!wire->paths[PATH_MARK].parts) return is(out, CAL_WIRE_MARK);
  return read_named(wire, PATH_MARK, CAL_WIRE_MARK, text, bytes, out);
}

static int is_format_ours(const cal_wire *wire, const cal_jvalue *encoding, const cal_jvalue *rate) {
  char text[CAL_WIRE_NAME_BYTES];
  int64_t hz;
  if (encoding->kind != CAL_JSON_ABSENT &&
      (encoding->kind != CAL_JSON_STRING || cal_wire_read_text(text, sizeof text, encoding) ||
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
  for (int i = 0; i < START_PATHS; i++) find_also(wire, PATH_STREAM + i, text, bytes, &fields[i]);
  for (int i = 0; i < 2; i++) {
    const cal_jpath *path = &wire->paths[PATH_STREAM + i];
    const char *wrong = path->parts ? cal_wire_read_text(ids[i], sizeof ids[i], &fields[i]) : NULL;
    if (wrong) return malformed(out, "%s %s", path->text, wrong);
  }
  if (wire->paths[PATH_STREAM].parts) strcpy(state->stream, ids[0]);
  if (wire->paths[PATH_CALL].parts) strcpy(state->call, ids[1]);
  const cal_jvalue *encoding = &fields[PATH_ENCODING - PATH_STREAM], *rate = &fields[PATH_RATE - PATH_STREAM];
  return is_format_ours(wire, encoding, rate) ? is(out, CAL_WIRE_START)
                                              : wrong_format(wire, encoding, rate, out);
}

/* "PT3.5S", or a number of seconds; 0 for anything else, and for no time at all. */
static uint32_t read_duration_ms(const cal_jvalue *value) {
  char text[32];
  double seconds, hours = 0, minutes = 0;
  if (cal_wire_read_text(text, sizeof text, value)) return 0;
  if (strncmp(text, "PT", 2)) {
    char *end;
    seconds = strtod(text, &end);
    if (*end) return 0;
  } else {
    seconds = 0;
    for (const char *at = text + 2; *at;) {
      char *end;
      double number = strtod(at, &end);
      if (end == at || !strchr("HMS", *end) || !*end) return 0;
      *(*end == 'H' ? &hours : *end == 'M' ? &minutes : &seconds) = number;
      at = end + 1;
    }
  }
  seconds += 60 * minutes + 3600 * hours;
  return seconds > 0 && seconds < 86400 ? (uint32_t)(seconds * 1000) : 0;
}

static cal_wire_kind read_error(const cal_wire *wire, const char *text, size_t bytes, cal_wire_event *out) {
  cal_jvalue fields[ERROR_PATHS];
  cal_jscan_fields(text, bytes, &wire->paths[PATH_CODE], ERROR_PATHS, fields);
  for (int i = 0; i < ERROR_PATHS; i++) find_also(wire, PATH_CODE + i, text, bytes, &fields[i]);
  if (cal_wire_read_text(out->name, sizeof out->name, &fields[0])) out->name[0] = 0;
  if (cal_wire_read_text(out->reason, sizeof out->reason, &fields[PATH_TEXT - PATH_CODE])) out->reason[0] = 0;
  out->retry_ms = read_duration_ms(&fields[PATH_RETRY - PATH_CODE]);
  return is(out, CAL_WIRE_ERROR);
}

static cal_wire_kind read_clear(const cal_wire *wire, const char *text, size_t bytes, cal_wire_event *out) {
  cal_jvalue when;
  if (!wire->clear_when_text.at) return is(out, CAL_WIRE_CLEAR);
  cal_jscan_fields(text, bytes, &wire->paths[PATH_CLEAR_WHEN], 1, &when);
  return is(out, cal_jvalue_is(&when, wire->clear_when_text) ? CAL_WIRE_CLEAR : CAL_WIRE_OTHER);
}

/* Numbers and ids of a text message. 0, or CAL_WIRE_OUT_OF_ORDER with its reason. */
static int check_order(const cal_wire *wire, cal_wire_state *state, const char *text, size_t bytes,
                       cal_wire_event *out) {
  cal_jvalue fields[ORDER_PATHS];
  char id[CAL_WIRE_ID_BYTES];
  int64_t seq = 0, seen = 0;
  cal_jscan_fields(text, bytes, &wire->paths[PATH_SEQUENCE], ORDER_PATHS, fields);
  const char *wrong = NULL;
  if (wire->paths[PATH_SEQUENCE].parts &&
      (cal_jvalue_integer(&seq, &fields[0]) || seq < 0 || (uint64_t)seq != state->peer_seq + 1))
    wrong = wire->paths[PATH_SEQUENCE].text;
  else if (wire->paths[PATH_ACKNOWLEDGED].parts &&
           (cal_jvalue_integer(&seen, &fields[PATH_ACKNOWLEDGED - PATH_SEQUENCE]) || seen < 0 ||
            (uint64_t)seen >= state->seq))
    wrong = wire->paths[PATH_ACKNOWLEDGED].text;
  else if (wire->paths[PATH_STREAM_ID].parts && state->stream[0] &&
           (cal_wire_read_text(id, sizeof id, &fields[PATH_STREAM_ID - PATH_SEQUENCE]) ||
            strcmp(id, state->stream)))
    wrong = wire->paths[PATH_STREAM_ID].text;
  if (!wrong) {
    if (seq) state->peer_seq = (uint64_t)seq;
    return 0;
  }
  snprintf(out->reason, sizeof out->reason, "%.120s of message %llu is not what it must be", wrong,
           (unsigned long long)state->peer_seq + 1);
  return is(out, CAL_WIRE_OUT_OF_ORDER);
}

static int event_of(const cal_wire *wire, const cal_jvalue *event) {
  if (event->kind != CAL_JSON_STRING) return WIRE_EVENTS;
  for (int i = 0; i < wire->name_count; i++)
    if (cal_jvalue_is(event, wire->names[i].text)) return wire->names[i].event;
  return WIRE_EVENTS;
}

static int reply_of(const cal_wire *wire, const cal_jvalue *event) {
  for (int i = 0; i < wire->reply_count; i++)
    if (cal_jvalue_is(event, wire->replies[i].event)) return i;
  return -1;
}

/* A message that has a code. */
static int is_any_error(const cal_wire *wire, const char *text, size_t bytes) {
  cal_jvalue code;
  if (wire->heard & 1u << EVENT_ERROR || !wire->paths[PATH_CODE].parts) return 0;
  cal_jscan_fields(text, bytes, &wire->paths[PATH_CODE], 1, &code);
  find_also(wire, PATH_CODE, text, bytes, &code);
  return code.kind != CAL_JSON_ABSENT && code.kind != CAL_JSON_NULL;
}

static cal_wire_kind read_other(const cal_wire *wire, const char *text, size_t bytes,
                                const cal_jvalue *fields, cal_wire_event *out, int16_t *samples,
                                size_t max_samples) {
  if (is_any_error(wire, text, bytes)) return read_error(wire, text, bytes, out);
  if (cal_wire_is_told(wire, text, bytes)) return cal_wire_read_told(wire, text, bytes, out);
  int is_any_audio = !(wire->heard & 1u << EVENT_AUDIO) && fields[PATH_PAYLOAD].kind == CAL_JSON_STRING;
  if (is_any_audio) return read_audio(wire, fields, out, samples, max_samples);
  int is_done = out->reply >= 0 && !wire->replies[out->reply].is_told;
  return is(out, is_done ? CAL_WIRE_IGNORED : CAL_WIRE_OTHER);
}

static cal_wire_kind read_message(const cal_wire *wire, cal_wire_state *state, const char *data, size_t bytes,
                                  cal_wire_event *out, int16_t *samples, size_t max_samples) {
  cal_jvalue fields[MEDIA_PATHS];
  if (cal_jscan_fields(data, bytes, wire->paths, MEDIA_PATHS, fields) < 0)
    return malformed(out, "%s", cal_error_text());
  if (wire->is_numbered && check_order(wire, state, data, bytes, out)) return out->kind;
  find_also(wire, PATH_EVENT, data, bytes, &fields[PATH_EVENT]);
  if (wire->reply_count) out->reply = reply_of(wire, &fields[PATH_EVENT]);
  switch (event_of(wire, &fields[PATH_EVENT])) {
  case EVENT_AUDIO:
    return read_audio(wire, fields, out, samples, max_samples);
  case EVENT_START:
    return read_start(wire, state, data, bytes, out);
  case EVENT_MARK:
    return cal_wire_read_mark(wire, data, bytes, out);
  case EVENT_DTMF:
    return read_named(wire, PATH_DIGIT, CAL_WIRE_DTMF, data, bytes, out);
  case EVENT_STOP:
    return is(out, CAL_WIRE_STOP);
  case EVENT_CLEAR:
    return read_clear(wire, data, bytes, out);
  case EVENT_PAUSE:
    return is(out, CAL_WIRE_PAUSE);
  case EVENT_RESUME:
    return is(out, CAL_WIRE_RESUME);
  case EVENT_ERROR:
    return read_error(wire, data, bytes, out);
  case EVENT_TOLD:
    return cal_wire_read_told(wire, data, bytes, out);
  case EVENT_TIMES:
    return is(out, CAL_WIRE_TIMES);
  }
  return read_other(wire, data, bytes, fields, out, samples, max_samples);
}

cal_wire_kind cal_wire_read(const cal_wire *wire, cal_wire_state *state, const void *data, size_t bytes,
                            int is_binary, cal_wire_event *out, int16_t *samples, size_t max_samples) {
  out->samples = 0;
  out->reply = -1;
  out->retry_ms = 0;
  out->name[0] = out->reason[0] = out->utterance[0] = 0;
  out->times = (cal_wire_times){0};
  out->is_mark = 0;
  if (bytes > CAL_WIRE_MESSAGE_BYTES)
    return malformed(out, "a message of %zu bytes, at most %d are read", bytes, CAL_WIRE_MESSAGE_BYTES);
  if (is_binary) return read_binary(wire, data, bytes, out, samples, max_samples);
  cal_wire_kind kind = read_message(wire, state, data, bytes, out, samples, max_samples);
  if (kind == CAL_WIRE_MALFORMED || kind == CAL_WIRE_WRONG_FORMAT) out->reply = -1;
  return wire->is_voice && kind != CAL_WIRE_MALFORMED ? cal_wire_read_voice(wire, data, bytes, out) : kind;
}
