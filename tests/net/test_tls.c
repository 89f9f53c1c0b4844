/* Certificates: checked before they are used, and changed while the server runs. */
#include "net/kit.h"

#include <openssl/ssl.h>

#include "net/tls.h"

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  fputs(text, file);
  fclose(file);
}

static void what_is_checked(void **state) {
  papers good, other, over;
  papers_make(&good, "DNS:localhost", 3600);
  papers_make(&other, "DNS:localhost", 3600);
  papers_make(&over, "DNS:localhost", -60);
  assert_int_equal(cal_tls_check(good.cert, good.key), 0);
  assert_int_equal(cal_tls_check(good.cert, other.key), -EINVAL);
  assert_non_null(strstr(cal_error_text(), "does not belong"));
  assert_int_equal(cal_tls_check(good.key, good.key), -EINVAL);
  assert_int_equal(cal_tls_check(good.cert, good.cert), -EINVAL);
  assert_int_equal(cal_tls_check("/no/such/file", good.key), -ENOENT);
  assert_int_equal(cal_tls_check(good.cert, "/no/such/file"), -ENOENT);
  assert_int_equal(cal_tls_check(over.cert, over.key), -EKEYEXPIRED);
  papers_burn(&good);
  papers_burn(&other);
  papers_burn(&over);
}

/* The serial number the server shows to a new connection. */
static long serial_shown(kit *k, int port) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  SSL *ssl = SSL_new(context);
  int fd = raw_dial(port, 0);
  SSL_set_fd(ssl, fd);
  uint64_t started_ns = cal_loop_now_ns(k->loop);
  while (SSL_connect(ssl) != 1)
    if (!kit_turn(k, started_ns)) fail_msg("no TLS handshake");
  X509 *certificate = SSL_get1_peer_certificate(ssl);
  long serial = ASN1_INTEGER_get(X509_get_serialNumber(certificate));
  X509_free(certificate);
  SSL_free(ssl);
  SSL_CTX_free(context);
  close(fd);
  return serial;
}

static void a_certificate_is_changed_while_serving(void **state) {
  kit k;
  papers p;
  papers_make(&p, "DNS:localhost", 3600);
  kit_open(&k, NULL);
  cal_server *server = kit_serve(&k, (cal_server_options){.cert_file = p.cert, .key_file = p.key});
  int port = cal_server_port(server);
  assert_int_equal(serial_shown(&k, port), 1);
  papers_write(&p, "DNS:localhost", 3600, 2);
  assert_int_equal(serial_shown(&k, port), 1);
  assert_int_equal(cal_server_reload_tls(server), 0);
  assert_int_equal(serial_shown(&k, port), 2);
  write_file(p.key, "rubbish"); /* a bad reload changes nothing */
  assert_int_equal(cal_server_reload_tls(server), -EINVAL);
  assert_int_equal(serial_shown(&k, port), 2);
  papers_write(&p, "DNS:localhost", 3600, 3);
  assert_int_equal(cal_server_reload_tls(server), 0);
  assert_int_equal(serial_shown(&k, port), 3);
  kit_close(&k);
  papers_burn(&p);
}

static void a_plain_server_has_nothing_to_reload(void **state) {
  kit k;
  kit_open(&k, NULL);
  assert_int_equal(cal_server_reload_tls(kit_serve(&k, (cal_server_options){0})), -EINVAL);
  kit_close(&k);
}

static void an_unfit_certificate_is_refused_at_start(void **state) {
  kit k;
  papers over;
  cal_server *server = NULL;
  papers_make(&over, "DNS:localhost", -60);
  kit_open(&k, NULL);
  cal_server_options options = {.host = "127.0.0.1", .cert_file = over.cert, .key_file = over.key};
  assert_int_equal(cal_server_listen(&server, k.net, &options), -EKEYEXPIRED);
  kit_close(&k);
  papers_burn(&over);
}

static void two_tls_servers_keep_their_own_certificates(void **state) {
  kit k;
  papers a, b;
  papers_make(&a, "DNS:localhost", 3600);
  papers_make(&b, "DNS:localhost", 3600);
  papers_write(&b, "DNS:localhost", 3600, 7);
  kit_open(&k, NULL);
  cal_server *first = kit_serve(&k, (cal_server_options){.cert_file = a.cert, .key_file = a.key});
  cal_server *second = kit_serve(&k, (cal_server_options){.cert_file = b.cert, .key_file = b.key});
  assert_int_equal(serial_shown(&k, cal_server_port(first)), 1);
  assert_int_equal(serial_shown(&k, cal_server_port(second)), 7);
  kit_close(&k);
  papers_burn(&a);
  papers_burn(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_checked),
      cmocka_unit_test(a_certificate_is_changed_while_serving),
      cmocka_unit_test(a_plain_server_has_nothing_to_reload),
      cmocka_unit_test(an_unfit_certificate_is_refused_at_start),
      cmocka_unit_test(two_tls_servers_keep_their_own_certificates),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
