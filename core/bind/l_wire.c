/* A media declaration in Lua, read into a cal_wire_spec and compiled (call/wire.h). */
#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "bind/l_core.h"
#include "bind/lib.h"
#include "call/wire.h"

#define WIRE_TYPE "callisto.wire"

static int release(lua_State *L) {
  cal_wire **wire = lua_touserdata(L, 1);
  *wire = cal_unref(*wire);
  return 0;
}

/* Pushes the rule table and returns 1, or nothing and returns 0. The table stays reachable from the declaration. */
static int enter(lua_State *L, const char *rule) {
  lua_getfield(L, 1, rule);
  if (lua_istable(L, -1)) return 1;
  if (!lua_isnil(L, -1)) luaL_error(L, "media.%s must be a table", rule);
  lua_pop(L, 1);
  return 0;
}

/* A field that is a path, or {path, what must be there}. */
static const char *path_of(lua_State *L, const char *field, const char **text, int64_t *number) {
  lua_getfield(L, -1, field);
  const char *path = NULL;
  if (lua_istable(L, -1)) {
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    path = lua_tostring(L, -2);
    if (text) *text = lua_tostring(L, -1);
    if (number) *number = (int64_t)lua_tonumber(L, -1);
    lua_pop(L, 2);
  } else if (!lua_isnil(L, -1)) {
    path = luaL_checkstring(L, -1);
  }
  lua_pop(L, 1);
  return path;
}

static cal_encoding check_encoding(lua_State *L, const char *field, int *was_given) {
  const char *name = cal_core_text(L, 1, field);
  cal_encoding encoding = CAL_PCMU;
  if (was_given) *was_given = name != NULL;
  if (!name) return encoding;
  int found = cal_encoding_named(&encoding, name);
  if (found < 0) luaL_error(L, "media.%s is \"%s\"; pcmu, pcma, l16le and l16be are known", field, name);
  return encoding;
}

int cal_core_wire(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  cal_wire_spec spec = {.name = cal_core_text_needed(L, 1, "name")};
  spec.encoding = check_encoding(L, "encoding", NULL);
  spec.encoding_out = check_encoding(L, "encoding_out", &spec.has_encoding_out);
  spec.rate_hz = (uint32_t)cal_core_number(L, 1, "rate", 8000, 8000, 48000);
  spec.frame_ms = (uint32_t)cal_core_number(L, 1, "frame_ms", 20, 10, 200);
  spec.is_binary_in = cal_core_flag(L, 1, "binary_in");
  spec.is_binary_out = cal_core_flag(L, 1, "binary_out");
  spec.event_path = cal_core_text(L, 1, "event");
  spec.chunk_min_bytes = (uint32_t)cal_core_number(L, 1, "chunk_min", 0, 0, 65536);
  spec.chunk_multiple_bytes = (uint32_t)cal_core_number(L, 1, "chunk_multiple", 0, 0, 65536);
  spec.audio_out = cal_core_text(L, 1, "audio_out");
  spec.mark_out = cal_core_text(L, 1, "mark_out");
  spec.clear_out = cal_core_text(L, 1, "clear");
  spec.dtmf_out = cal_core_text(L, 1, "dtmf_out");
  spec.stop_out = cal_core_text(L, 1, "stop_out");
  if (enter(L, "audio_in")) {
    int rule = lua_gettop(L);
    spec.audio.event = cal_core_text(L, rule, "event");
    spec.audio.payload = cal_core_text(L, rule, "payload");
    spec.audio.when_path = path_of(L, "when", &spec.audio.when_text, NULL);
    lua_pop(L, 1);
  }
  if (enter(L, "start_in")) {
    int rule = lua_gettop(L);
    spec.start.event = cal_core_text(L, rule, "event");
    spec.start.stream = cal_core_text(L, rule, "stream");
    spec.start.call = cal_core_text(L, rule, "call");
    spec.start.encoding = path_of(L, "encoding", &spec.start.encoding_text, NULL);
    spec.start.rate = path_of(L, "rate", NULL, &spec.start.rate_expected);
    lua_pop(L, 1);
  }
  if (enter(L, "mark_in")) {
    spec.mark.event = cal_core_text(L, lua_gettop(L), "event");
    spec.mark.name = cal_core_text(L, lua_gettop(L), "name");
    lua_pop(L, 1);
  }
  if (enter(L, "dtmf_in")) {
    spec.dtmf.event = cal_core_text(L, lua_gettop(L), "event");
    spec.dtmf.digit = cal_core_text(L, lua_gettop(L), "digit");
    lua_pop(L, 1);
  }
  if (enter(L, "stop_in")) {
    spec.stop.event = cal_core_text(L, lua_gettop(L), "event");
    lua_pop(L, 1);
  }
  if (enter(L, "clear_in")) {
    spec.clear.event = cal_core_text(L, lua_gettop(L), "event");
    lua_pop(L, 1);
  }
  cal_wire **wire = lua_newuserdata(L, sizeof *wire);
  *wire = NULL;
  if (luaL_newmetatable(L, WIRE_TYPE)) {
    lua_pushcfunction(L, release);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  if (cal_wire_compile(wire, &spec) < 0) return luaL_error(L, "%s", cal_error_text());
  return 1;
}

cal_wire *cal_core_check_wire(lua_State *L, int index) {
  cal_wire **wire = luaL_checkudata(L, index, WIRE_TYPE);
  return *wire;
}
