#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "wire/wire.h"
#include "data/base64.h"
#include "data/jscan.h"

#define ROOM 8192

static cal_wire_spec twilio(void) { /* the app's side: Media Streams, two-way */
  cal_wire_spec s = {
      .name = "twilio", .encoding = CAL_PCMU, .rate_hz = 8000, .frame_ms = 20, .event_path = "event"};
  s.audio.event = "media";
  s.audio.payload = "media.payload";
  s.audio.when_path = "media.track";
  s.audio.when_text = "inbound";
  s.start.event = "start";
  s.start.stream = "start.streamSid";
  s.start.call = "start.callSid";
  s.start.encoding = "start.mediaFormat.encoding";
  s.start.encoding_text = "audio/x-mulaw";
  s.start.rate = "start.mediaFormat.sampleRate";
  s.mark.event = "mark";
  s.mark.name = "mark.name";
  s.dtmf.event = "dtmf";
  s.dtmf.digit = "dtmf.digit";
  s.stop.event = "stop";
  s.audio_out = "{\"event\":\"media\",\"streamSid\":\"$stream\",\"media\":{\"payload\":\"$audio\"}}";
  s.mark_out = "{\"event\":\"mark\",\"streamSid\":\"$stream\",\"mark\":{\"name\":\"$mark\"}}";
  s.clear_out = "{\"event\":\"clear\",\"streamSid\":\"$stream\"}";
  return s;
}

static cal_wire_spec twilio_carrier(void) { /* the same wire from the other end */
  cal_wire_spec s = {
      .name = "twilio-carrier", .encoding = CAL_PCMU, .rate_hz = 8000, .frame_ms = 20, .event_path = "event"};
  s.audio.event = "media";
  s.audio.payload = "media.payload";
  s.mark.event = "mark";
  s.mark.name = "mark.name";
  s.clear.event = "clear";
  s.audio_out = "{\"event\":\"media\",\"sequenceNumber\":\"$seq\",\"streamSid\":\"$stream\",\"media\":{"
                "\"track\":\"inbound\","
                "\"chunk\":\"$chunk\",\"timestamp\":\"$ms\",\"payload\":\"$audio\"}}";
  s.mark_out = "{\"event\":\"mark\",\"sequenceNumber\":\"$seq\",\"streamSid\":\"$stream\",\"mark\":{\"name\":"
               "\"$mark\"}}";
  s.dtmf_out =
      "{\"event\":\"dtmf\",\"sequenceNumber\":\"$seq\",\"streamSid\":\"$stream\",\"dtmf\":{\"track\":"
      "\"inbound_track\",\"digit\":\"$digit\"}}";
  s.stop_out = "{\"event\":\"stop\",\"sequenceNumber\":\"$seq\",\"streamSid\":\"$stream\",\"stop\":{"
               "\"callSid\":\"$call\"}}";
  return s;
}

static cal_wire_spec binary(cal_encoding encoding) {
  return (cal_wire_spec){.name = "binary",
                         .encoding = encoding,
                         .rate_hz = 16000,
                         .frame_ms = 20,
                         .is_binary_in = 1,
                         .is_binary_out = 1};
}

static cal_wire *compiled(cal_wire_spec spec) {
  cal_wire *wire = NULL;
  if (cal_wire_compile(&wire, &spec) != 0) fail_msg("%s", cal_error_text());
  return wire;
}

/* A connection with everything a test wants. */
typedef struct peer {
  cal_wire *wire;
  cal_wire_state state;
  cal_wire_event event;
  int16_t samples[ROOM];
  char out[ROOM];
} peer;

static peer *peer_new(cal_wire_spec spec) {
  peer *p = cal_alloc(sizeof *p);
  p->wire = compiled(spec);
  cal_wire_state_init(&p->state);
  return p;
}

static void peer_free(peer *p) {
  cal_unref(p->wire);
  cal_free(p);
}

/* Reads from a block of exactly the message's size. */
static cal_wire_kind read_bytes(peer *p, const void *data, size_t bytes, int is_binary) {
  void *copy = cal_memdup(data, bytes);
  cal_wire_kind kind = cal_wire_read(p->wire, &p->state, copy, bytes, is_binary, &p->event, p->samples, ROOM);
  assert_int_equal(kind, p->event.kind);
  cal_free(copy);
  return kind;
}

static cal_wire_kind read_text(peer *p, const char *text) { return read_bytes(p, text, strlen(text), 0); }

static const char start_text[] = "{\"event\":\"start\",\"sequenceNumber\":\"1\",\"streamSid\":\"MZ0011\",\n "
                                 "\"start\":{\"streamSid\":\"MZ0011\","
                                 "\"accountSid\":\"AC0011\",\"callSid\":\"CA0011\",\"tracks\":[\"inbound\"],"
                                 "\n  \"mediaFormat\":{\"encoding\":"
                                 "\"audio/x-mulaw\",\"sampleRate\":8000,\"channels\":1},\n  "
                                 "\"customParameters\":{\"lead_id\":\"42\",\"token\":"
                                 "\"b64url-one-time-token\"}}}";

static const char media_text[] =
    "{\"event\":\"media\",\"sequenceNumber\":\"3\",\"streamSid\":\"MZ0011\",\n \"media\":"
    "{\"track\":\"inbound\",\"chunk\":\"1\",\"timestamp\":\"120\",\"payload\":\"//////8=\"}}";

