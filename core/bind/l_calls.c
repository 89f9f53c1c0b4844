/* callisto.core, what a service VM has for calls: opening them and their parties, dialling, closing, other names. */
#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "base/error.h"
#include "bind/l_core.h"
#include "script/live_call.h"
#include "script/service.h"

#define TEXTS_CEILING 16
#define BEGIN_CEILING (1 << 20) /* of what a call begins with */

static cal_script_host *host_of(lua_State *L) { return cal_context_of(L)->host; }
static cal_reach *reach_of(lua_State *L) { return cal_context_of(L)->reach; }

/* A list of strings, borrowed from the table that holds it. */
static size_t texts_of(lua_State *L, int index, const char *field, const char **into) {
  lua_getfield(L, index, field);
  size_t count = 0;
  if (lua_istable(L, -1))
    for (size_t i = 1; i <= lua_objlen(L, -1); i++) {
      if (count == TEXTS_CEILING) luaL_error(L, "`%s` has more than %d texts", field, TEXTS_CEILING);
      lua_rawgeti(L, -1, (int)i);
      if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "`%s` must be a list of strings", field);
      into[count++] = lua_tostring(L, -1);
      lua_pop(L, 1);
    }
  into[count] = NULL;
  lua_pop(L, 1);
  return count;
}

/* Relative to the data folder. The text stays on the stack for as long as it is used. */
static const char *recording_path(lua_State *L, const cal_reach *reach) {
  const char *name = cal_luax_text(L, 1, "recording");
  if (!name) return NULL;
  if (*name == '/' || strstr(name, "..")) luaL_error(L, "`recording` must be a path inside the data folder");
  return lua_pushfstring(L, "%s/%s", reach->data_folder, name);
}

/* What a party is opened with, of the table at 1; `values` takes the signatures. */
static cal_party_options party_options(lua_State *L, const char *values[TEXTS_CEILING + 1]) {
  const char *role = cal_luax_text_needed(L, 1, "role");
  cal_party_options options = {.path = cal_luax_text(L, 1, "path"),
                               .carrier_call = cal_luax_text(L, 1, "carrier_call"),
                               .recording_path = recording_path(L, reach_of(L))};
  if (!strcmp(role, "agent"))
    options.role = CAL_ROLE_AGENT;
  else if (!strcmp(role, "carrier"))
    options.role = CAL_ROLE_CARRIER;
  else
    luaL_error(L, "`role` is \"%s\"; agent and carrier are possible", role);
  options.start_deadline_ms = (uint32_t)(1000 * cal_luax_number(L, 1, "start_deadline", 5, 0.1, 60));
  options.longest_s = (uint32_t)cal_luax_number(L, 1, "longest", 14400, 1, 86400);
  options.bye = cal_core_json(L, 1, "bye");
  options.lead_ms = (uint32_t)cal_luax_number(L, 1, "lead_ms", 0, 0, 400);
  lua_Number ttl = cal_luax_number(L, 1, "token_ttl", 60, 1, 86400);
  options.token_expires_ns = cal_reach_now_ns(reach_of(L)) + (uint64_t)(ttl * 1e9);
  lua_getfield(L, 1, "signature");
  if (lua_istable(L, -1)) {
    int signature = lua_gettop(L);
    options.signature_header = cal_luax_text_needed(L, signature, "header");
    options.signature_is_required = cal_luax_flag(L, signature, "required");
    texts_of(L, signature, "values", values);
    options.signatures = values;
  }
  lua_getfield(L, 1, "wire");
  options.wire = cal_core_check_wire(L, -1);
  return options;
}

static int call_open(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  const char *values[TEXTS_CEILING + 1] = {NULL};
  const char *name = cal_luax_text_needed(L, 1, "id");
  luaL_argcheck(L, strlen(name) < 64, 1, "`id` has at most 63 characters");
  cal_party_options options = party_options(L, values);
  options.name = name;
  cal_id socket = (cal_id)cal_luax_number(L, 1, "socket", 0, 1, 9e15);
  cal_opening opening = {.entry = cal_luax_text_needed(L, 1, "entry")};
  lua_getfield(L, 1, "fallback");
  if (lua_istable(L, -1)) {
    opening.fallback_text = cal_luax_text_needed(L, lua_gettop(L), "text");
    opening.fallback_voice = cal_luax_text(L, lua_gettop(L), "voice");
  }
  lua_getfield(L, 1, "begin");
  opening.begin = cal_luax_value(L, -1, "`begin`", BEGIN_CEILING);
  int code = cal_live_call_open(cal_context_of(L)->service, &options, &opening);
  if (code < 0) return cal_luax_refuse(L, code);
  if (socket) cal_core_take_socket(L, socket, options.name);
  lua_pushboolean(L, 1);
  return 1;
}

