/* Vonage's media socket as its pages have it, through the wire that providers/carriers/vonage.lua declares,
 * and through the exchange's other end of it (lua/callisto/exchange/shared/ncco.lua). */
#include "wire/kit.h"

static cal_wire_spec vonage(uint32_t rate_hz, char content_type[40]) {
  uint32_t frame = rate_hz / 50 * 2;
  cal_wire_spec s = {.name = "vonage",
                     .encoding = CAL_L16LE,
                     .rate_hz = rate_hz,
                     .frame_ms = 20,
                     .is_binary_in = 1,
                     .is_binary_out = 1,
                     .chunk_min_bytes = frame,
                     .chunk_multiple_bytes = frame,
                     .event_path = "event"};
  snprintf(content_type, 40, "audio/l16;rate=%u", rate_hz);
  s.start.event = "websocket:connected";
  s.start.encoding = "content-type";
  s.start.encoding_text = content_type;
  s.mark.event = "websocket:notify";
  s.mark.name = "payload.name";
  s.dtmf.event = "websocket:dtmf";
  s.dtmf.digit = "digit|dtmf.digit";
  s.clear.event = "websocket:cleared";
  s.mark_out = "{\"action\":\"notify\",\"payload\":{\"name\":\"$mark\"}}";
  s.clear_out = "{\"action\":\"clear\"}";
  return s;
}

static cal_wire_spec vonage_carrier(uint32_t rate_hz) {
  cal_wire_spec s = {.name = "vonage-carrier",
                     .encoding = CAL_L16LE,
                     .rate_hz = rate_hz,
                     .frame_ms = 20,
                     .is_binary_in = 1,
                     .is_binary_out = 1,
                     .event_path = "action"};
  s.mark.event = "notify";
  s.mark.name = "payload.name";
  s.clear.event = "clear";
  s.mark_out = "{\"event\":\"websocket:notify\",\"payload\":{\"name\":\"$mark\"}}";
  s.dtmf_out = "{\"event\":\"websocket:dtmf\",\"digit\":\"$digit\",\"duration\":260}";
  s.replies[0].event = "clear";
  s.replies[0].text = "{\"event\":\"websocket:cleared\"}";
  s.reply_count = 1;
  return s;
}

static peer *vonage_new(uint32_t rate_hz) {
  char content_type[40];
  cal_wire_spec spec = vonage(rate_hz, content_type);
  return peer_new(spec);
}

static void a_call_is_understood(void **state) {
  peer *p = vonage_new(16000);
  assert_int_equal(read_text(p,
                             "{\"event\":\"websocket:connected\",\"content-type\":\"audio/l16;rate=16000\","
                             "\"call_uuid\":\"0f1e2d3c-4b5a-4697-8877-665544332211\",\"agent\":\"sales\"}"),
                   CAL_WIRE_START);
  const uint8_t sound[] = {0x01, 0x00, 0xff, 0xff, 0x34, 0x12};
  assert_int_equal(read_bytes(p, sound, sizeof sound, 1), CAL_WIRE_AUDIO);
  assert_int_equal(p->event.samples, 3);
  assert_int_equal(p->samples[0], 1);
  assert_int_equal(p->samples[1], -1);
  assert_int_equal(p->samples[2], 0x1234);
  assert_int_equal(read_text(p, "{\"event\":\"websocket:dtmf\",\"digit\":\"5\",\"duration\":260}"),
                   CAL_WIRE_DTMF);
  assert_string_equal(p->event.name, "5");
  assert_int_equal(read_text(p, "{\"event\":\"websocket:dtmf\",\"dtmf\":{\"digit\":\"#\"}}"), CAL_WIRE_DTMF);
  assert_string_equal(p->event.name, "#");
  assert_int_equal(read_text(p, "{\"event\":\"websocket:notify\",\"payload\":{\"turn\":7,\"name\":\"c4\"}}"),
                   CAL_WIRE_MARK);
  assert_string_equal(p->event.name, "c4");
  assert_int_equal(read_text(p, "{\"event\":\"websocket:cleared\"}"), CAL_WIRE_CLEAR);
  assert_int_equal(read_text(p, "{\"event\":\"websocket:something-new\"}"), CAL_WIRE_OTHER);
  peer_free(p);
}

