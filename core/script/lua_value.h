/* lua_value: packed values (base/value.h) to and from a VM. Inside a protected entry: both may raise. */
#ifndef CAL_SCRIPT_LUA_VALUE_H
#define CAL_SCRIPT_LUA_VALUE_H

#include <lua.h>

#include "base/value.h"

#define CAL_LUA_VALUE_DEPTH 64 /* tables in tables */

void cal_lua_push_value(lua_State *L, const cal_value *value);

/* Appends the value at `index`. Raises an error that begins with `what` ("the message") for what cannot cross: functions,
 * userdata, tables in themselves. A list is a table with the keys 1 to n and no other, or one that json.array made. */
void cal_lua_pack(lua_State *L, int index, const char *what, cal_buf *into);

/* Pushes the metatable by which lists are known (callisto.json's array_mt). */
void cal_lua_push_list_metatable(lua_State *L);

#endif
