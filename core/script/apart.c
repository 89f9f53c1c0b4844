#include "script/apart.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "script/context.h"
#include "script/lua_value.h"

static void open_libraries(lua_State *L, void *context) {
  cal_context *mine = cal_context_new(L);
  mine->reach = context;
  mine->is_apart = 1;
  mine->reach->open(L);
}

int cal_apart_new(cal_vm **result, cal_reach *reach, cal_generation *generation, const char *name,
                  cal_buf *asked) {
  cal_vm_options options = {.kind = CAL_VM_CALL,
                            .name = name,
                            .memory_bytes = reach->limits.vm_memory_bytes,
                            .entry_budget_ms = reach->limits.entry_budget_ms,
                            .open = open_libraries,
                            .context = reach,
                            .asked = asked};
  int code = cal_vm_new(result, generation, &options);
  if (code) return code;
  code = cal_vm_require(*result, "callisto.judge.reading"); /* first of all: it takes away what acts */
  lua_settop(cal_vm_state(*result), 0);
  if (code) *result = cal_vm_free(*result);
  return code;
}

static void pack(lua_State *L, cal_buf *into) {
  size_t ceiling = into->ceiling;
  cal_lua_pack(L, -1, "what the file returns", into);
  if (!into->ceiling) luaL_error(L, "what the file returns has more than %d bytes", (int)ceiling);
}

static void push_reading(lua_State *L, const char *function) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "callisto.judge.reading");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, function);
}

/* The function below `nargs` arguments packs into `packed`, inside the entry, so that it may raise. */
static int enter(cal_vm *vm, int nargs, cal_buf *packed, cal_value **value) {
  int code = cal_vm_enter(vm, nargs, 0);
  if (code)
    cal_buf_free(packed);
  else
    *value = cal_value_take(packed);
  return code;
}

/* ---- a module */

static int read_module(lua_State *L) {
  push_reading(L, "read");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  pack(L, lua_touserdata(L, 2));
  return 0;
}

int cal_apart_read(cal_vm *vm, const char *module, cal_value **value) {
  lua_State *L = cal_vm_state(vm);
  cal_buf packed;
  cal_buf_init(&packed, CAL_APART_VALUE_BYTES);
  lua_settop(L, 0);
  lua_pushcfunction(L, read_module);
  lua_pushstring(L, module);
  lua_pushlightuserdata(L, &packed);
  return enter(vm, 2, &packed, value);
}

static int call_function(lua_State *L) {
  push_reading(L, "call");
  lua_pushvalue(L, 1);
  cal_lua_push_value(L, lua_touserdata(L, 2));
  lua_call(L, 2, 1);
  pack(L, lua_touserdata(L, 3));
  return 0;
}

int cal_apart_call(cal_vm *vm, const char *place, const cal_value *arguments, cal_value **results) {
  lua_State *L = cal_vm_state(vm);
  cal_buf packed;
  cal_buf_init(&packed, CAL_APART_CALL_BYTES);
  lua_settop(L, 0);
  lua_pushcfunction(L, call_function);
  lua_pushstring(L, place);
  lua_pushlightuserdata(L, (void *)arguments);
  lua_pushlightuserdata(L, &packed);
  return enter(vm, 3, &packed, results);
}

/* ---- a file of data */

static int get_variable(lua_State *L) {
  lua_pushstring(L, getenv(luaL_checkstring(L, 2)));
  return 1;
}

/* The table of a chunk's globals: `env`, which is asked for each variable. */
static void push_globals(lua_State *L) {
  lua_newtable(L);
  lua_newtable(L);
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, get_variable);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, "env");
}

static int read_data(lua_State *L) {
  const cal_span *text = lua_touserdata(L, 1);
  if (luaL_loadbufferx(L, text->at, text->bytes, lua_tostring(L, 2), "t")) return lua_error(L);
  push_globals(L);
  lua_setfenv(L, -2);
  lua_call(L, 0, 1);
  pack(L, lua_touserdata(L, 3));
  return 0;
}

int cal_apart_data(cal_value **value, cal_reach *reach, const char *path, cal_span text) {
  cal_vm *vm;
  cal_buf packed;
  cal_vm_options options = {.kind = CAL_VM_CALL,
                            .name = path,
                            .memory_bytes = reach->limits.vm_memory_bytes,
                            .entry_budget_ms = reach->limits.entry_budget_ms};
  int code = cal_vm_new(&vm, NULL, &options);
  if (code) return code;
  lua_State *L = cal_vm_state(vm);
  cal_buf_init(&packed, CAL_APART_VALUE_BYTES);
  lua_pushcfunction(L, read_data);
  lua_pushlightuserdata(L, &text);
  lua_pushfstring(L, "@%s", path);
  lua_pushlightuserdata(L, &packed);
  code = enter(vm, 3, &packed, value);
  cal_vm_free(vm);
  return code;
}