static void a_twilio_call_is_understood(void **state) {
  peer *p = peer_new(twilio());
  assert_int_equal(read_text(p, "{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}"),
                   CAL_WIRE_OTHER);
  assert_int_equal(read_text(p, start_text), CAL_WIRE_START);
  assert_string_equal(p->state.stream, "MZ0011");
  assert_string_equal(p->state.call, "CA0011");
  memset(p->samples, 0x55, sizeof p->samples);
  assert_int_equal(read_text(p, media_text), CAL_WIRE_AUDIO);
  assert_int_equal(p->event.samples, 5);
  for (int i = 0; i < 5; i++) assert_int_equal(p->samples[i], 0);
  assert_int_equal(p->samples[5], 0x5555);
  assert_int_equal(
      read_text(p,
                "{\"event\":\"dtmf\",\"sequenceNumber\":\"17\",\"streamSid\":\"MZ0011\",\"dtmf\":{\"track\":"
                "\"inbound_track\",\"digit\":\"5\"}}"),
      CAL_WIRE_DTMF);
  assert_string_equal(p->event.name, "5");
  assert_int_equal(
      read_text(p,
                "{\"event\":\"mark\",\"sequenceNumber\":\"42\",\"streamSid\":\"MZ0011\",\"mark\":{\"name\":"
                "\"turn-7-end\"}}"),
      CAL_WIRE_MARK);
  assert_string_equal(p->event.name, "turn-7-end");
  assert_int_equal(
      read_text(p, "{\"event\":\"stop\",\"sequenceNumber\":\"990\",\"streamSid\":\"MZ0011\",\"stop\":"
                   "{\"accountSid\":\"AC0011\",\"callSid\":\"CA0011\"}}"),
      CAL_WIRE_STOP);
  assert_string_equal(p->event.name, "");
  peer_free(p);
}

static void a_track_that_was_not_asked_for_is_ignored(void **state) {
  peer *p = peer_new(twilio());
  assert_int_equal(
      read_text(p, "{\"event\":\"media\",\"media\":{\"track\":\"outbound\",\"payload\":\"////\"}}"),
      CAL_WIRE_IGNORED);
  assert_int_equal(read_text(p, "{\"event\":\"media\",\"media\":{\"payload\":\"////\"}}"), CAL_WIRE_AUDIO);
  assert_int_equal(read_text(p, "{\"media\":{\"payload\":\"\",\"track\":\"inbound\"},\"event\":\"media\"}"),
                   CAL_WIRE_AUDIO);
  assert_int_equal(p->event.samples, 0);
  peer_free(p);
}

static void messages_to_twilio_are_written_as_documented(void **state) {
  peer *p = peer_new(twilio());
  int16_t silence[5] = {0};
  assert_int_equal(cal_wire_state_set(&p->state, "MZ0011", NULL), 0);
  ssize_t n = cal_wire_write_audio(p->wire, &p->state, silence, 5, p->out, ROOM);
  const char *media = "{\"event\":\"media\",\"streamSid\":\"MZ0011\",\"media\":{\"payload\":\"//////8=\"}}";
  assert_int_equal(n, strlen(media));
  assert_memory_equal(p->out, media, strlen(media));
  n = cal_wire_write_mark(p->wire, &p->state, "turn-7-end", p->out, ROOM);
  const char *mark = "{\"event\":\"mark\",\"streamSid\":\"MZ0011\",\"mark\":{\"name\":\"turn-7-end\"}}";
  assert_int_equal(n, strlen(mark));
  assert_memory_equal(p->out, mark, strlen(mark));
  n = cal_wire_write_clear(p->wire, &p->state, p->out, ROOM);
  assert_int_equal(n, strlen("{\"event\":\"clear\",\"streamSid\":\"MZ0011\"}"));
  peer_free(p);
}

