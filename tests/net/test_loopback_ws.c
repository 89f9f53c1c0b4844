/* WebSockets through the network in memory, and that nothing is left behind. */
#include "net/loopback_kit.h"

/* ---- WebSockets */

static cal_ws *dial(world *w, side *s, cal_ws_connect_options options) {
  cal_ws *ws = NULL;
  *s = (side){0};
  options.handlers = handlers_of(s);
  if (cal_ws_connect(&ws, w->net, &options)) fail_msg("%s: %s", options.url, cal_error_text());
  assert_int_equal(s->opened + s->closed, 0);
  return ws;
}

static void a_websocket_opens_and_talks(void **state) {
  world w;
  host h;
  side s;
  world_open(&w, (cal_net_options){0});
  serve(&w, &h, "app.test", 443);
  fault(&w, "app.test", (cal_loopback_fault){.latency_ms = 20});
  cal_http_field field = {cal_span_of("X-Signature"), cal_span_of("abc")};
  dial(&w, &s,
       (cal_ws_connect_options){.url = "wss://app.test/media/1?token=t",
                                .fields = &field,
                                .field_count = 1,
                                .subprotocol = "twilio"});
  pass(&w, 39);
  assert_int_equal(h.accepted.opened, 1);
  assert_int_equal(s.opened, 0);
  pass(&w, 1);
  assert_int_equal(s.opened + h.accepted.opened, 2);
  assert_int_equal(cal_server_connections(h.server), 1);
  assert_string_equal(h.path, "/media/1");
  assert_string_equal(h.query, "token=t");
  assert_string_equal(h.fields, "x-signature=abc;host=app.test;");
  assert_string_equal(h.method, "GET");
  assert_true(h.is_tls && !h.id);
  h.accepted.echoes = 1;
  cal_ws_send_copy(s.ws, "hello", 5, CAL_WS_TEXT);
  pass(&w, 39);
  assert_int_equal(h.accepted.messages, 1);
  assert_int_equal(s.messages, 0);
  pass(&w, 1);
  assert_string_equal(s.last, "hello");
  assert_false(s.is_binary);
  assert_string_equal(w.record, "GET app.test/media/1 101\n");
  assert_int_equal(cal_loopback_open(w.loopback), 1);
  cal_ws_close(s.ws, 4001, "enough");
  assert_int_equal(s.closed, 0);
  pass(&w, 100);
  assert_int_equal(s.closed + h.accepted.closed, 2);
  assert_int_equal(h.accepted.end.code, 4001);
  assert_string_equal(h.accepted.text, "enough");
  assert_true(s.end.is_clean && h.accepted.end.is_clean);
  dial(&w, &s, (cal_ws_connect_options){.url = "wss://app.test/"}); /* and the other way round */
  pass(&w, 40);
  cal_ws_close(h.accepted.ws, 1000, "bye");
  pass(&w, 100);
  assert_int_equal(s.end.code, 1000);
  assert_string_equal(s.text, "bye");
  assert_true(s.end.is_clean);
  assert_int_equal(cal_server_connections(h.server), 0);
  assert_int_equal(cal_loopback_open(w.loopback), 0);
  assert_int_equal(cal_loop_timers(w.loop), 0);
  world_close(&w);
}

