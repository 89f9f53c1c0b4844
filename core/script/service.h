/* service: one edition of code on one script thread: its service VM, its pool of warm VMs, and the calls it opened.
 *
 *   reload ──► a new service beside the old one ──► new requests go to it;
 *                                                   the old one keeps its calls until the last ends
 *
 * Usually a thread has one. After a reload the old one is told to stop (the event "stop": take nothing new)
 * and lives on for its calls; during a canary two are active and share what is new. A service whose VM said
 * core.stopped() is freed as soon as nothing is owed to it. The script's own thread. */
#ifndef CAL_SCRIPT_SERVICE_H
#define CAL_SCRIPT_SERVICE_H

#include "base/list.h"
#include "script/adapters.h"
#include "script/edition.h"
#include "script/host.h"
#include "vm/pool.h"

typedef struct cal_service {
  cal_list node; /* of its thread */
  cal_script_host *host;
  cal_edition *edition; /* one reference */
  cal_vm *vm;
  cal_pool *pool;
  cal_adapters *adapters;
  uint32_t calls, asked; /* live calls, answers it waits for */
  int is_stopping, is_stopped;
  int is_deserted; /* its VM failed at "stop": it has stopped when its last call is over */
} cal_service;

/* Makes the VM and the pool and loads the entry module; "start" has not run yet. Returns owned. */
int cal_service_new(cal_service **result, cal_script_host *host, cal_edition *edition);
cal_service *cal_service_free(cal_service *service);

/* Runs the VM's handler. An event that fails has failed alone: a request is answered with 500, everything
 * else goes on. 0, or the error of the entry. */
int cal_service_run(cal_service *service, const cal_event *event);
void cal_service_stop(cal_service *service); /* gives it "stop"; harmless twice */

void cal_service_started(cal_service *service); /* its VM said core.started() */
void cal_service_stopped(cal_service *service); /* its VM said core.stopped() */

#endif
