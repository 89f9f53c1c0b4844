/* callisto.lab, its network: doubles of hosts that are not ours, and requests of the spec. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "bind/l_core.h"
#include "lab/l_lab.h"
#include "bind/luax.h"

/* A double: a host that is not ours. */
typedef struct host {
  cal_list node;
  cal_lua_lab *owner;
  char *authority;
  int fn;
  int on_socket; /* LUA_NOREF: every upgrade is refused */
} host;

/* A request of the spec. */
typedef struct fetch {
  cal_list node;
  cal_lua_lab *owner;
  int fn;
} fetch;

/* An answer of a double that takes its time. */
typedef struct answer {
  cal_timer timer; /* first, so that the timer is the answer */
  cal_list node;
  cal_lua_lab *owner;
  cal_id request;
  cal_http_message *message;
} answer;

static void push_fields(lua_State *L, const cal_http_field *fields, size_t count) {
  lua_createtable(L, 0, (int)count);
  for (size_t i = 0; i < count; i++) {
    lua_pushlstring(L, fields[i].name.at, fields[i].name.bytes);
    lua_pushlstring(L, fields[i].value.at, fields[i].value.bytes);
    lua_rawset(L, -3);
  }
}

static void push_request(lua_State *L, const char *authority, const cal_http_request *request) {
  lua_createtable(L, 0, 8);
  cal_lab_put_text(L, "method", request->method, strlen(request->method));
  cal_lab_put_text(L, "target", request->target.at, request->target.bytes);
  cal_lab_put_text(L, "path", request->path.at, request->path.bytes);
  cal_lab_put_text(L, "query", request->query.at, request->query.bytes);
  cal_lab_put_text(L, "body", request->body.at, request->body.bytes);
  cal_lab_put_text(L, "host", authority, strlen(authority));
  cal_lab_push_url(L, request->is_tls, authority, request->path, request->query);
  lua_setfield(L, -2, "url");
  push_fields(L, request->fields, request->field_count);
  lua_setfield(L, -2, "headers");
  cal_lab_put_number(L, "number", (lua_Number)request->id);
}

/* ---- doubles */

