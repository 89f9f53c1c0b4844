/* The WebSocket half of the server, asked by a client that writes every byte itself: refusals, and frames no
 * library would send. */
#include "net/kit.h"

typedef struct host {
  kit k;
  cal_server *server;
  cal_ws *ws;
  int refuse_with, opened, messages, closed, is_binary;
  char last[4096];
  size_t last_bytes;
  cal_ws_end end;
  char text[128], query[256];
  const char *subprotocol;
} host;

static void on_open(void *context, cal_ws *ws) {
  host *h = context;
  h->opened++;
  h->ws = ws;
}

static void on_message(void *context, char *data, size_t bytes, int is_binary) {
  host *h = context;
  h->messages++;
  h->is_binary = is_binary;
  h->last_bytes = bytes;
  memset(h->last, 0, sizeof h->last);
  memcpy(h->last, data, bytes < sizeof h->last - 1 ? bytes : sizeof h->last - 1);
}

static void on_close(void *context, const cal_ws_end *end) {
  host *h = context;
  h->closed++;
  h->end = *end;
  snprintf(h->text, sizeof h->text, "%s", end->text);
  h->ws = NULL;
}

static int on_upgrade(void *context, const cal_http_request *request, cal_upgrade *upgrade) {
  host *h = context;
  snprintf(h->query, sizeof h->query, "%.*s", (int)request->query.bytes, request->query.at);
  if (h->refuse_with == 404) return 404;
  if (h->refuse_with) {
    cal_http_field fields[] = {{cal_span_of("content-type"), cal_span_of("application/problem+json")},
                               {cal_span_of("retry-after"), cal_span_of("7")}};
    cal_http_answer answer = {.status = h->refuse_with,
                              .fields = fields,
                              .field_count = h->refuse_with == 503 ? 2 : 1,
                              .body = cal_span_of("{\"title\":\"no\"}")};
    return cal_upgrade_refuse(upgrade, &answer);
  }
  upgrade->subprotocol = h->subprotocol;
  upgrade->handlers =
      (cal_ws_handlers){.context = h, .on_open = on_open, .on_message = on_message, .on_close = on_close};
  return 0;
}

static void host_open(host *h, const cal_net_options *options) {
  *h = (host){0};
  kit_open(&h->k, options);
  h->server = kit_serve(&h->k, (cal_server_options){.context = h, .on_upgrade = on_upgrade});
}

#define UPGRADE                                                                                              \
  "GET /media?token=abc HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

