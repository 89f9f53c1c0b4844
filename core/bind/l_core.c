/* callisto.core, what every VM has: time, ids, the handler, messages to other VMs, HTTP requests. */
#include "bind/l_core.h"

#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "script/live_call.h"
#include "script/question.h"
#include "io/fetches.h"
#include "net/forwarding.h"
#include "net/message.h"
#include "data/json_escape.h"

#define TELL_CEILING 65536
#define BODY_CEILING (4 << 20) /* of a request */
#define ANSWER_CEILING (64 << 20)
#define CALL_ANSWER_CEILING (8 << 20) /* half of a VM's memory */
#define LATEST_S 1e11                 /* times beyond it are mistakes */

/* A warm VM has no call yet and lives on another thread: acting while it loads is a mistake in the file. */
cal_live_call *cal_core_check_call(lua_State *L) {
  cal_live_call *call = cal_context_of(L)->call;
  if (!call)
    luaL_error(L, "there is no call yet: a file defines and returns, it does not act while it loads");
  return call;
}

cal_context *cal_core_check_alive(lua_State *L) {
  if (cal_vm_kind_of(cal_vm_of(L)) == CAL_VM_CALL) cal_core_check_call(L);
  return cal_context_of(L);
}

/* ---- time */

static int now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)cal_reach_now_ns(cal_context_of(L)->reach) / 1e9);
  return 1;
}

static int wall(lua_State *L) {
  lua_pushnumber(L, (lua_Number)cal_reach_wall_ms(cal_context_of(L)->reach) / 1e3);
  return 1;
}

static int date(lua_State *L) {
  const char *format = luaL_checkstring(L, 1);
  lua_Number at = floor(luaL_checknumber(L, 2));
  luaL_argcheck(L, fabs(at) <= LATEST_S, 2, "seconds since 1970");
  time_t seconds = (time_t)at;
  struct tm parts;
  char text[256];
  gmtime_r(&seconds, &parts);
  lua_pushlstring(L, text, strftime(text, sizeof text, format, &parts));
  return 1;
}

static int wake_at(lua_State *L) {
  cal_context *context = cal_core_check_alive(L);
  if (lua_isnoneornil(L, 1)) {
    cal_context_wake_at(context, 0);
    return 0;
  }
  lua_Number at = luaL_checknumber(L, 1);
  luaL_argcheck(L, at <= LATEST_S, 1, "a time in seconds, as core.now()");
  uint64_t at_ns = at > 0 ? (uint64_t)ceil(at * 1e9) : 1;
  while ((lua_Number)at_ns / 1e9 < at) at_ns++; /* woken then, core.now() must not be before `at` */
  cal_context_wake_at(context, at_ns);
  return 0;
}

/* ---- ids */

static int id(lua_State *L) {
  const char *prefix = luaL_checkstring(L, 1);
  char text[128];
  if (cal_ids_text(cal_context_of(L)->reach->ids, text, sizeof text, prefix, 16) < 0)
    return luaL_argerror(L, 1, "the prefix is too long");
  lua_pushstring(L, text);
  return 1;
}

static int random_bytes(lua_State *L) {
  lua_Integer count = luaL_checkinteger(L, 1);
  char bytes[1024];
  luaL_argcheck(L, count >= 1 && count <= (lua_Integer)sizeof bytes, 1, "1 to 1024 bytes");
  cal_ids_bytes(cal_context_of(L)->reach->ids, bytes, (size_t)count);
  lua_pushlstring(L, bytes, (size_t)count);
  return 1;
}

/* ---- messages */

