/* lib: the C modules that scripts may require. Each opener pushes one module table; all are loaded lazily by
 * `require`. The VM's own thread. */
#ifndef CAL_BIND_LIB_H
#define CAL_BIND_LIB_H

#include <stdint.h>

#include <lua.h>

#include "base/buf.h"

int cal_lib_core(lua_State *L);    /* callisto.core: what it holds depends on the kind of VM */
int cal_lib_json(lua_State *L);    /* callisto.json */
int cal_lib_xml(lua_State *L);     /* callisto.xml */
int cal_lib_crypto(lua_State *L);  /* callisto.crypto */
int cal_lib_log(lua_State *L);     /* callisto.log */
int cal_lib_metrics(lua_State *L); /* callisto.metrics */
int cal_lib_shared(lua_State *L);  /* callisto.shared */
int cal_lib_zone(lua_State *L);    /* callisto.zone */

int cal_lib_lab(lua_State *L);  /* callisto.lab: in a tool's VM only */
int cal_lab_wire(lua_State *L); /* its wires */

/* Offers all of them to `require`; from the `open` of a VM. */
void cal_lib_provide(lua_State *L);

/* nil, message, code: what the world refused. Pushes three values; `code` is a negative errno. */
int cal_lib_refuse(lua_State *L, int code);

/* Memory of C while Lua may still raise: a userdata, pushed here, releases what it holds when nobody has
 * taken it. */
typedef struct cal_owned {
  void *object; /* NULL: nothing */
  void *(*release)(void *object);
} cal_owned;

cal_owned *cal_lib_own(lua_State *L, void *(*release)(void *object)); /* set `object` at once */
void *cal_lib_take(cal_owned *owned);                                 /* returns owned */
cal_buf *cal_lib_buf(lua_State *L, size_t ceiling); /* pushes a userdata; freed with it, or by cal_buf_free */

/* callisto.json's decode: pushes the value, or nil and a message; how many. */
int cal_lib_json_decode(lua_State *L, const char *text, size_t bytes);

/* The whole number at `index`, which names a request. */
uint64_t cal_lib_check_id(lua_State *L, int index);

#endif
