/* callisto.json: JSON by yajl, with arrays that stay arrays.
 *
 * Reading changes nothing in silence: a field that is null is absent, as a script expects, unless it asks for nulls; a
 * whole number that a Lua number would round is its text.
 *
 * Both ways look at the entry's budget with every value. What is written has a ceiling: a table may hold the same one many
 * times over, so its text may be larger than any memory. */
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>

#include "bind/init.h"
#include "base/error.h"
#include "bind/luax.h"
#include "data/json_strict.h"
#include "data/utf8.h"
#include "script/lua_value.h"
#include "vm/vm.h"

#define DEPTH_CEILING 64
#define TEXT_CEILING (8u << 20) /* of what is written */

/* ---- decoding: the value under construction is on top of the stack; each open container below it */

typedef struct decoder {
  lua_State *L;
  cal_json_reading how;
  int depth;
  struct {
    int is_array, next;
  } open[DEPTH_CEILING];
  const char *refusal;
} decoder;

static int refuse(decoder *d, const char *why) {
  d->refusal = why;
  return 0;
}

/* The new value is on top: stores it in the container below. A map's key lies between the two. */
static int place(decoder *d) {
  cal_vm_check_budget(d->L);
  if (!d->depth) return 1;
  if (d->open[d->depth - 1].is_array)
    lua_rawseti(d->L, -2, d->open[d->depth - 1].next++);
  else
    lua_rawset(d->L, -3);
  return 1;
}

static int on_null(void *context) {
  decoder *d = context;
  if (d->depth && !d->open[d->depth - 1].is_array && !d->how.keeps_nulls) {
    lua_pop(d->L, 1); /* its key */
    return 1;
  }
  lua_pushlightuserdata(d->L, NULL);
  return place(d);
}

static int on_boolean(void *context, int value) {
  decoder *d = context;
  lua_pushboolean(d->L, value);
  return place(d);
}

/* From here on whole numbers have neighbours that a double cannot tell from them. */
#define INEXACT 9007199254740992.0 /* 2^53 */

static int is_whole(const char *text, size_t bytes) {
  for (size_t i = 0; i < bytes; i++)
    if (text[i] == '.' || text[i] == 'e' || text[i] == 'E') return 0;
  return 1;
}

static int on_number(void *context, const char *text, size_t bytes) {
  decoder *d = context;
  lua_pushlstring(d->L, text, bytes);
  double number = strtod(lua_tostring(d->L, -1), NULL);
  if (fabs(number) >= INEXACT && !d->how.rounds && is_whole(text, bytes)) return place(d);
  if (isinf(number)) return refuse(d, "a number is too large");
  lua_pop(d->L, 1);
  lua_pushnumber(d->L, number);
  return place(d);
}

static int on_string(void *context, const unsigned char *text, size_t bytes) {
  decoder *d = context;
  lua_pushlstring(d->L, (const char *)text, bytes);
  return place(d);
}

static int on_key(void *context, const unsigned char *text, size_t bytes) {
  decoder *d = context;
  lua_pushlstring(d->L, (const char *)text, bytes);
  return 1;
}

static int open_container(decoder *d, int is_array) {
  if (d->depth == DEPTH_CEILING) return refuse(d, "it is nested deeper than 64 levels");
  d->open[d->depth].is_array = is_array;
  d->open[d->depth].next = 1;
  d->depth++;
  lua_newtable(d->L);
  if (is_array) {
    cal_lua_push_list_metatable(d->L);
    lua_setmetatable(d->L, -2);
  }
  return 1;
}

static int close_container(void *context) {
  decoder *d = context;
  d->depth--;
  return place(d);
}

static int on_map(void *context) { return open_container(context, 0); }
static int on_array(void *context) { return open_container(context, 1); }

static const yajl_callbacks callbacks = {.yajl_null = on_null,
                                         .yajl_boolean = on_boolean,
                                         .yajl_number = on_number,
                                         .yajl_string = on_string,
                                         .yajl_start_map = on_map,
                                         .yajl_map_key = on_key,
                                         .yajl_end_map = close_container,
                                         .yajl_start_array = on_array,
                                         .yajl_end_array = close_container};

/* yajl's handles live in userdata, because a Lua error (out of memory) jumps out of the middle. */
static int free_parser(lua_State *L) {
  yajl_handle *handle = lua_touserdata(L, 1);
  if (*handle) yajl_free(*handle);
  *handle = NULL;
  return 0;
}

static int free_generator(lua_State *L) {
  yajl_gen *generator = lua_touserdata(L, 1);
  if (*generator) yajl_gen_free(*generator);
  *generator = NULL;
  return 0;
}

static int refuse_text(lua_State *L, const decoder *d, yajl_handle handle) {
  char text[160];
  if (d->refusal) {
    snprintf(text, sizeof text, "%s", d->refusal);
  } else {
    unsigned char *why = yajl_get_error(handle, 0, NULL, 0);
    snprintf(text, sizeof text, "not JSON at byte %zu: %.*s", yajl_get_bytes_consumed(handle),
             (int)strcspn((char *)why, "\n"), why);
    yajl_free_error(handle, why);
  }
  lua_pushnil(L);
  lua_pushstring(L, text);
  return 2;
}

