#include "wire/wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "wire/wire_private.h"
#include "data/base64.h"
#include "data/json_escape.h"

/* What a message is filled with. */
typedef struct filling {
  const cal_wire *wire;
  const cal_wire_state *state;
  const char *word;  /* mark or digits; bye */
  const char *text;  /* to be said … */
  const char *voice; /* … by this one */
  const int16_t *samples;
  size_t count, audio_bytes; /* audio_bytes: encoded, with the silence at the end */
  int is_xml;
} filling;

static ssize_t no_room(size_t room) {
  return cal_fail(-EMSGSIZE, "a message does not fit into %zu bytes", room);
}

/* Encoded bytes from `first` on, `bytes` of them; silence where there are no samples left. */
static void encode_piece(const filling *f, size_t first, size_t bytes, uint8_t *into) {
  cal_encoding encoding = f->wire->encoding_out;
  size_t start = first >> f->wire->shift_out, wanted = bytes >> f->wire->shift_out;
  size_t left = start < f->count ? f->count - start : 0, n = left < wanted ? left : wanted;
  size_t encoded = n ? cal_encode(encoding, f->samples + start, n, into) : 0;
  if (encoded < bytes) memset(into + encoded, cal_encoding_silence(encoding), bytes - encoded);
}

static ssize_t put_audio(const filling *f, char *into, size_t room) {
  uint8_t piece[WIRE_PIECE_BYTES];
  char *at = into;
  if (CAL_BASE64_ENCODED(f->audio_bytes) > room) return no_room(room);
  for (size_t first = 0; first < f->audio_bytes; first += WIRE_PIECE_BYTES) {
    size_t left = f->audio_bytes - first, bytes = left < WIRE_PIECE_BYTES ? left : WIRE_PIECE_BYTES;
    encode_piece(f, first, bytes, piece);
    at += cal_base64_encode(CAL_BASE64_STD, at, piece, bytes);
  }
  return at - into;
}

static ssize_t put_number(uint64_t number, char *into, size_t room) {
  char digits[20];
  size_t bytes = 0;
  do digits[sizeof digits - ++bytes] = (char)('0' + number % 10);
  while (number /= 10);
  if (bytes > room) return no_room(room);
  memcpy(into, digits + sizeof digits - bytes, bytes);
  return (ssize_t)bytes;
}

static ssize_t put_plain(const char *text, char *into, size_t room) {
  size_t bytes = strlen(text);
  if (bytes > room) return no_room(room);
  memcpy(into, text, bytes);
  return (ssize_t)bytes;
}

static const char *xml_of(char c) {
  switch (c) {
  case '&':
    return "&amp;";
  case '<':
    return "&lt;";
  case '>':
    return "&gt;";
  case '"':
    return "&quot;";
  case '\'':
    return "&apos;";
  default:
    return NULL;
  }
}

/* Control characters are not XML. */
static ssize_t put_xml(const char *text, char *into, size_t room) {
  size_t used = 0;
  for (; *text; text++) {
    char plain[2] = {(unsigned char)*text < ' ' ? ' ' : *text, 0};
    const char *put = xml_of(*text) ? xml_of(*text) : plain;
    ssize_t bytes = put_plain(put, into + used, room - used);
    if (bytes < 0) return bytes;
    used += (size_t)bytes;
  }
  return (ssize_t)used;
}

static ssize_t put_escaped(const filling *f, const char *text, char *into, size_t room) {
  return f->is_xml ? put_xml(text, into, room) : cal_json_escape_to(into, room, cal_span_of(text));
}

/* How much was written of the stream, as an ISO 8601 duration. */
static ssize_t put_position(const filling *f, char *into, size_t room) {
  char text[40];
  uint64_t ms = f->state->samples * 1000 / f->wire->rate_hz;
  snprintf(text, sizeof text, "PT%llu.%03uS", (unsigned long long)(ms / 1000), (unsigned)(ms % 1000));
  return put_plain(text, into, room);
}

