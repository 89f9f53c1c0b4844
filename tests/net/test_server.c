/* The HTTP half of the server, asked by a client that writes every byte itself. */
#include "net/kit.h"

typedef struct seen {
  cal_server *server;
  int count;
  cal_id last;
  char method[16], target[768], path[256], query[512], body[4096], signature[64], host[64], peer[64];
  int keeps_asker;
  cal_asker *asker; /* of the last one; a reference */
  enum { ANSWER_NOW, ANSWER_LATER } mood;
} seen;

static void copy(char *to, size_t room, cal_span from) {
  size_t bytes = from.bytes < room - 1 ? from.bytes : room - 1;
  if (bytes) memcpy(to, from.at, bytes);
  to[bytes] = 0;
}

static void answer(seen *s, cal_id id, int status, const char *body) {
  cal_http_field type = {cal_span_of("content-type"), cal_span_of("text/plain")};
  cal_http_answer a = {.status = status, .fields = &type, .field_count = 1, .body = cal_span_of(body)};
  cal_server_reply(s->server, id, &a);
}

static void on_request(void *context, const cal_http_request *request) {
  seen *s = context;
  s->count++;
  s->last = request->id;
  if (s->keeps_asker) s->asker = cal_ref(request->asker);
  snprintf(s->method, sizeof s->method, "%s", request->method);
  snprintf(s->peer, sizeof s->peer, "%s", request->peer);
  copy(s->path, sizeof s->path, request->path);
  copy(s->query, sizeof s->query, request->query);
  copy(s->body, sizeof s->body, request->body);
  copy(s->signature, sizeof s->signature, cal_http_request_field(request, "X-Twilio-Signature"));
  copy(s->host, sizeof s->host, cal_http_request_field(request, "host"));
  copy(s->target, sizeof s->target, request->target);
  if (s->mood == ANSWER_NOW) answer(s, request->id, 200, s->path);
}

static const char *const wanted[] = {"x-twilio-signature", "host", "content-type"};

static void start(kit *k, seen *s, const cal_net_options *options) {
  kit_open(k, options);
  *s = (seen){0};
  s->server = kit_serve(
      k, (cal_server_options){.fields = wanted, .field_count = 3, .context = s, .on_request = on_request});
}

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