/* Pitfall 21: another codec than agreed sounds like noise, and nobody is told. */
static void pitfall_21_a_start_in_another_format_is_refused_with_both_formats(void **state) {
  static const struct {
    const char *format;
    cal_wire_kind kind;
    const char *says;
  } cases[] = {
      {"\"encoding\":\"audio/x-mulaw\",\"sampleRate\":8000", CAL_WIRE_START, ""},
      {"\"encoding\":\"audio/X-MuLaw\",\"sampleRate\":\"8000\"", CAL_WIRE_START, ""},
      {"\"sampleRate\":8000", CAL_WIRE_START, ""},
      {"\"channels\":1", CAL_WIRE_START, ""},
      {"\"encoding\":\"audio/x-l16\",\"sampleRate\":8000", CAL_WIRE_WRONG_FORMAT, "audio/x-l16"},
      {"\"encoding\":\"audio/x-mulaw\",\"sampleRate\":16000", CAL_WIRE_WRONG_FORMAT, "16000"},
      {"\"encoding\":7,\"sampleRate\":8000", CAL_WIRE_WRONG_FORMAT, "7"},
      {"\"encoding\":\"audio/x-mulaw\",\"sampleRate\":null", CAL_WIRE_WRONG_FORMAT, "null"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peer *p = peer_new(twilio());
    char text[512];
    snprintf(
        text, sizeof text,
        "{\"event\":\"start\",\"start\":{\"streamSid\":\"MZ1\",\"callSid\":\"CA1\",\"mediaFormat\":{%s}}}",
        cases[i].format);
    if (read_text(p, text) != cases[i].kind) fail_msg("%s: %d %s", text, p->event.kind, p->event.reason);
    assert_non_null(strstr(p->event.reason, cases[i].says));
    if (cases[i].kind == CAL_WIRE_WRONG_FORMAT) {
      assert_non_null(strstr(p->event.reason, "audio/x-mulaw"));
      assert_non_null(strstr(p->event.reason, "8000"));
    }
    assert_string_equal(p->state.stream, "MZ1"); /* enough to hang up with */
    peer_free(p);
  }
}

static void what_the_app_writes_the_carrier_reads(void **state) {
  peer *app = peer_new(twilio()), *carrier = peer_new(twilio_carrier());
  cal_wire_state_set(&app->state, "MZ\"1\\", "CA1");
  cal_wire_state_set(&carrier->state, "MZ\"1\\", "CA1");
  for (size_t count = 1; count <= 2000; count += 1 + count / 3) {
    uint8_t law[2000];
    int16_t sent[2000];
    for (size_t i = 0; i < count; i++) law[i] = (uint8_t)(i * 73 + count);
    cal_decode(CAL_PCMU, law, count, sent); /* samples that µ-law holds exactly */
    peer *both[2][2] = {{app, carrier}, {carrier, app}};
    for (int way = 0; way < 2; way++) {
      peer *from = both[way][0], *to = both[way][1];
      ssize_t n = cal_wire_write_audio(from->wire, &from->state, sent, count, from->out, ROOM);
      assert_true(n > 0 && (size_t)n <= cal_wire_audio_room(from->wire, count));
      assert_int_equal(cal_jscan_validate(from->out, (size_t)n), 0);
      assert_int_equal(read_bytes(to, from->out, (size_t)n, 0), CAL_WIRE_AUDIO);
      assert_int_equal(to->event.samples, count);
      assert_memory_equal(to->samples, sent, count * sizeof *sent);
    }
  }
  const char *name = "turn \"7\" \\ \xE2\x82\xAC\n";
  ssize_t n = cal_wire_write_mark(app->wire, &app->state, name, app->out, ROOM);
  assert_int_equal(read_bytes(carrier, app->out, (size_t)n, 0), CAL_WIRE_MARK);
  assert_string_equal(carrier->event.name, name);
  n = cal_wire_write_mark(carrier->wire, &carrier->state, carrier->event.name, carrier->out, ROOM);
  assert_int_equal(read_bytes(app, carrier->out, (size_t)n, 0), CAL_WIRE_MARK);
  assert_string_equal(app->event.name, name);
  n = cal_wire_write_clear(app->wire, &app->state, app->out, ROOM);
  assert_int_equal(read_bytes(carrier, app->out, (size_t)n, 0), CAL_WIRE_CLEAR);
  n = cal_wire_write_dtmf(carrier->wire, &carrier->state, "#", carrier->out, ROOM);
  assert_int_equal(read_bytes(app, carrier->out, (size_t)n, 0), CAL_WIRE_DTMF);
  assert_string_equal(app->event.name, "#");
  n = cal_wire_write_stop(carrier->wire, &carrier->state, carrier->out, ROOM);
  assert_int_equal(read_bytes(app, carrier->out, (size_t)n, 0), CAL_WIRE_STOP);
  peer_free(app);
  peer_free(carrier);
}

static void assert_field(peer *p, ssize_t bytes, const char *path, const char *text) {
  cal_jvalue value;
  assert_int_equal(cal_jscan_find(p->out, (size_t)bytes, path, &value), 1);
  if (!cal_jvalue_is(&value, cal_span_of(text)))
    fail_msg("%s is %.*s", path, (int)value.raw.bytes, value.raw.at);
}

static void counters_count_what_was_written(void **state) {
  peer *p = peer_new(twilio_carrier());
  int16_t frame[160] = {0};
  cal_wire_state_set(&p->state, "MZ1", "CA1");
  p->state.seq = 2; /* a script wrote the start message */
  ssize_t n = cal_wire_write_audio(p->wire, &p->state, frame, 160, p->out, ROOM);
  assert_field(p, n, "sequenceNumber", "2");
  assert_field(p, n, "media.chunk", "1");
  assert_field(p, n, "media.timestamp", "0");
  n = cal_wire_write_mark(p->wire, &p->state, "m", p->out, ROOM);
  assert_field(p, n, "sequenceNumber", "3");
  assert_int_equal(cal_wire_write_audio(p->wire, &p->state, frame, 160, p->out, 50), -EMSGSIZE);
  n = cal_wire_write_audio(p->wire, &p->state, frame, 80, p->out, ROOM);
  assert_field(p, n, "sequenceNumber", "4");
  assert_field(p, n, "media.chunk", "2");
  assert_field(p, n, "media.timestamp", "20");
  n = cal_wire_write_audio(p->wire, &p->state, frame, 80, p->out, ROOM);
  assert_field(p, n, "media.timestamp", "30");
  peer_free(p);
}

static void portions_are_filled_up_with_silence(void **state) {
  cal_wire_spec s = {
      .name = "exotel", .encoding = CAL_L16LE, .rate_hz = 8000, .frame_ms = 20, .event_path = "event"};
  s.audio.event = "media";
  s.audio.payload = "media.payload";
  s.audio_out = "{\"event\":\"media\",\"media\":{\"payload\":\"$audio\"}}";
  s.chunk_multiple_bytes = 320;
  s.chunk_min_bytes = 1600;
  peer *p = peer_new(s);
  static const size_t cases[][2] = {{1, 800}, {800, 800}, {801, 960}, {960, 960}, {1500, 1600}};
  int16_t sound[1500];
  for (int i = 0; i < 1500; i++) sound[i] = (int16_t)(i + 1);
  assert_int_equal(cal_wire_frame_samples(p->wire), 800);
  uint64_t total = 0;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ssize_t n = cal_wire_write_audio(p->wire, &p->state, sound, cases[i][0], p->out, ROOM);
    assert_true(n > 0 && (size_t)n <= cal_wire_audio_room(p->wire, cases[i][0]));
    assert_int_equal(read_bytes(p, p->out, (size_t)n, 0), CAL_WIRE_AUDIO);
    assert_int_equal(p->event.samples, cases[i][1]);
    assert_memory_equal(p->samples, sound, cases[i][0] * sizeof *sound);
    for (size_t j = cases[i][0]; j < cases[i][1]; j++) assert_int_equal(p->samples[j], 0);
    assert_int_equal(p->state.samples, total += cases[i][1]);
  }
  peer_free(p);
}

