/* callisto.lab: simulated worlds (lab.h), for the specs of a tool's VM. */
#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"
#include "base/mem.h"
#include "bind/l_core.h"
#include "bind/lab.h"
#include "bind/lib.h"
#include "bind/script.h"

#define LAB "callisto.lab"
#define ENGINE "callisto.lab.engine"
#define LONGEST_S 1e7 /* of one move */
#define SOURCES_CEILING 256
#define FIELDS_CEILING 64

typedef struct lua_lab {
  cal_lab *lab; /* NULL: closed */
  lua_State *L; /* of whoever moves it; callbacks run there */
  int is_moving;
  int failure; /* reference: the first error of a handler, raised when the move is over; LUA_NOREF */
  cal_list hosts, fetches, answers;
} lua_lab;

typedef struct lua_engine {
  lua_lab *owner;
  cal_engine *engine;
} lua_engine;

/* A double: a host that is not ours. */
typedef struct host {
  cal_list node;
  lua_lab *owner;
  char *authority;
  int fn;
} host;

/* A request of the spec. */
typedef struct fetch {
  cal_list node;
  lua_lab *owner;
  int fn;
} fetch;

/* An answer of a double that takes its time. */
typedef struct answer {
  cal_timer timer; /* first, so that the timer is the answer */
  cal_list node;
  lua_lab *owner;
  cal_id request;
  cal_http_message *message;
} answer;

static lua_lab *check_lab(lua_State *L) {
  lua_lab *l = luaL_checkudata(L, 1, LAB);
  if (!l->lab) luaL_error(L, "the lab is closed");
  if (!l->is_moving) l->L = L;
  return l;
}

static lua_lab *check_still(lua_State *L) {
  lua_lab *l = check_lab(L);
  if (l->is_moving) luaL_error(L, "a lab cannot be used so from inside one of its own handlers");
  return l;
}

static lua_engine *check_engine(lua_State *L) {
  lua_engine *e = luaL_checkudata(L, 1, ENGINE);
  if (!e->owner->lab) luaL_error(L, "the lab is closed");
  return e;
}

static void put_text(lua_State *L, const char *name, const char *text, size_t bytes) {
  lua_pushlstring(L, text ? text : "", bytes);
  lua_setfield(L, -2, name);
}

static void put_number(lua_State *L, const char *name, lua_Number number) {
  lua_pushnumber(L, number);
  lua_setfield(L, -2, name);
}

static lua_Number seconds_of(uint64_t ns) { return (lua_Number)(ns - CAL_LAB_BEGIN_NS) / 1e9; }

/* ---- handlers
 * -----------------------------------------------------------------------------------------------------------
 */

static int add_traceback(lua_State *L) {
  if (!lua_isstring(L, 1)) return 1;
  luaL_traceback(L, L, lua_tostring(L, 1), 1);
  return 1;
}

