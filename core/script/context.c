#include "script/context.h"

#include <string.h>

#include <lauxlib.h>

cal_context *cal_context_of(lua_State *L) { return cal_vm_context(cal_vm_of(L)); }

/* It lives in the VM, so it ends with it, on whatever thread that is. */
cal_context *cal_context_new(lua_State *L) {
  cal_context *context = lua_newuserdata(L, sizeof *context);
  memset(context, 0, sizeof *context);
  context->handler = LUA_NOREF;
  luaL_ref(L, LUA_REGISTRYINDEX);
  cal_vm_set_context(cal_vm_of(L), context);
  return context;
}

void cal_context_wake_at(cal_context *context, uint64_t at_ns) {
  if (at_ns)
    cal_timer_start(context->host->loop, &context->wake, at_ns, context->host->on_wake);
  else
    cal_timer_stop(context->host->loop, &context->wake);
}
