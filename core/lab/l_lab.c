/* callisto.lab: simulated worlds (lab.h), for the specs of a tool's VM. */
#include "lab/l_lab.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "audio/wav.h"
#include "base/error.h"
#include "base/mem.h"
#include "bind/l_core.h"
#include "bind/luax.h"
#include "script/context.h"

#define ENGINE "callisto.lab.engine"
#define SOURCES_CEILING 256
#define MESSAGE_CEILING 65536

typedef struct lua_engine {
  cal_lua_lab *owner;
  cal_engine *engine;
} lua_engine;

cal_lua_lab *cal_lab_check(lua_State *L) {
  cal_lua_lab *l = luaL_checkudata(L, 1, CAL_LAB_CLASS);
  if (!l->lab) luaL_error(L, "the lab is closed");
  if (!l->is_moving) l->L = L;
  return l;
}

static cal_lua_lab *check_still(lua_State *L) {
  cal_lua_lab *l = cal_lab_check(L);
  if (l->is_moving) luaL_error(L, "a lab cannot be used so from inside one of its own handlers");
  return l;
}

static lua_engine *check_engine(lua_State *L) {
  lua_engine *e = luaL_checkudata(L, 1, ENGINE);
  if (!e->owner->lab) luaL_error(L, "the lab is closed");
  return e;
}

void cal_lab_put_text(lua_State *L, const char *name, const char *text, size_t bytes) {
  lua_pushlstring(L, text ? text : "", bytes);
  lua_setfield(L, -2, name);
}

void cal_lab_put_number(lua_State *L, const char *name, lua_Number number) {
  lua_pushnumber(L, number);
  lua_setfield(L, -2, name);
}

static lua_Number seconds_of(uint64_t ns) { return (lua_Number)(ns - CAL_LAB_BEGIN_NS) / 1e9; }

/* ---- handlers */

static int add_traceback(lua_State *L) {
  if (!lua_isstring(L, 1)) return 1;
  luaL_traceback(L, L, lua_tostring(L, 1), 1);
  return 1;
}

/* Calls the function below `nargs` values. An error is kept and raised when the lab stands still again. */
int cal_lab_run_handler(cal_lua_lab *l, int nargs, int nresults) {
  lua_State *L = l->L;
  int base = lua_gettop(L) - nargs;
  lua_pushcfunction(L, add_traceback);
  lua_insert(L, base);
  int status = lua_pcall(L, nargs, nresults, base);
  lua_remove(L, base);
  if (l->lab) cal_lab_stir(l->lab);
  if (!status) return 1;
  if (l->failure == LUA_NOREF)
    l->failure = luaL_ref(L, LUA_REGISTRYINDEX);
  else
    lua_pop(L, 1);
  return 0;
}

void cal_lab_push_url(lua_State *L, int is_tls, const char *authority, cal_span path, cal_span query) {
  lua_pushfstring(L, "%s://%s", is_tls ? "https" : "http", authority);
  lua_pushlstring(L, path.at, path.bytes);
  lua_pushstring(L, query.bytes ? "?" : "");
  lua_pushlstring(L, query.bytes ? query.at : "", query.bytes);
  lua_concat(L, 4);
}

/* ---- moving */

static int move(lua_State *L, int stops) {
  cal_lua_lab *l = check_still(L);
  lua_Number seconds = luaL_checknumber(L, 2);
  luaL_argcheck(L, seconds >= 0 && seconds <= CAL_LAB_LONGEST_S, 2, "seconds, not negative");
  l->is_moving = 1;
  int is_stirred = cal_lab_move(l->lab, (uint64_t)ceil(seconds * 1e9), stops);
  l->is_moving = 0;
  if (l->failure != LUA_NOREF) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, l->failure);
    luaL_unref(L, LUA_REGISTRYINDEX, l->failure);
    l->failure = LUA_NOREF;
    return lua_error(L);
  }
  lua_pushboolean(L, is_stirred);
  return 1;
}

static int lab_advance(lua_State *L) { return move(L, 0); }
static int lab_step(lua_State *L) { return move(L, 1); }

static int lab_now(lua_State *L) {
  lua_pushnumber(L, seconds_of(cal_loop_now_ns(cal_lab_loop(cal_lab_check(L)->lab))));
  return 1;
}

