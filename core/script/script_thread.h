/* script_thread: one thread of the script plane: its services, the live calls they opened, and the mailbox that feeds
 * them.
 *
 *   io / store / speech ──events──► mailbox ─┬─► a service's VM: its handler runs, under budget, then returns
 *                                            └─► backlog ──► the VM of the call whose turn it is: the same
 *
 * Main thread, while its loop does not run; everything else happens on its own. */
#ifndef CAL_SCRIPT_SCRIPT_THREAD_H
#define CAL_SCRIPT_SCRIPT_THREAD_H

#include "script/host.h"
#include "vm/vm.h"

typedef struct cal_script_thread cal_script_thread;

/* Returns owned; borrows reach and loop. */
int cal_script_thread_new(cal_script_thread **result, cal_reach *reach, uint8_t index, cal_loop *loop);
cal_script_thread *cal_script_thread_free(cal_script_thread *thread); /* after its loop has stopped */
int cal_script_thread_start(
    cal_script_thread *thread); /* builds the service VM; its "start" comes as an event */

cal_script_host *
cal_script_thread_host(cal_script_thread *thread);               /* borrowed; its mailbox is closed by free */
uint32_t cal_script_thread_vms(const cal_script_thread *thread); /* that were taken for calls and live */
cal_vm *cal_script_thread_service_vm(
    const cal_script_thread *thread); /* of the present code; borrowed; may be NULL */

#endif