static int handler(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  cal_context *context = cal_context_of(L);
  if (context->has_begun) /* a template, or what a flow requires, would take the events of everybody */
    return luaL_error(L, "core.handler: this VM has its handler; call:on tells a flow of events");
  lua_settop(L, 1);
  luaL_unref(L, LUA_REGISTRYINDEX, context->handler);
  context->handler = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

static int tell(lua_State *L) {
  cal_context *context = cal_core_check_alive(L);
  const char *call = luaL_optstring(L, 1, NULL);
  luaL_checkany(L, 2);
  luaL_argcheck(L, !call == !!context->call, 1,
                "a call tells its service (nil), a service tells a call (its id)");
  cal_live_call *told = call ? cal_live_call_named(context->host, call) : context->call;
  if (!told) return cal_luax_refuse(L, cal_fail(-ENOENT, "no call %s runs on this thread", call));
  cal_value *message = cal_luax_value(L, 2, "the message", TELL_CEILING);
  int code =
      call ? cal_live_call_tell(told, message) : cal_live_call_report(told, message, lua_toboolean(L, 3));
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

/* ---- HTTP */

/* How many bytes they have. */
static size_t check_headers(lua_State *L, int index) {
  size_t bytes = 0, more;
  cal_luax_field(L, index, "headers");
  if (!lua_isnil(L, -1)) {
    if (!lua_istable(L, -1)) luaL_error(L, "`headers` must be a table of strings");
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
      if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1))
        luaL_error(L, "`headers` must be a table of strings");
      bytes += lua_objlen(L, -2);
      lua_tolstring(L, -1, &more);
      bytes += more;
    }
  }
  lua_pop(L, 1);
  return bytes;
}

static void *free_message(void *message) { return cal_http_message_free(message); }

cal_owned *cal_core_message(lua_State *L) {
  cal_owned *owned = cal_luax_own(L, free_message);
  owned->object = cal_http_message_new();
  return owned;
}

void cal_core_add_headers(lua_State *L, int index, cal_http_message *message) {
  if (!lua_istable(L, index)) return;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1)) continue;
    size_t name_bytes, value_bytes;
    const char *name = lua_tolstring(L, -2, &name_bytes), *value = lua_tolstring(L, -1, &value_bytes);
    cal_http_message_add_header(message, name, name_bytes, value, value_bytes);
  }
}

static void trace_fetch(const cal_context *context, cal_id request, const char *method, const char *url) {
  cal_trace *trace = context->reach->trace;
  if (!trace || !context->call) return;
  cal_buf json;
  cal_buf_init(&json, 1 << 20);
  cal_buf_format(&json, "{\"number\":%llu,\"method\":\"%s\",\"url\":\"", (unsigned long long)request, method);
  cal_json_escape(&json, (cal_span){url, strcspn(url, "?")}); /* what follows may be a key */
  cal_buf_text(&json, "\"}");
  cal_trace_did(trace, cal_live_call_name(context->call), "fetch", json.data);
  cal_buf_free(&json);
}

static cal_id owner_of(const cal_context *context) { return context->call ? context->call->handle : 0; }

