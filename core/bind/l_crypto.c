/* callisto.crypto: digests and signatures (data/crypto.h), base64 and hex. All are linear in their text, which has a
 * ceiling; a signature by RSA takes at most 50 ms, with the largest key that is let in. Making an RSA key takes seconds:
 * that is for tools and specs. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "bind/init.h"
#include "bind/luax.h"
#include "data/base64.h"
#include "data/crypto.h"
#include "vm/vm.h"

#define TEXT_CEILING (4u << 20) /* as of a request's body: 15 ms of the slowest of them */
#define PEM_CEILING 8192

static cal_span check_span(lua_State *L, int index) {
  cal_span span = cal_luax_check_span(L, index);
  luaL_argcheck(L, span.bytes <= TEXT_CEILING, index, "at most 4 MiB");
  return span;
}

static cal_digest_kind check_kind(lua_State *L, int index) {
  static const char *const names[] = {"md5", "sha1", "sha256", "sha512", NULL};
  static const cal_digest_kind kinds[] = {CAL_MD5, CAL_SHA1, CAL_SHA256, CAL_SHA512};
  return kinds[luaL_checkoption(L, index, NULL, names)];
}

static int hmac(lua_State *L) {
  cal_digest_kind kind = check_kind(L, 1);
  cal_span key = check_span(L, 2), text = check_span(L, 3);
  uint8_t result[CAL_DIGEST_ROOM];
  int code = cal_hmac(result, kind, key, text);
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushlstring(L, (const char *)result, cal_digest_bytes(kind));
  return 1;
}

static int digest(lua_State *L) {
  cal_digest_kind kind = check_kind(L, 1);
  cal_span text = check_span(L, 2);
  uint8_t result[CAL_DIGEST_ROOM];
  int code = cal_digest(result, kind, text);
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushlstring(L, (const char *)result, cal_digest_bytes(kind));
  return 1;
}

static int hex(lua_State *L) {
  cal_span bytes = check_span(L, 1);
  char *text = lua_newuserdata(L, bytes.bytes * 2 + 1);
  cal_hex(text, bytes.at, bytes.bytes);
  lua_pushlstring(L, text, bytes.bytes * 2);
  return 1;
}

static int base64(lua_State *L) {
  cal_span bytes = check_span(L, 1);
  char *text = lua_newuserdata(L, CAL_BASE64_ENCODED(bytes.bytes) + 1);
  lua_pushlstring(L, text, cal_base64_encode(CAL_BASE64_STD, text, bytes.at, bytes.bytes));
  return 1;
}

static int unbase64(lua_State *L) {
  cal_span text = check_span(L, 1);
  size_t room = CAL_BASE64_DECODED(text.bytes) + 1;
  uint8_t *bytes = lua_newuserdata(L, room);
  ssize_t count = cal_base64_decode(CAL_BASE64_STD, bytes, room, text);
  if (count < 0) return cal_luax_refuse(L, (int)count);
  lua_pushlstring(L, (const char *)bytes, (size_t)count);
  return 1;
}

static int equal(lua_State *L) {
  cal_span a = check_span(L, 1), b = check_span(L, 2);
  lua_pushboolean(L, cal_secret_equal(a, b));
  return 1;
}

/* Bytes of a fixed length: a key, a seed. */
static const uint8_t *check_bytes(lua_State *L, int index, size_t bytes, const char *what) {
  cal_span given = check_span(L, index);
  if (given.bytes != bytes)
    luaL_argerror(L, index,
                  lua_pushfstring(L, "%s has %d bytes, not %d", what, (int)bytes, (int)given.bytes));
  return (const uint8_t *)given.at;
}

static int ed25519_verify(lua_State *L) {
  const uint8_t *key = check_bytes(L, 1, 32, "an Ed25519 public key");
  cal_span signature = check_span(L, 2), text = check_span(L, 3);
  lua_pushboolean(L, cal_ed25519_verify(key, signature, text) == 1);
  return 1;
}

static int ed25519_sign(lua_State *L) {
  const uint8_t *seed = check_bytes(L, 1, 32, "an Ed25519 seed");
  cal_span text = check_span(L, 2);
  uint8_t signature[64];
  int code = cal_ed25519_sign(signature, seed, text);
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushlstring(L, (const char *)signature, sizeof signature);
  return 1;
}

static int ed25519_public(lua_State *L) {
  const uint8_t *seed = check_bytes(L, 1, 32, "an Ed25519 seed");
  uint8_t key[32];
  int code = cal_ed25519_public(key, seed);
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushlstring(L, (const char *)key, sizeof key);
  return 1;
}

static int rs256_sign(lua_State *L) {
  cal_span pem = check_span(L, 1), text = check_span(L, 2);
  luaL_argcheck(L, pem.bytes <= PEM_CEILING, 1, "a key in PEM has at most 8 KiB");
  uint8_t signature[512]; /* of a key of 4096 bits */
  ssize_t bytes = cal_rs256_sign(signature, sizeof signature, pem, text);
  if (bytes < 0) return cal_luax_refuse(L, (int)bytes);
  lua_pushlstring(L, (const char *)signature, (size_t)bytes);
  return 1;
}

/* A tenth of a second to some: a tool waits for it, a call would keep all others waiting. */
static int rsa_new(lua_State *L) {
  int bits = (int)luaL_optinteger(L, 1, 2048);
  cal_buf *pem = cal_luax_buf(L, 8192);
  int code = cal_rsa_new(pem, bits);
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushlstring(L, pem->data, pem->bytes);
  cal_buf_free(pem);
  return 1;
}

int cal_lib_crypto(lua_State *L) {
  static const luaL_Reg functions[] = {{"hmac", hmac},
                                       {"digest", digest},
                                       {"hex", hex},
                                       {"base64", base64},
                                       {"unbase64", unbase64},
                                       {"equal", equal},
                                       {"ed25519_verify", ed25519_verify},
                                       {"ed25519_sign", ed25519_sign},
                                       {"ed25519_public", ed25519_public},
                                       {"rs256_sign", rs256_sign},
                                       {NULL, NULL}};
  cal_luax_module(L, functions);
  if (cal_vm_kind_of(cal_vm_of(L)) == CAL_VM_TOOL) cal_luax_set(L, "rsa_new", rsa_new);
  return 1;
}
