/* context: what a VM's C functions find behind it: made with the VM, bound to a call when the VM is taken from the pool.
 * The VM's own thread. */
#ifndef CAL_SCRIPT_CONTEXT_H
#define CAL_SCRIPT_CONTEXT_H

#include <lua.h>

#include "script/host.h"
#include "vm/vm.h"

typedef struct cal_context {
  cal_reach *reach;
  cal_script_host *host;       /* NULL: a tool, or files that are only being verified */
  struct cal_service *service; /* whose VM this is, or whose call; NULL as above */
  struct cal_live_call *call;  /* NULL: a service VM, a tool, or a warm VM */
  int is_apart;                /* no call comes to it: a file that is judged, an adapter (apart.h) */
  int handler;                 /* registry reference of the event handler; LUA_NOREF until core.handler */
  int has_begun;               /* the handler was given an event */
  cal_timer wake;
} cal_context;

cal_context *cal_context_new(lua_State *L); /* from the `open` of a VM; belongs to it */
cal_context *cal_context_of(lua_State *L);
void cal_context_wake_at(cal_context *context, uint64_t at_ns); /* CAL_EVENT_WAKE comes then; 0: not at all */

#endif
