/* callisto.metrics: what scripts count, set and observe (base/metrics.h). */
#include <stdio.h>
#include <string.h>

#include "base/metrics.h"
#include "bind/init.h"
#include "bind/luax.h"

static int ends_with(const char *name, size_t bytes, const char *suffix) {
  size_t wanted = strlen(suffix);
  return bytes > wanted && !memcmp(name + bytes - wanted, suffix, wanted);
}

/* A name, perhaps with labels: what is printed for Prometheus must stay one line that it can read. And a name
 * has one kind for ever, ours included, so the name itself says which. */
static const char *full_name(lua_State *L, char *into, size_t room, const char *suffix) {
  const char *name = luaL_checkstring(L, 1);
  size_t family = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
  int is_whole = family && (!name[family] || (name[family] == '{' && name[strlen(name) - 1] == '}'));
  luaL_argcheck(L, is_whole && !strpbrk(name, "\n\\"), 1,
                "a name is lower case, digits and _, perhaps with {label=\"value\"}");
  luaL_argcheck(L, strlen(name) + sizeof "callisto_" <= room, 1, "a name is at most 150 bytes long");
  if (suffix && !ends_with(name, family, suffix))
    luaL_error(L, "the metric %s must have a name that ends in %s", name, suffix);
  if (!suffix && (ends_with(name, family, "_total") || ends_with(name, family, "_seconds")))
    luaL_error(L, "the gauge %s must not end in _total, as counters do, or in _seconds, as observations do",
               name);
  snprintf(into, room, "callisto_%s", name);
  return into;
}

static int metrics_count(lua_State *L) {
  char name[160];
  cal_metric_add(cal_counter(full_name(L, name, sizeof name, "_total"), "counted by a script"),
                 luaL_optinteger(L, 2, 1));
  return 0;
}

static int metrics_gauge(lua_State *L) {
  char name[160];
  cal_metric_set(cal_gauge(full_name(L, name, sizeof name, NULL), "set by a script"),
                 luaL_checkinteger(L, 2));
  return 0;
}

static int metrics_observe(lua_State *L) {
  char name[160];
  cal_metric_observe(cal_histogram(full_name(L, name, sizeof name, "_seconds"), "observed by a script"),
                     luaL_checknumber(L, 2));
  return 0;
}

int cal_lib_metrics(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"count", metrics_count}, {"gauge", metrics_gauge}, {"observe", metrics_observe}, {NULL, NULL}};
  return cal_luax_module(L, functions);
}
