#include "wire/wire.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "wire/wire_private.h"
#include "data/base64.h"

#define PORTION_BYTES 65536 /* the largest portion rule that makes sense */
#define LONGEST_BYE_WAIT_MS 60000

static cal_span keep(const char *text) {
  return text ? (cal_span){cal_strdup(text), strlen(text)} : (cal_span){NULL, 0};
}

static void drop(cal_span *text) { cal_free((char *)text->at); }

static void destroy(void *object) {
  cal_wire *wire = object;
  for (int i = 0; i < wire->name_count; i++) drop(&wire->names[i].text);
  for (int i = 0; i < WIRE_OUTS; i++) cal_wire_template_free(&wire->out[i]);
  for (int i = 0; i < CAL_WIRE_REPLIES; i++) {
    drop(&wire->replies[i].event);
    cal_wire_template_free(&wire->replies[i].text);
  }
  drop(&wire->when_text);
  drop(&wire->clear_when_text);
  cal_wire_free_told(wire);
  drop(&wire->mark_when_text);
  drop(&wire->encoding_text);
  cal_free(wire->name);
  cal_free(wire->sub_protocol);
}

/* A word as header fields have it (RFC 9110, 5.6.2). */
static int check_sub_protocol(const cal_wire_spec *s) {
  static const char other[] = "!#$%&'*+-.^_`|~";
  size_t bytes = 0;
  if (!s->sub_protocol) return 0;
  while (isalnum((unsigned char)s->sub_protocol[bytes]) ||
         (s->sub_protocol[bytes] && strchr(other, s->sub_protocol[bytes])))
    bytes++;
  if (bytes && !s->sub_protocol[bytes] && bytes < CAL_WIRE_SUB_PROTOCOL_BYTES) return 0;
  return cal_fail(-EINVAL,
                  "wire %s: sub_protocol is a word of letters, digits, '.', '-' and '_', at most %d bytes",
                  s->name, CAL_WIRE_SUB_PROTOCOL_BYTES - 1);
}

static int check_numbers(const cal_wire_spec *s) {
  if (!s->name || !*s->name) return cal_fail(-EINVAL, "a wire without a name: set name");
  if ((unsigned)s->encoding > CAL_L16BE || (s->has_encoding_out && (unsigned)s->encoding_out > CAL_L16BE))
    return cal_fail(-EINVAL, "wire %s: unknown encoding", s->name);
  if (s->rate_hz < 8000 || s->rate_hz > 48000)
    return cal_fail(-EINVAL, "wire %s: rate_hz is %u: 8000 to 48000 are possible", s->name, s->rate_hz);
  if (s->frame_ms < 10 || s->frame_ms > 200)
    return cal_fail(-EINVAL, "wire %s: frame_ms is %u: 10 to 200 are possible", s->name, s->frame_ms);
  size_t sample = cal_encoding_bytes(s->has_encoding_out ? s->encoding_out : s->encoding);
  if (s->chunk_min_bytes > PORTION_BYTES || s->chunk_multiple_bytes > PORTION_BYTES)
    return cal_fail(-EINVAL, "wire %s: chunk_min_bytes and chunk_multiple_bytes are at most %d", s->name,
                    PORTION_BYTES);
  if (s->chunk_min_bytes % sample || s->chunk_multiple_bytes % sample)
    return cal_fail(-EINVAL,
                    "wire %s: chunk_min_bytes and chunk_multiple_bytes must be whole samples of %zu bytes",
                    s->name, sample);
  if (s->channels > 2 || s->channels_out > 2)
    return cal_fail(-EINVAL, "wire %s: channels is %u, channels_out %u: 1 or 2 are possible", s->name,
                    s->channels, s->channels_out);
  if (s->channels_out == 2 && !s->is_binary_out)
    return cal_fail(-EINVAL, "wire %s: channels_out is for audio in binary messages: set is_binary_out",
                    s->name);
  if (s->bye_wait_ms > LONGEST_BYE_WAIT_MS)
    return cal_fail(-EINVAL, "wire %s: bye_wait_ms is %u: at most %d are possible", s->name, s->bye_wait_ms,
                    LONGEST_BYE_WAIT_MS);
  return 0;
}