static ssize_t put_variable(const filling *f, cal_wire_variable variable, char *into, size_t room) {
  switch (variable) {
  case CAL_WIRE_STREAM:
    return cal_json_escape_to(into, room, cal_span_of(f->state->stream));
  case CAL_WIRE_CALL:
    return cal_json_escape_to(into, room, cal_span_of(f->state->call));
  case CAL_WIRE_MARK_NAME:
  case CAL_WIRE_DIGIT:
    return cal_json_escape_to(into, room, cal_span_of(f->word));
  case CAL_WIRE_BASE64:
    return put_audio(f, into, room);
  case CAL_WIRE_SEQ:
    return put_number(f->state->seq, into, room);
  case CAL_WIRE_CHUNK:
    return put_number(f->state->chunk, into, room);
  case CAL_WIRE_MS:
    return put_number(f->state->samples * 1000 / f->wire->rate_hz, into, room);
  case CAL_WIRE_PEER_SEQ:
    return put_number(f->state->peer_seq, into, room);
  case CAL_WIRE_POSITION:
    return put_position(f, into, room);
  case CAL_WIRE_BYE:
    return put_plain(f->word, into, room);
  case CAL_WIRE_SPEAKER:
    return put_escaped(f, f->voice, into, room);
  case CAL_WIRE_SAID:
    return put_escaped(f, f->text, into, room);
  case CAL_WIRE_LITERAL:
  case CAL_WIRE_VARIABLES:
    break;
  }
  return 0;
}

static ssize_t write_text(const filling *f, const cal_wire_template *t, char *out, size_t room) {
  const cal_wire_state *state = f->state;
  if ((t->uses & 1u << CAL_WIRE_STREAM && !state->stream[0]) ||
      (t->uses & 1u << CAL_WIRE_CALL && !state->call[0]))
    return cal_fail(-ENOTCONN, "wire %s: the message needs an id that no start message gave", f->wire->name);
  size_t used = 0;
  for (unsigned i = 0; i < t->segments; i++) {
    ssize_t bytes = t->segment[i].bytes;
    if (t->segment[i].variable != CAL_WIRE_LITERAL) {
      bytes = put_variable(f, t->segment[i].variable, out + used, room - used);
      if (bytes < 0) return bytes;
    } else {
      if ((size_t)bytes > room - used) return no_room(room);
      memcpy(out + used, t->text + t->segment[i].start, (size_t)bytes);
    }
    used += (size_t)bytes;
  }
  return (ssize_t)used;
}

/* `mono` is the second half of the room it is spread over. */
static void spread(const cal_wire *wire, uint8_t *out, const uint8_t *mono, size_t bytes) {
  size_t sample = (size_t)1 << wire->shift_out;
  int silence = cal_encoding_silence(wire->encoding_out);
  for (size_t at = 0; at < bytes; at += sample, out += 2 * sample) {
    memmove(out, mono + at, sample);
    memset(out + sample, silence, sample);
  }
}

static ssize_t write_binary(const filling *f, char *out, size_t room) {
  size_t bytes = f->audio_bytes * f->wire->channels_out;
  if (bytes > room) return no_room(room);
  uint8_t *mono = (uint8_t *)out + bytes - f->audio_bytes;
  encode_piece(f, 0, f->audio_bytes, mono);
  if (f->wire->channels_out == 2) spread(f->wire, (uint8_t *)out, mono, f->audio_bytes);
  return (ssize_t)bytes;
}

ssize_t cal_wire_write_audio(const cal_wire *wire, cal_wire_state *state, const int16_t *samples,
                             size_t count, char *out, size_t room) {
  const cal_wire_template *t = &wire->out[OUT_AUDIO];
  if (!wire->is_binary_out && !t->text) return cal_fail(-ENOTSUP, "wire %s sends no audio", wire->name);
  if (count == 0 || count > CAL_WIRE_MESSAGE_BYTES)
    return cal_fail(-EINVAL, "wire %s: %zu samples in one message", wire->name, count);
  filling f = {.wire = wire,
               .state = state,
               .samples = samples,
               .count = count,
               .audio_bytes = cal_wire_portion_bytes(wire, count)};
  ssize_t bytes = wire->is_binary_out ? write_binary(&f, out, room) : write_text(&f, t, out, room);
  if (bytes < 0) return bytes;
  state->samples += f.audio_bytes >> wire->shift_out;
  state->chunk++;
  state->seq += !wire->is_binary_out;
  return bytes;
}

static ssize_t write_counted(const filling *f, const cal_wire_template *t, cal_wire_state *state, char *out,
                             size_t room) {
  ssize_t bytes = write_text(f, t, out, room);
  if (bytes >= 0) state->seq++;
  return bytes;
}

static ssize_t write_control(const cal_wire *wire, cal_wire_state *state, int place, const char *what,
                             const char *word, char *out, size_t room) {
  const cal_wire_template *t = &wire->out[place];
  if (!t->text) return cal_fail(-ENOTSUP, "wire %s has no %s message", wire->name, what);
  if (strlen(word) >= CAL_WIRE_NAME_BYTES)
    return cal_fail(-EINVAL, "wire %s: a %s has at most %d bytes", wire->name, what, CAL_WIRE_NAME_BYTES - 1);
  filling f = {.wire = wire, .state = state, .word = word};
  return write_counted(&f, t, state, out, room);
}

