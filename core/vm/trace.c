#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "vm/state.h"

#define ERROR_CEILING 4096
#define LEVELS 16 /* of a traceback: enough to find the line, short enough for a log */

static void write_level(cal_buf *into, lua_State *L, lua_Debug *level) {
  lua_getinfo(L, "nSl", level);
  cal_buf_format(into, "\n  %s:", level->short_src);
  if (level->currentline > 0) cal_buf_format(into, "%d:", level->currentline);
  if (level->name && *level->name)
    cal_buf_format(into, " in %s", level->name);
  else if (*level->what == 'm')
    cal_buf_text(into, " in main chunk");
  else if (*level->what != 'C')
    cal_buf_format(into, " in function <%s:%d>", level->short_src, level->linedefined);
}

/* Written by hand instead of luaL_traceback, because that makes Lua strings and there may be no memory for
 * them. */
static void write_trace(cal_buf *into, lua_State *L, int first) {
  lua_Debug level;
  for (int i = first; i < first + LEVELS && lua_getstack(L, i, &level); i++) write_level(into, L, &level);
}

/* What to do about an error whose text is LuaJIT's and does not say it; or NULL. */
static const char *remedy_of(const char *message) {
  char name[16];
  if (strstr(message, "stack overflow")) return "a function calls itself without end";
  if (strstr(message, "yield across C-call boundary"))
    return "callbacks of gsub and sort, and files while they are loaded, cannot wait";
  const char *at = strstr(message, "global '");
  if (!at || sscanf(at, "global '%15[a-z]' (a nil value)", name) != 1) return NULL;
  return cal_sandbox_instead(name);
}

static void start_error(cal_vm *vm, const char *message) {
  const char *remedy = vm->kind == CAL_VM_TOOL ? NULL : remedy_of(message);
  size_t line = strcspn(message, "\n");
  if (remedy && (line > ERROR_CEILING / 4 || strstr(message, remedy))) remedy = NULL;
  cal_buf_clear(&vm->error);
  if (remedy) {
    cal_buf_append(&vm->error, message, line);
    cal_buf_format(&vm->error, "; %s", remedy);
    message += line;
  }
  /* Half of the room is for the message, so that a long one leaves some for the traceback. */
  cal_buf_append(&vm->error, message, strnlen(message, ERROR_CEILING / 2));
}

void cal_vm_write_error(cal_vm *vm, lua_State *L, const char *message) {
  start_error(vm, message);
  write_trace(&vm->error, L, 0);
}

void cal_vm_write_place(cal_vm *vm, lua_State *L) {
  cal_buf_clear(&vm->last_place);
  write_trace(&vm->last_place, L, 0);
}

/* The text of what was raised: a string, what __tostring says, or the `message` of an error table. */
static const char *describe(lua_State *L, int object) {
  if (lua_isstring(L, object)) return lua_tostring(L, object);
  if (luaL_callmeta(L, object, "__tostring") && lua_isstring(L, -1)) return lua_tostring(L, -1);
  if (lua_istable(L, object)) {
    lua_pushliteral(L, "message");
    lua_rawget(L, object);
    if (lua_isstring(L, -1)) return lua_tostring(L, -1);
  }
  return lua_pushfstring(L, "(the error is a %s value)", luaL_typename(L, object));
}

int cal_vm_on_error(lua_State *L) {
  cal_vm *vm = cal_vm_of(L);
  /* After a time-out the text is written already, and nothing of the script may run: hooks are off in here.
   */
  if (vm->is_struck) return 1;
  lua_settop(L, 1);
  cal_vm_write_error(vm, L, describe(L, 1));
  return 1;
}

int cal_vm_traceback(lua_State *L) {
  cal_vm *vm = cal_vm_of(L);
  lua_State *of = lua_tothread(L, 1);
  start_error(vm, luaL_optstring(L, of ? 2 : 1, ""));
  write_trace(&vm->error, of ? of : L, of ? 0 : 1);
  lua_pushlstring(L, vm->error.data ? vm->error.data : "", vm->error.bytes);
  return 1;
}
