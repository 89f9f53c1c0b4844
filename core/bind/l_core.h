/* l_core: the parts of callisto.core. Each adds its functions to the table on top of the stack. The VM's own
 * thread. */
#ifndef CAL_BIND_L_CORE_H
#define CAL_BIND_L_CORE_H

#include <lua.h>

#include "base/slots.h"
#include "bind/init.h"
#include "bind/luax.h"
#include "net/message.h"
#include "script/context.h"
#include "script/live_call.h"

void cal_core_add_common(lua_State *L);  /* every VM */
void cal_core_add_call(lua_State *L);    /* a call's VM */
void cal_core_add_service(lua_State *L); /* a service VM */
void cal_core_add_spoken(lua_State *L);  /* the same: the voice of the process, for those that play vendors */
void cal_core_add_calls(lua_State *L);   /* the same: calls and their parties */
void cal_core_add_sockets(lua_State *L); /* the same: sockets that come before their calls, last words */

/* The call of this VM, or the VM's context; raises while a file loads in a VM that has no call yet. */
cal_live_call *cal_core_check_call(lua_State *L);
cal_context *cal_core_check_alive(lua_State *L);

/* JSON that the last word of a call may carry (wire/wire.h); NULL when absent; an error for anything else. */
const char *cal_core_json(lua_State *L, int index, const char *field);
/* The call of this name, open on this thread, gets a held socket. */
void cal_core_take_socket(lua_State *L, cal_id socket, const char *call);

/* A new HTTP message in a userdata that frees it unless it is taken (luax.h). */
cal_owned *cal_core_message(lua_State *L);
/* The pairs of the table at `index` that are texts; nil is fine. May raise. */
void cal_core_add_headers(lua_State *L, int index, cal_http_message *message);

/* The media declaration at `index`, compiled: pushes a userdata that holds one reference. */
int cal_core_wire(lua_State *L);
struct cal_wire *cal_core_check_wire(lua_State *L, int index);

#endif