/* Calls the function below `nargs` values. An error is kept and raised when the lab stands still again. */
static int run_handler(lua_lab *l, int nargs, int nresults) {
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

static void push_fields(lua_State *L, const cal_http_field *fields, size_t count) {
  lua_createtable(L, 0, (int)count);
  for (size_t i = 0; i < count; i++) {
    lua_pushlstring(L, fields[i].name.at, fields[i].name.bytes);
    lua_pushlstring(L, fields[i].value.at, fields[i].value.bytes);
    lua_rawset(L, -3);
  }
}

static void push_url(lua_State *L, int is_tls, const char *authority, cal_span path, cal_span query) {
  lua_pushfstring(L, "%s://%s", is_tls ? "https" : "http", authority);
  lua_pushlstring(L, path.at, path.bytes);
  lua_pushstring(L, query.bytes ? "?" : "");
  lua_pushlstring(L, query.bytes ? query.at : "", query.bytes);
  lua_concat(L, 4);
}

static void push_request(lua_State *L, const char *authority, const cal_http_request *request) {
  lua_createtable(L, 0, 8);
  put_text(L, "method", request->method, strlen(request->method));
  put_text(L, "path", request->path.at, request->path.bytes);
  put_text(L, "query", request->query.at, request->query.bytes);
  put_text(L, "body", request->body.at, request->body.bytes);
  put_text(L, "host", authority, strlen(authority));
  push_url(L, request->is_tls, authority, request->path, request->query);
  lua_setfield(L, -2, "url");
  push_fields(L, request->fields, request->field_count);
  lua_setfield(L, -2, "headers");
}

/* ---- doubles
 * ------------------------------------------------------------------------------------------------------------
 */

static void give(lua_lab *l, cal_id request, const cal_http_message *message) {
  cal_http_field fields[FIELDS_CEILING];
  size_t count = 0;
  for (; count < message->header_count && count < FIELDS_CEILING; count++)
    fields[count] = (cal_http_field){cal_span_of(message->headers[count].name),
                                     cal_span_of(message->headers[count].value)};
  cal_http_answer reply = {.status = message->status,
                           .fields = fields,
                           .field_count = count,
                           .body = {message->body ? message->body : "", message->body_bytes}};
  cal_loopback_answer(cal_lab_network(l->lab), request, &reply);
}

static void answer_free(answer *a) {
  cal_list_remove(&a->node);
  cal_http_message_free(a->message);
  cal_free(a);
}

static void on_answer_due(cal_timer *timer) {
  answer *a = (answer *)timer;
  give(a->owner, a->request, a->message);
  answer_free(a);
}

static void answer_later(lua_lab *l, cal_id request, cal_http_message *message, lua_Number seconds) {
  cal_loop *loop = cal_lab_loop(l->lab);
  answer *a = cal_alloc(sizeof *a);
  a->owner = l;
  a->request = request;
  a->message = message;
  cal_list_append(&l->answers, &a->node);
  cal_timer_start(loop, &a->timer, cal_loop_now_ns(loop) + (uint64_t)(seconds * 1e9), on_answer_due);
}

typedef struct reading {
  cal_http_message *message;
  lua_Number after;
  char fault[16];
} reading;

/* Protected: reads the table a double gave, { status, headers, body, after } or { fault }. */
static int read_answer(lua_State *L) {
  reading *r = lua_touserdata(L, 2);
  if (lua_isnil(L, 1)) { /* as a server says it that knows nothing of this */
    r->message->status = 404;
    return 0;
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  const char *fault = cal_core_text(L, 1, "fault");
  if (fault && strcmp(fault, "silent") && strcmp(fault, "cut"))
    luaL_error(L, "`fault` is \"%s\"; silent and cut are possible", fault);
  snprintf(r->fault, sizeof r->fault, "%s", fault ? fault : "");
  r->message->status = (int)cal_core_number(L, 1, "status", 200, 200, 599);
  r->after = cal_core_number(L, 1, "after", 0, 0, LONGEST_S);
  lua_getfield(L, 1, "body");
  size_t bytes = 0;
  const char *body = lua_tolstring(L, -1, &bytes);
  cal_http_message_set_body(r->message, body, bytes);
  lua_getfield(L, 1, "headers");
  cal_core_add_headers(L, lua_gettop(L), r->message);
  return 0;
}

/* A connection breaks that has carried one request. */
static void cut(lua_lab *l, const char *authority) {
  cal_loopback *network = cal_lab_network(l->lab);
  cal_loopback_set_fault(network, authority, &(cal_loopback_fault){.is_cut = 1});
  cal_loopback_set_fault(network, authority, &(cal_loopback_fault){0});
}

static void on_double(void *context, const cal_http_request *request) {
  host *h = context;
  lua_lab *l = h->owner;
  lua_State *L = l->L;
  int top = lua_gettop(L);
  reading r = {.message = cal_http_message_new()};
  lua_checkstack(L, 16);
  lua_pushcfunction(L, read_answer);
  lua_rawgeti(L, LUA_REGISTRYINDEX, h->fn);
  push_request(L, h->authority, request);
  int is_read = 0;
  if (run_handler(l, 1, 1)) {
    lua_pushlightuserdata(L, &r);
    is_read = run_handler(l, 2, 0);
  }
  if (!is_read) r.message->status = 500;
  lua_settop(L, top);
  if (!strcmp(r.fault, "cut")) cut(l, h->authority);
  if (r.fault[0]) {
    cal_http_message_free(r.message);
  } else if (r.after > 0) {
    answer_later(l, request->id, r.message, r.after);
  } else {
    give(l, request->id, r.message);
    cal_http_message_free(r.message);
  }
}

static void host_free(host *h) {
  cal_list_remove(&h->node);
  luaL_unref(h->owner->L, LUA_REGISTRYINDEX, h->fn);
  cal_free(h->authority);
  cal_free(h);
}

static int lab_host(lua_State *L) {
  lua_lab *l = check_lab(L);
  const char *authority = luaL_checkstring(L, 2);
  if (!lua_isnoneornil(L, 3)) luaL_checktype(L, 3, LUA_TFUNCTION);
  lua_settop(L, 3);
  cal_list_each_safe(&l->hosts, node, after) {
    host *old = cal_list_entry(node, host, node);
    if (!strcmp(old->authority, authority)) host_free(old);
  }
  if (lua_isnil(L, 3)) {
    cal_loopback_host(cal_lab_network(l->lab), authority, NULL);
    return 0;
  }
  host *h = cal_alloc(sizeof *h);
  h->owner = l;
  h->authority = cal_strdup(authority);
  h->fn = luaL_ref(L, LUA_REGISTRYINDEX);
  cal_list_append(&l->hosts, &h->node);
  int code = cal_loopback_host(cal_lab_network(l->lab), authority,
                               &(cal_loopback_double){.context = h, .on_request = on_double});
  if (!code) return 0;
  host_free(h);
  return luaL_error(L, "no double can stand for %s: %s", authority, cal_error_text());
}

static int lab_fault(lua_State *L) {
  static const struct {
    const char *name;
    int code;
  } refusals[] = {{"ECONNREFUSED", -ECONNREFUSED}, {"ENOENT", -ENOENT}, {"EHOSTUNREACH", -EHOSTUNREACH}};
  lua_lab *l = check_lab(L);
  const char *authority = luaL_checkstring(L, 2);
  cal_loopback_fault fault = {0};
  if (!lua_isnoneornil(L, 3)) {
    luaL_checktype(L, 3, LUA_TTABLE);
    fault.latency_ms = (uint32_t)(1000 * cal_core_number(L, 3, "latency", 0, 0, 3600));
    fault.is_silent = cal_core_flag(L, 3, "silent");
    fault.is_cut = cal_core_flag(L, 3, "cut");
    const char *refusal = cal_core_text(L, 3, "refuse");
    for (size_t i = 0; refusal && i < sizeof refusals / sizeof *refusals; i++)
      if (!strcmp(refusal, refusals[i].name)) fault.refuse = refusals[i].code;
    if (refusal && !fault.refuse)
      return luaL_error(L, "`refuse` is \"%s\"; ECONNREFUSED, ENOENT and EHOSTUNREACH are possible", refusal);
  }
  if (cal_loopback_set_fault(cal_lab_network(l->lab), authority, &fault) < 0)
    return luaL_error(L, "%s", cal_error_text());
  return 0;
}

/* ---- requests of the spec
 * ------------------------------------------------------------------------------------------------ */

static void fetch_free(fetch *f) {
  cal_list_remove(&f->node);
  luaL_unref(f->owner->L, LUA_REGISTRYINDEX, f->fn);
  cal_free(f);
}

static void on_fetched(void *context, const cal_http_result *result) {
  fetch *f = context;
  lua_lab *l = f->owner;
  lua_State *L = l->L;
  int top = lua_gettop(L), count = 1;
  lua_checkstack(L, 16);
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->fn);
  fetch_free(f);
  if (result->error) {
    const char *name = cal_error_name(result->error);
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", name, result->text);
    lua_pushstring(L, name);
    lua_pushboolean(L, result->was_sent);
    count = 4;
  } else {
    lua_createtable(L, 0, 3);
    put_number(L, "status", result->status);
    put_text(L, "body", result->body.at, result->body.bytes);
    push_fields(L, result->fields, result->field_count);
    lua_setfield(L, -2, "headers");
  }
  run_handler(l, count, 0);
  lua_settop(L, top);
}

static size_t read_fields(lua_State *L, int index, cal_http_field *fields) {
  size_t count = 0;
  if (!lua_istable(L, index)) return 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
      luaL_error(L, "`headers` must be a table of strings");
    if (count == FIELDS_CEILING) luaL_error(L, "`headers` has more than %d fields", FIELDS_CEILING);
    cal_http_field *field = &fields[count++]; /* the table holds the texts */
    field->name.at = lua_tolstring(L, -2, &field->name.bytes);
    field->value.at = lua_tolstring(L, -1, &field->value.bytes);
  }
  return count;
}