static int check_pair(const char *wire, const char *first, int has_first, const char *second,
                      int has_second) {
  if (has_first == has_second) return 0;
  return cal_fail(-EINVAL, "wire %s: %s without %s: set both or neither", wire, has_first ? first : second,
                  has_first ? second : first);
}

static int check_rules(const cal_wire_spec *s) {
  int has_event = s->audio.event || s->start.event || s->mark.event || s->dtmf.event || s->stop.event ||
                  s->clear.event || s->pause.event || s->resume.event || s->error.event || s->words.event ||
                  s->times.event || s->reply_count;
  if (has_event && !s->event_path)
    return cal_fail(-EINVAL, "wire %s: rules wait for events, but event_path is not set", s->name);
  if (s->audio.event && !s->audio.payload)
    return cal_fail(-EINVAL, "wire %s: audio.event without audio.payload: say where the base64 is", s->name);
  if (s->audio_out && s->is_binary_out)
    return cal_fail(-EINVAL, "wire %s: audio_out and is_binary_out: audio goes one way or the other",
                    s->name);
  if (!s->audio.payload && !s->is_binary_in && !s->audio_out && !s->is_binary_out)
    return cal_fail(-EINVAL,
                    "wire %s: no audio at all: set audio.payload, is_binary_in, audio_out or is_binary_out",
                    s->name);
  int code =
      check_pair(s->name, "audio.when_path", !!s->audio.when_path, "audio.when_text", !!s->audio.when_text);
  if (code == 0)
    code = check_pair(s->name, "start.encoding", !!s->start.encoding, "start.encoding_text",
                      !!s->start.encoding_text);
  if (code == 0)
    code =
        check_pair(s->name, "clear.when_path", !!s->clear.when_path, "clear.when_text", !!s->clear.when_text);
  if (code == 0 && s->mark.name && !s->mark.event && !s->mark.when_path)
    code = cal_fail(-EINVAL, "wire %s: mark.name without mark.event: set both or neither", s->name);
  if (code == 0 && s->mark_out && s->mark.event && !s->mark.name)
    code = cal_fail(
        -EINVAL, "wire %s: mark_out gives marks names, so mark.name must say where they come back", s->name);
  if (code == 0)
    code = check_pair(s->name, "limit.per_second", !!s->limit.per_second, "limit.text", !!s->limit.text);
  if (code == 0) code = check_pair(s->name, "dtmf.event", !!s->dtmf.event, "dtmf.digit", !!s->dtmf.digit);
  return code;
}

int cal_wire_compile_spellings(cal_jpath *first, cal_jpath *also, const char *path) {
  int code = 0;
  for (int i = 0; code == 0 && path; i++) {
    size_t bytes = strcspn(path, "|");
    if (i == WIRE_SPELLINGS) return cal_fail(-EINVAL, "more than %d spellings of a path", WIRE_SPELLINGS);
    char *each = cal_strndup(path, bytes);
    code = cal_jpath_compile(i ? &also[i - 1] : first, each);
    cal_free(each);
    path = path[bytes] ? path + bytes + 1 : NULL;
  }
  return code;
}

static int compile_path(cal_wire *wire, int place, const char *path) {
  int is_spelled = place == PATH_EVENT || (place >= PATH_STREAM && place <= PATH_TEXT);
  if (!is_spelled) return cal_jpath_compile(&wire->paths[place], path);
  return cal_wire_compile_spellings(&wire->paths[place], wire->also[place], path);
}

static int compile_paths(cal_wire *wire, const cal_wire_spec *s) {
  const struct {
    int place;
    const char *field, *path;
  } all[WIRE_PATHS] = {
      {PATH_EVENT, "event_path", s->event_path},
      {PATH_PAYLOAD, "audio.payload", s->audio.payload},
      {PATH_WHEN, "audio.when_path", s->audio.when_path},
      {PATH_STREAM, "start.stream", s->start.stream},
      {PATH_CALL, "start.call", s->start.call},
      {PATH_ENCODING, "start.encoding", s->start.encoding},
      {PATH_RATE, "start.rate", s->start.rate},
      {PATH_MARK, "mark.name", s->mark.name},
      {PATH_DIGIT, "dtmf.digit", s->dtmf.digit},
      {PATH_CLEAR_WHEN, "clear.when_path", s->clear.when_path},
      {PATH_CODE, "error.code", s->error.code},
      {PATH_TEXT, "error.text", s->error.text},
      {PATH_RETRY, "error.retry_after", s->error.retry_after},
      {PATH_SEQUENCE, "sequence_path", s->sequence_path},
      {PATH_ACKNOWLEDGED, "acknowledged_path", s->acknowledged_path},
      {PATH_STREAM_ID, "stream_path", s->stream_path},
  };
  for (int i = 0; i < WIRE_PATHS; i++) {
    if (!all[i].path || compile_path(wire, all[i].place, all[i].path) == 0) continue;
    char reason[200] = {0};
    strncpy(reason, cal_error_text(), sizeof reason - 1);
    return cal_fail(-EINVAL, "wire %s: %s: %s", s->name, all[i].field, reason);
  }
  return 0;
}

