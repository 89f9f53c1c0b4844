/* The same requests over real sockets and through the network in memory: what the server is shown and what
 * the asker gets must be the same. */
#include "net/kit.h"

#include "net/loopback.h"

typedef struct seen {
  char text[8192]; /* all that was seen, in order */
} seen;

static void note(seen *s, const char *name, cal_span value) {
  size_t bytes = strlen(s->text);
  snprintf(s->text + bytes, sizeof s->text - bytes, "%s: %.*s\n", name, (int)value.bytes,
           value.at ? value.at : "");
}

static void note_number(seen *s, const char *name, int64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%lld", (long long)value);
  note(s, name, cal_span_of(text));
}

static void note_fields(seen *s, const cal_http_field *fields, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (cal_span_is(fields[i].name, "connection")) continue; /* the one in memory is never kept */
    char name[64];
    snprintf(name, sizeof name, "  %.*s", (int)fields[i].name.bytes, fields[i].name.at);
    note(s, name, fields[i].value);
  }
}

typedef struct wire {
  cal_net *net;
  cal_server *server;
  seen seen;
  int is_over;
} wire;

static void note_request(wire *w, const cal_http_request *request) {
  note(&w->seen, "method", cal_span_of(request->method));
  note(&w->seen, "path", request->path);
  note(&w->seen, "query", request->query);
  note(&w->seen, "body", request->body);
  note(&w->seen, "peer", cal_span_of(request->peer));
  note(&w->seen, "target", request->target);
  note_number(&w->seen, "tls", request->is_tls);
  note_fields(&w->seen, request->fields, request->field_count);
}

static void on_request(void *context, const cal_http_request *request) {
  wire *w = context;
  note_request(w, request);
  cal_http_field fields[] = {{cal_span_of("X-Made"), cal_span_of("  by us \t")},
                             {cal_span_of("x-empty"), cal_span_of("")},
                             {cal_span_of("Location"), cal_span_of("/there?a=b c")}};
  int status = cal_span_is(request->path, "/moved")     ? 301
               : cal_span_is(request->path, "/nothing") ? 204
               : cal_span_is(request->path, "/same")    ? 304
               : cal_span_is(request->path, "/wrong")   ? 199
                                                        : 200;
  cal_server_reply(w->server, request->id,
                   &(cal_http_answer){.status = status,
                                      .fields = fields,
                                      .field_count = status == 301 ? 3 : 2,
                                      .body = cal_span_of("thank you")});
}

static void on_answer(void *context, const cal_http_result *head) {
  note_number(&((wire *)context)->seen, "on_answer", head->status);
}

static void on_done(void *context, const cal_http_result *result) {
  wire *w = context;
  note(&w->seen, "error", cal_span_of(result->error ? cal_error_name(result->error) : "none"));
  note_number(&w->seen, "sent", result->was_sent);
  note_number(&w->seen, "phase", result->phase);
  note_number(&w->seen, "status", result->status);
  note_fields(&w->seen, result->fields, result->field_count);
  note(&w->seen, "body", result->body);
  w->is_over = 1;
}

static const char *const wanted[] = {"host",         "authorization",  "user-agent", "accept",
                                     "content-type", "content-length", "cookie",     "x-one",
                                     "x-two",        "expect"};

typedef struct both {
  cal_loop *loop;
  cal_loopback *loopback;
  wire real, memory;
  int port;
} both;

static int on_upgrade(void *context, const cal_http_request *request, cal_upgrade *upgrade);

static void wire_open(both *b, wire *w, int is_real) {
  cal_net_options net = {
      .body_ceiling_bytes = 1000, .header_ceiling_bytes = 2048, .loopback = is_real ? NULL : b->loopback};
  *w = (wire){0};
  assert_int_equal(cal_net_new(&w->net, b->loop, &net), 0);
  cal_server_options options = {.host = "127.0.0.1",
                                .port = b->port,
                                .fields = wanted,
                                .field_count = sizeof wanted / sizeof wanted[0],
                                .context = w,
                                .on_request = on_request,
                                .on_upgrade = on_upgrade};
  if (cal_server_listen(&w->server, w->net, &options)) fail_msg("no server: %s", cal_error_text());
  b->port = cal_server_port(w->server);
}

static void both_open(both *b) {
  *b = (both){0};
  assert_int_equal(cal_loop_new(&b->loop, cal_clock_real()), 0);
  b->loopback = cal_loopback_new(b->loop);
  wire_open(b, &b->real, 1);
  wire_open(b, &b->memory, 0); /* on the port the kernel has chosen for the other */
}

static void both_close(both *b) {
  cal_net_close(b->real.net);
  cal_net_close(b->memory.net);
  cal_loopback_free(b->loopback);
  assert_int_equal(cal_loop_timers(b->loop), 0);
  assert_int_equal(cal_loop_free(b->loop), 0);
}