static int lab_fetch(lua_State *L) {
  lua_lab *l = check_lab(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  lua_settop(L, 3);
  cal_http_field fields[FIELDS_CEILING];
  cal_http_fetch_options options = {.method = cal_core_text(L, 2, "method"),
                                    .url = cal_core_text_needed(L, 2, "url"),
                                    .user = cal_core_text(L, 2, "user"),
                                    .password = cal_core_text(L, 2, "password"),
                                    .fields = fields,
                                    .on_done = on_fetched};
  options.timeout_ms = (uint32_t)(1000 * cal_core_number(L, 2, "timeout", 30, 0.001, 86400));
  const char *body = cal_core_text(L, 2, "body");
  if (body) options.body = (cal_span){body, strlen(body)};
  lua_getfield(L, 2, "headers");
  options.field_count = read_fields(L, lua_gettop(L), fields);
  fetch *f = cal_alloc(sizeof *f);
  options.context = f;
  f->owner = l;
  lua_pushvalue(L, 3);
  f->fn = luaL_ref(L, LUA_REGISTRYINDEX);
  cal_list_append(&l->fetches, &f->node);
  cal_id id;
  int code = cal_http_fetch(&id, cal_lab_net(l->lab), &options);
  if (!code) return 0;
  fetch_free(f);
  return luaL_error(L, "the request could not be made: %s", cal_error_text());
}

/* ---- moving
 * ------------------------------------------------------------------------------------------------------------
 */

static int move(lua_State *L, int stops) {
  lua_lab *l = check_still(L);
  lua_Number seconds = luaL_checknumber(L, 2);
  luaL_argcheck(L, seconds >= 0 && seconds <= LONGEST_S, 2, "seconds, not negative");
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
  lua_pushnumber(L, seconds_of(cal_loop_now_ns(cal_lab_loop(check_lab(L)->lab))));
  return 1;
}

static int lab_wall(lua_State *L) {
  lua_pushnumber(L, (lua_Number)cal_clock_wall_ms(cal_loop_clock(cal_lab_loop(check_lab(L)->lab))) / 1e3);
  return 1;
}

/* ---- what happened
 * ----------------------------------------------------------------------------------------------------- */

/* Index after which the caller wants to know. */
static size_t check_after(lua_State *L) {
  lua_Integer after = luaL_optinteger(L, 2, 0);
  luaL_argcheck(L, after >= 0, 2, "a number of entries that are known already");
  return (size_t)after;
}

static int lab_words(lua_State *L) {
  size_t count, after = check_after(L);
  const cal_lab_word *words = cal_lab_words(check_lab(L)->lab, &count);
  lua_newtable(L);
  for (size_t i = after; i < count; i++) {
    lua_createtable(L, 0, 4);
    put_number(L, "at", seconds_of(words[i].begin_ns));
    put_number(L, "to", seconds_of(words[i].end_ns));
    put_text(L, "word", words[i].word, strlen(words[i].word));
    put_text(L, "line", words[i].call, strlen(words[i].call));
    lua_rawseti(L, -2, (int)(i - after + 1));
  }
  return 1;
}

static int lab_is_loud(lua_State *L) {
  lua_pushboolean(L, cal_lab_is_loud(check_lab(L)->lab, luaL_checkstring(L, 2)));
  return 1;
}

static int lab_log(lua_State *L) {
  size_t count, after = check_after(L);
  const cal_lab_line *lines = cal_lab_lines(check_lab(L)->lab, &count);
  lua_newtable(L);
  for (size_t i = after; i < count; i++) {
    lua_createtable(L, 0, 2);
    put_number(L, "at", seconds_of(lines[i].at_ns));
    put_text(L, "text", lines[i].text, strlen(lines[i].text));
    lua_rawseti(L, -2, (int)(i - after + 1));
  }
  return 1;
}

static void push_seen(lua_State *L, const cal_lab_request *seen) {
  lua_createtable(L, 0, 10);
  put_number(L, "at", seconds_of(seen->at_ns));
  put_text(L, "host", seen->authority, strlen(seen->authority));
  put_text(L, "method", seen->method, strlen(seen->method));
  put_text(L, "path", seen->path, strlen(seen->path));
  put_text(L, "query", seen->query, strlen(seen->query));
  put_text(L, "body", seen->body, seen->body_bytes);
  push_url(L, 1, seen->authority, cal_span_of(seen->path), cal_span_of(seen->query));
  lua_setfield(L, -2, "url");
  lua_createtable(L, 0, (int)seen->field_count);
  for (size_t i = 0; i < seen->field_count; i++)
    put_text(L, seen->fields[i].name, seen->fields[i].value, strlen(seen->fields[i].value));
  lua_setfield(L, -2, "headers");
  if (seen->status) put_number(L, "status", seen->status);
  if (!seen->status) put_text(L, "error", cal_error_name(seen->error), strlen(cal_error_name(seen->error)));
}

static int lab_requests(lua_State *L) {
  size_t count, after = check_after(L);
  const cal_lab_request *requests = cal_lab_requests(check_lab(L)->lab, &count);
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
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) put_number(L, counts[i].name, counts[i].count);
  return 1;
}

