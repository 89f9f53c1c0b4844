/* seal: AES-256-GCM and public-key signatures of data/crypto.h. */
#include "data/crypto.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/error.h"

#define TAG_BYTES 16

typedef const unsigned char *bytes_at;

/* OpenSSL leaves its complaints in a queue of the thread, where the next TLS call would take them for its
 * own: every function that can fail sets a mark first and drops what came after it. */

ssize_t cal_seal(uint8_t *into, size_t room, const uint8_t key[CAL_SEAL_KEY_BYTES],
                 const uint8_t nonce[CAL_SEAL_NONCE_BYTES], cal_span about, cal_span plain) {
  if (plain.bytes > INT_MAX - CAL_SEAL_EXTRA_BYTES || about.bytes > INT_MAX ||
      room < plain.bytes + CAL_SEAL_EXTRA_BYTES)
    return cal_fail(-EMSGSIZE, "a sealed secret needs %zu bytes, there are %zu",
                    plain.bytes + CAL_SEAL_EXTRA_BYTES, room);
  ERR_set_mark();
  uint8_t *cipher = into + CAL_SEAL_NONCE_BYTES;
  int n = 0;
  memcpy(into, nonce, CAL_SEAL_NONCE_BYTES);
  EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
  int is_good = ctx && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1;
  if (is_good && about.bytes)
    is_good = EVP_EncryptUpdate(ctx, NULL, &n, (bytes_at)about.at, (int)about.bytes) == 1;
  if (is_good && plain.bytes)
    is_good = EVP_EncryptUpdate(ctx, cipher, &n, (bytes_at)plain.at, (int)plain.bytes) == 1;
  is_good = is_good && EVP_EncryptFinal_ex(ctx, cipher + plain.bytes, &n) == 1 &&
            EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, cipher + plain.bytes) == 1;
  EVP_CIPHER_CTX_free(ctx);
  ERR_pop_to_mark();
  return is_good ? (ssize_t)(plain.bytes + CAL_SEAL_EXTRA_BYTES) : cal_fail(-EIO, "OpenSSL refused to seal");
}

ssize_t cal_unseal(uint8_t *into, size_t room, const uint8_t key[CAL_SEAL_KEY_BYTES], cal_span about,
                   cal_span sealed) {
  if (sealed.bytes < CAL_SEAL_EXTRA_BYTES || sealed.bytes > INT_MAX || about.bytes > INT_MAX)
    return cal_fail(-EBADMSG, "not a sealed secret: %zu bytes", sealed.bytes);
  size_t bytes = sealed.bytes - CAL_SEAL_EXTRA_BYTES;
  if (bytes > room) return cal_fail(-EMSGSIZE, "a secret of %zu bytes does not fit into %zu", bytes, room);
  bytes_at nonce = (bytes_at)sealed.at, cipher = nonce + CAL_SEAL_NONCE_BYTES;
  uint8_t tag[TAG_BYTES];
  ERR_set_mark();
  int n = 0;
  memcpy(tag, cipher + bytes, TAG_BYTES);
  EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
  int is_good = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1;
  if (is_good && about.bytes)
    is_good = EVP_DecryptUpdate(ctx, NULL, &n, (bytes_at)about.at, (int)about.bytes) == 1;
  if (is_good && bytes) is_good = EVP_DecryptUpdate(ctx, into, &n, cipher, (int)bytes) == 1;
  uint8_t nothing[TAG_BYTES];
  is_good = is_good && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1 &&
            EVP_DecryptFinal_ex(ctx, nothing, &n) == 1;
  EVP_CIPHER_CTX_free(ctx);
  ERR_pop_to_mark();
  if (is_good) return (ssize_t)bytes;
  if (bytes) OPENSSL_cleanse(into, bytes);
  return cal_fail(-EBADMSG, "a sealed secret cannot be opened: wrong key, or its bytes were changed");
}

