/* Sound on a wire: portions, byte orders, base64, and the longest message. */
#include "wire/kit.h"
#include "wire/twilio.h"

static const char start_text[] = "{\"event\":\"start\",\"sequenceNumber\":\"1\",\"streamSid\":\"MZ0011\",\n "
                                 "\"start\":{\"streamSid\":\"MZ0011\","
                                 "\"accountSid\":\"AC0011\",\"callSid\":\"CA0011\",\"tracks\":[\"inbound\"],"
                                 "\n  \"mediaFormat\":{\"encoding\":"
                                 "\"audio/x-mulaw\",\"sampleRate\":8000,\"channels\":1},\n  "
                                 "\"customParameters\":{\"lead_id\":\"42\",\"token\":"
                                 "\"b64url-one-time-token\"}}}";

static cal_wire_spec binary(cal_encoding encoding) {
  return (cal_wire_spec){.name = "binary",
                         .encoding = encoding,
                         .rate_hz = 16000,
                         .frame_ms = 20,
                         .is_binary_in = 1,
                         .is_binary_out = 1};
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
  peer *p = peer_new(twilio_app());
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
  peer *p = peer_new(twilio_app());
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
  cal_wire_spec spec = twilio_app();
  spec.encoding = CAL_L16BE;
  p = peer_new(spec);
  read_text(p, start_text);
  assert_int_equal(read_text(p, "{\"event\":\"media\",\"media\":{\"payload\":\"AAEAAgA=\"}}"),
                   CAL_WIRE_AUDIO);
  assert_int_equal(p->event.samples, 2);
  assert_non_null(strstr(p->event.reason, "media.payload ends in the middle of a sample"));
  peer_free(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(portions_are_filled_up_with_silence),
      cmocka_unit_test(silence_is_silence_in_every_encoding),
      cmocka_unit_test(binary_audio_goes_both_ways),
      cmocka_unit_test(two_byte_orders_on_one_wire),
      cmocka_unit_test(audio_without_an_event_is_found_by_its_place),
      cmocka_unit_test(escaped_base64_is_still_base64),
      cmocka_unit_test(the_longest_message_works_and_one_byte_more_does_not),
      cmocka_unit_test(what_is_not_whole_is_left_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