/* "error|playFailed": either name is meant. */
static int add_names(cal_wire *wire, const char *const *fields, int event, const char *text) {
  for (const char *at = text; at;) {
    size_t bytes = strcspn(at, "|");
    for (int i = 0; i < wire->name_count; i++) {
      const wire_event_name *other = &wire->names[i];
      if (other->text.bytes == bytes && memcmp(other->text.at, at, bytes) == 0)
        return cal_fail(-EINVAL, "wire %s: %s and %s are both \"%s\": events must differ", wire->name,
                        fields[other->event], fields[event], other->text.at);
    }
    if (wire->name_count == WIRE_EVENT_NAMES)
      return cal_fail(-EINVAL, "wire %s: %s: the rules have more than %d names in all", wire->name,
                      fields[event], WIRE_EVENT_NAMES);
    wire->names[wire->name_count++] = (wire_event_name){{cal_strndup(at, bytes), bytes}, event};
    at = at[bytes] ? at + bytes + 1 : NULL;
  }
  wire->heard |= 1u << event;
  return 0;
}

static int compile_events(cal_wire *wire, const cal_wire_spec *s) {
  static const char *const fields[WIRE_EVENTS] = {"audio.event", "start.event", "mark.event",  "dtmf.event",
                                                  "stop.event",  "clear.event", "pause.event", "resume.event",
                                                  "error.event", "words.event", "times.event"};
  const char *const values[WIRE_EVENTS] = {s->audio.event, s->start.event, s->mark.event,  s->dtmf.event,
                                           s->stop.event,  s->clear.event, s->pause.event, s->resume.event,
                                           s->error.event, s->words.event, s->times.event};
  for (int i = 0; i < WIRE_EVENTS; i++) {
    int code = values[i] ? add_names(wire, fields, i, values[i]) : 0;
    if (code < 0) return code;
  }
  return 0;
}

static int compile_outs(cal_wire *wire, const cal_wire_spec *s) {
  const struct {
    const char *field, *text;
    cal_wire_variable needs;
  } all[OUT_SAY] = {
      [OUT_AUDIO] = {"audio_out", s->audio_out, CAL_WIRE_BASE64},
      [OUT_MARK] = {"mark_out", s->mark_out, CAL_WIRE_MARK_NAME},
      [OUT_CLEAR] = {"clear_out", s->clear_out, CAL_WIRE_LITERAL},
      [OUT_DTMF] = {"dtmf_out", s->dtmf_out, CAL_WIRE_DIGIT},
      [OUT_STOP] = {"stop_out", s->stop_out, CAL_WIRE_LITERAL},
      [OUT_PLAYING] = {"playing_out", s->playing_out, CAL_WIRE_LITERAL},
      [OUT_PLAYED] = {"played_out", s->played_out, CAL_WIRE_LITERAL},
      [OUT_LIMIT] = {"limit.text", s->limit.text, CAL_WIRE_LITERAL},
      [OUT_BYE] = {"bye_out", s->bye_out,
                   s->bye_out && strstr(s->bye_out, "$bye") ? CAL_WIRE_BYE : CAL_WIRE_LITERAL},
      [OUT_CANCEL] = {"cancel_out", s->cancel_out, CAL_WIRE_MARK_NAME},
  };
  for (int i = 0; i < OUT_SAY; i++) {
    int code = cal_wire_template_compile(&wire->out[i], s->name, all[i].field, all[i].text, all[i].needs);
    if (code < 0) return code;
  }
  return 0;
}