/* party_open(call, { role, wire, path … }) */
static int party_open(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lua_insert(L, 1); /* the table at 1, the name at 2 */
  const char *values[TEXTS_CEILING + 1] = {NULL};
  cal_party_options options = party_options(L, values);
  cal_live_call *call = cal_live_call_named(host_of(L), name);
  if (!call) return cal_luax_refuse(L, cal_fail(-ENOENT, "no call with this id is open here"));
  uint8_t number;
  int code = cal_live_call_add_party(call, &options, &number);
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushinteger(L, number);
  return 1;
}

static int call_close(lua_State *L) {
  cal_live_call *call = cal_live_call_named(host_of(L), luaL_checkstring(L, 1));
  if (call) cal_live_call_close(call, (int)luaL_optinteger(L, 2, 1000));
  return 0;
}

static int leg_end(lua_State *L) {
  cal_live_call *call = cal_live_call_named(host_of(L), luaL_checkstring(L, 1));
  if (!call) return 0;
  cal_command command = {.kind = CAL_COMMAND_LEG_CLOSE,
                         .flags = lua_toboolean(L, 2) ? CAL_COMMAND_DRAIN : 0,
                         .code = (int)luaL_optinteger(L, 3, 1000)};
  cal_party_command(call->parties[0].call, &command);
  return 0;
}

/* The `headers`, or another such map, of the table at `index`, as the upgrade wants them. The text is left on the stack. */
static const char *lines_of(lua_State *L, int index, const char *field) {
  lua_getfield(L, index, field);
  int headers = lua_gettop(L);
  lua_pushliteral(L, "");
  if (lua_istable(L, headers))
    for (lua_pushnil(L); lua_next(L, headers);) {
      if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1))
        luaL_error(L, "`%s` must be a table of strings", field);
      lua_pushfstring(L, "%s%s: %s\n", lua_tostring(L, headers + 1), lua_tostring(L, -2),
                      lua_tostring(L, -1));
      lua_replace(L, headers + 1);
      lua_pop(L, 1);
    }
  return lua_tostring(L, headers + 1);
}

