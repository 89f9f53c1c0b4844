/* request: what is asked of the store: one statement, its parameters, and where the answer goes. Any thread.
 */
#ifndef CAL_STORE_REQUEST_H
#define CAL_STORE_REQUEST_H

#include <stdint.h>

#include "store/result.h"

#define CAL_STORE_REQUEST_BYTES (1024 * 1024) /* one request: text and parameters together */
#define CAL_STORE_PARAMS 64

/* When the queue is full all three are refused with -ENOBUFS; telemetry when it is three quarters full. */
typedef enum cal_store_class {
  CAL_STORE_CONTROL, /* during disk trouble: refused with its code */
  CAL_STORE_FACT, /* must not be lost: during disk trouble its on_done hears the code, and it is written later */
  CAL_STORE_TELEMETRY /* during disk trouble: dropped and counted */
} cal_store_class;

/* Store thread (inline: the submitter's). Takes the result: cal_store_result_free, here or elsewhere. Must
 * not close the store and must not wait; a call's answer is posted to its mailbox. */
typedef void (*cal_store_done)(void *context, cal_store_result *result);

typedef struct cal_store_request {
  const char *sql;               /* borrowed, copied */
  const cal_store_value *params; /* borrowed, copied with what they point to */
  uint32_t param_count;          /* 0..CAL_STORE_PARAMS */
  cal_store_class kind;
  cal_store_done on_done; /* NULL: nobody waits */
  void *context;
} cal_store_request;

#endif