static void what_makes_no_sense_is_said(void **state) {
  peer *p = vonage_new(8000);
  assert_int_equal(read_bytes(p, "abc", 3, 1), CAL_WIRE_AUDIO);
  assert_int_equal(p->event.samples, 1);
  assert_non_null(strstr(p->event.reason, "in the middle of a sample"));
  assert_int_equal(read_text(p, "{\"event\":\"websocket:dtmf\"}"), CAL_WIRE_MALFORMED);
  assert_non_null(strstr(p->event.reason, "digit is missing"));
  assert_int_equal(read_text(p, "{\"event\":\"websocket:notify\",\"payload\":{\"turn\":7}}"),
                   CAL_WIRE_MALFORMED);
  assert_int_equal(read_bytes(p, "", 0, 1), CAL_WIRE_AUDIO);
  assert_int_equal(p->event.samples, 0);
  peer_free(p);
}

/* Pitfall 21: what would be noise is refused. */
static void another_rate_is_refused(void **state) {
  peer *p = vonage_new(8000);
  assert_int_equal(
      read_text(p, "{\"event\":\"websocket:connected\",\"content-type\":\"audio/l16;rate=24000\"}"),
      CAL_WIRE_WRONG_FORMAT);
  assert_non_null(strstr(p->event.reason, "audio/l16;rate=8000"));
  peer_free(p);
}

static void every_frame_is_whole(void **state) {
  static const struct {
    uint32_t rate_hz;
    ssize_t bytes;
  } cases[] = {{8000, 320}, {16000, 640}, {24000, 960}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peer *p = vonage_new(cases[i].rate_hz);
    size_t frame = cal_wire_frame_samples(p->wire);
    assert_int_equal(frame * 2, cases[i].bytes);
    for (size_t n = 0; n < frame; n++) p->samples[n] = 0x0102;
    assert_int_equal(cal_wire_write_audio(p->wire, &p->state, p->samples, frame, p->out, ROOM),
                     cases[i].bytes);
    assert_int_equal(p->out[0], 2);
    assert_int_equal(p->out[1], 1);
    ssize_t bytes = cal_wire_write_audio(p->wire, &p->state, p->samples, 7, p->out, ROOM);
    assert_int_equal(bytes, cases[i].bytes);
    for (ssize_t n = 14; n < bytes; n++) assert_int_equal(p->out[n], 0);
    peer_free(p);
  }
}

static void both_ends_understand_each_other(void **state) {
  peer *app = vonage_new(16000);
  cal_wire_spec spec = vonage_carrier(16000);
  peer *carrier = peer_new(spec);
  ssize_t bytes = cal_wire_write_mark(app->wire, &app->state, "c1", app->out, ROOM);
  assert_int_equal(read_bytes(carrier, app->out, (size_t)bytes, 0), CAL_WIRE_MARK);
  assert_string_equal(carrier->event.name, "c1");
  bytes = cal_wire_write_mark(carrier->wire, &carrier->state, "c1", carrier->out, ROOM);
  assert_int_equal(read_bytes(app, carrier->out, (size_t)bytes, 0), CAL_WIRE_MARK);
  assert_string_equal(app->event.name, "c1");
  bytes = cal_wire_write_clear(app->wire, &app->state, app->out, ROOM);
  assert_int_equal(read_bytes(carrier, app->out, (size_t)bytes, 0), CAL_WIRE_CLEAR);
  bytes = cal_wire_write_reply(carrier->wire, &carrier->state, carrier->event.reply, carrier->out, ROOM);
  assert_int_equal(read_bytes(app, carrier->out, (size_t)bytes, 0), CAL_WIRE_CLEAR);
  bytes = cal_wire_write_dtmf(carrier->wire, &carrier->state, "9", carrier->out, ROOM);
  assert_int_equal(read_bytes(app, carrier->out, (size_t)bytes, 0), CAL_WIRE_DTMF);
  assert_string_equal(app->event.name, "9");
  for (int n = 0; n < 320; n++) app->samples[n] = (int16_t)(n * 100 - 16000);
  bytes = cal_wire_write_audio(app->wire, &app->state, app->samples, 320, app->out, ROOM);
  assert_int_equal(read_bytes(carrier, app->out, (size_t)bytes, 1), CAL_WIRE_AUDIO);
  assert_int_equal(carrier->event.samples, 320);
  assert_memory_equal(carrier->samples, app->samples, 640);
  peer_free(app);
  peer_free(carrier);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_call_is_understood),
      cmocka_unit_test(what_makes_no_sense_is_said),
      cmocka_unit_test(another_rate_is_refused),
      cmocka_unit_test(every_frame_is_whole),
      cmocka_unit_test(both_ends_understand_each_other),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
