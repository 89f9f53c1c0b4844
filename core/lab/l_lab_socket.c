/* callisto.lab, its WebSockets: those that doubles take, and those that a spec dials. */
#include <errno.h>

#include "base/error.h"
#include "base/mem.h"
#include "bind/luax.h"
#include "lab/l_lab.h"

#define SOCKET "callisto.lab.socket"

/* A WebSocket that a double has accepted, or a spec has dialled. */
typedef struct line {
  cal_list node;
  cal_lua_lab *owner;
  cal_ws *ws;   /* NULL: not open yet, or closed */
  int handlers; /* what on_socket gave, or the spec: { open, message, close } */
  int self;     /* the userdata they are given, which points here until the end */
} line;

/* ---- handlers */

/* Calls a handler with the socket and `nargs` values that lie on the stack. */
static void tell_line(line *l, const char *name, int nargs) {
  lua_State *L = l->owner->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, l->handlers);
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
  if (lua_isnil(L, -1)) {
    lua_pop(L, nargs + 1);
    return;
  }
  lua_insert(L, -nargs - 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, l->self);
  lua_insert(L, -nargs - 1);
  cal_lab_run_handler(l->owner, nargs + 1, 0);
}

static void on_line_open(void *context, cal_ws *ws) {
  line *l = context;
  l->ws = ws;
  lua_checkstack(l->owner->L, 16);
  tell_line(l, "open", 0);
}

static void on_line_message(void *context, char *data, size_t bytes, int is_binary) {
  line *l = context;
  lua_checkstack(l->owner->L, 16);
  lua_pushlstring(l->owner->L, data, bytes);
  lua_pushboolean(l->owner->L, is_binary);
  tell_line(l, "message", 2);
}

/* The table of its handlers is on the stack, and taken off it. */
static line *line_new(cal_lua_lab *owner) {
  lua_State *L = owner->L;
  line *l = cal_alloc(sizeof *l);
  l->owner = owner;
  l->handlers = luaL_ref(L, LUA_REGISTRYINDEX);
  *(line **)lua_newuserdata(L, sizeof l) = l;
  luaL_getmetatable(L, SOCKET);
  lua_setmetatable(L, -2);
  l->self = luaL_ref(L, LUA_REGISTRYINDEX);
  cal_list_append(&owner->sockets, &l->node);
  return l;
}

static void line_free(line *l) {
  lua_State *L = l->owner->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, l->self);
  *(line **)lua_touserdata(L, -1) = NULL;
  lua_pop(L, 1);
  luaL_unref(L, LUA_REGISTRYINDEX, l->self);
  luaL_unref(L, LUA_REGISTRYINDEX, l->handlers);
  cal_list_remove(&l->node);
  cal_free(l);
}

static void on_line_close(void *context, const cal_ws_end *end) {
  line *l = context;
  lua_State *L = l->owner->L;
  l->ws = NULL;
  lua_checkstack(L, 16);
  lua_pushinteger(L, end->code);
  lua_pushstring(L, end->text);
  lua_pushinteger(L, end->status);
  tell_line(l, "close", 3);
  line_free(l);
}

static cal_ws_handlers handlers_of(line *l) {
  return (cal_ws_handlers){
      .context = l, .on_open = on_line_open, .on_message = on_line_message, .on_close = on_line_close};
}

/* ---- birth */

int cal_lab_accept(cal_lua_lab *owner, cal_upgrade *upgrade) {
  lua_State *L = owner->L;
  if (!lua_istable(L, -1)) {
    int status = (int)lua_tointeger(L, -1);
    return status >= 400 && status <= 599 ? status : 404;
  }
  upgrade->handlers = handlers_of(line_new(owner));
  return 0;
}

int cal_lab_dial(lua_State *L) {
  cal_lua_lab *l = cal_lab_check(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_settop(L, 3);
  cal_http_field fields[CAL_LAB_FIELDS];
  cal_ws_connect_options options = {.url = cal_luax_text_needed(L, 2, "url"),
                                    .subprotocol = cal_luax_text(L, 2, "protocol"),
                                    .fields = fields};
  lua_getfield(L, 2, "headers");
  options.field_count = cal_lab_read_fields(L, lua_gettop(L), fields);
  lua_pushvalue(L, 3);
  line *made = line_new(l);
  options.handlers = handlers_of(made);
  cal_ws *ws;
  int code = cal_ws_connect(&ws, cal_lab_net(l->lab), &options);
  lua_rawgeti(L, LUA_REGISTRYINDEX, made->self);
  if (!code) return 1;
  line_free(made);
  return luaL_error(L, "the socket could not be dialled: %s", cal_error_text());
}

/* ---- methods */

static line *check_line(lua_State *L) { return *(line **)luaL_checkudata(L, 1, SOCKET); }

static int socket_send(lua_State *L) {
  line *l = check_line(L);
  size_t bytes;
  const char *data = luaL_checklstring(L, 2, &bytes);
  int code = l && l->ws
                 ? cal_ws_send_copy(l->ws, data, bytes, lua_toboolean(L, 3) ? CAL_WS_BINARY : CAL_WS_TEXT)
                 : cal_fail(-ENOTCONN, "the socket is not open");
  if (code < 0) return cal_luax_refuse(L, code);
  lua_pushboolean(L, 1);
  return 1;
}

static int socket_close(lua_State *L) {
  line *l = check_line(L);
  if (l && l->ws) cal_ws_close(l->ws, (int)luaL_optinteger(L, 2, 1000), luaL_optstring(L, 3, ""));
  return 0;
}

/* ---- life */

void cal_lab_add_sockets(lua_State *L) {
  static const luaL_Reg methods[] = {{"send", socket_send}, {"close", socket_close}, {NULL, NULL}};
  cal_lab_add_class(L, SOCKET, methods, NULL);
}

void cal_lab_forget_sockets(cal_lua_lab *l) {
  cal_list_each_safe(&l->sockets, node, after) line_free(cal_list_entry(node, line, node));
}
