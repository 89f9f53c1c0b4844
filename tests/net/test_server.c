/* The life of a server: it is asked, answers, is full, drains and ends. */
#include "net/server_kit.h"

static void a_request_is_handed_over_and_answered(void **state) {
  kit k;
  seen s;
  start(&k, &s, NULL);
  raw *r = raw_open(cal_server_port(s.server));
  raw_say(r, "POST /twilio/answer?a=1&b=two HTTP/1.1\r\nHost: example.org\r\nX-Twilio-Signature: abc=\r\n"
             "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
  WAIT_FOR(&k, raw_has(r, "/twilio/answer"));
  assert_string_equal(s.method, "POST");
  assert_string_equal(s.path, "/twilio/answer");
  assert_string_equal(s.query, "a=1&b=two");
  assert_string_equal(s.body, "hello");
  assert_string_equal(s.signature, "abc=");
  assert_string_equal(s.host, "example.org");
  assert_string_equal(s.peer, "127.0.0.1");
  assert_non_null(strstr(r->data, "HTTP/1.1 200 OK\r\n"));
  assert_non_null(strstr(r->data, "content-length: 14\r\n"));
  raw_close(r);
  kit_close(&k);
}

static void an_answer_may_come_later(void **state) {
  kit k;
  seen s;
  start(&k, &s, NULL);
  s.mood = ANSWER_LATER;
  raw *r = raw_open(cal_server_port(s.server));
  raw_say(r, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  WAIT_FOR(&k, s.count == 1);
  assert_false(raw_has(r, "HTTP/1.1"));
  answer(&s, s.last, 201, "done");
  WAIT_FOR(&k, raw_has(r, "done"));
  assert_non_null(strstr(r->data, "HTTP/1.1 201 Created"));
  assert_int_equal(cal_server_reply(s.server, s.last, &(cal_http_answer){.status = 200}), -ENOENT);
  raw_close(r);
  kit_close(&k);
}

static void an_answer_to_a_client_that_left_is_a_polite_no_op(void **state) {
  kit k;
  seen s;
  start(&k, &s, NULL);
  s.mood = ANSWER_LATER;
  raw *r = raw_open(cal_server_port(s.server));
  raw_say(r, "POST /gone HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
  WAIT_FOR(&k, s.count == 1);
  struct linger reset = {.l_onoff = 1};
  setsockopt(r->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  raw_close(r);
  answer(&s, s.last, 200, "nobody reads this");
  WAIT_FOR(&k, cal_server_connections(s.server) == 0);
  assert_int_equal(cal_server_reply(s.server, s.last, &(cal_http_answer){.status = 200}), -ENOENT);
  kit_close(&k);
}

/* What a request's asker has become when a client did `leaves` after sending it; `reply_ms` 0: the server waits long. */
static cal_asker_state asker_after(void (*leaves)(kit *k, seen *s, raw *r), uint32_t reply_ms) {
  kit k;
  seen s;
  start(&k, &s, &(cal_net_options){.reply_timeout_ms = reply_ms});
  s.mood = ANSWER_LATER;
  s.keeps_asker = 1;
  raw *r = raw_open(cal_server_port(s.server));
  raw_say(r, "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
  WAIT_FOR(&k, s.count == 1);
  if (!reply_ms) assert_int_equal(cal_asker_state_of(s.asker), CAL_ASKER_WAITS);
  leaves(&k, &s, r);
  WAIT_FOR(&k, cal_asker_state_of(s.asker) != CAL_ASKER_WAITS);
  cal_asker_state state = cal_asker_state_of(s.asker);
  cal_unref(s.asker);
  kit_close(&k);
  return state;
}

static void reset_it(kit *k, seen *s, raw *r) {
  struct linger reset = {.l_onoff = 1};
  setsockopt(r->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  raw_close(r);
}

static void get_an_answer(kit *k, seen *s, raw *r) {
  answer(s, s->last, 200, "here");
  raw_close(r);
}

static void wait_too_long(kit *k, seen *s, raw *r) {
  WAIT_FOR(k, raw_has(r, "504"));
  raw_close(r);
}

static void who_works_on_a_request_can_see_whether_its_asker_has_left(void **state) {
  assert_int_equal(asker_after(reset_it, 0), CAL_ASKER_LEFT);
  assert_int_equal(asker_after(get_an_answer, 0), CAL_ASKER_LEFT);
  assert_int_equal(asker_after(wait_too_long, 30), CAL_ASKER_LEFT);
}

static void an_asker_that_sends_no_more_may_still_read(void **state) {
  kit k;
  seen s;
  start(&k, &s, NULL);
  s.mood = ANSWER_LATER;
  s.keeps_asker = 1;
  raw *r = raw_open(cal_server_port(s.server));
  raw_say(r, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
  WAIT_FOR(&k, s.count == 1);
  shutdown(r->fd, SHUT_WR);
  WAIT_FOR(&k, cal_asker_state_of(s.asker) == CAL_ASKER_SENDS_NO_MORE);
  answer(&s, s.last, 200, "read this");
  WAIT_FOR(&k, raw_has(r, "read this"));
  assert_int_equal(cal_asker_state_of(s.asker), CAL_ASKER_LEFT);
  raw_close(r);
  cal_unref(s.asker);
  kit_close(&k);
}

static void a_request_nobody_answers_gets_504(void **state) {
  kit k;
  seen s;
  start(&k, &s, &(cal_net_options){.reply_timeout_ms = 50});
  s.mood = ANSWER_LATER;
  int64_t before = counted("callisto_http_unanswered_total");
  raw *r = raw_open(cal_server_port(s.server));
  raw_say(r, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  WAIT_FOR(&k, raw_has(r, "HTTP/1.1 504 Gateway Timeout"));
  assert_int_equal(counted("callisto_http_unanswered_total") - before, 1);
  assert_int_equal(cal_server_reply(s.server, s.last, &(cal_http_answer){.status = 200}), -ENOENT);
  raw_close(r);
  kit_close(&k);
}

static void options_of_the_server_are_told(void **state) {
  kit k;
  seen s;
  start(&k, &s, NULL);
  raw *r = raw_open(cal_server_port(s.server));
  raw_say(r, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
  WAIT_FOR(&k, raw_has(r, "HTTP/1.1 204"));
  assert_non_null(strstr(r->data, "allow: GET, HEAD, POST"));
  raw_say(r, "OPTIONS /path HTTP/1.1\r\nHost: x\r\n\r\n");
  WAIT_FOR(&k, s.count == 1);
  assert_string_equal(s.method, "OPTIONS");
  raw_close(r);
  kit_close(&k);
}

static void draining_serves_what_is_open_and_takes_nothing_new(void **state) {
  kit k;
  seen s;
  start(&k, &s, NULL);
  s.mood = ANSWER_LATER;
  int port = cal_server_port(s.server);
  raw *r = raw_open(port);
  raw_say(r, "GET /last HTTP/1.1\r\nHost: x\r\n\r\n");
  WAIT_FOR(&k, s.count == 1);
  raw *kept = raw_open(port);
  raw_say(kept, "GET /kept HTTP/1.1\r\nHost: x\r\n\r\n");
  WAIT_FOR(&k, s.count == 2);
  answer(&s, s.last, 200, "kept");
  WAIT_FOR(&k, raw_has(kept, "kept"));
  cal_server_stop_listening(s.server);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), -1);
  close(fd);
  raw_say(kept, "GET /final HTTP/1.1\r\nHost: x\r\n\r\n");
  WAIT_FOR(&k, s.count == 3);
  answer(&s, s.last, 200, "final");
  WAIT_FOR(&k, raw_is_closed(kept));
  assert_non_null(strstr(kept->data, "connection: close"));
  raw_close(kept);
  raw_close(r);
  kit_close(&k);
}

static void a_port_in_use_is_told_with_the_remedy(void **state) {
  kit k;
  seen s;
  start(&k, &s, NULL);
  cal_server *second = NULL;
  char sentence[128];
  int port = cal_server_port(s.server);
  cal_server_options options = {.host = "127.0.0.1", .port = port};
  assert_int_equal(cal_server_listen(&second, k.net, &options), -EADDRINUSE);
  snprintf(sentence, sizeof sentence, "port %d is in use by another program: choose another with --port",
           port);
  assert_string_equal(cal_error_text(), sentence);
  assert_int_equal(cal_server_listen(&second, k.net, &(cal_server_options){.host = "localhost"}), -EINVAL);
  assert_int_equal(cal_server_listen(&second, k.net, &(cal_server_options){.port = 70000}), -EINVAL);
  assert_int_equal(cal_server_listen(&second, k.net, &(cal_server_options){.cert_file = "x"}), -EINVAL);
  assert_int_equal(
      cal_server_listen(&second, k.net, &(cal_server_options){.cert_file = "/no", .key_file = "/no"}),
      -ENOENT);
  assert_null(second);
  kit_close(&k);
}

static void several_servers_on_one_net_do_not_mix(void **state) {
  kit k;
  seen a, b;
  start(&k, &a, NULL);
  b = (seen){0};
  b.server = kit_serve(&k, (cal_server_options){.context = &b, .on_request = on_request});
  for (int i = 0; i < 2; i++) {
    seen *s = i ? &b : &a;
    raw *r = raw_open(cal_server_port(s->server));
    raw_say(r, "GET /who HTTP/1.1\r\nHost: callisto\r\n\r\n");
    WAIT_FOR(&k, raw_has(r, "/who"));
    raw_close(r);
  }
  assert_int_equal(a.count, 1);
  assert_int_equal(b.count, 1);
  b.server = cal_server_free(b.server);
  raw *r = raw_open(cal_server_port(a.server));
  raw_say(r, "GET /still HTTP/1.1\r\nHost: callisto\r\n\r\n");
  WAIT_FOR(&k, raw_has(r, "/still"));
  raw_close(r);
  kit_close(&k);
}

static void connections_over_the_ceiling_are_told_so(void **state) {
  kit k;
  seen s;
  start(&k, &s, &(cal_net_options){.connection_ceiling = 2});
  int64_t before = counted("callisto_http_crowded_total");
  raw *first = raw_open(cal_server_port(s.server)), *second = raw_open(cal_server_port(s.server));
  WAIT_FOR(&k, cal_server_connections(s.server) == 2);
  raw *third = raw_open(cal_server_port(s.server)), *silent = raw_open(cal_server_port(s.server));
  raw_say(third, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  WAIT_FOR(&k, raw_is_closed(third));
  assert_non_null(strstr(third->data, "HTTP/1.1 503 Service Unavailable"));
  assert_non_null(strstr(third->data, "retry-after: "));
  WAIT_FOR(&k, raw_is_closed(silent));
  assert_int_equal(s.count, 0);
  assert_int_equal(counted("callisto_http_crowded_total") - before, 2);
  raw_close(first);
  raw_close(second);
  raw_close(third);
  raw_close(silent);
  kit_close(&k);
}

static void an_answer_cannot_smuggle_a_header(void **state) {
  kit k;
  seen s;
  start(&k, &s, NULL);
  s.mood = ANSWER_LATER;
  raw *r = raw_open(cal_server_port(s.server));
  raw_say(r, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  WAIT_FOR(&k, s.count == 1);
  cal_http_field bad = {cal_span_of("x-name"), cal_span_of("a\r\nset-cookie: b")};
  cal_server_reply(s.server, s.last, &(cal_http_answer){.status = 200, .fields = &bad, .field_count = 1});
  WAIT_FOR(&k, raw_has(r, "HTTP/1.1 500"));
  assert_null(strstr(r->data, "set-cookie"));
  raw_close(r);
  kit_close(&k);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_is_handed_over_and_answered),
      cmocka_unit_test(an_answer_may_come_later),
      cmocka_unit_test(an_answer_to_a_client_that_left_is_a_polite_no_op),
      cmocka_unit_test(who_works_on_a_request_can_see_whether_its_asker_has_left),
      cmocka_unit_test(an_asker_that_sends_no_more_may_still_read),
      cmocka_unit_test(a_request_nobody_answers_gets_504),
      cmocka_unit_test(options_of_the_server_are_told),
      cmocka_unit_test(draining_serves_what_is_open_and_takes_nothing_new),
      cmocka_unit_test(a_port_in_use_is_told_with_the_remedy),
      cmocka_unit_test(several_servers_on_one_net_do_not_mix),
      cmocka_unit_test(connections_over_the_ceiling_are_told_so),
      cmocka_unit_test(an_answer_cannot_smuggle_a_header),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
