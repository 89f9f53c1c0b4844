/* Requests through the network in memory: who answers, what the answer looks like, and the limits. */
#include "net/loopback_kit.h"

/* ---- requests */

static void a_request_and_its_answer(void **state) {
  world w;
  host h;
  asked a = {0};
  world_open(&w, (cal_net_options){0});
  serve(&w, &h, "app.test", 443);
  assert_int_equal(cal_server_port(h.server), 443);
  cal_http_field fields[] = {{cal_span_of("X-Signature"), cal_span_of("abc=")},
                             {cal_span_of("x-signature"), cal_span_of("def")},
                             {cal_span_of("Cookie"), cal_span_of("a=1")},
                             {cal_span_of("X-Other"), cal_span_of("not wanted")}};
  ask(&w, &a,
      (cal_http_fetch_options){.url = "https://App.test/calls/1?x=1&y=2",
                               .fields = fields,
                               .field_count = 4,
                               .body = cal_span_of("hello"),
                               .user = "AC1",
                               .password = "secret"});
  assert_int_equal(cal_http_under_way(w.net), 1);
  assert_int_equal(cal_loopback_open(w.loopback), 1);
  assert_int_equal(cal_id_tag(a.id), 3);
  assert_int_equal(h.requests, 0);
  pass(&w, 1);
  assert_int_equal(h.requests, 1);
  assert_int_equal(a.done, 0);
  pass(&w, 1);
  expect(&a, 0, 1, 200);
  assert_int_equal(a.result.phase, CAL_HTTP_DONE);
  assert_int_equal(a.status_seen, 200);
  assert_string_equal(a.body, "thank you");
  assert_string_equal(a.made, "yes");
  assert_int_equal(cal_id_tag(h.id), 4);
  assert_string_equal(h.method, "POST");
  assert_string_equal(h.path, "/calls/1");
  assert_string_equal(h.query, "x=1&y=2");
  assert_string_equal(h.body, "hello");
  assert_string_equal(h.peer, "127.0.0.1");
  assert_true(h.is_tls);
  assert_string_equal(h.fields, "x-signature=abc=, def;cookie=a=1;authorization=Basic QUMxOnNlY3JldA==;"
                                "content-type=application/x-www-form-urlencoded;host=App.test;");
  assert_string_equal(w.record, "POST App.test/calls/1 200\n");
  assert_int_equal(cal_http_under_way(w.net), 0);
  assert_int_equal(cal_server_connections(h.server), 0);
  assert_int_equal(cal_loopback_open(w.loopback), 0);
  assert_int_equal(cal_loop_timers(w.loop), 0);
  world_close(&w);
}

static void an_answer_may_come_later(void **state) {
  world w;
  host server, vendor;
  asked a = {0}, b = {0};
  world_open(&w, (cal_net_options){0});
  serve(&w, &server, "app.test:8080", 0);
  play(&w, &vendor, "api.example.com");
  server.later = vendor.later = 1;
  ask(&w, &a, (cal_http_fetch_options){.url = "http://app.test:8080/"});
  ask(&w, &b, (cal_http_fetch_options){.url = "https://api.example.com:4443/v1"});
  pass(&w, 5000);
  assert_int_equal(cal_server_connections(server.server), 1);
  assert_int_equal(a.done + b.done, 0);
  host_answer(&vendor, 201, "made");
  host_answer(&server, 404, "nothing");
  assert_int_equal(cal_server_reply(server.server, server.id, &(cal_http_answer){.status = 200}), -ENOENT);
  host_answer(&vendor, 500, "again"); /* a polite no-op */
  assert_int_equal(a.done + b.done, 0);
  pass(&w, 1);
  expect(&a, 0, 1, 404);
  expect(&b, 0, 1, 201);
  assert_string_equal(b.body, "made");
  assert_string_equal(w.record, "GET api.example.com:4443/v1 201\nGET app.test:8080/ 404\n");
  world_close(&w);
}

static void a_double_sees_all_there_is(void **state) {
  world w;
  host h;
  asked a = {0};
  world_open(&w, (cal_net_options){0});
  play(&w, &h, "api.example.com:8443");
  cal_http_field field = {cal_span_of("X-Key"), cal_span_of("k")};
  ask(&w, &a,
      (cal_http_fetch_options){.method = "PURGE",
                               .url = "http://u%40:p@api.example.com:8443",
                               .fields = &field,
                               .field_count = 1});
  pass(&w, 2);
  expect(&a, 0, 1, 200);
  assert_string_equal(h.method, "PURGE");
  assert_string_equal(h.path, "/");
  assert_false(h.is_tls);
  assert_string_equal(h.fields, "x-key=k;host=api.example.com:8443;authorization=Basic dUA6cA==;"
                                "user-agent=callisto/" CAL_VERSION ";accept=*/*;");
  world_close(&w);
}

