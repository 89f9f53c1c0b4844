#include "vm/vm.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lauxlib.h>
#include <luajit.h>
#include <lualib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "vm/state.h"

#define MEMORY_BYTES ((size_t)16 * 1024 * 1024)
#define ENTRY_BUDGET_MS 50
#define ERROR_CEILING 4096

/* An error outside of any entry: a mistake in C, and the state cannot be trusted after it. LuaJIT would end
 * the process without a word. */
static int on_panic(lua_State *L) {
  const char *text = lua_isstring(L, -1) ? lua_tostring(L, -1) : luaL_typename(L, -1);
  cal_log(CAL_LOG_ERROR, "vm", cal_vm_name(cal_vm_of(L)), "an error was raised outside of an entry: %s",
          text);
  abort();
}

typedef struct opening_of {
  cal_vm *vm;
  const cal_vm_options *options;
} opening_of;

/* Runs protected: everything that may raise while a VM is made. */
static int open_state(lua_State *L) {
  const opening_of *opening = lua_touserdata(L, 1);
  cal_vm *vm = opening->vm;
  lua_settop(L, 0);
  lua_pushcfunction(L, cal_vm_on_error);
  vm->on_error = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  vm->provided = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  vm->modules = luaL_ref(L, LUA_REGISTRYINDEX);
  if (vm->kind == CAL_VM_TOOL) luaL_openlibs(L);
  cal_modules_open(L, vm);
  if (vm->kind != CAL_VM_TOOL) cal_sandbox_open(L, vm); /* last: it locks the globals */
  if (opening->options->open) opening->options->open(L, opening->options->context);
  return 0;
}

static uint64_t budget_ns(uint32_t asked_ms, uint32_t usual_ms) {
  if (asked_ms == CAL_VM_UNLIMITED) return 0;
  return (asked_ms ? asked_ms : usual_ms) * CAL_MS;
}

