/* l_lab: what the files of callisto.lab share: l_lab.c (worlds and engines), l_lab_net.c (doubles of other
 * hosts, requests of the spec), l_lab_socket.c (their WebSockets) and l_lab_later.c (their timers). The thread of the tool's VM. */
#ifndef CAL_LAB_L_LAB_H
#define CAL_LAB_L_LAB_H

#include <lauxlib.h>
#include <lua.h>

#include "base/list.h"
#include "lab/lab.h"

#define CAL_LAB_CLASS "callisto.lab"
#define CAL_LAB_LONGEST_S 1e7 /* of one move */
#define CAL_LAB_FIELDS 64     /* of a request's headers, at most */

typedef struct cal_lua_lab {
  cal_lab *lab; /* NULL: closed */
  lua_State *L; /* of the script that moves it; callbacks run there */
  int is_moving;
  int failure; /* reference: the first error of a handler, raised when the move is over; LUA_NOREF */
  cal_list hosts, fetches, answers, sockets, later;
} cal_lua_lab;

cal_lua_lab *cal_lab_check(lua_State *L); /* argument 1; raises when it is closed */
/* Calls the function below `nargs` values. 1; 0: it failed, which is kept and raised when the lab stands
 * still again. */
int cal_lab_run_handler(cal_lua_lab *l, int nargs, int nresults);

void cal_lab_put_text(lua_State *L, const char *name, const char *text,
                      size_t bytes); /* a field of the table on top */
void cal_lab_put_number(lua_State *L, const char *name, lua_Number number);
void cal_lab_push_url(lua_State *L, int is_tls, const char *authority, cal_span path, cal_span query);
void cal_lab_add_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction collect);

int cal_lib_lab(lua_State *L);       /* callisto.lab: in a tool's VM only */
int cal_lib_workspace(lua_State *L); /* callisto.workspace: l_workspace.c */
int cal_lab_wire(lua_State *L);      /* its wires: l_lab_wire.c */
/* Its voice and ear: l_lab_spoken.c. */
int cal_lab_spoken(lua_State *L);
int cal_lab_ear(lua_State *L);
/* Samples as text: 16 bit, little-endian. The checked ones are in a userdata on top of the stack. */
void cal_lab_push_samples(lua_State *L, const int16_t *samples, size_t count);
int16_t *cal_lab_check_samples(lua_State *L, int index, size_t *count);

/* l_lab_net.c */
int cal_lab_host(lua_State *L);
int cal_lab_piece(lua_State *L);
int cal_lab_fault(lua_State *L);
int cal_lab_fetch(lua_State *L);
/* A table of strings, whose texts it keeps. Raises; `fields` has CAL_LAB_FIELDS. How many. */
size_t cal_lab_read_fields(lua_State *L, int index, cal_http_field *fields);
void cal_lab_take_hosts(cal_lua_lab *l);     /* before the world ends */
void cal_lab_forget_fetches(cal_lua_lab *l); /* after it */

/* l_lab_later.c */
int cal_lab_after(lua_State *L);
void cal_lab_forget_later(cal_lua_lab *l); /* before the world ends */

/* l_lab_socket.c */
/* What a double's on_socket gave is on the stack: handlers, or a status. 0, or the status that refuses. */
int cal_lab_accept(cal_lua_lab *l, cal_upgrade *upgrade);
int cal_lab_dial(lua_State *L);
void cal_lab_add_sockets(lua_State *L);
void cal_lab_forget_sockets(cal_lua_lab *l); /* after the world has ended */

#endif
