/* callisto.crypto: digests and signatures (data/crypto.h), base64 and hex. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "bind/lib.h"
#include "data/base64.h"
#include "data/crypto.h"

static cal_span check_span(lua_State *L, int index) {
  cal_span span;
  span.at = luaL_checklstring(L, index, &span.bytes);
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
  if (code < 0) return cal_lib_refuse(L, code);
  lua_pushlstring(L, (const char *)result, cal_digest_bytes(kind));
  return 1;
}

static int digest(lua_State *L) {
  cal_digest_kind kind = check_kind(L, 1);
  cal_span text = check_span(L, 2);
  uint8_t result[CAL_DIGEST_ROOM];
  int code = cal_digest(result, kind, text);
  if (code < 0) return cal_lib_refuse(L, code);
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
  if (count < 0) return cal_lib_refuse(L, (int)count);
  lua_pushlstring(L, (const char *)bytes, (size_t)count);
  return 1;
}

static int equal(lua_State *L) {
  cal_span a = check_span(L, 1), b = check_span(L, 2);
  lua_pushboolean(L, cal_secret_equal(a, b));
  return 1;
}

int cal_lib_crypto(lua_State *L) {
  static const luaL_Reg functions[] = {{"hmac", hmac},     {"digest", digest},     {"hex", hex},
                                       {"base64", base64}, {"unbase64", unbase64}, {"equal", equal},
                                       {NULL, NULL}};
  lua_newtable(L);
  for (const luaL_Reg *f = functions; f->name; f++) {
    lua_pushcfunction(L, f->func);
    lua_setfield(L, -2, f->name);
  }
  return 1;
}
