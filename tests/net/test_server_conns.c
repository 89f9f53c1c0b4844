/* Connections of the server: one request after the other, deadlines, slow and fast clients. */
#include "net/server_kit.h"

/* Whatever arrives together, each request has its own body and its own answer, in order. */
static void requests_sent_ahead_are_answered_in_order(void **state) {
  static const char ahead[] = "POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                              "POST /two HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "3\r\ndef\r\n0\r\n\r\n"
                              "\r\nGET /three HTTP/1.1\r\nHost: x\r\n\r\n";
  static const char *const answers[] = {"", "/one", "/two", "/three"};
  for (int round = 0; round < 4; round++) {
    kit k;
    seen s;
    start(&k, &s, NULL);
    s.mood = round & 1 ? ANSWER_LATER : ANSWER_NOW;
    raw *r = raw_open(cal_server_port(s.server));
    for (size_t i = 0; round & 2 && i < sizeof ahead - 1; i++) {
      raw_write(r, ahead + i, 1);
      kit_turn(&k, cal_loop_now_ns(k.loop));
    }
    if (!(round & 2)) raw_say(r, ahead);
    shutdown(r->fd, SHUT_WR); /* it sends no more, and waits for its answers all the same */
    for (int i = 1; s.mood == ANSWER_LATER && i <= 3; i++) {
      WAIT_FOR(&k, s.count == i);
      assert_string_equal(s.body, i == 1 ? "abc" : i == 2 ? "def" : "");
      answer(&s, s.last, 200, answers[i]);
    }
    WAIT_FOR(&k, raw_is_closed(r));
    assert_int_equal(s.count, 3);
    assert_int_equal(raw_count(r, "HTTP/1.1 200"), 3);
    char *one = strstr(r->data, "/one"), *two = strstr(r->data, "/two"), *three = strstr(r->data, "/three");
    assert_true(one && two && three && one < two && two < three);
    raw_close(r);
    kit_close(&k);
  }
}

