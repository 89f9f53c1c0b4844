/* strings: the functions of Lua's `string` that can run long inside C, so that the watchdog can stop them.
 *
 *   find, match, gmatch, gsub   over our own matcher (pattern.h)
 *   plain find                  memmem, which is linear; LuaJIT's own search is quadratic
 *   rep                         results of at most 1 MiB
 *   format                      nested (in __tostring) no deeper than the C stack allows
 *
 * The rest of `string`, and table.concat, is linear in memory that has a ceiling, and stays LuaJIT's. */
#include <ctype.h>
#include <string.h>

#include <lauxlib.h>

#include "vm/pattern.h"
#include "vm/state.h"

#define PATTERN_BYTES 1024
#define REPEAT_BYTES (1024 * 1024)

static cal_pattern begin(lua_State *L, int subject, int pattern) {
  size_t subject_bytes, pattern_bytes;
  cal_pattern ms = {.L = L};
  ms.subject = luaL_checklstring(L, subject, &subject_bytes);
  ms.pattern = luaL_checklstring(L, pattern, &pattern_bytes);
  if (pattern_bytes > PATTERN_BYTES) luaL_error(L, "a pattern has at most %d bytes", PATTERN_BYTES);
  ms.subject_end = ms.subject + subject_bytes;
  ms.pattern_end = ms.pattern + pattern_bytes;
  return ms;
}

/* Takes a leading '^' off the pattern; 1 when there was one. */
static int take_anchor(cal_pattern *ms) {
  if (ms->pattern == ms->pattern_end || *ms->pattern != '^') return 0;
  ms->pattern++;
  return 1;
}

static int has_specials(const char *at, size_t bytes) {
  for (size_t i = 0; i < bytes; i++)
    if (at[i] && strchr(CAL_PATTERN_SPECIALS, at[i])) return 1;
  return 0;
}

/* The argument `init` as an offset from the start; beyond the end counts as the end. */
static size_t start_offset(lua_State *L, int arg, size_t bytes) {
  lua_Integer init = luaL_optinteger(L, arg, 1);
  if (init < 0) init = init + (lua_Integer)bytes + 1;
  if (init < 1) init = 1;
  return (size_t)(init - 1) > bytes ? bytes : (size_t)(init - 1);
}

static int find_plain(lua_State *L, size_t offset) {
  size_t bytes, wanted_bytes;
  const char *subject = lua_tolstring(L, 1, &bytes), *wanted = lua_tolstring(L, 2, &wanted_bytes);
  const char *found = memmem(subject + offset, bytes - offset, wanted, wanted_bytes);
  if (!found) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushinteger(L, found - subject + 1);
  lua_pushinteger(L, found - subject + (lua_Integer)wanted_bytes);
  return 2;
}

static int search(lua_State *L, int wants_place) {
  size_t bytes, pattern_bytes;
  luaL_checklstring(L, 1, &bytes);
  const char *text = luaL_checklstring(L, 2, &pattern_bytes);
  size_t offset = start_offset(L, 3, bytes);
  if (wants_place && (lua_toboolean(L, 4) || !has_specials(text, pattern_bytes)))
    return find_plain(L, offset);

  cal_pattern ms = begin(L, 1, 2);
  int is_anchored = take_anchor(&ms);
  for (const char *at = ms.subject + offset; at <= ms.subject_end; at++) {
    const char *end = cal_pattern_match(&ms, at);
    if (end && !wants_place) return cal_pattern_push_all(&ms, at, end);
    if (end) {
      lua_pushinteger(L, at - ms.subject + 1);
      lua_pushinteger(L, end - ms.subject);
      return cal_pattern_push_all(&ms, NULL, NULL) + 2;
    }
    if (is_anchored) break;
  }
  lua_pushnil(L);
  return 1;
}

static int l_find(lua_State *L) { return search(L, 1); }
static int l_match(lua_State *L) { return search(L, 0); }

/* Upvalues: subject, pattern, offset of the next try. */
static int next_match(lua_State *L) {
  cal_pattern ms = begin(L, lua_upvalueindex(1), lua_upvalueindex(2));
  for (const char *at = ms.subject + lua_tointeger(L, lua_upvalueindex(3)); at <= ms.subject_end; at++) {
    const char *end = cal_pattern_match(&ms, at);
    if (!end) continue;
    lua_pushinteger(L, end - ms.subject + (end == at)); /* an empty match moves on by one */
    lua_replace(L, lua_upvalueindex(3));
    return cal_pattern_push_all(&ms, at, end);
  }
  return 0;
}

