/* lost: calls that nobody carries any more, because their process was killed or ends. Private to the store; before
 * its thread takes requests, and after it has taken the last. */
#ifndef CAL_STORE_LOST_H
#define CAL_STORE_LOST_H

#include <stdint.h>

#include "store/engine.h"

typedef struct cal_lost_options {
  const char *node;
  int64_t now_ms;
  const char *when; /* for the log: when they were in progress */
  int (*mend_recording)(const char *path, int64_t *samples, int64_t *bytes); /* as in store.h; may be NULL */
} cal_lost_options;

/* Finishes the calls in progress of this node, in one transaction; how many through `count`. */
int cal_lost_calls(cal_db *db, uint32_t *count, const cal_lost_options *options);

#endif
