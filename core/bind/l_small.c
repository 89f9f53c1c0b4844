/* callisto.log, callisto.metrics, callisto.shared: small modules every VM has. */
#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/kv.h"
#include "base/log.h"
#include "base/metrics.h"
#include "bind/engine.h"
#include "bind/lib.h"
#include "bind/script.h"

int cal_lib_refuse(lua_State *L, int code) {
  const char *name = cal_error_name(code);
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", name, cal_error_text());
  lua_pushstring(L, name);
  return 3;
}

static void push_module(lua_State *L, const luaL_Reg *functions) {
  lua_newtable(L);
  for (; functions->name; functions++) {
    lua_pushcfunction(L, functions->func);
    lua_setfield(L, -2, functions->name);
  }
}

/* ---- log ---- */

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

/* ---- metrics ---- */

static const char *full_name(lua_State *L, char *into, size_t room) {
  snprintf(into, room, "callisto_%s", luaL_checkstring(L, 1));
  return into;
}

static int metrics_count(lua_State *L) {
  char name[160];
  cal_metric_add(cal_counter(full_name(L, name, sizeof name), "counted by a script"), luaL_optinteger(L, 2, 1));
  return 0;
}

static int metrics_gauge(lua_State *L) {
  char name[160];
  cal_metric_set(cal_gauge(full_name(L, name, sizeof name), "set by a script"), luaL_checkinteger(L, 2));
  return 0;
}

static int metrics_observe(lua_State *L) {
  char name[160];
  cal_metric_observe(cal_histogram(full_name(L, name, sizeof name), "observed by a script"), luaL_checknumber(L, 2));
  return 0;
}

int cal_lib_metrics(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"count", metrics_count}, {"gauge", metrics_gauge}, {"observe", metrics_observe}, {NULL, NULL}};
  push_module(L, functions);
  return 1;
}

/* ---- shared ---- */

static cal_span check_span(lua_State *L, int index) {
  cal_span span;
  span.at = luaL_checklstring(L, index, &span.bytes);
  return span;
}

static uint64_t opt_ttl_ms(lua_State *L, int index) {
  lua_Number seconds = luaL_optnumber(L, index, 0);
  luaL_argcheck(L, seconds >= 0, index, "a time to live in seconds, not negative");
  return (uint64_t)(seconds * 1000);
}

static int shared_get(lua_State *L) {
  cal_span key = check_span(L, 1);
  cal_engine *engine = cal_bind_of(L)->engine;
  cal_buf value;
  cal_buf_init(&value, 128 * 1024);
  if (cal_kv_get(cal_engine_shared(engine), key, &value, cal_engine_now_ns(engine)) == 1)
    lua_pushlstring(L, value.bytes ? value.data : "", value.bytes);
  else
    lua_pushnil(L);
  cal_buf_free(&value);
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

int cal_lib_shared(lua_State *L) {
  static const luaL_Reg functions[] = {{"get", shared_get},
                                       {"set", shared_set},
                                       {"add", shared_add},
                                       {"increment", shared_increment},
                                       {"remove", shared_remove},
                                       {NULL, NULL}};
  push_module(L, functions);
  return 1;
}