/* ---- engines
 * ------------------------------------------------------------------------------------------------------------
 */

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
  lua_lab *l = check_still(L);
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
  const cal_engine_options *mine = cal_engine_about(cal_bind_of(L)->engine);
  const char *workspace = cal_core_text(L, 2, "workspace");
  cal_lab_engine options = {.host = cal_core_text_needed(L, 2, "host"),
                            .service = cal_core_text_needed(L, 2, "service"),
                            .warm_module = cal_core_text_needed(L, 2, "warm"),
                            .workspace = workspace ? workspace : mine->workspace,
                            .library = mine->library,
                            .settings_json = cal_core_text(L, 2, "settings"),
                            .fields = cal_core_text(L, 2, "headers"),
                            .has_real_voice = cal_core_flag(L, 2, "real_voice"),
                            .trace_path = cal_core_text(L, 2, "trace"),
                            .sources = roots};
  options.entry_budget_ms = (uint32_t)(1000 * cal_core_number(L, 2, "budget", 0, 0, 600));
  options.vm_memory_bytes = (uint32_t)cal_core_number(L, 2, "memory", 0, 0, 1u << 30);
  lua_getfield(L, 2, "sources");
  options.source_count = read_sources(L, lua_gettop(L), roots);
  lua_pop(L, 1);
  l->is_moving = 1;
  int code = cal_lab_add(l->lab, &made->engine, &options);
  l->is_moving = 0;
  return code ? cal_lib_refuse(L, code) : 1;
}

