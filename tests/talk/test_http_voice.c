/* A made-up voice over requests, behind a real server on the loopback interface. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/server.h"
#include "talk/http_voice.h"

#define PATIENCE_NS (20 * CAL_S) /* a test that waits longer has failed; machines are slow at times */
#define RATE_HZ 8000

static struct {
  cal_server *server;
  int requests, status;
  cal_id last;
  char body[512];
  const char *answer, *type;
  size_t answer_bytes;
  int says_nothing, is_open;
} there;

static struct {
  size_t samples;
  int ended, code, faults, worked;
  cal_fault fault;
  char words[256];
} seen;

static cal_host host;
static cal_wire *wire;
static cal_http_voice *voice;

static void on_request(void *context, const cal_http_request *request) {
  there.requests++;
  there.last = request->id;
  snprintf(there.body, sizeof there.body, "%.*s", (int)request->body.bytes, request->body.at);
  if (there.says_nothing) return;
  cal_http_field type = {cal_span_of("Content-Type"), cal_span_of(there.type)};
  cal_http_answer answer = {.status = there.status,
                            .fields = &type,
                            .field_count = 1,
                            .is_open = there.is_open,
                            .body = {there.answer, there.is_open ? 0 : there.answer_bytes}};
  cal_server_reply(there.server, request->id, &answer);
  if (there.is_open) {
    cal_server_piece(there.server, request->id, (cal_span){there.answer, there.answer_bytes}, CAL_PIECE_MORE);
    cal_server_piece(there.server, request->id, (cal_span){NULL, 0}, CAL_PIECE_CUT);
  }
}

static void on_clip(void *context, cal_clip *clip, int is_last, int code) {
  if (clip) {
    seen.samples += clip->samples;
    strncat(seen.words, clip->text, sizeof seen.words - strlen(seen.words) - 1);
  }
  cal_unref(clip);
  seen.ended += is_last;
  if (is_last) seen.code = code;
}

static void on_fault(void *context, cal_fault fault, const char *text) {
  seen.faults++;
  seen.fault = fault;
}

static void on_worked(void *context) { seen.worked++; }

static void open_voice(const char *say, const char *payload, uint32_t patience_ms) {
  char url[64];
  cal_wire_spec s = {.name = "made-up",
                     .encoding = CAL_PCMU,
                     .rate_hz = RATE_HZ,
                     .frame_ms = 20,
                     .is_binary_in = !payload,
                     .audio = {.payload = payload},
                     .say_out = {say}};
  assert_int_equal(cal_wire_compile(&wire, &s), 0);
  snprintf(url, sizeof url, "http://127.0.0.1:%d/speak", cal_server_port(there.server));
  cal_vendor_order *order = cal_vendor_order_new(&(cal_vendor_order){.name = "made-up",
                                                                     .call = "call-1",
                                                                     .wire = wire,
                                                                     .url = url,
                                                                     .voice = "ann",
                                                                     .connect_ms = 5000,
                                                                     .patience_ms = patience_ms});
  cal_http_voice_options options = {
      .order = order, .rate_hz = RATE_HZ, .on_fault = on_fault, .on_worked = on_worked};
  voice = cal_http_voice_new(&host, &options);
  cal_unref(order);
}

static void say(uint32_t utterance, const char *text) {
  cal_talk_voice v = cal_http_voice_voice(voice);
  cal_saying saying = {.utterance = utterance, .text = text, .rate_hz = RATE_HZ};
  assert_int_equal(v.ops->say(v.self, &saying, on_clip, NULL), 0);
}

static void cancel(uint32_t utterance) {
  cal_talk_voice v = cal_http_voice_voice(voice);
  v.ops->cancel(v.self, utterance);
}

static int setup(void **state) {
  cal_log_setup(CAL_LOG_ERROR + 1, 0);
  memset(&seen, 0, sizeof seen);
  memset(&there, 0, sizeof there);
  there.status = 200;
  there.type = "audio/basic";
  there.answer = "0123456789";
  there.answer_bytes = 10;
  host = (cal_host){0};
  assert_int_equal(cal_loop_new(&host.loop, cal_clock_real()), 0);
  assert_int_equal(cal_net_new(&host.net, host.loop, NULL), 0);
  cal_server_options options = {.host = "127.0.0.1", .on_request = on_request};
  if (cal_server_listen(&there.server, host.net, &options)) fail_msg("no server: %s", cal_error_text());
  return 0;
}

static int teardown(void **state) {
  voice = cal_http_voice_free(voice);
  wire = cal_unref(wire);
  cal_net_close(host.net);
  return cal_loop_timers(host.loop) + cal_loop_free(host.loop);
}

static int turn(uint64_t started_ns) {
  uv_run(cal_loop_uv(host.loop), UV_RUN_NOWAIT);
  struct pollfd backend = {.fd = uv_backend_fd(cal_loop_uv(host.loop)), .events = POLLIN};
  poll(&backend, 1, 1);
  return cal_loop_now_ns(host.loop) - started_ns < PATIENCE_NS;
}

