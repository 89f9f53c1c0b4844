#include "lab/tool.h"

#include <errno.h>
#include <lauxlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "lab/l_lab.h"
#include "script/context.h"
#include "script/reload.h"

struct cal_tool {
  cal_engine *engine;
  cal_vm *vm;
};

static void open_libraries(lua_State *L, void *context) {
  cal_reach *reach = context;
  cal_context_new(L)->reach = reach;
  reach->open(L);
  cal_vm_provide(L, "callisto.lab", cal_lib_lab);
  cal_vm_provide(L, "callisto.workspace", cal_lib_workspace);
}

int cal_tool_vm(cal_vm **result, cal_engine *engine) {
  cal_reach *reach = cal_engine_reach(engine);
  cal_edition *edition = cal_reload_edition(reach->reload);
  cal_vm_options options = {.kind = CAL_VM_TOOL, .name = "tool", .open = open_libraries, .context = reach};
  int code = cal_vm_new(result, edition->generation, &options);
  cal_unref(edition);
  return code;
}

int cal_tool_new(cal_tool **result, const char *workspace, const char *library) {
  cal_tool *tool = cal_alloc(sizeof *tool);
  int code = cal_engine_new(&tool->engine,
                            &(cal_engine_options){.is_tool = 1, .workspace = workspace, .library = library});
  if (!code) code = cal_tool_vm(&tool->vm, tool->engine);
  if (code) {
    cal_tool_free(tool);
    return code;
  }
  *result = tool;
  return 0;
}

cal_tool *cal_tool_free(cal_tool *tool) {
  if (!tool) return NULL;
  cal_vm_free(tool->vm);
  cal_engine_free(tool->engine);
  return cal_free(tool);
}

int cal_tool_run(cal_tool *tool, const char *module, const char *name, int argc, char **argv, char **text) {
  lua_State *L = cal_vm_state(tool->vm);
  if (!lua_checkstack(L, argc + 8)) return cal_fail(-E2BIG, "these are too many words");
  int code = cal_vm_require(tool->vm, module);
  if (code < 0) return code;
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
  for (int i = 0; i < argc; i++) lua_pushstring(L, argv[i]);
  code = cal_vm_enter(tool->vm, argc, 2);
  if (code < 0) return code;
  code = lua_isnil(L, -2) ? 0 : (int)lua_tointeger(L, -2) & 0xff;
  if (text) *text = cal_strdup(lua_tostring(L, -1));
  lua_pop(L, 2);
  return code;
}

const char *cal_tool_trace(const cal_tool *tool) { return cal_vm_error(tool->vm); }
