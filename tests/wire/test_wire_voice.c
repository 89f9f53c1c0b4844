/* The wire of a voice: several messages a text, utterances by name, marks beside sound, times of words and letters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/mem.h"
#include "wire/wire_times.h"

static cal_wire_spec spec(void) {
  return (cal_wire_spec){
      .name = "made-up",
      .encoding = CAL_PCMU,
      .rate_hz = 8000,
      .frame_ms = 20,
      .audio = {.payload = "audio"},
      .utterance_path = "contextId|context_id",
      .mark = {.when_path = "isFinal|is_final", .name = "contextId|context_id"},
      .error = {.code = "error", .text = "message"},
      .times = {.texts = "a.chars", .starts = "a.starts", .lasts = "a.lasts", .is_ms = 1, .is_relative = 1},
      .say_out = {"{\"open\":\"$mark\"}", "{\"text\":\"$text \",\"id\":\"$mark\",\"by\":\"$voice\"}",
                  "{\"close\":\"$mark\"}"},
      .cancel_out = "{\"cancel\":\"$mark\"}"};
}

static cal_wire *wire;
static cal_wire_state state;
static cal_wire_event event;
static int16_t samples[1024];

static void compile(const cal_wire_spec *s) {
  assert_int_equal(cal_wire_compile(&wire, s), 0);
  cal_wire_state_init(&state);
}

static cal_wire_kind read_text(const char *text) {
  return cal_wire_read(wire, &state, text, strlen(text), 0, &event, samples, 1024);
}

static int setup(void **s) {
  cal_wire_spec one = spec();
  compile(&one);
  return 0;
}

static int teardown(void **s) {
  wire = cal_unref(wire);
  return 0;
}

static void a_text_is_said_in_several_messages(void **s) {
  static const char *const wanted[] = {"{\"open\":\"u1\"}", "{\"text\":\"hi \",\"id\":\"u1\",\"by\":\"ann\"}",
                                       "{\"close\":\"u1\"}"};
  assert_int_equal(cal_wire_can_say(wire), 3);
  size_t room = cal_wire_say_room(wire);
  char *out = cal_alloc(room);
  for (int part = 0; part < 3; part++) {
    ssize_t bytes = cal_wire_write_say(wire, &state, part, "hi", "u1", "ann", out, room);
    assert_int_equal(bytes, strlen(wanted[part]));
    assert_memory_equal(out, wanted[part], strlen(wanted[part]));
  }
  assert_int_equal(cal_wire_write_say(wire, &state, 3, "hi", "u1", NULL, out, room), -ENOTSUP);
  cal_free(out);
  char cancel[512];
  assert_true(cal_wire_can_cancel(wire));
  ssize_t bytes = cal_wire_write_cancel(wire, &state, "u1", cancel, sizeof cancel);
  assert_int_equal(bytes, 15);
  assert_memory_equal(cancel, "{\"cancel\":\"u1\"}", 15);
}

static void sound_names_its_utterance_and_may_be_its_last(void **s) {
  assert_int_equal(read_text("{\"audio\":\"/////w==\",\"contextId\":\"u2\"}"), CAL_WIRE_AUDIO);
  assert_int_equal(event.samples, 4);
  assert_string_equal(event.utterance, "u2");
  assert_false(event.is_mark);
  assert_int_equal(read_text("{\"audio\":\"/////w==\",\"context_id\":\"u3\",\"is_final\":true}"),
                   CAL_WIRE_AUDIO);
  assert_string_equal(event.utterance, "u3");
  assert_true(event.is_mark);
}

static void a_flag_alone_is_a_mark(void **s) {
  assert_int_equal(read_text("{\"audio\":null,\"isFinal\":true,\"contextId\":\"u4\"}"), CAL_WIRE_MARK);
  assert_string_equal(event.name, "u4");
  assert_int_equal(read_text("{\"isFinal\":false,\"contextId\":\"u4\"}"), CAL_WIRE_OTHER);
  assert_int_equal(read_text("{\"isFinal\":null}"), CAL_WIRE_OTHER);
  assert_int_equal(read_text("{\"isFinal\":true}"), CAL_WIRE_MALFORMED); /* of what? */
}