static int compile_replies(cal_wire *wire, const cal_wire_spec *s) {
  if (s->reply_count > CAL_WIRE_REPLIES)
    return cal_fail(-EINVAL, "wire %s: more than %d replies", s->name, CAL_WIRE_REPLIES);
  for (size_t i = 0; i < s->reply_count; i++) {
    wire_reply *reply = &wire->replies[i];
    if (!s->replies[i].event || !s->replies[i].text)
      return cal_fail(-EINVAL, "wire %s: a reply needs both its event and its text", s->name);
    reply->event = keep(s->replies[i].event);
    reply->ends = s->replies[i].ends;
    reply->is_told = s->replies[i].is_told;
    char field[CAL_WIRE_NAME_BYTES];
    snprintf(field, sizeof field, "the reply to %.200s", s->replies[i].event);
    int code = cal_wire_template_compile(&reply->text, s->name, field, s->replies[i].text, CAL_WIRE_LITERAL);
    if (code < 0) return code;
    wire->reply_count++;
  }
  return 0;
}

int cal_wire_compile(cal_wire **result, const cal_wire_spec *s) {
  int code = check_numbers(s);
  if (code == 0) code = check_sub_protocol(s);
  if (code == 0) code = check_rules(s);
  if (code < 0) return code;
  cal_wire *wire = cal_ref_new(sizeof *wire, destroy);
  wire->name = cal_strdup(s->name);
  wire->sub_protocol = cal_strdup(s->sub_protocol);
  wire->encoding_in = s->encoding;
  wire->encoding_out = s->has_encoding_out ? s->encoding_out : s->encoding;
  wire->shift_in = cal_encoding_bytes(wire->encoding_in) == 2;
  wire->shift_out = cal_encoding_bytes(wire->encoding_out) == 2;
  wire->rate_hz = s->rate_hz;
  wire->frame_ms = s->frame_ms;
  wire->is_binary_in = s->is_binary_in;
  wire->is_binary_out = s->is_binary_out;
  wire->chunk_min_bytes = s->chunk_min_bytes;
  wire->chunk_multiple_bytes = s->chunk_multiple_bytes;
  wire->when_text = keep(s->audio.when_text);
  wire->encoding_text = keep(s->start.encoding_text);
  wire->rate_expected = s->start.rate_expected ? s->start.rate_expected : (int64_t)s->rate_hz;
  wire->channels = s->channels ? s->channels : 1;
  wire->channels_out = s->channels_out ? s->channels_out : 1;
  wire->is_numbered = s->sequence_path || s->acknowledged_path || s->stream_path;
  wire->is_closed_by_peer = s->is_closed_by_peer;
  wire->bye_wait_ms = s->bye_wait_ms ? s->bye_wait_ms : CAL_WIRE_BYE_WAIT_MS;
  wire->limit_per_second = s->limit.per_second;
  wire->limit_burst = s->limit.burst ? s->limit.burst : s->limit.per_second;
  wire->clear_when_text = keep(s->clear.when_text);
  wire->clear_drops_marks = s->clear.drops_marks;
  code = compile_paths(wire, s);
  if (code == 0) code = cal_wire_compile_told(wire, s);
  if (code == 0) code = compile_events(wire, s);
  if (code == 0) code = compile_outs(wire, s);
  if (code == 0) code = compile_replies(wire, s);
  if (code == 0) code = cal_wire_compile_voice(wire, s);
  if (code < 0)
    cal_unref(wire);
  else
    *result = wire;
  return code;
}

const char *cal_wire_name(const cal_wire *wire) { return wire->name; }
const char *cal_wire_sub_protocol(const cal_wire *wire) { return wire->sub_protocol; }
uint32_t cal_wire_rate_hz(const cal_wire *wire) { return wire->rate_hz; }
cal_encoding cal_wire_encoding(const cal_wire *wire) { return wire->encoding_in; }
const char *cal_wire_payload_path(const cal_wire *wire) {
  return wire->paths[PATH_PAYLOAD].parts ? wire->paths[PATH_PAYLOAD].text : NULL;
}
int cal_wire_is_binary_out(const cal_wire *wire) { return wire->is_binary_out; }
uint32_t cal_wire_bye_wait_ms(const cal_wire *wire) { return wire->bye_wait_ms; }
int cal_wire_is_closed_by_peer(const cal_wire *wire) { return wire->is_closed_by_peer; }
int cal_wire_clear_drops_marks(const cal_wire *wire) { return wire->clear_drops_marks; }
int cal_wire_marks_have_names(const cal_wire *wire) { return wire->paths[PATH_MARK].parts > 0; }
int cal_wire_says_bye(const cal_wire *wire) { return wire->out[OUT_BYE].text != NULL; }
int cal_wire_reply_ends(const cal_wire *wire, int reply) { return wire->replies[reply].ends; }

