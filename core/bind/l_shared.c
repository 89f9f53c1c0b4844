/* callisto.shared: what the scripts of all VMs share: values by key (base/kv.h), holders and paces (base/holders.h). */
#include <stdint.h>

#include "base/error.h"
#include "base/holders.h"
#include "base/kv.h"
#include "bind/init.h"
#include "bind/luax.h"
#include "script/context.h"

static uint64_t opt_ttl_ms(lua_State *L, int index) {
  lua_Number seconds = luaL_optnumber(L, index, 0);
  luaL_argcheck(L, seconds >= 0 && seconds <= 1e9, index, "a time to live in seconds, not negative");
  return (uint64_t)(seconds * 1000);
}

static int shared_get(lua_State *L) {
  cal_span key = cal_luax_check_span(L, 1);
  cal_reach *reach = cal_context_of(L)->reach;
  cal_buf *value = cal_luax_buf(L, 128 * 1024);
  if (cal_kv_get(reach->shared, key, value, cal_reach_now_ns(reach)) == 1)
    lua_pushlstring(L, value->bytes ? value->data : "", value->bytes);
  else
    lua_pushnil(L);
  cal_buf_free(value);
  return 1;
}

static int shared_set(lua_State *L) {
  cal_span key = cal_luax_check_span(L, 1), value = cal_luax_check_span(L, 2);
  uint64_t ttl_ms = opt_ttl_ms(L, 3);
  cal_reach *reach = cal_context_of(L)->reach;
  int code = cal_kv_set(reach->shared, key, value, ttl_ms, cal_reach_now_ns(reach));
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

static int shared_add(lua_State *L) {
  cal_span key = cal_luax_check_span(L, 1), value = cal_luax_check_span(L, 2);
  uint64_t ttl_ms = opt_ttl_ms(L, 3);
  cal_reach *reach = cal_context_of(L)->reach;
  int code = cal_kv_add(reach->shared, key, value, ttl_ms, cal_reach_now_ns(reach));
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, code == 1);
  return 1;
}

static int shared_increment(lua_State *L) {
  cal_span key = cal_luax_check_span(L, 1);
  int64_t by = luaL_optinteger(L, 2, 1), result = 0;
  uint64_t ttl_ms = opt_ttl_ms(L, 3);
  cal_reach *reach = cal_context_of(L)->reach;
  int code = cal_kv_increment(reach->shared, &result, key, by, ttl_ms, cal_reach_now_ns(reach));
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushnumber(L, (lua_Number)result);
  return 1;
}

static int shared_remove(lua_State *L) {
  cal_span key = cal_luax_check_span(L, 1);
  cal_reach *reach = cal_context_of(L)->reach;
  lua_pushboolean(L, cal_kv_remove(reach->shared, key, cal_reach_now_ns(reach)) == 1);
  return 1;
}

static int shared_hold(lua_State *L) {
  cal_span set = cal_luax_check_span(L, 1), holder = cal_luax_check_span(L, 2);
  lua_Integer most = luaL_checkinteger(L, 3);
  luaL_argcheck(L, most >= 0 && most <= INT32_MAX, 3, "how many there are, not negative");
  uint64_t ttl_ms = opt_ttl_ms(L, 4);
  uint32_t count = 0;
  cal_reach *reach = cal_context_of(L)->reach;
  int code =
      cal_holders_take(reach->holders, &count, set, holder, (uint32_t)most, ttl_ms, cal_reach_now_ns(reach));
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, code == 1);
  lua_pushinteger(L, count);
  return 2;
}

static int shared_release(lua_State *L) {
  cal_span set = cal_luax_check_span(L, 1), holder = cal_luax_check_span(L, 2);
  lua_pushboolean(L, cal_holders_release(cal_context_of(L)->reach->holders, set, holder) == 1);
  return 1;
}

static int shared_holders(lua_State *L) {
  cal_span set = cal_luax_check_span(L, 1);
  cal_reach *reach = cal_context_of(L)->reach;
  lua_pushinteger(L, cal_holders_count(reach->holders, set, cal_reach_now_ns(reach)));
  return 1;
}

static int shared_pace(lua_State *L) {
  cal_span name = cal_luax_check_span(L, 1);
  lua_Number per_second = luaL_checknumber(L, 2), burst = luaL_optnumber(L, 3, 1);
  uint64_t wait_ns = 0;
  cal_reach *reach = cal_context_of(L)->reach;
  int code = cal_holders_pace(reach->holders, &wait_ns, name, per_second, burst, cal_reach_now_ns(reach));
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushnumber(L, (lua_Number)wait_ns / (lua_Number)CAL_S);
  return 1;
}

int cal_lib_shared(lua_State *L) {
  static const luaL_Reg functions[] = {{"get", shared_get},         {"set", shared_set},
                                       {"add", shared_add},         {"increment", shared_increment},
                                       {"remove", shared_remove},   {"hold", shared_hold},
                                       {"release", shared_release}, {"holders", shared_holders},
                                       {"pace", shared_pace},       {NULL, NULL}};
  return cal_luax_module(L, functions);
}