static void an_error_is_known_by_its_field(void **s) {
  assert_int_equal(read_text("{\"message\":\"no credit\",\"error\":\"quota\",\"code\":1008}"),
                   CAL_WIRE_ERROR);
  assert_string_equal(event.name, "quota");
  assert_string_equal(event.reason, "no credit");
  assert_int_equal(read_text("{\"message\":\"all is well\",\"error\":null}"), CAL_WIRE_OTHER);
}

static void a_mark_may_need_more_than_its_event(void **s) {
  cal_unref(wire);
  cal_wire_spec one = spec();
  one.event_path = "type";
  one.mark.event = "event";
  one.mark.name = NULL;
  one.mark.when_path = "data.kind";
  one.mark.when_text = "final";
  compile(&one);
  assert_int_equal(read_text("{\"type\":\"event\",\"data\":{\"kind\":\"progress\"}}"), CAL_WIRE_OTHER);
  assert_int_equal(read_text("{\"type\":\"event\",\"data\":{\"kind\":\"final\"}}"), CAL_WIRE_MARK);
}

static void expect_times(const char *text, const char *const *texts, const int64_t *ends, int count) {
  cal_wire_time time;
  read_text(text);
  for (int i = 0; i < count; i++) {
    assert_int_equal(cal_wire_times_next(&event.times, &time), 1);
    assert_string_equal(time.text, texts[i]);
    assert_int_equal(time.end_ms, ends[i]);
  }
  assert_int_equal(cal_wire_times_next(&event.times, &time), 0);
}

static void letters_have_begins_and_lengths(void **s) {
  static const char *const letters[] = {"A", "\"", "é", " "};
  static const int64_t ends[] = {40, 75, 90, 100};
  expect_times(
      "{\"audio\":\"/w==\",\"a\":{\"chars\":[\"A\" , \"\\\"\",\"\\u00e9\",\" \"],\"starts\":[0,40,75.2,90],"
      "\"lasts\":[40,35,15,10]}}",
      letters, ends, 4);
  assert_true(event.times.is_relative);
}

static void times_that_make_no_sense_end_the_list(void **s) {
  static const char *const one[] = {"a"};
  static const int64_t ends[] = {10};
  expect_times("{\"a\":{\"chars\":[\"a\",\"b\"],\"starts\":[0],\"lasts\":[10,5]}}", one, ends, 1);
  expect_times("{\"a\":{\"chars\":[\"a\",7],\"starts\":[0,1],\"lasts\":[10,5]}}", one, ends, 1);
  expect_times("{\"a\":{\"chars\":[\"a\",\"b\"],\"starts\":[0,-90],\"lasts\":[10,5]}}", one, ends, 1);
  expect_times("{\"a\":{\"chars\":[\"a\",[\"b\"]],\"starts\":[0,1],\"lasts\":[10,\"5\"]}}", one, ends, 1);
  expect_times("{\"a\":{\"chars\":\"ab\",\"starts\":[0],\"lasts\":[1]}}", NULL, NULL, 0);
  expect_times("{\"a\":{\"chars\":[],\"starts\":[],\"lasts\":[]}}", NULL, NULL, 0);
}

static void a_declaration_lacks_nothing(void **s) {
  cal_wire *none;
  cal_wire_spec one = spec();
  one.say_out[1] = NULL;
  assert_int_equal(cal_wire_compile(&none, &one), -EINVAL);
  assert_non_null(strstr(cal_error_text(), "say_out lacks $text"));
  one = spec();
  one.times.lasts = NULL;
  assert_int_equal(cal_wire_compile(&none, &one), -EINVAL);
  assert_non_null(strstr(cal_error_text(), "both of starts and lasts"));
  one = spec();
  one.utterance_path = "a|b|c|d|e";
  assert_int_equal(cal_wire_compile(&none, &one), -EINVAL);
  assert_non_null(strstr(cal_error_text(), "utterance_path"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_text_is_said_in_several_messages),
      TEST(sound_names_its_utterance_and_may_be_its_last),
      TEST(a_flag_alone_is_a_mark),
      TEST(an_error_is_known_by_its_field),
      TEST(a_mark_may_need_more_than_its_event),
      TEST(letters_have_begins_and_lengths),
      TEST(times_that_make_no_sense_end_the_list),
      TEST(a_declaration_lacks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