static void upgrades_that_do_not_open(void **state) {
  world w;
  host h, vendor;
  world_open(&w, (cal_net_options){0});
  serve(&w, &h, "app.test", 80);
  play(&w, &vendor, "stt.example.com");
  const struct {
    cal_ws_connect_options options;
    int refuse_with;
    cal_loopback_fault fault; /* of stt.example.com */
    int error, status;
    uint64_t after_ms;
    const char *record;
  } cases[] = {
      {{.url = "ws://app.test/"}, 401, {0}, -EPROTO, 401, 2, "401"},
      {{.url = "ws://app.test/"}, 503, {0}, -EPROTO, 503, 2, "503"},
      {{.url = "wss://app.test/"}, 0, {0}, -ECONNREFUSED, 0, 2, "ECONNREFUSED"},
      {{.url = "ws://nobody.test/"}, 0, {0}, -ENOENT, 0, 2, "ENOENT"},
      {{.url = "ws://127.0.0.1/", .deny_private = 1}, 0, {0}, -EACCES, 0, 1, "EACCES"},
      {{.url = "ws://stt.example.com/"}, 429, {0}, -EPROTO, 429, 2, "429"},
      {{.url = "ws://stt.example.com/"}, 0, {.refuse = -EKEYREJECTED}, -EKEYREJECTED, 0, 2, "EKEYREJECTED"},
      {{.url = "ws://stt.example.com/"}, 0, {.refuse = -ETIMEDOUT}, -ETIMEDOUT, 0, 10000, "ETIMEDOUT"},
      {{.url = "ws://stt.example.com/", .timeout_ms = 700},
       0,
       {.is_silent = 1},
       -ETIMEDOUT,
       0,
       700,
       "ETIMEDOUT"},
      {{.url = "ws://stt.example.com/", .timeout_ms = 50}, 0, {.latency_ms = 30}, -ETIMEDOUT, 0, 50, "101"},
      {{.url = "ws://stt.example.com/"}, 0, {.is_cut = 1}, -EPROTO, 0, 2, "EPROTO"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    side s;
    w.record[0] = 0;
    h.refuse_with = vendor.refuse_with = cases[i].refuse_with;
    fault(&w, "stt.example.com", cases[i].fault);
    dial(&w, &s, cases[i].options);
    pass(&w, cases[i].after_ms - 1);
    if (s.closed && cases[i].error != -EACCES) fail_msg("%zu: too early: %s", i, s.text);
    pass(&w, 1);
    if (s.closed != 1 || s.end.error != cases[i].error || s.end.status != cases[i].status || !s.text[0])
      fail_msg("%zu: %d times %s, status %d: %s", i, s.closed, cal_error_name(s.end.error), s.end.status,
               s.text);
    if (!strstr(w.record, cases[i].record)) fail_msg("%zu: %s", i, w.record);
    assert_int_equal(s.end.code, 1006);
    assert_false(s.opened || s.end.is_clean);
    pass(&w, 100);
    assert_int_equal(cal_loopback_open(w.loopback), 0);
    assert_int_equal(cal_loop_timers(w.loop), 0);
  }
  assert_int_equal(vendor.accepted.opened, 1);
  assert_int_equal(vendor.accepted.closed, 1); /* of the one that took too long to be told */
  world_close(&w);
}

static char retry_after[32];
static void on_refusal_seen(void *context, const char *authority, const cal_http_request *request,
                            const cal_http_answer *answer, int error) {
  for (size_t i = 0; answer && i < answer->field_count; i++)
    if (cal_span_is(answer->fields[i].name, "retry-after"))
      snprintf(retry_after, sizeof retry_after, "%.*s, %.*s", (int)answer->fields[i].value.bytes,
               answer->fields[i].value.at, (int)answer->body.bytes, answer->body.at);
}

static void a_refusal_is_recorded_whole(void **state) {
  world w;
  host h;
  side s;
  world_open(&w, (cal_net_options){0});
  cal_loopback_watch(w.loopback, on_refusal_seen, NULL);
  serve(&w, &h, "app.test", 0);
  h.refuse_with = 503;
  dial(&w, &s, (cal_ws_connect_options){.url = "wss://app.test/"});
  pass(&w, 2);
  assert_int_equal(s.end.status, 503);
  assert_string_equal(retry_after, "7, full");
  world_close(&w);
}

static void big_messages(void **state) {
  world w;
  host h, vendor;
  side s, v;
  char *data = malloc(300000);
  for (int i = 0; i < 300000; i++) data[i] = (char)('a' + i % 26);
  world_open(&w, (cal_net_options){.message_ceiling_bytes = 200000});
  serve(&w, &h, "app.test", 80);
  play(&w, &vendor, "tts.example.com");
  dial(&w, &s, (cal_ws_connect_options){.url = "ws://app.test/"});
  dial(&w, &v, (cal_ws_connect_options){.url = "ws://tts.example.com/"});
  pass(&w, 2);
  h.accepted.echoes = 1;
  cal_ws_send_copy(s.ws, data, 200000, CAL_WS_BINARY);
  cal_ws_send_copy(v.ws, data, 300000, CAL_WS_TEXT); /* a vendor takes more */
  pass(&w, 2);
  assert_int_equal(s.bytes, 200000);
  assert_true(s.is_binary);
  assert_memory_equal(s.last, data, 63);
  assert_int_equal(vendor.accepted.bytes, 300000);
  cal_ws_send_copy(s.ws, data, 200001, CAL_WS_BINARY);
  cal_ws_send_copy(vendor.accepted.ws, data, 200001, CAL_WS_TEXT);
  pass(&w, 10);
  assert_int_equal(s.end.code, 1009);
  assert_int_equal(vendor.accepted.end.code, 1009);
  assert_int_equal(h.accepted.messages, 1);
  free(data);
  world_close(&w);
}

static void open_sockets_break(void **state) {
  world w;
  host h, vendor;
  side s, v, waiting;
  world_open(&w, (cal_net_options){0});
  serve(&w, &h, "app.test", 80);
  play(&w, &vendor, "stt.example.com");
  dial(&w, &s, (cal_ws_connect_options){.url = "ws://app.test/"});
  dial(&w, &v, (cal_ws_connect_options){.url = "ws://stt.example.com/"});
  pass(&w, 2);
  cal_ws_send_copy(v.ws, "never", 5, CAL_WS_TEXT);
  dial(&w, &waiting, (cal_ws_connect_options){.url = "ws://stt.example.com/"});
  fault(&w, "stt.example.com", (cal_loopback_fault){.is_cut = 1});
  assert_int_equal(v.closed + vendor.accepted.closed, 0); /* not from inside */
  pass(&w, 0);
  assert_int_equal(v.closed, 1);
  assert_int_equal(v.end.error, -ECONNRESET);
  assert_int_equal(v.end.code, 1006);
  assert_int_equal(vendor.accepted.closed, 1);
  assert_int_equal(vendor.accepted.messages, 0);
  pass(&w, 2);
  assert_int_equal(waiting.closed, 1);
  assert_int_equal(s.closed, 0);
  world_close(&w);
  assert_int_equal(s.closed, 1);
  assert_int_equal(h.accepted.closed, 1);
}

static void giving_up_while_it_connects(void **state) {
  world w;
  host h;
  side early, late, during;
  world_open(&w, (cal_net_options){0});
  serve(&w, &h, "app.test", 80);
  cal_ws *ws = dial(&w, &early, (cal_ws_connect_options){.url = "ws://app.test/"});
  cal_ws_close(ws, 1000, "changed my mind");
  pass(&w, 0);
  assert_int_equal(early.end.error, -ECANCELED);
  assert_int_equal(h.upgrades, 0);
  ws = dial(&w, &late, (cal_ws_connect_options){.url = "ws://app.test/"});
  pass(&w, 1);
  assert_int_equal(h.upgrades, 1);
  cal_ws_close(ws, 1000, "");
  pass(&w, 2);
  assert_int_equal(late.end.error, -ECANCELED);
  assert_int_equal(h.accepted.closed, 1);
  assert_int_equal(cal_loopback_open(w.loopback), 0);
  dial(&w, &during, (cal_ws_connect_options){.url = "ws://app.test/"});
  world_close(&w); /* and while the net is closed */
  assert_int_equal(during.closed, 1);
}

/* ---- the end */

static void a_net_says_goodbye(void **state) {
  world w;
  host h, vendor;
  side s, v;
  asked a = {0}, cancelled = {0};
  world_open(&w, (cal_net_options){0});
  serve(&w, &h, "app.test", 80);
  play(&w, &vendor, "stt.example.com");
  dial(&w, &s, (cal_ws_connect_options){.url = "ws://app.test/"});
  dial(&w, &v, (cal_ws_connect_options){.url = "ws://stt.example.com/"});
  h.later = 1;
  ask(&w, &a, (cal_http_fetch_options){.url = "http://app.test/"});
  ask(&w, &cancelled, (cal_http_fetch_options){.url = "http://app.test/"});
  pass(&w, 2);
  assert_int_equal(cal_http_cancel(w.net, cancelled.id), 0);
  assert_int_equal(cal_loopback_open(w.loopback), 4);
  w.net = cal_net_close(w.net);
  assert_int_equal(a.done, 0); /* dropped */
  assert_int_equal(s.closed + v.closed, 2);
  assert_int_equal(s.end.code, 1001);
  assert_true(s.end.is_clean);
  assert_int_equal(cal_server_connections(h.server), 1);
  pass(&w, 1);
  assert_int_equal(h.accepted.end.code, 1001);
  assert_int_equal(vendor.accepted.end.code, 1001);
  assert_int_equal(cal_server_connections(h.server), 0);
  assert_int_equal(cal_loopback_open(w.loopback), 0);
  assert_int_equal(cal_loop_timers(w.loop), 0);
  world_close(&w);
}

static void what_doubles_have_open_ends_with_the_loopback(void **state) {
  world w;
  host vendor;
  side v;
  world_open(&w, (cal_net_options){0});
  play(&w, &vendor, "stt.example.com");
  dial(&w, &v, (cal_ws_connect_options){.url = "ws://stt.example.com/"});
  pass(&w, 2);
  cal_net_close(w.net);
  cal_net_close(w.far);
  assert_int_equal(vendor.accepted.closed, 0);
  assert_int_equal(cal_loopback_open(w.loopback), 1);
  cal_loopback_free(w.loopback); /* before the goodbye has arrived */
  assert_int_equal(vendor.accepted.closed, 1);
  assert_int_equal(cal_loop_timers(w.loop), 0);
  assert_int_equal(cal_loop_free(w.loop), 0);
  cal_clock_free(w.clock);
}

static int open_descriptors(void) {
  int count = 0;
  for (int fd = 0; fd < 1024; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

static void no_descriptor_is_opened(void **state) {
  world w;
  host h;
  side s;
  asked a = {0};
  world_open(&w, (cal_net_options){0});
  pass(&w, 1);
  int before = open_descriptors();
  cal_net *third = NULL;
  assert_int_equal(cal_net_new(&third, w.loop, &(cal_net_options){.loopback = w.loopback}), 0);
  serve(&w, &h, "app.test", 80);
  ask(&w, &a, (cal_http_fetch_options){.url = "http://app.test/"});
  dial(&w, &s, (cal_ws_connect_options){.url = "ws://app.test/"});
  pass(&w, 2);
  assert_int_equal(a.done + s.opened, 2);
  assert_int_equal(open_descriptors(), before);
  cal_net_close(third);
  world_close(&w);
}

static void a_net_of_another_loop_is_refused(void **state) {
  world w;
  cal_net *net = NULL;
  cal_loop *loop = NULL;
  world_open(&w, (cal_net_options){0});
  assert_int_equal(cal_loop_new(&loop, cal_clock_real()), 0);
  assert_int_equal(cal_net_new(&net, loop, &(cal_net_options){.loopback = w.loopback}), -EINVAL);
  assert_int_equal(cal_loop_free(loop), 0);
  world_close(&w);
}

/* What came while nobody read is handed over first, in order, also when more arrives in the same moment. */
typedef struct ordered {
  cal_ws *ws;
  char seen[64];
  cal_ws *wakes; /* a socket that reads again when this one hears something */
} ordered;

static void on_ordered_open(void *context, cal_ws *ws) { ((ordered *)context)->ws = ws; }

static void on_ordered_message(void *context, char *data, size_t bytes, int is_binary) {
  ordered *o = context;
  strncat(o->seen, data, bytes);
  if (o->wakes) cal_ws_pause(o->wakes, 0);
}

static int accept_ordered(void *context, const cal_http_request *request, cal_upgrade *upgrade) {
  ordered *all = context;
  upgrade->handlers = (cal_ws_handlers){.context = &all[cal_span_is(request->path, "/second")],
                                        .on_open = on_ordered_open,
                                        .on_message = on_ordered_message};
  return 0;
}

static void a_paused_reader_misses_nothing(void **state) {
  world w;
  side s[2];
  ordered all[2] = {{0}};
  world_open(&w, (cal_net_options){0});
  cal_loopback_double both = {.context = all, .on_upgrade = accept_ordered};
  assert_int_equal(cal_loopback_host(w.loopback, "api.example.com", &both), 0);
  dial(&w, &s[0], (cal_ws_connect_options){.url = "ws://api.example.com/"});
  dial(&w, &s[1], (cal_ws_connect_options){.url = "ws://api.example.com/second"});
  pass(&w, 2);
  cal_ws_pause(all[1].ws, 1);
  cal_ws_send_copy(s[1].ws, "1", 1, CAL_WS_TEXT);
  cal_ws_send_copy(s[1].ws, "2", 1, CAL_WS_TEXT);
  pass(&w, 50);
  assert_string_equal(all[1].seen, "");
  assert_int_equal(cal_loop_timers(w.loop), 0);
  all[0].wakes = all[1].ws;
  cal_ws_send_copy(s[1].ws, "3", 1,
                   CAL_WS_TEXT); /* due together with what wakes the reader, before and after */
  cal_ws_send_copy(s[0].ws, "x", 1, CAL_WS_TEXT);
  cal_ws_send_copy(s[1].ws, "4", 1, CAL_WS_TEXT);
  pass(&w, 1);
  cal_ws_send_copy(s[1].ws, "5", 1, CAL_WS_TEXT);
  pass(&w, 1);
  assert_string_equal(all[1].seen, "12345");
  cal_ws_pause(all[1].ws, 1);
  cal_ws_send_copy(s[1].ws, "6", 1, CAL_WS_TEXT);
  cal_ws_close(s[1].ws, 1000, "");
  pass(&w, 5000);
  assert_int_equal(s[1].closed, 1); /* it does not wait for ever for somebody who sees no close */
  cal_ws_pause(all[1].ws, 0);
  pass(&w, 0);
  assert_string_equal(all[1].seen, "123456");
  world_close(&w);
}

/* Frames of many calls, in order, none lost, none left. */
static void many_media_sockets(void **state) {
  enum { SOCKETS = 200, FRAMES = 100 };
  static side sides[SOCKETS];
  world w;
  host h;
  world_open(&w, (cal_net_options){0});
  serve(&w, &h, "app.test", 80);
  h.accepted.echoes = 0;
  for (int i = 0; i < SOCKETS; i++) dial(&w, &sides[i], (cal_ws_connect_options){.url = "ws://app.test/"});
  pass(&w, 2);
  char frame[CAL_WS_PAD + 320] = {0};
  for (int n = 0; n < FRAMES; n++) {
    for (int i = 0; i < SOCKETS; i++)
      assert_int_equal(cal_ws_send(sides[i].ws, frame + CAL_WS_PAD, 320, CAL_WS_BINARY | CAL_WS_AUDIO), 0);
    assert_true(cal_loop_timers(w.loop) == 1); /* one for all that is under way */
    pass(&w, 20);
  }
  assert_int_equal(h.accepted.messages, SOCKETS * FRAMES);
  world_close(&w);
  for (int i = 0; i < SOCKETS; i++) assert_int_equal(sides[i].closed, 1);
  assert_int_equal(h.accepted.closed, SOCKETS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_websocket_opens_and_talks),
      cmocka_unit_test(upgrades_that_do_not_open),
      cmocka_unit_test(a_refusal_is_recorded_whole),
      cmocka_unit_test(big_messages),
      cmocka_unit_test(open_sockets_break),
      cmocka_unit_test(giving_up_while_it_connects),
      cmocka_unit_test(a_net_says_goodbye),
      cmocka_unit_test(what_doubles_have_open_ends_with_the_loopback),
      cmocka_unit_test(no_descriptor_is_opened),
      cmocka_unit_test(a_net_of_another_loop_is_refused),
      cmocka_unit_test(a_paused_reader_misses_nothing),
      cmocka_unit_test(many_media_sockets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
