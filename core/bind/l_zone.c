/* callisto.zone: time zones with their summer time (data/zone.h). Instants are seconds since 1970, UTC; what
 * is behind the point of a second counts as no more than that second. A zone is read once in the life of the process;
 * everything else is a search in its table. */
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <string.h>

#include "bind/init.h"
#include "bind/luax.h"
#include "data/zone.h"

static int64_t check_instant(lua_State *L, int index) {
  lua_Number at = floor(luaL_checknumber(L, index));
  luaL_argcheck(L, at >= (lua_Number)CAL_ZONE_INSTANT_MIN + 86400 * 2, index,
                "seconds since 1970, not before the year 1");
  luaL_argcheck(L, at <= (lua_Number)CAL_ZONE_INSTANT_MAX - 86400 * 2, index,
                "seconds since 1970, not after the year 9999");
  return (int64_t)at;
}

static const char *check_name(lua_State *L) {
  size_t bytes;
  const char *name = luaL_checklstring(L, 1, &bytes);
  luaL_argcheck(L, strlen(name) == bytes, 1, "a name of a time zone has no zero bytes");
  return name;
}

/* offset(name, at) */
static int offset(lua_State *L) {
  const cal_zone *zone;
  const char *name = check_name(L);
  int64_t at = check_instant(L, 2);
  int code = cal_zone_find(&zone, name);
  if (code < 0) return cal_luax_refuse(L, code);
  cal_zone_period period = cal_zone_at(zone, at);
  lua_pushinteger(L, period.offset_s);
  lua_pushstring(L, period.abbreviation);
  lua_pushboolean(L, period.is_summer);
  return 3;
}

static void set_field(lua_State *L, const char *name, int value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

/* fields(name, at) */
static int fields(lua_State *L) {
  const cal_zone *zone;
  const char *name = check_name(L);
  int64_t at = check_instant(L, 2);
  int code = cal_zone_find(&zone, name);
  if (code < 0) return cal_luax_refuse(L, code);
  cal_zone_fields f = cal_zone_fields_at(zone, at);
  lua_createtable(L, 0, 7);
  set_field(L, "year", f.year);
  set_field(L, "month", f.month);
  set_field(L, "day", f.day);
  set_field(L, "hour", f.hour);
  set_field(L, "minute", f.minute);
  set_field(L, "second", f.second);
  set_field(L, "weekday", f.weekday);
  return 1;
}

static int get_field(lua_State *L, const char *name, int otherwise) {
  cal_luax_field(L, 2, name);
  if (!lua_isnil(L, -1) && !lua_isnumber(L, -1)) luaL_error(L, "zone.instant: `%s` must be a number", name);
  lua_Number value = lua_isnil(L, -1) ? otherwise : lua_tonumber(L, -1);
  if (value != floor(value) || value < -1 || value > 10000) value = -1; /* no field has it: refused below */
  lua_pop(L, 1);
  return (int)value;
}

/* instant(name, fields) */
static int instant(lua_State *L) {
  static const char *const fits[] = {[CAL_ZONE_GAP] = "gap", [CAL_ZONE_OVERLAP] = "overlap"};
  const cal_zone *zone;
  const char *name = check_name(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  cal_zone_fields f = {.year = get_field(L, "year", -1),
                       .month = get_field(L, "month", -1),
                       .day = get_field(L, "day", -1),
                       .hour = get_field(L, "hour", 0),
                       .minute = get_field(L, "minute", 0),
                       .second = get_field(L, "second", 0)};
  int64_t at;
  int code = cal_zone_find(&zone, name);
  if (code >= 0) code = cal_zone_instant(zone, &f, &at);
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushnumber(L, (lua_Number)at);
  lua_pushstring(L, fits[code]); /* NULL: nil */
  return 2;
}

int cal_lib_zone(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"offset", offset}, {"fields", fields}, {"instant", instant}, {NULL, NULL}};
  return cal_luax_module(L, functions);
}