static void silence_is_silence_in_every_encoding(void **state) {
  for (int encoding = CAL_PCMU; encoding <= CAL_L16BE; encoding++) {
    cal_wire_spec s = binary((cal_encoding)encoding);
    s.chunk_min_bytes = 320;
    peer *p = peer_new(s);
    int16_t one = 0;
    ssize_t n = cal_wire_write_audio(p->wire, &p->state, &one, 1, p->out, ROOM);
    assert_int_equal(n, 320);
    assert_int_equal(read_bytes(p, p->out, (size_t)n, 1), CAL_WIRE_AUDIO);
    for (size_t i = 0; i < p->event.samples; i++) assert_in_range(p->samples[i] + 8, 0, 16);
    peer_free(p);
  }
}

static void binary_audio_goes_both_ways(void **state) {
  for (int encoding = CAL_PCMU; encoding <= CAL_L16BE; encoding++) {
    peer *p = peer_new(binary((cal_encoding)encoding));
    size_t bytes = 320 * cal_encoding_bytes((cal_encoding)encoding);
    uint8_t raw[640];
    for (size_t i = 0; i < bytes; i++) raw[i] = (uint8_t)(i * 31 + 1);
    assert_int_equal(read_bytes(p, raw, bytes, 1), CAL_WIRE_AUDIO);
    assert_int_equal(p->event.samples, 320);
    ssize_t n = cal_wire_write_audio(p->wire, &p->state, p->samples, 320, p->out, ROOM);
    assert_int_equal(n, bytes);
    int16_t first[320];
    memcpy(first, p->samples, sizeof first);
    assert_int_equal(read_bytes(p, p->out, (size_t)n, 1), CAL_WIRE_AUDIO);
    assert_memory_equal(p->samples, first, sizeof first);
    assert_int_equal(read_bytes(p, "", 0, 1), CAL_WIRE_AUDIO);
    assert_int_equal(p->event.samples, 0);
    assert_int_equal(read_text(p, "{\"event\":\"websocket:dtmf\",\"digit\":\"5\"}"), CAL_WIRE_OTHER);
    peer_free(p);
  }
}

static void two_byte_orders_on_one_wire(void **state) {
  cal_wire_spec s = binary(CAL_L16BE);
  s.has_encoding_out = 1;
  s.encoding_out = CAL_L16LE;
  peer *p = peer_new(s);
  assert_int_equal(read_bytes(p, "\x12\x34", 2, 1), CAL_WIRE_AUDIO);
  assert_int_equal(p->samples[0], 0x1234);
  assert_int_equal(cal_wire_write_audio(p->wire, &p->state, p->samples, 1, p->out, ROOM), 2);
  assert_memory_equal(p->out, "\x34\x12", 2);
  peer_free(p);
}

static void audio_without_an_event_is_found_by_its_place(void **state) { /* as speech vendors do */
  cal_wire_spec s = {.name = "voice", .encoding = CAL_L16LE, .rate_hz = 24000, .frame_ms = 20};
  s.audio.payload = "content.parts.0.data";
  peer *p = peer_new(s);
  assert_int_equal(read_text(p, "{\"content\":{\"parts\":[{\"data\":\"AQACAA==\"}]}}"), CAL_WIRE_AUDIO);
  assert_int_equal(p->event.samples, 2);
  assert_int_equal(p->samples[1], 2);
  assert_int_equal(read_text(p, "{\"content\":{\"parts\":[]}}"), CAL_WIRE_OTHER);
  assert_int_equal(read_text(p, "[]"), CAL_WIRE_OTHER);
  assert_int_equal(cal_wire_write_audio(p->wire, &p->state, p->samples, 2, p->out, ROOM), -ENOTSUP);
  peer_free(p);
}

