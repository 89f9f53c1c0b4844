/* judge: may this code be used, and what is it?
 *
 *   every file ─► a VM of its own (readings.h) ─► data, or what is wrong
 *   all of it  ─► a VM that runs our own code alone (lua/callisto/judge/init.lua) ─► the verdict
 *
 * The start of a server, a reload, a watcher, specs and `callisto check` ask the same judge with the same budgets. What it
 * finds is the catalog: templates, providers and routes as data, which is all a service ever learns of a workspace's files.
 * A file that is wrong is not in it. Any thread; blocks. */
#ifndef CAL_SCRIPT_JUDGE_H
#define CAL_SCRIPT_JUDGE_H

#include "base/value.h"
#include "script/reach.h"
#include "script/readings.h"

/* `verdict` is owned and written on success: a table with `catalog`, `files`, `problems` and `warnings`. Fails only when no VM
 * can be made. */
int cal_judge(cal_value **verdict, cal_reach *reach, const cal_readings *readings);

/* Is told of what is wrong, by file and line (0: not known); `is_warning`: it may be used all the same. */
typedef void (*cal_judge_report)(void *context, int is_warning, const char *path, int line,
                                 const char *message);
void cal_judge_tell(const cal_value *verdict, cal_judge_report report, void *context);

#endif