static int lab_wall(lua_State *L) {
  lua_pushnumber(L, (lua_Number)cal_clock_wall_ms(cal_loop_clock(cal_lab_loop(cal_lab_check(L)->lab))) / 1e3);
  return 1;
}

/* ---- what happened */

/* Index after which the caller wants to know. */
static size_t check_after(lua_State *L) {
  lua_Integer after = luaL_optinteger(L, 2, 0);
  luaL_argcheck(L, after >= 0, 2, "a number of entries that are known already");
  return (size_t)after;
}

static int lab_words(lua_State *L) {
  size_t count, after = check_after(L);
  const cal_lab_word *words = cal_lab_words(cal_lab_check(L)->lab, &count);
  lua_newtable(L);
  for (size_t i = after; i < count; i++) {
    lua_createtable(L, 0, 4);
    cal_lab_put_number(L, "at", seconds_of(words[i].begin_ns));
    cal_lab_put_number(L, "to", seconds_of(words[i].end_ns));
    cal_lab_put_text(L, "word", words[i].word, strlen(words[i].word));
    cal_lab_put_text(L, "line", words[i].call, strlen(words[i].call));
    lua_rawseti(L, -2, (int)(i - after + 1));
  }
  return 1;
}

static int lab_is_loud(lua_State *L) {
  lua_pushboolean(L, cal_lab_is_loud(cal_lab_check(L)->lab, luaL_checkstring(L, 2)));
  return 1;
}

static int lab_log(lua_State *L) {
  size_t count, after = check_after(L);
  const cal_lab_line *lines = cal_lab_lines(cal_lab_check(L)->lab, &count);
  lua_newtable(L);
  for (size_t i = after; i < count; i++) {
    lua_createtable(L, 0, 2);
    cal_lab_put_number(L, "at", seconds_of(lines[i].at_ns));
    cal_lab_put_text(L, "text", lines[i].text, strlen(lines[i].text));
    lua_rawseti(L, -2, (int)(i - after + 1));
  }
  return 1;
}

static void push_seen(lua_State *L, const cal_lab_request *seen) {
  lua_createtable(L, 0, 10);
  cal_lab_put_number(L, "at", seconds_of(seen->at_ns));
  cal_lab_put_text(L, "host", seen->authority, strlen(seen->authority));
  cal_lab_put_text(L, "method", seen->method, strlen(seen->method));
  cal_lab_put_text(L, "path", seen->path, strlen(seen->path));
  cal_lab_put_text(L, "query", seen->query, strlen(seen->query));
  cal_lab_put_text(L, "body", seen->body, seen->body_bytes);
  cal_lab_push_url(L, 1, seen->authority, cal_span_of(seen->path), cal_span_of(seen->query));
  lua_setfield(L, -2, "url");
  lua_createtable(L, 0, (int)seen->field_count);
  for (size_t i = 0; i < seen->field_count; i++)
    cal_lab_put_text(L, seen->fields[i].name, seen->fields[i].value, strlen(seen->fields[i].value));
  lua_setfield(L, -2, "headers");
  if (seen->status) cal_lab_put_number(L, "status", seen->status);
  if (!seen->status)
    cal_lab_put_text(L, "error", cal_error_name(seen->error), strlen(cal_error_name(seen->error)));
}

static int lab_requests(lua_State *L) {
  size_t count, after = check_after(L);
  const cal_lab_request *requests = cal_lab_requests(cal_lab_check(L)->lab, &count);
  lua_newtable(L);
  for (size_t i = after; i < count; i++) {
    push_seen(L, &requests[i]);
    lua_rawseti(L, -2, (int)(i - after + 1));
  }
  return 1;
}

static int lab_left(lua_State *L) {
  cal_lab_left left;
  cal_lab_count(check_still(L)->lab, &left);
  const struct {
    const char *name;
    uint32_t count;
  } counts[] = {{"sockets", left.sockets}, {"calls", left.calls},   {"vms", left.vms},
                {"legs", left.legs},       {"events", left.events}, {"commands", left.commands},
                {"speech", left.speech},   {"timers", left.timers}, {"tasks", left.tasks}};
  lua_createtable(L, 0, 9);
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    cal_lab_put_number(L, counts[i].name, counts[i].count);
  return 1;
}

