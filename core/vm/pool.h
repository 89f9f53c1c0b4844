/* pool: warm VMs of one generation, ready before a call needs one.
 *
 * A thread of the pool's own builds VMs and closes the used ones, so that neither costs a script thread
 * anything: taking a warm VM is popping a list. When none is warm, take builds one in place and counts it. A
 * VM is never given back: it belongs to one call, and is discarded with it.
 *
 *   builder thread   new ─► setup ─► warm list ──┐                      ┌─► closing list ─► free
 *   script thread                                └─ take ··· discard ───┘
 *
 * The inline pool has no thread: VMs are built when they are taken and closed when they are discarded. For
 * specs.
 *
 * Metrics: callisto_vm_pool_warm, callisto_vm_pool_cold_takes_total, callisto_vm_pool_failures_total.
 * Any thread, one mutex held for the length of a list operation. */
#ifndef CAL_VM_POOL_H
#define CAL_VM_POOL_H

#include "vm/vm.h"

#define CAL_POOL_TARGET 1024 /* ceiling of warm VMs */
#define CAL_POOL_CLOSING 128 /* ceiling of VMs waiting to be closed; beyond it discard closes in place */

typedef struct cal_pool cal_pool;

typedef struct cal_pool_options {
  uint32_t target;   /* warm VMs to keep, at most CAL_POOL_TARGET */
  cal_vm_options vm; /* the name is copied; the context and what `open` needs are borrowed */
  /* Makes a new VM warm: requires what every call needs. Runs on the builder thread, or in take. 0 or
   * negative (see cal_vm_enter). May be NULL. */
  int (*setup)(cal_vm *vm, void *context);
  void *context; /* for setup; borrowed */
  int is_inline;
} cal_pool_options;

int cal_pool_new(cal_pool **result, cal_generation *generation,
                 const cal_pool_options *options); /* returns owned */
cal_pool *
cal_pool_free(cal_pool *pool); /* takes; closes what is warm or waiting; taken VMs live on; returns NULL */

/* Returns owned: discard it. Fails only when there was no warm VM and building one failed, with that error.
 */
int cal_pool_take(cal_pool *pool, cal_vm **result);
cal_vm *cal_pool_discard(cal_pool *pool,
                         cal_vm *vm); /* takes; closed by the builder; NULL is fine; returns NULL */

/* Keeps none warm from now on: the code is old, and has few calls to come, if any. They can still be taken, and
 * are built in place. */
void cal_pool_retire(cal_pool *pool);

uint32_t cal_pool_warm(cal_pool *pool);
uint64_t cal_pool_cold_takes(cal_pool *pool);
uint32_t cal_pool_taken(cal_pool *pool); /* and not yet discarded */

#endif
