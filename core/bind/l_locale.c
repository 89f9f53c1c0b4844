/* callisto.locale: words of a language for numbers, money and dates, and the letters of a text (data/locale.h). What a
 * language lacks is nil, a message and "ENOTSUP". The first use of a language on a thread takes a few milliseconds. */
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <string.h>

#include "bind/init.h"
#include "bind/luax.h"
#include "data/locale.h"

#define TEXT_CEILING 4096 /* of what is taken apart into letters: more than a sentence may have */

static const char *check_text(lua_State *L, int index) {
  size_t bytes;
  const char *text = luaL_checklstring(L, index, &bytes);
  luaL_argcheck(L, strlen(text) == bytes, index, "has no zero bytes");
  return text;
}

static int give(lua_State *L, const char *text, int bytes) {
  if (bytes < 0) return cal_luax_refuse(L, bytes);
  lua_pushlstring(L, text, (size_t)bytes);
  return 1;
}

/* spell(tag, value, how) */
static int spell(lua_State *L) {
  static const char *const names[] = {"number", "masculine", "feminine", "neuter", "ordinal", "year", NULL};
  char text[CAL_LOCALE_ROOM];
  const char *tag = check_text(L, 1);
  lua_Number value = luaL_checknumber(L, 2);
  cal_spelling how = (cal_spelling)luaL_checkoption(L, 3, "number", names);
  return give(L, text, cal_locale_spell(text, sizeof text, tag, how, value));
}

/* currency(tag, code, amount) */
static int currency(lua_State *L) {
  char text[CAL_LOCALE_ROOM];
  const char *tag = check_text(L, 1), *code = check_text(L, 2);
  luaL_argcheck(L, strlen(code) == 3, 2, "must be three letters, such as \"INR\"");
  return give(L, text, cal_locale_currency(text, sizeof text, tag, code, luaL_checknumber(L, 3)));
}

static int get_field(lua_State *L, const char *name, int least, int most, int otherwise) {
  return (int)cal_luax_number(L, 3, name, otherwise, least, most);
}

/* date(tag, pattern, fields, is_skeleton) */
static int date(lua_State *L) {
  char text[CAL_LOCALE_ROOM];
  const char *tag = check_text(L, 1), *pattern = check_text(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  cal_zone_fields fields = {.year = get_field(L, "year", 1, 9999, 2000),
                            .month = get_field(L, "month", 1, 12, 1),
                            .day = get_field(L, "day", 1, 31, 1),
                            .hour = get_field(L, "hour", 0, 23, 0),
                            .minute = get_field(L, "minute", 0, 59, 0)};
  return give(L, text, cal_locale_date(text, sizeof text, tag, pattern, lua_toboolean(L, 4), &fields));
}

/* letters(text) */
static int letters(lua_State *L) {
  uint32_t ends[TEXT_CEILING];
  cal_span text = cal_luax_check_span(L, 1);
  luaL_argcheck(L, text.bytes <= TEXT_CEILING, 1, "at most 4,096 bytes");
  int count = cal_locale_letters(ends, TEXT_CEILING, text.at, text.bytes);
  if (count < 0) return cal_luax_refuse(L, count);
  lua_createtable(L, count, 0);
  for (int i = 0; i < count; i++) {
    uint32_t from = i ? ends[i - 1] : 0;
    lua_pushlstring(L, (const char *)text.at + from, ends[i] - from);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

int cal_lib_locale(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"spell", spell}, {"currency", currency}, {"date", date}, {"letters", letters}, {NULL, NULL}};
  return cal_luax_module(L, functions);
}
