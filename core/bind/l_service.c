/* callisto.core, what a service VM has: requests, the store, the engine. */
#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "bind/l_core.h"
#include "io/say.h"
#include "script/apart.h"
#include "script/live_call.h"
#include "script/lua_value.h"
#include "script/question.h"
#include "script/reload.h"
#include "script/service.h"
#include "net/message.h"
#include "store/facts.h"
#include "store/files.h"
#include "store/result.h"

static cal_script_host *host_of(lua_State *L) { return cal_context_of(L)->host; }
static cal_reach *reach_of(lua_State *L) { return cal_context_of(L)->reach; }

/* ---- requests */

static int http_reply(lua_State *L) {
  cal_id request = cal_luax_check_id(L, 1);
  int status = (int)luaL_checkinteger(L, 2);
  luaL_argcheck(L, status >= 200 && status <= 599, 2, "a status from 200 to 599");
  int is_open = lua_toboolean(L, 5);
  if (!lua_isnoneornil(L, 3)) {
    luaL_checktype(L, 3, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1))
      luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING && lua_isstring(L, -1), 3, "headers are strings");
  }
  size_t bytes = 0;
  const char *body = luaL_optlstring(L, 4, "", &bytes);
  cal_owned *owned = cal_core_message(L);
  cal_http_message *message = owned->object;
  message->status = status;
  cal_http_message_set_body(message, body, bytes);
  cal_core_add_headers(L, 3, message);
  message->is_streamed = is_open;
  cal_command command = {.kind = CAL_COMMAND_HTTP_REPLY, .target = request, .message = cal_luax_take(owned)};
  cal_reach_command(reach_of(L), &command);
  return 0;
}

/* http_write(request, text, "more" | "last" | "cut"): answered when there is room for the next piece. */
static int http_write(lua_State *L) {
  static const char *const ends[] = {"more", "last", "cut", NULL};
  cal_id request = cal_luax_check_id(L, 1), asked;
  cal_span text = cal_luax_check_span(L, 2);
  int end = luaL_checkoption(L, 3, "more", ends);
  cal_owned *owned = cal_core_message(L);
  cal_http_message *message = owned->object;
  message->status = end;
  cal_http_message_set_body(message, text.at, text.bytes);
  int code = cal_question_ask(cal_context_of(L), 0, &asked);
  if (code < 0) return cal_luax_refuse(L, code);
  cal_command command = {.kind = CAL_COMMAND_HTTP_WRITE,
                         .target = request,
                         .piece = {.message = cal_luax_take(owned), .asked = asked}};
  code = cal_reach_command(reach_of(L), &command);
  if (code < 0) {
    cal_question_forget(cal_context_of(L), asked);
    return cal_luax_refuse(L, code);
  }
  lua_pushnumber(L, (lua_Number)asked);
  return 1;
}

