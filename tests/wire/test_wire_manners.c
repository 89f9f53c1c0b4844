/* Wires of protocols that number, answer and part: what is written by itself, what is checked, what is
 * refused. */
#include "wire/kit.h"
#include "wire/numbered.h"

static void replies(peer *e, const char *expected) {
  ssize_t bytes = cal_wire_write_reply(e->wire, &e->state, e->event.reply, e->out, ROOM);
  assert_int_equal(bytes, strlen(expected));
  assert_memory_equal(e->out, expected, strlen(expected));
}

static void message(char *into, const char *type, int seq, int serverseq, const char *parameters) {
  sprintf(
      into,
      "{\"version\":\"2\",\"id\":\"5f5f\",\"type\":\"%s\",\"seq\":%d,\"serverseq\":%d,\"position\":\"PT1S\","
      "\"parameters\":%s}",
      type, seq, serverseq, parameters);
}

static cal_wire_kind reads_typed(peer *e, const char *type, int seq, int serverseq, const char *parameters) {
  char text[1024];
  message(text, type, seq, serverseq, parameters);
  return read_text(e, text);
}

#define OPEN "{\"media\":" PCMU_MEDIA "}"

static void messages_are_answered_and_numbered(void **state) {
  peer *e = peer_new(numbered_server());
  assert_int_equal(reads_typed(e, "open", 1, 0, OPEN), CAL_WIRE_START);
  assert_string_equal(e->state.stream, "5f5f");
  replies(e,
          "{\"version\":\"2\",\"id\":\"5f5f\",\"type\":\"opened\",\"seq\":1,\"clientseq\":1,\"parameters\":{"
          "\"startPaused\":false,\"media\":" PCMU_MEDIA "}}");
  assert_int_equal(reads_typed(e, "ping", 2, 1, "{\"rtt\":\"PT0.045S\"}"), CAL_WIRE_IGNORED);
  replies(
      e, "{\"version\":\"2\",\"id\":\"5f5f\",\"type\":\"pong\",\"seq\":2,\"clientseq\":2,\"parameters\":{}}");
  int16_t sound[1600] = {0};
  assert_int_equal(cal_wire_write_audio(e->wire, &e->state, sound, 1600, e->out, ROOM), 1600);
  assert_int_equal(reads_typed(e, "dtmf", 3, 2, "{\"digit\":\"5\"}"), CAL_WIRE_DTMF);
  assert_string_equal(e->event.name, "5");
  assert_int_equal(e->event.reply, -1);
  assert_int_equal(reads_typed(e, "playback_completed", 4, 2, "{}"), CAL_WIRE_MARK);
  assert_string_equal(e->event.name, "");
  static const char barge_in[] =
      "{\"version\":\"2\",\"id\":\"5f5f\",\"type\":\"event\",\"seq\":3,\"clientseq\":4,\"parameters\":{"
      "\"entities\":[{\"type\":\"barge_in\",\"data\":{}}]}}"; /* binary messages were not counted */
  assert_int_equal(cal_wire_write_clear(e->wire, &e->state, e->out, ROOM), strlen(barge_in));
  assert_memory_equal(e->out, barge_in, strlen(barge_in));
  assert_int_equal(reads_typed(e, "close", 5, 3, "{\"reason\":\"end\"}"), CAL_WIRE_STOP);
  replies(
      e,
      "{\"version\":\"2\",\"id\":\"5f5f\",\"type\":\"closed\",\"seq\":4,\"clientseq\":5,\"parameters\":{}}");
  peer_free(e);
}

static void what_cannot_be_right_is_out_of_order(void **state) {
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"{\"id\":\"5f5f\",\"type\":\"ping\",\"seq\":4,\"serverseq\":1}", "seq of message 2"},
      {"{\"id\":\"5f5f\",\"type\":\"ping\",\"seq\":1,\"serverseq\":1}", "seq of message 2"},
      {"{\"id\":\"5f5f\",\"type\":\"ping\",\"seq\":-2,\"serverseq\":1}", "seq"},
      {"{\"id\":\"5f5f\",\"type\":\"ping\",\"seq\":\"two\",\"serverseq\":1}", "seq"},
      {"{\"id\":\"5f5f\",\"type\":\"ping\",\"serverseq\":1}", "seq"},
      {"{\"id\":\"5f5f\",\"type\":\"ping\",\"seq\":2,\"serverseq\":2}", "serverseq"}, /* only one was sent */
      {"{\"id\":\"5f5f\",\"type\":\"ping\",\"seq\":2}", "serverseq"},
      {"{\"id\":\"6a6a\",\"type\":\"ping\",\"seq\":2,\"serverseq\":1}", "id of message 2"},
      {"{\"type\":\"ping\",\"seq\":2,\"serverseq\":1}", "id of message 2"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peer *e = peer_new(numbered_server());
    assert_int_equal(reads_typed(e, "open", 1, 0, OPEN), CAL_WIRE_START);
    assert_true(cal_wire_write_reply(e->wire, &e->state, e->event.reply, e->out, ROOM) > 0);
    if (read_text(e, cases[i].text) != CAL_WIRE_OUT_OF_ORDER) fail_msg("case %zu was taken", i);
    assert_int_equal(e->event.reply, -1);
    assert_non_null(strstr(e->event.reason, cases[i].says));
    assert_int_equal(e->state.peer_seq, 1);
    peer_free(e);
  }
}

