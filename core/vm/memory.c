#include <stdlib.h>

#include "vm/chunks.h"
#include "vm/state.h"

/* The ceiling holds only while a script runs. What C pushes between entries is bounded by C, and an error
 * raised there would not be caught. */
static int is_refused(const cal_vm *vm, size_t grow) {
  const cal_vm_memory *memory = &vm->memory;
  size_t left = memory->used < memory->ceiling ? memory->ceiling - memory->used : 0;
  return vm->is_entered && grow > left;
}

/* A script that fills its memory with blocks of ever new sizes could make its region many times its ceiling. */
static size_t most_held(const cal_vm *vm) {
  int is_bounded = vm->is_entered && vm->memory.ceiling < SIZE_MAX / 2;
  return is_bounded ? 2 * vm->memory.ceiling + CAL_CHUNK_BYTES : SIZE_MAX;
}

/* The VM of a call lives for minutes and is given back whole. Those of services and tools live for weeks or take
 * what they like: their memory is the C library's, which joins what is free. Plain realloc, not base/mem.h: here
 * a refusal is an answer, not the end of the process. */
static void *resize(cal_vm *vm, void *block, size_t old_bytes, size_t new_bytes) {
  if (vm->kind == CAL_VM_CALL)
    return cal_region_resize(&vm->memory.region, block, old_bytes, new_bytes, most_held(vm));
  if (new_bytes) return realloc(block, new_bytes);
  free(block);
  return NULL;
}

void *cal_vm_allocate(void *context, void *block, size_t old_bytes, size_t new_bytes) {
  cal_vm *vm = context;
  cal_vm_memory *memory = &vm->memory;
  if (new_bytes == 0) {
    memory->used -= old_bytes;
    return resize(vm, block, old_bytes, 0);
  }
  if (new_bytes > old_bytes && is_refused(vm, new_bytes - old_bytes)) {
    memory->was_refused = 1;
    return NULL;
  }
  void *moved = resize(vm, block, old_bytes, new_bytes);
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
