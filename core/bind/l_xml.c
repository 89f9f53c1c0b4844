/* callisto.xml: answer documents as Lua tables, built and parsed by libxml2 (data/xml.h), which reads and writes at most
 * CAL_XML_BYTES. A table may hold the same one many times over, so what is built has a ceiling of nodes besides. */
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "bind/init.h"
#include "bind/luax.h"
#include "data/xml.h"

/* ---- building: the whole table is checked first, because an argument error would leak the writer */

#define ATTRS_CEILING 64    /* of one element */
#define NODES_CEILING 10000 /* of a document, texts and lists of attributes included */

static void check_pair(lua_State *L, int key, int value, const char *element) {
  int kind = lua_type(L, value);
  if (lua_type(L, key) != LUA_TSTRING || (kind != LUA_TSTRING && kind != LUA_TNUMBER && kind != LUA_TBOOLEAN))
    luaL_error(L, "xml.build: <%s> has an attribute that is not text", element);
}

static int is_list(lua_State *L, int index) { return lua_objlen(L, index) > 0; }

static void check_node(lua_State *L, int index, int depth, int *nodes) {
  if (depth > CAL_XML_DEPTH) luaL_error(L, "xml.build: elements nest deeper than %d", CAL_XML_DEPTH);
  luaL_checkstack(L, 12, "xml.build");
  lua_rawgeti(L, index, 1);
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "xml.build: a node begins with its name: {\"Say\", {…}, …}");
  const char *name = lua_tostring(L, -1);
  int count = (int)lua_objlen(L, index);
  for (int i = 2; i <= count; i++) {
    if (++*nodes > NODES_CEILING)
      luaL_error(L, "xml.build: a document has more than %d nodes", NODES_CEILING);
    lua_rawgeti(L, index, i);
    int child = lua_gettop(L), kind = lua_type(L, child);
    if (kind == LUA_TTABLE) {
      lua_rawgeti(L, child, 1);
      int first = lua_type(L, -1);
      lua_pop(L, 1);
      if (first == LUA_TSTRING) {
        check_node(L, child, depth + 1, nodes);
      } else if (i != 2) {
        luaL_error(L, "xml.build: attributes of <%s> come second", name);
      } else if (first == LUA_TTABLE) {
        for (int a = 1; a <= (int)lua_objlen(L, child); a++) {
          lua_rawgeti(L, child, a);
          luaL_checktype(L, -1, LUA_TTABLE);
          lua_rawgeti(L, -1, 1);
          lua_rawgeti(L, -2, 2);
          check_pair(L, -2, -1, name);
          lua_pop(L, 3);
        }
      } else {
        int attrs = 0;
        for (lua_pushnil(L); lua_next(L, child); lua_pop(L, 1), attrs++) check_pair(L, -2, -1, name);
        if (attrs > ATTRS_CEILING)
          luaL_error(L, "xml.build: <%s> has more than %d attributes", name, ATTRS_CEILING);
      }
    } else if (kind != LUA_TSTRING && kind != LUA_TNUMBER) {
      luaL_error(L, "xml.build: <%s> holds a %s", name, luaL_typename(L, child));
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static const char *text_of(lua_State *L, int index, char *room, size_t bytes) {
  if (lua_type(L, index) == LUA_TBOOLEAN) return lua_toboolean(L, index) ? "true" : "false";
  if (lua_type(L, index) == LUA_TNUMBER) {
    lua_Number number = lua_tonumber(L, index);
    snprintf(room, bytes, number == floor(number) && fabs(number) < 1e15 ? "%.0f" : "%.14g", number);
    return room;
  }
  return lua_tostring(L, index);
}

static void put_attr(lua_State *L, cal_xml_writer *writer, int key, int value) {
  char room[40];
  cal_xml_put_attr(writer, lua_tostring(L, key), text_of(L, value, room, sizeof room));
}

typedef struct named {
  const char *name, *value; /* value NULL: it is in the room */
  char room[40];
} named;

static int by_name(const void *a, const void *b) {
  return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

/* A plain table has no order: its attributes are written alphabetically, so that equal tables give equal
 * documents. */
static void put_attrs(lua_State *L, cal_xml_writer *writer, int table) {
  if (is_list(L, table)) {
    for (int a = 1; a <= (int)lua_objlen(L, table); a++) {
      lua_rawgeti(L, table, a);
      lua_rawgeti(L, -1, 1);
      lua_rawgeti(L, -2, 2);
      put_attr(L, writer, lua_gettop(L) - 1, lua_gettop(L));
      lua_pop(L, 3);
    }
    return;
  }
  named attrs[ATTRS_CEILING];
  size_t count = 0;
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
    attrs[count].name = lua_tostring(L, -2);
    const char *value = text_of(L, lua_gettop(L), attrs[count].room, sizeof attrs[count].room);
    attrs[count].value = value == attrs[count].room ? NULL : value; /* the room moves when they are sorted */
    count++;
  }
  qsort(attrs, count, sizeof *attrs, by_name);
  for (size_t i = 0; i < count; i++)
    cal_xml_put_attr(writer, attrs[i].name, attrs[i].value ? attrs[i].value : attrs[i].room);
}

static void put_node(lua_State *L, cal_xml_writer *writer, int index) {
  lua_rawgeti(L, index, 1);
  cal_xml_open(writer, lua_tostring(L, -1));
  lua_pop(L, 1);
  int count = (int)lua_objlen(L, index);
  for (int i = 2; i <= count; i++) {
    lua_rawgeti(L, index, i);
    int child = lua_gettop(L);
    if (lua_type(L, child) == LUA_TTABLE) {
      lua_rawgeti(L, child, 1);
      int is_node = lua_type(L, -1) == LUA_TSTRING;
      lua_pop(L, 1);
      if (is_node)
        put_node(L, writer, child);
      else
        put_attrs(L, writer, child);
    } else {
      char room[40];
      cal_xml_put_text(writer, cal_span_of(text_of(L, child, room, sizeof room)));
    }
    lua_pop(L, 1);
  }
  cal_xml_close(writer);
}

static int build(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  int nodes = 0;
  check_node(L, 1, 1, &nodes);
  luaL_checkstack(L, CAL_XML_DEPTH * 8 + 16, "xml.build");
  cal_buf *document = cal_luax_buf(L, CAL_XML_BYTES);
  cal_xml_writer *writer = cal_xml_writer_new(document);
  put_node(L, writer, 1);
  int code = cal_xml_writer_end(writer);
  if (code) return cal_luax_refuse(L, code);
  lua_pushlstring(L, document->bytes ? document->data : "", document->bytes);
  cal_buf_free(document);
  return 1;
}

/* ---- parsing */

static int release_tree(lua_State *L) {
  cal_xml **tree = lua_touserdata(L, 1);
  *tree = cal_unref(*tree);
  return 0;
}

static void push_tree(lua_State *L, const cal_xml *element) {
  luaL_checkstack(L, 8, "xml.parse");
  lua_newtable(L);
  lua_pushstring(L, element->name);
  lua_setfield(L, -2, "name");
  lua_pushstring(L, element->text);
  lua_setfield(L, -2, "text");
  lua_newtable(L);
  for (const cal_xml_attr *attr = element->attrs; attr; attr = attr->next) {
    lua_pushstring(L, attr->value);
    lua_setfield(L, -2, attr->name);
  }
  lua_setfield(L, -2, "attrs");
  int place = 1;
  for (const cal_xml *child = element->children; child; child = child->next) {
    push_tree(L, child);
    lua_rawseti(L, -2, place++);
  }
}

static int parse(lua_State *L) {
  size_t bytes;
  const char *text = luaL_checklstring(L, 1, &bytes);
  cal_xml **tree = lua_newuserdata(L, sizeof *tree);
  *tree = NULL;
  luaL_getmetatable(L, "callisto.xml.tree");
  lua_setmetatable(L, -2);
  int code = cal_xml_parse(tree, text, bytes);
  if (code < 0) return cal_luax_refuse(L, code);
  push_tree(L, *tree);
  *tree = cal_unref(*tree);
  return 1;
}

int cal_lib_xml(lua_State *L) {
  luaL_newmetatable(L, "callisto.xml.tree");
  lua_pushcfunction(L, release_tree);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  static const luaL_Reg functions[] = {{"build", build}, {"parse", parse}, {NULL, NULL}};
  return cal_luax_module(L, functions);
}
