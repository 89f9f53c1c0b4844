/* callisto.log, callisto.metrics, callisto.shared: small modules every VM has. And what all modules use. */
#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/kv.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "engine/engine.h"
#include "bind/lib.h"
#include "script/script.h"

int cal_lib_refuse(lua_State *L, int code) {
  const char *name = cal_error_name(code);
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", name, cal_error_text());
  lua_pushstring(L, name);
  return 3;
}

static int release_owned(lua_State *L) {
  cal_owned *owned = lua_touserdata(L, 1);
  if (owned->object) owned->object = owned->release(owned->object);
  return 0;
}

cal_owned *cal_lib_own(lua_State *L, void *(*release)(void *object)) {
  cal_owned *owned = lua_newuserdata(L, sizeof *owned);
  *owned = (cal_owned){.release = release};
  if (luaL_newmetatable(L, "callisto.owned")) {
    lua_pushcfunction(L, release_owned);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return owned;
}

void *cal_lib_take(cal_owned *owned) {
  void *object = owned->object;
  owned->object = NULL;
  return object;
}

static int release_buf(lua_State *L) {
  cal_buf_free(lua_touserdata(L, 1));
  return 0;
}

cal_buf *cal_lib_buf(lua_State *L, size_t ceiling) {
  cal_buf *buf = lua_newuserdata(L, sizeof *buf);
  cal_buf_init(buf, ceiling);
  if (luaL_newmetatable(L, "callisto.buf")) {
    lua_pushcfunction(L, release_buf);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return buf;
}

uint64_t cal_lib_check_id(lua_State *L, int index) {
  lua_Number number = luaL_checknumber(L, index);
  luaL_argcheck(L, number >= 0 && number < 9007199254740992.0, index, "not the number of a request");
  return (uint64_t)number;
}

static void push_module(lua_State *L, const luaL_Reg *functions) {
  lua_newtable(L);
  for (; functions->name; functions++) {
    lua_pushcfunction(L, functions->func);
    lua_setfield(L, -2, functions->name);
  }
}

/* ---- log */

static int log_line(lua_State *L, cal_log_level level) {
  const char *text = luaL_checkstring(L, 1);
  cal_bind_context *context = cal_bind_of(L);
  const char *call = context && context->call ? cal_call_about(context->call->call)->name : NULL;
  cal_log(level, "script", call, "%s", text);
  return 0;
}

static int log_debug(lua_State *L) { return log_line(L, CAL_LOG_DEBUG); }
static int log_info(lua_State *L) { return log_line(L, CAL_LOG_INFO); }
static int log_warn(lua_State *L) { return log_line(L, CAL_LOG_WARN); }
static int log_error(lua_State *L) { return log_line(L, CAL_LOG_ERROR); }

int cal_lib_log(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"debug", log_debug}, {"info", log_info}, {"warn", log_warn}, {"error", log_error}, {NULL, NULL}};
  push_module(L, functions);
  return 1;
}

/* ---- metrics */

static int ends_with(const char *name, size_t bytes, const char *suffix) {
  size_t wanted = strlen(suffix);
  return bytes > wanted && !memcmp(name + bytes - wanted, suffix, wanted);
}

/* A name, perhaps with labels: what is printed for Prometheus must stay one line that it can read. And a name
 * has one kind for ever, ours included, so the name itself says which. */
static const char *full_name(lua_State *L, char *into, size_t room, const char *suffix) {
  const char *name = luaL_checkstring(L, 1);
  size_t family = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
  int is_whole = family && (!name[family] || (name[family] == '{' && name[strlen(name) - 1] == '}'));
  luaL_argcheck(L, is_whole && !strpbrk(name, "\n\\"), 1,
                "a name is lower case, digits and _, perhaps with {label=\"value\"}");
  luaL_argcheck(L, strlen(name) + sizeof "callisto_" <= room, 1, "a name is at most 150 bytes long");
  if (suffix && !ends_with(name, family, suffix))
    luaL_error(L, "the metric %s must have a name that ends in %s", name, suffix);
  if (!suffix && (ends_with(name, family, "_total") || ends_with(name, family, "_seconds")))
    luaL_error(L, "the gauge %s must not end in _total, as counters do, or in _seconds, as observations do",
               name);
  snprintf(into, room, "callisto_%s", name);
  return into;
}

static int metrics_count(lua_State *L) {
  char name[160];
  cal_metric_add(cal_counter(full_name(L, name, sizeof name, "_total"), "counted by a script"),
                 luaL_optinteger(L, 2, 1));
  return 0;
}

static int metrics_gauge(lua_State *L) {
  char name[160];
  cal_metric_set(cal_gauge(full_name(L, name, sizeof name, NULL), "set by a script"),
                 luaL_checkinteger(L, 2));
  return 0;
}

static int metrics_observe(lua_State *L) {
  char name[160];
  cal_metric_observe(cal_histogram(full_name(L, name, sizeof name, "_seconds"), "observed by a script"),
                     luaL_checknumber(L, 2));
  return 0;
}

int cal_lib_metrics(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"count", metrics_count}, {"gauge", metrics_gauge}, {"observe", metrics_observe}, {NULL, NULL}};
  push_module(L, functions);
  return 1;
}

