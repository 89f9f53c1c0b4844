/* init: the C modules that scripts may require. Each opener pushes one module table; all are loaded lazily by
 * `require`. The VM's own thread. */
#ifndef CAL_BIND_INIT_H
#define CAL_BIND_INIT_H

#include <stddef.h>

#include <lua.h>

int cal_lib_core(lua_State *L);    /* callisto.core: what it holds depends on the kind of VM */
int cal_lib_json(lua_State *L);    /* callisto.json */
int cal_lib_xml(lua_State *L);     /* callisto.xml */
int cal_lib_crypto(lua_State *L);  /* callisto.crypto */
int cal_lib_log(lua_State *L);     /* callisto.log */
int cal_lib_metrics(lua_State *L); /* callisto.metrics */
int cal_lib_shared(lua_State *L);  /* callisto.shared */
int cal_lib_zone(lua_State *L);    /* callisto.zone */
int cal_lib_locale(lua_State *L);  /* callisto.locale */

/* Offers all of them to `require`; from the `open` of a VM, when it has its context (script/context.h). */
void cal_bind_open(lua_State *L);

typedef struct cal_json_reading {
  int keeps_nulls; /* a field that is null is json.null; else it is absent */
  int rounds;      /* a whole number from 2^53 on is the nearest number; else its text */
} cal_json_reading;

/* callisto.json's decode: pushes the value, or nil and a message; how many. */
int cal_lib_json_decode(lua_State *L, const char *text, size_t bytes, cal_json_reading how);

#endif