#define WAIT_FOR(condition)                                                                                  \
  do {                                                                                                       \
    uint64_t started_ns_ = cal_loop_now_ns(host.loop);                                                       \
    while (!(condition))                                                                                     \
      if (!turn(started_ns_)) fail_msg("waited in vain for: %s", #condition);                                \
  } while (0)

static void texts_are_asked_for_one_after_the_other(void **state) {
  open_voice("{\"text\":\"$text\",\"by\":\"$voice\"}", NULL, 60000);
  say(1, "say \"hello\"");
  say(2, "and again");
  WAIT_FOR(seen.ended == 2);
  assert_int_equal(there.requests, 2);
  assert_string_equal(there.body, "{\"text\":\"and again\",\"by\":\"ann\"}");
  assert_int_equal(seen.code, 0);
  assert_int_equal(seen.samples, 2 * 10 + 2 * RATE_HZ / 100); /* with the tails that carry the last words */
  assert_string_equal(seen.words, "say \"hello\"and again");
  assert_int_equal(seen.worked, 2);
  assert_int_equal(cal_server_connections(there.server), 1);
}

static void a_text_of_xml_is_escaped(void **state) {
  open_voice("<speak><voice name='$voice'>$text</voice></speak>", NULL, 60000);
  say(1, "5 < 6 & \"7\"");
  WAIT_FOR(seen.ended == 1);
  assert_string_equal(there.body, "<speak><voice name='ann'>5 &lt; 6 &amp; &quot;7&quot;</voice></speak>");
}

static void sound_in_json_is_found(void **state) {
  there.type = "application/json";
  there.answer = "{\"id\":1,\"audios\":[\"MDEyMw==\",\"NDU2Nzg5\"]}";
  there.answer_bytes = strlen(there.answer);
  open_voice("{\"text\":\"$text\"}", "audios", 60000);
  say(1, "hello");
  WAIT_FOR(seen.ended == 1);
  assert_int_equal(seen.code, 0);
  assert_int_equal(seen.samples, 10 + RATE_HZ / 100);
}

static void a_status_fails_the_text_and_no_more(void **state) {
  there.status = 429;
  open_voice("{\"text\":\"$text\"}", NULL, 60000);
  say(1, "hello");
  WAIT_FOR(seen.ended == 1);
  assert_int_equal(seen.code, -EREMOTEIO);
  assert_int_equal(seen.fault, CAL_FAULT_BUSY);
  there.status = 200;
  say(2, "hello");
  WAIT_FOR(seen.ended == 2);
  assert_int_equal(seen.code, 0);
}

static void an_answer_that_breaks_off_has_failed(void **state) {
  there.is_open = 1;
  open_voice("{\"text\":\"$text\"}", NULL, 60000);
  there.answer = "0123456789abcdef";
  there.answer_bytes = 16;
  say(1, "hello");
  WAIT_FOR(seen.ended == 1);
  assert_true(seen.code < 0);
  assert_int_equal(seen.faults, 1);
  assert_int_equal(seen.worked, 0);
}

static void what_is_cancelled_is_closed_and_the_next_is_asked_for(void **state) {
  there.says_nothing = 1;
  open_voice("{\"text\":\"$text\"}", NULL, 60000);
  say(1, "too long");
  say(2, "not wanted either");
  say(3, "this");
  WAIT_FOR(there.requests == 1);
  cancel(2);
  cancel(2);
  there.says_nothing = 0;
  cancel(1);
  assert_int_equal(seen.code, -ECANCELED);
  WAIT_FOR(seen.ended == 3);
  assert_int_equal(seen.code, 0);
  assert_int_equal(there.requests, 2);
  assert_string_equal(there.body, "{\"text\":\"this\"}");
}

static void silence_is_given_up(void **state) {
  there.says_nothing = 1;
  open_voice("{\"text\":\"$text\"}", NULL, 50);
  say(1, "hello?");
  WAIT_FOR(seen.ended == 1);
  assert_int_equal(seen.code, -ETIMEDOUT);
  assert_int_equal(seen.fault, CAL_FAULT_LATER);
}

static void nobody_there_is_told(void **state) {
  open_voice("{\"text\":\"$text\"}", NULL, 60000);
  cal_server_stop_listening(there.server);
  say(1, "hello?");
  WAIT_FOR(seen.ended == 1);
  assert_int_equal(seen.code, -ECONNREFUSED);
}

static void what_is_under_way_when_it_is_freed_is_told(void **state) {
  there.says_nothing = 1;
  open_voice("{\"text\":\"$text\"}", NULL, 60000);
  say(1, "hello");
  say(2, "you");
  WAIT_FOR(there.requests == 1);
  voice = cal_http_voice_free(voice);
  assert_int_equal(seen.ended, 2);
  assert_int_equal(seen.code, -ECANCELED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(texts_are_asked_for_one_after_the_other),
      TEST(a_text_of_xml_is_escaped),
      TEST(sound_in_json_is_found),
      TEST(a_status_fails_the_text_and_no_more),
      TEST(an_answer_that_breaks_off_has_failed),
      TEST(what_is_cancelled_is_closed_and_the_next_is_asked_for),
      TEST(silence_is_given_up),
      TEST(nobody_there_is_told),
      TEST(what_is_under_way_when_it_is_freed_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
