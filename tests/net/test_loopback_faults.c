/* What goes wrong in the network in memory, and what the asker wants to do differently. */
#include "net/loopback_kit.h"

/* ---- failures */

static void failures_say_whether_the_request_was_sent(void **state) {
  world w;
  host h, vendor;
  world_open(&w, (cal_net_options){0});
  serve(&w, &h, "app.test", 443);
  play(&w, &vendor, "api.example.com");
  const struct {
    const char *url;
    cal_loopback_fault fault; /* of api.example.com */
    int error, was_sent;
    uint64_t after_ms;
    cal_http_phase phase;
  } cases[] = {
      {"http://nobody.test/", {0}, -ENOENT, 0, 2, CAL_HTTP_CONNECTING},
      {"http://app.test/", {0}, -ECONNREFUSED, 0, 2, CAL_HTTP_CONNECTING},
      {"http://127.0.0.1:9/", {0}, -ECONNREFUSED, 0, 2, CAL_HTTP_CONNECTING},
      {"http://api.example.com/",
       {.refuse = -EHOSTUNREACH, .latency_ms = 40},
       -EHOSTUNREACH,
       0,
       80,
       CAL_HTTP_CONNECTING},
      {"http://api.example.com/", {.refuse = -ENOENT}, -ENOENT, 0, 2, CAL_HTTP_CONNECTING},
      {"http://api.example.com/", {.refuse = -ETIMEDOUT}, -ETIMEDOUT, 0, 2000, CAL_HTTP_CONNECTING},
      {"http://api.example.com/", {.latency_ms = 2500}, -ETIMEDOUT, 0, 2000, CAL_HTTP_CONNECTING},
      {"http://api.example.com/", {.is_silent = 1}, -ETIMEDOUT, 1, 6000, CAL_HTTP_WAITING},
      {"http://api.example.com/", {.is_cut = 1, .latency_ms = 10}, -ECONNRESET, 1, 20, CAL_HTTP_WAITING},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    asked a = {0};
    vendor.requests = 0;
    fault(&w, "api.example.com", cases[i].fault);
    ask(&w, &a,
        (cal_http_fetch_options){
            .method = "POST", .url = cases[i].url, .timeout_ms = 6000, .connect_timeout_ms = 2000});
    pass(&w, cases[i].after_ms - 1);
    if (a.done) fail_msg("%zu: too early", i);
    pass(&w, 1);
    expect(&a, cases[i].error, cases[i].was_sent, 0);
    assert_int_equal(a.result.phase, cases[i].phase);
    assert_int_equal(vendor.requests, cases[i].was_sent);
    assert_int_equal(cal_loopback_open(w.loopback), 0);
  }
  fault(&w, "api.example.com", (cal_loopback_fault){0});
  asked good = {0};
  ask(&w, &good, (cal_http_fetch_options){.url = "http://api.example.com/"});
  pass(&w, 2);
  expect(&good, 0, 1, 200);
  world_close(&w);
}

static void faults_count_for_our_servers_too(void **state) {
  world w;
  host h;
  asked silent = {0}, cut = {0}, waits = {0};
  world_open(&w, (cal_net_options){0});
  serve(&w, &h, "app.test", 443);
  fault(&w, "app.test", (cal_loopback_fault){.is_silent = 1});
  ask(&w, &silent, (cal_http_fetch_options){.url = "https://app.test/", .timeout_ms = 3000});
  pass(&w, 3000);
  expect(&silent, -ETIMEDOUT, 1, 0);
  fault(&w, "app.test:443", (cal_loopback_fault){.is_cut = 1}); /* the port's own comes first */
  ask(&w, &cut, (cal_http_fetch_options){.url = "https://app.test/"});
  pass(&w, 2);
  expect(&cut, -ECONNRESET, 1, 0);
  fault(&w, "app.test", (cal_loopback_fault){0});
  fault(&w, "app.test:443", (cal_loopback_fault){0});
  h.later = 1;
  ask(&w, &waits, (cal_http_fetch_options){.url = "https://app.test/"});
  pass(&w, 100);
  fault(&w, "app.test", (cal_loopback_fault){.is_cut = 1});
  assert_int_equal(cal_server_reply(h.server, h.id, &(cal_http_answer){.status = 200}), -ENOENT);
  pass(&w, 1);
  expect(&waits, -ECONNRESET, 1, 0);
  assert_int_equal(h.requests, 3);
  assert_string_equal(w.record,
                      "GET app.test/ ETIMEDOUT\nGET app.test/ ECONNRESET\nGET app.test/ ECONNRESET\n");
  world_close(&w);
}

