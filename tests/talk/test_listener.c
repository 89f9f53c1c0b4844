/* Made-up ears behind real WebSockets on the loopback interface, and a leg in memory whose sound counts its samples: what an
 * ear was sent can be told by its values. */
#include "leg/memory_port.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/log.h"
#include "net/server.h"
#include "talk/listener.h"

#define PATIENCE_NS (20 * CAL_S) /* a test that waits longer has failed; machines are slow at times */

enum { LEG_HZ = 8000, FRAME = LEG_HZ / 50, SOCKETS = 8 };

/* ---- the vendor's side: sockets in the order in which they were opened */

typedef struct there_socket {
  cal_ws *ws;
  size_t heard;
  int16_t sound[LEG_HZ * 20];
  int alive;
} there_socket;

static struct {
  cal_server *server;
  there_socket sockets[SOCKETS];
  int opened, closed, refused;
  int refuses; /* status; 0: none */
} there;

static void on_there_message(void *context, char *data, size_t bytes, int is_binary) {
  there_socket *s = context;
  if (!is_binary) s->alive++;
  if (is_binary) s->heard += cal_decode(CAL_L16LE, (const uint8_t *)data, bytes, s->sound + s->heard);
}

static void on_there_open(void *context, cal_ws *ws) { ((there_socket *)context)->ws = ws; }

static void on_there_close(void *context, const cal_ws_end *end) {
  ((there_socket *)context)->ws = NULL;
  there.closed++;
}

static int on_upgrade(void *context, const cal_http_request *request, cal_upgrade *upgrade) {
  if (there.refuses && memmem(request->target.at, request->target.bytes, "first", 5)) {
    there.refused++;
    return there.refuses;
  }
  upgrade->handlers = (cal_ws_handlers){.context = &there.sockets[there.opened++ % SOCKETS],
                                        .on_open = on_there_open,
                                        .on_message = on_there_message,
                                        .on_close = on_there_close};
  return 0;
}

static void on_request(void *context, const cal_http_request *request) {}

static void tell(int socket, const char *text) {
  cal_ws_send_copy(there.sockets[socket].ws, text, strlen(text), CAL_WS_TEXT);
}

/* ---- this side */

static cal_host host;
static cal_scratch samples, message;
static memory_port port;
static cal_leg *leg;
static cal_wire *wires[2];
static cal_listener *listener;
static int16_t next_sample;

static struct {
  char words[512], left[256];
  int64_t until_ms;
  int is_last;
} seen;

static void on_leg_up(void *o, const char *stream, const char *call, uint32_t rate_hz) {}
static void on_leg_text(void *o, const char *text, size_t bytes) {}
static void on_leg_key(void *o, char key, int is_in_band) {}
static void on_leg_ms(void *o, int64_t ms) {}
static void on_leg_speech(void *o, cal_clip *clip, void *grammar, int64_t ms) { cal_unref(clip); }
static void on_leg_begun(void *o, uint32_t utterance) {}
static void on_leg_said(void *o, const cal_leg_said *said) {}
static void on_leg_ended(void *o, const cal_leg_report *report) {}
static void on_leg_gone(void *o) {}

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

static void on_words(void *context, const cal_words *words) {
  size_t used = strlen(seen.words);
  snprintf(seen.words + used, sizeof seen.words - used, "%s%s;", words->text,
           words->kind == CAL_WORDS_FINAL ? "." : "…");
  seen.until_ms = words->until_ms;
}

static void on_left(void *context, const cal_vendor_order *ear, const char *text, int is_last) {
  size_t used = strlen(seen.left);
  snprintf(seen.left + used, sizeof seen.left - used, "%s: %s;", ear->name, text);
  seen.is_last = is_last;
  if (is_last) listener = cal_listener_close(listener);
}

static cal_wire *ear_wire(uint32_t rate_hz) {
  cal_wire_spec s = {.name = "ear", .encoding = CAL_L16LE, .rate_hz = rate_hz, .frame_ms = 20};
  cal_wire *wire;
  s.is_binary_out = 1;
  s.event_path = "type";
  s.words.event = "words";
  s.words.text = "text";
  s.words.kinds[CAL_WORDS_FINAL].path = "final";
  s.words.until = "end";
  s.error.event = "error";
  s.error.text = "why";
  if (cal_wire_compile(&wire, &s)) fail_msg("no wire: %s", cal_error_text());
  return wire;
}

