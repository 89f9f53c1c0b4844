/* callisto.log: lines of scripts in the engine's log. */
#include "base/log.h"
#include "bind/init.h"
#include "bind/luax.h"
#include "script/context.h"
#include "script/live_call.h"

/* A call's lines count against its quota (script/quota.h). */
static int log_line(lua_State *L, cal_log_level level) {
  const char *text = luaL_checkstring(L, 1);
  cal_context *context = cal_context_of(L);
  int code = 0;
  if (context && context->call)
    code = cal_live_call_log(context->call, level, text);
  else
    cal_log(level, "script", NULL, "%s", text);
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

static int log_debug(lua_State *L) { return log_line(L, CAL_LOG_DEBUG); }
static int log_info(lua_State *L) { return log_line(L, CAL_LOG_INFO); }
static int log_warn(lua_State *L) { return log_line(L, CAL_LOG_WARN); }
static int log_error(lua_State *L) { return log_line(L, CAL_LOG_ERROR); }

int cal_lib_log(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"debug", log_debug}, {"info", log_info}, {"warn", log_warn}, {"error", log_error}, {NULL, NULL}};
  return cal_luax_module(L, functions);
}