static void the_asker_may_give_up(void **state) {
  world w;
  host h;
  asked on_the_way = {0}, waiting = {0};
  world_open(&w, (cal_net_options){0});
  serve(&w, &h, "app.test", 80);
  h.later = 1;
  ask(&w, &on_the_way, (cal_http_fetch_options){.url = "http://app.test/one"});
  assert_int_equal(cal_http_cancel(w.net, on_the_way.id), 0);
  assert_int_equal(cal_http_cancel(w.net, on_the_way.id), -ENOENT);
  assert_string_equal(w.record, ""); /* nobody is told from inside */
  ask(&w, &waiting, (cal_http_fetch_options){.url = "http://app.test/two"});
  pass(&w, 10);
  assert_int_equal(h.requests, 1);
  assert_int_equal(cal_http_cancel(w.net, waiting.id), 0);
  assert_int_equal(cal_server_reply(h.server, h.id, &(cal_http_answer){.status = 200}), -ENOENT);
  pass(&w, 60000);
  assert_int_equal(on_the_way.done + waiting.done, 0);
  assert_string_equal(w.record, "GET app.test/one ECANCELED\nGET app.test/two ECANCELED\n");
  assert_int_equal(cal_loopback_open(w.loopback), 0);
  assert_int_equal(cal_loop_timers(w.loop), 0);
  world_close(&w);
}

static void the_receiver_may_stop_pause_and_cancel(void **state) {
  world w;
  host h;
  asked stopped = {.stop_at = 2}, paused = {.pause_at = 2}, cancelled = {.cancel_at = 2};
  char *body = calloc(1, 40000);
  world_open(&w, (cal_net_options){0});
  play(&w, &h, "llm.example.com");
  h.answer_body = (cal_span){body, 40000};
  cal_http_fetch_options options = {
      .url = "https://llm.example.com/", .on_data = on_data, .timeout_ms = 5000};
  ask(&w, &stopped, options);
  ask(&w, &paused, options);
  ask(&w, &cancelled, options);
  pass(&w, 2);
  expect(&stopped, -ECANCELED, 1, 200);
  assert_int_equal(paused.done + cancelled.done, 0);
  assert_int_equal(cancelled.data_calls, 2);
  pass(&w, 1000);
  assert_int_equal(paused.data_calls, 2);
  assert_int_equal(cal_http_resume(w.net, paused.id), 0);
  assert_int_equal(paused.data_calls, 2);
  pass(&w, 0);
  expect(&paused, 0, 1, 200);
  assert_int_equal(paused.bytes, 40000);
  assert_int_equal(paused.result.body.bytes, 0);
  assert_int_equal(cal_http_resume(w.net, paused.id), -ENOENT);
  asked forgotten = {.pause_at = 1};
  ask(&w, &forgotten, options);
  pass(&w, 4999);
  assert_int_equal(forgotten.done, 0);
  pass(&w, 1);
  expect(&forgotten, -ETIMEDOUT, 1, 200);
  free(body);
  world_close(&w);
}