/* ---- shared */

static cal_span check_span(lua_State *L, int index) {
  cal_span span;
  span.at = luaL_checklstring(L, index, &span.bytes);
  return span;
}

static uint64_t opt_ttl_ms(lua_State *L, int index) {
  lua_Number seconds = luaL_optnumber(L, index, 0);
  luaL_argcheck(L, seconds >= 0 && seconds <= 1e9, index, "a time to live in seconds, not negative");
  return (uint64_t)(seconds * 1000);
}

static int shared_get(lua_State *L) {
  cal_span key = check_span(L, 1);
  cal_engine *engine = cal_bind_of(L)->engine;
  cal_buf *value = cal_lib_buf(L, 128 * 1024);
  if (cal_kv_get(cal_engine_shared(engine), key, value, cal_engine_now_ns(engine)) == 1)
    lua_pushlstring(L, value->bytes ? value->data : "", value->bytes);
  else
    lua_pushnil(L);
  cal_buf_free(value);
  return 1;
}

static int shared_set(lua_State *L) {
  cal_span key = check_span(L, 1), value = check_span(L, 2);
  uint64_t ttl_ms = opt_ttl_ms(L, 3);
  cal_engine *engine = cal_bind_of(L)->engine;
  int code = cal_kv_set(cal_engine_shared(engine), key, value, ttl_ms, cal_engine_now_ns(engine));
  if (code < 0) return cal_lib_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

static int shared_add(lua_State *L) {
  cal_span key = check_span(L, 1), value = check_span(L, 2);
  uint64_t ttl_ms = opt_ttl_ms(L, 3);
  cal_engine *engine = cal_bind_of(L)->engine;
  int code = cal_kv_add(cal_engine_shared(engine), key, value, ttl_ms, cal_engine_now_ns(engine));
  if (code < 0) return cal_lib_refuse(L, code);
  lua_pushboolean(L, code == 1);
  return 1;
}

static int shared_increment(lua_State *L) {
  cal_span key = check_span(L, 1);
  int64_t by = luaL_optinteger(L, 2, 1), result = 0;
  uint64_t ttl_ms = opt_ttl_ms(L, 3);
  cal_engine *engine = cal_bind_of(L)->engine;
  int code = cal_kv_increment(cal_engine_shared(engine), &result, key, by, ttl_ms, cal_engine_now_ns(engine));
  if (code < 0) return cal_lib_refuse(L, code);
  lua_pushnumber(L, (lua_Number)result);
  return 1;
}

static int shared_remove(lua_State *L) {
  cal_span key = check_span(L, 1);
  cal_engine *engine = cal_bind_of(L)->engine;
  lua_pushboolean(L, cal_kv_remove(cal_engine_shared(engine), key, cal_engine_now_ns(engine)) == 1);
  return 1;
}

static int shared_hold(lua_State *L) {
  cal_span set = check_span(L, 1), holder = check_span(L, 2);
  lua_Integer most = luaL_checkinteger(L, 3);
  luaL_argcheck(L, most >= 0 && most <= INT32_MAX, 3, "how many there are, not negative");
  uint64_t ttl_ms = opt_ttl_ms(L, 4);
  uint32_t count = 0;
  cal_engine *engine = cal_bind_of(L)->engine;
  int code = cal_holders_take(cal_engine_holders(engine), &count, set, holder, (uint32_t)most, ttl_ms,
                              cal_engine_now_ns(engine));
  if (code < 0) return cal_lib_refuse(L, code);
  lua_pushboolean(L, code == 1);
  lua_pushinteger(L, count);
  return 2;
}

static int shared_release(lua_State *L) {
  cal_span set = check_span(L, 1), holder = check_span(L, 2);
  lua_pushboolean(L, cal_holders_release(cal_engine_holders(cal_bind_of(L)->engine), set, holder) == 1);
  return 1;
}

static int shared_holders(lua_State *L) {
  cal_span set = check_span(L, 1);
  cal_engine *engine = cal_bind_of(L)->engine;
  lua_pushinteger(L, cal_holders_count(cal_engine_holders(engine), set, cal_engine_now_ns(engine)));
  return 1;
}

static int shared_pace(lua_State *L) {
  cal_span name = check_span(L, 1);
  lua_Number per_second = luaL_checknumber(L, 2), burst = luaL_optnumber(L, 3, 1);
  uint64_t wait_ns = 0;
  cal_engine *engine = cal_bind_of(L)->engine;
  int code = cal_holders_pace(cal_engine_holders(engine), &wait_ns, name, per_second, burst,
                              cal_engine_now_ns(engine));
  if (code < 0) return cal_lib_refuse(L, code);
  lua_pushnumber(L, (lua_Number)wait_ns / (lua_Number)CAL_S);
  return 1;
}

int cal_lib_shared(lua_State *L) {
  static const luaL_Reg functions[] = {{"get", shared_get},         {"set", shared_set},
                                       {"add", shared_add},         {"increment", shared_increment},
                                       {"remove", shared_remove},   {"hold", shared_hold},
                                       {"release", shared_release}, {"holders", shared_holders},
                                       {"pace", shared_pace},       {NULL, NULL}};
  push_module(L, functions);
  return 1;
}