/* ---- engines */

/* { ["templates.x"] = "text" }; the table holds the texts. */
static size_t read_sources(lua_State *L, int index, cal_generation_root *roots) {
  size_t count = 0;
  if (!lua_istable(L, index)) return 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
      luaL_error(L, "`sources` must be a table of texts by module name");
    if (count == SOURCES_CEILING) luaL_error(L, "`sources` has more than %d texts", SOURCES_CEILING);
    const char *name = lua_tostring(L, -2);
    roots[count++] = (cal_generation_root){.prefix = name, .dir = name, .text = lua_tostring(L, -1)};
  }
  return count;
}

static int lab_engine_new(lua_State *L) {
  cal_lua_lab *l = check_still(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  cal_generation_root *roots = lua_newuserdata(L, SOURCES_CEILING * sizeof *roots);
  lua_engine *made = lua_newuserdata(L, sizeof *made);
  *made = (lua_engine){.owner = l};
  luaL_getmetatable(L, ENGINE);
  lua_setmetatable(L, -2);
  lua_createtable(L, 1, 0); /* the engine keeps its lab from being collected */
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 1);
  lua_setfenv(L, -2);
  const cal_reach *mine = cal_context_of(L)->reach;
  const char *workspace = cal_luax_text(L, 2, "workspace");
  cal_lab_engine options = {.host = cal_luax_text_needed(L, 2, "host"),
                            .service = cal_luax_text_needed(L, 2, "service"),
                            .warm_module = cal_luax_text_needed(L, 2, "warm"),
                            .workspace = workspace ? workspace : mine->workspace,
                            .library = mine->library,
                            .settings_json = cal_luax_text(L, 2, "settings"),
                            .fields = cal_luax_text(L, 2, "headers"),
                            .has_real_voice = cal_luax_flag(L, 2, "real_voice"),
                            .trace_path = cal_luax_text(L, 2, "trace"),
                            .sources = roots};
  options.entry_budget_ms = (uint32_t)(1000 * cal_luax_number(L, 2, "budget", 0, 0, 600));
  options.vm_memory_bytes = (uint32_t)cal_luax_number(L, 2, "memory", 0, 0, 1u << 30);
  lua_getfield(L, 2, "sources");
  options.source_count = read_sources(L, lua_gettop(L), roots);
  lua_pop(L, 1);
  l->is_moving = 1;
  int code = cal_lab_add(l->lab, &made->engine, &options);
  l->is_moving = 0;
  return code ? cal_luax_refuse(L, code) : 1;
}

