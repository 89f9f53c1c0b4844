#include <stdlib.h>

#include "base/log.h"
#include "vm/state.h"

/* The ceiling holds only while a script runs. What C pushes between entries is bounded by C, and an error
 * raised there would have nobody to catch it. */
static int is_refused(const cal_vm *vm, size_t grow) {
  const cal_vm_memory *memory = &vm->memory;
  size_t left = memory->used < memory->ceiling ? memory->ceiling - memory->used : 0;
  return vm->is_entered && grow > left;
}

/* Plain realloc, not base/mem.h: here a refusal is an answer, not the end of the process. */
void *cal_vm_allocate(void *context, void *block, size_t old_bytes, size_t new_bytes) {
  cal_vm *vm = context;
  cal_vm_memory *memory = &vm->memory;
  if (new_bytes == 0) {
    memory->used -= old_bytes;
    free(block);
    return NULL;
  }
  if (new_bytes > old_bytes && is_refused(vm, new_bytes - old_bytes)) {
    memory->was_refused = 1;
    return NULL;
  }
  void *moved = realloc(block, new_bytes);
  if (!moved) {
    memory->was_refused = 1;
    return NULL;
  }
  memory->used += new_bytes - old_bytes;
  if (memory->used > memory->peak) memory->peak = memory->used;
  /* LuaJIT does not collect when an allocation is refused, and by itself lets the heap double before it
   * begins. So a script that comes near its ceiling is interrupted for a collection while there is still
   * room. */
  if (memory->used > memory->collect_at && vm->is_entered && !vm->is_hooked) cal_vm_interrupt(vm);
  return moved;
}

void cal_vm_collect(cal_vm *vm, lua_State *L) {
  cal_vm_memory *memory = &vm->memory;
  lua_gc(L, LUA_GCCOLLECT, 0);
  size_t left = memory->used < memory->ceiling ? memory->ceiling - memory->used : 0;
  /* Half-way to the ceiling; but when hardly anything is left, collecting over and over would only burn time.
   */
  memory->collect_at = left > memory->ceiling / 32 ? memory->used + left / 2 : SIZE_MAX;
}
