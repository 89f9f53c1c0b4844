/* The verbs that are Lua: a VM of kind TOOL runs callisto.cli.<verb>. */
#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "bind/tool.h"
#include "cli/cli.h"

struct cal_tool {
  cal_engine *engine;
  cal_vm *vm;
};

const char *cal_cli_library(void) {
  static char path[PATH_MAX];
  const char *given = getenv("CALLISTO_LIBRARY");
  if (given && *given) return given;
  ssize_t bytes = readlink("/proc/self/exe", path, sizeof path - 32);
  if (bytes > 0) {
    path[bytes] = 0;
    char *slash = strrchr(path, '/');
    if (slash) {
      strcpy(slash, "/../lua");
      if (!access(path, R_OK)) return path;
    }
  }
  return CAL_LIBRARY_DIR;
}

int cal_cli_refuse(const char *what) {
  fprintf(stderr, "callisto: %s%s%s\n", what ? what : "", what ? ": " : "", cal_error_text());
  return 2;
}

int cal_tool_new(cal_tool **result, const char *workspace) {
  cal_tool *tool = cal_alloc(sizeof *tool);
  int code = cal_engine_new(&tool->engine, &(cal_engine_options){.is_tool = 1, .workspace = workspace, .library = cal_cli_library()});
  if (!code) code = cal_bind_tool(&tool->vm, tool->engine);
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
  if (cal_vm_require(tool->vm, module) < 0) {
    fprintf(stderr, "callisto: %s\n", cal_vm_error(tool->vm));
    return 1;
  }
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
  for (int i = 0; i < argc; i++) lua_pushstring(L, argv[i]);
  if (cal_vm_enter(tool->vm, argc, 2) < 0) {
    fprintf(stderr, "callisto: %s\n", cal_vm_error(tool->vm));
    return 1;
  }
  int code = lua_isnil(L, -2) ? 0 : (int)lua_tointeger(L, -2);
  if (text) *text = cal_strdup(lua_tostring(L, -1));
  lua_pop(L, 2);
  return code;
}

/* `callisto VERB …` is the function `run` of callisto.cli.VERB. */
static int run_verb(const char *module, int argc, char **argv) {
  cal_tool *tool;
  if (cal_tool_new(&tool, ".") < 0) return cal_cli_refuse(NULL);
  int code = cal_tool_run(tool, module, "run", argc - 1, argv + 1, NULL);
  cal_tool_free(tool);
  return code;
}

int cal_cli_lua(int argc, char **argv) { return run_verb("callisto.cli.lua", argc, argv); }
int cal_cli_test(int argc, char **argv) { return run_verb("callisto.cli.test", argc, argv); }
int cal_cli_check(int argc, char **argv) { return run_verb("callisto.cli.check", argc, argv); }
int cal_cli_call(int argc, char **argv) { return run_verb("callisto.cli.call", argc, argv); }

int cal_cli_version(int argc, char **argv) {
  printf("callisto %s\n", CAL_VERSION);
  return 0;
}
