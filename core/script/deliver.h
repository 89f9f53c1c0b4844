/* deliver: runs a VM's handler for one event, under its budget. The VM's own thread.
 *
 * Everything that may fail for lack of memory happens inside the protected entry, so a VM at its ceiling
 * fails its own entry and nothing else. */
#ifndef CAL_SCRIPT_DELIVER_H
#define CAL_SCRIPT_DELIVER_H

#include "io/event.h"
#include "vm/vm.h"

/* Calls the handler with the event's name and fields (io/event.def). Borrows the event. A VM without a handler
 * ignores it. */
int cal_deliver(cal_vm *vm, const cal_event *event);

#endif
