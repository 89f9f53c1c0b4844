/* Exotel's media socket as its pages and samples have it, through the wire that providers/carriers/exotel.lua
 * declares. */
#include "wire/kit.h"

#define IDS "\"stream_sid\":\"$stream\",\"streamSid\":\"$stream\""

static cal_wire_spec exotel(uint32_t rate_hz, uint32_t portion) {
  cal_wire_spec s = {.name = "exotel",
                     .encoding = CAL_L16LE,
                     .rate_hz = rate_hz,
                     .frame_ms = 20,
                     .chunk_min_bytes = portion,
                     .chunk_multiple_bytes = 320,
                     .event_path = "event"};
  s.audio.event = "media";
  s.audio.payload = "media.payload";
  s.start.event = "start";
  s.start.stream = "start.stream_sid|start.streamSid";
  s.start.call = "start.call_sid|start.callSid";
  s.start.rate = "start.media_format.sample_rate";
  s.start.rate_expected = rate_hz;
  s.mark.event = "mark";
  s.mark.name = "mark.name";
  s.dtmf.event = "dtmf";
  s.dtmf.digit = "dtmf.digit";
  s.stop.event = "stop";
  s.clear.event = "clear";
  s.audio_out = "{\"event\":\"media\"," IDS
                ",\"media\":{\"chunk\":\"$chunk\",\"timestamp\":\"$ms\",\"sequence_number\":\"$seq\","
                "\"sequenceNumber\":\"$seq\",\"payload\":\"$audio\"}}";
  s.mark_out = "{\"event\":\"mark\"," IDS ",\"mark\":{\"name\":\"$mark\"}}";
  s.clear_out = "{\"event\":\"clear\"," IDS "}";
  return s;
}

static peer *exotel_new(uint32_t rate_hz, uint32_t portion) { return peer_new(exotel(rate_hz, portion)); }

/* The number, or the bytes behind the base64, at a path of what was written. */
static int64_t number_at(peer *p, ssize_t bytes, const char *path) {
  cal_jvalue value;
  int64_t number = -1;
  assert_int_equal(cal_jscan_find(p->out, (size_t)bytes, path, &value), 1);
  assert_int_equal(cal_jvalue_integer(&number, &value), 0);
  return number;
}

static size_t payload_of(peer *p, ssize_t bytes, uint8_t *into) {
  cal_jvalue value;
  assert_int_equal(cal_jscan_find(p->out, (size_t)bytes, "media.payload", &value), 1);
  ssize_t count = cal_base64_decode(CAL_BASE64_STD, into, ROOM, value.raw);
  assert_true(count >= 0);
  return (size_t)count;
}

static void assert_text_at(peer *p, ssize_t bytes, const char *path, const char *expected) {
  cal_jvalue value;
  assert_int_equal(cal_jscan_find(p->out, (size_t)bytes, path, &value), 1);
  assert_true(cal_jvalue_is(&value, cal_span_of(expected)));
}

static const char start_text[] =
    "{\"event\":\"start\",\"sequence_number\":\"1\",\"stream_sid\":\"st0001\",\n \"start\":{\"stream_sid\":"
    "\"st0001\",\"call_sid\":\"ca0001\",\"account_sid\":\"acme1\",\n          "
    "\"from\":\"09800000001\",\"to\":"
    "\"08000000002\",\n          \"custom_parameters\":{\"lead\":\"42\"},\n          \"media_format\":{"
    "\"encoding\":\"audio/x-raw\",\"sample_rate\":\"8000\",\"bit_rate\":\"16\"}}}";

static void a_call_is_understood(void **state) {
  peer *p = exotel_new(8000, 3200);
  assert_int_equal(read_text(p, "{\"event\":\"connected\"}"), CAL_WIRE_OTHER);
  assert_int_equal(read_text(p, start_text), CAL_WIRE_START);
  assert_string_equal(p->state.stream, "st0001");
  assert_string_equal(p->state.call, "ca0001");
  assert_int_equal(read_text(p, "{\"event\":\"media\",\"sequence_number\":\"3\",\"stream_sid\":\"st0001\",\n"
                                " \"media\":{\"chunk\":\"2\",\"timestamp\":\"200\",\"payload\":"
                                "\"AAAAAP//AQA=\"}}"),
                   CAL_WIRE_AUDIO);
  assert_int_equal(p->event.samples, 4);
  assert_int_equal(p->samples[2], -1);
  assert_int_equal(p->samples[3], 1);
  assert_int_equal(read_text(p, "{\"event\":\"dtmf\",\"sequence_number\":\"7\",\"stream_sid\":\"st0001\","
                                "\"dtmf\":{\"digit\":\"5\",\"duration\":\"100\"}}"),
                   CAL_WIRE_DTMF);
  assert_string_equal(p->event.name, "5");
  assert_int_equal(read_text(p, "{\"event\":\"mark\",\"sequence_number\":\"15\",\"stream_sid\":\"st0001\","
                                "\"mark\":{\"name\":\"turn-3\"}}"),
                   CAL_WIRE_MARK);
  assert_string_equal(p->event.name, "turn-3");
  assert_int_equal(read_text(p, "{\"event\":\"clear\",\"stream_sid\":\"st0001\"}"), CAL_WIRE_CLEAR);
  for (int i = 0; i < 2; i++) {
    char text[256];
    snprintf(
        text, sizeof text,
        "{\"event\":\"stop\",\"sequence_number\":\"20\",\"stream_sid\":\"st0001\",\n \"stop\":{\"call_sid\":"
        "\"ca0001\",\"account_sid\":\"acme1\",\"reason\":\"%s\"}}",
        i ? "stopped" : "callended");
    assert_int_equal(read_text(p, text), CAL_WIRE_STOP);
  }
  peer_free(p);
}

