/* callisto.shared: what the scripts of all VMs share: values by key (base/kv.h), holders and paces (base/holders.h).
 *
 *   flow ──► callisto.shared ────────► [ values, holders, paces of flows ]
 *   service ► callisto.shared.flows ──►
 *   service ► callisto.shared ────────► [ of services: lines and paces of carriers, answers, nonces ]
 *
 * What a flow writes counts against its call's quota (script/quota.h) and ends with its time. Every function has as its
 * upvalue whether it is one of the flows'. */
#include <stdint.h>

#include "base/error.h"
#include "base/holders.h"
#include "base/kv.h"
#include "bind/l_core.h"
#include "script/context.h"

#define FLOW_TTL_S (24 * 3600) /* of what a flow gives no time */
#define FLOW_LONGEST_TTL_S (7 * 24 * 3600)

static int is_of_flows(lua_State *L) { return lua_toboolean(L, lua_upvalueindex(1)); }

static cal_kv *values_of(lua_State *L) {
  cal_reach *reach = cal_context_of(L)->reach;
  return is_of_flows(L) ? reach->flow_shared : reach->shared;
}

static cal_holders *holders_of(lua_State *L) {
  cal_reach *reach = cal_context_of(L)->reach;
  return is_of_flows(L) ? reach->flow_holders : reach->holders;
}

static uint64_t now_ns(lua_State *L) { return cal_reach_now_ns(cal_context_of(L)->reach); }

/* An adapter's VM is like a call's, but what it keeps is kept for the service. */
static int is_flow(lua_State *L) {
  return cal_vm_kind_of(cal_vm_of(L)) == CAL_VM_CALL && !cal_context_of(L)->is_apart;
}

/* What a call's script writes; 0 or a refusal. */
static int take(lua_State *L, cal_quota_kind kind, size_t bytes) {
  if (!is_flow(L)) return 0;
  return cal_live_call_take(cal_core_check_call(L), kind, bytes);
}

static uint64_t opt_ttl_ms(lua_State *L, int index) {
  lua_Number seconds = luaL_optnumber(L, index, 0);
  luaL_argcheck(L, seconds >= 0 && seconds <= 1e9, index, "a time to live in seconds, not negative");
  if (is_of_flows(L)) {
    luaL_argcheck(L, seconds <= FLOW_LONGEST_TTL_S, index, "what a flow shares lives for seven days at most");
    if (seconds == 0) seconds = FLOW_TTL_S;
  }
  return (uint64_t)(seconds * 1000);
}

static int shared_get(lua_State *L) {
  cal_span key = cal_luax_check_span(L, 1);
  cal_buf *value = cal_luax_buf(L, 128 * 1024);
  if (cal_kv_get(values_of(L), key, value, now_ns(L)) == 1)
    lua_pushlstring(L, value->bytes ? value->data : "", value->bytes);
  else
    lua_pushnil(L);
  cal_buf_free(value);
  return 1;
}

static int shared_set(lua_State *L) {
  cal_span key = cal_luax_check_span(L, 1), value = cal_luax_check_span(L, 2);
  uint64_t ttl_ms = opt_ttl_ms(L, 3);
  int code = take(L, CAL_QUOTA_SHARED, key.bytes + value.bytes);
  if (!code) code = cal_kv_set(values_of(L), key, value, ttl_ms, now_ns(L));
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

static int shared_add(lua_State *L) {
  cal_span key = cal_luax_check_span(L, 1), value = cal_luax_check_span(L, 2);
  uint64_t ttl_ms = opt_ttl_ms(L, 3);
  int code = take(L, CAL_QUOTA_SHARED, key.bytes + value.bytes);
  if (!code) code = cal_kv_add(values_of(L), key, value, ttl_ms, now_ns(L));
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, code == 1);
  return 1;
}

static int shared_increment(lua_State *L) {
  cal_span key = cal_luax_check_span(L, 1);
  int64_t by = luaL_optinteger(L, 2, 1), result = 0;
  uint64_t ttl_ms = opt_ttl_ms(L, 3);
  int code = take(L, CAL_QUOTA_SHARED, key.bytes);
  if (!code) code = cal_kv_increment(values_of(L), &result, key, by, ttl_ms, now_ns(L));
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushnumber(L, (lua_Number)result);
  return 1;
}

static int shared_remove(lua_State *L) {
  cal_span key = cal_luax_check_span(L, 1);
  lua_pushboolean(L, cal_kv_remove(values_of(L), key, now_ns(L)) == 1);
  return 1;
}

static int shared_hold(lua_State *L) {
  cal_span set = cal_luax_check_span(L, 1), holder = cal_luax_check_span(L, 2);
  lua_Integer most = luaL_checkinteger(L, 3);
  luaL_argcheck(L, most >= 0 && most <= INT32_MAX, 3, "how many there are, not negative");
  uint64_t ttl_ms = opt_ttl_ms(L, 4);
  uint32_t count = 0;
  int code = take(L, CAL_QUOTA_NAMES, 0);
  if (!code) code = cal_holders_take(holders_of(L), &count, set, holder, (uint32_t)most, ttl_ms, now_ns(L));
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, code == 1);
  lua_pushinteger(L, count);
  return 2;
}

static int shared_release(lua_State *L) {
  cal_span set = cal_luax_check_span(L, 1), holder = cal_luax_check_span(L, 2);
  lua_pushboolean(L, cal_holders_release(holders_of(L), set, holder) == 1);
  return 1;
}

static int shared_holders(lua_State *L) {
  cal_span set = cal_luax_check_span(L, 1);
  lua_pushinteger(L, cal_holders_count(holders_of(L), set, now_ns(L)));
  return 1;
}

static int shared_pace(lua_State *L) {
  cal_span name = cal_luax_check_span(L, 1);
  lua_Number per_second = luaL_checknumber(L, 2), burst = luaL_optnumber(L, 3, 1);
  uint64_t wait_ns = 0;
  int code = take(L, CAL_QUOTA_NAMES, 0);
  if (!code) code = cal_holders_pace(holders_of(L), &wait_ns, name, per_second, burst, now_ns(L));
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushnumber(L, (lua_Number)wait_ns / (lua_Number)CAL_S);
  return 1;
}

/* Adds the functions to the table on top of the stack. */
static void add_functions(lua_State *L, int are_of_flows) {
  static const luaL_Reg functions[] = {{"get", shared_get},         {"set", shared_set},
                                       {"add", shared_add},         {"increment", shared_increment},
                                       {"remove", shared_remove},   {"hold", shared_hold},
                                       {"release", shared_release}, {"holders", shared_holders},
                                       {"pace", shared_pace}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    lua_pushboolean(L, are_of_flows);
    lua_pushcclosure(L, functions[i].func, 1);
    lua_setfield(L, -2, functions[i].name);
  }
}

int cal_lib_shared(lua_State *L) {
  int are_of_flows = is_flow(L);
  lua_newtable(L);
  add_functions(L, are_of_flows);
  if (are_of_flows) return 1;
  lua_newtable(L);
  add_functions(L, 1);
  lua_setfield(L, -2, "flows");
  return 1;
}
