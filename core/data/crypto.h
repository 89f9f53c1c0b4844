/* crypto: digests, signatures and sealed secrets, by OpenSSL 3.
 *
 * Every function works on bytes the caller owns and keeps nothing. Random bytes (nonces, tokens) come from
 * elsewhere. MD5 and SHA-1 are here because carriers' protocols ask for them, not because they are good. Any
 * thread. */
#ifndef CAL_DATA_CRYPTO_H
#define CAL_DATA_CRYPTO_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

typedef enum cal_digest_kind { CAL_MD5, CAL_SHA1, CAL_SHA256, CAL_SHA512 } cal_digest_kind;

#define CAL_DIGEST_ROOM 64 /* enough for every kind */

size_t cal_digest_bytes(cal_digest_kind kind);                                    /* 16, 20, 32, 64 */
int cal_digest(uint8_t *result, cal_digest_kind kind, cal_span data);             /* 0 or -EIO */
int cal_hmac(uint8_t *result, cal_digest_kind kind, cal_span key, cal_span data); /* 0 or -EIO */

/* Takes the same time wherever the first difference is; spans of different lengths differ. */
int cal_secret_equal(cal_span a, cal_span b);

void cal_hex(char *into, const void *data,
             size_t bytes); /* lower case and a final zero: 2 * bytes + 1 of room */
ssize_t cal_unhex(uint8_t *into, size_t room, cal_span text); /* bytes; -EBADMSG no hex; -EMSGSIZE */

/* AES-256-GCM. What is sealed is nonce (12), cipher text, tag (16). `about` is signed but not stored: give
 * what the secret belongs to (a row's id), so that it cannot be moved. A nonce must never serve twice with
 * one key. */
#define CAL_SEAL_KEY_BYTES 32
#define CAL_SEAL_NONCE_BYTES 12
#define CAL_SEAL_EXTRA_BYTES 28

/* Bytes written (plain.bytes + CAL_SEAL_EXTRA_BYTES), -EMSGSIZE or -EIO. */
ssize_t cal_seal(uint8_t *into, size_t room, const uint8_t key[CAL_SEAL_KEY_BYTES],
                 const uint8_t nonce[CAL_SEAL_NONCE_BYTES], cal_span about, cal_span plain);
/* Bytes written; -EBADMSG for a wrong key, wrong `about` or changed bytes; `into` is then wiped. */
ssize_t cal_unseal(uint8_t *into, size_t room, const uint8_t key[CAL_SEAL_KEY_BYTES], cal_span about,
                   cal_span sealed);

/* Signed webhooks with a public key (Telnyx): 1 good, 0 not, -EINVAL not a key. The signature has 64 bytes.
 */
int cal_ed25519_verify(const uint8_t key[32], cal_span signature, cal_span data);
/* The other side of it: a private key is a seed of 32 bytes. 0 or -EIO. */
int cal_ed25519_public(uint8_t key[32], const uint8_t seed[32]);
int cal_ed25519_sign(uint8_t signature[64], const uint8_t seed[32], cal_span data);

/* JWT's RS256: signs with a PEM private key of at least 2048 bits. Bytes written (at most 512), -EINVAL or
 * -EMSGSIZE. */
ssize_t cal_rs256_sign(uint8_t *into, size_t room, cal_span pem, cal_span data);

/* A new RSA private key as PEM, zero-terminated, into `into` (cal_buf_init'ed by the caller). Takes a tenth
 * of a second: for made-up accounts of development, not for a thread that has calls. 2048 to 4096 bits. */
int cal_rsa_new(cal_buf *into, int bits);

#endif
