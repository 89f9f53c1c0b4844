/* sandbox: what scripts of calls and services find in their globals.
 *
 * Only the libraries base, coroutine, string, table, math and bit are opened, so the others cannot be reached
 * at all:
 *
 *   io, package, ffi, jit, debug   files, processes, raw memory, other people's functions
 *   os                             the time comes from callisto.core, from the engine's one clock, which
 * specs move; the rest (execute, exit, remove, getenv, setlocale) acts on the whole process
 *
 * Of the base library those go that read files, run bytecode (which can corrupt the process) or reach into
 * functions.
 *
 * Nothing in them runs for long without the watchdog being able to stop it:
 *
 *   string                         strings.c: matching looks at the budget, results and nesting have ceilings
 *   table                          tables.c; sort compares in Lua; the rest is Lua, or linear in memory
 *   coroutine                      resumes inside resumes are as deep as the C stack may get (cal_vm_check_stack)
 *   load                           64 KiB of text
 *   print                          lines of 4 KiB, and for a call as many as it may log
 *   tostring, tonumber, select, next, unpack, math, bit   a step, or linear in one string or the stack */
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/log.h"
#include "vm/state.h"

#define LOAD_BYTES (64 * 1024) /* of text given to `load` */
#define PRINT_BYTES 4096

static const char *const removed[] = {"dofile", "loadfile", "getfenv", "setfenv",
                                      "gcinfo", "newproxy", "module",  "loadstring"};

static const struct {
  const char *library, *instead;
} absent[] = {
    {"io", "scripts read and write no files: call:fact and callisto.shared keep things, callisto.log writes"},
    {"os", "scripts start no processes and see no environment: callisto.clock has the time, call.settings "
           "the rest"},
    {"debug", "scripts do not look into each other: callisto.vm has the traceback"},
    {"ffi", "scripts call no C"},
    {"jit", "scripts are interpreted, so that they can be stopped"},
    {"package", "scripts load no files: require finds what the workspace and Callisto have"},
};

const char *cal_sandbox_instead(const char *library) {
  for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
    if (!strcmp(absent[i].library, library)) return absent[i].instead;
  return NULL;
}

/* The parts that must be Lua, because coroutines yield through them. */
static const char prelude[] =
    "local raw_xpcall, raw_resume, raw_wrap, raw_sort, guard, check_stack = ...\n"
    "function xpcall(f, handler, ...) return raw_xpcall(f, guard(handler), ...) end\n"
    /* Each resume inside a resume uses C stack. */
    "function coroutine.resume(co, ...)\n"
    "  check_stack()\n"
    "  return raw_resume(co, ...)\n"
    "end\n"
    "function coroutine.wrap(f)\n"
    "  local step = raw_wrap(f)\n"
    "  return function(...)\n"
    "    check_stack()\n"
    "    return step(...)\n"
    "  end\n"
    "end\n"
    /* With a comparison in Lua the hook can stop a sort; and that comparison may sort again. */
    "local function less(a, b) return a < b end\n"
    "function table.sort(list, is_less)\n"
    "  check_stack()\n"
    "  return raw_sort(list, is_less or less)\n"
    "end\n";

static int l_check_stack(lua_State *L) {
  cal_vm_check_stack(L);
  return 0;
}

static int l_collectgarbage(lua_State *L) {
  const char *what = luaL_optstring(L, 1, "count");
  if (strcmp(what, "count") != 0) return luaL_error(L, "collectgarbage only knows \"count\" here");
  lua_pushnumber(L, (lua_Number)cal_vm_bytes(cal_vm_of(L)) / 1024);
  return 1;
}

/* load(text [, name [, mode [, environment]]]): text only, whatever the mode says. */
static int l_load(lua_State *L) {
  size_t bytes;
  luaL_checktype(L, 1, LUA_TSTRING);
  const char *text = lua_tolstring(L, 1, &bytes);
  const char *name = luaL_optstring(L, 2, "=(load)");
  if (bytes > LOAD_BYTES) return luaL_error(L, "load: at most %d bytes of text", LOAD_BYTES);
  if (luaL_loadbufferx(L, text, bytes, name, "t") != 0) {
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
  }
  if (!lua_isnoneornil(L, 4)) {
    luaL_checktype(L, 4, LUA_TTABLE);
    lua_pushvalue(L, 4);
    lua_setfenv(L, -2);
  }
  return 1;
}

