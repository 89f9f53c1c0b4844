#include "bind/luax.h"

#include "base/error.h"
#include "script/lua_value.h"

int cal_luax_refuse(lua_State *L, int code) {
  const char *name = cal_error_name(code);
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", name, cal_error_text());
  lua_pushstring(L, name);
  return 3;
}

int cal_luax_module(lua_State *L, const luaL_Reg *functions) {
  lua_newtable(L);
  luaL_register(L, NULL, functions);
  return 1;
}

void cal_luax_set(lua_State *L, const char *name, lua_CFunction function) {
  lua_pushcfunction(L, function);
  lua_setfield(L, -2, name);
}

/* ---- arguments */

void cal_luax_field(lua_State *L, int index, const char *field) {
  if (!lua_istable(L, index)) luaL_error(L, "`%s` is looked for in a %s", field, luaL_typename(L, index));
  lua_pushstring(L, field);
  lua_rawget(L, index < 0 && index > LUA_REGISTRYINDEX ? index - 1 : index);
}

const char *cal_luax_text(lua_State *L, int index, const char *field) {
  cal_luax_field(L, index, field);
  int type = lua_type(L, -1);
  if (type != LUA_TNIL && type != LUA_TSTRING)
    luaL_error(L, "`%s` must be a string, not a %s", field, lua_typename(L, type));
  const char *text = lua_tostring(L, -1);
  lua_pop(L, 1);
  return text;
}

const char *cal_luax_text_needed(lua_State *L, int index, const char *field) {
  const char *text = cal_luax_text(L, index, field);
  if (!text) luaL_error(L, "`%s` is missing", field);
  return text;
}

lua_Number cal_luax_number(lua_State *L, int index, const char *field, lua_Number otherwise, lua_Number least,
                           lua_Number most) {
  cal_luax_field(L, index, field);
  lua_Number number = otherwise;
  if (!lua_isnil(L, -1)) {
    if (lua_type(L, -1) != LUA_TNUMBER)
      luaL_error(L, "`%s` must be a number, not a %s", field, luaL_typename(L, -1));
    number = lua_tonumber(L, -1);
    if (!(number >= least && number <= most))
      luaL_error(L, "`%s` is %f; from %f to %f is possible", field, number, least, most);
  }
  lua_pop(L, 1);
  return number;
}

int cal_luax_flag(lua_State *L, int index, const char *field) {
  cal_luax_field(L, index, field);
  int flag = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return flag;
}

uint64_t cal_luax_check_id(lua_State *L, int index) {
  lua_Number number = luaL_checknumber(L, index);
  luaL_argcheck(L, number >= 0 && number < 9007199254740992.0, index, "not the number of a request");
  return (uint64_t)number;
}

cal_span cal_luax_check_span(lua_State *L, int index) {
  cal_span span;
  span.at = luaL_checklstring(L, index, &span.bytes);
  return span;
}

/* ---- memory */

static int release_owned(lua_State *L) {
  cal_owned *owned = lua_touserdata(L, 1);
  if (owned->object) owned->object = owned->release(owned->object);
  return 0;
}

cal_owned *cal_luax_own(lua_State *L, void *(*release)(void *object)) {
  cal_owned *owned = lua_newuserdata(L, sizeof *owned);
  *owned = (cal_owned){.release = release};
  if (luaL_newmetatable(L, "callisto.owned")) {
    lua_pushcfunction(L, release_owned);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return owned;
}

void *cal_luax_take(cal_owned *owned) {
  void *object = owned->object;
  owned->object = NULL;
  return object;
}

static int release_buf(lua_State *L) {
  cal_buf_free(lua_touserdata(L, 1));
  return 0;
}

cal_buf *cal_luax_buf(lua_State *L, size_t ceiling) {
  cal_buf *buf = lua_newuserdata(L, sizeof *buf);
  cal_buf_init(buf, ceiling);
  if (luaL_newmetatable(L, "callisto.buf")) {
    lua_pushcfunction(L, release_buf);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return buf;
}

cal_value *cal_luax_value(lua_State *L, int index, const char *what, size_t ceiling) {
  lua_pushvalue(L, index);
  cal_buf *packed = cal_luax_buf(L, ceiling);
  cal_lua_pack(L, -2, what, packed);
  if (!packed->ceiling) luaL_error(L, "%s has more than %d bytes", what, (int)ceiling);
  lua_pop(L, 2);
  return cal_value_take(packed);
}
