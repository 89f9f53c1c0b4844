#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "data/base64.h"
#include "data/crypto.h"

static void assert_hex(const uint8_t *data, size_t bytes, const char *hex) {
  char text[2 * CAL_DIGEST_ROOM + 1];
  cal_hex(text, data, bytes);
  assert_string_equal(text, hex);
}

static void digests_of_abc(void **state) { /* RFC 1321, FIPS 180-4 */
  static const char *const hex[] = {
      [CAL_MD5] = "900150983cd24fb0d6963f7d28e17f72",
      [CAL_SHA1] = "a9993e364706816aba3e25717850c26c9cd0d89d",
      [CAL_SHA256] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      [CAL_SHA512] = ("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f")};
  for (int kind = CAL_MD5; kind <= CAL_SHA512; kind++) {
    uint8_t result[CAL_DIGEST_ROOM];
    assert_int_equal(cal_digest(result, (cal_digest_kind)kind, cal_span_of("abc")), 0);
    assert_hex(result, cal_digest_bytes((cal_digest_kind)kind), hex[kind]);
  }
  uint8_t result[CAL_DIGEST_ROOM];
  assert_int_equal(cal_digest(result, CAL_SHA256, (cal_span){NULL, 0}), 0);
  assert_hex(result, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void
hmacs_of_the_rfcs(void **state) { /* RFC 2202 and 4231, case 2, and a key longer than a block (case 6) */
  uint8_t result[CAL_DIGEST_ROOM], long_key[131];
  cal_span key = cal_span_of("Jefe"), data = cal_span_of("what do ya want for nothing?");
  assert_int_equal(cal_hmac(result, CAL_MD5, key, data), 0);
  assert_hex(result, 16, "750c783e6ab0b503eaa86e310a5db738");
  assert_int_equal(cal_hmac(result, CAL_SHA1, key, data), 0);
  assert_hex(result, 20, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  assert_int_equal(cal_hmac(result, CAL_SHA256, key, data), 0);
  assert_hex(result, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  assert_int_equal(cal_hmac(result, CAL_SHA512, key, data), 0);
  assert_hex(result, 64,
             "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
             "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
  memset(long_key, 0xaa, sizeof long_key);
  cal_span wide = {(const char *)long_key, sizeof long_key};
  assert_int_equal(cal_hmac(result, CAL_SHA256, wide,
                            cal_span_of("Test Using Larger Than Block-Size Key - Hash Key First")),
                   0);
  assert_hex(result, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  assert_int_equal(cal_hmac(result, CAL_SHA1, (cal_span){NULL, 0}, (cal_span){NULL, 0}), 0);
  assert_hex(result, 20, "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}

/* The signed strings behind the published vectors of Twilio's own validators, key "12345" (or as given). */
static void twilio_signatures(void **state) {
#define U "https://mycompany.com/myapp.php?foo=1&bar=2"
#define P "CallSidCA1234567890ABCDECaller+14158675309Digits1234From+14158675309"
#define TO "To+18005551212"
#define HASH "bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
  static const struct {
    const char *key, *text, *signature;
  } cases[] = {
      {"12345", U P TO, "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
      {"12345", "http://mycompany.com:1234/myapp.php?foo=1&bar=2" P TO, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="},
      {"12345", "https://mycompany.com:443/myapp.php?foo=1&bar=2" P TO, "kvajT1Ptam85bY51eRf/AJRuM3w="},
      {"12345", "http://mycompany.com:80/myapp.php?foo=1&bar=2" P TO, "0ZXoZLH/DfblKGATFgpif+LLRf4="},
      {"12345", U "&" HASH, "a9nBmqA0ju/hNViExpshrM61xv4="},
      {"12345", "https://mycompany.com/myapp.php?" HASH, "y77kIzt2vzLz71DgmJGsen2scGs="},
      {"12345", U "Digits1234Digits5678SidCA123SidAccountAC123", "IK+Dwps556ElfBT0I3Rgjkr1wJU="},
      {"12345", U P "ReasonParticipantReasonConferenceEndedtest" TO, "vOEb5UThFn24KEfnOFLQY2AE5FY="},
      {"12345", "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2" P TO, "CukzLTc1tT5dXEDIHm/tKBanW10="},
      {"12345", "https://user:pass@mycompany.com:443/myapp.php?foo=1&bar=2" P TO,
       "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI="},
      {"12345", U "CALLSIDallcapsCallSiduppercasecallSidlowercase", "jDK7WKT8wiNrwggd4ceTv4e1MJ4="},
      {"12345", U "CallSidCA1234567890ABCDEDigitsEmptyParam", "9HHp/OqQMEwdrVebHDdA/+tqjX8="},
      {"twilio_demo_token_01", "wss://voice.example.com/media/twilio/9f3c1e7a",
       "x6S5C9rNjhAl2K7oTSSQsTsrv8k="},
      {"twilio_demo_token_01", "https://voice.example.com/telephony/twilio/inbound/agent-7",
       "L5pQ5bWMaYlvyddKdzjiLl2A32Q="},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint8_t mac[CAL_DIGEST_ROOM];
    char text[32];
    assert_int_equal(cal_hmac(mac, CAL_SHA1, cal_span_of(cases[i].key), cal_span_of(cases[i].text)), 0);
    cal_span made = {text, cal_base64_encode(CAL_BASE64_STD, text, mac, 20)};
    if (!cal_secret_equal(made, cal_span_of(cases[i].signature)))
      fail_msg("vector %zu: %.*s", i, (int)made.bytes, made.at);
  }
  uint8_t hash[CAL_DIGEST_ROOM];
  assert_int_equal(cal_digest(hash, CAL_SHA256, cal_span_of("{\"property\": \"value\", \"boolean\": true}")),
                   0);
  assert_hex(hash, 32, &HASH[11]);
}

static void secrets_are_compared_whole(void **state) {
  assert_true(cal_secret_equal(cal_span_of("secret"), cal_span_of("secret")));
  assert_true(cal_secret_equal((cal_span){NULL, 0}, cal_span_of("")));
  assert_false(cal_secret_equal(cal_span_of("secret"), cal_span_of("secreT")));
  assert_false(cal_secret_equal(cal_span_of("secret"), cal_span_of("secre")));
  assert_false(cal_secret_equal(cal_span_of("secret"), cal_span_of("")));
}

static void hex_both_ways(void **state) {
  uint8_t back[4];
  assert_int_equal(cal_unhex(back, 4, cal_span_of("00fFa5")), 3);
  assert_memory_equal(back, "\x00\xff\xa5", 3);
  assert_int_equal(cal_unhex(back, 4, cal_span_of("")), 0);
  assert_int_equal(cal_unhex(back, 4, cal_span_of("abc")), -EBADMSG);
  assert_int_equal(cal_unhex(back, 4, cal_span_of("0g")), -EBADMSG);
  assert_int_equal(cal_unhex(back, 4, cal_span_of("0011223344")), -EMSGSIZE);
}

static void aes_gcm_matches_the_published_case(
    void **state) { /* McGrew and Viega, test case 14: zero key, nonce, block */
  uint8_t key[32] = {0}, nonce[12] = {0}, sealed[16 + CAL_SEAL_EXTRA_BYTES];
  char zeros[16] = {0};
  assert_int_equal(cal_seal(sealed, sizeof sealed, key, nonce, (cal_span){NULL, 0}, (cal_span){zeros, 16}),
                   sizeof sealed);
  assert_hex(sealed + 12, 32, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
}

static void what_was_sealed_opens_and_nothing_else(void **state) {
  uint8_t key[32], nonce[12], sealed[64], plain[64];
  for (size_t i = 0; i < 32; i++) key[i] = (uint8_t)i;
  memset(nonce, 7, sizeof nonce);
  cal_span about = cal_span_of("credential 42"), secret = cal_span_of("auth token");
  ssize_t n = cal_seal(sealed, sizeof sealed, key, nonce, about, secret);
  assert_int_equal(n, 10 + CAL_SEAL_EXTRA_BYTES);
  cal_span box = {(const char *)sealed, (size_t)n};
  assert_int_equal(cal_unseal(plain, sizeof plain, key, about, box), 10);
  assert_memory_equal(plain, "auth token", 10);
  for (ssize_t i = 0; i < n; i++) {
    sealed[i] ^= 1;
    memset(plain, 0x55, sizeof plain);
    assert_int_equal(cal_unseal(plain, sizeof plain, key, about, box), -EBADMSG);
    for (int j = 0; j < 10; j++) assert_int_equal(plain[j], 0);
    sealed[i] ^= 1;
  }
  assert_int_equal(cal_unseal(plain, sizeof plain, key, cal_span_of("credential 43"), box), -EBADMSG);
  assert_int_equal(cal_unseal(plain, 9, key, about, box), -EMSGSIZE);
  assert_int_equal(cal_unseal(plain, sizeof plain, key, about, (cal_span){box.at, 27}), -EBADMSG);
  assert_int_equal(cal_seal(sealed, 37, key, nonce, about, secret), -EMSGSIZE);
  n = cal_seal(sealed, sizeof sealed, key, nonce, about, (cal_span){NULL, 0});
  assert_int_equal(cal_unseal(plain, 0, key, about, (cal_span){box.at, (size_t)n}), 0);
  assert_int_equal(ERR_peek_error(), 0);
}

static void ed25519_of_the_rfc(void **state) { /* RFC 8032, test 2 */
  uint8_t key[32], signature[64];
  cal_unhex(key, 32, cal_span_of("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
  cal_unhex(signature, 64,
            cal_span_of("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"));
  cal_span signed_by = {(const char *)signature, 64};
  assert_int_equal(cal_ed25519_verify(key, signed_by, cal_span_of("r")), 1);
  assert_int_equal(cal_ed25519_verify(key, signed_by, cal_span_of("s")), 0);
  assert_int_equal(cal_ed25519_verify(key, (cal_span){signed_by.at, 63}, cal_span_of("r")), 0);
  signature[5] ^= 1;
  assert_int_equal(cal_ed25519_verify(key, signed_by, cal_span_of("r")), 0);
  assert_int_equal(ERR_peek_error(), 0);
}

static void ed25519_signs_as_the_rfc(void **state) { /* RFC 8032, tests 1 and 2 */
  static const struct {
    const char *seed, *key, *text, *signature;
  } cases[] = {
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
       "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
      {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
       "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "r",
       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
       "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint8_t seed[32], key[32], signature[64];
    char hex[129];
    cal_unhex(seed, 32, cal_span_of(cases[i].seed));
    assert_int_equal(cal_ed25519_public(key, seed), 0);
    cal_hex(hex, key, 32);
    assert_string_equal(hex, cases[i].key);
    assert_int_equal(cal_ed25519_sign(signature, seed, cal_span_of(cases[i].text)), 0);
    cal_hex(hex, signature, 64);
    assert_string_equal(hex, cases[i].signature);
  }
  assert_int_equal(ERR_peek_error(), 0);
}

static void telnyx_signs_time_and_body(void **state) { /* key 2 of RFC 8032, an empty body */
  uint8_t key[32], signature[64];
  cal_base64_decode(CAL_BASE64_STD, key, 32, cal_span_of("PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw="));
  cal_base64_decode(
      CAL_BASE64_STD, signature, 64,
      cal_span_of(
          "iloc2DjETY3RwYrxUNE+ff2oZyCi9tme7kIaPLieLSBcgfCwV0gKi/hpyyHvcAvss0dcNA/pmvz5YsCKO8emAw=="));
  cal_span signed_by = {(const char *)signature, 64};
  assert_int_equal(cal_ed25519_verify(key, signed_by, cal_span_of("1735689600|")), 1);
  assert_int_equal(cal_ed25519_verify(key, signed_by, cal_span_of("1735689601|")), 0);
}

static void an_rs256_signature_verifies(void **state) {
  EVP_PKEY *key = EVP_RSA_gen(2048);
  BIO *bio = BIO_new(BIO_s_mem());
  assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
  char *pem;
  long bytes = BIO_get_mem_data(bio, &pem);
  uint8_t signature[512];
  cal_span text = cal_span_of("header.payload");
  ssize_t n = cal_rs256_sign(signature, sizeof signature, (cal_span){pem, (size_t)bytes}, text);
  assert_int_equal(n, 256);
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
  assert_int_equal(EVP_DigestVerify(ctx, signature, (size_t)n, (const uint8_t *)text.at, text.bytes), 1);
  assert_int_equal(cal_rs256_sign(signature, 255, (cal_span){pem, (size_t)bytes}, text), -EMSGSIZE);
  assert_int_equal(cal_rs256_sign(signature, sizeof signature, (cal_span){pem, (size_t)bytes / 2}, text),
                   -EINVAL);
  assert_int_equal(cal_rs256_sign(signature, sizeof signature, cal_span_of("no key"), text), -EINVAL);
  assert_int_equal(cal_rs256_sign(signature, sizeof signature, cal_span_of(""), text), -EINVAL);
  assert_int_equal(ERR_peek_error(), 0);
  EVP_MD_CTX_free(ctx);
  BIO_free(bio);
  EVP_PKEY_free(key);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(digests_of_abc),
      cmocka_unit_test(hmacs_of_the_rfcs),
      cmocka_unit_test(twilio_signatures),
      cmocka_unit_test(secrets_are_compared_whole),
      cmocka_unit_test(hex_both_ways),
      cmocka_unit_test(aes_gcm_matches_the_published_case),
      cmocka_unit_test(what_was_sealed_opens_and_nothing_else),
      cmocka_unit_test(ed25519_of_the_rfc),
      cmocka_unit_test(ed25519_signs_as_the_rfc),
      cmocka_unit_test(telnyx_signs_time_and_body),
      cmocka_unit_test(an_rs256_signature_verifies),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