static int engine_tell(lua_State *L) {
  lua_engine *e = check_engine(L);
  const char *call = luaL_checkstring(L, 2);
  size_t bytes;
  const char *text = luaL_checklstring(L, 3, &bytes);
  int code = cal_lab_tell(e->engine, call, text, bytes);
  if (code < 0) return cal_lib_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

static cal_span check_span(lua_State *L, int index) {
  cal_span span;
  span.at = luaL_checklstring(L, index, &span.bytes);
  return span;
}

/* callisto.shared of the engine, from outside. */
static int engine_share(lua_State *L) {
  lua_engine *e = check_engine(L);
  cal_span key = check_span(L, 2), value = check_span(L, 3);
  int code = cal_kv_set(cal_engine_shared(e->engine), key, value, 0, cal_engine_now_ns(e->engine));
  if (code < 0) return cal_lib_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

static int engine_shared(lua_State *L) {
  lua_engine *e = check_engine(L);
  cal_span key = check_span(L, 2);
  cal_buf *value = cal_lib_buf(L, 1 << 20);
  if (cal_kv_get(cal_engine_shared(e->engine), key, value, cal_engine_now_ns(e->engine)) != 1) return 0;
  lua_pushlstring(L, value->data, value->bytes);
  return 1;
}

/* ---- life
 * ------------------------------------------------------------------------------------------------------------
 */

static int lab_new(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  cal_lab_options options = {.seed = (uint64_t)cal_core_number(L, 1, "seed", 1, 0, 9e15),
                             .wall_ms = (int64_t)(1000 * cal_core_number(L, 1, "wall", 0, 0, 1e11))};
  lua_lab *l = lua_newuserdata(L, sizeof *l);
  memset(l, 0, sizeof *l);
  l->failure = LUA_NOREF;
  l->L = L;
  cal_list_init(&l->hosts);
  cal_list_init(&l->fetches);
  cal_list_init(&l->answers);
  luaL_getmetatable(L, LAB);
  lua_setmetatable(L, -2);
  int code = cal_lab_new(&l->lab, &options);
  return code < 0 ? luaL_error(L, "no lab: %s", cal_error_text()) : 1;
}

/* How many handles were left open. */
static int lab_close(lua_State *L) {
  lua_lab *l = luaL_checkudata(L, 1, LAB);
  if (!l->lab) return 0;
  if (l->is_moving) return luaL_error(L, "a lab cannot be closed from inside one of its own handlers");
  l->L = L;
  l->is_moving = 1; /* handlers may still be told; what they do then is over soon */
  cal_list_each_safe(&l->answers, node, after) {
    answer *a = cal_list_entry(node, answer, node);
    cal_timer_stop(cal_lab_loop(l->lab), &a->timer);
    answer_free(a);
  }
  cal_list_each_safe(&l->hosts, node, after) {
    cal_loopback_host(cal_lab_network(l->lab), cal_list_entry(node, host, node)->authority, NULL);
    host_free(cal_list_entry(node, host, node));
  }
  cal_lab *lab = l->lab;
  l->lab = NULL;
  int left = cal_lab_free(lab);
  cal_list_each_safe(&l->fetches, node, after) fetch_free(cal_list_entry(node, fetch, node));
  luaL_unref(L, LUA_REGISTRYINDEX, l->failure);
  l->failure = LUA_NOREF;
  lua_pushinteger(L, left);
  return 1;
}

static void add_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction collect) {
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
      {"engine", lab_engine_new}, {"advance", lab_advance},   {"step", lab_step},
      {"now", lab_now},           {"wall", lab_wall},         {"fetch", lab_fetch},
      {"host", lab_host},         {"fault", lab_fault},       {"words", lab_words},
      {"log", lab_log},           {"requests", lab_requests}, {"is_loud", lab_is_loud},
      {"left", lab_left},         {"close", lab_close},       {NULL, NULL}};
  static const luaL_Reg engine_methods[] = {
      {"tell", engine_tell}, {"share", engine_share}, {"shared", engine_shared}, {NULL, NULL}};
  add_class(L, LAB, lab_methods, lab_close);
  add_class(L, ENGINE, engine_methods, NULL);
  lua_createtable(L, 0, 2);
  cal_core_set(L, "new", lab_new);
  cal_core_set(L, "wire", cal_lab_wire);
  return 1;
}