static void wait_for(both *b, wire *w, const char *what) {
  kit k = {.loop = b->loop};
  uint64_t started_ns = cal_loop_now_ns(b->loop);
  while (!w->is_over)
    if (!kit_turn(&k, started_ns)) fail_msg("waited in vain for %s", what);
}

static const char *url_of(const both *b, const char *scheme, const char *target) {
  static char url[4096];
  const char *at = strchr(target, '@');
  int user = at && target[0] != '/' ? (int)(at - target) + 1 : 0; /* "user:password@/path" */
  snprintf(url, sizeof url, "%s://%.*s127.0.0.1:%d%s", scheme, user, target, b->port, target + user);
  return url;
}

static void fetch(both *b, wire *w, const char *target, cal_http_fetch_options options) {
  cal_id id;
  w->seen.text[0] = 0;
  w->is_over = 0;
  options.url = url_of(b, "http", target);
  options.context = w;
  options.on_done = on_done;
  options.on_answer = on_answer;
  int code = cal_http_fetch(&id, w->net, &options);
  if (code) note_number(&w->seen, "fetch", code);
  if (!code) wait_for(b, w, target);
}

static void compare(const both *b, const char *what) {
  if (!strcmp(b->real.seen.text, b->memory.seen.text)) return;
  fail_msg("%s differs.\n---- real\n%s---- in memory\n%s", what, b->real.seen.text, b->memory.seen.text);
}

static void ask_both(both *b, const char *target, cal_http_fetch_options options) {
  fetch(b, &b->real, target, options);
  fetch(b, &b->memory, target, options);
  compare(b, target);
}

/* ---- cases */

static void targets_look_the_same(void **state) {
  static const char *const targets[] = {"/",
                                        "",
                                        "/a/b-c_d.e~f",
                                        "/a?token=abc-_~.XYZ&n=2",
                                        "/a?b==",
                                        "/a?x&y=",
                                        "/a?x=1&&y=2",
                                        "/a?x=1&",
                                        "/a?To=%2B15551234567",
                                        "/a?name=J+Smith",
                                        "/a?name=J%20Smith",
                                        "/a?x=1%26y=2",
                                        "/a%20b",
                                        "/a%2Fb",
                                        "/a%2f%2fb",
                                        "/a//b///c",
                                        "/a/./b/../c",
                                        "/a/%2e/b",
                                        "/a/%2e%2e/b",
                                        "/a/b/..%2fc",
                                        "/a/.hidden/x",
                                        "/a/..x/y",
                                        "/a+b",
                                        "/+1555",
                                        "/a&b=c",
                                        "/a;b",
                                        "/a?x=1;y=2",
                                        "/a?a%3Db=c",
                                        "/a?b=c%3Dd",
                                        "/a?x=%41",
                                        "/a?q=what?",
                                        "/a?x=/y/../z",
                                        "/a?x=%00y",
                                        "/a?%00",
                                        "/a?x=\xc3\xa9",
                                        "/\xc3\xa9",
                                        "/a?x=%C3%A9",
                                        "/a#fragment",
                                        "/a?x=1#fragment",
                                        "/a?x=a'b\"c<d>|e",
                                        "/a?x=(1)!*$,:@[]",
                                        "/a/!$'()*,:@",
                                        "/?",
                                        "/a?=",
                                        "/a/",
                                        "/a/.",
                                        "/a/..",
                                        "/a/%2e%2e",
                                        "/a/...",
                                        "/a?x y=z"};
  both b;
  both_open(&b);
  for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
    ask_both(&b, targets[i], (cal_http_fetch_options){0});
  both_close(&b);
}

static void what_no_server_takes_is_refused_the_same(void **state) {
  static const struct {
    const char *target, *method, *status;
  } cases[] = {{"/a%zz", "GET", "status: 400\n"},     {"/a?x=%4", "GET", "status: 400\n"},
               {"/a?x=%", "POST", "status: 400\n"},   {"/", "BREW", "status: 501\n"},
               {"/a/..%2fb", "GET", "status: 400\n"}, {"/a/%2e%2e", "GET", "status: 400\n"},
               {"/a\\..\\b", "GET", "status: 400\n"}, {"/%00", "GET", "status: 400\n"}};
  both b;
  both_open(&b);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    ask_both(&b, cases[i].target, (cal_http_fetch_options){.method = cases[i].method});
    if (!strstr(b.real.seen.text, cases[i].status)) fail_msg("%s: %s", cases[i].target, b.real.seen.text);
  }
  both_close(&b);
}