/* The text as yajl may have it; a copy lies on the stack when there had to be one. */
static const char *mended(lua_State *L, const char *text, size_t bytes) {
  if (!cal_json_strict_has_surrogates(text, bytes)) return text;
  char *copy = lua_newuserdata(L, bytes);
  memcpy(copy, text, bytes);
  cal_json_strict_mend(copy, bytes);
  return copy;
}

int cal_lib_json_decode(lua_State *L, const char *text, size_t bytes, cal_json_reading how) {
  luaL_checkstack(L, DEPTH_CEILING * 2 + 8, "json");
  if (cal_json_strict_check(text, bytes) < 0) {
    lua_pushnil(L);
    lua_pushstring(L, cal_error_text());
    return 2;
  }
  text = mended(L, text, bytes);
  decoder d = {.L = L, .how = how};
  yajl_handle *handle = lua_newuserdata(L, sizeof *handle);
  *handle = NULL;
  luaL_getmetatable(L, "callisto.json.parser");
  lua_setmetatable(L, -2);
  int base = lua_gettop(L), count = 1;
  *handle = yajl_alloc(&callbacks, NULL, &d);
  yajl_status status = yajl_parse(*handle, (const unsigned char *)text, bytes);
  if (status == yajl_status_ok) status = yajl_complete_parse(*handle);
  if (status != yajl_status_ok || lua_gettop(L) != base + 1) {
    lua_settop(L, base);
    count = refuse_text(L, &d, *handle);
  }
  /* Now, and not when the collector comes by, which knows nothing of its size. */
  yajl_free(*handle);
  *handle = NULL;
  return count;
}

static int decode(lua_State *L) {
  size_t bytes;
  const char *text = luaL_checklstring(L, 1, &bytes);
  cal_json_reading how = {0};
  if (!lua_isnoneornil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    how.keeps_nulls = cal_luax_flag(L, 2, "nulls");
    how.rounds = cal_luax_flag(L, 2, "rounds");
  }
  return cal_lib_json_decode(L, text, bytes, how);
}

/* ---- encoding */

static void encode_value(lua_State *L, yajl_gen g, int index, int depth);

/* yajl's way out. It goes on when the room is used up; encode_value does not. */
static void write_text(void *context, const char *text, size_t bytes) {
  cal_buf *into = context;
  if (cal_buf_append(into, text, bytes)) into->ceiling = 0;
}

static int is_array(lua_State *L, int index, int *length) {
  *length = (int)lua_objlen(L, index);
  if (*length > 0) {
    int entries = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) entries++;
    if (entries != *length)
      luaL_error(L,
                 "json.encode: a table is neither a list nor an object: it has keys of both kinds, or holes");
    return 1;
  }
  if (!lua_getmetatable(L, index)) return 0;
  cal_lua_push_list_metatable(L);
  int same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  if (!same) return 0;
  lua_pushnil(L);
  if (lua_next(L, index)) luaL_error(L, "json.encode: an array may only have keys 1, 2, 3 …");
  return 1;
}

/* yajl's own look at UTF-8 lets overlong forms and surrogates pass. */
static void encode_text(lua_State *L, yajl_gen g, cal_span text) {
  if (cal_utf8_valid_bytes(text.at, text.bytes) < text.bytes)
    luaL_error(L, "json.encode: a string is not UTF-8");
  yajl_gen_string(g, (const unsigned char *)text.at, text.bytes);
}

typedef struct key {
  cal_span text; /* kept alive by the table of texts */
  int place;     /* of the key itself */
} key;

static int compare_keys(const void *a, const void *b) {
  const cal_span *left = &((const key *)a)->text, *right = &((const key *)b)->text;
  int order = memcmp(left->at, right->at, left->bytes < right->bytes ? left->bytes : right->bytes);
  return order ? order : (left->bytes > right->bytes) - (left->bytes < right->bytes);
}

/* Pushes the keys, their texts, and the sorted list of both; how many. */
static int sort_keys(lua_State *L, int index, key **sorted) {
  int count = 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) count++;
  lua_createtable(L, count, 0);
  lua_createtable(L, count, 0);
  int keys = lua_gettop(L) - 1, texts = keys + 1, place = 0;
  *sorted = lua_newuserdata(L, (size_t)count * sizeof **sorted + 1);
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    int type = lua_type(L, -2);
    if (type != LUA_TSTRING && type != LUA_TNUMBER)
      luaL_error(L, "json.encode: an object's key must be a string, not a %s", lua_typename(L, type));
    key *each = &(*sorted)[place];
    each->place = ++place;
    lua_pushvalue(L, -2);
    lua_rawseti(L, keys, place);
    lua_pushvalue(L, -2); /* a copy, because turning a key into text would confuse lua_next */
    each->text.at = lua_tolstring(L, -1, &each->text.bytes);
    lua_rawseti(L, texts, place);
  }
  if (count) qsort(*sorted, (size_t)count, sizeof **sorted, compare_keys);
  return count;
}