static int l_gmatch(lua_State *L) {
  luaL_checkstring(L, 1);
  luaL_checkstring(L, 2);
  lua_settop(L, 2);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, next_match, 3);
  return 1;
}

/* "%1" in a replacement text is a capture, "%0" the match, "%" before anything else that thing itself. */
static void add_text(cal_pattern *ms, luaL_Buffer *into, const char *start, const char *end) {
  size_t bytes;
  const char *text = lua_tolstring(ms->L, 3, &bytes);
  for (size_t i = 0; i < bytes; i++) {
    if (text[i] != '%' || i + 1 == bytes) {
      luaL_addchar(into, text[i]);
      continue;
    }
    i++;
    if (!isdigit((unsigned char)text[i])) {
      luaL_addchar(into, text[i]);
    } else if (text[i] == '0') {
      luaL_addlstring(into, start, (size_t)(end - start));
    } else {
      cal_pattern_push(ms, text[i] - '1', start, end);
      luaL_addvalue(into);
    }
  }
}

static void add_replacement(cal_pattern *ms, luaL_Buffer *into, const char *start, const char *end) {
  lua_State *L = ms->L;
  int type = lua_type(L, 3);
  if (type == LUA_TFUNCTION) {
    lua_pushvalue(L, 3);
    int count = cal_pattern_push_all(ms, start, end);
    lua_call(L, count, 1);
  } else if (type == LUA_TTABLE) {
    cal_pattern_push(ms, 0, start, end);
    lua_gettable(L, 3);
  } else {
    add_text(ms, into, start, end);
    return;
  }
  if (!lua_toboolean(L, -1)) { /* nil or false keeps the match */
    lua_pop(L, 1);
    lua_pushlstring(L, start, (size_t)(end - start));
  } else if (!lua_isstring(L, -1)) {
    luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  }
  luaL_addvalue(into);
}

static int l_gsub(lua_State *L) {
  cal_pattern ms = begin(L, 1, 2);
  int type = lua_type(L, 3);
  luaL_argcheck(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TTABLE || type == LUA_TFUNCTION,
                3, "string, function or table expected");
  lua_Integer most = luaL_optinteger(L, 4, ms.subject_end - ms.subject + 1), count = 0;
  cal_vm_check_stack(L); /* the buffer below is 8 KiB of C stack, and a replacement may call gsub again */
  int is_anchored = take_anchor(&ms);
  const char *at = ms.subject;
  luaL_Buffer into;
  luaL_buffinit(L, &into);
  while (count < most) {
    const char *end = cal_pattern_match(&ms, at);
    if (end) {
      count++;
      add_replacement(&ms, &into, at, end);
    }
    if (end && end > at)
      at = end;
    else if (at < ms.subject_end)
      luaL_addchar(&into, *at++);
    else
      break;
    if (is_anchored) break;
  }
  luaL_addlstring(&into, at, (size_t)(ms.subject_end - at));
  luaL_pushresult(&into);
  lua_pushinteger(L, count);
  return 2;
}

/* Calls LuaJIT's own function, the upvalue, with the arguments on the stack; leaves its results. */
static int call_own(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* "%s" calls __tostring, which may format again: a hundred KiB of C stack take as long to leave as to fill. */
static int l_format(lua_State *L) {
  cal_vm_check_stack(L);
  return call_own(L);
}

/* Upvalue: LuaJIT's own. */
static int l_rep(lua_State *L) {
  size_t bytes, separator_bytes = 0;
  luaL_checklstring(L, 1, &bytes);
  lua_Number count = luaL_checknumber(L, 2);
  if (!lua_isnoneornil(L, 3)) luaL_checklstring(L, 3, &separator_bytes);
  if (count > 0 && (lua_Number)(bytes + separator_bytes) * count > REPEAT_BYTES)
    return luaL_error(L, "string.rep: the result has at most %d bytes", REPEAT_BYTES);
  return call_own(L);
}

/* The table on top of the stack has this instead of LuaJIT's own function, which it calls. */
static void wrap(lua_State *L, const char *name, lua_CFunction function) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, function, 1);
  lua_setfield(L, -2, name);
}

void cal_strings_open(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"find", l_find}, {"match", l_match}, {"gmatch", l_gmatch}, {"gsub", l_gsub}, {NULL, NULL}};
  luaL_register(L, NULL, functions);
  wrap(L, "rep", l_rep);
  wrap(L, "format", l_format);
}
