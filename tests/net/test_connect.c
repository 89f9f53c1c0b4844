/* Outgoing WebSockets that do not get through, and why. */
#include "net/kit.h"

typedef struct client {
  cal_ws *ws;
  int opened, closed;
  cal_ws_end end;
  char text[200];
} client;

static void on_open(void *context, cal_ws *ws) { ((client *)context)->opened++; }

static void on_close(void *context, const cal_ws_end *end) {
  client *c = context;
  c->closed++;
  c->end = *end;
  snprintf(c->text, sizeof c->text, "%s", end->text);
}

static void dial(kit *k, client *c, const char *url, uint32_t timeout_ms, int deny_private) {
  *c = (client){0};
  cal_ws_connect_options options = {.url = url,
                                    .timeout_ms = timeout_ms,
                                    .deny_private = deny_private,
                                    .handlers = {.context = c, .on_open = on_open, .on_close = on_close}};
  if (cal_ws_connect(&c->ws, k->net, &options)) fail_msg("%s: %s", url, cal_error_text());
  assert_int_equal(c->closed, 0);
}

static void expect_end(kit *k, client *c, int error) {
  WAIT_FOR(k, c->closed);
  if (c->end.error != error) fail_msg("%s: %s", cal_error_name(c->end.error), c->text);
  assert_int_equal(c->closed, 1);
  assert_int_equal(c->opened, 0);
  assert_int_equal(c->end.code, 1006);
  assert_false(c->end.is_clean);
  assert_true(c->text[0]);
}

static int closed_port(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  bind(fd, (struct sockaddr *)&address, sizeof address);
  getsockname(fd, (struct sockaddr *)&address, &size);
  close(fd);
  return ntohs(address.sin_port);
}

/* Accepts, and says what it is told to, or nothing. */
static int silent_listener(int *port) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  listen(fd, 10);
  getsockname(fd, (struct sockaddr *)&address, &size);
  *port = ntohs(address.sin_port);
  return fd;
}

static const char *url_of(const char *format, int port) {
  static char url[128];
  snprintf(url, sizeof url, format, port);
  return url;
}

static void wrong_options_fail_at_once(void **state) {
  static const char *const urls[] = {"", "http://x/", "ws:/x", "wss://", "x", "ws://ho st/"};
  kit k;
  kit_open(&k, NULL);
  cal_ws *ws = NULL;
  for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
    if (cal_ws_connect(&ws, k.net, &(cal_ws_connect_options){.url = urls[i]}) != -EINVAL)
      fail_msg("%s", urls[i]);
  cal_http_field smuggled = {cal_span_of("x"), cal_span_of("a\r\nb: c")};
  cal_ws_connect_options options = {.url = "ws://127.0.0.1:1/", .fields = &smuggled, .field_count = 1};
  assert_int_equal(cal_ws_connect(&ws, k.net, &options), -EINVAL);
  assert_null(ws);
  kit_close(&k);
}

static void a_refused_connection(void **state) {
  kit k;
  client c;
  kit_open(&k, NULL);
  int port = closed_port();
  dial(&k, &c, url_of("ws://127.0.0.1:%d/", port), 0, 0);
  expect_end(&k, &c, -ECONNREFUSED);
  dial(&k, &c, url_of("wss://localhost:%d/", port), 0, 0); /* every address of the name is tried */
  expect_end(&k, &c, -ECONNREFUSED);
  kit_close(&k);
}

static void a_name_that_does_not_exist(void **state) {
  kit k;
  client c;
  kit_open(&k, NULL);
  dial(&k, &c, "ws://no-such-name.invalid/", 15000, 0);
  expect_end(&k, &c, -ENOENT);
  kit_close(&k);
}

static void a_handshake_that_is_never_answered(void **state) {
  kit k;
  client c;
  int port;
  kit_open(&k, NULL);
  int fd = silent_listener(&port);
  dial(&k, &c, url_of("ws://127.0.0.1:%d/", port), 60, 0);
  expect_end(&k, &c, -ETIMEDOUT);
  dial(&k, &c, url_of("wss://127.0.0.1:%d/", port), 60, 0);
  expect_end(&k, &c, -ETIMEDOUT);
  close(fd);
  kit_close(&k);
}

static void a_server_that_answers_nonsense(void **state) {
  static const char *const answers[] = {
      /* in brackets, or clang misses a comma */
      ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       "Sec-WebSocket-Accept: d3Jvbmc=\r\n\r\n"),
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "220 mail.example.org ESMTP\r\n"};
  kit k;
  client c;
  int port;
  kit_open(&k, NULL);
  int fd = silent_listener(&port), peer = -1;
  for (size_t i = 0; i < 3; i++) {
    dial(&k, &c, url_of("ws://127.0.0.1:%d/", port), 5000, 0);
    WAIT_FOR(&k, (peer = accept(fd, NULL, NULL)) >= 0);
    send(peer, answers[i], strlen(answers[i]), MSG_NOSIGNAL);
    shutdown(peer, SHUT_WR);
    expect_end(&k, &c, -EPROTO);
    assert_int_equal(c.end.status, i == 1 ? 200 : 0);
    close(peer);
  }
  close(fd);
  kit_close(&k);
}