/* Upvalue: tostring. */
static int l_print(lua_State *L) {
  char line[PRINT_BYTES];
  size_t used = 0;
  int count = lua_gettop(L);
  cal_vm_check_stack(L); /* __tostring may print again, and the line above is C stack */
  for (int i = 1; i <= count; i++) {
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, i);
    lua_call(L, 1, 1);
    size_t bytes;
    const char *text = lua_tolstring(L, -1, &bytes);
    if (!text) return luaL_error(L, "'tostring' must return a string to 'print'");
    if (i > 1 && used < sizeof line - 1) line[used++] = ' ';
    if (bytes > sizeof line - 1 - used) bytes = sizeof line - 1 - used;
    memcpy(line + used, text, bytes);
    used += bytes;
    lua_pop(L, 1);
  }
  line[used] = '\0';
  cal_vm *vm = cal_vm_of(L);
  if (vm->print)
    vm->print(vm, line);
  else
    cal_log(CAL_LOG_INFO, "script", cal_vm_name(vm), "%s", line);
  return 0;
}

static int refuse_global(lua_State *L) {
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
  return luaL_error(L, "assignment to global '%s': declare it with 'local'", name);
}

static void open_library(lua_State *L, const char *name, lua_CFunction opener) {
  lua_pushcfunction(L, opener);
  lua_pushstring(L, name);
  lua_call(L, 1, 0);
}

static void push_member(lua_State *L, const char *table, const char *name) {
  lua_getglobal(L, table);
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
}

static void run_prelude(lua_State *L) {
  if (luaL_loadbuffer(L, prelude, sizeof prelude - 1, "=callisto") != 0) lua_error(L);
  lua_getglobal(L, "xpcall");
  push_member(L, "coroutine", "resume");
  push_member(L, "coroutine", "wrap");
  push_member(L, "table", "sort");
  lua_pushcfunction(L, cal_vm_guard_handler);
  lua_pushcfunction(L, l_check_stack);
  lua_call(L, 6, 0);
}

static void replace_base(lua_State *L) {
  for (size_t i = 0; i < sizeof removed / sizeof *removed; i++) {
    lua_pushnil(L);
    lua_setglobal(L, removed[i]);
  }
  lua_pushcfunction(L, l_collectgarbage);
  lua_setglobal(L, "collectgarbage");
  lua_pushcfunction(L, l_load);
  lua_setglobal(L, "load");
  lua_getglobal(L, "tostring");
  lua_pushcclosure(L, l_print, 1);
  lua_setglobal(L, "print");
}

static void replace_strings(lua_State *L) {
  lua_getglobal(L, "string");
  lua_pushnil(L);
  lua_setfield(L, -2, "dump");
  cal_strings_open(L);
  lua_pop(L, 1);
  /* All strings share one metatable; getmetatable("") must not hand it out. */
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);
  lua_pushliteral(L, "protected");
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 2);
}

static void replace_tables(lua_State *L) {
  lua_getglobal(L, "table");
  cal_tables_open(L);
  lua_pop(L, 1);
}

static void lock_globals(lua_State *L) {
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, refuse_global);
  lua_setfield(L, -2, "__newindex");
  lua_pushliteral(L, "protected");
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, LUA_GLOBALSINDEX);
}

void cal_sandbox_open(lua_State *L, cal_vm *vm) {
  open_library(L, "", luaopen_base);
  open_library(L, LUA_STRLIBNAME, luaopen_string);
  open_library(L, LUA_TABLIBNAME, luaopen_table);
  open_library(L, LUA_MATHLIBNAME, luaopen_math);
  open_library(L, LUA_BITLIBNAME, luaopen_bit);
  replace_base(L);
  replace_strings(L);
  replace_tables(L);
  run_prelude(L);
  lock_globals(L);
}
