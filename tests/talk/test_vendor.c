/* A made-up vendor behind a real WebSocket on the loopback interface: a voice that says a tone for a text, in
 * words declared as a wire. The leg is one in memory. */
#include "leg/memory_port.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "audio/playout.h"
#include "base/error.h"
#include "base/log.h"
#include "net/server.h"
#include "talk/mouth.h"
#include "talk/vendor.h"

#define PATIENCE_NS (20 * CAL_S) /* a test that waits longer has failed; machines are slow at times */

enum { LEG_HZ = 8000, VOICE_HZ = 24000, TONE_HZ = 500 };

/* ---- the vendor's side */

typedef struct vendor_side {
  cal_server *server;
  cal_ws *ws;
  cal_wire *wire; /* its own end of it */
  cal_wire_state state;
  int opened, closed, clears, alive, close_code;
  char said[4][64], names[4][16];
  int said_count;
  int holds_back; /* answers no text by itself */
} vendor_side;

static vendor_side there;

static void send_text(const char *text) { cal_ws_send_copy(there.ws, text, strlen(text), CAL_WS_TEXT); }

/* Half a second of a tone in messages of 20 ms, then the mark. */
static void speak(const char *name) {
  int16_t frame[VOICE_HZ / 50];
  char out[8192];
  size_t count = VOICE_HZ / 50;
  for (size_t at = 0; at < 25; at++) {
    for (size_t i = 0; i < count; i++)
      frame[i] = (int16_t)(8000 * sin(2 * M_PI * TONE_HZ * (double)(at * count + i) / VOICE_HZ));
    ssize_t bytes = cal_wire_write_audio(there.wire, &there.state, frame, count, out, sizeof out);
    cal_ws_send_copy(there.ws, out, (size_t)bytes, CAL_WS_TEXT);
  }
  ssize_t bytes = cal_wire_write_mark(there.wire, &there.state, name, out, sizeof out);
  cal_ws_send_copy(there.ws, out, (size_t)bytes, CAL_WS_TEXT);
}

static void cut_out(const char *message, const char *field, char *into, size_t room) {
  const char *at = strstr(message, field);
  if (at) snprintf(into, room, "%.*s", (int)strcspn(at + strlen(field), "\""), at + strlen(field));
}

static void on_there_message(void *context, char *data, size_t bytes, int is_binary) {
  char text[512];
  snprintf(text, sizeof text, "%.*s", (int)bytes, data);
  there.clears += strstr(text, "\"stop\"") != NULL;
  there.alive += strstr(text, "\"alive\"") != NULL;
  if (!strstr(text, "\"say\"")) return;
  int at = there.said_count++ % 4;
  cut_out(text, "\"say\":\"", there.said[at], sizeof there.said[at]);
  cut_out(text, "\"id\":\"", there.names[at], sizeof there.names[at]);
  if (!there.holds_back) speak(there.names[at]);
}

static void on_there_open(void *context, cal_ws *ws) {
  there.ws = ws;
  there.opened++;
}

static void on_there_close(void *context, const cal_ws_end *end) {
  there.ws = NULL;
  there.closed++;
  there.close_code = end->code;
}

static int on_upgrade(void *context, const cal_http_request *request, cal_upgrade *upgrade) {
  upgrade->handlers =
      (cal_ws_handlers){.on_open = on_there_open, .on_message = on_there_message, .on_close = on_there_close};
  return 0;
}

static void on_request(void *context, const cal_http_request *request) {}

/* ---- this side */

static cal_host host;
static cal_scratch samples, message;
static memory_port port;
static cal_leg *leg;
static cal_wire *voice_wire;
static uint32_t patience_ms;
static int last_code; /* of the last utterance of which no more comes */

static struct {
  int ended, code, is_interrupted;
  char heard[256];
  char end[128];
  int ends, faults, worked;
} seen;

