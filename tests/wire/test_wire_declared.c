/* What a wire is declared with: what is refused, and what the declaration means. */
#include "wire/kit.h"
#include "wire/twilio.h"

static const char media_text[] =
    "{\"event\":\"media\",\"sequenceNumber\":\"3\",\"streamSid\":\"MZ0011\",\n \"media\":"
    "{\"track\":\"inbound\",\"chunk\":\"1\",\"timestamp\":\"120\",\"payload\":\"//////8=\"}}";

/* Carriers spell the same thing in several ways, and call it several names. */
static void several_spellings_and_names_are_understood(void **state) {
  cal_wire_spec spec = twilio_app();
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
    cal_wire_spec s = twilio_app();                                                                          \
    s.change;                                                                                                \
    refuses(s, says, too);                                                                                   \
  } while (0)
  WRONG(sub_protocol = "two words", "wire twilio", "sub_protocol");
  WRONG(sub_protocol = "", "wire twilio", "sub_protocol");
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
  cal_wire_spec s = twilio_app();
  s.has_encoding_out = 1;
  s.encoding_out = CAL_L16LE;
  s.chunk_multiple_bytes = 321;
  refuses(s, "chunk_multiple_bytes", "whole samples");
  refuses((cal_wire_spec){.name = "none", .rate_hz = 8000, .frame_ms = 20}, "no audio at all", "audio_out");
  s = twilio_app();
  char many[600] = "{\"a\":\"";
  for (int i = 0; i < 40; i++) strcat(many, "$seq,");
  strcat(many, "$audio\"}");
  s.audio_out = many;
  refuses(s, "too many variables", "audio_out");
}

static void two_dollars_are_one(void **state) {
  cal_wire_spec s = twilio_app();
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
  cal_wire_spec s = twilio_app();
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
      cmocka_unit_test(several_spellings_and_names_are_understood),
      cmocka_unit_test(a_wrong_declaration_names_field_and_remedy),
      cmocka_unit_test(two_dollars_are_one),
      cmocka_unit_test(a_wire_outlives_its_declaration_and_is_shared),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