static int http_fetch(lua_State *L) {
  cal_context *context = cal_core_check_alive(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  const char *method = cal_luax_text(L, 1, "method"), *url = cal_luax_text_needed(L, 1, "url");
  const char *user = cal_luax_text(L, 1, "user"), *password = cal_luax_text(L, 1, "password");
  lua_Number timeout = cal_luax_number(L, 1, "timeout", 30, 0.001, 600);
  lua_Number connect_timeout = cal_luax_number(L, 1, "connect_timeout", 10, 0.001, 600);
  lua_Number ceiling = cal_luax_number(L, 1, "answer_ceiling", 1 << 20, 1,
                                       context->call ? CALL_ANSWER_CEILING : ANSWER_CEILING);
  cal_luax_field(L, 1, "body"); /* at 2 */
  if (!lua_isnil(L, 2) && !lua_isstring(L, 2)) luaL_error(L, "`body` must be a string");
  if (lua_objlen(L, 2) > BODY_CEILING) luaL_error(L, "`body` has more than %d bytes", BODY_CEILING);
  size_t sent = check_headers(L, 1) + lua_objlen(L, 2) + strlen(url);

  cal_owned *owned = cal_core_message(L);
  cal_http_message *message = owned->object;
  size_t bytes;
  const char *body = lua_tolstring(L, 2, &bytes);
  if (body) cal_http_message_set_body(message, body, bytes);
  if (!method) method = body ? "POST" : "GET";
  message->method = cal_strdup(method);
  message->url = cal_strdup(url);
  message->user = cal_strdup(user);
  message->password = cal_strdup(password);
  message->timeout_ms = (uint32_t)(timeout * 1000);
  message->connect_timeout_ms = (uint32_t)(connect_timeout * 1000);
  message->answer_ceiling_bytes = (size_t)ceiling;
  message->is_streamed = cal_luax_flag(L, 1, "stream");
  message->owner = owner_of(context);
  message->deny_private = context->call && !context->reach->limits.allow_private;
  cal_luax_field(L, 1, "headers");
  cal_core_add_headers(L, lua_gettop(L), message);

  cal_id request;
  int code =
      context->call && message->is_streamed ? cal_live_call_take(context->call, CAL_QUOTA_STREAMS, 0) : 0;
  if (!code) code = cal_question_ask(context, sent + (size_t)ceiling, &request);
  if (code < 0) return cal_luax_refuse(L, code);
  cal_command command = {.kind = CAL_COMMAND_HTTP_FETCH, .target = request, .message = cal_luax_take(owned)};
  code = cal_reach_command(context->reach, &command);
  if (code < 0) {
    cal_question_forget(context, request);
    return cal_luax_refuse(L, code);
  }
  trace_fetch(context, request, method, url);
  lua_pushnumber(L, (lua_Number)request);
  return 1;
}

static int http_read(lua_State *L) {
  cal_context *context = cal_core_check_alive(L);
  cal_id stream = (cal_id)luaL_checknumber(L, 1), asked;
  int code = cal_question_ask(context, CAL_FETCH_KEPT_BYTES, &asked);
  if (code < 0) return cal_luax_refuse(L, code);
  cal_command command = {
      .kind = CAL_COMMAND_HTTP_READ, .target = stream, .read = {.asked = asked, .owner = owner_of(context)}};
  code = cal_reach_command(context->reach, &command);
  if (code < 0) {
    cal_question_forget(context, asked);
    return cal_luax_refuse(L, code);
  }
  lua_pushnumber(L, (lua_Number)asked);
  return 1;
}

static int http_close(lua_State *L) {
  cal_context *context = cal_core_check_alive(L);
  int code = context->call ? cal_live_call_take(context->call, CAL_QUOTA_ORDERS, 0) : 0;
  if (code < 0) return cal_luax_refuse(L, code);
  cal_command command = {.kind = CAL_COMMAND_HTTP_CLOSE,
                         .target = (cal_id)luaL_checknumber(L, 1),
                         .read = {.owner = owner_of(context)}};
  cal_reach_command(context->reach, &command); /* refused: it is over */
  return 0;
}

/* ---- the module */

/* What needs no plane: a tool has these alone. */
static void add_basic(lua_State *L) {
  cal_luax_set(L, "now", now);
  cal_luax_set(L, "wall", wall);
  cal_luax_set(L, "date", date);
  cal_luax_set(L, "id", id);
  cal_luax_set(L, "random", random_bytes);
}

/* A list, for those who have to do with requests. */
static void add_forwarding_fields(lua_State *L) {
  lua_newtable(L);
  for (int i = 0; cal_forwarding_fields[i]; i++) {
    lua_pushstring(L, cal_forwarding_fields[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "forwarding_fields");
}

void cal_core_add_common(lua_State *L) {
  add_basic(L);
  cal_luax_set(L, "wake_at", wake_at);
  cal_luax_set(L, "handler", handler);
  cal_luax_set(L, "tell", tell);
  cal_luax_set(L, "http_fetch", http_fetch);
  cal_luax_set(L, "http_read", http_read);
  cal_luax_set(L, "http_close", http_close);
}

int cal_lib_core(lua_State *L) {
  static const char *const kinds[] = {
      [CAL_VM_SERVICE] = "service", [CAL_VM_CALL] = "call", [CAL_VM_TOOL] = "tool"};
  cal_vm_kind kind = cal_vm_kind_of(cal_vm_of(L));
  lua_newtable(L);
  lua_pushstring(L, kinds[kind]);
  lua_setfield(L, -2, "kind");
  if (kind == CAL_VM_TOOL)
    add_basic(L);
  else
    cal_core_add_common(L);
  if (kind == CAL_VM_CALL)
    cal_core_add_call(L);
  else
    add_forwarding_fields(L);
  if (kind == CAL_VM_SERVICE) {
    cal_core_add_service(L);
    cal_core_add_calls(L);
    cal_core_add_sockets(L);
    cal_core_add_spoken(L);
  }
  return 1;
}
