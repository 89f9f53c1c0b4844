/* luax: what the binding files share: arguments read from tables, refusals, memory of C that a Lua error must not
 * leak. They know no module and no plane. The VM's own thread. */
#ifndef CAL_BIND_LUAX_H
#define CAL_BIND_LUAX_H

#include <stdint.h>

#include <lauxlib.h>
#include <lua.h>

#include "base/buf.h"
#include "base/value.h"

/* nil, message, code: what the world refused. Pushes three values; `code` is a negative errno. */
int cal_luax_refuse(lua_State *L, int code);

/* Pushes a new table with these functions; 1. */
int cal_luax_module(lua_State *L, const luaL_Reg *functions);
/* A field of the table on top of the stack. */
void cal_luax_set(lua_State *L, const char *name, lua_CFunction function);

/* Pushes a field of the options table at `index`, past its metatable: what __index gives, no table would hold, and it
 * may be a script's function. An error for what is not a table. */
void cal_luax_field(lua_State *L, int index, const char *field);
/* Fields of it by type. Strings are borrowed as long as the table holds them. NULL when absent; an error for another
 * type. */
const char *cal_luax_text(lua_State *L, int index, const char *field);
const char *cal_luax_text_needed(lua_State *L, int index, const char *field);
lua_Number cal_luax_number(lua_State *L, int index, const char *field, lua_Number otherwise, lua_Number least,
                           lua_Number most);
int cal_luax_flag(lua_State *L, int index, const char *field);

/* The whole number at `index`, which names a request. */
uint64_t cal_luax_check_id(lua_State *L, int index);
/* The value at `index`, packed; returns owned. Raises an error that begins with `what` for a value that cannot cross, or
 * has more than so many bytes. */
cal_value *cal_luax_value(lua_State *L, int index, const char *what, size_t ceiling);
/* The string at `index` with its length; borrowed. */
cal_span cal_luax_check_span(lua_State *L, int index);

/* Memory of C while Lua may still raise: a userdata, pushed here, releases what it holds unless it was taken. */
typedef struct cal_owned {
  void *object; /* NULL: nothing */
  void *(*release)(void *object);
} cal_owned;

cal_owned *cal_luax_own(lua_State *L, void *(*release)(void *object)); /* set `object` at once */
void *cal_luax_take(cal_owned *owned);                                 /* returns owned */
cal_buf *cal_luax_buf(lua_State *L,
                      size_t ceiling); /* pushes a userdata; freed with it, or by cal_buf_free */

#endif
