/* A call over Twilio's media socket, as its pages have it, and through the exchange's other end of it. */
#include "wire/kit.h"
#include "wire/twilio.h"

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
  peer *p = peer_new(twilio_app());
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
  peer *p = peer_new(twilio_app());
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
  peer *p = peer_new(twilio_app());
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
    peer *p = peer_new(twilio_app());
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
  peer *app = peer_new(twilio_app()), *carrier = peer_new(twilio_carrier());
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_twilio_call_is_understood),
      cmocka_unit_test(a_track_that_was_not_asked_for_is_ignored),
      cmocka_unit_test(messages_to_twilio_are_written_as_documented),
      cmocka_unit_test(pitfall_21_a_start_in_another_format_is_refused_with_both_formats),
      cmocka_unit_test(what_the_app_writes_the_carrier_reads),
      cmocka_unit_test(counters_count_what_was_written),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