/* A client that sends on and on without reading is not read either: its requests cannot fill the memory. */
static void a_client_far_ahead_is_made_to_wait(void **state) {
  kit k;
  seen s;
  start(&k, &s, NULL);
  s.mood = ANSWER_LATER;
  raw *r = raw_open(cal_server_port(s.server));
  size_t sent = 0;
  static char many[65536];
  for (size_t at = 0; at + 40 < sizeof many;)
    at += (size_t)sprintf(many + at, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
  for (int quiet = 0; quiet < 50;) {
    ssize_t n = send(r->fd, many, strlen(many), MSG_NOSIGNAL);
    quiet = n > 0 ? 0 : quiet + 1;
    if (n > 0) sent += (size_t)n;
    kit_turn(&k, cal_loop_now_ns(k.loop));
    assert_true(sent < 64u << 20);
  }
  assert_int_equal(s.count, 1);
  raw_close(r);
  kit_close(&k);
}

/* One after the other on one connection, bodies in pieces. */
static void a_kept_connection_serves_many_requests(void **state) {
  kit k;
  seen s;
  start(&k, &s, NULL);
  raw *r = raw_open(cal_server_port(s.server));
  for (int i = 1; i <= 50; i++) {
    char body[32];
    int bytes = snprintf(body, sizeof body, "body %d", i);
    char head[128];
    snprintf(head, sizeof head, "POST /many HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", bytes);
    raw_say(r, head);
    kit_turn(&k, cal_loop_now_ns(k.loop));
    raw_say(r, body);
    WAIT_FOR(&k, raw_count(r, "/many") == i);
    assert_string_equal(s.body, body);
  }
  assert_int_equal(s.count, 50);
  raw_close(r);
  kit_close(&k);
}

/* Waiting for an answer must not burn the processor while the client has already sent more. */
static void a_waiting_request_does_not_spin(void **state) {
  kit k;
  seen s;
  start(&k, &s, NULL);
  s.mood = ANSWER_LATER;
  raw *r = raw_open(cal_server_port(s.server));
  raw_say(r, "GET /one HTTP/1.1\r\nHost: x\r\n\r\n");
  WAIT_FOR(&k, s.count == 1);
  raw_say(r, "GET /two HTTP/1.1\r\nHost: x\r\n\r\n");
  for (int turn = 0; turn < 20; turn++) uv_run(cal_loop_uv(k.loop), UV_RUN_NOWAIT);
  struct pollfd backend = {.fd = uv_backend_fd(cal_loop_uv(k.loop)), .events = POLLIN};
  assert_int_equal(poll(&backend, 1, 0), 0);
  answer(&s, s.last, 200, "one");
  WAIT_FOR(&k, raw_has(r, "one"));
  raw_close(r);
  kit_close(&k);
}

static void a_large_answer_arrives_whole_at_a_slow_reader(void **state) {
  enum { BYTES = 3 * 1024 * 1024 };
  kit k;
  seen s;
  start(&k, &s, NULL);
  s.mood = ANSWER_LATER;
  int fd = raw_dial(cal_server_port(s.server), 8192);
  static const char request[] = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
  assert_int_equal(send(fd, request, sizeof request - 1, 0), sizeof request - 1);
  WAIT_FOR(&k, s.count == 1);
  char *body = malloc(BYTES);
  for (size_t i = 0; i < BYTES; i++) body[i] = (char)('a' + i % 23);
  cal_http_answer large = {.status = 200, .body = {.at = body, .bytes = BYTES}};
  cal_server_reply(s.server, s.last, &large);
  char *got = malloc(BYTES + 4096);
  size_t bytes = 0, begin = 0;
  while (!begin || bytes < begin + BYTES) {
    kit_turn(&k, cal_loop_now_ns(k.loop));
    ssize_t n = recv(fd, got + bytes, BYTES + 4096 - bytes < 20000 ? BYTES + 4096 - bytes : 20000, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) fail_msg("the connection ended after %zu bytes", bytes);
    if (n > 0) bytes += (size_t)n;
    char *end = !begin && bytes > 4 ? memmem(got, bytes, "\r\n\r\n", 4) : NULL;
    if (end) begin = (size_t)(end - got) + 4;
  }
  assert_memory_equal(got + begin, body, BYTES);
  assert_int_equal(send(fd, request, sizeof request - 1, 0), sizeof request - 1);
  WAIT_FOR(&k, s.count == 2); /* the connection is still good */
  free(got);
  free(body);
  close(fd);
  kit_close(&k);
}

static void silence_is_ended_by_the_deadline(void **state) {
  static const struct {
    const char *request, *answer;
  } cases[] = {
      {"", ""},
      {"\r\n\r\n", ""},
      {"GET / HTTP/1.1\r\nHost:", "HTTP/1.1 408 Request Timeout"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf", "HTTP/1.1 408 Request Timeout"},
      {CHUNKED "9\r\nhalf", "HTTP/1.1 408 Request Timeout"}};
  kit k;
  seen s;
  start(&k, &s, &(cal_net_options){.handshake_timeout_ms = 50});
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    raw *r = raw_open(cal_server_port(s.server));
    raw_say(r, cases[i].request);
    WAIT_FOR(&k, raw_is_closed(r));
    if (strncmp(r->data, cases[i].answer, strlen(cases[i].answer)) || (r->bytes && !*cases[i].answer))
      fail_msg("%s: %s", cases[i].request, r->data);
    raw_close(r);
  }
  assert_int_equal(s.count, 0);
  kit_close(&k);
}

/* A byte now and then does not keep a request alive (slow-loris). */
static void a_trickling_header_has_one_deadline(void **state) {
  kit k;
  seen s;
  start(&k, &s, &(cal_net_options){.handshake_timeout_ms = 200});
  raw *r = raw_open(cal_server_port(s.server));
  raw_say(r, "GET / HTTP/1.1\r\nX: ");
  while (!raw_has(r, "HTTP/1.1 408")) {
    send(r->fd, "a", 1, MSG_NOSIGNAL);
    assert_true(kit_turn(&k, cal_loop_now_ns(k.loop)));
    assert_int_equal(s.count, 0);
  }
  raw_close(r);
  kit_close(&k);
}

static void an_idle_connection_is_closed(void **state) {
  kit k;
  seen s;
  start(&k, &s, &(cal_net_options){.idle_timeout_ms = 50});
  raw *r = raw_open(cal_server_port(s.server));
  raw_say(r, "GET /once HTTP/1.1\r\nHost: x\r\n\r\n");
  WAIT_FOR(&k, raw_has(r, "/once"));
  WAIT_FOR(&k, raw_is_closed(r));
  raw_close(r);
  kit_close(&k);
}

static void persistence_is_as_asked_for(void **state) {
  static const struct {
    const char *request;
    int stays;
    const char *says;
  } cases[] = {
      {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1, NULL},
      {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 0, "connection: close"},
      {"GET / HTTP/1.0\r\n\r\n", 0, "connection: close"},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 1, "connection: keep-alive"},
      {"POST / HTTP/1.1\r\nHost: x\r\n\r\n", 1, NULL},
      {"GET / HTTP/1.1\r\nHost: x\r\nConnection: x, Close\r\n\r\n", 0, "connection: close"},
      {"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", 1, "content-length: 1\r\n\r\n"},
  };
  kit k;
  seen s;
  start(&k, &s, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    raw *r = raw_open(cal_server_port(s.server));
    raw_say(r, cases[i].request);
    WAIT_FOR(&k, raw_has(r, "\r\n\r\n"));
    if (cases[i].says && !raw_has(r, cases[i].says)) fail_msg("%s: %s", cases[i].request, r->data);
    if (cases[i].stays) {
      int count = s.count;
      raw_say(r, "GET /again HTTP/1.1\r\nHost: x\r\n\r\n");
      WAIT_FOR(&k, s.count == count + 1);
    } else {
      WAIT_FOR(&k, raw_is_closed(r));
    }
    raw_close(r);
  }
  kit_close(&k);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(requests_sent_ahead_are_answered_in_order),
      cmocka_unit_test(a_client_far_ahead_is_made_to_wait),
      cmocka_unit_test(a_kept_connection_serves_many_requests),
      cmocka_unit_test(a_waiting_request_does_not_spin),
      cmocka_unit_test(a_large_answer_arrives_whole_at_a_slow_reader),
      cmocka_unit_test(silence_is_ended_by_the_deadline),
      cmocka_unit_test(a_trickling_header_has_one_deadline),
      cmocka_unit_test(an_idle_connection_is_closed),
      cmocka_unit_test(persistence_is_as_asked_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