static void escaped_base64_is_still_base64(void **state) {
  peer *p = peer_new(twilio());
  assert_int_equal(
      read_text(p, "{\"event\":\"media\",\"media\":{\"payload\":\"\\/\\/\\/\\/\\u002f\\u002F8\\u003d\"}}"),
      CAL_WIRE_AUDIO);
  assert_int_equal(p->event.samples, 5);
  assert_int_equal(p->samples[4], 0);
  char text[8192] = "{\"\\u0065vent\":\"m\\u0065dia\",\"media\":{\"payload\":\"", *at = text + strlen(text);
  for (int i = 0; i < 1200; i++) at += sprintf(at, i % 3 ? "/" : "\\/");
  strcpy(at, "\"}}");
  assert_int_equal(read_text(p, text), CAL_WIRE_AUDIO);
  assert_int_equal(p->event.samples, 900);
  for (int i = 0; i < 900; i++) assert_int_equal(p->samples[i], 0);
  assert_int_equal(read_text(p, "{\"event\":\"media\",\"media\":{\"payload\":\"\\n\\n\\n\\n\"}}"),
                   CAL_WIRE_MALFORMED);
  assert_int_equal(read_text(p, "{\"event\":\"media\",\"media\":{\"payload\":\"\\ud83d\\ude00\"}}"),
                   CAL_WIRE_MALFORMED);
  peer_free(p);
}

static void the_longest_message_works_and_one_byte_more_does_not(void **state) {
  peer *p = peer_new(twilio());
  const char head[] = "{\"event\":\"media\",\"media\":{\"payload\":\"", tail[] = "\"}}";
  size_t letters = (CAL_WIRE_MESSAGE_BYTES - sizeof head - sizeof tail + 2) / 4 * 4,
         samples = letters / 4 * 3;
  size_t bytes = sizeof head - 1 + letters + sizeof tail - 1;
  char *text = cal_alloc(CAL_WIRE_MESSAGE_BYTES + 1);
  memcpy(text, head, sizeof head - 1);
  memset(text + sizeof head - 1, 'Q', letters);
  memcpy(text + sizeof head - 1 + letters, tail, sizeof tail - 1);
  size_t bound = cal_wire_samples_bound(p->wire, bytes);
  assert_true(samples <= bound);
  int16_t *large = cal_alloc(samples * sizeof *large);
  assert_int_equal(cal_wire_read(p->wire, &p->state, text, bytes, 0, &p->event, large, samples),
                   CAL_WIRE_AUDIO);
  assert_int_equal(p->event.samples, samples);
  assert_int_equal(cal_wire_read(p->wire, &p->state, text, bytes, 0, &p->event, large, samples - 1),
                   CAL_WIRE_MALFORMED);
  memset(text + bytes, ' ', CAL_WIRE_MESSAGE_BYTES + 1 - bytes);
  assert_int_equal(
      cal_wire_read(p->wire, &p->state, text, CAL_WIRE_MESSAGE_BYTES, 0, &p->event, large, samples),
      CAL_WIRE_AUDIO);
  assert_int_equal(
      cal_wire_read(p->wire, &p->state, text, CAL_WIRE_MESSAGE_BYTES + 1, 0, &p->event, large, samples),
      CAL_WIRE_MALFORMED);
  cal_free(large);
  cal_free(text);
  peer_free(p);
}

static void rubbish_is_malformed_and_says_why(void **state) {
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"", "empty"},
      {"hello", "not a value"},
      {"{\"event\":\"media\"", "inside an object"},
      {"{\"event\":\"media\"}", "media.payload"},
      {"{\"event\":\"media\",\"media\":null}", "media.payload"},
      {"{\"event\":\"media\",\"media\":{\"payload\":7}}", "media.payload"},
      {"{\"event\":\"media\",\"media\":{\"payload\":null}}", "media.payload"},
      {"{\"event\":\"media\",\"media\":{\"payload\":{\"a\":1}}}", "media.payload"},
      {"{\"event\":\"media\",\"media\":[{\"payload\":\"////\"}]}", "media.payload"},
      {"{\"event\":\"media\",\"media\":{\"payload\":\"///\"}}", "base64"},
      {"{\"event\":\"media\",\"media\":{\"payload\":\"////!\"}}", "base64"},
      {"{\"event\":\"media\",\"media\":{\"payload\":\"//\\n//\"}}", "base64"},
      {"{\"event\":\"media\",\"media\":{\"payload\":\"\xC3\xA9\xC3\xA9\"}}", "base64"},
      {"{\"event\":\"media\",\"media\":{\"payload\":\"/w==/w==\"}}", "base64"},
      {"{\"event\":\"mark\"}", "mark.name is missing"},
      {"{\"event\":\"mark\",\"mark\":{\"name\":{}}}", "mark.name is missing"},
      {"{\"event\":\"mark\",\"mark\":{\"name\":\"a\\u0000b\"}}", "zero byte"},
      {"{\"event\":\"dtmf\",\"dtmf\":{\"digit\":true}}", "dtmf.digit is missing"},
      {"{\"event\":\"start\"}", "start.streamSid is missing"},
      {"{\"event\":\"start\",\"start\":{\"streamSid\":\"MZ1\"}}", "start.callSid is missing"},
      {"{\"event\":\"start\",\"start\":{\"streamSid\":\"a\\u0000\",\"callSid\":\"b\"}}", "zero byte"},
      {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "deep"},
  };
  peer *p = peer_new(twilio());
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (read_text(p, cases[i].text) != CAL_WIRE_MALFORMED) fail_msg("%s: %d", cases[i].text, p->event.kind);
    if (!strstr(p->event.reason, cases[i].says)) fail_msg("%s: %s", cases[i].text, p->event.reason);
    assert_string_equal(p->event.name, "");
    assert_int_equal(p->event.samples, 0);
    assert_string_equal(p->state.stream, "");
  }
  assert_int_equal(read_bytes(p, "{}\0", 3, 0), CAL_WIRE_MALFORMED);
  assert_int_equal(read_bytes(p, "\xFF\xFF", 2, 1), CAL_WIRE_MALFORMED);
  assert_non_null(strstr(p->event.reason, "binary"));
  peer_free(p);
}

