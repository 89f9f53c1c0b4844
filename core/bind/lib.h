/* lib: the C modules that scripts may require. Each opener pushes one module table; all are loaded lazily by `require`.
 * The VM's own thread. */
#ifndef CAL_BIND_LIB_H
#define CAL_BIND_LIB_H

#include <lua.h>

int cal_lib_core(lua_State *L);    /* callisto.core: what it holds depends on the kind of VM */
int cal_lib_json(lua_State *L);    /* callisto.json */
int cal_lib_xml(lua_State *L);     /* callisto.xml */
int cal_lib_crypto(lua_State *L);  /* callisto.crypto */
int cal_lib_log(lua_State *L);     /* callisto.log */
int cal_lib_metrics(lua_State *L); /* callisto.metrics */
int cal_lib_shared(lua_State *L);  /* callisto.shared */

/* Offers all of them to `require`; from the `open` of a VM. */
void cal_lib_provide(lua_State *L);

/* nil, message, code: what the world refused. Pushes three values; `code` is a negative errno. */
int cal_lib_refuse(lua_State *L, int code);

#endif
