/* apart: a VM for one file of a workspace, beside nothing.
 *
 * Files of a workspace are never run where secrets, settings, the store or other calls are in reach. What such a file is
 * gets known by loading it here: within the memory and the time of a call, in a VM that has no call, no service, no
 * sockets and no other file's code, and that is thrown away when the file is done with. What crosses is data.
 *
 *   cal_apart_new(&vm, reach, generation, "templates.order", NULL);
 *   cal_apart_read(vm, "templates.order", &value);            lua/callisto/judge/reading.lua says what is in it
 *   cal_vm_free(vm);
 *
 * The thread that made the VM, one at a time. */
#ifndef CAL_SCRIPT_APART_H
#define CAL_SCRIPT_APART_H

#include "base/value.h"
#include "script/reach.h"
#include "vm/vm.h"

#define CAL_APART_VALUE_BYTES (512u << 10) /* ceiling of what one file is, as data */
#define CAL_APART_CALL_BYTES (8u << 20) /* of arguments, and of results: webhooks and answers have bodies */

/* Returns owned; borrows the reach, and `asked`, which gets the names of all modules that are asked for (vm.h; NULL: they are
 * not noted). Fails as cal_vm_new and cal_vm_require do. */
int cal_apart_new(cal_vm **result, cal_reach *reach, cal_generation *generation, const char *name,
                  cal_buf *asked);

/* Loads the module and runs its self test. `value` is owned and written on success. Otherwise the error is that of the
 * entry (cal_vm_enter): cal_error_text() and cal_vm_error(vm) say what is wrong with the file. */
int cal_apart_read(cal_vm *vm, const char *module, cal_value **value);

/* Calls the function at `place` ("webhook.verify") in what the module that was read last returned. `arguments` and `results`
 * are tables with their values at 1 to n, and n. As cal_apart_read. */
int cal_apart_call(cal_vm *vm, const char *place, const cal_value *arguments, cal_value **results);

/* Runs a text that returns data and sees nothing but `env`, the environment of the process; `path` names it in messages.
 * As cal_apart_read. */
int cal_apart_data(cal_value **value, cal_reach *reach, const char *path, cal_span text);

#endif
