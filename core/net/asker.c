#include "net/asker.h"

#include <stdatomic.h>

#include "base/mem.h"

struct cal_asker {
  atomic_int state;
};

cal_asker *cal_asker_new(void) { return cal_ref_new(sizeof(cal_asker), NULL); }

void cal_asker_set(cal_asker *asker, cal_asker_state state) {
  if (asker && cal_asker_state_of(asker) < state) atomic_store(&asker->state, state);
}

cal_asker_state cal_asker_state_of(const cal_asker *asker) {
  return asker ? (cal_asker_state)atomic_load(&asker->state) : CAL_ASKER_WAITS;
}

cal_asker *cal_asker_leave(cal_asker *asker) {
  cal_asker_set(asker, CAL_ASKER_LEFT);
  return cal_unref(asker);
}
