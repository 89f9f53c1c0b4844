/* callisto.lab, its time: what a double does later. */
#include "base/mem.h"
#include "bind/luax.h"
#include "lab/l_lab.h"

typedef struct later {
  cal_timer timer; /* first, so that the timer is this */
  cal_list node;
  cal_lua_lab *owner;
  int fn;
} later;

static void later_free(later *l) {
  cal_list_remove(&l->node);
  luaL_unref(l->owner->L, LUA_REGISTRYINDEX, l->fn);
  cal_free(l);
}

static void on_due(cal_timer *timer) {
  later *l = (later *)timer;
  cal_lua_lab *owner = l->owner;
  int top = lua_gettop(owner->L);
  lua_checkstack(owner->L, 16);
  lua_rawgeti(owner->L, LUA_REGISTRYINDEX, l->fn);
  later_free(l);
  cal_lab_run_handler(owner, 0, 0);
  lua_settop(owner->L, top);
}

/* after(seconds, fn) */
int cal_lab_after(lua_State *L) {
  cal_lua_lab *owner = cal_lab_check(L);
  lua_Number seconds = luaL_checknumber(L, 2);
  luaL_argcheck(L, seconds >= 0 && seconds <= CAL_LAB_LONGEST_S, 2, "seconds, from 0 to 1e7");
  luaL_checktype(L, 3, LUA_TFUNCTION);
  lua_settop(L, 3);
  cal_loop *loop = cal_lab_loop(owner->lab);
  later *l = cal_alloc(sizeof *l);
  l->owner = owner;
  l->fn = luaL_ref(L, LUA_REGISTRYINDEX);
  cal_list_append(&owner->later, &l->node);
  cal_timer_start(loop, &l->timer, cal_loop_now_ns(loop) + (uint64_t)(seconds * 1e9), on_due);
  return 0;
}

void cal_lab_forget_later(cal_lua_lab *owner) {
  cal_list_each_safe(&owner->later, node, next) {
    later *l = cal_list_entry(node, later, node);
    cal_timer_stop(cal_lab_loop(owner->lab), &l->timer);
    later_free(l);
  }
}