static void every_method(void **state) {
  static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"};
  world w;
  host h;
  world_open(&w, (cal_net_options){0});
  serve(&w, &h, "app.test", 80);
  for (size_t i = 0; i < 7; i++) {
    asked a = {0};
    cal_span body = i < 5 ? cal_span_of("body") : (cal_span){0};
    ask(&w, &a, (cal_http_fetch_options){.method = methods[i], .url = "http://app.test/", .body = body});
    pass(&w, 2);
    expect(&a, 0, 1, 200);
    assert_string_equal(h.method, methods[i]);
    assert_string_equal(h.body, i < 5 ? "body" : "");
    assert_int_equal(a.bytes, i == 5 ? 0 : 9);
  }
  asked brewed = {0}; /* no server of ours knows it */
  ask(&w, &brewed, (cal_http_fetch_options){.method = "BREW", .url = "http://app.test/"});
  pass(&w, 2);
  expect(&brewed, 0, 1, 501);
  world_close(&w);
}

static void wrong_options_fail_at_once(void **state) {
  static const char *const urls[] = {NULL, "", "ftp://x/", "x"};
  world w;
  cal_id id;
  cal_ws *ws = NULL;
  asked a = {0};
  world_open(&w, (cal_net_options){0});
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(cal_http_fetch(&id, w.net, &(cal_http_fetch_options){.url = urls[i]}), -EINVAL);
    assert_int_equal(cal_ws_connect(&ws, w.net, &(cal_ws_connect_options){.url = urls[i]}), -EINVAL);
  }
  cal_http_field bad = {cal_span_of("x"), cal_span_of("a\r\nb: c")};
  assert_int_equal(
      cal_http_fetch(&id, w.net,
                     &(cal_http_fetch_options){.url = "http://x/", .fields = &bad, .field_count = 1}),
      -EINVAL);
  ask(&w, &a, (cal_http_fetch_options){.url = "http://ho st/"});
  pass(&w, 0);
  expect(&a, -EINVAL, 0, 0);
  assert_int_equal(cal_loopback_host(w.loopback, "http://x/", &(cal_loopback_double){0}), -EINVAL);
  assert_int_equal(cal_loopback_host(w.loopback, "", NULL), -EINVAL);
  assert_int_equal(cal_loopback_host(w.loopback, "x:70000", NULL), -EINVAL);
  assert_int_equal(cal_loopback_set_fault(w.loopback, "x", &(cal_loopback_fault){.refuse = 1}), -EINVAL);
  world_close(&w);
}

/* ---- limits */

static void what_is_too_much_is_refused(void **state) {
  world w;
  host h;
  char *big = calloc(1, 2001);
  memset(big, 'x', 2000);
  world_open(&w, (cal_net_options){.body_ceiling_bytes = 1000, .header_ceiling_bytes = 1024});
  serve(&w, &h, "app.test", 80);
  int64_t before = counted("callisto_http_refused_total");
  const struct {
    cal_http_field field;
    size_t body_bytes;
    int error, status;
  } cases[] = {
      {{cal_span_of("x"), cal_span_of("y")}, 1000, 0, 200},
      {{cal_span_of("x"), cal_span_of("y")}, 1001, 0, 413},
      {{cal_span_of("Transfer-Encoding"), cal_span_of("gzip")}, 10, 0, 501},
      {{cal_span_of("Content-Length"), cal_span_of("3, 4")}, 3, 0, 400},
      {{cal_span_of("Content-Length"), cal_span_of("123456")}, 3, 0, 413},
      {{cal_span_of("x"), {big, 1500}}, 10, 0, 431},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    asked a = {0};
    ask(&w, &a,
        (cal_http_fetch_options){.url = "http://app.test/",
                                 .fields = &cases[i].field,
                                 .field_count = 1,
                                 .body = {big, cases[i].body_bytes}});
    pass(&w, 2);
    expect(&a, cases[i].error, 1, cases[i].status);
  }
  assert_int_equal(h.requests, 1);
  assert_int_equal(counted("callisto_http_refused_total") - before, 5);
  free(big);
  world_close(&w);
}