int cal_vm_new(cal_vm **result, cal_generation *generation, const cal_vm_options *options) {
  int is_tool = options->kind == CAL_VM_TOOL;
  cal_vm *vm = cal_alloc(sizeof *vm);
  vm->kind = options->kind;
  vm->name = cal_strdup(options->name ? options->name : "");
  vm->context = options->context;
  vm->print = options->print;
  vm->asked = options->asked;
  vm->generation = cal_ref(generation);
  vm->memory.ceiling = options->memory_bytes ? options->memory_bytes : is_tool ? SIZE_MAX : MEMORY_BYTES;
  vm->memory.collect_at = vm->memory.ceiling / 2;
  vm->entry_budget_ns = budget_ns(options->entry_budget_ms, is_tool ? 0 : ENTRY_BUDGET_MS);
  vm->life_budget_ns = budget_ns(options->life_budget_ms, 0);
  vm->watch.strike = cal_vm_strike;
  cal_buf_init(&vm->error, ERROR_CEILING);
  cal_buf_init(&vm->last_place, ERROR_CEILING);

  vm->L = lua_newstate(cal_vm_allocate, vm);
  if (!vm->L) {
    cal_vm_free(vm);
    return cal_fail(-ENOMEM, "no memory for a Lua state");
  }
  lua_atpanic(vm->L, on_panic);
  opening_of opening = {vm, options};
  if (lua_cpcall(vm->L, open_state, &opening) != 0) {
    const char *text = lua_tostring(vm->L, -1);
    cal_fail(-EINVAL, "%s: %s", vm->name, text ? text : "an error without text while the VM was made");
    cal_vm_free(vm);
    return -EINVAL;
  }
  /* After the libraries: opening `jit` (a TOOL has it) switches the compiler on. */
  luaJIT_setmode(vm->L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  *result = vm;
  return 0;
}

cal_vm *cal_vm_free(cal_vm *vm) {
  if (!vm) return NULL;
  assert(!vm->is_entered);
  vm->memory.region.is_ending =
      1; /* lua_close is for the finalisers; the rest is done in one step after it */
  if (vm->L) lua_close(vm->L);
  cal_region_free(&vm->memory.region);
  cal_unref(vm->generation);
  cal_buf_free(&vm->error);
  cal_buf_free(&vm->last_place);
  cal_free(vm->name);
  cal_free(vm);
  return NULL;
}

static uint64_t cpu_now_ns(void) {
  struct timespec at;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return (uint64_t)at.tv_sec * CAL_S + (uint64_t)at.tv_nsec;
}

/* The watchdog only sees entries that last a few milliseconds: a life made of shorter ones ends here. */
static int is_life_over(const cal_vm *vm) {
  return vm->life_budget_ns && vm->life_used_ns >= vm->life_budget_ns;
}

/* What this entry may use: its own budget, or what is left of the VM's life when that is less. */
static uint64_t entry_ns(const cal_vm *vm) {
  if (!vm->life_budget_ns) return vm->entry_budget_ns;
  uint64_t left = vm->life_budget_ns - vm->life_used_ns;
  return vm->entry_budget_ns && vm->entry_budget_ns < left ? vm->entry_budget_ns : left;
}

static int run(cal_vm *vm, int nargs, int nresults, int handler) {
  cal_vm_memory *memory = &vm->memory;
  uint64_t started_ns = vm->life_budget_ns ? cpu_now_ns() : 0;
  /* What the last entry left behind when it ran out. Not done then: most such VMs are thrown away instead. */
  if (memory->was_refused) cal_vm_collect(vm, vm->L);
  if (memory->used < memory->ceiling / 2) memory->collect_at = memory->ceiling / 2;
  memory->was_refused = 0;
  vm->was_stopped = 0;
  vm->is_struck = 0;
  vm->stack_start = __builtin_frame_address(0);
  vm->watch.budget_ns = entry_ns(vm);
  cal_buf_clear(&vm->error);
  cal_buf_clear(&vm->last_place);

  vm->is_entered = 1;
  cal_watchdog_enter(&vm->watch);
  int status = lua_pcall(vm->L, nargs, nresults, handler);
  cal_watchdog_leave(&vm->watch); /* no strike after this line … */
  cal_vm_unhook(vm);              /* … so the hook stays away */
  vm->is_entered = 0;
  if (started_ns) vm->life_used_ns += cpu_now_ns() - started_ns;
  return status;
}

/* Stores the sentence: the first line of vm->error, which has the traceback below it. */
static int fail(cal_vm *vm, int code) {
  const char *text = cal_vm_error(vm);
  return cal_fail(code, "%.*s", (int)strcspn(text, "\n"), text);
}

/* LuaJIT calls no message handler for an allocation that is refused. So the line is that where memory last
 * ran short, or the error has the trace of a task, made afterwards. */
static int explain_memory(cal_vm *vm) {
  const char *trace = vm->error.bytes ? strchr(vm->error.data, '\n') : NULL;
  if (!vm->last_place.bytes && trace) cal_buf_append(&vm->last_place, trace, strlen(trace));
  cal_buf_clear(&vm->error);
  cal_buf_format(&vm->error, "not enough memory: the ceiling is %zu bytes; keep less, or for a shorter time",
                 vm->memory.ceiling);
  if (vm->last_place.bytes) cal_buf_append(&vm->error, vm->last_place.data, vm->last_place.bytes);
  return fail(vm, -ENOMEM);
}

static int explain(cal_vm *vm, int status) {
  const char *raised = lua_isstring(vm->L, -1) ? lua_tostring(vm->L, -1) : NULL;
  if (vm->was_stopped) {
    vm->is_condemned = vm->kind != CAL_VM_SERVICE;
    return fail(vm, -ETIMEDOUT);
  }
  int is_memory =
      status == LUA_ERRMEM || (vm->memory.was_refused && raised && strstr(raised, "not enough memory"));
  if (is_memory) return explain_memory(vm);
  if (!vm->error.bytes) cal_buf_text(&vm->error, raised ? raised : "an error without text");
  return fail(vm, -EINVAL);
}

int cal_vm_enter(cal_vm *vm, int nargs, int nresults) {
  lua_State *L = vm->L;
  assert(!vm->is_entered);
  int function = lua_gettop(L) - nargs;
  assert(function > 0);
  if (!vm->is_condemned && is_life_over(vm)) {
    vm->is_condemned = 1;
    cal_buf_clear(&vm->error);
    cal_buf_format(&vm->error, "time budget of %d ms used up", (int)(vm->life_budget_ns / CAL_MS));
  }
  if (vm->is_condemned) {
    lua_settop(L, function - 1);
    return fail(vm, -ETIMEDOUT);
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->on_error);
  lua_insert(L, function);
  int status = run(vm, nargs, nresults, function);
  if (status == 0 && !vm->was_stopped) {
    lua_remove(L, function);
    return 0;
  }
  int code = explain(vm, status);
  lua_settop(L, function - 1);
  return code;
}

int cal_vm_require(cal_vm *vm, const char *module) {
  lua_getfield(vm->L, LUA_GLOBALSINDEX, "require");
  lua_pushstring(vm->L, module);
  return cal_vm_enter(vm, 1, 1);
}

const char *cal_vm_error(const cal_vm *vm) { return vm->error.data ? vm->error.data : ""; }
int cal_vm_is_condemned(const cal_vm *vm) { return vm->is_condemned; }
lua_State *cal_vm_state(cal_vm *vm) { return vm->L; }

cal_vm *cal_vm_of(lua_State *L) {
  void *context = NULL;
  return lua_getallocf(L, &context) == cal_vm_allocate ? context : NULL;
}

void *cal_vm_context(const cal_vm *vm) { return vm->context; }
void cal_vm_set_context(cal_vm *vm, void *context) { vm->context = context; }

void cal_vm_set_name(cal_vm *vm, const char *name) {
  cal_free(vm->name);
  vm->name = cal_strdup(name ? name : "");
}

const char *cal_vm_name(const cal_vm *vm) { return vm->name; }
cal_vm_kind cal_vm_kind_of(const cal_vm *vm) { return vm->kind; }
cal_generation *cal_vm_generation(const cal_vm *vm) { return vm->generation; }
size_t cal_vm_bytes(const cal_vm *vm) { return vm->memory.used; }
size_t cal_vm_peak_bytes(const cal_vm *vm) { return vm->memory.peak; }
