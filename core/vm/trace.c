#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "vm/state.h"

#define ERROR_CEILING 4096
#define OURS "lua/callisto/" /* how chunks of our own library are called */
#define TRACE "\n  "
#define LEVELS_SEEN 64
#define LEVELS 16 /* of a traceback: enough to find the line, short enough for a log */

static void write_level(cal_buf *into, lua_State *L, lua_Debug *level) {
  lua_getinfo(L, "nSl", level);
  cal_buf_format(into, TRACE "%s:", level->short_src);
  if (level->currentline > 0) cal_buf_format(into, "%d:", level->currentline);
  if (level->name && *level->name)
    cal_buf_format(into, " in %s", level->name);
  else if (*level->what == 'm')
    cal_buf_text(into, " in main chunk");
  else if (*level->what != 'C')
    cal_buf_format(into, " in function <%s:%d>", level->short_src, level->linedefined);
}

/* A function of a script, neither ours nor C's. */
static int is_the_authors(lua_State *L, lua_Debug *level) {
  lua_getinfo(L, "S", level);
  return *level->what != 'C' && strncmp(level->short_src, OURS, sizeof OURS - 1) != 0;
}

/* A line that helps the author: one of the script, or a C function that it called by its name. */
static int is_telling(lua_State *L, lua_Debug *level) {
  if (is_the_authors(L, level)) return 1;
  lua_getinfo(L, "n", level);
  return *level->what == 'C' && level->name && *level->name;
}

static int has_author(lua_State *L, int first) {
  lua_Debug level;
  for (int i = first; i < first + LEVELS_SEEN && lua_getstack(L, i, &level); i++)
    if (is_the_authors(L, &level)) return 1;
  return 0;
}

/* Written by hand instead of luaL_traceback, because that makes Lua strings and there may be no memory for
 * them. Where the author of a script has lines in it, these are all that is shown. */
static void write_trace(cal_buf *into, lua_State *L, int first) {
  lua_Debug level;
  int is_short = has_author(L, first), written = 0;
  for (int i = first; i < first + LEVELS_SEEN && written < LEVELS && lua_getstack(L, i, &level); i++) {
    if (is_short && !is_telling(L, &level)) continue;
    write_level(into, L, &level);
    written++;
  }
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

/* Whether a script called a method of ours with a dot: then its first argument is not the object. */
static int is_called_without_object(lua_State *L, lua_Debug *level) {
  if (!lua_getinfo(L, "nS", level) || strcmp(level->namewhat, "field") != 0 || *level->what == 'C') return 0;
  if (!lua_checkstack(L, 1) || !lua_getinfo(L, "f", level)) return 0;
  const char *first =
      lua_getlocal(L, NULL, 1); /* of the function: where it stands may not be known any more */
  int is_method = first && !strcmp(first, "self");
  lua_pop(L, 1);
  return is_method;
}

/* What is wrong with the way in which the script called us; nothing when it called us well. */
static void write_misuse(cal_vm *vm, lua_State *L) {
  lua_Debug level, called;
  for (int i = 0; i < LEVELS_SEEN && lua_getstack(L, i, &level); i++) {
    if (!is_the_authors(L, &level)) continue;
    if (i && lua_getstack(L, i - 1, &called) && is_called_without_object(L, &called))
      cal_buf_format(&vm->error, "; %s is a method: write object:%s(…), with a colon", called.name,
                     called.name);
    return;
  }
}

/* An error that was raised in our own library because of what a script gave it is told with the script's line,
 * ours behind it. Returns how much of the message is written then. */
static size_t write_place(cal_vm *vm, lua_State *L, const char *message) {
  if (strncmp(message, OURS, sizeof OURS - 1) != 0) return 0;
  size_t place = strcspn(message, " "); /* "lua/callisto/flow/speaking.lua:94: …" */
  if (place < 2 || message[place] != ' ' || message[place - 1] != ':') return 0;
  lua_Debug level;
  for (int i = 0; i < LEVELS_SEEN && lua_getstack(L, i, &level); i++) {
    if (!is_the_authors(L, &level) || !lua_getinfo(L, "l", &level) || level.currentline <= 0) continue;
    cal_buf_format(&vm->error, "%s:%d: ", level.short_src, level.currentline);
    return place + 1;
  }
  return 0;
}

static void start_error(cal_vm *vm, lua_State *L, const char *message) {
  const char *remedy = vm->kind == CAL_VM_TOOL ? NULL : remedy_of(message);
  cal_buf_clear(&vm->error);
  size_t ours = write_place(vm, L, message), line = strcspn(message, "\n");
  if (remedy && (line > ERROR_CEILING / 4 || strstr(message, remedy))) remedy = NULL;
  if (line > ERROR_CEILING / 4) line = ours;
  cal_buf_append(&vm->error, message + ours, line - ours);
  if (ours) cal_buf_format(&vm->error, " (%.*s)", (int)ours - 2, message);
  if (remedy) cal_buf_format(&vm->error, "; %s", remedy);
  if (line > ours && !strstr(message, TRACE)) write_misuse(vm, L);
  /* Half of the room is for the message, so that a long one leaves some for the traceback. */
  cal_buf_append(&vm->error, message + line, strnlen(message + line, ERROR_CEILING / 2));
}

void cal_vm_write_error(cal_vm *vm, lua_State *L, const char *message) {
  start_error(vm, L, message);
  /* What a task failed of is raised again with its traceback in it; the lines that raise it tell nothing. */
  if (!strstr(message, TRACE)) write_trace(&vm->error, L, 0);
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
  start_error(vm, of ? of : L, luaL_optstring(L, of ? 2 : 1, ""));
  write_trace(&vm->error, of ? of : L, of ? 0 : 1);
  lua_pushlstring(L, vm->error.data ? vm->error.data : "", vm->error.bytes);
  return 1;
}