/* Half a sample at the end costs that sample, not the message. */
static void what_is_not_whole_is_left_out(void **state) {
  peer *p = peer_new(binary(CAL_L16LE));
  assert_int_equal(read_bytes(p, "abcde", 5, 1), CAL_WIRE_AUDIO);
  assert_int_equal(p->event.samples, 2);
  assert_non_null(strstr(p->event.reason, "middle of a sample"));
  assert_int_equal(read_bytes(p, "a", 1, 1), CAL_WIRE_AUDIO);
  assert_int_equal(p->event.samples, 0);
  assert_int_equal(read_bytes(p, "abcd", 4, 1), CAL_WIRE_AUDIO);
  assert_string_equal(p->event.reason, "");
  peer_free(p);
  cal_wire_spec spec = twilio();
  spec.encoding = CAL_L16BE;
  p = peer_new(spec);
  read_text(p, start_text);
  assert_int_equal(read_text(p, "{\"event\":\"media\",\"media\":{\"payload\":\"AAEAAgA=\"}}"),
                   CAL_WIRE_AUDIO);
  assert_int_equal(p->event.samples, 2);
  assert_non_null(strstr(p->event.reason, "media.payload ends in the middle of a sample"));
  peer_free(p);
}

/* Carriers spell the same thing in several ways, and call it several names. */
static void several_spellings_and_names_are_understood(void **state) {
  cal_wire_spec spec = twilio();
  spec.start.stream = "start.a|start.b|c|d";
  spec.start.call = spec.start.encoding = spec.start.encoding_text = spec.start.rate = NULL;
  spec.error.event = "error|playFailed";
  spec.error.code = "error.code|code";
  spec.error.text = "reason|error.text";
  peer *p = peer_new(spec);
  static const char *const starts[] = {
      "{\"event\":\"start\",\"start\":{\"a\":\"one\"}}", "{\"event\":\"start\",\"start\":{\"b\":\"one\"}}",
      "{\"event\":\"start\",\"c\":\"one\",\"start\":{}}", "{\"event\":\"start\",\"d\":\"one\",\"start\":{}}"};
  for (int i = 0; i < 4; i++) {
    p->state.stream[0] = 0;
    assert_int_equal(read_text(p, starts[i]), CAL_WIRE_START);
    assert_string_equal(p->state.stream, "one");
  }
  assert_int_equal(read_text(p, "{\"event\":\"playFailed\",\"reason\":\"full\"}"), CAL_WIRE_ERROR);
  assert_string_equal(p->event.reason, "full");
  assert_int_equal(read_text(p, "{\"event\":\"error\",\"error\":{\"code\":7,\"text\":\"odd\"}}"),
                   CAL_WIRE_ERROR);
  assert_string_equal(p->event.name, "7");
  assert_string_equal(p->event.reason, "odd");
  peer_free(p);
  cal_wire *wire;
  spec.stop.event = "closed|error";
  assert_int_equal(cal_wire_compile(&wire, &spec), -EINVAL);
  assert_non_null(strstr(cal_error_text(), "stop.event and error.event are both \"error\""));
  spec.stop.event = "stop";
  spec.start.stream = "a|b|c|d|e";
  assert_int_equal(cal_wire_compile(&wire, &spec), -EINVAL);
  assert_non_null(strstr(cal_error_text(), "more than 4 spellings"));
}

static void every_cut_and_every_changed_byte_survives(void **state) {
  peer *p = peer_new(twilio());
  const char *texts[] = {start_text, media_text};
  for (int t = 0; t < 2; t++) {
    size_t bytes = strlen(texts[t]);
    for (size_t cut = 0; cut < bytes; cut++)
      assert_int_equal(read_bytes(p, texts[t], cut, 0), CAL_WIRE_MALFORMED);
    char *copy = cal_strdup(texts[t]);
    for (size_t i = 0; i < bytes; i++) {
      static const char awkward[] = {0, '"', '\\', '{', '}', '\x80', '9'};
      for (size_t j = 0; j < sizeof awkward; j++) {
        copy[i] = awkward[j];
        read_bytes(p, copy, bytes, 0);
        if (p->event.kind == CAL_WIRE_MALFORMED) assert_true(p->event.reason[0]);
      }
      copy[i] = texts[t][i];
    }
    cal_free(copy);
  }
  peer_free(p);
}

static void ids_and_names_have_limits(void **state) {
  peer *p = peer_new(twilio());
  char word[CAL_WIRE_NAME_BYTES + 1], text[1024];
  memset(word, 'a', sizeof word);
  word[CAL_WIRE_ID_BYTES] = 0;
  snprintf(text, sizeof text, "{\"event\":\"start\",\"start\":{\"streamSid\":\"%s\",\"callSid\":\"b\"}}",
           word);
  assert_int_equal(read_text(p, text), CAL_WIRE_MALFORMED);
  assert_non_null(strstr(p->event.reason, "too long"));
  assert_int_equal(cal_wire_state_set(&p->state, word, NULL), -EMSGSIZE);
  word[CAL_WIRE_ID_BYTES - 1] = 0;
  snprintf(text, sizeof text, "{\"event\":\"start\",\"start\":{\"streamSid\":\"%s\",\"callSid\":7}}", word);
  assert_int_equal(read_text(p, text), CAL_WIRE_START);
  assert_string_equal(p->state.stream, word);
  assert_string_equal(p->state.call, "7");
  memset(word, 'a', sizeof word);
  word[CAL_WIRE_NAME_BYTES] = 0;
  assert_int_equal(cal_wire_write_mark(p->wire, &p->state, word, p->out, ROOM), -EINVAL);
  word[CAL_WIRE_NAME_BYTES - 1] = 0;
  ssize_t n = cal_wire_write_mark(p->wire, &p->state, word, p->out, cal_wire_control_room(p->wire));
  assert_int_equal(read_bytes(p, p->out, (size_t)n, 0), CAL_WIRE_MARK);
  assert_string_equal(p->event.name, word);
  peer_free(p);
}

