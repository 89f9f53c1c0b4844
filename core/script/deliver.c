#include "script/deliver.h"

#include <lauxlib.h>
#include <string.h>

#include "base/error.h"
#include "script/context.h"
#include "net/message.h"
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
}

/* A media socket that asks for its call: the upgrade, and the first texts that came on it. */
static void push_socket(lua_State *L, const cal_http_message *message) {
  push_message(L, message, 1);
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

static int push_stored(lua_State *L, const cal_event *event) {
  const cal_store_result *result = event->object;
  lua_pushnumber(L, (lua_Number)event->source);
  if (result->code) {
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", cal_error_name(result->code), result->error);
    lua_pushstring(L, cal_error_name(result->code));
    return 4;
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
  return 2;
}

static int push_response(lua_State *L, const cal_event *event) {
  lua_pushnumber(L, (lua_Number)event->source);
  if (event->message) {
    push_message(L, event->message, 0);
    return 2;
  }
  const char *code = cal_error_name(event->code);
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", code, event->text ? event->text : "");
  lua_pushstring(L, code);
  lua_pushboolean(L, event->flags & CAL_EVENT_SENT);
  return 5;
}

static int push_utterance(lua_State *L, const cal_event *event) {
  lua_pushinteger(L, (lua_Integer)event->utterance);
  if (event->kind == CAL_EVENT_UTTERANCE_STARTED) {
    lua_pushliteral(L, "started");
    return 2;
  }
  lua_pushliteral(L, "ended");
  lua_newtable(L);
  lua_pushnumber(L, (lua_Number)event->number);
  lua_setfield(L, -2, "heard_ms");
  put(L, "heard", event->text);
  lua_pushboolean(L, event->flags & CAL_EVENT_INTERRUPTED);
  lua_setfield(L, -2, "interrupted");
  lua_pushboolean(L, event->flags & CAL_EVENT_WITH_LEG);
  lua_setfield(L, -2, "with_leg");
  if (event->code) put(L, "error", cal_error_name(event->code));
  return 3;
}

static int push_leg(lua_State *L, const cal_event *event, int is_service) {
  if (is_service) lua_pushstring(L, event->name);
  lua_pushstring(L, event->kind == CAL_EVENT_LEG_STARTED ? "started" : "ended");
  lua_pushstring(L, event->text ? event->text : "{}");
  return 2 + is_service;
}

/* The handler's arguments behind the event's name: how many. */
static int push_words(lua_State *L, const cal_event *event, int is_service) {
  switch (event->kind) {
  case CAL_EVENT_HTTP_REQUEST:
    lua_pushnumber(L, (lua_Number)event->source);
    push_message(L, event->message, 1);
    return 2;
  case CAL_EVENT_SOCKET:
    lua_pushnumber(L, (lua_Number)event->source);
    push_socket(L, event->message);
    return 2;
  case CAL_EVENT_HTTP_RESPONSE:
    return push_response(L, event);
  case CAL_EVENT_STORED:
    return push_stored(L, event);
  case CAL_EVENT_TOLD:
    lua_pushnil(L);
    lua_pushstring(L, event->text);
    return 2;
  case CAL_EVENT_REPORT:
    lua_pushstring(L, event->name);
    lua_pushstring(L, event->text);
    return 2;
  case CAL_EVENT_LEG_STARTED:
  case CAL_EVENT_LEG_ENDED:
    return push_leg(L, event, is_service);
  case CAL_EVENT_LEG_TEXT:
  case CAL_EVENT_HEARD:
  case CAL_EVENT_BEGIN:
    lua_pushstring(L, event->text);
    return 1;
  case CAL_EVENT_SPEECH_STARTED:
  case CAL_EVENT_SPEECH_STOPPED:
    lua_pushstring(L, event->kind == CAL_EVENT_SPEECH_STARTED ? "started" : "stopped");
    lua_pushnumber(L, (lua_Number)event->number);
    return 2;
  case CAL_EVENT_DIGIT: {
    char key = (char)event->number;
    lua_pushlstring(L, &key, 1);
    lua_pushboolean(L, event->flags & CAL_EVENT_IN_BAND);
    return 2;
  }
  case CAL_EVENT_UTTERANCE_STARTED:
  case CAL_EVENT_UTTERANCE_ENDED:
    return push_utterance(L, event);
  case CAL_EVENT_BROKEN:
    lua_pushstring(L, event->name);
    lua_pushstring(L, cal_error_name(event->code));
    lua_pushstring(L, event->text);
    return 3;
  case CAL_EVENT_START:
  case CAL_EVENT_STOP:
  case CAL_EVENT_RELOAD:
  case CAL_EVENT_COMMIT:
  case CAL_EVENT_WAKE:
    return 0;
  }
  return 0;
}

static const char *const names[] = {[CAL_EVENT_HTTP_REQUEST] = "request",
                                    [CAL_EVENT_SOCKET] = "socket",
                                    [CAL_EVENT_HTTP_RESPONSE] = "response",
                                    [CAL_EVENT_STORED] = "stored",
                                    [CAL_EVENT_TOLD] = "told",
                                    [CAL_EVENT_REPORT] = "told",
                                    [CAL_EVENT_RELOAD] = "reload",
                                    [CAL_EVENT_COMMIT] = "commit",
                                    [CAL_EVENT_LEG_STARTED] = "leg",
                                    [CAL_EVENT_LEG_TEXT] = "message",
                                    [CAL_EVENT_LEG_ENDED] = "leg",
                                    [CAL_EVENT_SPEECH_STARTED] = "speech",
                                    [CAL_EVENT_SPEECH_STOPPED] = "speech",
                                    [CAL_EVENT_HEARD] = "heard",
                                    [CAL_EVENT_DIGIT] = "digit",
                                    [CAL_EVENT_UTTERANCE_STARTED] = "utterance",
                                    [CAL_EVENT_UTTERANCE_ENDED] = "utterance",
                                    [CAL_EVENT_START] = "start",
                                    [CAL_EVENT_STOP] = "stop",
                                    [CAL_EVENT_BEGIN] = "begin",
                                    [CAL_EVENT_WAKE] = "wake",
                                    [CAL_EVENT_BROKEN] = "broken"};

/* Runs inside the protected entry. */
static int run_handler(lua_State *L) {
  const cal_event *event = lua_touserdata(L, 1);
  cal_context *context = cal_context_of(L);
  luaL_checkstack(L, 16, "event");
  context->has_begun = 1;
  lua_rawgeti(L, LUA_REGISTRYINDEX, context->handler);
  lua_pushstring(L, names[event->kind]);
  lua_call(L, 1 + push_words(L, event, context->call == NULL), 0);
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
