/* state: what a cal_vm is made of. Private to the vm module. */
#ifndef CAL_VM_STATE_H
#define CAL_VM_STATE_H

#include <signal.h>

#include "base/buf.h"
#include "vm/region.h"
#include "vm/vm.h"
#include "vm/watchdog.h"

typedef struct cal_vm_memory {
  size_t used, peak;
  size_t ceiling;
  size_t collect_at; /* a running script that gets here is made to collect its garbage first */
  int was_refused;   /* in this entry */
  cal_region region; /* of a CALL; others have the C library's memory */
} cal_vm_memory;

struct cal_vm {
  lua_State *L;
  cal_generation *generation; /* one reference */
  cal_vm_kind kind;
  char *name;
  void *context;
  void (*print)(cal_vm *vm, const char *line);

  cal_vm_memory memory;
  cal_watch watch;
  uint64_t entry_budget_ns; /* 0 = none */
  uint64_t life_budget_ns;  /* 0 = none */
  uint64_t life_used_ns;

  int is_entered;
  int is_condemned;
  int was_stopped;                 /* in this entry: the hook has raised */
  volatile sig_atomic_t is_struck; /* in this entry: the watchdog wants it stopped */
  volatile sig_atomic_t is_hooked; /* a hook is set and must be taken away */
  /* lua_sethook is running and must not be entered again by a signal */
  volatile sig_atomic_t is_setting_hook;
  const char *stack_start; /* where the C stack was when the script was entered */

  int modules;                    /* registry reference: name → value, what require has loaded */
  int provided;                   /* registry reference: name → opener */
  int on_error;                   /* registry reference: the message handler of every entry */
  struct cal_vm_loading *loading; /* modules being loaded, innermost first */
  cal_buf *asked;                 /* borrowed: names of modules that were asked for; may be NULL */

  cal_buf error;
  cal_buf last_place; /* trace of the script when its memory last ran short in this entry */
  cal_vm *next;       /* in the pool's list of VMs to be closed */
};

/* memory.c: the allocator. `context` is the cal_vm. */
void *cal_vm_allocate(void *context, void *block, size_t old_bytes, size_t new_bytes);
void cal_vm_collect(cal_vm *vm, lua_State *L); /* a full collection, and the next collect_at */

/* budget.c */
void cal_vm_strike(cal_watch *watch); /* signal handler: the time is used up */
void cal_vm_interrupt(cal_vm *vm);    /* has the hook run at the next instruction */
void cal_vm_unhook(cal_vm *vm);
int cal_vm_guard_handler(lua_State *L); /* Lua: guard(handler) → handler that cannot outlive the budget */

/* trace.c */
int cal_vm_on_error(lua_State *L); /* message handler: writes message and traceback to vm->error */
void cal_vm_write_error(cal_vm *vm, lua_State *L, const char *message);
void cal_vm_write_place(cal_vm *vm, lua_State *L); /* to vm->last_place */
int cal_vm_traceback(lua_State *L); /* Lua: traceback([thread,] [message]); uses vm->error as its room */

/* modules.c */
void cal_modules_open(lua_State *L,
                      cal_vm *vm); /* installs require, or our searcher in a TOOL's package.loaders */

/* sandbox.c */
void cal_sandbox_open(lua_State *L, cal_vm *vm);
const char *
cal_sandbox_instead(const char *library); /* what scripts have instead of a stock library; or NULL */

/* strings.c: replaces find, match, gmatch, gsub, rep and format in the string table on top of the stack. */
void cal_strings_open(lua_State *L);

/* tables.c: replaces insert in the table library on top of the stack. */
void cal_tables_open(lua_State *L);

#endif