static int setup(void **state) {
  cal_log_setup(CAL_LOG_ERROR + 1, 0);
  memset(&seen, 0, sizeof seen);
  memset(&there, 0, sizeof there);
  next_sample = 1;
  host = (cal_host){.samples = &samples, .message = &message};
  assert_int_equal(cal_loop_new(&host.loop, cal_clock_real()), 0);
  assert_int_equal(cal_net_new(&host.net, host.loop, NULL), 0);
  host.wheel = cal_wheel_new(host.loop);
  wires[0] = ear_wire(LEG_HZ);
  wires[1] = ear_wire(2 * LEG_HZ);
  cal_server_options options = {.host = "127.0.0.1", .on_request = on_request, .on_upgrade = on_upgrade};
  if (cal_server_listen(&there.server, host.net, &options)) fail_msg("no server: %s", cal_error_text());
  leg = cal_leg_new(
      &host,
      &(cal_leg_options){
          .role = CAL_ROLE_AGENT, .name = "call-1", .lead_ms = 100, .longest_s = 100, .hooks = &hooks},
      memory_port_init(&port, LEG_HZ));
  memory_port_up(&port);
  return 0;
}

static int teardown(void **state) {
  listener = cal_listener_close(listener);
  cal_leg_finish(leg, CAL_LEG_CLOSED, "over");
  memory_port_gone(&port);
  memory_port_done(&port);
  cal_net_close(host.net);
  cal_wheel_free(host.wheel);
  int left = cal_loop_timers(host.loop) + cal_loop_free(host.loop);
  samples.memory = cal_free(samples.memory);
  message.memory = cal_free(message.memory);
  samples.room = message.room = 0;
  for (int i = 0; i < 2; i++) cal_unref(wires[i]);
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

static cal_vendor_order *order_of(const char *name, cal_wire *wire, cal_vendor_order *next) {
  static const char *const secrets[] = {"credit", NULL};
  static const cal_fault_rule faults[] = {{"quota", CAL_FAULT_REFUSED}, {NULL, CAL_FAULT_LATER}};
  char url[64];
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/%s", cal_server_port(there.server), name);
  return cal_vendor_order_new(&(cal_vendor_order){.next = next,
                                                  .name = name,
                                                  .call = "call-1",
                                                  .wire = wire,
                                                  .url = url,
                                                  .connect_ms = 5000,
                                                  .patience_ms = 60000,
                                                  .catch_up_percent = 400,
                                                  .faults = faults,
                                                  .secrets = secrets});
}

static void listen_with(size_t count) {
  cal_vendor_order *second = order_of("second", wires[1], NULL), *first = order_of("first", wires[0], second);
  cal_listener_options options = {
      .ears = {first, second}, .count = count, .on_words = on_words, .on_left = on_left};
  if (cal_listener_open(&listener, &host, leg, &options)) fail_msg("no listener: %s", cal_error_text());
  cal_unref(first);
  cal_unref(second);
}

/* Samples that count: so many more of them. */
static void speak(size_t frames) {
  for (; frames; frames--) {
    int16_t frame[FRAME];
    for (size_t i = 0; i < FRAME; i++) frame[i] = next_sample++;
    port.port.handlers->on_sound(port.port.context, frame, FRAME);
  }
}

/* The socket got the counted samples from `first` on, each once. */
static void check_sound(int socket, int first, size_t count) {
  const there_socket *s = &there.sockets[socket];
  assert_true(s->heard >= count);
  for (size_t i = 0; i < count; i++)
    if (s->sound[i] != (int16_t)(first + (int)i))
      fail_msg("sample %zu is %d, not %d", i, s->sound[i], first + (int)i);
}

/* ---- */

static void sound_before_the_socket_is_up_is_not_lost(void **state) {
  listen_with(1);
  speak(20);
  WAIT_FOR(there.opened == 1 && there.sockets[0].ws);
  speak(30);
  WAIT_FOR(there.sockets[0].heard >= 50 * FRAME);
  check_sound(0, 1, 50 * FRAME);
  tell(0, "{\"type\":\"words\",\"final\":false,\"text\":\"good\"}");
  tell(0, "{\"type\":\"words\",\"final\":true,\"text\":\"good morning\",\"end\":0.95}");
  WAIT_FOR(strchr(seen.words, '.'));
  assert_string_equal(seen.words, "good…;good morning.;");
  assert_int_equal(seen.until_ms, 950);
}

/* What has had its last word is not sent again, the rest is, from its first sample. */
static void a_socket_that_breaks_is_opened_again_and_nothing_is_lost_or_doubled(void **state) {
  listen_with(1);
  speak(100);
  WAIT_FOR(there.opened == 1 && there.sockets[0].ws);
  speak(10);
  tell(0, "{\"type\":\"words\",\"final\":true,\"text\":\"one\",\"end\":0.5}");
  tell(0, "{\"type\":\"words\",\"final\":false,\"text\":\"tw\",\"end\":1.0}");
  WAIT_FOR(strstr(seen.words, "tw"));
  cal_ws_close(there.sockets[0].ws, 1011, "net0001");
  WAIT_FOR(there.opened == 2 && there.sockets[1].ws);
  size_t kept = 110 * FRAME - LEG_HZ / 2;
  while (there.sockets[1].heard < kept) {
    speak(1);
    turn(cal_loop_now_ns(host.loop));
  }
  check_sound(1, 1 + LEG_HZ / 2, kept);
  tell(1, "{\"type\":\"words\",\"final\":true,\"text\":\"two\",\"end\":0.7}");
  WAIT_FOR(strstr(seen.words, "two"));
  assert_string_equal(seen.words, "one.;tw…;two.;");
  assert_int_equal(seen.until_ms, 1200); /* of the call, not of its socket */
  assert_string_equal(seen.left, "");
}

static void an_ear_that_refuses_is_left_for_the_next_with_the_same_sound(void **state) {
  there.refuses = 401;
  listen_with(2);
  speak(50);
  WAIT_FOR(there.opened == 1 && there.sockets[0].ws);
  assert_non_null(strstr(seen.left, "first: "));
  assert_false(seen.is_last);
  assert_int_equal(there.refused, 1);
  while (there.sockets[0].heard < 100 * FRAME) { /* at twice the rate */
    speak(1);
    turn(cal_loop_now_ns(host.loop));
  }
  tell(0, "{\"type\":\"words\",\"final\":true,\"text\":\"yes\"}");
  WAIT_FOR(strstr(seen.words, "yes."));
}

static void no_room_is_asked_for_again_where_there_is_no_other_ear(void **state) {
  there.refuses = 503;
  listen_with(1);
  WAIT_FOR(there.refused == 2);
  there.refuses = 0;
  WAIT_FOR(there.opened == 1);
  assert_string_equal(seen.left, "");
}

static void an_ear_that_breaks_again_and_again_is_left_and_what_it_said_stays(void **state) {
  listen_with(1);
  speak(50);
  for (int i = 0; i <= CAL_LISTENER_TRIES; i++) {
    WAIT_FOR(there.opened == i + 1 && there.sockets[i].ws);
    tell(i, "{\"type\":\"words\",\"final\":false,\"text\":\"half\"}");
    cal_ws_close(there.sockets[i].ws, 1011, "out of credit");
  }
  WAIT_FOR(seen.is_last);
  assert_string_equal(seen.left, "first: out of ***;"); /* it repeats a secret */
  assert_non_null(strstr(seen.words, "half.;"));
  assert_null(listener);
}

static void an_error_that_says_so_ends_the_ear_and_another_does_not(void **state) {
  listen_with(1);
  WAIT_FOR(there.opened == 1 && there.sockets[0].ws);
  tell(0, "{\"type\":\"error\",\"why\":\"slow down\"}");
  tell(0, "{\"type\":\"words\",\"final\":true,\"text\":\"yes\"}");
  WAIT_FOR(strstr(seen.words, "yes."));
  tell(0, "{\"type\":\"error\",\"why\":\"Quota is used up\"}");
  WAIT_FOR(seen.is_last);
  assert_string_equal(seen.left, "first: Quota is used up;");
}

static void a_line_without_sound_is_silence(void **state) {
  listen_with(1);
  WAIT_FOR(there.sockets[0].heard >= LEG_HZ / 5);
  assert_int_equal(there.sockets[0].sound[0], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(sound_before_the_socket_is_up_is_not_lost),
      TEST(a_socket_that_breaks_is_opened_again_and_nothing_is_lost_or_doubled),
      TEST(an_ear_that_refuses_is_left_for_the_next_with_the_same_sound),
      TEST(no_room_is_asked_for_again_where_there_is_no_other_ear),
      TEST(an_ear_that_breaks_again_and_again_is_left_and_what_it_said_stays),
      TEST(an_error_that_says_so_ends_the_ear_and_another_does_not),
      TEST(a_line_without_sound_is_silence),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