static raw *join(host *h) {
  raw *r = raw_open(cal_server_port(h->server));
  raw_say(r, UPGRADE KEY "\r\n");
  WAIT_FOR(&h->k, raw_has(r, "\r\n\r\n") && h->opened);
  assert_non_null(strstr(r->data, "HTTP/1.1 101"));
  assert_non_null(strstr(r->data, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
  r->bytes = 0;
  return r;
}

/* A masked frame; `first` is the first byte as RFC 6455 draws it. */
static void say_frame(raw *r, int first, const void *payload, size_t bytes) {
  unsigned char frame[70000], mask[4] = {1, 2, 3, 4};
  size_t at = 0;
  frame[at++] = (unsigned char)first;
  if (bytes < 126) {
    frame[at++] = (unsigned char)(0x80 | bytes);
  } else {
    frame[at++] = 0x80 | 126;
    frame[at++] = (unsigned char)(bytes >> 8);
    frame[at++] = (unsigned char)bytes;
  }
  memcpy(frame + at, mask, 4);
  at += 4;
  for (size_t i = 0; i < bytes; i++) frame[at++] = ((const unsigned char *)payload)[i] ^ mask[i & 3];
  raw_write(r, frame, at);
}

static int has_frame(raw *r, const void *bytes, size_t count) {
  raw_read(r);
  return memmem(r->data, r->bytes, bytes, count) != NULL;
}

static void refusals_reach_the_client(void **state) {
  static const struct {
    int status;
    const char *line, *more;
  } cases[] = {{401, "HTTP/1.1 401 Unauthorized", "{\"title\":\"no\"}"},
               {403, "HTTP/1.1 403 Forbidden", "application/problem+json"},
               {404, "HTTP/1.1 404 Not Found", "content-length: 0"},
               {503, "HTTP/1.1 503 Service Unavailable", "retry-after: 7"}};
  host h;
  host_open(&h, NULL);
  for (size_t i = 0; i < 4; i++) {
    h.refuse_with = cases[i].status;
    raw *r = raw_open(cal_server_port(h.server));
    raw_say(r, UPGRADE KEY "\r\n");
    WAIT_FOR(&h.k, raw_is_closed(r));
    if (strncmp(r->data, cases[i].line, strlen(cases[i].line)) || !strstr(r->data, cases[i].more))
      fail_msg("%d: %s", cases[i].status, r->data);
    raw_close(r);
  }
  assert_int_equal(h.opened + h.closed, 0);
  assert_string_equal(h.query, "token=abc");
  kit_close(&h.k);
}

static void malformed_upgrades_get_a_status(void **state) {
  static const struct {
    const char *request, *status;
  } cases[] = {
      {UPGRADE "Sec-WebSocket-Version: 13\r\n\r\n", "HTTP/1.1 400"},
      {UPGRADE "Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n", "HTTP/1.1 400"},
      {UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n",
       "HTTP/1.1 426"},
      {UPGRADE KEY "Content-Length: 3\r\n\r\nabc", "HTTP/1.1 400"},
      {"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: close\r\n" KEY "\r\n", "HTTP/1.1 400"},
      {"POST / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" KEY "\r\n",
       "HTTP/1.1 405"},
  };
  host h;
  host_open(&h, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    raw *r = raw_open(cal_server_port(h.server));
    raw_say(r, cases[i].request);
    WAIT_FOR(&h.k, raw_is_closed(r));
    if (strncmp(r->data, cases[i].status, 12)) fail_msg("case %zu: %s", i, r->data);
    if (raw_count(r, "HTTP/1.1") != 1) fail_msg("case %zu: answered more than once: %s", i, r->data);
    raw_close(r);
  }
  assert_int_equal(h.opened, 0);
  kit_close(&h.k);
}

static void a_subprotocol_is_agreed_on_only_when_both_name_it(void **state) {
  static const struct {
    const char *offered, *spoken;
    int is_agreed;
  } cases[] = {{"Sec-WebSocket-Protocol: mqtt, chat\r\n", "chat", 1},
               {"Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Protocol: chat\r\n", "chat", 1},
               {"Sec-WebSocket-Protocol: mqtt\r\n", "chat", 0},
               {"Sec-WebSocket-Protocol: mqtt, chat\r\n", NULL, 0},
               {"", "chat", 0}};
  host h;
  host_open(&h, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char request[1024];
    h.opened = h.closed = 0;
    h.subprotocol = cases[i].spoken;
    raw *r = raw_open(cal_server_port(h.server));
    snprintf(request, sizeof request, "%s%s%s\r\n", UPGRADE, KEY, cases[i].offered);
    raw_say(r, request);
    WAIT_FOR(&h.k, h.opened && raw_has(r, "\r\n\r\n"));
    assert_non_null(strstr(r->data, "HTTP/1.1 101"));
    assert_int_equal(strcasestr(r->data, "sec-websocket-protocol: chat\r\n") != NULL, cases[i].is_agreed);
    assert_int_equal(strcasestr(r->data, "sec-websocket-protocol") != NULL, cases[i].is_agreed);
    raw_close(r);
    WAIT_FOR(&h.k, h.closed);
  }
  kit_close(&h.k);
}

static void a_draining_server_refuses_upgrades_on_kept_connections(void **state) {
  host h;
  host_open(&h, NULL);
  raw *r = raw_open(cal_server_port(h.server));
  raw_say(r, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  WAIT_FOR(&h.k, raw_has(r, "HTTP/1.1 404"));
  cal_server_stop_listening(h.server);
  raw_say(r, UPGRADE KEY "\r\n");
  WAIT_FOR(&h.k, raw_has(r, "HTTP/1.1 503"));
  assert_non_null(strstr(r->data, "retry-after: 1"));
  raw_close(r);
  kit_close(&h.k);
}

static void fragments_become_one_message(void **state) {
  host h;
  host_open(&h, NULL);
  raw *r = join(&h);
  say_frame(r, 0x01, "one ", 4);
  say_frame(r, 0x00, "two ", 4);
  say_frame(r, 0x89, "ping", 4); /* control frames may come in between */
  say_frame(r, 0x80, "three", 5);
  WAIT_FOR(&h.k, h.messages == 1);
  assert_string_equal(h.last, "one two three");
  assert_false(h.is_binary);
  WAIT_FOR(&h.k, has_frame(r, "\x8a\x04ping", 6));
  say_frame(r, 0x02, "b", 1);
  say_frame(r, 0x80, "", 0);
  WAIT_FOR(&h.k, h.messages == 2);
  assert_string_equal(h.last, "b");
  assert_true(h.is_binary);
  raw_close(r);
  WAIT_FOR(&h.k, h.closed);
  assert_int_equal(h.end.code, 1006);
  assert_false(h.end.is_clean);
  kit_close(&h.k);
}

static void a_frame_may_trickle_in_byte_by_byte(void **state) {
  host h;
  host_open(&h, NULL);
  raw *r = join(&h);
  static const unsigned char frame[] = {0x81, 0x85, 0, 0, 0, 0, 'h', 'e', 'l', 'l', 'o'};
  for (size_t i = 0; i < sizeof frame; i++) {
    raw_write(r, frame + i, 1);
    kit_turn(&h.k, cal_loop_now_ns(h.k.loop));
  }
  WAIT_FOR(&h.k, h.messages == 1);
  assert_string_equal(h.last, "hello");
  raw_close(r);
  WAIT_FOR(&h.k, h.closed);
  kit_close(&h.k);
}

static void messages_that_come_with_the_upgrade_are_not_lost(void **state) {
  host h;
  host_open(&h, NULL);
  raw *r = raw_open(cal_server_port(h.server));
  static const char request[] = UPGRADE KEY "\r\n\x81\x85\0\0\0\0hello\x81\x82\0\0\0\0ho";
  raw_write(r, request, sizeof request - 1);
  WAIT_FOR(&h.k, h.messages == 2);
  assert_string_equal(h.last, "ho");
  raw_close(r);
  WAIT_FOR(&h.k, h.closed);
  kit_close(&h.k);
}

static void a_message_over_the_ceiling_is_closed_with_1009(void **state) {
  host h;
  host_open(&h, &(cal_net_options){.message_ceiling_bytes = 1000});
  raw *r = join(&h);
  char half[600];
  memset(half, 'x', sizeof half);
  say_frame(r, 0x01, half, sizeof half);
  say_frame(r, 0x00, half, sizeof half);
  WAIT_FOR(&h.k, has_frame(r, "\x03\xf1", 2)); /* 1009 */
  say_frame(r, 0x88, "\x03\xf1", 2);
  WAIT_FOR(&h.k, h.closed);
  assert_int_equal(h.messages, 0);
  assert_int_equal(h.end.code, 1009);
  raw_close(r);
  kit_close(&h.k);
}

/* A frame that announces far more than will ever fit must not make anybody set memory aside for it. */
static void an_absurd_length_is_not_believed(void **state) {
  host h;
  host_open(&h, NULL);
  raw *r = join(&h);
  static const unsigned char head[] = {0x82, 0xff, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4};
  raw_write(r, head, sizeof head);
  char block[32768] = {0};
  for (int i = 0; i < 10; i++) {
    send(r->fd, block, sizeof block, MSG_NOSIGNAL);
    kit_turn(&h.k, cal_loop_now_ns(h.k.loop));
  }
  WAIT_FOR(&h.k, has_frame(r, "\x03\xf1", 2));
  raw_close(r);
  WAIT_FOR(&h.k, h.closed);
  assert_int_equal(h.messages, 0);
  kit_close(&h.k);
}

static void close_codes_travel_both_ways(void **state) {
  host h;
  host_open(&h, NULL);
  raw *r = join(&h);
  cal_ws_close(h.ws, 4321, "see you");
  WAIT_FOR(&h.k, has_frame(r, "\x88\x09\x10\xe1see you", 11));
  say_frame(r, 0x88, "\x10\xe1", 2);
  WAIT_FOR(&h.k, h.closed);
  assert_true(h.end.is_clean);
  raw_close(r);
  h.closed = h.opened = 0;
  r = join(&h);
  say_frame(r, 0x88, "\x03\xe9 going", 8);
  WAIT_FOR(&h.k, h.closed);
  assert_int_equal(h.end.code, 1001);
  assert_string_equal(h.text, " going");
  assert_true(h.end.is_clean);
  WAIT_FOR(&h.k, has_frame(r, "\x88", 1));
  raw_close(r);
  kit_close(&h.k);
}

static void a_peer_that_never_answers_a_close_is_cut(void **state) {
  host h;
  host_open(&h, NULL);
  raw *r = join(&h);
  cal_ws_close(h.ws, 1000, "");
  WAIT_FOR(&h.k, h.closed);
  assert_true(h.end.is_clean);
  WAIT_FOR(&h.k, raw_is_closed(r));
  WAIT_FOR(&h.k, cal_server_connections(h.server) == 0);
  raw_close(r);
  kit_close(&h.k);
}

static void a_silent_peer_is_pinged_and_declared_dead(void **state) {
  host h;
  host_open(&h, &(cal_net_options){.ping_after_s = 1, .dead_after_s = 2});
  raw *r = join(&h);
  WAIT_FOR(&h.k, has_frame(r, "\x89", 1));
  WAIT_FOR(&h.k, h.closed);
  assert_int_equal(h.end.code, 1006);
  raw_close(r);
  kit_close(&h.k);
}

static void freeing_a_server_ends_its_websockets(void **state) {
  host h;
  host_open(&h, NULL);
  raw *r = join(&h);
  h.server = cal_server_free(h.server);
  assert_int_equal(h.closed, 1);
  WAIT_FOR(&h.k, raw_is_closed(r));
  raw_close(r);
  kit_close(&h.k);
}

static void closing_the_net_says_goodbye(void **state) {
  host h;
  host_open(&h, NULL);
  raw *r = join(&h);
  kit_close(&h.k);
  assert_int_equal(h.closed, 1);
  assert_int_equal(h.end.code, 1001);
  assert_true(has_frame(r, "\x03\xe9going away", 12));
  raw_close(r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refusals_reach_the_client),
      cmocka_unit_test(malformed_upgrades_get_a_status),
      cmocka_unit_test(a_subprotocol_is_agreed_on_only_when_both_name_it),
      cmocka_unit_test(a_draining_server_refuses_upgrades_on_kept_connections),
      cmocka_unit_test(fragments_become_one_message),
      cmocka_unit_test(a_frame_may_trickle_in_byte_by_byte),
      cmocka_unit_test(messages_that_come_with_the_upgrade_are_not_lost),
      cmocka_unit_test(a_message_over_the_ceiling_is_closed_with_1009),
      cmocka_unit_test(an_absurd_length_is_not_believed),
      cmocka_unit_test(close_codes_travel_both_ways),
      cmocka_unit_test(a_peer_that_never_answers_a_close_is_cut),
      cmocka_unit_test(a_silent_peer_is_pinged_and_declared_dead),
      cmocka_unit_test(freeing_a_server_ends_its_websockets),
      cmocka_unit_test(closing_the_net_says_goodbye),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
