/* cli: the verbs of the `callisto` command. Each gets argv from its own name on and returns the process's
 * exit code: 0 done, 1 failed, 2 wrong usage or settings. Main thread. */
#ifndef CAL_CLI_CLI_H
#define CAL_CLI_CLI_H

#include "bind/engine.h"

int cal_cli_serve(int argc, char **argv);
int cal_cli_exchange(int argc, char **argv);
int cal_cli_call(int argc, char **argv);
int cal_cli_test(int argc, char **argv);
int cal_cli_check(int argc, char **argv);
int cal_cli_lua(int argc, char **argv);
int cal_cli_reload(int argc, char **argv);
int cal_cli_rollback(int argc, char **argv);
int cal_cli_status(int argc, char **argv);
int cal_cli_version(int argc, char **argv);

/* The folder of our own Lua: $CALLISTO_LIBRARY, or `lua` beside the folder of the binary, or the source
 * tree's. Static. */
const char *cal_cli_library(void);

/* Prints "callisto: …" with the last error's sentence and returns 2. */
int cal_cli_refuse(const char *what);

/* tool.c: a developer's VM, with everything stock Lua has and every callisto module. */
typedef struct cal_tool cal_tool;
int cal_tool_new(cal_tool **result, const char *workspace); /* returns owned */
cal_tool *cal_tool_free(cal_tool *tool);
/* Requires the module and calls its function `name` with the words; its results are an exit code (nil: 0)
 * and, if it gives one, a text that is returned owned through `text` (NULL: not wanted). Negative after an
 * error: cal_error_text() is its first line, cal_tool_trace() all of it. */
int cal_tool_run(cal_tool *tool, const char *module, const char *name, int argc, char **argv, char **text);
const char *cal_tool_trace(const cal_tool *tool); /* borrowed until the next run */

#endif