static void too_many_requests_wait(void **state) {
  enum { CEILING = 4096 };
  static asked a[CEILING + 1];
  world w;
  host h;
  cal_id id;
  memset(a, 0, sizeof a);
  world_open(&w, (cal_net_options){.fetch_ceiling = CEILING + 1, .reply_timeout_ms = 400});
  serve(&w, &h, "app.test", 80);
  h.later = 1;
  for (int i = 0; i <= CEILING; i++) ask(&w, &a[i], (cal_http_fetch_options){.url = "http://app.test/"});
  assert_int_equal(cal_http_fetch(&id, w.net, &(cal_http_fetch_options){.url = "http://app.test/"}), -EAGAIN);
  pass(&w, 2);
  expect(&a[CEILING], 0, 1, 503);
  assert_int_equal(h.requests, CEILING);
  assert_int_equal(a[0].done, 0);
  pass(&w, 398);
  assert_int_equal(a[0].done, 0);
  pass(&w, 2); /* asked at 1, too late at 401, told at 402 */
  for (int i = 0; i < CEILING; i++) expect(&a[i], 0, 1, 504);
  world_close(&w);
}

static void too_many_connections(void **state) {
  world w;
  host h;
  side s = {0};
  cal_ws *ws = NULL;
  asked a = {0}, b = {0};
  world_open(&w, (cal_net_options){.connection_ceiling = 2});
  serve(&w, &h, "app.test", 80);
  cal_ws_connect_options options = {.url = "ws://app.test/", .handlers = handlers_of(&s)};
  assert_int_equal(cal_ws_connect(&ws, w.net, &options), 0);
  h.later = 1;
  pass(&w, 2);
  ask(&w, &a, (cal_http_fetch_options){.url = "http://app.test/"});
  pass(&w, 2);
  assert_int_equal(cal_server_connections(h.server), 2);
  ask(&w, &b, (cal_http_fetch_options){.url = "http://app.test/"});
  pass(&w, 2);
  expect(&b, 0, 1, 503);
  world_close(&w);
}

static void an_answer_over_its_ceiling_and_wrong_answers(void **state) {
  world w;
  host h;
  asked a = {0}, b = {0}, c = {0};
  world_open(&w, (cal_net_options){0});
  serve(&w, &h, "app.test", 80);
  h.answer_body = cal_span_of("0123456789");
  ask(&w, &a, (cal_http_fetch_options){.url = "http://app.test/", .answer_ceiling_bytes = 9});
  pass(&w, 2);
  expect(&a, -EMSGSIZE, 1, 200);
  ask(&w, &b,
      (cal_http_fetch_options){.url = "http://app.test/", .answer_ceiling_bytes = 9, .on_data = on_data});
  pass(&w, 2);
  expect(&b, 0, 1, 200);
  assert_int_equal(b.bytes, 10);
  h.status = 99;
  ask(&w, &c, (cal_http_fetch_options){.url = "http://app.test/"});
  pass(&w, 2);
  expect(&c, 0, 1, 500);
  world_close(&w);
}

/* ---- names */

static void names_and_ports(void **state) {
  world w;
  host any, exact, local, chosen;
  world_open(&w, (cal_net_options){0});
  play(&w, &any, "Example.com");
  serve(&w, &exact, "example.com:8443", 0);
  serve(&w, &local, "0.0.0.0", 8080);
  serve(&w, &chosen, NULL, 0);
  char url[64];
  snprintf(url, sizeof url, "http://[::1]:%d/", cal_server_port(chosen.server));
  const struct {
    const char *url;
    host *answers;
  } cases[] = {{"https://EXAMPLE.com/", &any},
               {"http://example.com:8443/", &exact},
               {"https://example.com:8443/", &exact},
               {"http://example.com:1/", &any},
               {"http://localhost:8080/", &local},
               {"http://127.0.0.1:8080/", &local},
               {url, &chosen}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    asked a = {0};
    int before = cases[i].answers->requests;
    ask(&w, &a, (cal_http_fetch_options){.url = cases[i].url});
    pass(&w, 2);
    expect(&a, 0, 1, 200);
    if (cases[i].answers->requests != before + 1) fail_msg("%s was answered by somebody else", cases[i].url);
  }
  cal_server *second = NULL;
  cal_server_options options = {.host = "example.com", .port = 8443};
  assert_int_equal(cal_server_listen(&second, w.net, &options), -EADDRINUSE);
  options = (cal_server_options){.host = "example.com"};
  assert_int_equal(cal_server_listen(&second, w.net, &options), -EADDRINUSE);
  options = (cal_server_options){.host = "example.com:1", .port = 2};
  assert_int_equal(cal_server_listen(&second, w.net, &options), -EINVAL);
  options = (cal_server_options){.host = "exa mple.com"};
  assert_int_equal(cal_server_listen(&second, w.net, &options), -EINVAL);
  assert_int_equal(cal_loopback_host(w.loopback, "example.com:8443", &(cal_loopback_double){0}), -EEXIST);
  assert_null(second);
  world_close(&w);
}

