/* l_core: the parts of callisto.core. Each adds its functions to the table on top of the stack. The VM's own
 * thread. */
#ifndef CAL_BIND_L_CORE_H
#define CAL_BIND_L_CORE_H

#include <lua.h>

#include "base/slots.h"
#include "bind/lib.h"
#include "net/message.h"

void cal_core_add_common(lua_State *L);  /* every VM */
void cal_core_add_call(lua_State *L);    /* a call's VM */
void cal_core_add_service(lua_State *L); /* a service VM */
void cal_core_add_sockets(lua_State *L); /* the same: sockets that come before their calls, last words */

void cal_core_set(lua_State *L, const char *name, lua_CFunction function);

/* Fields of an options table at `index`. Strings are borrowed as long as the table holds them. */
const char *cal_core_text(lua_State *L, int index,
                          const char *field); /* NULL when absent; an error for another type */
const char *cal_core_text_needed(lua_State *L, int index, const char *field);
lua_Number cal_core_number(lua_State *L, int index, const char *field, lua_Number otherwise, lua_Number least,
                           lua_Number most);
int cal_core_flag(lua_State *L, int index, const char *field);

/* JSON that the last word of a call may carry (wire/wire.h); NULL when absent; an error for anything else. */
const char *cal_core_json(lua_State *L, int index, const char *field);
/* The call of this name, open on this thread, gets a held socket. */
void cal_core_take_socket(lua_State *L, cal_id socket, const char *call);

/* A new HTTP message in a userdata that frees it unless it is taken (lib.h). */
cal_owned *cal_core_message(lua_State *L);
/* The pairs of the table at `index` that are texts; nil is fine. May raise. */
void cal_core_add_headers(lua_State *L, int index, cal_http_message *message);

/* The media declaration at `index`, compiled: pushes a userdata that holds one reference. */
int cal_core_wire(lua_State *L);
struct cal_wire *cal_core_check_wire(lua_State *L, int index);

#endif
