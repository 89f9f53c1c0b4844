#include "script/lua_value.h"

#include <lauxlib.h>

static const char list_key = 0; /* its address is the registry key of the metatable of lists */

void cal_lua_push_list_metatable(lua_State *L) {
  lua_pushlightuserdata(L, (void *)&list_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushliteral(L, "array");
  lua_setfield(L, -2, "__name");
  lua_pushlightuserdata(L, (void *)&list_key);
  lua_pushvalue(L, -2);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

/* ---- to Lua */

static void push_item(lua_State *L, cal_value_reader *reader, const cal_value_item *item);

static void push_table(lua_State *L, cal_value_reader *reader) {
  cal_value_item item;
  lua_newtable(L);
  while (cal_value_next(reader, &item) && item.kind != CAL_VALUE_END) {
    push_item(L, reader, &item);
    cal_value_next(reader, &item);
    push_item(L, reader, &item);
    lua_rawset(L, -3);
  }
}

static void push_list(lua_State *L, cal_value_reader *reader) {
  cal_value_item item;
  lua_newtable(L);
  for (int i = 1; cal_value_next(reader, &item) && item.kind != CAL_VALUE_END; i++) {
    push_item(L, reader, &item);
    lua_rawseti(L, -2, i);
  }
  cal_lua_push_list_metatable(L);
  lua_setmetatable(L, -2);
}

static void push_item(lua_State *L, cal_value_reader *reader, const cal_value_item *item) {
  luaL_checkstack(L, 4, "a value");
  switch (item->kind) {
  case CAL_VALUE_FLAG:
    lua_pushboolean(L, item->flag);
    break;
  case CAL_VALUE_NUMBER:
    lua_pushnumber(L, item->number);
    break;
  case CAL_VALUE_TEXT:
    lua_pushlstring(L, item->text.bytes ? item->text.at : "", item->text.bytes);
    break;
  case CAL_VALUE_TABLE:
    push_table(L, reader);
    break;
  case CAL_VALUE_LIST:
    push_list(L, reader);
    break;
  case CAL_VALUE_NULL:
  case CAL_VALUE_END:
    lua_pushlightuserdata(L, NULL); /* json.null: a place in a list may hold it */
    break;
  }
}

void cal_lua_push_value(lua_State *L, const cal_value *value) {
  cal_value_reader reader = cal_value_read(value);
  cal_value_item item;
  cal_value_next(&reader, &item);
  if (item.kind == CAL_VALUE_NULL)
    lua_pushnil(L);
  else
    push_item(L, &reader, &item);
}

/* ---- from Lua */

typedef struct packer {
  lua_State *L;
  const char *what;
  cal_buf *into;
  size_t ceiling; /* of `into`, which forgets it when it is full */
  int depth;
} packer;

static void pack(packer *p);

static int is_list(lua_State *L) {
  int is_marked = 0;
  if (lua_getmetatable(L, -1)) {
    cal_lua_push_list_metatable(L);
    is_marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
  }
  size_t length = lua_objlen(L, -1), count = 0;
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TNUMBER || ++count > length) {
      lua_pop(L, 2);
      return 0;
    }
  }
  return count == length && (length || is_marked);
}

static void pack_list(packer *p) {
  cal_value_open(p->into, CAL_VALUE_LIST);
  for (int i = 1; i <= (int)lua_objlen(p->L, -1); i++) {
    lua_rawgeti(p->L, -1, i);
    pack(p);
    lua_pop(p->L, 1);
  }
  cal_value_close(p->into);
}

static void pack_key(packer *p) {
  cal_span text;
  int type = lua_type(p->L, -1);
  if (type == LUA_TNUMBER) {
    cal_value_number(p->into, lua_tonumber(p->L, -1));
    return;
  }
  if (type != LUA_TSTRING) luaL_error(p->L, "%s has a key that is a %s", p->what, lua_typename(p->L, type));
  text.at = lua_tolstring(p->L, -1, &text.bytes);
  cal_value_text(p->into, text);
}

static void pack_table(packer *p) {
  cal_value_open(p->into, CAL_VALUE_TABLE);
  for (lua_pushnil(p->L); lua_next(p->L, -2); lua_pop(p->L, 1)) {
    lua_pushvalue(p->L, -2);
    pack_key(p);
    lua_pop(p->L, 1);
    pack(p);
  }
  cal_value_close(p->into);
}

static void pack(packer *p) {
  lua_State *L = p->L;
  cal_span text;
  luaL_checkstack(L, 6, "a value");
  /* Now, because a table may hold the same one many times over. */
  if (!p->into->ceiling) luaL_error(L, "%s has more than %d bytes", p->what, (int)p->ceiling);
  switch (lua_type(L, -1)) {
  case LUA_TNIL:
    cal_value_null(p->into);
    return;
  case LUA_TBOOLEAN:
    cal_value_flag(p->into, lua_toboolean(L, -1));
    return;
  case LUA_TNUMBER:
    cal_value_number(p->into, lua_tonumber(L, -1));
    return;
  case LUA_TSTRING:
    text.at = lua_tolstring(L, -1, &text.bytes);
    cal_value_text(p->into, text);
    return;
  case LUA_TTABLE:
    if (++p->depth > CAL_LUA_VALUE_DEPTH)
      luaL_error(L, "%s has more than %d tables in each other", p->what, CAL_LUA_VALUE_DEPTH);
    if (is_list(L))
      pack_list(p);
    else
      pack_table(p);
    p->depth--;
    return;
  case LUA_TLIGHTUSERDATA:
    if (!lua_touserdata(L, -1)) { /* json.null */
      cal_value_null(p->into);
      return;
    }
    break;
  default:
    break;
  }
  luaL_error(L, "%s has a %s in it; nil, booleans, numbers, strings and tables of them can cross", p->what,
             luaL_typename(L, -1));
}

void cal_lua_pack(lua_State *L, int index, const char *what, cal_buf *into) {
  packer p = {.L = L, .what = what, .into = into, .ceiling = into->ceiling};
  lua_pushvalue(L, index);
  pack(&p);
  lua_pop(L, 1);
}
