/* callisto.metrics: what scripts count, set and observe (base/metrics.h).
 *
 * The names of flows begin with callisto_flow_, those of other scripts with callisto_, where the engine's own are out of
 * their reach. New ones of a flow count against its call's quota, and all flows together have at most FLOW_SERIES. */
#include <stdatomic.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/metrics.h"
#include "bind/l_core.h"

#define NAME_BYTES 192
#define FLOW_SERIES 256 /* of the process; there is room for 1,024 metrics */

static atomic_uint flow_series;

static int ends_with(const char *name, size_t bytes, const char *suffix) {
  size_t wanted = strlen(suffix);
  return bytes > wanted && !memcmp(name + bytes - wanted, suffix, wanted);
}

static int is_small(char c) { return (c >= 'a' && c <= 'z') || c == '_'; }

static size_t name_bytes(const char *at) {
  size_t bytes = 0;
  while (is_small(at[bytes]) || (bytes && at[bytes] >= '0' && at[bytes] <= '9')) bytes++;
  return bytes;
}

/* label="value": how many bytes; 0: it is none. */
static size_t label_bytes(const char *at) {
  size_t bytes = name_bytes(at);
  if (!bytes || strncmp(at + bytes, "=\"", 2) != 0) return 0;
  bytes += 2;
  for (; at[bytes] != '"'; bytes++)
    if ((unsigned char)at[bytes] < 0x20 || (unsigned char)at[bytes] > 0x7e || at[bytes] == '\\') return 0;
  return bytes + 1;
}

/* Nothing, or {label="value",…}. */
static int are_labels(const char *at) {
  if (!*at) return 1;
  if (*at != '{') return 0;
  do {
    size_t bytes = label_bytes(++at);
    if (!bytes) return 0;
    at += bytes;
  } while (*at == ',');
  return at[0] == '}' && !at[1];
}

/* A name, perhaps with labels: what is printed for Prometheus must stay one line that it can read. And a name
 * has one kind for ever, ours included, so the name itself says which. */
static void full_name(lua_State *L, char into[NAME_BYTES], const char *suffix) {
  const char *name = luaL_checkstring(L, 1);
  size_t family = name_bytes(name);
  luaL_argcheck(L, family && are_labels(name + family), 1,
                "a name is lower case, digits and _, perhaps with {label=\"value\",…} of plain characters");
  luaL_argcheck(L, strlen(name) <= 150, 1, "a name is at most 150 bytes long");
  if (suffix && !ends_with(name, family, suffix))
    luaL_error(L, "the metric %s must have a name that ends in %s", name, suffix);
  if (!suffix && (ends_with(name, family, "_total") || ends_with(name, family, "_seconds")))
    luaL_error(L, "the gauge %s must not end in _total, as counters do, or in _seconds, as observations do",
               name);
  int is_flow = cal_vm_kind_of(cal_vm_of(L)) == CAL_VM_CALL;
  snprintf(into, NAME_BYTES, "callisto_%s%s", is_flow ? "flow_" : "", name);
}

/* A metric that is not there yet; 0 or a refusal. */
static int take_series(lua_State *L, const char *name) {
  if (cal_vm_kind_of(cal_vm_of(L)) != CAL_VM_CALL) return 0;
  cal_live_call *call = cal_core_check_call(L);
  if (cal_metric_is_known(name)) return 0;
  int code = cal_live_call_take(call, CAL_QUOTA_SERIES, 0);
  if (code) return code;
  if (atomic_fetch_add(&flow_series, 1) < FLOW_SERIES) return 0;
  atomic_fetch_sub(&flow_series, 1);
  return cal_fail(-EDQUOT, "flows have %d metrics already, which is the most they may have together",
                  FLOW_SERIES);
}

/* The script's metric of this name; NULL: a refusal has been pushed. Raises for one of the engine's. */
static cal_metric *metric_of(lua_State *L, const char *suffix, cal_metric *(*find)(const char *name)) {
  char name[NAME_BYTES];
  full_name(L, name, suffix);
  int code = take_series(L, name);
  if (code < 0) {
    cal_luax_refuse(L, code);
    return NULL;
  }
  cal_metric *metric = find(name);
  if (cal_metric_is_ours(metric)) luaL_error(L, "the metric %s is the engine's own", name);
  return metric;
}

static int done(lua_State *L) {
  lua_pushboolean(L, 1);
  return 1;
}

static int metrics_count(lua_State *L) {
  lua_Number by = luaL_optnumber(L, 2, 1);
  luaL_argcheck(L, by >= 0 && by <= 1e15, 2, "how much to add, not negative");
  cal_metric *metric = metric_of(L, "_total", cal_counter_of_script);
  if (!metric) return 3;
  cal_metric_add(metric, (int64_t)by);
  return done(L);
}

static int metrics_gauge(lua_State *L) {
  lua_Number value = luaL_checknumber(L, 2);
  luaL_argcheck(L, value >= -1e15 && value <= 1e15, 2, "a value of up to fifteen digits");
  cal_metric *metric = metric_of(L, NULL, cal_gauge_of_script);
  if (!metric) return 3;
  cal_metric_set(metric, (int64_t)value);
  return done(L);
}

static int metrics_observe(lua_State *L) {
  lua_Number seconds = luaL_checknumber(L, 2);
  cal_metric *metric = metric_of(L, "_seconds", cal_histogram_of_script);
  if (!metric) return 3;
  cal_metric_observe(metric, seconds);
  return done(L);
}

int cal_lib_metrics(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"count", metrics_count}, {"gauge", metrics_gauge}, {"observe", metrics_observe}, {NULL, NULL}};
  return cal_luax_module(L, functions);
}
