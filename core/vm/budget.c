#include <lauxlib.h>

#include "base/clock.h"
#include "vm/state.h"

/* Of C stack for scripts that call C that calls scripts. Threads have 8 MiB, but a script that is stopped at the
 * bottom of a deep stack holds its thread until it has been unwound: 512 KiB of coroutines took 70 ms. */
#define STACK_BYTES (128 * 1024)

static void on_hook(lua_State *L, lua_Debug *where);

static void set_hook(cal_vm *vm, lua_Hook hook, int mask) {
  vm->is_setting_hook = 1;
  vm->is_hooked = hook != NULL;
  lua_sethook(vm->L, hook, mask, hook ? 1 : 0);
  vm->is_setting_hook = 0;
}

/* Signal handler's side, but also called by the allocator. Every mask, so that no loop of any shape misses
 * it. */
void cal_vm_interrupt(cal_vm *vm) {
  if (vm->is_setting_hook) return; /* the watchdog kicks again in a few milliseconds */
  set_hook(vm, on_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT);
}

void cal_vm_strike(cal_watch *watch) {
  cal_vm *vm = (cal_vm *)((char *)watch - offsetof(cal_vm, watch));
  vm->is_struck = 1;
  cal_vm_interrupt(vm);
}

void cal_vm_unhook(cal_vm *vm) {
  if (vm->is_hooked) set_hook(vm, NULL, 0);
}

/* Raises the time-out. Message and traceback are made the first time: later ones, raised while pcalls are being
 * left one by one, would only show the way out. */
static int raise_timeout(cal_vm *vm, lua_State *L, int level) {
  if (vm->was_stopped) {
    lua_pushliteral(L, "time budget used up");
    return lua_error(L);
  }
  int is_life = vm->watch.budget_ns != vm->entry_budget_ns;
  luaL_where(L, level);
  if (is_life)
    lua_pushfstring(L, "time budget of %d ms used up", (int)(vm->life_budget_ns / CAL_MS));
  else
    lua_pushfstring(L, "time budget of %d ms used up; work that is long must wait in between (task.pause)",
                    (int)(vm->entry_budget_ns / CAL_MS));
  lua_concat(L, 2);
  vm->was_stopped = 1;
  cal_vm_write_error(vm, L, lua_tostring(L, -1));
  return lua_error(L);
}

/* A coroutine may have thousands of pcalls to be left, each at the price of an exception, and there may be a hundred
 * such coroutines inside each other. The VM of a call is never entered again, so its coroutines are left where they
 * are: one yield is past all of their pcalls. */
static void stop(cal_vm *vm, lua_State *L) {
  if (!vm->was_stopped || vm->kind != CAL_VM_CALL || !lua_isyieldable(L)) raise_timeout(vm, L, 0);
  lua_yield(L, 0);
}

/* Runs in the interrupted coroutine; a hook is common to all of them. It stays set after a time-out, so that
 * `while true do pcall(f) end` gets no further than the next instruction. */
static void on_hook(lua_State *L, lua_Debug *where) {
  cal_vm *vm = cal_vm_of(L);
  if (vm->is_struck) stop(vm, L);
  set_hook(vm, NULL, 0);
  if (!vm->memory.was_refused) cal_vm_write_place(vm, L);
  cal_vm_collect(vm, L);
  /* A strike between the two lines above lost its hook; the watchdog's next kick sets it again. */
}

void cal_vm_check_budget(lua_State *L) {
  cal_vm *vm = cal_vm_of(L);
  if (vm && vm->is_struck) raise_timeout(vm, L, 1);
}

void cal_vm_check_stack(lua_State *L) {
  cal_vm *vm = cal_vm_of(L);
  const char *here = __builtin_frame_address(0);
  if (vm && vm->stack_start && vm->stack_start - here > STACK_BYTES)
    luaL_error(L, "C stack overflow: functions that call back are nested too deep");
}

/* LuaJIT runs the handler of xpcall before it leaves the hook that raised, with hooks off: a loop in it could
 * not be stopped. So once the time is used up a script's handler is not called any more. */
static int run_handler(lua_State *L) {
  cal_vm *vm = cal_vm_of(L);
  lua_settop(L, 1);
  if (vm->is_struck) return 1;
  cal_vm_check_stack(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

int cal_vm_guard_handler(lua_State *L) {
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  lua_pushcclosure(L, run_handler, 1);
  return 1;
}
