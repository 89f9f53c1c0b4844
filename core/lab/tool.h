/* tool: a VM of kind TOOL over an engine without planes: for `callisto lua`, the specs, and reading settings.
 */
#ifndef CAL_LAB_TOOL_H
#define CAL_LAB_TOOL_H

#include "engine/engine.h"
#include "vm/vm.h"

int cal_tool_vm(cal_vm **result,
                cal_engine *engine); /* returns owned; borrows the engine; prints go to stdout */

/* A developer's VM together with its engine. `library` is the folder of our own Lua. */
typedef struct cal_tool cal_tool;
int cal_tool_new(cal_tool **result, const char *workspace, const char *library); /* returns owned */
cal_tool *cal_tool_free(cal_tool *tool);
/* Requires the module and calls its function `name` with the words; its results are an exit code (nil: 0)
 * and, if it gives one, a text that is returned owned through `text` (NULL: not wanted). Negative after an
 * error: cal_error_text() is its first line, cal_tool_trace() all of it. */
int cal_tool_run(cal_tool *tool, const char *module, const char *name, int argc, char **argv, char **text);
const char *cal_tool_trace(const cal_tool *tool); /* borrowed until the next run */

#endif