int cal_ed25519_verify(const uint8_t key[32], cal_span signature, cal_span data) {
  ERR_set_mark();
  EVP_PKEY *public_key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32);
  if (!public_key) return ERR_pop_to_mark(), cal_fail(-EINVAL, "not an Ed25519 public key");
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  bytes_at text = (bytes_at)(data.bytes ? data.at : "");
  int is_good = ctx && signature.bytes == 64 &&
                EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, public_key) == 1 &&
                EVP_DigestVerify(ctx, (bytes_at)signature.at, signature.bytes, text, data.bytes) == 1;
  EVP_MD_CTX_free(ctx);
  EVP_PKEY_free(public_key);
  ERR_pop_to_mark();
  return is_good;
}

static EVP_PKEY *key_of_seed(const uint8_t seed[32]) {
  return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
}

int cal_ed25519_public(uint8_t key[32], const uint8_t seed[32]) {
  ERR_set_mark();
  EVP_PKEY *pair = key_of_seed(seed);
  size_t bytes = 32;
  int is_good = pair && EVP_PKEY_get_raw_public_key(pair, key, &bytes) == 1;
  EVP_PKEY_free(pair);
  ERR_pop_to_mark();
  return is_good ? 0 : cal_fail(-EIO, "OpenSSL refused to make an Ed25519 key");
}

int cal_ed25519_sign(uint8_t signature[64], const uint8_t seed[32], cal_span data) {
  ERR_set_mark();
  EVP_PKEY *pair = key_of_seed(seed);
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  size_t bytes = 64;
  bytes_at text = (bytes_at)(data.bytes ? data.at : "");
  int is_good = pair && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, pair) == 1 &&
                EVP_DigestSign(ctx, signature, &bytes, text, data.bytes) == 1;
  EVP_MD_CTX_free(ctx);
  EVP_PKEY_free(pair);
  ERR_pop_to_mark();
  return is_good ? 0 : cal_fail(-EIO, "OpenSSL refused to sign");
}

static int no_password(char *into, int room, int is_writing, void *context) {
  return -1;
} /* never ask a terminal */

ssize_t cal_rs256_sign(uint8_t *into, size_t room, cal_span pem, cal_span data) {
  ERR_set_mark();
  BIO *bio = pem.bytes && pem.bytes <= INT_MAX ? BIO_new_mem_buf(pem.at, (int)pem.bytes) : NULL;
  EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
  EVP_MD_CTX *ctx = NULL;
  ssize_t result;
  BIO_free(bio);
  if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < 2048) {
    result = cal_fail(-EINVAL, "not an RSA private key of 2048 bits or more, in PEM and without a password");
    goto end;
  }
  size_t bytes = (size_t)EVP_PKEY_get_size(key);
  if (bytes > room) {
    result = cal_fail(-EMSGSIZE, "a signature of %zu bytes does not fit into %zu", bytes, room);
    goto end;
  }
  ctx = EVP_MD_CTX_new();
  bytes_at text = (bytes_at)(data.bytes ? data.at : "");
  int is_good = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSign(ctx, into, &bytes, text, data.bytes) == 1;
  result = is_good ? (ssize_t)bytes : cal_fail(-EINVAL, "OpenSSL refused to sign");
end:
  EVP_MD_CTX_free(ctx);
  EVP_PKEY_free(key);
  ERR_pop_to_mark();
  return result;
}

int cal_rsa_new(cal_buf *into, int bits) {
  if (bits < 2048 || bits > 4096) return cal_fail(-EINVAL, "an RSA key has 2048 to 4096 bits, not %d", bits);
  ERR_set_mark();
  EVP_PKEY *pair = EVP_RSA_gen((unsigned)bits);
  BIO *out = BIO_new(BIO_s_mem());
  char *text = NULL;
  long bytes = 0;
  if (pair && out && PEM_write_bio_PrivateKey(out, pair, NULL, NULL, 0, NULL, NULL) == 1)
    bytes = BIO_get_mem_data(out, &text);
  int code = bytes > 0 ? cal_buf_append(into, text, (size_t)bytes)
                       : cal_fail(-EIO, "OpenSSL refused to make an RSA key");
  BIO_free(out);
  EVP_PKEY_free(pair);
  ERR_pop_to_mark();
  return code;
}
