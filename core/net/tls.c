#include "net/tls.h"

#include <errno.h>
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
