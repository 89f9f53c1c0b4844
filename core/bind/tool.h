/* tool: a VM of kind TOOL over an engine without planes: for `callisto lua`, the specs, and reading settings.
 */
#ifndef CAL_BIND_TOOL_H
#define CAL_BIND_TOOL_H

#include "bind/engine.h"

int cal_bind_tool(cal_vm **result,
                  cal_engine *engine); /* returns owned; borrows the engine; prints go to stdout */

#endif