static void give(cal_lua_lab *l, cal_id request, const cal_http_message *message) {
  cal_http_field fields[CAL_LAB_FIELDS];
  size_t count = 0;
  for (; count < message->header_count && count < CAL_LAB_FIELDS; count++)
    fields[count] = (cal_http_field){cal_span_of(message->headers[count].name),
                                     cal_span_of(message->headers[count].value)};
  cal_http_answer reply = {.status = message->status,
                           .fields = fields,
                           .field_count = count,
                           .body = {message->body ? message->body : "", message->body_bytes},
                           .is_open = message->is_streamed};
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

static void answer_later(cal_lua_lab *l, cal_id request, cal_http_message *message, lua_Number seconds) {
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

/* Protected: reads the table a double gave, { status, headers, body, after, open } or { fault }. */
static int read_answer(lua_State *L) {
  reading *r = lua_touserdata(L, 2);
  if (lua_isnil(L, 1)) { /* as a server says it that knows nothing of this */
    r->message->status = 404;
    return 0;
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  const char *fault = cal_luax_text(L, 1, "fault");
  if (fault && strcmp(fault, "silent") && strcmp(fault, "cut"))
    luaL_error(L, "`fault` is \"%s\"; silent and cut are possible", fault);
  snprintf(r->fault, sizeof r->fault, "%s", fault ? fault : "");
  r->message->status = (int)cal_luax_number(L, 1, "status", 200, 200, 599);
  r->after = cal_luax_number(L, 1, "after", 0, 0, CAL_LAB_LONGEST_S);
  r->message->is_streamed = cal_luax_flag(L, 1, "open");
  lua_getfield(L, 1, "body");
  size_t bytes = 0;
  const char *body = lua_tolstring(L, -1, &bytes);
  cal_http_message_set_body(r->message, body, bytes);
  lua_getfield(L, 1, "headers");
  cal_core_add_headers(L, lua_gettop(L), r->message);
  return 0;
}

/* A connection breaks that has carried one request. */
static void cut(cal_lua_lab *l, const char *authority) {
  cal_loopback *network = cal_lab_network(l->lab);
  cal_loopback_set_fault(network, authority, &(cal_loopback_fault){.is_cut = 1});
  cal_loopback_set_fault(network, authority, &(cal_loopback_fault){0});
}

static void on_double(void *context, const cal_http_request *request) {
  host *h = context;
  cal_lua_lab *l = h->owner;
  lua_State *L = l->L;
  int top = lua_gettop(L);
  reading r = {.message = cal_http_message_new()};
  lua_checkstack(L, 16);
  lua_pushcfunction(L, read_answer);
  lua_rawgeti(L, LUA_REGISTRYINDEX, h->fn);
  push_request(L, h->authority, request);
  int is_read = 0;
  if (cal_lab_run_handler(l, 1, 1)) {
    lua_pushlightuserdata(L, &r);
    is_read = cal_lab_run_handler(l, 2, 0);
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

static int on_double_upgrade(void *context, const cal_http_request *request, cal_upgrade *upgrade) {
  host *h = context;
  lua_State *L = h->owner->L;
  int top = lua_gettop(L), status = 500;
  if (h->on_socket == LUA_NOREF) return 404;
  lua_checkstack(L, 16);
  lua_rawgeti(L, LUA_REGISTRYINDEX, h->on_socket);
  push_request(L, h->authority, request);
  if (cal_lab_run_handler(h->owner, 1, 1)) status = cal_lab_accept(h->owner, upgrade);
  lua_settop(L, top);
  return status;
}

static void host_free(host *h) {
  cal_list_remove(&h->node);
  luaL_unref(h->owner->L, LUA_REGISTRYINDEX, h->fn);
  luaL_unref(h->owner->L, LUA_REGISTRYINDEX, h->on_socket);
  cal_free(h->authority);
  cal_free(h);
}

int cal_lab_host(lua_State *L) {
  cal_lua_lab *l = cal_lab_check(L);
  const char *authority = luaL_checkstring(L, 2);
  if (!lua_isnoneornil(L, 3)) luaL_checktype(L, 3, LUA_TFUNCTION);
  if (!lua_isnoneornil(L, 4)) luaL_checktype(L, 4, LUA_TFUNCTION);
  lua_settop(L, 4);
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
  h->on_socket = lua_isnil(L, 4) ? LUA_NOREF : luaL_ref(L, LUA_REGISTRYINDEX);
  lua_settop(L, 3);
  h->fn = luaL_ref(L, LUA_REGISTRYINDEX);
  cal_list_append(&l->hosts, &h->node);
  int code = cal_loopback_host(
      cal_lab_network(l->lab), authority,
      &(cal_loopback_double){.context = h, .on_request = on_double, .on_upgrade = on_double_upgrade});
  if (!code) return 0;
  host_free(h);
  return luaL_error(L, "no double can stand for %s: %s", authority, cal_error_text());
}

/* piece(number, text, "more" | "last" | "cut"): the next of the body of an answer that is open. */
int cal_lab_piece(lua_State *L) {
  static const char *const ends[] = {"more", "last", "cut", NULL};
  cal_lua_lab *l = cal_lab_check(L);
  cal_id request = cal_luax_check_id(L, 2);
  cal_span piece = cal_luax_check_span(L, 3);
  cal_piece_end end = (cal_piece_end)luaL_checkoption(L, 4, "more", ends);
  int code = cal_loopback_piece(cal_lab_network(l->lab), request, piece, end);
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

int cal_lab_fault(lua_State *L) {
  static const struct {
    const char *name;
    int code;
  } refusals[] = {{"ECONNREFUSED", -ECONNREFUSED}, {"ENOENT", -ENOENT}, {"EHOSTUNREACH", -EHOSTUNREACH}};
  cal_lua_lab *l = cal_lab_check(L);
  const char *authority = luaL_checkstring(L, 2);
  cal_loopback_fault fault = {0};
  if (!lua_isnoneornil(L, 3)) {
    luaL_checktype(L, 3, LUA_TTABLE);
    fault.latency_ms = (uint32_t)(1000 * cal_luax_number(L, 3, "latency", 0, 0, 3600));
    fault.is_silent = cal_luax_flag(L, 3, "silent");
    fault.is_cut = cal_luax_flag(L, 3, "cut");
    fault.piece_bytes = (uint32_t)cal_luax_number(L, 3, "piece", 0, 0, 1 << 20);
    fault.piece_ms = (uint32_t)(1000 * cal_luax_number(L, 3, "piece_every", 0, 0, 3600));
    fault.cut_after_bytes = (uint32_t)cal_luax_number(L, 3, "cut_after", 0, 0, 1 << 30);
    const char *refusal = cal_luax_text(L, 3, "refuse");
    for (size_t i = 0; refusal && i < sizeof refusals / sizeof *refusals; i++)
      if (!strcmp(refusal, refusals[i].name)) fault.refuse = refusals[i].code;
    if (refusal && !fault.refuse)
      return luaL_error(L, "`refuse` is \"%s\"; ECONNREFUSED, ENOENT and EHOSTUNREACH are possible", refusal);
  }
  if (cal_loopback_set_fault(cal_lab_network(l->lab), authority, &fault) < 0)
    return luaL_error(L, "%s", cal_error_text());
  return 0;
}

/* ---- requests of the spec */

static void fetch_free(fetch *f) {
  cal_list_remove(&f->node);
  luaL_unref(f->owner->L, LUA_REGISTRYINDEX, f->fn);
  cal_free(f);
}

static void on_fetched(void *context, const cal_http_result *result) {
  fetch *f = context;
  cal_lua_lab *l = f->owner;
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
    cal_lab_put_number(L, "status", result->status);
    cal_lab_put_text(L, "body", result->body.at, result->body.bytes);
    push_fields(L, result->fields, result->field_count);
    lua_setfield(L, -2, "headers");
  }
  cal_lab_run_handler(l, count, 0);
  lua_settop(L, top);
}

size_t cal_lab_read_fields(lua_State *L, int index, cal_http_field *fields) {
  size_t count = 0;
  if (!lua_istable(L, index)) return 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
      luaL_error(L, "`headers` must be a table of strings");
    if (count == CAL_LAB_FIELDS) luaL_error(L, "`headers` has more than %d fields", CAL_LAB_FIELDS);
    cal_http_field *field = &fields[count++]; /* the table holds the texts */
    field->name.at = lua_tolstring(L, -2, &field->name.bytes);
    field->value.at = lua_tolstring(L, -1, &field->value.bytes);
  }
  return count;
}

int cal_lab_fetch(lua_State *L) {
  cal_lua_lab *l = cal_lab_check(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  lua_settop(L, 3);
  cal_http_field fields[CAL_LAB_FIELDS];
  cal_http_fetch_options options = {.method = cal_luax_text(L, 2, "method"),
                                    .url = cal_luax_text_needed(L, 2, "url"),
                                    .user = cal_luax_text(L, 2, "user"),
                                    .password = cal_luax_text(L, 2, "password"),
                                    .fields = fields,
                                    .on_done = on_fetched};
  options.timeout_ms = (uint32_t)(1000 * cal_luax_number(L, 2, "timeout", 30, 0.001, 86400));
  const char *body = cal_luax_text(L, 2, "body");
  if (body) options.body = (cal_span){body, strlen(body)};
  lua_getfield(L, 2, "headers");
  options.field_count = cal_lab_read_fields(L, lua_gettop(L), fields);
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

/* ---- life */

void cal_lab_take_hosts(cal_lua_lab *l) {
  cal_list_each_safe(&l->answers, node, after) {
    answer *a = cal_list_entry(node, answer, node);
    cal_timer_stop(cal_lab_loop(l->lab), &a->timer);
    answer_free(a);
  }
  cal_list_each_safe(&l->hosts, node, after) {
    host *h = cal_list_entry(node, host, node);
    cal_loopback_host(cal_lab_network(l->lab), h->authority, NULL);
    host_free(h);
  }
}

void cal_lab_forget_fetches(cal_lua_lab *l) {
  cal_list_each_safe(&l->fetches, node, after) fetch_free(cal_list_entry(node, fetch, node));
}