static int refuse(void *context, const cal_http_request *request, cal_upgrade *upgrade) {
  return *(int *)context;
}

static void a_refusal_brings_its_status(void **state) {
  kit k;
  client c;
  int status = 401;
  kit_open(&k, NULL);
  cal_server *server = kit_serve(&k, (cal_server_options){.context = &status, .on_upgrade = refuse});
  dial(&k, &c, url_of("ws://127.0.0.1:%d/", cal_server_port(server)), 0, 0);
  expect_end(&k, &c, -EPROTO);
  assert_int_equal(c.end.status, 401);
  status = 302;
  dial(&k, &c, url_of("ws://127.0.0.1:%d/", cal_server_port(server)), 0, 0);
  expect_end(&k, &c, -EPROTO);
  assert_int_equal(c.end.status, 302);
  kit_close(&k);
}

static void tls_must_be_for_the_right_name_and_from_somebody_trusted(void **state) {
  kit k;
  client c;
  papers other, trusted;
  papers_make(&trusted, "DNS:localhost", 3600);
  papers_make(&other, "DNS:localhost", 3600);
  kit_open(&k, &(cal_net_options){.ca_file = trusted.cert});
  int status = 403;
  cal_server *good = kit_serve(
      &k, (cal_server_options){
              .cert_file = trusted.cert, .key_file = trusted.key, .context = &status, .on_upgrade = refuse});
  cal_server *stranger = kit_serve(
      &k, (cal_server_options){
              .cert_file = other.cert, .key_file = other.key, .context = &status, .on_upgrade = refuse});
  dial(&k, &c, url_of("wss://localhost:%d/", cal_server_port(good)), 0, 0);
  expect_end(&k, &c, -EPROTO); /* as far as the server's own refusal */
  dial(&k, &c, url_of("wss://127.0.0.1:%d/", cal_server_port(good)), 0, 0);
  expect_end(&k, &c, -EKEYREJECTED);
  dial(&k, &c, url_of("wss://localhost:%d/", cal_server_port(stranger)), 0, 0);
  expect_end(&k, &c, -EKEYREJECTED);
  dial(&k, &c, url_of("ws://localhost:%d/", cal_server_port(good)), 300, 0); /* plain to a TLS port */
  WAIT_FOR(&k, c.closed);
  kit_close(&k);
  kit_open(&k, &(cal_net_options){.skip_tls_verification = 1});
  stranger = kit_serve(
      &k, (cal_server_options){
              .cert_file = other.cert, .key_file = other.key, .context = &status, .on_upgrade = refuse});
  dial(&k, &c, url_of("wss://127.0.0.1:%d/", cal_server_port(stranger)), 0, 0);
  expect_end(&k, &c, -EPROTO);
  assert_int_equal(c.end.status, 403);
  kit_close(&k);
  papers_burn(&trusted);
  papers_burn(&other);
}

static void private_addresses_can_be_denied(void **state) {
  kit k;
  client c;
  kit_open(&k, NULL);
  dial(&k, &c, "ws://127.0.0.1:1/", 0, 1);
  expect_end(&k, &c, -EACCES);
  dial(&k, &c, "ws://localhost:1/", 0, 1);
  expect_end(&k, &c, -EACCES);
  dial(&k, &c, "ws://[::1]:1/", 0, 1);
  expect_end(&k, &c, -EACCES);
  kit_close(&k);
}

static void giving_up_while_it_connects(void **state) {
  kit k;
  client c[3];
  int port;
  kit_open(&k, NULL);
  int fd = silent_listener(&port);
  dial(&k, &c[0], url_of("ws://localhost:%d/", port), 0, 0);
  cal_ws_close(c[0].ws, 1000, "changed my mind"); /* while the name is looked up */
  dial(&k, &c[1], url_of("ws://127.0.0.1:%d/", port), 0, 0);
  int peer = -1;
  WAIT_FOR(&k, (peer = accept(fd, NULL, NULL)) >= 0);
  cal_ws_close(c[1].ws, 1000, ""); /* while the upgrade is waited for */
  WAIT_FOR(&k, c[0].closed && c[1].closed);
  assert_int_equal(c[0].end.error, -ECANCELED);
  assert_int_equal(c[1].end.error, -ECANCELED);
  dial(&k, &c[2], url_of("ws://localhost:%d/", port), 0, 0);
  kit_close(&k); /* and while the net is closed */
  assert_int_equal(c[2].closed, 1);
  close(peer);
  close(fd);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(wrong_options_fail_at_once),
      cmocka_unit_test(a_refused_connection),
      cmocka_unit_test(a_name_that_does_not_exist),
      cmocka_unit_test(a_handshake_that_is_never_answered),
      cmocka_unit_test(a_server_that_answers_nonsense),
      cmocka_unit_test(a_refusal_brings_its_status),
      cmocka_unit_test(tls_must_be_for_the_right_name_and_from_somebody_trusted),
      cmocka_unit_test(private_addresses_can_be_denied),
      cmocka_unit_test(giving_up_while_it_connects),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