uint32_t cal_wire_limit(const cal_wire *wire, uint32_t *burst) {
  *burst = wire->limit_burst;
  return wire->limit_per_second;
}

size_t cal_wire_portion_bytes(const cal_wire *wire, size_t samples) {
  size_t bytes = samples << wire->shift_out, multiple = wire->chunk_multiple_bytes;
  if (bytes < wire->chunk_min_bytes) bytes = wire->chunk_min_bytes;
  return multiple ? (bytes + multiple - 1) / multiple * multiple : bytes;
}

size_t cal_wire_frame_samples(const cal_wire *wire) {
  size_t samples = (size_t)wire->rate_hz * wire->frame_ms / 1000;
  return cal_wire_portion_bytes(wire, samples) >> wire->shift_out;
}

size_t cal_wire_samples_bound(const cal_wire *wire, size_t bytes) { return bytes >> wire->shift_in; }

size_t cal_wire_audio_room(const cal_wire *wire, size_t samples) {
  size_t bytes = cal_wire_portion_bytes(wire, samples);
  return wire->is_binary_out ? bytes * wire->channels_out
                             : wire->out[OUT_AUDIO].room + CAL_BASE64_ENCODED(bytes);
}

size_t cal_wire_control_room(const cal_wire *wire) {
  size_t room = 0;
  for (int i = OUT_MARK; i < OUT_SAY; i++)
    if (wire->out[i].room > room) room = wire->out[i].room;
  for (int i = 0; i < wire->reply_count; i++)
    if (wire->replies[i].text.room > room) room = wire->replies[i].text.room;
  return room;
}

void cal_wire_state_init(cal_wire_state *state) {
  memset(state, 0, sizeof *state);
  state->seq = state->chunk = 1;
}

int cal_wire_state_set(cal_wire_state *state, const char *stream, const char *call) {
  if ((stream && strlen(stream) >= CAL_WIRE_ID_BYTES) || (call && strlen(call) >= CAL_WIRE_ID_BYTES))
    return cal_fail(-EMSGSIZE, "the id of a stream or call has at most %d bytes", CAL_WIRE_ID_BYTES - 1);
  if (stream) strcpy(state->stream, stream);
  if (call) strcpy(state->call, call);
  return 0;
}

static const struct {
  int event, out;
} known[] = {[CAL_WIRE_AUDIO] = {EVENT_AUDIO, OUT_AUDIO}, [CAL_WIRE_START] = {EVENT_START, -1},
             [CAL_WIRE_MARK] = {EVENT_MARK, OUT_MARK},    [CAL_WIRE_DTMF] = {EVENT_DTMF, OUT_DTMF},
             [CAL_WIRE_STOP] = {EVENT_STOP, OUT_STOP},    [CAL_WIRE_CLEAR] = {EVENT_CLEAR, OUT_CLEAR},
             [CAL_WIRE_PAUSE] = {EVENT_PAUSE, -1},        [CAL_WIRE_RESUME] = {EVENT_RESUME, -1},
             [CAL_WIRE_ERROR] = {EVENT_ERROR, -1},        [CAL_WIRE_TOLD] = {EVENT_TOLD, -1},
             [CAL_WIRE_TIMES] = {EVENT_TIMES, -1}};

int cal_wire_hears(const cal_wire *wire, cal_wire_kind kind) {
  return kind < CAL_WIRE_OTHER && (wire->heard >> known[kind].event & 1);
}

int cal_wire_says(const cal_wire *wire, cal_wire_kind kind) {
  return kind < CAL_WIRE_OTHER && known[kind].out >= 0 && wire->out[known[kind].out].text != NULL;
}
