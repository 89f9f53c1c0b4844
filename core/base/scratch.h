/* scratch: memory of a thread for what lasts one step, such as a message while it is written.
 *
 * It grows to the largest piece ever asked for, which the askers bound, and is never given back before the
 * end. One thread; whatever was asked for before is spoilt. Start from all zeros. */
#ifndef CAL_BASE_SCRATCH_H
#define CAL_BASE_SCRATCH_H

#include <stddef.h>

#include "base/mem.h"

typedef struct cal_scratch {
  void *memory; /* owned: cal_free at the end */
  size_t room;
} cal_scratch;

/* Good until the next call; not zeroed. */
static inline void *cal_scratch_get(cal_scratch *scratch, size_t bytes) {
  if (bytes > scratch->room) scratch->memory = cal_resize(scratch->memory, scratch->room = bytes * 2);
  return scratch->memory;
}

#endif