static void on_leg_up(void *o, const char *stream, const char *call, uint32_t rate_hz) {}
static void on_leg_text(void *o, const char *text, size_t bytes) {}
static void on_leg_key(void *o, char key, int is_in_band) {}
static void on_leg_ms(void *o, int64_t ms) {}
static void on_leg_speech(void *o, cal_clip *clip, void *grammar, int64_t ms) { cal_unref(clip); }
static void on_leg_begun(void *o, uint32_t utterance) {}
static void on_leg_ended(void *o, const cal_leg_report *report) {}
static void on_leg_gone(void *o) {}

static void on_leg_said(void *o, const cal_leg_said *said) {
  seen.ended++;
  seen.code = said->code;
  seen.is_interrupted = said->is_interrupted;
  snprintf(seen.heard, sizeof seen.heard, "%.*s", (int)said->text_bytes, said->text);
}

static const cal_leg_hooks hooks = {.up = on_leg_up,
                                    .text = on_leg_text,
                                    .key = on_leg_key,
                                    .speech_started = on_leg_ms,
                                    .speech_stopped = on_leg_ms,
                                    .speech = on_leg_speech,
                                    .utterance_started = on_leg_begun,
                                    .utterance_ended = on_leg_said,
                                    .ended = on_leg_ended,
                                    .gone = on_leg_gone};

static void on_vendor_fault(void *context, cal_fault fault, const char *text) { seen.faults++; }
static void on_vendor_worked(void *context) { seen.worked++; }

static void on_vendor_end(void *context, cal_vendor *vendor, int code, cal_fault fault, const char *text) {
  seen.ends++;
  snprintf(seen.end, sizeof seen.end, "%s", text);
}

static cal_wire *wire_of(cal_wire_spec spec) {
  cal_wire *wire = NULL;
  if (cal_wire_compile(&wire, &spec)) fail_msg("no wire: %s", cal_error_text());
  return wire;
}

static cal_wire_spec voice_spec(void) {
  cal_wire_spec s = {.name = "voice", .encoding = CAL_L16LE, .rate_hz = VOICE_HZ, .frame_ms = 20};
  s.event_path = "type";
  s.audio.event = "sound";
  s.audio.payload = "data";
  s.mark.event = "done";
  s.mark.name = "id";
  return s;
}

static void open_wires(void) {
  cal_wire_spec s = voice_spec();
  s.say_out[0] = "{\"say\":\"$text\",\"id\":\"$mark\"}";
  s.clear_out = "{\"stop\":true}";
  s.clear.event = "stopped";
  s.error.event = "error";
  s.error.text = "why";
  voice_wire = wire_of(s);
  s = (cal_wire_spec){.name = "voice, its end", .encoding = CAL_L16LE, .rate_hz = VOICE_HZ, .frame_ms = 20};
  s.audio_out = "{\"type\":\"sound\",\"data\":\"$audio\"}";
  s.mark_out = "{\"type\":\"done\",\"id\":\"$mark\"}";
  there.wire = wire_of(s);
}

static int setup(void **state) {
  cal_log_setup(CAL_LOG_ERROR + 1, 0);
  memset(&seen, 0, sizeof seen);
  patience_ms = 60000;
  there = (vendor_side){0};
  host = (cal_host){.samples = &samples, .message = &message};
  assert_int_equal(cal_loop_new(&host.loop, cal_clock_real()), 0);
  assert_int_equal(cal_net_new(&host.net, host.loop, NULL), 0);
  host.wheel = cal_wheel_new(host.loop);
  open_wires();
  cal_wire_state_init(&there.state);
  cal_server_options options = {.host = "127.0.0.1", .on_request = on_request, .on_upgrade = on_upgrade};
  if (cal_server_listen(&there.server, host.net, &options)) fail_msg("no server: %s", cal_error_text());
  leg = cal_leg_new(
      &host,
      &(cal_leg_options){
          .role = CAL_ROLE_AGENT, .name = "call-1", .lead_ms = 100, .longest_s = 100, .hooks = &hooks},
      memory_port_init(&port, LEG_HZ));
  port.port.echoes_marks = 0;
  memory_port_up(&port);
  return 0;
}