ssize_t cal_wire_write_mark(const cal_wire *wire, cal_wire_state *state, const char *name, char *out,
                            size_t room) {
  return write_control(wire, state, OUT_MARK, "mark", name, out, room);
}

ssize_t cal_wire_write_clear(const cal_wire *wire, cal_wire_state *state, char *out, size_t room) {
  return write_control(wire, state, OUT_CLEAR, "clear", "", out, room);
}

ssize_t cal_wire_write_dtmf(const cal_wire *wire, cal_wire_state *state, const char *digits, char *out,
                            size_t room) {
  return write_control(wire, state, OUT_DTMF, "dtmf", digits, out, room);
}

ssize_t cal_wire_write_stop(const cal_wire *wire, cal_wire_state *state, char *out, size_t room) {
  return write_control(wire, state, OUT_STOP, "stop", "", out, room);
}

ssize_t cal_wire_write_playing(const cal_wire *wire, cal_wire_state *state, int is_playing, char *out,
                               size_t room) {
  return write_control(wire, state, is_playing ? OUT_PLAYING : OUT_PLAYED, "playing", "", out, room);
}

ssize_t cal_wire_write_limit(const cal_wire *wire, cal_wire_state *state, char *out, size_t room) {
  return write_control(wire, state, OUT_LIMIT, "limit", "", out, room);
}

ssize_t cal_wire_write_bye(const cal_wire *wire, cal_wire_state *state, const char *bye, char *out,
                           size_t room) {
  const cal_wire_template *t = &wire->out[OUT_BYE];
  if (!t->text) return cal_fail(-ENOTSUP, "wire %s has no bye message", wire->name);
  if (bye && strlen(bye) > CAL_WIRE_BYE_BYTES)
    return cal_fail(-EINVAL, "wire %s: a bye has at most %d bytes", wire->name, CAL_WIRE_BYE_BYTES);
  filling f = {.wire = wire, .state = state, .word = bye ? bye : "{}"};
  return write_counted(&f, t, state, out, room);
}

ssize_t cal_wire_write_cancel(const cal_wire *wire, cal_wire_state *state, const char *name, char *out,
                              size_t room) {
  return write_control(wire, state, OUT_CANCEL, "cancel", name, out, room);
}

ssize_t cal_wire_write_say(const cal_wire *wire, cal_wire_state *state, int part, const char *text,
                           const char *name, const char *voice, char *out, size_t room) {
  const cal_wire_template *t = &wire->out[OUT_SAY + part];
  if (part >= wire->says) return cal_fail(-ENOTSUP, "wire %s has no say message", wire->name);
  if (strlen(text) > CAL_WIRE_SAY_BYTES)
    return cal_fail(-EMSGSIZE, "wire %s: a text has at most %d bytes", wire->name, CAL_WIRE_SAY_BYTES);
  if (strlen(name) >= CAL_WIRE_NAME_BYTES)
    return cal_fail(-EINVAL, "wire %s: the name of an utterance has at most %d bytes", wire->name,
                    CAL_WIRE_NAME_BYTES - 1);
  if (voice && strlen(voice) >= CAL_WIRE_NAME_BYTES)
    return cal_fail(-EINVAL, "wire %s: the name of a voice has at most %d bytes", wire->name,
                    CAL_WIRE_NAME_BYTES - 1);
  filling f = {.wire = wire,
               .state = state,
               .word = name,
               .text = text,
               .voice = voice ? voice : "",
               .is_xml = t->is_xml};
  return write_counted(&f, t, state, out, room);
}

ssize_t cal_wire_write_reply(const cal_wire *wire, cal_wire_state *state, int reply, char *out, size_t room) {
  if (reply < 0 || reply >= wire->reply_count)
    return cal_fail(-ENOTSUP, "wire %s has no reply %d", wire->name, reply);
  filling f = {.wire = wire, .state = state, .word = ""};
  return write_counted(&f, &wire->replies[reply].text, state, out, room);
}

size_t cal_wire_text_room(const char *text) {
  return strlen(text) + CAL_WIRE_SEGMENTS / 2 * CAL_JSON_ESCAPE_GROWTH * CAL_WIRE_ID_BYTES;
}

ssize_t cal_wire_write_text(const cal_wire *wire, cal_wire_state *state, const char *text, char *out,
                            size_t room) {
  cal_wire_template t;
  filling f = {.wire = wire, .state = state, .word = ""};
  ssize_t bytes = cal_wire_template_compile(&t, wire->name, "a text", text, CAL_WIRE_LITERAL);
  if (bytes == 0) bytes = write_counted(&f, &t, state, out, room);
  cal_wire_template_free(&t);
  return bytes;
}