static void only_what_is_json_and_understood_is_answered(void **state) {
  peer *e = peer_new(numbered_server());
  assert_int_equal(read_text(e, "{\"type\":\"open\",\"seq\":1,\"serverseq\":0}"),
                   CAL_WIRE_MALFORMED); /* no id */
  assert_int_equal(e->event.reply, -1);
  assert_int_equal(read_text(e, "{\"type\":\"ping\""), CAL_WIRE_MALFORMED);
  assert_int_equal(e->event.reply, -1);
  assert_int_equal(cal_wire_write_reply(e->wire, &e->state, -1, e->out, ROOM), -ENOTSUP);
  assert_int_equal(cal_wire_write_reply(e->wire, &e->state, 3, e->out, ROOM), -ENOTSUP);
  assert_int_equal(cal_wire_write_reply(e->wire, &e->state, 1, e->out, ROOM), -ENOTCONN); /* no id yet */
  peer_free(e);
}

static void errors_say_how_long(void **state) {
  static const struct {
    const char *after;
    uint32_t ms;
  } cases[] = {{"\"PT3S\"", 3000}, {"\"PT0.5S\"", 500},   {"\"PT1M1S\"", 61000}, {"2", 2000},
               {"\"4\"", 4000},    {"\"PT-1S\"", 0},      {"\"soon\"", 0},       {"\"PT\"", 0},
               {"null", 0},        {"\"PT1H\"", 3600000}, {"\"PT1e300S\"", 0},   {"\"PTS\"", 0},
               {"\"PT1X\"", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char parameters[128];
    sprintf(parameters, "{\"code\":429,\"message\":\"slow\",\"retryAfter\":%s}", cases[i].after);
    peer *e = peer_new(numbered_server());
    assert_int_equal(reads_typed(e, "error", 1, 0, parameters), CAL_WIRE_ERROR);
    assert_string_equal(e->event.name, "429");
    assert_string_equal(e->event.reason, "slow");
    if (e->event.retry_ms != cases[i].ms) fail_msg("%s is %u ms", cases[i].after, e->event.retry_ms);
    peer_free(e);
  }
}

static void of_two_channels_the_first_is_heard(void **state) {
  cal_wire_spec s = numbered_server();
  s.channels = 2;
  peer *e = peer_new(s);
  int16_t both[8] = {100, -9000, 200, -9000, 300, -9000, 400, -9000}, one[4] = {100, 200, 300, 400}, heard[4];
  uint8_t bytes[9], wanted[4];
  cal_encode(CAL_PCMU, both, 8, bytes);
  cal_encode(CAL_PCMU, one, 4, wanted);
  cal_decode(CAL_PCMU, wanted, 4, heard);
  assert_int_equal(cal_wire_read(e->wire, &e->state, bytes, 8, 1, &e->event, e->samples, ROOM),
                   CAL_WIRE_AUDIO);
  assert_int_equal(e->event.samples, 4);
  assert_memory_equal(e->samples, heard, sizeof heard);
  assert_int_equal(cal_wire_read(e->wire, &e->state, bytes, 7, 1, &e->event, e->samples, ROOM),
                   CAL_WIRE_AUDIO);
  assert_int_equal(e->event.samples, 3);
  peer_free(e);
}

static void of_two_channels_ours_is_the_first(void **state) {
  cal_wire_spec s = numbered_server();
  s.channels_out = s.channels = 2;
  for (int i = 0; i < 2; i++) {
    s.encoding = i ? CAL_L16LE : CAL_PCMU;
    peer *e = peer_new(s);
    int16_t sound[160], wanted[160];
    uint8_t coded[320];
    for (int n = 0; n < 160; n++) sound[n] = (int16_t)(100 * n - 8000);
    cal_encode(s.encoding, sound, 160, coded);
    cal_decode(s.encoding, coded, i ? 320 : 160, wanted);
    assert_int_equal(cal_wire_audio_room(e->wire, 160), i ? 640 : 320);
    ssize_t bytes =
        cal_wire_write_audio(e->wire, &e->state, sound, 160, e->out, cal_wire_audio_room(e->wire, 160));
    assert_int_equal(bytes, i ? 640 : 320);
    assert_int_equal(e->state.samples, 160);
    assert_int_equal(cal_wire_write_audio(e->wire, &e->state, sound, 160, e->out, (size_t)bytes - 1),
                     -EMSGSIZE);
    cal_wire_write_audio(e->wire, &e->state, sound, 160, e->out, (size_t)bytes);
    cal_wire_read(e->wire, &e->state, e->out, (size_t)bytes, 1, &e->event, e->samples, ROOM);
    assert_int_equal(e->event.samples, 160);
    assert_memory_equal(e->samples, wanted, sizeof wanted);
    if (!i) assert_int_equal((uint8_t)e->out[1], 0xff);
    peer_free(e);
  }
}

static void the_last_word_carries_what_the_call_says(void **state) {
  peer *e = peer_new(numbered_server());
  assert_int_equal(cal_wire_write_bye(e->wire, &e->state, NULL, e->out, ROOM), -ENOTCONN);
  reads_typed(e, "open", 1, 0, OPEN);
  static const char said[] = "{\"reason\":\"completed\",\"outputVariables\":{\"outcome\":\"agent\"}}";
  ssize_t bytes = cal_wire_write_bye(e->wire, &e->state, said, e->out, ROOM);
  cal_jvalue value;
  assert_int_equal(cal_jscan_find(e->out, (size_t)bytes, "parameters.outputVariables.outcome", &value), 1);
  assert_int_equal(cal_jscan_find(e->out, (size_t)bytes, "type", &value), 1);
  assert_true(cal_jvalue_is(&value, cal_span_of("disconnect")));
  bytes = cal_wire_write_bye(e->wire, &e->state, NULL, e->out, ROOM);
  assert_int_equal(cal_jscan_find(e->out, (size_t)bytes, "parameters", &value), 1);
  assert_int_equal(value.raw.bytes, 2);
  char much[CAL_WIRE_BYE_BYTES + 8];
  memset(much, '1', sizeof much);
  much[CAL_WIRE_BYE_BYTES + 1] = 0;
  assert_int_equal(cal_wire_write_bye(e->wire, &e->state, much, e->out, ROOM), -EINVAL);
  much[CAL_WIRE_BYE_BYTES] = 0;
  assert_true(cal_wire_write_bye(e->wire, &e->state, much, e->out, cal_wire_control_room(e->wire)) > 0);
  peer_free(e);
}

static void somebodys_own_text_is_numbered_too(void **state) {
  peer *e = peer_new(numbered_client());
  cal_wire_state_set(&e->state, "5f5f", NULL);
  e->state.samples = 8000 * 12 + 3200;
  static const char ping[] = CLIENT("ping", "{}");
  static const char written[] =
      "{\"version\":\"2\",\"id\":\"5f5f\",\"type\":\"ping\",\"seq\":1,\"serverseq\":0,"
      "\"position\":\"PT12.400S\",\"parameters\":{}}";
  assert_int_equal(cal_wire_write_text(e->wire, &e->state, ping, e->out, cal_wire_text_room(ping)),
                   strlen(written));
  assert_memory_equal(e->out, written, strlen(written));
  assert_int_equal(e->state.seq, 2);
  assert_int_equal(cal_wire_write_text(e->wire, &e->state, "{\"a\":$nothing}", e->out, ROOM), -EINVAL);
  assert_int_equal(cal_wire_write_text(e->wire, &e->state, "{\"a\":\"$audio\"}", e->out, ROOM), -EINVAL);
  assert_int_equal(cal_wire_write_text(e->wire, &e->state, "not json", e->out, ROOM), -EINVAL);
  assert_int_equal(e->state.seq, 2);
  peer_free(e);
}

static void both_ends_understand_each_other(void **state) {
  peer *server = peer_new(numbered_server()), *client = peer_new(numbered_client());
  cal_wire_state_set(&client->state, "5f5f", NULL);
  client->state.seq = 2; /* it has sent its open */
  reads_typed(server, "open", 1, 0, OPEN);
  ssize_t bytes = cal_wire_write_reply(server->wire, &server->state, 0, server->out, ROOM);
  server->out[bytes] = 0;
  assert_int_equal(read_text(client, server->out), CAL_WIRE_START);
  bytes = cal_wire_write_playing(client->wire, &client->state, 0, client->out, ROOM);
  client->out[bytes] = 0;
  assert_int_equal(read_text(server, client->out), CAL_WIRE_MARK);
  bytes = cal_wire_write_clear(server->wire, &server->state, server->out, ROOM);
  server->out[bytes] = 0;
  assert_int_equal(read_text(client, server->out), CAL_WIRE_CLEAR);
  static const char turn[] = SERVER(
      "event", "{\"entities\":[{\"type\":\"bot_turn_response\",\"data\":{\"disposition\":\"match\"}}]}");
  bytes = cal_wire_write_text(server->wire, &server->state, turn, server->out, ROOM);
  server->out[bytes] = 0;
  assert_int_equal(read_text(client, server->out), CAL_WIRE_OTHER); /* an event, but no barge-in */
  bytes = cal_wire_write_bye(server->wire, &server->state, "{\"reason\":\"completed\"}", server->out, ROOM);
  server->out[bytes] = 0;
  assert_int_equal(read_text(client, server->out), CAL_WIRE_IGNORED);
  assert_true(cal_wire_reply_ends(client->wire, client->event.reply));
  bytes = cal_wire_write_reply(client->wire, &client->state, client->event.reply, client->out, ROOM);
  client->out[bytes] = 0;
  assert_int_equal(read_text(server, client->out), CAL_WIRE_STOP);
  bytes = cal_wire_write_reply(server->wire, &server->state, server->event.reply, server->out, ROOM);
  server->out[bytes] = 0;
  assert_int_equal(read_text(client, server->out), CAL_WIRE_STOP);
  peer_free(server);
  peer_free(client);
}

/* ---- voices */

static cal_wire_spec voice_spec(void) {
  cal_wire_spec s = {.name = "voice", .encoding = CAL_L16LE, .rate_hz = 24000, .frame_ms = 20};
  s.event_path = "type";
  s.audio.event = "sound";
  s.audio.payload = "data";
  s.say_out[0] = "{\"text\":\"$text\",\"id\":\"$mark\",\"by\":\"$voice\",\"n\":$seq}";
  return s;
}

static void a_text_is_said_with_its_name_and_its_number(void **state) {
  peer *e = peer_new(voice_spec());
  char *out = cal_alloc(cal_wire_say_room(e->wire));
  ssize_t bytes = cal_wire_write_say(e->wire, &e->state, 0, "say \"a\\b\"\n", "u7", "ann", out,
                                     cal_wire_say_room(e->wire));
  static const char expected[] = "{\"text\":\"say \\\"a\\\\b\\\"\\n\",\"id\":\"u7\",\"by\":\"ann\",\"n\":1}";
  assert_int_equal(bytes, strlen(expected));
  assert_memory_equal(out, expected, strlen(expected));
  static char longest[CAL_WIRE_SAY_BYTES + 2];
  memset(longest, 1, CAL_WIRE_SAY_BYTES); /* each becomes six letters */
  assert_true(
      cal_wire_write_say(e->wire, &e->state, 0, longest, "u8", NULL, out, cal_wire_say_room(e->wire)) > 0);
  longest[CAL_WIRE_SAY_BYTES] = 'x';
  assert_int_equal(
      cal_wire_write_say(e->wire, &e->state, 0, longest, "u9", NULL, out, cal_wire_say_room(e->wire)),
      -EMSGSIZE);
  assert_int_equal(e->state.seq, 3);
  assert_true(cal_wire_control_room(e->wire) < 1000); /* a long text makes no other message dear */
  cal_free(out);
  peer_free(e);
}

static void a_voice_is_declared_whole(void **state) {
  static const struct {
    const char *part, *error;
  } cases[] = {{"say", "say_out lacks $text"}, {"elsewhere", "clear_out cannot have $text"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cal_wire_spec s = voice_spec();
    cal_wire *wire;
    if (i == 0) s.say_out[0] = "{\"id\":\"$mark\"}";
    if (i == 1) s.clear_out = "{\"text\":\"$text\"}";
    assert_int_equal(cal_wire_compile(&wire, &s), -EINVAL);
    if (!strstr(cal_error_text(), cases[i].error)) fail_msg("%s: %s", cases[i].part, cal_error_text());
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_are_answered_and_numbered),
      cmocka_unit_test(what_cannot_be_right_is_out_of_order),
      cmocka_unit_test(only_what_is_json_and_understood_is_answered),
      cmocka_unit_test(errors_say_how_long),
      cmocka_unit_test(of_two_channels_the_first_is_heard),
      cmocka_unit_test(of_two_channels_ours_is_the_first),
      cmocka_unit_test(the_last_word_carries_what_the_call_says),
      cmocka_unit_test(somebodys_own_text_is_numbered_too),
      cmocka_unit_test(both_ends_understand_each_other),
      cmocka_unit_test(a_text_is_said_with_its_name_and_its_number),
      cmocka_unit_test(a_voice_is_declared_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
