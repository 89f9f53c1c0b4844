/* Messages that are broken, too long, or come too early. */
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
  peer *p = peer_new(twilio_app());
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

static void every_cut_and_every_changed_byte_survives(void **state) {
  peer *p = peer_new(twilio_app());
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
  peer *p = peer_new(twilio_app());
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
  peer *p = peer_new(twilio_app());
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rubbish_is_malformed_and_says_why),
      cmocka_unit_test(every_cut_and_every_changed_byte_survives),
      cmocka_unit_test(ids_and_names_have_limits),
      cmocka_unit_test(the_promised_room_is_enough),
      cmocka_unit_test(nothing_is_written_before_the_stream_is_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