static void fields_look_the_same(void **state) {
  static const cal_http_field sets[][3] = {
      {{{"x-one", 5}, {"1", 1}}, {{"X-Two", 5}, {" spaces inside ", 15}}, {{"X-Other", 7}, {"unwanted", 8}}},
      {{{"Cookie", 6}, {"a=1; b=2", 8}}, {{"x-two", 5}, {"a, b", 4}}, {{"x-one", 5}, {"", 0}}},
      {{{"Accept", 6}, {"a/b", 3}}, {{"x-two", 5}, {"c/d", 3}}, {{"User-Agent", 10}, {"me", 2}}},
      {{{"Content-Type", 12}, {"application/json", 16}},
       {{"Authorization", 13}, {"Bearer x", 8}},
       {{"x-two", 5}, {"2", 1}}},
      {{{"Host", 4}, {"example.com", 11}}, {{"x-one", 5}, {"1", 1}}, {{"x-two", 5}, {"\xc3\xa9", 2}}},
      {{{"x-one", 5}, {"line\nbreak", 10}}, {{"x-one", 5}, {"1", 1}}, {{"x-two", 5}, {"2", 1}}},
  };
  both b;
  both_open(&b);
  for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
    cal_http_fetch_options options = {.fields = sets[i], .field_count = 3};
    ask_both(&b, "/fields", options);
    options.body = cal_span_of("body");
    ask_both(&b, "/fields", options);
    options.user = "us\xc3\xa9r";
    options.password = "p:w";
    ask_both(&b, "/fields", options);
  }
  ask_both(&b, "user:p%40ss@/fields", (cal_http_fetch_options){0});
  ask_both(&b, "user:p%40ss@/fields", (cal_http_fetch_options){.user = "other"});
  ask_both(&b, "/fields", (cal_http_fetch_options){.user = "", .password = "x"});
  both_close(&b);
}

static void methods_and_answers_are_the_same(void **state) {
  static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"};
  static const char *const targets[] = {"/", "/moved", "/nothing", "/same", "/wrong"};
  static char big[1001];
  both b;
  both_open(&b);
  memset(big, 'x', sizeof big);
  for (size_t m = 0; m < 7; m++)
    for (size_t t = 0; t < 5; t++)
      for (int with_body = 0; with_body <= (m < 5); with_body++)
        ask_both(
            &b, targets[t],
            (cal_http_fetch_options){.method = methods[m], .body = cal_span_of(with_body ? "body" : NULL)});
  cal_span over = {big, sizeof big};
  ask_both(&b, "/", (cal_http_fetch_options){.body = over});
  ask_both(&b, "/moved", (cal_http_fetch_options){.redirects = 3});
  ask_both(&b, "/moved",
           (cal_http_fetch_options){.method = "HEAD", .redirects = 1, .user = "u", .password = "p"});
  ask_both(&b, "/moved", (cal_http_fetch_options){.method = "POST", .redirects = 1});
  ask_both(&b, "/", (cal_http_fetch_options){.answer_ceiling_bytes = 8});
  ask_both(&b, "/", (cal_http_fetch_options){.deny_private = 1});
  ask_both(&b, "/", (cal_http_fetch_options){.method = "get"});
  both_close(&b);
}

/* ---- upgrades */

static void on_ws_open(void *context, cal_ws *ws) {
  note(&((wire *)context)->seen, "open", (cal_span){0});
  cal_ws_close(ws, 4000, "seen");
}

static void on_ws_close(void *context, const cal_ws_end *end) {
  wire *w = context;
  note_number(&w->seen, "code", end->code);
  note_number(&w->seen, "clean", end->is_clean);
  note(&w->seen, "error", cal_span_of(end->error ? cal_error_name(end->error) : "none"));
  note_number(&w->seen, "status", end->status);
  w->is_over = 1;
}

static int on_upgrade(void *context, const cal_http_request *request, cal_upgrade *upgrade) {
  note_request(context, request);
  if (cal_span_is(request->path, "/refused")) return 403;
  return 0;
}

static void dial(both *b, wire *w, const char *target, cal_ws_connect_options options) {
  cal_ws *ws = NULL;
  w->seen.text[0] = 0;
  w->is_over = 0;
  options.url = url_of(b, "ws", target);
  options.handlers = (cal_ws_handlers){.context = w, .on_open = on_ws_open, .on_close = on_ws_close};
  assert_int_equal(cal_ws_connect(&ws, w->net, &options), 0);
  wait_for(b, w, target);
}

static void upgrades_are_the_same(void **state) {
  static const char *const targets[] = {"/media/1?token=a-b_c", "/a%20b?x=%2B", "/refused", "/"};
  static const char *const subprotocols[] = {NULL, "one.example", "mqtt", "mqtt, two.example"};
  cal_http_field field = {cal_span_of("X-One"), cal_span_of("1")};
  both b;
  both_open(&b);
  for (size_t t = 0; t < 4; t++)
    for (size_t s = 0; s < 4; s++) {
      cal_ws_connect_options options = {.fields = &field, .field_count = 1, .subprotocol = subprotocols[s]};
      dial(&b, &b.real, targets[t], options);
      dial(&b, &b.memory, targets[t], options);
      compare(&b, targets[t]);
    }
  both_close(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(targets_look_the_same), cmocka_unit_test(what_no_server_takes_is_refused_the_same),
      cmocka_unit_test(fields_look_the_same),  cmocka_unit_test(methods_and_answers_are_the_same),
      cmocka_unit_test(upgrades_are_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
