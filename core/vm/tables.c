/* tables: the one function of Lua's `table` that can run long inside C. Stock `table.insert({}, -2147483648, 1)`
 * moves two thousand million entries, and no hook interrupts it.
 *
 * Moving the entries of a list is not interrupted either: that is linear in memory that has a ceiling, and a list
 * that is moved half-way would be seen by what a service VM does next. The others are Lua (move, remove, sort with
 * our comparison, foreach) or linear (concat, maxn). */
#include <limits.h>

#include <lauxlib.h>

#include "vm/state.h"

static int l_insert(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  int count = lua_gettop(L);
  if (count != 2 && count != 3)
    return luaL_error(L, "table.insert takes a list, perhaps a position, and a value");
  lua_Integer last = (lua_Integer)lua_objlen(L, 1) + 1;
  lua_Integer at = count == 2 ? last : luaL_checkinteger(L, 2);
  if (at < 1 || at > INT_MAX) return luaL_error(L, "table.insert: the position must be 1 or more");
  for (lua_Integer i = last; i > at; i--) {
    lua_rawgeti(L, 1, (int)i - 1);
    lua_rawseti(L, 1, (int)i);
  }
  lua_pushvalue(L, count);
  lua_rawseti(L, 1, (int)at);
  return 0;
}

void cal_tables_open(lua_State *L) {
  lua_pushcfunction(L, l_insert);
  lua_setfield(L, -2, "insert");
}
