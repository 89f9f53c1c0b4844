/* The HTTP half of the server, asked by a client that writes every byte itself. */
#include "net/kit.h"

typedef struct seen {
  cal_server *server;
  int count;
  cal_id last;
  char method[16], path[256], query[512], body[4096], signature[64], host[64], peer[64];
  int is_exact;
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
  snprintf(s->method, sizeof s->method, "%s", request->method);
  snprintf(s->peer, sizeof s->peer, "%s", request->peer);
  copy(s->path, sizeof s->path, request->path);
  copy(s->query, sizeof s->query, request->query);
  copy(s->body, sizeof s->body, request->body);
  copy(s->signature, sizeof s->signature, cal_http_request_field(request, "X-Twilio-Signature"));
  copy(s->host, sizeof s->host, cal_http_request_field(request, "host"));
  s->is_exact = request->target_is_exact;
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
  assert_true(s.is_exact);
  assert_non_null(strstr(r->data, "HTTP/1.1 200 OK\r\n"));
  assert_non_null(strstr(r->data, "content-length: 14\r\n"));
  raw_close(r);
  kit_close(&k);
}

static void targets_say_whether_they_are_exact(void **state) {
  static const struct {
    const char *target, *path, *query;
    int is_exact;
  } cases[] = {
      {"/a/b-c_d.e~f", "/a/b-c_d.e~f", "", 1},
      {"/a?token=abc-_~.XYZ&n=2", "/a", "token=abc-_~.XYZ&n=2", 1},
      {"/a?b==", "/a", "b==", 1},
      {"/a?x&y=", "/a", "x&y=", 1},
      {"/a?x=1&&y=2", "/a", "x=1&&y=2", 1},
      {"/a?To=%2B15551234567", "/a", "To=%2B15551234567", 0},
      {"/a?name=J+Smith", "/a", "name=J%20Smith", 0},
      {"/a?name=J%20Smith", "/a", "name=J%20Smith", 0},
      {"/a?x=1%26y=2", "/a", "x=1%26y=2", 0},
      {"/a%20b", "/a b", "", 0},
  };
  kit k;
  seen s;
  start(&k, &s, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[512];
    int count = s.count;
    raw *r = raw_open(cal_server_port(s.server));
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", cases[i].target);
    raw_say(r, text);
    WAIT_FOR(&k, s.count > count);
    if (strcmp(s.path, cases[i].path) || strcmp(s.query, cases[i].query) || s.is_exact != cases[i].is_exact)
      fail_msg("%s came as %s ? %s, exact %d", cases[i].target, s.path, s.query, s.is_exact);
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

static void what_is_wrong_is_refused_with_a_status(void **state) {
  static const struct {
    const char *name, *request, *status;
  } cases[] = {
      {"body over the ceiling", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc",
       "HTTP/1.1 413"},
      {"chunked POST",
       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
       "HTTP/1.1 411"},
      {"chunked GET", "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 411"},
      {"chunked and a length",
       "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
       "HTTP/1.1 411"},
      {"doubled length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
       "HTTP/1.1 400"},
      {"the same length twice",
       "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 400"},
      {"negative length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc", "HTTP/1.1 400"},
      {"length of words", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: lots\r\n\r\nabc", "HTTP/1.1 400"},
      {"length in hexadecimal", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc",
       "HTTP/1.1 400"},
  };
  kit k;
  seen s;
  start(&k, &s, &(cal_net_options){.body_ceiling_bytes = 1000});
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    int64_t before = counted("callisto_http_refused_total");
    raw *r = raw_open(cal_server_port(s.server));
    raw_say(r, cases[i].request);
    WAIT_FOR(&k, raw_is_closed(r));
    if (strncmp(r->data, cases[i].status, 12)) fail_msg("%s: %.40s", cases[i].name, r->data);
    if (raw_count(r, "HTTP/1.1") != 1) fail_msg("%s: answered more than once: %s", cases[i].name, r->data);
    assert_int_equal(counted("callisto_http_refused_total") - before, 1);
    assert_int_equal(s.count, 0);
    raw_close(r);
  }
  kit_close(&k);
}

static void what_is_no_http_closes_the_connection(void **state) {
  static const char *const cases[] = {
      "CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
      "BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is TLS",
      "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: "
      "AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
      "GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET relative HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: teapot\r\nConnection: Upgrade\r\n\r\n",
      "\r\n\r\n\r\n\r\nGET\r\n\r\n",
      "GET / HTTP/9.9\r\n: empty\r\n\r\n",
  };
  kit k;
  seen s;
  start(&k, &s, &(cal_net_options){.handshake_timeout_ms = 300, .idle_timeout_ms = 300});
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    raw *r = raw_open(cal_server_port(s.server));
    raw_say(r, cases[i]);
    WAIT_FOR(&k, raw_is_closed(r));
    raw_close(r);
  }
  WAIT_FOR(&k, cal_server_connections(s.server) == 0);
  raw *r = raw_open(cal_server_port(s.server)); /* and the server has survived it all */
  raw_say(r, "GET /alive HTTP/1.1\r\nHost: x\r\n\r\n");
  WAIT_FOR(&k, raw_has(r, "/alive"));
  raw_close(r);
  kit_close(&k);
}

static void too_much_header_closes_the_connection(void **state) {
  kit k;
  seen s;
  start(&k, &s, &(cal_net_options){.header_ceiling_bytes = 1024});
  raw *r = raw_open(cal_server_port(s.server));
  char text[3000];
  int bytes = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: x\r\nX-Long: ");
  memset(text + bytes, 'a', 2500);
  strcpy(text + bytes + 2500, "\r\n\r\n");
  raw_say(r, text);
  WAIT_FOR(&k, raw_is_closed(r));
  assert_int_equal(s.count, 0);
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

/* A client that does not wait for its answer gets that answer and nothing more; none of what it sent too
 * early may be taken for a request, or for another request's body. */
static void pipelined_requests_are_not_served(void **state) {
  static const char *const cases[] = {
      "POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcPOST /two HTTP/1.1\r\nHost: "
      "x\r\nContent-Length: 3\r\n\r\nabc"
      "GET /three HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /one HTTP/1.1\r\nHost: x\r\n\r\nPOST /two HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
      "POST /three HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
      "GET /one HTTP/1.1\r\nHost: x\r\n\r\nG",
  };
  for (int round = 0; round < 6; round++) {
    kit k;
    seen s;
    start(&k, &s, NULL);
    s.mood = round < 3 ? ANSWER_LATER : ANSWER_NOW;
    raw *r = raw_open(cal_server_port(s.server));
    raw_say(r, cases[round % 3]);
    WAIT_FOR(&k, s.count == 1);
    if (s.mood == ANSWER_LATER) answer(&s, s.last, 200, "/one");
    WAIT_FOR(&k, raw_is_closed(r));
    assert_int_equal(s.count, 1);
    assert_int_equal(raw_count(r, "HTTP/1.1 200"), 1);
    assert_non_null(strstr(r->data, "/one"));
    raw_close(r);
    kit_close(&k);
  }
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

static void silence_is_closed_by_the_deadline(void **state) {
  static const char *const cases[] = {
      "", "GET / HTTP/1.1\r\nHost:", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"};
  kit k;
  seen s;
  start(&k, &s, &(cal_net_options){.handshake_timeout_ms = 50});
  for (size_t i = 0; i < 3; i++) {
    raw *r = raw_open(cal_server_port(s.server));
    raw_say(r, cases[i]);
    WAIT_FOR(&k, raw_is_closed(r));
    assert_int_equal(r->bytes, 0);
    raw_close(r);
  }
  assert_int_equal(s.count, 0);
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
      {"POST / HTTP/1.1\r\nHost: x\r\n\r\n", 0, "connection: close"},
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

static void connections_over_the_ceiling_are_closed(void **state) {
  kit k;
  seen s;
  start(&k, &s, &(cal_net_options){.connection_ceiling = 2});
  int64_t before = counted("callisto_http_crowded_total");
  raw *first = raw_open(cal_server_port(s.server)), *second = raw_open(cal_server_port(s.server));
  WAIT_FOR(&k, cal_server_connections(s.server) == 2);
  raw *third = raw_open(cal_server_port(s.server));
  WAIT_FOR(&k, raw_is_closed(third));
  assert_int_equal(counted("callisto_http_crowded_total") - before, 1);
  raw_close(first);
  raw_close(second);
  raw_close(third);
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
      cmocka_unit_test(targets_say_whether_they_are_exact),
      cmocka_unit_test(an_answer_may_come_later),
      cmocka_unit_test(an_answer_to_a_client_that_left_is_a_polite_no_op),
      cmocka_unit_test(a_request_nobody_answers_gets_504),
      cmocka_unit_test(what_is_wrong_is_refused_with_a_status),
      cmocka_unit_test(what_is_no_http_closes_the_connection),
      cmocka_unit_test(too_much_header_closes_the_connection),
      cmocka_unit_test(expect_100_is_answered_before_the_body),
      cmocka_unit_test(pipelined_requests_are_not_served),
      cmocka_unit_test(a_kept_connection_serves_many_requests),
      cmocka_unit_test(a_waiting_request_does_not_spin),
      cmocka_unit_test(a_large_answer_arrives_whole_at_a_slow_reader),
      cmocka_unit_test(silence_is_closed_by_the_deadline),
      cmocka_unit_test(an_idle_connection_is_closed),
      cmocka_unit_test(persistence_is_as_asked_for),
      cmocka_unit_test(draining_serves_what_is_open_and_takes_nothing_new),
      cmocka_unit_test(a_port_in_use_is_told_with_the_remedy),
      cmocka_unit_test(several_servers_on_one_net_do_not_mix),
      cmocka_unit_test(connections_over_the_ceiling_are_closed),
      cmocka_unit_test(an_answer_cannot_smuggle_a_header),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
