/* modules: `require`. A VM has modules from two places, asked in this order: its generation, then the C
 * modules that were provided. There is no search in the file system. */
#include <string.h>

#include <lauxlib.h>

#include "base/buf.h"
#include "vm/state.h"

/* The chain of modules now being loaded: each link lives on the C stack of its require. */
typedef struct cal_vm_loading {
  const char *name;
  struct cal_vm_loading *outer;
} cal_vm_loading;

void cal_vm_provide(lua_State *L, const char *name, lua_CFunction opener) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, cal_vm_of(L)->provided);
  lua_pushcfunction(L, opener);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

/* Pushes the function that makes the module and returns 1, or returns 0. A broken module raises its error. */
static int push_loader(lua_State *L, cal_vm *vm, const char *name) {
  const cal_module *module = vm->generation ? cal_generation_find(vm->generation, name) : NULL;
  if (module && module->error) return luaL_error(L, "module '%s' is broken: %s", name, module->error);
  if (module) {
    /* The chunk's name is inside the bytecode; this one only shows if the bytecode itself were refused. */
    if (luaL_loadbufferx(L, module->bytecode, module->bytes, name, "b") != 0) return lua_error(L);
    return 1;
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->provided);
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
  if (lua_isfunction(L, -1)) return 1;
  lua_pop(L, 1);
  return 0;
}

static void refuse_circle(lua_State *L, const cal_vm_loading *loading, const char *name) {
  const cal_vm_loading *link = loading;
  while (link && strcmp(link->name, name) != 0) link = link->outer;
  if (!link) return;
  /* "a needs b needs a", put together backwards from the innermost. */
  lua_pushfstring(L, "'%s'", name);
  for (const cal_vm_loading *at = loading;; at = at->outer) {
    lua_pushfstring(L, "'%s' needs %s", at->name, lua_tostring(L, -1));
    lua_remove(L, -2);
    if (at == link) break;
  }
  luaL_error(L, "modules require each other in a circle: %s", lua_tostring(L, -1));
}

/* Calls the loader on top of the stack with the module's name; leaves the module's value. */
static void load(lua_State *L, cal_vm *vm, const char *name) {
  cal_vm_loading link = {name, vm->loading};
  vm->loading = &link;
  lua_pushstring(L, name);
  int status = lua_pcall(L, 1, 1, 0);
  vm->loading = link.outer;
  if (status != 0) lua_error(L);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  lua_pushboolean(L, 1);
}

/* 'templates.order', not 'templates/order' nor '../order.lua'. */
static int is_module_name(const char *name) {
  return *name &&
         name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")] == '\0' &&
         !strstr(name, "..");
}

static int refuse_unknown(lua_State *L, const char *name) {
  const char *remedy = cal_sandbox_instead(name);
  if (!remedy)
    remedy = is_module_name(name) ? "templates/order.lua is 'templates.order'"
                                  : "a module's name is not a path: templates/order.lua is 'templates.order'";
  return luaL_error(L, "module '%s' is not there: %s", name, remedy);
}

static void note(cal_buf *asked, const char *name) {
  if (asked->ceiling && cal_buf_append(asked, name, strlen(name) + 1)) asked->ceiling = 0;
}

static int l_require(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  cal_vm *vm = cal_vm_of(L);
  lua_settop(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->modules);
  lua_pushvalue(L, 1);
  lua_rawget(L, 2);
  if (!lua_isnil(L, -1)) return 1;
  if (vm->asked) note(vm->asked, name);
  cal_vm_check_stack(L);
  refuse_circle(L, vm->loading, name);
  if (!push_loader(L, vm, name)) return refuse_unknown(L, name);
  load(L, vm, name);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, -2);
  lua_rawset(L, 2);
  return 1;
}

/* A TOOL's first entry in package.loaders; stock require keeps package.loaded and finds circles. */
static int search(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  if (push_loader(L, cal_vm_of(L), name)) return 1;
  lua_pushfstring(L, "\n\tno module '%s' in this generation of code", name);
  return 1;
}

static int memory_used(lua_State *L) {
  lua_pushnumber(L, (lua_Number)cal_vm_bytes(cal_vm_of(L)));
  return 1;
}

/* callisto.vm: what scripts may know about the machine they run in. */
static int open_vm_module(lua_State *L) {
  static const char *const kinds[] = {
      [CAL_VM_CALL] = "call", [CAL_VM_SERVICE] = "service", [CAL_VM_TOOL] = "tool"};
  cal_vm *vm = cal_vm_of(L);
  lua_createtable(L, 0, 4);
  lua_pushcfunction(L, cal_vm_traceback);
  lua_setfield(L, -2, "traceback");
  lua_pushcfunction(L, memory_used);
  lua_setfield(L, -2, "memory_bytes");
  lua_pushstring(L, kinds[vm->kind]);
  lua_setfield(L, -2, "kind");
  lua_pushnumber(L, vm->generation ? (lua_Number)cal_generation_serial(vm->generation) : 0);
  lua_setfield(L, -2, "generation");
  return 1;
}

static void put_searcher_first(lua_State *L) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "loaders");
  for (int i = (int)lua_objlen(L, -1); i >= 1; i--) {
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushcfunction(L, search);
  lua_rawseti(L, -2, 1);
  lua_pop(L, 2);
}

void cal_modules_open(lua_State *L, cal_vm *vm) {
  cal_vm_provide(L, "callisto.vm", open_vm_module);
  if (vm->kind == CAL_VM_TOOL) {
    put_searcher_first(L);
    return;
  }
  lua_pushcfunction(L, l_require);
  lua_setglobal(L, "require");
}
