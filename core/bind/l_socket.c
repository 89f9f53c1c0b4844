/* callisto.core, what a service VM has for who comes in: the doors of new calls (io/doors.h), media sockets that come
 * before their call (io/lobby.h), and what is said on a call's socket besides audio. */
#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "bind/l_core.h"
#include "script/live_call.h"
#include "io/doors.h"
#include "io/lobby.h"
#include "data/jscan.h"

#define TEXT_CEILING 65536
#define FIRST_CEILING 8 /* text messages that may be waited for */

static cal_reach *reach_of(lua_State *L) { return cal_context_of(L)->reach; }

const char *cal_core_json(lua_State *L, int index, const char *field) {
  const char *text = cal_luax_text(L, index, field);
  if (!text) return NULL;
  size_t bytes = strlen(text);
  if (bytes > CAL_WIRE_BYE_BYTES) luaL_error(L, "`%s` has more than %d bytes", field, CAL_WIRE_BYE_BYTES);
  if (cal_jscan_validate(text, bytes)) luaL_error(L, "`%s` is not JSON: %s", field, cal_error_text());
  return text;
}

/* sockets{ {path = "/ws/genesys/", most = 10, first = 1, lines = "lines of genesys", lines_most = 4}, … } */
static int sockets(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  for (size_t i = 1; i <= lua_objlen(L, 1); i++) {
    lua_rawgeti(L, 1, (int)i);
    luaL_argcheck(L, lua_istable(L, 2), 1, "a list of { path, most, first }");
    const char *path = cal_luax_text_needed(L, 2, "path");
    cal_prefix_about about = {.most = (uint32_t)cal_luax_number(L, 2, "most", 10, 0, 100000),
                              .first = (uint32_t)cal_luax_number(L, 2, "first", 1, 0, FIRST_CEILING),
                              .lines = cal_luax_text(L, 2, "lines"),
                              .lines_most = (uint32_t)cal_luax_number(L, 2, "lines_most", 0, 0, 100000),
                              .sub_protocol = cal_luax_text(L, 2, "sub_protocol")};
    int code = cal_prefixes_declare(reach_of(L)->prefixes, path, &about);
    if (code < 0) return cal_luax_refuse(L, code);
    lua_settop(L, 1);
  }
  lua_pushboolean(L, 1);
  return 1;
}

static cal_door_kind kind_of_door(lua_State *L, int index) {
  const char *kind = cal_luax_text_needed(L, index, "kind");
  if (!strcmp(kind, "begins")) return CAL_DOOR_BEGINS;
  if (!strcmp(kind, "tells")) return CAL_DOOR_TELLS;
  luaL_error(L, "`kind` is '%s'; 'begins' and 'tells' are possible", kind);
  return CAL_DOOR_ASKS;
}

/* What marks a request as news. */
static void read_news(lua_State *L, int index, cal_door *door) {
  lua_getfield(L, index, "news");
  size_t count = lua_istable(L, -1) ? lua_objlen(L, -1) : 0;
  if (count > CAL_DOOR_NEWS) luaL_error(L, "`news` has more than %d texts", CAL_DOOR_NEWS);
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, -1, (int)i + 1);
    const char *text = luaL_checkstring(L, -1);
    if (!*text || strlen(text) >= CAL_DOOR_NEWS_BYTES)
      luaL_error(L, "a text of `news` has 1 to %d bytes", CAL_DOOR_NEWS_BYTES - 1);
    snprintf(door->news[i], sizeof door->news[i], "%s", text);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static void read_call(lua_State *L, int index, cal_door *door) {
  const char *name = cal_luax_text(L, index, "call");
  if (name && strlen(name) >= sizeof door->call)
    luaL_error(L, "`call` has more than %d bytes", (int)sizeof door->call - 1);
  if (name) snprintf(door->call, sizeof door->call, "%s", name);
}

/* What comes there, and the words in which it is turned away. */
static cal_door door_of(lua_State *L, int index) {
  size_t bytes = 0;
  cal_door door = {.kind = kind_of_door(L, index),
                   .patience_ms = (uint32_t)(1000 * cal_luax_number(L, index, "patience", 10, 0.1, 600)),
                   .status = (int)cal_luax_number(L, index, "status", 503, 200, 599)};
  const char *type = cal_luax_text(L, index, "type");
  if (type && strlen(type) >= sizeof door.content_type)
    luaL_error(L, "`type` has more than %d bytes", (int)sizeof door.content_type - 1);
  snprintf(door.content_type, sizeof door.content_type, "%s", type ? type : "text/plain");
  lua_getfield(L, index, "body");
  const char *body = lua_tolstring(L, -1, &bytes);
  if (bytes > sizeof door.body) luaL_error(L, "`body` has more than %d bytes", (int)sizeof door.body);
  if (body) memcpy(door.body, body, bytes);
  door.body_bytes = (uint32_t)bytes;
  lua_pop(L, 1);
  read_news(L, index, &door);
  read_call(L, index, &door);
  return door;
}