/* The longest ids of the most awkward letters fit into the room that is promised, and a byte less changes
 * nothing. */
static void the_promised_room_is_enough(void **state) {
  peer *p = peer_new(twilio_carrier());
  int16_t frame[160] = {0};
  char id[CAL_WIRE_ID_BYTES];
  memset(id, 1, sizeof id - 1);
  id[sizeof id - 1] = 0;
  cal_wire_state_set(&p->state, id, id);
  p->state.seq = p->state.chunk = UINT64_MAX - 1;
  size_t room = cal_wire_audio_room(p->wire, 160);
  char *exact = cal_alloc(room);
  ssize_t n = cal_wire_write_audio(p->wire, &p->state, frame, 160, exact, room);
  assert_true(n > 0);
  for (size_t less = 0; less < (size_t)n; less += 7) {
    cal_wire_state before = p->state;
    char *small = cal_alloc(less + 1);
    assert_int_equal(cal_wire_write_audio(p->wire, &p->state, frame, 160, small, less), -EMSGSIZE);
    assert_memory_equal(&before, &p->state, sizeof before);
    cal_free(small);
  }
  cal_free(exact);
  peer_free(p);
}

static void nothing_is_written_before_the_stream_is_known(void **state) {
  peer *p = peer_new(twilio());
  int16_t frame[160] = {0};
  assert_int_equal(cal_wire_write_audio(p->wire, &p->state, frame, 160, p->out, ROOM), -ENOTCONN);
  assert_int_equal(cal_wire_write_mark(p->wire, &p->state, "m", p->out, ROOM), -ENOTCONN);
  assert_int_equal(cal_wire_write_dtmf(p->wire, &p->state, "1", p->out, ROOM), -ENOTSUP);
  assert_int_equal(cal_wire_write_stop(p->wire, &p->state, p->out, ROOM), -ENOTSUP);
  assert_int_equal(read_text(p, start_text), CAL_WIRE_START);
  assert_true(cal_wire_write_audio(p->wire, &p->state, frame, 160, p->out, ROOM) > 0);
  assert_int_equal(cal_wire_write_audio(p->wire, &p->state, frame, 0, p->out, ROOM), -EINVAL);
  peer_free(p);
}

static void refuses(cal_wire_spec spec, const char *says, const char *says_too) {
  cal_wire *wire = NULL;
  assert_int_equal(cal_wire_compile(&wire, &spec), -EINVAL);
  assert_null(wire);
  if (!strstr(cal_error_text(), says) || !strstr(cal_error_text(), says_too))
    fail_msg("%s", cal_error_text());
}

static void a_wrong_declaration_names_field_and_remedy(void **state) {
#define WRONG(change, says, too)                                                                             \
  do {                                                                                                       \
    cal_wire_spec s = twilio();                                                                              \
    s.change;                                                                                                \
    refuses(s, says, too);                                                                                   \
  } while (0)
  WRONG(name = NULL, "name", "set name");
  WRONG(rate_hz = 4000, "rate_hz", "8000 to 48000");
  WRONG(frame_ms = 1000, "frame_ms", "10 to 200");
  WRONG(encoding = (cal_encoding)9, "twilio", "encoding");
  WRONG(event_path = NULL, "event_path", "not set");
  WRONG(event_path = "a..b", "event_path", "empty name");
  WRONG(audio.payload = NULL, "audio.payload", "base64");
  WRONG(audio.payload = ".x", "audio.payload", "empty name");
  WRONG(audio.when_text = NULL, "audio.when_path", "audio.when_text");
  WRONG(start.encoding_text = NULL, "start.encoding", "both or neither");
  WRONG(mark.name = NULL, "mark_out", "mark.name");
  WRONG(mark.event = NULL, "mark.name", "both or neither");
  WRONG(channels = 3, "channels", "1 or 2");
  WRONG(bye_wait_ms = 100000, "bye_wait_ms", "at most");
  WRONG(clear.when_path = "a", "clear.when_path", "clear.when_text");
  WRONG(limit.per_second = 5, "limit.per_second", "limit.text");
  WRONG(sequence_path = "a..b", "sequence_path", "empty name");
  WRONG(reply_count = 1, "a reply", "event and its text");
  WRONG(reply_count = CAL_WIRE_REPLIES + 1, "replies", "more than");
  WRONG(bye_out = "{\"a\":\"$audio\"}", "bye_out cannot have $audio", "take it out");
  WRONG(clear_out = "{\"a\":$bye}", "clear_out cannot have $bye", "take it out");
  WRONG(dtmf.event = NULL, "dtmf.digit", "dtmf.event");
  WRONG(stop.event = "media", "audio.event and stop.event", "must differ");
  WRONG(is_binary_out = 1, "audio_out", "is_binary_out");
  WRONG(audio_out = "{\"a\":1}", "audio_out lacks $audio", "inside quotes");
  WRONG(audio_out = "{\"a\":\"$audio\",\"b\":\"$audio\"}", "$audio twice", "audio_out");
  WRONG(audio_out = "{\"a\":\"$audio\",\"b\":\"$strem\"}", "unknown variable $strem", "$stream");
  WRONG(audio_out = "{\"a\":\"$audio\",\"b\":\"$mark\"}", "audio_out cannot have $mark", "take it out");
  WRONG(audio_out = "{\"a\":$audio}", "audio_out is not JSON", "inside quotes");
  WRONG(audio_out = "{\"a\":\"$audio\"", "audio_out is not JSON", "inside an object");
  WRONG(audio_out = "", "audio_out", "bytes");
  WRONG(mark_out = "{\"a\":1}", "mark_out lacks $mark", "inside quotes");
  WRONG(dtmf_out = "{\"a\":1}", "dtmf_out lacks $digit", "inside quotes");
  WRONG(clear_out = "{\"a\":\"$audio\"}", "clear_out cannot have $audio", "take it out");
  WRONG(clear_out = "{\"a\":\"$\"}", "unknown variable", "$$");
  WRONG(chunk_min_bytes = 1000000, "chunk_min_bytes", "at most");
  cal_wire_spec s = twilio();
  s.has_encoding_out = 1;
  s.encoding_out = CAL_L16LE;
  s.chunk_multiple_bytes = 321;
  refuses(s, "chunk_multiple_bytes", "whole samples");
  refuses((cal_wire_spec){.name = "none", .rate_hz = 8000, .frame_ms = 20}, "no audio at all", "audio_out");
  s = twilio();
  char many[600] = "{\"a\":\"";
  for (int i = 0; i < 40; i++) strcat(many, "$seq,");
  strcat(many, "$audio\"}");
  s.audio_out = many;
  refuses(s, "too many variables", "audio_out");
}