static void targets_come_as_they_were_sent(void **state) {
  static const struct {
    const char *sent, *target, *path, *query;
  } cases[] = {
      {"/a/b-c_d.e~f", "/a/b-c_d.e~f", "/a/b-c_d.e~f", ""},
      {"/a?x=1&&y=2&", "/a?x=1&&y=2&", "/a", "x=1&&y=2&"},
      {"/a?To=%2B1555&name=J+Smith&q=a@b:c,'d'", "/a?To=%2B1555&name=J+Smith&q=a@b:c,'d'", "/a",
       "To=%2B1555&name=J+Smith&q=a@b:c,'d'"},
      {"/a?", "/a?", "/a", ""},
      {"/a??b=/../c", "/a??b=/../c", "/a", "?b=/../c"},
      {"/a%20b%2Fc", "/a%20b%2Fc", "/a%20b%2Fc", ""},
      {"//a//b/", "//a//b/", "//a//b/", ""},
      {"/a/...", "/a/...", "/a/...", ""},
      {"/a/.b/c..", "/a/.b/c..", "/a/.b/c..", ""},
      {"/a;b/!$'()*,:@", "/a;b/!$'()*,:@", "/a;b/!$'()*,:@", ""},
      {"/?x=%00", "/?x=%00", "/", "x=%00"},
      {"http://other.example/a?b", "/a?b", "/a", "b"},
      {"HTTPS://other.example:8443/", "/", "/", ""},
      {"http://other.example", "/", "/", ""},
      {"http://other.example?b", "?b", "/", "b"},
  };
  kit k;
  seen s;
  start(&k, &s, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[512];
    int count = s.count;
    raw *r = raw_open(cal_server_port(s.server));
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", cases[i].sent);
    raw_say(r, text);
    WAIT_FOR(&k, s.count > count);
    if (strcmp(s.target, cases[i].target) || strcmp(s.path, cases[i].path) || strcmp(s.query, cases[i].query))
      fail_msg("%s came as %s: %s ? %s", cases[i].sent, s.target, s.path, s.query);
    if (strstr(cases[i].sent, "://") && strncmp(s.host, "other.example", 13))
      fail_msg("%s came with the host %s", cases[i].sent, s.host);
    raw_close(r);
  }
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

#define GET "GET / HTTP/1.1\r\nHost: x\r\n"
#define POST "POST / HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

/* Each is answered once, with a problem document, and is the last of its connection; nothing behind it is
 * served. */
static const struct {
  const char *name, *request;
  int status;
} refused[] = {
    {"body over the ceiling", POST "Content-Length: 1000000\r\n\r\nabc", 413},
    {"length beyond all numbers", POST "Content-Length: 99999999999999999999999\r\n\r\nabc", 413},
    {"doubled length", POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400},
    {"the same length twice", POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
    {"a list of lengths", POST "Content-Length: 3, 3\r\n\r\nabc", 400},
    {"negative length", POST "Content-Length: -3\r\n\r\nabc", 400},
    {"signed length", POST "Content-Length: +3\r\n\r\nabc", 400},
    {"length of words", POST "Content-Length: lots\r\n\r\nabc", 400},
    {"no length", POST "Content-Length:\r\n\r\nabc", 400},
    {"length in hexadecimal", GET "Content-Length: 0x3\r\n\r\nabc", 400},
    {"space before a length's colon", POST "Content-Length : 3\r\n\r\nabc", 400},
    {"length beside a coding", POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"coding beside a length", POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
    {"two codings", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
    {"identity", POST "Transfer-Encoding: identity\r\n\r\n", 501},
    {"a coding with a tab in it", POST "Transfer-Encoding: chun\tked\r\n\r\n0\r\n\r\n", 501},
    {"a coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"chunk without a size", CHUNKED "\r\nabc\r\n0\r\n\r\n", 400},
    {"chunk of no number", CHUNKED "x\r\nabc\r\n0\r\n\r\n", 400},
    {"chunk of a negative size", CHUNKED "-3\r\nabc\r\n0\r\n\r\n", 400},
    {"chunk of a huge size", CHUNKED "fffffffff\r\nabc", 413},
    {"chunks over the ceiling", CHUNKED "3e9\r\n", 413},
    {"chunk that is longer than it says", CHUNKED "2\r\nabc\r\n0\r\n\r\n", 400},
    {"chunk's line ends with LF", CHUNKED "3\nabc\r\n0\r\n\r\n", 400},
    {"chunk ends with LF", CHUNKED "3\r\nabc\n0\r\n\r\n", 400},
    {"extension with LF in it", CHUNKED "3;a\nb\r\nabc\r\n0\r\n\r\n", 400},
    {"trailer with LF in it", CHUNKED "0\r\nA: b\n\r\n", 400},
    {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
    {"two Hosts", GET "Host: x\r\n\r\n", 400},
    {"Host of a path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400},
    {"Host with a user", "GET / HTTP/1.1\r\nHost: u@x\r\n\r\n", 400},
    {"space before the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400},
    {"folded field", GET "X: y\r\n z\r\n\r\n", 400},
    {"space before the first field", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400},
    {"field without a colon", GET "nonsense\r\n\r\n", 400},
    {"field without a name", GET ": y\r\n\r\n", 400},
    {"bare LF", "GET / HTTP/1.1\nHost: x\n\n", 400},
    {"one bare LF", GET "X: y\nZ: a\r\n\r\n", 400},
    {"bare CR", GET "X: y\rZ: a\r\n\r\n", 400},
    {"control character", GET "X: \x01\r\n\r\n", 400},
    {"two spaces", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"tab for a space", "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"space at the end", "GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400},
    {"HTTP/0.9", "GET /\r\n\r\n", 400},
    {"HTTP/9.9", "GET / HTTP/9.9\r\nHost: x\r\n\r\n", 505},
    {"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"lower-case version", "GET / http/1.1\r\nHost: x\r\n\r\n", 400},
    {"TLS on a plain port", "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03 this is TLS", 400},
    {"CONNECT", "CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n", 501},
    {"TRACE", "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
    {"unknown method", "BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n", 501},
    {"lower-case method", "get / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
    {"method with a slash", "GE/T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"relative target", "GET relative HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"asterisk", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"target with a user", "GET http://u@x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"target of another scheme", "GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"fragment", "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"percent without digits", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"zero byte in the path", "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"dots", "GET /telephony/../api/calls HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"one dot", "GET /./api HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"dots before an encoded slash", "GET /telephony/..%2fapi/calls HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"encoded dots", "GET /telephony/%2e%2E/api/calls HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"dots at the end", "GET /telephony/.. HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"dots between backslashes", "GET /telephony\\..\\api HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"dots in a whole URL", "GET http://x/a/../api HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    {"other expectation", POST "Expect: the-unexpected\r\nContent-Length: 3\r\n\r\nabc", 417},
};

static void what_two_readers_could_take_differently_is_refused(void **state) {
  kit k;
  seen s;
  start(&k, &s, &(cal_net_options){.body_ceiling_bytes = 1000});
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    char text[2048], line[32];
    int64_t before = counted("callisto_http_refused_total");
    raw *r = raw_open(cal_server_port(s.server));
    snprintf(text, sizeof text, "%sGET /behind HTTP/1.1\r\nHost: x\r\n\r\n", refused[i].request);
    snprintf(line, sizeof line, "HTTP/1.1 %d ", refused[i].status);
    raw_say(r, text);
    WAIT_FOR(&k, raw_has(r, "\r\n\r\n{"));
    shutdown(r->fd, SHUT_WR);
    WAIT_FOR(&k, raw_is_closed(r));
    if (strncmp(r->data, line, strlen(line))) fail_msg("%s: %.300s", refused[i].name, r->data);
    if (raw_count(r, "content-length: ") != 1)
      fail_msg("%s: answered more than once: %s", refused[i].name, r->data);
    assert_non_null(strstr(r->data, "content-type: application/problem+json\r\n"));
    assert_non_null(strstr(r->data, "connection: close\r\n"));
    assert_int_equal(counted("callisto_http_refused_total") - before, 1);
    assert_int_equal(s.count, 0);
    raw_close(r);
  }
  kit_close(&k);
}

/* One header name must not swallow the next, whatever it is a prefix of. */
static void no_field_hides_another(void **state) {
  static const char *const names[] = {
      "X",  "X-A",   "A", "Auth",    "Authorizatio",      "Co",    "Content-Lengt",
      "Ho", "Trans", "C", "Cookie2", "X-Twilio-Signatur", "Upgrad"};
  kit k;
  seen s;
  start(&k, &s, NULL);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char text[512];
    int count = s.count;
    s.signature[0] = 0;
    raw *r = raw_open(cal_server_port(s.server));
    snprintf(
        text, sizeof text,
        "POST / HTTP/1.1\r\nHost: x\r\n%s: 1\r\nX-Twilio-Signature: abc\r\n%s: 2\r\nContent-Length: 2\r\n%s: "
        "3\r\n\r\nhi",
        names[i], names[i], names[i]);
    raw_say(r, text);
    WAIT_FOR(&k, s.count > count);
    assert_string_equal(s.signature, "abc");
    assert_string_equal(s.body, "hi");
    raw_close(r);
  }
  kit_close(&k);
}

static void what_is_too_long_is_refused_with_an_answer(void **state) {
  static const struct {
    const char *begin, *status;
    int fields;
  } cases[] = {{"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ", "HTTP/1.1 431 ", 0},
               {"GET /", "HTTP/1.1 414 ", 0},
               {"GET / HTTP/1.1\r\nHost: x\r\n", "HTTP/1.1 431 ", 101}};
  kit k;
  seen s;
  start(&k, &s, &(cal_net_options){.header_ceiling_bytes = 1024});
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    static char text[200000];
    int bytes = snprintf(text, sizeof text, "%s", cases[i].begin);
    for (int f = 0; f < cases[i].fields; f++) bytes += snprintf(text + bytes, 16, "a:b\r\n");
    if (!cases[i].fields) {
      memset(text + bytes, 'a', 150000);
      bytes += 150000;
    }
    snprintf(text + bytes, 16, "\r\n\r\n");
    raw *r = raw_open(cal_server_port(s.server));
    send(r->fd, text, strlen(text), MSG_NOSIGNAL); /* not all of it may be taken */
    WAIT_FOR(&k, raw_has(r, "\r\n\r\n{"));
    if (strncmp(r->data, cases[i].status, strlen(cases[i].status))) fail_msg("%zu: %.300s", i, r->data);
    WAIT_FOR(&k, raw_is_closed(r));
    raw_close(r);
  }
  assert_int_equal(s.count, 0);
  kit_close(&k);
}

static void chunked_bodies_are_put_together(void **state) {
  static const struct {
    const char *chunks, *body;
  } cases[] = {{"3\r\nabc\r\n0\r\n\r\n", "abc"},
               {"3\r\nabc\r\n00A\r\n0123456789\r\n000\r\n\r\n", "abc0123456789"},
               {"3;name=\"value\";x\r\nabc\r\n0;end\r\nTrailer: yes\r\nAnother: one\r\n\r\n", "abc"},
               {"0\r\n\r\n", ""}};
  kit k;
  seen s;
  start(&k, &s, NULL);
  raw *r = raw_open(cal_server_port(s.server));
  for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
    char text[512];
    int by_bytes = i & 1, count = s.count;
    snprintf(text, sizeof text, "%s%s", CHUNKED, cases[i / 2].chunks);
    if (!by_bytes) raw_say(r, text);
    for (const char *at = text; by_bytes && *at; at++) {
      raw_write(r, at, 1);
      kit_turn(&k, cal_loop_now_ns(k.loop));
    }
    WAIT_FOR(&k, s.count > count);
    assert_string_equal(s.body, cases[i / 2].body);
  }
  raw_close(r);
  kit_close(&k);
}

/* RFC 9110, 7.8: an Upgrade that is not understood is not there. */
static void an_unknown_upgrade_is_ignored(void **state) {
  kit k;
  seen s;
  start(&k, &s, NULL);
  raw *r = raw_open(cal_server_port(s.server));
  for (int i = 1; i <= 4; i++) {
    raw_say(r, i % 2
                   ? "GET /h2 HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                     "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"
                   : "GET /h2 HTTP/1.1\r\nHost: x\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n");
    WAIT_FOR(&k, raw_count(r, "HTTP/1.1 200 OK") == i);
  }
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

static void expect_100_is_answered_before_the_body(void **state) {
  kit k;
  seen s;
  start(&k, &s, NULL);
  raw *r = raw_open(cal_server_port(s.server));
  raw_say(r, "POST /big HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  WAIT_FOR(&k, raw_has(r, "HTTP/1.1 100 Continue\r\n\r\n"));
  raw_say(r, "body");
  WAIT_FOR(&k, raw_has(r, "/big"));
  assert_string_equal(s.body, "body");
  raw_close(r);
  kit_close(&k);
}

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
      cmocka_unit_test(targets_come_as_they_were_sent),
      cmocka_unit_test(an_answer_may_come_later),
      cmocka_unit_test(an_answer_to_a_client_that_left_is_a_polite_no_op),
      cmocka_unit_test(who_works_on_a_request_can_see_whether_its_asker_has_left),
      cmocka_unit_test(an_asker_that_sends_no_more_may_still_read),
      cmocka_unit_test(a_request_nobody_answers_gets_504),
      cmocka_unit_test(what_two_readers_could_take_differently_is_refused),
      cmocka_unit_test(no_field_hides_another),
      cmocka_unit_test(what_is_too_long_is_refused_with_an_answer),
      cmocka_unit_test(expect_100_is_answered_before_the_body),
      cmocka_unit_test(requests_sent_ahead_are_answered_in_order),
      cmocka_unit_test(a_client_far_ahead_is_made_to_wait),
      cmocka_unit_test(chunked_bodies_are_put_together),
      cmocka_unit_test(an_unknown_upgrade_is_ignored),
      cmocka_unit_test(options_of_the_server_are_told),
      cmocka_unit_test(a_kept_connection_serves_many_requests),
      cmocka_unit_test(a_waiting_request_does_not_spin),
      cmocka_unit_test(a_large_answer_arrives_whole_at_a_slow_reader),
      cmocka_unit_test(silence_is_ended_by_the_deadline),
      cmocka_unit_test(a_trickling_header_has_one_deadline),
      cmocka_unit_test(an_idle_connection_is_closed),
      cmocka_unit_test(persistence_is_as_asked_for),
      cmocka_unit_test(draining_serves_what_is_open_and_takes_nothing_new),
      cmocka_unit_test(a_port_in_use_is_told_with_the_remedy),
      cmocka_unit_test(several_servers_on_one_net_do_not_mix),
      cmocka_unit_test(connections_over_the_ceiling_are_told_so),
      cmocka_unit_test(an_answer_cannot_smuggle_a_header),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
