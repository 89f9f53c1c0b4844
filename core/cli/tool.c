/* The verbs that are Lua: a VM of kind TOOL runs callisto.cli.<verb>. */
#include <errno.h>
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
  int code = cal_engine_new(
      &tool->engine,
      &(cal_engine_options){.is_tool = 1, .workspace = workspace, .library = cal_cli_library()});
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

/* The function `run` of the module, with these words. */
static int run_module(const char *module, int argc, char **argv) {
  cal_tool *tool;
  if (cal_tool_new(&tool, ".") < 0) return cal_cli_refuse(NULL);
  int code = cal_tool_run(tool, module, "run", argc, argv, NULL);
  const char *trace = cal_tool_trace(tool);
  if (code < 0) fprintf(stderr, "callisto: %s\n", *trace ? trace : cal_error_text());
  cal_tool_free(tool);
  return code < 0 ? 1 : code;
}

/* `callisto VERB …` is the function `run` of callisto.cli.VERB. */
static int run_verb(const char *module, int argc, char **argv) {
  return run_module(module, argc - 1, argv + 1);
}

int cal_cli_lua(int argc, char **argv) { return run_verb("callisto.cli.lua", argc, argv); }
int cal_cli_test(int argc, char **argv) { return run_verb("callisto.cli.test", argc, argv); }
int cal_cli_check(int argc, char **argv) { return run_verb("callisto.cli.check", argc, argv); }
int cal_cli_call(int argc, char **argv) { return run_verb("callisto.cli.call", argc, argv); }

/* These three share a module; it is told which one it is. */
static int run_code_verb(int argc, char **argv) { return run_module("callisto.cli.code", argc, argv); }

int cal_cli_reload(int argc, char **argv) { return run_code_verb(argc, argv); }
int cal_cli_rollback(int argc, char **argv) { return run_code_verb(argc, argv); }
int cal_cli_status(int argc, char **argv) { return run_code_verb(argc, argv); }

int cal_cli_version(int argc, char **argv) {
  if (argc > 1) {
    int is_help = !strcmp(argv[1], "--help");
    fprintf(is_help ? stdout : stderr, "usage: callisto version\n\nPrints the version.\n");
    return is_help ? 0 : 2;
  }
  printf("callisto %s\n", CAL_VERSION);
  return 0;
}
