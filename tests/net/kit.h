/* kit: what the tests of this module share: a loop with a net on it, waiting for events instead of for time,
 * a raw TCP client that writes what it likes, and a certificate made on the spot. Loopback only, ports chosen
 * by the kernel. */
#ifndef CAL_TESTS_NET_KIT_H
#define CAL_TESTS_NET_KIT_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "net/http.h"
#include "net/net.h"
#include "net/server.h"
#include "net/ws.h"

#define PATIENCE_NS (20 * CAL_S) /* a test that waits longer has failed; machines are slow at times */

/* ---- loop and net */

typedef struct kit {
  cal_loop *loop;
  cal_net *net;
} kit;

static inline void kit_open(kit *k, const cal_net_options *options) {
  *k = (kit){0};
  assert_int_equal(cal_loop_new(&k->loop, cal_clock_real()), 0);
  if (cal_net_new(&k->net, k->loop, options)) fail_msg("no net: %s", cal_error_text());
}

static inline void kit_close(kit *k) {
  cal_net_close(k->net);
  assert_int_equal(cal_loop_timers(k->loop), 0);
  assert_int_equal(cal_loop_free(k->loop), 0);
}

static inline int kit_turn(kit *k, uint64_t started_ns) {
  uv_run(cal_loop_uv(k->loop), UV_RUN_NOWAIT);
  struct pollfd backend = {.fd = uv_backend_fd(cal_loop_uv(k->loop)), .events = POLLIN};
  poll(&backend, 1, 1);
  return cal_loop_now_ns(k->loop) - started_ns < PATIENCE_NS;
}

/* Runs the loop until `condition`; the test fails when it never comes true. */
#define WAIT_FOR(k, condition)                                                                               \
  do {                                                                                                       \
    uint64_t started_ns_ = cal_loop_now_ns((k)->loop);                                                       \
    while (!(condition))                                                                                     \
      if (!kit_turn((k), started_ns_)) fail_msg("waited in vain for: %s", #condition);                       \
  } while (0)

static inline cal_server *kit_serve(kit *k, cal_server_options options) {
  cal_server *server = NULL;
  if (!options.host) options.host = "127.0.0.1";
  if (cal_server_listen(&server, k->net, &options)) fail_msg("no server: %s", cal_error_text());
  assert_true(cal_server_port(server) > 0);
  return server;
}

static inline int64_t counted(const char *name) { return cal_metric_value(cal_counter(name, "")); }

/* ---- a raw client */

typedef struct raw {
  int fd;
  int is_closed; /* by the other side, in either way */
  char data[1 << 17];
  size_t bytes;
} raw;

static inline int raw_dial(int port, int receive_bytes) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_bytes) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}

static inline raw *raw_open(int port) {
  raw *r = calloc(1, sizeof *r);
  r->fd = raw_dial(port, 0);
  return r;
}

static inline void raw_close(raw *r) {
  close(r->fd);
  free(r);
}

static inline void raw_write(raw *r, const void *data, size_t bytes) {
  ssize_t sent = send(r->fd, data, bytes, MSG_NOSIGNAL);
  assert_int_equal(sent, bytes);
}

static inline void raw_say(raw *r, const char *text) { raw_write(r, text, strlen(text)); }

static inline int raw_read(raw *r) {
  ssize_t got = recv(r->fd, r->data + r->bytes, sizeof r->data - 1 - r->bytes, 0);
  if (got > 0) r->bytes += (size_t)got;
  r->data[r->bytes] = 0;
  if (got == 0 || (got < 0 && errno != EAGAIN)) r->is_closed = 1;
  return got > 0;
}

static inline int raw_has(raw *r, const char *text) {
  raw_read(r);
  return strstr(r->data, text) != NULL;
}

static inline int raw_count(raw *r, const char *text) {
  int count = 0;
  raw_read(r);
  for (const char *at = r->data; (at = strstr(at, text)); at++) count++;
  return count;
}

static inline int raw_is_closed(raw *r) {
  while (!r->is_closed && raw_read(r)) continue;
  return r->is_closed;
}

/* ---- a certificate */

typedef struct papers {
  char folder[64], cert[96], key[96];
} papers;

static inline void add_extension(X509 *certificate, int nid, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  assert_non_null(extension);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/* Self-signed, P-256, for the names given ("DNS:localhost,IP:127.0.0.1"), valid from now for `seconds`
 * (negative: over). */
static inline void papers_write(papers *p, const char *names, long seconds, long serial) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
  X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             (const unsigned char *)"callisto test", -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  add_extension(certificate, NID_subject_alt_name, names);
  add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
  FILE *file = fopen(p->cert, "w");
  PEM_write_X509(file, certificate);
  fclose(file);
  file = fopen(p->key, "w");
  PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
  fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

static inline void papers_make(papers *p, const char *names, long seconds) {
  snprintf(p->folder, sizeof p->folder, "/tmp/callisto-papers-XXXXXX");
  assert_non_null(mkdtemp(p->folder));
  snprintf(p->cert, sizeof p->cert, "%s/cert.pem", p->folder);
  snprintf(p->key, sizeof p->key, "%s/key.pem", p->folder);
  papers_write(p, names, seconds, 1);
}

static inline void papers_burn(papers *p) {
  unlink(p->cert);
  unlink(p->key);
  rmdir(p->folder);
}

#endif
