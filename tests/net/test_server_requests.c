/* What a request may say, byte by byte, and what is refused. */
#include "net/server_kit.h"

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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(targets_come_as_they_were_sent),
      cmocka_unit_test(what_two_readers_could_take_differently_is_refused),
      cmocka_unit_test(no_field_hides_another),
      cmocka_unit_test(what_is_too_long_is_refused_with_an_answer),
      cmocka_unit_test(expect_100_is_answered_before_the_body),
      cmocka_unit_test(chunked_bodies_are_put_together),
      cmocka_unit_test(an_unknown_upgrade_is_ignored),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