static void two_dollars_are_one(void **state) {
  cal_wire_spec s = twilio();
  s.clear_out = "{\"price\":\"$$5$$$$x\",\"n\":$seq}";
  peer *p = peer_new(s);
  ssize_t n = cal_wire_write_clear(p->wire, &p->state, p->out, ROOM);
  assert_int_equal(n, strlen("{\"price\":\"$5$$x\",\"n\":1}"));
  assert_memory_equal(p->out, "{\"price\":\"$5$$x\",\"n\":1}", (size_t)n);
  peer_free(p);
}

static void a_wire_outlives_its_declaration_and_is_shared(void **state) {
  char audio_out[128], event[8] = "media";
  strcpy(audio_out, "{\"p\":\"$audio\"}");
  cal_wire_spec s = twilio();
  s.audio_out = audio_out;
  s.audio.event = event;
  cal_wire *wire = compiled(s);
  memset(audio_out, 'x', sizeof audio_out - 1);
  memset(event, 'x', sizeof event - 1);
  cal_wire *second = cal_ref(wire);
  wire = cal_unref(wire);
  cal_wire_state st;
  cal_wire_state_init(&st);
  cal_wire_event e;
  int16_t samples[8] = {0};
  char out[64];
  assert_int_equal(cal_wire_write_audio(second, &st, samples, 2, out, sizeof out),
                   strlen("{\"p\":\"//8=\"}"));
  assert_int_equal(cal_wire_read(second, &st, media_text, strlen(media_text), 0, &e, samples, 8),
                   CAL_WIRE_AUDIO);
  assert_string_equal(cal_wire_name(second), "twilio");
  assert_int_equal(cal_wire_rate_hz(second), 8000);
  assert_int_equal(cal_wire_frame_samples(second), 160);
  cal_unref(second);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_twilio_call_is_understood),
      cmocka_unit_test(a_track_that_was_not_asked_for_is_ignored),
      cmocka_unit_test(messages_to_twilio_are_written_as_documented),
      cmocka_unit_test(pitfall_21_a_start_in_another_format_is_refused_with_both_formats),
      cmocka_unit_test(what_the_app_writes_the_carrier_reads),
      cmocka_unit_test(counters_count_what_was_written),
      cmocka_unit_test(portions_are_filled_up_with_silence),
      cmocka_unit_test(silence_is_silence_in_every_encoding),
      cmocka_unit_test(binary_audio_goes_both_ways),
      cmocka_unit_test(two_byte_orders_on_one_wire),
      cmocka_unit_test(audio_without_an_event_is_found_by_its_place),
      cmocka_unit_test(escaped_base64_is_still_base64),
      cmocka_unit_test(the_longest_message_works_and_one_byte_more_does_not),
      cmocka_unit_test(rubbish_is_malformed_and_says_why),
      cmocka_unit_test(what_is_not_whole_is_left_out),
      cmocka_unit_test(several_spellings_and_names_are_understood),
      cmocka_unit_test(every_cut_and_every_changed_byte_survives),
      cmocka_unit_test(ids_and_names_have_limits),
      cmocka_unit_test(the_promised_room_is_enough),
      cmocka_unit_test(nothing_is_written_before_the_stream_is_known),
      cmocka_unit_test(a_wrong_declaration_names_field_and_remedy),
      cmocka_unit_test(two_dollars_are_one),
      cmocka_unit_test(a_wire_outlives_its_declaration_and_is_shared),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