static void both_spellings_of_a_start_are_understood(void **state) {
  static const char *const starts[] = {
      "{\"event\":\"start\",\"streamSid\":\"st1\",\"start\":{\"streamSid\":\"st1\",\"callSid\":\"ca1\"}}",
      "{\"event\":\"start\",\"sequence_number\":1,\"start\":{\"stream_sid\":\"st1\",\"call_sid\":\"ca1\","
      "\"custom_parameters\":\"\",\"media_format\":{\"encoding\":\"raw\",\"sample_rate\":8000}}}",
      "{\"event\":\"start\",\"start\":{\"stream_sid\":\"st1\",\"streamSid\":\"x\",\"callSid\":\"ca1\","
      "\"media_format\":{\"encoding\":\"base64\",\"bit_rate\":\"128kbps\"}}}",
  };
  for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
    peer *p = exotel_new(8000, 3200);
    assert_int_equal(read_text(p, starts[i]), CAL_WIRE_START);
    assert_string_equal(p->state.stream, "st1");
    assert_string_equal(p->state.call, "ca1");
    peer_free(p);
  }
}

static void a_start_without_ids_makes_no_sense(void **state) {
  peer *p = exotel_new(8000, 3200);
  assert_int_equal(read_text(p, "{\"event\":\"start\",\"start\":{\"stream_sid\":\"st1\"}}"),
                   CAL_WIRE_MALFORMED);
  assert_non_null(strstr(p->event.reason, "start.call_sid is missing"));
  assert_string_equal(p->state.stream, "");
  peer_free(p);
}

/* Pitfall 21: what would be noise is refused. */
static void another_rate_is_refused(void **state) {
  peer *p = exotel_new(16000, 3200);
  assert_int_equal(read_text(p, start_text), CAL_WIRE_WRONG_FORMAT);
  assert_non_null(strstr(p->event.reason, "rate 16000"));
  peer_free(p);
}

static void a_mark_without_audio_before_its_start_is_not_written(void **state) {
  peer *p = exotel_new(8000, 3200);
  assert_true(cal_wire_write_mark(p->wire, &p->state, "c1", p->out, ROOM) < 0);
  assert_int_equal(read_text(p, start_text), CAL_WIRE_START);
  ssize_t bytes = cal_wire_write_mark(p->wire, &p->state, "c1", p->out, ROOM);
  assert_text_at(p, bytes, "stream_sid", "st0001");
  assert_text_at(p, bytes, "streamSid", "st0001");
  assert_text_at(p, bytes, "mark.name", "c1");
  bytes = cal_wire_write_clear(p->wire, &p->state, p->out, ROOM);
  assert_text_at(p, bytes, "event", "clear");
  assert_text_at(p, bytes, "streamSid", "st0001");
  peer_free(p);
}

static void portions_are_multiples_of_320_and_not_smaller_than_asked(void **state) {
  static const struct {
    uint32_t rate_hz, portion;
    size_t samples;
  } cases[] = {{8000, 3200, 1600}, {16000, 3200, 1600}, {24000, 4800, 2400}, {8000, 1600, 800},
               {8000, 640, 320},   {8000, 320, 160},    {16000, 640, 320},   {24000, 960, 480}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peer *p = exotel_new(cases[i].rate_hz, cases[i].portion);
    uint8_t payload[ROOM];
    assert_int_equal(cal_wire_frame_samples(p->wire), cases[i].samples);
    assert_int_equal(cal_wire_state_set(&p->state, "st1", "ca1"), 0);
    for (size_t n = 0; n < cases[i].samples; n++) p->samples[n] = 0x1234;
    for (int which = 0; which < 2; which++) { /* a whole one, and the last of an utterance */
      size_t count = which ? cases[i].samples / 3 : cases[i].samples;
      ssize_t bytes = cal_wire_write_audio(p->wire, &p->state, p->samples, count, p->out, ROOM);
      assert_true(bytes > 0);
      size_t got = payload_of(p, bytes, payload);
      assert_int_equal(got, cases[i].samples * 2);
      assert_int_equal(got % 320, 0);
      for (size_t n = count * 2; n < got; n++) assert_int_equal(payload[n], 0);
      assert_int_equal(payload[0], 0x34);
      assert_int_equal(payload[1], 0x12);
      assert_int_equal(number_at(p, bytes, "media.chunk"), which + 1);
      int64_t ms = (int64_t)(which * cases[i].samples * 1000 / cases[i].rate_hz);
      assert_int_equal(number_at(p, bytes, "media.timestamp"), ms);
      assert_int_equal(number_at(p, bytes, "media.sequenceNumber"),
                       number_at(p, bytes, "media.sequence_number"));
    }
    peer_free(p);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_call_is_understood),
      cmocka_unit_test(both_spellings_of_a_start_are_understood),
      cmocka_unit_test(a_start_without_ids_makes_no_sense),
      cmocka_unit_test(another_rate_is_refused),
      cmocka_unit_test(a_mark_without_audio_before_its_start_is_not_written),
      cmocka_unit_test(portions_are_multiples_of_320_and_not_smaller_than_asked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
