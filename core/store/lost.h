/* lost: what a process that was killed left behind. Private to the store; before the store thread starts. */
#ifndef CAL_STORE_LOST_H
#define CAL_STORE_LOST_H

#include <stdint.h>

#include "store/engine.h"

/* Finishes the calls in progress of this node, in one transaction; how many through `count`. */
int cal_lost_calls(cal_db *db, const char *node, int64_t now_ms, uint32_t *count);

#endif
