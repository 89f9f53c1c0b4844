#include "script/deliver.h"

#include <lauxlib.h>
#include <string.h>

#include "base/error.h"
#include "script/context.h"
#include "io/lobby.h"
#include "net/message.h"
#include "script/lua_value.h"
#include "store/store.h"

static void put(lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text ? text : "");
  lua_setfield(L, -2, name);
}

static void push_message(lua_State *L, const cal_http_message *message, int is_request) {
  lua_newtable(L);
  if (is_request) {
    put(L, "method", message->method);
    put(L, "target", message->url);
    put(L, "path", message->path);
    put(L, "query", message->query);
    put(L, "peer", message->peer);
  } else {
    lua_pushinteger(L, message->status);
    lua_setfield(L, -2, "status");
  }
  lua_newtable(L);
  for (size_t i = 0; i < message->header_count; i++) {
    lua_pushstring(L, message->headers[i].value);
    lua_setfield(L, -2, message->headers[i].name);
  }
  lua_setfield(L, -2, "headers");
  lua_pushlstring(L, message->body ? message->body : "", message->body_bytes);
  lua_setfield(L, -2, "body");
  if (!message->stream) return;
  lua_pushnumber(L, (lua_Number)message->stream);
  lua_setfield(L, -2, "stream");
}

/* A media socket that asks for its call: the upgrade, and the first texts that came on it. */
static void push_upgrade(lua_State *L, const cal_http_message *message, cal_lobby_asks asks) {
  static const char *const names[] = {
      [CAL_LOBBY_PROOF] = "proof", [CAL_LOBBY_CALL] = "call", [CAL_LOBBY_WORDS] = "words"};
  push_message(L, message, 1);
  lua_pushstring(L, names[asks]);
  lua_setfield(L, -2, "asks");
  lua_pushnil(L);
  lua_setfield(L, -2, "body");
  lua_newtable(L);
  int count = 0;
  for (size_t at = 0; at < message->body_bytes;) {
    size_t bytes = strlen(message->body + at);
    lua_pushlstring(L, message->body + at, bytes);
    lua_rawseti(L, -2, ++count);
    at += bytes + 1;
  }
  lua_setfield(L, -2, "first");
}

static void push_value(lua_State *L, const cal_store_value *value) {
  switch (value->type) {
  case CAL_STORE_NULL:
    lua_pushnil(L);
    break;
  case CAL_STORE_INTEGER:
    lua_pushnumber(L, (lua_Number)value->integer);
    break;
  case CAL_STORE_REAL:
    lua_pushnumber(L, value->real);
    break;
  case CAL_STORE_TEXT:
  case CAL_STORE_BLOB:
    lua_pushlstring(L, value->bytes.at ? value->bytes.at : "", value->bytes.bytes);
    break;
  }
}

/* The rows, or nil, why and the error's name. */
static int push_rows(lua_State *L, const cal_store_result *result) {
  if (result->code) {
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", cal_error_name(result->code), result->error);
    lua_pushstring(L, cal_error_name(result->code));
    return 3;
  }
  lua_newtable(L);
  for (uint32_t row = 0; row < result->rows; row++) {
    lua_newtable(L);
    for (uint32_t column = 0; column < result->columns; column++) {
      push_value(L, &result->values[row * result->columns + column]);
      lua_setfield(L, -2, result->names[column]);
    }
    lua_rawseti(L, -2, (int)row + 1);
  }
  lua_pushnumber(L, (lua_Number)result->changes);
  lua_setfield(L, -2, "affected");
  return 1;
}

/* The message, or nil, why, the error's name and whether the request may have reached the peer. */
static int push_answer(lua_State *L, const cal_event *event) {
  if (event->message) {
    push_message(L, event->message, 0);
    return 1;
  }
  const char *code = cal_error_name(event->code);
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", code, event->text ? event->text : "");
  lua_pushstring(L, code);
  lua_pushboolean(L, event->flags & CAL_EVENT_SENT);
  return 4;
}

/* One value of an event's fields. Some push nothing, some more than one: how many. */
static int push_field(lua_State *L, const cal_event *event, const cal_event_field *field) {
  char key = (char)event->number;
  switch (field->kind) {
  case CAL_FIELD_CALL:
    lua_pushstring(L, event->name);
    return 1;
  case CAL_FIELD_SOURCE:
    lua_pushnumber(L, (lua_Number)event->source);
    return 1;
  case CAL_FIELD_PARTY:
    lua_pushinteger(L, event->party);
    return 1;
  case CAL_FIELD_UTTERANCE:
    lua_pushinteger(L, (lua_Integer)event->utterance);
    return 1;
  case CAL_FIELD_WORD:
    lua_pushstring(L, field->name);
    return 1;
  case CAL_FIELD_NUMBER:
    lua_pushnumber(L, (lua_Number)event->number);
    return 1;
  case CAL_FIELD_KEY:
    lua_pushlstring(L, &key, 1);
    return 1;
  case CAL_FIELD_TEXT:
    lua_pushstring(L, event->text ? event->text : "");
    return 1;
  case CAL_FIELD_FLAG:
    lua_pushboolean(L, (event->flags & field->flag) != 0);
    return 1;
  case CAL_FIELD_ERROR:
    if (event->code)
      lua_pushstring(L, cal_error_name(event->code));
    else
      lua_pushnil(L);
    return 1;
  case CAL_FIELD_VALUE:
    cal_lua_push_value(L, event->value);
    return 1;
  case CAL_FIELD_REQUEST:
    push_message(L, event->message, 1);
    return 1;
  case CAL_FIELD_UPGRADE:
    push_upgrade(L, event->message, event->asks);
    return 1;
  case CAL_FIELD_ANSWER:
    return push_answer(L, event);
  case CAL_FIELD_ROWS:
    return push_rows(L, event->object);
  case CAL_FIELD_TABLE:
  case CAL_FIELD_END:
    break;
  }
  return 0;
}

/* The handler's arguments behind the event's name: how many. */
static int push_fields(lua_State *L, const cal_event *event, int is_service) {
  int count = 0;
  const cal_event_field *field = cal_event_about_of(event->kind)->fields;
  for (; field->kind && field->kind != CAL_FIELD_TABLE; field++)
    if (field->kind != CAL_FIELD_CALL || is_service) count += push_field(L, event, field);
  if (!field->kind) return count;
  lua_newtable(L);
  for (field++; field->kind; field++) {
    push_field(L, event, field);
    lua_setfield(L, -2, field->name);
  }
  return count + 1;
}

/* Runs inside the protected entry. */
static int run_handler(lua_State *L) {
  const cal_event *event = lua_touserdata(L, 1);
  cal_context *context = cal_context_of(L);
  luaL_checkstack(L, 16, "event");
  context->has_begun = 1;
  lua_rawgeti(L, LUA_REGISTRYINDEX, context->handler);
  lua_pushstring(L, cal_event_about_of(event->kind)->lua);
  lua_call(L, 1 + push_fields(L, event, context->call == NULL), 0);
  return 0;
}

int cal_deliver(cal_vm *vm, const cal_event *event) {
  cal_context *context = cal_vm_context(vm);
  if (context->handler == LUA_NOREF) return 0;
  lua_State *L = cal_vm_state(vm);
  lua_pushcfunction(L, run_handler);
  lua_pushlightuserdata(L, (void *)event);
  return cal_vm_enter(vm, 1, 0);
}
