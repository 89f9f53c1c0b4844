/* vm: a Lua virtual machine with a ceiling on its memory, a budget on its time and a sandbox around it.
 *
 * Every live call has one of kind CALL, every script thread one of kind SERVICE; `callisto lua` and the specs
 * run in one of kind TOOL, which is the developer's own process and has everything stock Lua has. A VM loads
 * its modules from one generation (generation.h) for the whole of its life.
 *
 *   cal_vm_new(&vm, generation, &options);
 *   lua_State *L = cal_vm_state(vm);
 *   lua_rawgeti(L, LUA_REGISTRYINDEX, handler); lua_pushliteral(L, "wake");
 *   if (cal_vm_enter(vm, 1, 0) < 0) …             the call plays its fallback; cal_vm_error(vm) says why
 *
 * Time. The JIT is off, because a compiled loop cannot be stopped. An entry that uses up its budget of CPU
 * time is stopped by the watchdog (watchdog.h) wherever it is, in loops of pcall, in coroutines, in pattern
 * matching: from then on every instruction raises, until control is back in C. Such a VM is condemned and
 * will not be entered again, but for one of kind SERVICE, which fails that entry alone: its scripts keep what
 * they share whole at every instruction.
 *
 * Memory. While a script runs, an allocation over the ceiling raises "not enough memory"; the VM stays
 * usable. Between entries the C side may always push values: what it pushes has ceilings of its own.
 *
 * Stack. Functions of C that call scripts back are refused when the C stack gets deep, so a script cannot
 * overflow it.
 *
 * A VM is used by one thread at a time, and may be made, used and freed on three different ones. */
#ifndef CAL_VM_VM_H
#define CAL_VM_VM_H

#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "base/buf.h"
#include "vm/generation.h"

typedef struct cal_vm cal_vm;

typedef enum cal_vm_kind { CAL_VM_CALL = 1, CAL_VM_SERVICE, CAL_VM_TOOL } cal_vm_kind;

#define CAL_VM_UNLIMITED UINT32_MAX

typedef struct cal_vm_options {
  cal_vm_kind kind;
  const char *name;         /* for messages and logs; copied */
  size_t memory_bytes;      /* 0 = 16 MiB (TOOL: no ceiling) */
  uint32_t entry_budget_ms; /* CPU time of one entry; 0 = 50 (TOOL: none); CAL_VM_UNLIMITED = none */
  uint32_t life_budget_ms;  /* CPU time of all entries together; 0 = none */
  /* Runs protected while the VM is made, to install C modules with cal_vm_provide. May raise. May be NULL. */
  void (*open)(lua_State *L, void *context);
  void *context;                               /* borrowed; cal_vm_context */
  void (*print)(cal_vm *vm, const char *line); /* what a sandboxed script prints; NULL: to the log */
  /* Names of modules are appended as they are asked for, each with its final zero, also of those that are not
   * there; a sandboxed VM's. Its ceiling is 0 when they were too many. Borrowed; NULL: not noted. */
  cal_buf *asked;
} cal_vm_options;

/* Returns owned; takes a reference of the generation (NULL: no modules). -ENOMEM, -EINVAL when `open` raised.
 */
int cal_vm_new(cal_vm **result, cal_generation *generation, const cal_vm_options *options);
cal_vm *cal_vm_free(cal_vm *vm); /* takes; NULL is fine; returns NULL */

/* Offers a C module to `require` of this VM. `opener` pushes the module; it runs once, at the first require.
 * For `open`. */
void cal_vm_provide(lua_State *L, const char *name, lua_CFunction opener);

/* Calls the function below `nargs` arguments on the main state. 0: they are replaced by `nresults` results
 * (or all, with LUA_MULTRET). Otherwise function and arguments are gone, nothing is left in their place,
 * cal_error_text() has the message and cal_vm_error() the message with its traceback:
 *
 *   -ETIMEDOUT  the time is used up; a condemned VM fails every later entry the same way
 *   -ENOMEM     the memory is used up
 *   -EINVAL     the script raised an error
 *
 * Entering a VM that is already entered is a mistake; entering another one from within is allowed. */
int cal_vm_enter(cal_vm *vm, int nargs, int nresults);

/* Requires a module under the same rules and leaves its value on the main state. */
int cal_vm_require(cal_vm *vm, const char *module);

/* What went wrong in the last failed entry: message and traceback with file:line, at most 4 KiB. Never NULL;
 * borrowed until the next entry. */
const char *cal_vm_error(const cal_vm *vm);
int cal_vm_is_condemned(const cal_vm *vm);

lua_State *cal_vm_state(cal_vm *vm); /* the main state; borrowed */
cal_vm *cal_vm_of(lua_State *L);     /* of any of its coroutines; NULL for a foreign state; cheap */
void *cal_vm_context(const cal_vm *vm);
void cal_vm_set_context(cal_vm *vm, void *context);
void cal_vm_set_name(cal_vm *vm, const char *name); /* copied: a warm VM gets the name of its call */
const char *cal_vm_name(const cal_vm *vm);
cal_vm_kind cal_vm_kind_of(const cal_vm *vm);
cal_generation *cal_vm_generation(const cal_vm *vm); /* borrowed; may be NULL */
size_t cal_vm_bytes(const cal_vm *vm);               /* memory now in use */
size_t cal_vm_peak_bytes(const cal_vm *vm);

/* For C functions that a script calls and that may run long: raises when the entry's time is used up. One
 * load when not. */
void cal_vm_check_budget(lua_State *L);
/* For C functions that call scripts back: raises when the C stack has become deep. */
void cal_vm_check_stack(lua_State *L);

#endif
