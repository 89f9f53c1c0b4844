#include "data/crypto.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/error.h"

static const EVP_MD *method(cal_digest_kind kind) {
  switch (kind) {
  case CAL_MD5:
    return EVP_md5();
  case CAL_SHA1:
    return EVP_sha1();
  case CAL_SHA256:
    return EVP_sha256();
  case CAL_SHA512:
    return EVP_sha512();
  }
  return NULL;
}

size_t cal_digest_bytes(cal_digest_kind kind) { return (size_t)EVP_MD_get_size(method(kind)); }

int cal_digest(uint8_t *result, cal_digest_kind kind, cal_span data) {
  if (EVP_Digest(data.bytes ? data.at : "", data.bytes, result, NULL, method(kind), NULL) == 1) return 0;
  return cal_fail(-EIO, "OpenSSL refused to make a digest");
}

int cal_hmac(uint8_t *result, cal_digest_kind kind, cal_span key, cal_span data) {
  if (key.bytes > INT_MAX) return cal_fail(-EIO, "an HMAC key of %zu bytes is too long", key.bytes);
  const void *key_at = key.bytes ? key.at : "";
  const void *data_at = data.bytes ? data.at : "";
  if (HMAC(method(kind), key_at, (int)key.bytes, data_at, data.bytes, result, NULL)) return 0;
  return cal_fail(-EIO, "OpenSSL refused to make an HMAC");
}

int cal_secret_equal(cal_span a, cal_span b) {
  if (a.bytes != b.bytes) return 0;
  return a.bytes == 0 || CRYPTO_memcmp(a.at, b.at, a.bytes) == 0;
}

void cal_hex(char *into, const void *data, size_t bytes) {
  static const char digits[] = "0123456789abcdef";
  const uint8_t *in = data;
  for (size_t i = 0; i < bytes; i++) {
    into[2 * i] = digits[in[i] >> 4];
    into[2 * i + 1] = digits[in[i] & 15];
  }
  into[2 * bytes] = 0;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

ssize_t cal_unhex(uint8_t *into, size_t room, cal_span text) {
  if (text.bytes % 2) return cal_fail(-EBADMSG, "not hexadecimal: an odd number of digits");
  if (text.bytes / 2 > room)
    return cal_fail(-EMSGSIZE, "%zu hexadecimal digits do not fit into %zu bytes", text.bytes, room);
  for (size_t i = 0; i < text.bytes; i += 2) {
    int high = hex_digit(text.at[i]), low = hex_digit(text.at[i + 1]);
    if (high < 0 || low < 0)
      return cal_fail(-EBADMSG, "not hexadecimal: a foreign character near byte %zu", i);
    into[i / 2] = (uint8_t)(high << 4 | low);
  }
  return (ssize_t)(text.bytes / 2);
}