/* doors{ {path = "/twilio/answer", kind = "begins", method, patience = 15, status = 200, type = "text/xml", body = "…",
 * news = {"CallStatus=completed"}, call = "call"}, … } */
static int doors(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  for (size_t i = 1; i <= lua_objlen(L, 1); i++) {
    lua_rawgeti(L, 1, (int)i);
    luaL_argcheck(L, lua_istable(L, 2), 1,
                  "a list of { path, kind, method, patience, status, type, body, news, call }");
    cal_door door = door_of(L, 2);
    const char *method = cal_luax_text(L, 2, "method"), *path = cal_luax_text_needed(L, 2, "path");
    int code = cal_doors_declare(reach_of(L)->doors, method, path, &door);
    if (code < 0) return cal_luax_refuse(L, code);
    lua_settop(L, 1);
  }
  lua_pushboolean(L, 1);
  return 1;
}

void cal_core_take_socket(lua_State *L, cal_id socket, const char *name) {
  cal_live_call *call = cal_live_call_named(cal_context_of(L)->host, name);
  if (!call) return;
  cal_command command = {
      .kind = CAL_COMMAND_SOCKET_TAKE, .target = socket, .object = cal_ref(call->parties[0].call)};
  cal_reach_command(reach_of(L), &command);
}

/* socket_proven(number, is_proven) */
static int socket_proven(lua_State *L) {
  cal_id socket = cal_luax_check_id(L, 1);
  luaL_checktype(L, 2, LUA_TBOOLEAN);
  cal_command command = {
      .kind = CAL_COMMAND_SOCKET_PROVEN, .target = socket, .flags = lua_toboolean(L, 2) ? CAL_COMMAND_ON : 0};
  cal_reach_command(reach_of(L), &command);
  return 0;
}

/* socket_refuse(number, {code, reason, text, wire}) */
static int socket_refuse(lua_State *L) {
  cal_id socket = cal_luax_check_id(L, 1);
  const char *text = NULL, *reason = NULL;
  cal_wire *wire = NULL;
  int code = 1008;
  lua_settop(L, 2);
  if (!lua_isnil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    text = cal_luax_text(L, 2, "text");
    reason = cal_luax_text(L, 2, "reason");
    code = (int)cal_luax_number(L, 2, "code", 1008, 1000, 4999);
    lua_getfield(L, 2, "wire");
    if (!lua_isnil(L, -1)) wire = cal_core_check_wire(L, -1);
  }
  luaL_argcheck(L, !text || strlen(text) <= TEXT_CEILING, 2, "`text` has at most 64 KiB");
  cal_command command = {.kind = CAL_COMMAND_SOCKET_REFUSE,
                         .target = socket,
                         .object = cal_refusal_new(text, wire, code, reason)};
  cal_reach_command(reach_of(L), &command);
  return 0;
}

static int to_leg(lua_State *L, cal_command command) {
  cal_live_call *call = cal_live_call_named(cal_context_of(L)->host, luaL_checkstring(L, 1));
  if (call)
    cal_party_command(call->parties[0].call, &command);
  else
    cal_command_drop(&command);
  return 0;
}

static int leg_text(lua_State *L) {
  luaL_checkstring(L, 1);
  const char *text = luaL_checkstring(L, 2);
  luaL_argcheck(L, strlen(text) <= TEXT_CEILING, 2, "a text has at most 64 KiB");
  return to_leg(
      L,
      (cal_command){.kind = CAL_COMMAND_LEG_TEXT, .flags = CAL_COMMAND_NUMBERED, .text = cal_strdup(text)});
}

static int leg_bye(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_settop(L, 2);
  lua_createtable(L, 0, 1);
  lua_pushvalue(L, 2);
  lua_setfield(L, 3, "bye");
  const char *json = cal_core_json(L, 3, "bye");
  luaL_argcheck(L, json != NULL, 2, "JSON");
  return to_leg(L, (cal_command){.kind = CAL_COMMAND_LEG_BYE, .text = cal_strdup(json)});
}

void cal_core_add_sockets(lua_State *L) {
  cal_luax_set(L, "doors", doors);
  cal_luax_set(L, "sockets", sockets);
  cal_luax_set(L, "socket_proven", socket_proven);
  cal_luax_set(L, "socket_refuse", socket_refuse);
  cal_luax_set(L, "leg_text", leg_text);
  cal_luax_set(L, "leg_bye", leg_bye);
}