/* A request may arrive at a thread that does not own its call. */
static int forward(lua_State *L) {
  cal_id request = cal_luax_check_id(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  cal_owner owner;
  if (!cal_registry_find(reach_of(L)->registry, luaL_checkstring(L, 3), &owner))
    return cal_luax_refuse(L, cal_fail(-ENOENT, "no live call has this id"));
  cal_owned *owned = cal_core_message(L);
  cal_http_message *message = owned->object;
  message->method = cal_strdup(cal_luax_text(L, 2, "method"));
  message->url = cal_strdup(cal_luax_text(L, 2, "target"));
  message->path = cal_strdup(cal_luax_text(L, 2, "path"));
  message->query = cal_strdup(cal_luax_text(L, 2, "query"));
  message->peer = cal_strdup(cal_luax_text(L, 2, "peer"));
  lua_getfield(L, 2, "headers");
  if (lua_istable(L, -1)) cal_core_add_headers(L, lua_gettop(L), message);
  lua_getfield(L, 2, "body");
  size_t bytes = 0;
  const char *body = lua_tolstring(L, -1, &bytes);
  cal_http_message_set_body(message, body, bytes);
  cal_event event = {.kind = CAL_EVENT_HTTP_REQUEST,
                     .target = owner.handle,
                     .source = request,
                     .message = cal_luax_take(owned)};
  int code = cal_reach_event(reach_of(L), owner.script, &event, CAL_MAIL_CONTROL);
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

static int owner_of(lua_State *L) {
  cal_owner owner;
  if (!cal_registry_find(reach_of(L)->registry, luaL_checkstring(L, 1), &owner)) return 0;
  lua_pushstring(L, owner.call);
  const cal_live_call *mine =
      owner.script == host_of(L)->index ? cal_slots_get(host_of(L)->calls, owner.handle) : NULL;
  lua_pushboolean(L, mine && mine->service == cal_context_of(L)->service);
  return 2;
}

/* ---- wires and voices */

static int wire(lua_State *L) { return cal_core_wire(L); }

static int voice_prepare(lua_State *L) {
  const char *text = luaL_checkstring(L, 1), *voice = luaL_optstring(L, 2, NULL);
  if (*text) cal_say_prepare(reach_of(L)->voice, text, voice);
  return 0;
}

/* ---- the store */

typedef struct answer {
  cal_reach *reach;
  uint8_t script;
  cal_id request;
} answer;

static void release_result(void *object) { cal_store_result_free(object); }

static void on_stored(void *context, cal_store_result *result) {
  answer *a = context;
  cal_event event = {
      .kind = CAL_EVENT_STORED, .source = a->request, .object = result, .release = release_result};
  cal_reach_event(a->reach, a->script, &event, CAL_MAIL_RESERVED);
  cal_free(a);
}

static cal_store_value value_at(lua_State *L, int index) {
  lua_Number number;
  switch (lua_type(L, index)) {
  case LUA_TNIL:
    return cal_store_null();
  case LUA_TLIGHTUSERDATA:
    return cal_store_null(); /* json.null */
  case LUA_TBOOLEAN:
    return cal_store_integer(lua_toboolean(L, index));
  case LUA_TNUMBER:
    number = lua_tonumber(L, index);
    return number == floor(number) && fabs(number) < 9e15 ? cal_store_integer((int64_t)number)
                                                          : cal_store_real(number);
  default:
    break; /* a string */
  }
  cal_store_value value = {.type = CAL_STORE_TEXT};
  value.bytes.at = lua_tolstring(L, index, &value.bytes.bytes);
  return value;
}

/* A statement as scripts give it: its text, the values, how many they are. What it points to stays on the stack. */
typedef struct statement {
  const char *sql;
  cal_store_value values[CAL_STORE_PARAMS];
  int count;
} statement;

static void read_statement(lua_State *L, statement *s) {
  s->sql = luaL_checkstring(L, 1);
  s->count = 0;
  if (lua_isnoneornil(L, 2)) return;
  luaL_checktype(L, 2, LUA_TTABLE);
  s->count = (int)luaL_optinteger(L, 3, (lua_Integer)lua_objlen(L, 2));
  luaL_argcheck(L, s->count >= 0 && s->count <= CAL_STORE_PARAMS, 3, "at most 64 values");
  luaL_checkstack(L, s->count + 4, "store");
  for (int i = 0; i < s->count; i++) {
    lua_rawgeti(L, 2, i + 1);
    int type = lua_type(L, -1);
    if (type != LUA_TNIL && type != LUA_TBOOLEAN && type != LUA_TNUMBER && type != LUA_TSTRING &&
        type != LUA_TLIGHTUSERDATA)
      luaL_error(L, "value %d is a %s; nil, booleans, numbers and strings can be stored", i + 1,
                 lua_typename(L, type));
    s->values[i] = value_at(L, -1);
  }
}

/* What will bring a script its answer, whose number is `request`. Once it was handed over it is gone at any time. */
static int new_answer(lua_State *L, answer **result, cal_id *request) {
  cal_context *context = cal_context_of(L);
  int code = cal_question_ask(context, 0, request);
  if (code < 0) return code;
  *result = cal_alloc(sizeof **result);
  **result = (answer){.reach = context->reach, .script = context->host->index, .request = *request};
  return 0;
}

static int asked(lua_State *L, cal_id request) {
  lua_pushnumber(L, (lua_Number)request);
  return 1;
}

/* It was not handed over. Takes `a`. */
static int not_asked(lua_State *L, answer *a, int code) {
  cal_question_forget(cal_context_of(L), a->request);
  cal_free(a);
  return cal_luax_refuse(L, code);
}

static int store(lua_State *L) {
  int is_fact = lua_toboolean(L, 4);
  statement s;
  read_statement(L, &s);
  answer *a;
  cal_id request;
  int code = new_answer(L, &a, &request);
  if (code < 0) return cal_luax_refuse(L, code);
  code = cal_store_submit(reach_of(L)->store, &(cal_store_request){.sql = s.sql,
                                                                   .params = s.values,
                                                                   .param_count = (uint32_t)s.count,
                                                                   .is_fact = is_fact,
                                                                   .on_done = on_stored,
                                                                   .context = a});
  return code < 0 ? not_asked(L, a, code) : asked(L, request);
}

static int store_fact(lua_State *L) {
  statement s;
  read_statement(L, &s);
  int code = cal_store_submit(
      reach_of(L)->store,
      &(cal_store_request){.sql = s.sql, .params = s.values, .param_count = (uint32_t)s.count, .is_fact = 1});
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

static void on_removed(void *context, int code) {
  on_stored(context, cal_result_error(code, code ? cal_error_name(code) : ""));
}

/* Only what is inside the folder of recordings. */
static const char *check_recording(lua_State *L, const cal_reach *reach) {
  const char *path = luaL_checkstring(L, 1);
  const char *folder = lua_pushfstring(L, "%s/recordings/", reach->data_folder);
  luaL_argcheck(L, strncmp(path, folder, strlen(folder)) == 0 && !strstr(path, "/../"), 1,
                "the path of a recording");
  return path;
}

static int recording_remove(lua_State *L) {
  cal_reach *reach = reach_of(L);
  const char *path = check_recording(L, reach);
  answer *a;
  cal_id request;
  int code = new_answer(L, &a, &request);
  if (code < 0) return cal_luax_refuse(L, code);
  code = cal_files_remove(reach->files, path, on_removed, a);
  return code < 0 ? not_asked(L, a, code) : asked(L, request);
}

static int fact_of(lua_State *L) {
  const char *call = luaL_checkstring(L, 1), *kind = luaL_checkstring(L, 2),
             *data = luaL_optstring(L, 3, NULL);
  int code = cal_store_event(reach_of(L)->store, call, cal_reach_wall_ms(reach_of(L)), kind, data);
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

/* ---- the engine */

static int settings(lua_State *L) {
  const char *json = cal_context_of(L)->service->edition->settings_json;
  cal_lib_json(L); /* the script may not have required it */
  if (!json) json = "{}";
  return cal_lib_json_decode(L, json, strlen(json), (cal_json_reading){0});
}

static void put_number(lua_State *L, const char *name, lua_Number value) {
  lua_pushnumber(L, value);
  lua_setfield(L, -2, name);
}

/* That of this VM, which during a reload is not the engine's present one; a userdata on the stack holds the
 * reference. */
static cal_generation *own_generation(lua_State *L) {
  cal_owned *owned = cal_luax_own(L, cal_unref);
  owned->object = cal_ref(cal_context_of(L)->service->edition->generation);
  return owned->object;
}

static int status(lua_State *L) {
  cal_reach *reach = reach_of(L);
  cal_generation *generation = own_generation(L);
  lua_newtable(L);
  put_number(L, "calls", atomic_load(&reach->calls));
  put_number(L, "legs", cal_reach_legs(reach));
  put_number(L, "script_threads", reach->script_threads);
  put_number(L, "generation", (lua_Number)cal_generation_serial(generation));
  put_number(L, "port", reach->port);
  lua_pushstring(L, cal_generation_digest(generation));
  lua_setfield(L, -2, "digest");
  lua_pushboolean(L, atomic_load(&reach->is_draining));
  lua_setfield(L, -2, "draining");
  lua_pushboolean(L, reach->is_local);
  lua_setfield(L, -2, "is_local");
  lua_pushstring(L, reach->node);
  lua_setfield(L, -2, "node");
  return 1;
}

static int modules(lua_State *L) {
  const char *prefix = luaL_checkstring(L, 1);
  cal_generation *generation = own_generation(L);
  lua_newtable(L);
  int count = 0;
  for (const cal_module *m = NULL; (m = cal_generation_next(generation, prefix, m));) {
    lua_newtable(L);
    lua_pushstring(L, m->name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, m->path);
    lua_setfield(L, -2, "path");
    if (m->error) {
      lua_pushstring(L, m->error);
      lua_setfield(L, -2, "error");
    }
    lua_rawseti(L, -2, ++count);
  }
  return 1;
}

static void *free_value(void *value) { return cal_free(value); }

static int catalog(lua_State *L) {
  cal_lua_push_value(L, cal_context_of(L)->service->edition->verdict);
  lua_getfield(L, -1, "catalog");
  return 1;
}

/* adapter(module, place, arguments) → results: both with their values at 1 to n, and n. What is wrong is an error. */
static int adapter(lua_State *L) {
  const char *module = luaL_checkstring(L, 1), *place = luaL_checkstring(L, 2);
  cal_value *arguments = cal_luax_value(L, 3, "what an adapter is asked", CAL_APART_CALL_BYTES), *results;
  int code = cal_adapters_call(cal_context_of(L)->service->adapters, module, place, arguments, &results);
  cal_free(arguments);
  if (code) return luaL_error(L, "%s", cal_error_text());
  cal_owned *owned = cal_luax_own(L, free_value);
  owned->object = results;
  cal_lua_push_value(L, results);
  return 1;
}

/* reload(share, is_forced), rollback(), code(): answered like an HTTP request, with a status and a JSON report. */
static int wish(lua_State *L, cal_wish w) {
  cal_context *context = cal_context_of(L);
  int code = cal_question_ask(context, 0, &w.request);
  if (code < 0) return cal_luax_refuse(L, code);
  w.script = context->host->index;
  code = cal_reload_wish(context->reach->reload, &w);
  if (code < 0) {
    cal_question_forget(context, w.request);
    return cal_luax_refuse(L, code);
  }
  lua_pushnumber(L, (lua_Number)w.request);
  return 1;
}

static int reload(lua_State *L) {
  lua_Integer share = luaL_optinteger(L, 1, 100);
  luaL_argcheck(L, share >= 1 && share <= 100, 1, "a share of new calls from 1 to 100 percent");
  return wish(L, (cal_wish){.kind = CAL_WISH_RELOAD,
                            .share = (uint32_t)share,
                            .is_forced = lua_toboolean(L, 2),
                            .reason = "asked to reload"});
}

static int rollback(lua_State *L) {
  return wish(L, (cal_wish){.kind = CAL_WISH_ROLLBACK, .share = 100, .reason = "asked to roll back"});
}

static int code_status(lua_State *L) { return wish(L, (cal_wish){.kind = CAL_WISH_STATUS}); }

/* started(has_templates) */
static int started(lua_State *L) {
  atomic_store(&reach_of(L)->has_no_template, lua_isboolean(L, 1) && !lua_toboolean(L, 1));
  cal_service_started(cal_context_of(L)->service);
  return 0;
}

static int stopped(lua_State *L) {
  cal_service_stopped(cal_context_of(L)->service);
  return 0;
}

void cal_core_add_service(lua_State *L) {
  cal_luax_set(L, "http_reply", http_reply);
  cal_luax_set(L, "http_write", http_write);
  cal_luax_set(L, "forward", forward);
  cal_luax_set(L, "owner", owner_of);
  cal_luax_set(L, "wire", wire);
  cal_luax_set(L, "voice_prepare", voice_prepare);
  cal_luax_set(L, "store", store);
  cal_luax_set(L, "store_fact", store_fact);
  cal_luax_set(L, "recording_remove", recording_remove);
  cal_luax_set(L, "fact_of", fact_of);
  cal_luax_set(L, "settings", settings);
  cal_luax_set(L, "status", status);
  cal_luax_set(L, "catalog", catalog);
  cal_luax_set(L, "adapter", adapter);
  cal_luax_set(L, "modules", modules);
  cal_luax_set(L, "reload", reload);
  cal_luax_set(L, "rollback", rollback);
  cal_luax_set(L, "code", code_status);
  cal_luax_set(L, "started", started);
  cal_luax_set(L, "stopped", stopped);
}
