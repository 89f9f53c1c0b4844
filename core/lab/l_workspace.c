/* callisto.workspace, for tools: what a folder of scripts is, without running any of it beside the tool. */
#include <lauxlib.h>

#include "base/mem.h"
#include "bind/luax.h"
#include "lab/l_lab.h"
#include "script/apart.h"
#include "script/context.h"
#include "script/edition.h"
#include "script/judge.h"
#include "script/lua_value.h"

static void *free_value(void *value) { return cal_free(value); }

static int push_owned(lua_State *L, cal_value *value) {
  cal_owned *owned = cal_luax_own(L, free_value);
  owned->object = value;
  cal_lua_push_value(L, value);
  return 1;
}

/* judge(folder [, prefix]) → verdict | nil, message, code */
static int judge(lua_State *L) {
  const char *folder = luaL_checkstring(L, 1), *prefix = luaL_optstring(L, 2, "");
  cal_reach *reach = cal_context_of(L)->reach;
  cal_generation *generation;
  cal_value *verdict;
  int code = cal_edition_compile(&generation,
                                 &(cal_edition_sources){.workspace = folder, .library = reach->library});
  if (code < 0) return cal_luax_refuse(L, code);
  cal_readings *readings = cal_readings_make(reach, generation, prefix, NULL);
  code = cal_judge(&verdict, reach, readings);
  cal_unref(readings);
  cal_unref(generation);
  return code < 0 ? cal_luax_refuse(L, code) : push_owned(L, verdict);
}

/* data(path, text) → value | nil, message, code */
static int data(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  cal_span text = cal_luax_check_span(L, 2);
  cal_value *value;
  int code = cal_apart_data(&value, cal_context_of(L)->reach, path, text);
  return code < 0 ? cal_luax_refuse(L, code) : push_owned(L, value);
}

int cal_lib_workspace(lua_State *L) {
  static const luaL_Reg functions[] = {{"judge", judge}, {"data", data}, {NULL, NULL}};
  return cal_luax_module(L, functions);
}
