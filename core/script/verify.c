#include "script/verify.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "script/context.h"
#include "script/reach.h"

#define MEMORY_BYTES (128u << 20)
#define FILE_BUDGET_MS 2000 /* one file's load and self_test */

static void open_libraries(lua_State *L, void *context) {
  cal_reach *reach = context;
  cal_context_new(L)->reach = reach;
  reach->open(L);
}

/* "templates/order.lua:17: unknown field" gives 17; the message keeps its place all the same. */
static int line_of(const char *message) {
  const char *at = strstr(message, ".lua:");
  return at ? atoi(at + 5) : 0;
}

/* `check` is a function of callisto.verify; it gives nil or what is wrong. */
static int verify_module(cal_vm *vm, const cal_module *module, const char *check,
                         cal_generation_report report, void *context) {
  lua_State *L = cal_vm_state(vm);
  lua_settop(L, 0);
  const char *problem = NULL;
  if (cal_vm_require(vm, "callisto.verify") < 0) {
    problem = cal_vm_error(vm);
  } else {
    lua_getfield(L, -1, check);
    lua_pushstring(L, module->name);
    if (cal_vm_enter(vm, 1, 1) < 0)
      problem = cal_vm_error(vm);
    else
      problem = lua_tostring(L, -1);
  }
  if (!problem) return 0;
  report(context, module->path, line_of(problem), problem);
  return 1;
}

static int new_vm(cal_vm **vm, cal_reach *reach, cal_generation *generation) {
  cal_vm_options options = {.kind = CAL_VM_CALL,
                            .name = "verify",
                            .memory_bytes = MEMORY_BYTES,
                            .entry_budget_ms = FILE_BUDGET_MS,
                            .open = open_libraries,
                            .context = reach};
  return cal_vm_new(vm, generation, &options);
}

/* One VM serves all files, so that a thousand cost what they themselves cost; a file that fails gets it
 * replaced. */
int cal_verify(cal_reach *reach, cal_generation *generation, cal_generation_report report, void *context) {
  /* Templates name voices and share menus, routes name templates; and routes can only be judged when all
   * templates are there. */
  static const struct {
    const char *prefix, *check;
    int is_of_all;
  } kinds[] = {{"providers.", "module", 0},
               {"templates.", "module", 0},
               {"menus.", "module", 0},
               {"routing", "routing", 1}};
  int problems = 0;
  cal_vm *vm = NULL;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !(kinds[i].is_of_all && problems); i++)
    for (const cal_module *module = NULL;
         (module = cal_generation_next(generation, kinds[i].prefix, module));) {
      if (!vm && new_vm(&vm, reach, generation) < 0) {
        report(context, module->path, 0, cal_error_text());
        return problems + 1;
      }
      if (!verify_module(vm, module, kinds[i].check, report, context)) continue;
      problems++;
      vm = cal_vm_free(vm);
    }
  cal_vm_free(vm);
  return problems;
}