static int engine_tell(lua_State *L) {
  lua_engine *e = check_engine(L);
  const char *call = luaL_checkstring(L, 2);
  cal_value *message = cal_luax_value(L, 3, "the message", MESSAGE_CEILING);
  int code = cal_lab_tell(e->engine, call, message);
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

/* What the flows of the engine share, from outside; reading, also what its services do. */
static int engine_share(lua_State *L) {
  lua_engine *e = check_engine(L);
  cal_span key = cal_luax_check_span(L, 2), value = cal_luax_check_span(L, 3);
  const cal_reach *reach = cal_engine_reach(e->engine);
  int code = cal_kv_set(reach->flow_shared, key, value, 0, cal_reach_now_ns(reach));
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

static int engine_shared(lua_State *L) {
  lua_engine *e = check_engine(L);
  cal_span key = cal_luax_check_span(L, 2);
  cal_buf *value = cal_luax_buf(L, 1 << 20);
  const cal_reach *reach = cal_engine_reach(e->engine);
  uint64_t now_ns = cal_reach_now_ns(reach);
  if (cal_kv_get(reach->flow_shared, key, value, now_ns) != 1 &&
      cal_kv_get(reach->shared, key, value, now_ns) != 1)
    return 0;
  lua_pushlstring(L, value->data, value->bytes);
  return 1;
}

static int engine_drain(lua_State *L) {
  cal_engine_drain(check_engine(L)->engine);
  return 0;
}

static int engine_folder(lua_State *L) {
  lua_pushstring(L, cal_engine_reach(check_engine(L)->engine)->data_folder);
  return 1;
}

/* ---- life */

static int lab_new(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  cal_lab_options options = {.seed = (uint64_t)cal_luax_number(L, 1, "seed", 1, 0, 9e15),
                             .wall_ms = (int64_t)(1000 * cal_luax_number(L, 1, "wall", 0, 0, 1e11))};
  cal_lua_lab *l = lua_newuserdata(L, sizeof *l);
  memset(l, 0, sizeof *l);
  l->failure = LUA_NOREF;
  l->L = L;
  cal_list_init(&l->hosts);
  cal_list_init(&l->fetches);
  cal_list_init(&l->answers);
  cal_list_init(&l->sockets);
  cal_list_init(&l->later);
  luaL_getmetatable(L, CAL_LAB_CLASS);
  lua_setmetatable(L, -2);
  int code = cal_lab_new(&l->lab, &options);
  return code < 0 ? luaL_error(L, "no lab: %s", cal_error_text()) : 1;
}

/* How many handles were left open. */
static int lab_close(lua_State *L) {
  cal_lua_lab *l = luaL_checkudata(L, 1, CAL_LAB_CLASS);
  if (!l->lab) return 0;
  if (l->is_moving) return luaL_error(L, "a lab cannot be closed from inside one of its own handlers");
  l->L = L;
  l->is_moving = 1; /* handlers may still be told; what they do then is over soon */
  cal_lab_take_hosts(l);
  cal_lab_forget_later(l);
  cal_lab *lab = l->lab;
  l->lab = NULL;
  int left = cal_lab_free(lab);
  cal_lab_forget_fetches(l);
  cal_lab_forget_sockets(l);
  luaL_unref(L, LUA_REGISTRYINDEX, l->failure);
  l->failure = LUA_NOREF;
  lua_pushinteger(L, left);
  return 1;
}

/* What a caller plays is read by the exchange, which cannot say to a tool why it stays silent. */
static int lab_sound(lua_State *L) {
  cal_span file = cal_luax_check_span(L, 1);
  cal_clip *clip;
  int code = cal_wav_read(&clip, file.at, file.bytes);
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushnumber(L, (lua_Number)clip->samples / clip->rate_hz);
  cal_unref(clip);
  return 1;
}

void cal_lab_add_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction collect) {
  luaL_newmetatable(L, name);
  lua_newtable(L);
  for (const luaL_Reg *m = methods; m->name; m++) {
    lua_pushcfunction(L, m->func);
    lua_setfield(L, -2, m->name);
  }
  lua_setfield(L, -2, "__index");
  if (collect) {
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
  }
  lua_pop(L, 1);
}

int cal_lib_lab(lua_State *L) {
  static const luaL_Reg lab_methods[] = {
      {"engine", lab_engine_new}, {"advance", lab_advance}, {"step", lab_step},
      {"now", lab_now},           {"wall", lab_wall},       {"fetch", cal_lab_fetch},
      {"host", cal_lab_host},     {"dial", cal_lab_dial},   {"fault", cal_lab_fault},
      {"words", lab_words},       {"log", lab_log},         {"requests", lab_requests},
      {"is_loud", lab_is_loud},   {"left", lab_left},       {"piece", cal_lab_piece},
      {"after", cal_lab_after},   {"close", lab_close},     {NULL, NULL}};
  static const luaL_Reg engine_methods[] = {{"tell", engine_tell},     {"share", engine_share},
                                            {"shared", engine_shared}, {"folder", engine_folder},
                                            {"drain", engine_drain},   {NULL, NULL}};
  cal_lab_add_class(L, CAL_LAB_CLASS, lab_methods, lab_close);
  cal_lab_add_class(L, ENGINE, engine_methods, NULL);
  cal_lab_add_sockets(L);
  lua_createtable(L, 0, 5);
  cal_luax_set(L, "new", lab_new);
  cal_luax_set(L, "wire", cal_lab_wire);
  cal_luax_set(L, "sound", lab_sound);
  cal_luax_set(L, "spoken", cal_lab_spoken);
  cal_luax_set(L, "ear", cal_lab_ear);
  return 1;
}
