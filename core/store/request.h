/* request: what is asked of the store: one statement, its parameters, and where the answer goes. Any thread.
 */
#ifndef CAL_STORE_REQUEST_H
#define CAL_STORE_REQUEST_H

#include <stdint.h>

#include "store/result.h"

#define CAL_STORE_REQUEST_BYTES (1024 * 1024) /* one request: text and parameters together */
#define CAL_STORE_PARAMS 64

/* Store thread (inline: the submitter's). Takes the result: cal_store_result_free, here or elsewhere. Must
 * not close the store and must not wait; a call's answer is posted to its mailbox. */
typedef void (*cal_store_done)(void *context, cal_store_result *result);

typedef struct cal_store_request {
  const char *sql;               /* borrowed, copied */
  const cal_store_value *params; /* borrowed, copied with what they point to */
  uint32_t param_count;          /* 0..CAL_STORE_PARAMS */
  int is_fact; /* must not be lost: during disk trouble on_done hears its code, and it is written later */
  cal_store_done on_done; /* NULL: no answer is wanted */
  void *context;
} cal_store_request;

#endif
