#include "net/tls.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/error.h"

static X509 *read_certificate(FILE *file) { return PEM_read_X509(file, NULL, NULL, NULL); }
static EVP_PKEY *read_key(FILE *file) { return PEM_read_PrivateKey(file, NULL, NULL, NULL); }

static int compare(X509 *certificate, EVP_PKEY *key, const char *cert_file, const char *key_file) {
  if (!certificate) return cal_fail(-EINVAL, "%s holds no certificate in PEM form", cert_file);
  if (!key) return cal_fail(-EINVAL, "%s holds no private key in PEM form", key_file);
  if (X509_check_private_key(certificate, key) != 1)
    return cal_fail(-EINVAL, "the key in %s does not belong to the certificate in %s", key_file, cert_file);
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
    return cal_fail(-EKEYEXPIRED, "the certificate in %s has expired", cert_file);
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
    return cal_fail(-EKEYEXPIRED, "the certificate in %s is not valid yet", cert_file);
  return 0;
}

int cal_tls_check(const char *cert_file, const char *key_file) {
  int code = 0;
  X509 *certificate = NULL;
  EVP_PKEY *key = NULL;
  FILE *cert_stream = fopen(cert_file, "re");
  if (!cert_stream) return cal_fail(-errno, "cannot read the certificate %s", cert_file);
  FILE *key_stream = fopen(key_file, "re");
  if (!key_stream) {
    code = cal_fail(-errno, "cannot read the key %s", key_file);
    goto out;
  }
  certificate = read_certificate(cert_stream);
  key = read_key(key_stream);
  code = compare(certificate, key, cert_file, key_file);
  fclose(key_stream);
out:
  fclose(cert_stream);
  ERR_clear_error(); /* what PEM left there would be blamed on the next connection */
  X509_free(certificate);
  EVP_PKEY_free(key);
  return code;
}

/* Only what we speak: a client that offers h2 as well gets HTTP/1.1, one that offers nothing of ours is told. */
static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *bytes,
                           const unsigned char *offered, unsigned offered_bytes, void *context) {
  static const unsigned char ours[] = "\x08http/1.1\x08http/1.0";
  int code = SSL_select_next_proto((unsigned char **)(uintptr_t)chosen, bytes, ours, sizeof ours - 1, offered,
                                   offered_bytes);
  return code == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int cal_tls_open(SSL_CTX **result, const char *cert_file, const char *key_file) {
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context,
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  /* An idle connection keeps no buffers; a record is read with one system call instead of two. */
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
  int is_good = SSL_CTX_use_certificate_chain_file(context, cert_file) == 1 &&
                SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) == 1;
  ERR_clear_error();
  if (!is_good) {
    SSL_CTX_free(context);
    return cal_fail(-EINVAL, "the certificate in %s cannot be served", cert_file);
  }
  *result = context;
  return 0;
}