static void doubles_come_and_go(void **state) {
  world w;
  host first, second;
  asked a = {0}, b = {0}, gone = {0}, empty = {0};
  world_open(&w, (cal_net_options){0});
  play(&w, &first, "api.example.com");
  first.later = 1;
  ask(&w, &a, (cal_http_fetch_options){.url = "http://api.example.com/"});
  pass(&w, 1);
  play(&w, &second, "api.example.com");
  ask(&w, &b, (cal_http_fetch_options){.url = "http://api.example.com/"});
  pass(&w, 2);
  expect(&b, 0, 1, 200);
  assert_int_equal(first.requests, 1);
  assert_int_equal(cal_loopback_host(w.loopback, "api.example.com", NULL), 0);
  host_answer(&first, 201, "late"); /* what it was asked it may still answer */
  ask(&w, &gone, (cal_http_fetch_options){.url = "http://api.example.com/"});
  pass(&w, 2);
  expect(&a, 0, 1, 201);
  expect(&gone, -ENOENT, 0, 0);
  assert_int_equal(cal_loopback_host(w.loopback, "api.example.com", &(cal_loopback_double){0}), 0);
  ask(&w, &empty, (cal_http_fetch_options){.url = "http://api.example.com/"});
  pass(&w, 2);
  expect(&empty, 0, 1, 404);
  world_close(&w);
}

static void a_server_stops_and_goes(void **state) {
  world w;
  host h;
  asked waits = {0}, late = {0}, cut = {0}, on_the_way = {0};
  side s = {0};
  cal_ws *ws = NULL;
  world_open(&w, (cal_net_options){0});
  serve(&w, &h, "app.test", 80);
  h.later = 1;
  ask(&w, &waits, (cal_http_fetch_options){.url = "http://app.test/"});
  cal_ws_connect_options options = {.url = "ws://app.test/", .handlers = handlers_of(&s)};
  assert_int_equal(cal_ws_connect(&ws, w.net, &options), 0);
  pass(&w, 5);
  cal_id first = h.id;
  ask(&w, &cut, (cal_http_fetch_options){.url = "http://app.test/"});
  pass(&w, 1);
  cal_server_stop_listening(h.server);
  ask(&w, &late, (cal_http_fetch_options){.url = "http://app.test/"});
  pass(&w, 2);
  expect(&late, -ECONNREFUSED, 0, 0);
  assert_int_equal(cal_server_reply(h.server, first, &(cal_http_answer){.status = 200}), 0);
  ask(&w, &on_the_way, (cal_http_fetch_options){.url = "http://app.test/"});
  assert_int_equal(cal_server_connections(h.server), 2);
  assert_null(cal_server_free(h.server)); /* a request and a WebSocket are open */
  assert_int_equal(h.accepted.closed, 1);
  assert_int_equal(h.accepted.end.code, 1006);
  assert_int_equal(s.closed + cut.done, 0);
  pass(&w, 2);
  expect(&waits, 0, 1, 200); /* its answer had left already */
  expect(&cut, -ECONNRESET, 1, 0);
  expect(&on_the_way, -ECONNREFUSED, 0, 0);
  assert_int_equal(s.closed, 1);
  assert_int_equal(s.end.error, -ECONNRESET);
  serve(&w, &h, "app.test", 80); /* and another takes its place */
  asked again = {0};
  ask(&w, &again, (cal_http_fetch_options){.url = "http://app.test/"});
  pass(&w, 2);
  expect(&again, 0, 1, 200);
  world_close(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_and_its_answer),
      cmocka_unit_test(an_answer_may_come_later),
      cmocka_unit_test(a_double_sees_all_there_is),
      cmocka_unit_test(every_method),
      cmocka_unit_test(wrong_options_fail_at_once),
      cmocka_unit_test(what_is_too_much_is_refused),
      cmocka_unit_test(too_many_requests_wait),
      cmocka_unit_test(too_many_connections),
      cmocka_unit_test(an_answer_over_its_ceiling_and_wrong_answers),
      cmocka_unit_test(names_and_ports),
      cmocka_unit_test(doubles_come_and_go),
      cmocka_unit_test(a_server_stops_and_goes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