static int leg_dial(lua_State *L) {
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  const char *opening[TEXTS_CEILING + 1] = {NULL};
  cal_dial dial = {.url = cal_luax_text_needed(L, 2, "url"),
                   .stream = cal_luax_text(L, 2, "stream"),
                   .carrier_call = cal_luax_text(L, 2, "carrier_call"),
                   .closing = cal_luax_text(L, 2, "closing"),
                   .sequence = (uint64_t)cal_luax_number(L, 2, "sequence", 1, 1, 1e9)};
  texts_of(L, 2, "opening", opening);
  dial.opening = opening;
  lua_getfield(L, 2, "wire");
  if (!lua_isnil(L, -1)) dial.wire = cal_core_check_wire(L, -1);
  cal_live_call *call = cal_live_call_named(host_of(L), luaL_checkstring(L, 1));
  if (!call) return cal_luax_refuse(L, cal_fail(-ENOENT, "no call with this id is open here"));
  const cal_live_party *party =
      cal_live_call_party(call, (lua_Integer)cal_luax_number(L, 2, "party", 1, 1, CAL_PARTIES));
  if (!party) return cal_luax_refuse(L, cal_fail(-ENOENT, "the call has no such party"));
  dial.url_headers = lines_of(L, 2, "headers");
  cal_party_set_dial(party->call, &dial);
  cal_command command = {.kind = CAL_COMMAND_CALL_DIAL, .object = cal_ref(party->call)};
  int code = cal_reach_command(reach_of(L), &command);
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

/* faults = { { "1008", "refused" }, … }: texts are borrowed from the table. */
static void faults_of(lua_State *L, int table, cal_fault_rule *faults) {
  static const char *const words[CAL_FAULTS] = {"again", "later", "busy", "refused"};
  lua_getfield(L, table, "faults");
  size_t count = lua_istable(L, -1) ? lua_objlen(L, -1) : 0;
  if (count > CAL_VENDOR_FAULTS) luaL_error(L, "faults has %d at most", CAL_VENDOR_FAULTS);
  for (size_t i = 0; i < count; i++) {
    int fault = 0;
    lua_rawgeti(L, -1, (int)i + 1);
    if (!lua_istable(L, -1)) luaL_error(L, "faults must hold pairs of a text and a word");
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    const char *text = luaL_checkstring(L, -2), *word = luaL_checkstring(L, -1);
    while (fault < CAL_FAULTS && strcmp(words[fault], word) != 0) fault++;
    if (fault == CAL_FAULTS)
      luaL_error(L, "faults has \"%s\": again, later, busy and refused are known", word);
    faults[i] = (cal_fault_rule){text, (cal_fault)fault};
    lua_pop(L, 3);
  }
  lua_pop(L, 1);
}

static uint32_t ms_of(lua_State *L, int table, const char *field, double seconds, double least, double most) {
  return (uint32_t)(1000 * cal_luax_number(L, table, field, seconds, least, most));
}

/* The options of a vendor at `table`; texts are borrowed from it. Returns owned. */
static cal_vendor_order *order_of(lua_State *L, int table, const char *call, cal_vendor_order *next) {
  const char *opening[TEXTS_CEILING + 1] = {NULL}, *secrets[TEXTS_CEILING + 1] = {NULL};
  cal_fault_rule faults[CAL_VENDOR_FAULTS + 1] = {{NULL}};
  cal_vendor_order order = {.next = next,
                            .call = call,
                            .name = cal_luax_text_needed(L, table, "name"),
                            .voice = cal_luax_text(L, table, "voice"),
                            .url = cal_luax_text_needed(L, table, "url"),
                            .closing = cal_luax_text(L, table, "closing"),
                            .keepalive = cal_luax_text(L, table, "keepalive"),
                            .opening = opening,
                            .faults = faults,
                            .secrets = secrets};
  order.keepalive_ms = ms_of(L, table, "keepalive_every", 5, 0.1, 3600);
  order.connect_ms = ms_of(L, table, "connect_timeout", 5, 0.1, 60);
  order.patience_ms = ms_of(L, table, "patience", 5, 0.1, 60);
  order.deaf_ms = ms_of(L, table, "deaf_after", 5, 0, 600);
  order.catch_up_percent = (uint32_t)(100 * cal_luax_number(L, table, "catch_up", 4, 1, 20));
  texts_of(L, table, "opening", opening);
  texts_of(L, table, "secrets", secrets);
  faults_of(L, table, faults);
  lua_getfield(L, table, "wire");
  order.wire = cal_core_check_wire(L, -1);
  order.url_headers = lines_of(L, table, "headers");
  order.form = lines_of(L, table, "form");
  return cal_vendor_order_new(&order);
}

/* With its `others` behind it; returns owned. */
static cal_vendor_order *orders_of(lua_State *L, int table, const char *call) {
  cal_owned *made = cal_luax_own(L, cal_unref);
  lua_getfield(L, table, "others");
  int others = lua_gettop(L);
  size_t count = lua_istable(L, others) ? lua_objlen(L, others) : 0;
  for (size_t i = count; i > 0; i--) {
    lua_rawgeti(L, others, (int)i);
    luaL_checktype(L, -1, LUA_TTABLE);
    cal_vendor_order *order = order_of(L, lua_gettop(L), call, made->object);
    cal_unref(made->object);
    made->object = order;
    lua_settop(L, others);
  }
  cal_vendor_order *first = order_of(L, table, call, made->object);
  cal_unref(cal_luax_take(made));
  return first;
}

/* vendor_open(call, { name, wire, url, headers, opening, closing, keepalive, keepalive_every, connect_timeout, patience,
 * deaf_after, catch_up, faults, form, secrets, party, voice, others }) */
static int vendor_open(lua_State *L) {
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  const char *id = luaL_checkstring(L, 1);
  lua_Integer number = (lua_Integer)cal_luax_number(L, 2, "party", 1, 1, CAL_PARTIES);
  cal_live_call *call = cal_live_call_named(host_of(L), id);
  cal_live_party *party = call ? cal_live_call_party(call, number) : NULL;
  if (!party) return cal_luax_refuse(L, cal_fail(-ENOENT, "no call with this id and party is open here"));
  int code = cal_live_call_vendor(party, orders_of(L, 2, id));
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

static int alias(lua_State *L) {
  const char *id = luaL_checkstring(L, 1), *name = luaL_checkstring(L, 2);
  cal_live_call *call = cal_live_call_named(host_of(L), id);
  int code =
      call ? cal_live_call_alias(call, name) : cal_fail(-ENOENT, "no call %s is open on this thread", id);
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

static int token_withdraw(lua_State *L) {
  cal_live_call *call = cal_live_call_named(host_of(L), luaL_checkstring(L, 1));
  if (call && cal_party_about(call->parties[0].call)->path)
    cal_tokens_withdraw(reach_of(L)->tokens, cal_party_about(call->parties[0].call)->path);
  return 0;
}

void cal_core_add_calls(lua_State *L) {
  cal_luax_set(L, "call_open", call_open);
  cal_luax_set(L, "call_close", call_close);
  cal_luax_set(L, "party_open", party_open);
  cal_luax_set(L, "leg_end", leg_end);
  cal_luax_set(L, "leg_dial", leg_dial);
  cal_luax_set(L, "vendor_open", vendor_open);
  cal_luax_set(L, "alias", alias);
  cal_luax_set(L, "token_withdraw", token_withdraw);
}