static void redirects_are_followed_only_when_asked(void **state) {
  world w;
  host h, other;
  asked plain = {0}, followed = {0}, post = {0}, endless = {0}, away = {0};
  world_open(&w, (cal_net_options){0});
  serve(&w, &h, "app.test", 80);
  h.status = 302;
  ask(&w, &plain, (cal_http_fetch_options){.url = "http://app.test/moved"});
  pass(&w, 2);
  expect(&plain, 0, 1, 302);
  ask(&w, &followed,
      (cal_http_fetch_options){.url = "http://app.test/moved", .redirects = 1, .user = "u", .password = "p"});
  pass(&w, 4);
  expect(&followed, 0, 1, 200);
  assert_int_equal(followed.answers, 1);
  assert_string_equal(h.path, "/there");
  assert_non_null(strstr(h.fields, "authorization=Basic dTpw;"));
  ask(&w, &post, (cal_http_fetch_options){.method = "POST", .url = "http://app.test/moved", .redirects = 1});
  pass(&w, 4);
  expect(&post, 0, 1, 302);
  cal_http_field to_itself = {cal_span_of("location"), cal_span_of("http://api.example.com/away")};
  cal_http_answer again = {.status = 307, .fields = &to_itself, .field_count = 1};
  play(&w, &other, "api.example.com");
  other.later = h.later = 1;
  ask(&w, &endless, (cal_http_fetch_options){.url = "http://api.example.com/", .redirects = 2});
  for (int i = 0; i < 3; i++) {
    pass(&w, 2);
    cal_loopback_answer(w.loopback, other.id, &again);
  }
  pass(&w, 2);
  expect(&endless, -ELOOP, 1, 307);
  ask(&w, &away,
      (cal_http_fetch_options){.url = "http://app.test/", .redirects = 2, .user = "u", .password = "p"});
  pass(&w, 1);
  assert_int_equal(cal_server_reply(h.server, h.id, &again), 0);
  pass(&w, 2);
  assert_string_equal(other.path, "/away");
  assert_null(strstr(other.fields, "authorization"));
  host_answer(&other, 200, "here");
  pass(&w, 1);
  expect(&away, 0, 1, 200);
  world_close(&w);
}

static void scripts_cannot_reach_private_addresses(void **state) {
  static const char *const urls[] = {
      "http://127.0.0.1/",         "http://localhost/", "http://[::1]/",
      "http://2130706433/",        "http://10.1.2.3/",  "http://169.254.169.254/x",
      "http://[::ffff:10.0.0.1]/", "http://LOCALHOST/", "http://a.localhost/"};
  world w;
  host local, vendor;
  world_open(&w, (cal_net_options){0});
  serve(&w, &local, NULL, 80);
  play(&w, &vendor, "api.example.com");
  for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
    asked a = {0};
    ask(&w, &a, (cal_http_fetch_options){.url = urls[i], .deny_private = 1});
    pass(&w, 2);
    expect(&a, -EACCES, 0, 0);
  }
  asked led = {0}, allowed = {0}, public = {0};
  vendor.later = 1;
  ask(&w, &led,
      (cal_http_fetch_options){.url = "http://api.example.com/", .redirects = 1, .deny_private = 1});
  pass(&w, 1);
  cal_http_field location = {cal_span_of("location"), cal_span_of("http://127.0.0.1/")};
  cal_loopback_answer(w.loopback, vendor.id,
                      &(cal_http_answer){.status = 302, .fields = &location, .field_count = 1});
  pass(&w, 3);
  expect(&led, -EACCES, 1, 302);
  vendor.later = 0;
  ask(&w, &public, (cal_http_fetch_options){.url = "http://api.example.com/", .deny_private = 1});
  ask(&w, &allowed, (cal_http_fetch_options){.url = "http://127.0.0.1/"});
  pass(&w, 2);
  expect(&public, 0, 1, 200);
  expect(&allowed, 0, 1, 200);
  assert_int_equal(local.requests, 1);
  world_close(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(failures_say_whether_the_request_was_sent),
      cmocka_unit_test(faults_count_for_our_servers_too),
      cmocka_unit_test(the_asker_may_give_up),
      cmocka_unit_test(the_receiver_may_stop_pause_and_cancel),
      cmocka_unit_test(redirects_are_followed_only_when_asked),
      cmocka_unit_test(scripts_cannot_reach_private_addresses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
