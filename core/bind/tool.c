#include "bind/tool.h"

#include "base/mem.h"
#include "bind/lib.h"
#include "bind/script.h"

static void open_libraries(lua_State *L, void *engine) {
  cal_bind_context_new(L)->engine = engine;
  cal_lib_provide(L);
}

int cal_bind_tool(cal_vm **result, cal_engine *engine) {
  cal_generation *generation = cal_engine_generation(engine);
  cal_vm_options options = {.kind = CAL_VM_TOOL, .name = "tool", .open = open_libraries, .context = engine};
  int code = cal_vm_new(result, generation, &options);
  cal_unref(generation);
  return code;
}