/* Keys are written in order, so that equal tables give equal text. */
static void encode_object(lua_State *L, yajl_gen g, int index, int depth) {
  key *sorted;
  int keys = lua_gettop(L) + 1, count = sort_keys(L, index, &sorted);
  yajl_gen_map_open(g);
  for (int i = 0; i < count; i++) {
    encode_text(L, g, sorted[i].text);
    lua_rawgeti(L, keys, sorted[i].place);
    lua_rawget(L, index);
    encode_value(L, g, lua_gettop(L), depth + 1);
    lua_pop(L, 1);
  }
  yajl_gen_map_close(g);
  lua_settop(L, keys - 1);
}

static void encode_table(lua_State *L, yajl_gen g, int index, int depth) {
  if (depth >= DEPTH_CEILING)
    luaL_error(L, "json.encode: nested deeper than %d levels (a cycle?)", DEPTH_CEILING);
  luaL_checkstack(L, 12, "json.encode");
  int length;
  if (!is_array(L, index, &length)) {
    encode_object(L, g, index, depth);
    return;
  }
  yajl_gen_array_open(g);
  for (int i = 1; i <= length; i++) {
    lua_rawgeti(L, index, i);
    encode_value(L, g, lua_gettop(L), depth + 1);
    lua_pop(L, 1);
  }
  yajl_gen_array_close(g);
}

static void encode_number(lua_State *L, yajl_gen g, double number) {
  char text[40];
  if (isnan(number) || isinf(number)) luaL_error(L, "json.encode: %f is not a JSON number", number);
  if (number == floor(number) && fabs(number) < 1e15)
    snprintf(text, sizeof text, "%.0f", number);
  else
    snprintf(text, sizeof text, "%.17g", number);
  if (strtod(text, NULL) == number && strchr(text, '.')) { /* the shortest text that reads back the same */
    for (int digits = 1; digits < 17; digits++) {
      char shorter[40];
      snprintf(shorter, sizeof shorter, "%.*g", digits, number);
      if (strtod(shorter, NULL) == number) {
        memcpy(text, shorter, sizeof text);
        break;
      }
    }
  }
  yajl_gen_number(g, text, strlen(text));
}

/* What yajl has written so far is in the buffer at 2. */
static void check_room(lua_State *L) {
  const cal_buf *into = lua_touserdata(L, 2);
  if (!into->ceiling) luaL_error(L, "json.encode: the text has more than %d bytes", (int)TEXT_CEILING);
}

static void encode_value(lua_State *L, yajl_gen g, int index, int depth) {
  cal_span text;
  cal_vm_check_budget(L);
  check_room(L);
  switch (lua_type(L, index)) {
  case LUA_TNIL:
    yajl_gen_null(g);
    break;
  case LUA_TBOOLEAN:
    yajl_gen_bool(g, lua_toboolean(L, index));
    break;
  case LUA_TNUMBER:
    encode_number(L, g, lua_tonumber(L, index));
    break;
  case LUA_TSTRING:
    text.at = lua_tolstring(L, index, &text.bytes);
    encode_text(L, g, text);
    break;
  case LUA_TLIGHTUSERDATA:
    if (lua_touserdata(L, index)) luaL_error(L, "json.encode: cannot write a userdata");
    yajl_gen_null(g);
    break;
  case LUA_TTABLE:
    encode_table(L, g, index, depth);
    break;
  default:
    luaL_error(L, "json.encode: cannot write a %s", luaL_typename(L, index));
  }
}

static int encode(lua_State *L) {
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  cal_buf *into = cal_luax_buf(L, TEXT_CEILING);
  yajl_gen *generator = lua_newuserdata(L, sizeof *generator);
  *generator = NULL;
  luaL_getmetatable(L, "callisto.json.generator");
  lua_setmetatable(L, -2);
  *generator = yajl_gen_alloc(NULL);
  yajl_gen_config(*generator, yajl_gen_print_callback, write_text, into);
  encode_value(L, *generator, 1, 0);
  check_room(L);
  yajl_gen_free(*generator);
  *generator = NULL;
  lua_pushlstring(L, into->data, into->bytes);
  cal_buf_free(into);
  return 1;
}

static int array(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  cal_lua_push_list_metatable(L);
  lua_setmetatable(L, 1);
  return 1;
}

static void make_metatable(lua_State *L, const char *name, lua_CFunction collect) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, collect);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}

int cal_lib_json(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"encode", encode}, {"decode", decode}, {"array", array}, {NULL, NULL}};
  make_metatable(L, "callisto.json.parser", free_parser);
  make_metatable(L, "callisto.json.generator", free_generator);
  lua_createtable(L, 0, 8);
  for (const luaL_Reg *f = functions; f->name; f++) {
    lua_pushcfunction(L, f->func);
    lua_setfield(L, -2, f->name);
  }
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  cal_lua_push_list_metatable(L);
  lua_setfield(L, -2, "array_mt");
  return 1;
}