static int teardown(void **state) {
  cal_leg_finish(leg, CAL_LEG_CLOSED, "over");
  memory_port_gone(&port);
  memory_port_done(&port);
  cal_net_close(host.net);
  cal_wheel_free(host.wheel);
  int left = cal_loop_timers(host.loop) + cal_loop_free(host.loop);
  samples.memory = cal_free(samples.memory);
  message.memory = cal_free(message.memory);
  samples.room = message.room = 0;
  cal_unref(voice_wire);
  cal_unref(there.wire);
  return left;
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

static cal_vendor *open_vendor(cal_wire *wire) {
  char url[64];
  cal_vendor *vendor;
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/v1", cal_server_port(there.server));
  static const char *const secrets[] = {"credit", NULL};
  cal_vendor_order *order = cal_vendor_order_new(&(cal_vendor_order){.name = "made-up",
                                                                     .call = "call-1",
                                                                     .wire = wire,
                                                                     .url = url,
                                                                     .connect_ms = 5000,
                                                                     .patience_ms = patience_ms,
                                                                     .keepalive = "{\"alive\":true}",
                                                                     .keepalive_ms = 20,
                                                                     .secrets = secrets});
  cal_vendor_options options = {
      .order = order, .on_end = on_vendor_end, .on_fault = on_vendor_fault, .on_worked = on_vendor_worked};
  if (cal_vendor_open(&vendor, &host, leg, &options)) fail_msg("no vendor: %s", cal_error_text());
  cal_unref(order);
  return vendor;
}

/* As the owner of a leg does it: what the voice makes goes to the utterance whose number is the context. */
static void on_clip(void *context, cal_clip *clip, int is_last, int code) {
  if (is_last) last_code = code;
  cal_leg_advance(leg);
  cal_leg_append(leg, (uint32_t)(uintptr_t)context, clip, is_last, code);
  cal_leg_tick(leg);
}

static int try_to_say(cal_vendor *vendor, uint32_t utterance, const char *text) {
  cal_talk_voice voice = cal_vendor_voice(vendor);
  cal_saying saying = {.utterance = utterance, .text = text, .rate_hz = LEG_HZ};
  return voice.ops->say(voice.self, &saying, on_clip, (void *)(uintptr_t)utterance);
}

static void cancel(cal_vendor *vendor, uint32_t utterance) {
  cal_talk_voice voice = cal_vendor_voice(vendor);
  voice.ops->cancel(voice.self, utterance);
}

static void say(cal_vendor *vendor, uint32_t utterance, const char *text) {
  cal_leg_advance(leg);
  cal_leg_declare(leg, utterance, CAL_UTTERANCE_INTERRUPTIBLE);
  assert_int_equal(try_to_say(vendor, utterance, text), 0);
}

static double level(const int16_t *sound, size_t count, double hz, double rate_hz) {
  double re = 0, im = 0;
  for (size_t i = 0; i < count; i++) {
    double angle = 2 * M_PI * hz * (double)i / rate_hz;
    re += sound[i] * cos(angle);
    im += sound[i] * sin(angle);
  }
  return count ? 2 * sqrt(re * re + im * im) / (double)count / 8000 : 0;
}

/* ---- the voice */

static void a_voice_says_a_text_at_the_rate_of_the_leg(void **state) {
  cal_vendor *vendor = open_vendor(voice_wire);
  say(vendor, 1, "say \"hello\""); /* before its socket is up */
  WAIT_FOR(seen.ended == 1);
  assert_string_equal(there.said[0], "say \\");
  assert_string_equal(there.names[0], "u1");
  assert_int_equal(seen.code, 0);
  assert_false(seen.is_interrupted);
  assert_true(port.sent_count >= LEG_HZ / 2 - 320 && port.sent_count <= LEG_HZ / 2 + 320);
  assert_true(level(port.sent, port.sent_count - 320, TONE_HZ, LEG_HZ) > 0.9);
  assert_string_equal(seen.heard, "say \"hello\"");
  say(vendor, 2, "and again");
  WAIT_FOR(seen.ended == 2);
  assert_string_equal(there.names[1], "u2");
  assert_int_equal(seen.worked, 2);
  cal_vendor_close(vendor);
  WAIT_FOR(there.closed == 1);
  assert_int_equal(there.close_code, 1000);
  assert_int_equal(seen.ends, 0);
}

static void what_was_stopped_is_not_heard_and_the_next_is(void **state) {
  cal_vendor *vendor = open_vendor(voice_wire);
  there.holds_back = 1;
  say(vendor, 1, "too long");
  say(vendor, 2, "not begun");
  WAIT_FOR(there.said_count == 1);
  cal_leg_stop(leg, 1);
  cancel(vendor, 1);
  WAIT_FOR(there.clears == 1);
  speak("u1"); /* it was under way */
  WAIT_FOR(there.said_count == 2);
  speak("u2");
  WAIT_FOR(seen.ended == 2);
  assert_false(seen.is_interrupted);
  assert_true(port.sent_count <= LEG_HZ / 2 + 320); /* of the second alone */
  cal_vendor_close(vendor);
  WAIT_FOR(there.closed == 1);
}

static void a_voice_that_goes_fails_what_it_had_to_say(void **state) {
  cal_vendor *vendor = open_vendor(voice_wire);
  there.holds_back = 1;
  say(vendor, 1, "never said");
  WAIT_FOR(there.said_count == 1);
  cal_ws_close(there.ws, 1011, "out of credit");
  WAIT_FOR(seen.ends == 1);
  WAIT_FOR(seen.ended == 1);
  assert_int_equal(seen.code, -ECONNRESET);
  assert_string_equal(seen.end, "out of ***"); /* it repeats a secret */
  WAIT_FOR(there.closed == 1);
  cal_leg_advance(leg);
  for (int i = 0; i < 10; i++) turn(cal_loop_now_ns(host.loop));
}

static void what_cannot_be_said_is_refused(void **state) {
  static char much[CAL_WIRE_SAY_BYTES + 2];
  memset(much, 'x', sizeof much - 1);
  cal_vendor *voice = open_vendor(voice_wire);
  assert_int_equal(try_to_say(voice, 1, much), -EMSGSIZE);
  for (uint32_t i = 1; i <= CAL_MOUTH_TEXTS; i++) assert_int_equal(try_to_say(voice, i, "x"), 0);
  assert_int_equal(try_to_say(voice, 99, "x"), -ENOBUFS);
  cal_vendor_close(voice); /* before its socket is open */
  assert_int_equal(last_code, -ECANCELED);
  for (int i = 0; i < 50; i++) turn(cal_loop_now_ns(host.loop));
}

static void nobody_there_is_told(void **state) {
  cal_server_stop_listening(there.server);
  cal_vendor *vendor = open_vendor(voice_wire);
  say(vendor, 1, "hello?");
  WAIT_FOR(seen.ends == 1 && seen.ended == 1);
  assert_int_equal(seen.code, -ECONNRESET);
}

static void speak_a_little(void) {
  int16_t frame[VOICE_HZ / 50] = {0};
  char out[8192];
  ssize_t bytes = cal_wire_write_audio(there.wire, &there.state, frame, VOICE_HZ / 50, out, sizeof out);
  cal_ws_send_copy(there.ws, out, (size_t)bytes, CAL_WS_TEXT);
}

static void what_was_heard_of_a_stopped_one_is_never_overstated(void **state) {
  cal_vendor *vendor = open_vendor(voice_wire);
  there.holds_back = 1;
  say(vendor, 1, "a bcd");
  WAIT_FOR(there.said_count == 1);
  for (int i = 0; i < 10; i++) speak_a_little(); /* 200 ms: time for the first word, not for the second */
  WAIT_FOR(port.sent_count >= LEG_HZ / 5 - 160);
  cal_leg_advance(leg);
  for (uint64_t until_ns = cal_loop_now_ns(host.loop) + 500 * CAL_MS; cal_loop_now_ns(host.loop) < until_ns;)
    turn(cal_loop_now_ns(host.loop));
  cal_leg_stop(leg, 1);
  WAIT_FOR(seen.ended == 1);
  assert_true(seen.is_interrupted);
  assert_string_equal(seen.heard, "a");
  cal_vendor_close(vendor);
  WAIT_FOR(there.closed == 1);
}

static void a_vendor_that_forgets_what_was_stopped_sends_no_mark_of_it(void **state) {
  cal_vendor *vendor = open_vendor(voice_wire);
  there.holds_back = 1;
  say(vendor, 1, "too long");
  say(vendor, 2, "not begun");
  WAIT_FOR(there.said_count == 1);
  cal_leg_stop(leg, 1);
  cancel(vendor, 1);
  send_text("{\"type\":\"stopped\"}");
  speak("u7"); /* a mark nobody waits for */
  WAIT_FOR(there.said_count == 2);
  speak("u2");
  WAIT_FOR(seen.ended == 2);
  assert_int_equal(seen.code, 0);
  cal_vendor_close(vendor);
  WAIT_FOR(there.closed == 1);
}

static void an_error_fails_what_is_being_said_and_no_more(void **state) {
  cal_vendor *vendor = open_vendor(voice_wire);
  there.holds_back = 1;
  say(vendor, 1, "badly put");
  WAIT_FOR(there.said_count == 1);
  send_text("{\"type\":\"error\",\"why\":\"no credit\"}");
  WAIT_FOR(seen.ended == 1);
  assert_int_equal(seen.code, -EREMOTEIO);
  assert_int_equal(seen.faults, 1);
  there.holds_back = 0;
  say(vendor, 2, "better");
  WAIT_FOR(seen.ended == 2);
  assert_int_equal(seen.code, 0);
  assert_int_equal(seen.ends, 0);
  cal_vendor_close(vendor);
  WAIT_FOR(there.closed == 1);
}

static void a_mark_without_sound_is_a_failure(void **state) {
  cal_vendor *vendor = open_vendor(voice_wire);
  there.holds_back = 1;
  say(vendor, 1, "hello");
  WAIT_FOR(there.said_count == 1);
  send_text("{\"type\":\"done\",\"id\":\"u1\"}");
  WAIT_FOR(seen.ended == 1);
  assert_int_equal(seen.code, -ENODATA);
  assert_int_equal(seen.faults, 1);
  cal_vendor_close(vendor);
  WAIT_FOR(there.closed == 1);
}

static void a_silent_vendor_is_given_up(void **state) {
  patience_ms = 50;
  cal_vendor *vendor = open_vendor(voice_wire);
  there.holds_back = 1;
  say(vendor, 1, "hello?");
  WAIT_FOR(seen.ends == 1 && seen.ended == 1);
  assert_int_equal(seen.code, -ETIMEDOUT);
  WAIT_FOR(there.closed == 1);
}

static void a_socket_is_kept_alive(void **state) {
  cal_vendor *vendor = open_vendor(voice_wire);
  WAIT_FOR(there.alive >= 3);
  cal_vendor_close(vendor);
  WAIT_FOR(there.closed == 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_voice_says_a_text_at_the_rate_of_the_leg),
      TEST(what_was_stopped_is_not_heard_and_the_next_is),
      TEST(a_voice_that_goes_fails_what_it_had_to_say),
      TEST(what_cannot_be_said_is_refused),
      TEST(nobody_there_is_told),
      TEST(what_was_heard_of_a_stopped_one_is_never_overstated),
      TEST(a_vendor_that_forgets_what_was_stopped_sends_no_mark_of_it),
      TEST(an_error_fails_what_is_being_said_and_no_more),
      TEST(a_mark_without_sound_is_a_failure),
      TEST(a_silent_vendor_is_given_up),
      TEST(a_socket_is_kept_alive),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
