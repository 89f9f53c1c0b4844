/* result: the answer to a request, in one piece of memory. It never changes, so any thread may read it. */
#ifndef CAL_STORE_RESULT_H
#define CAL_STORE_RESULT_H

#include <stdint.h>

#include "store/value.h"

#define CAL_STORE_RESULT_BYTES (16 * 1024 * 1024) /* one answer; more is -EMSGSIZE and undone */
#define CAL_STORE_RESULT_ROWS 100000

/* Codes of an answer:
 *   -EEXIST    unique or primary key                    -ENOSPC                   disk full
 *   -EINVAL    statement, parameter or check is wrong   -EIO, -EROFS, -EBADMSG    disk or file is broken
 *   -EPERM     not allowed here                         -EBUSY                    another program holds the lock
 *   -EMSGSIZE  answer too large                         -ESHUTDOWN                closed before its turn */

typedef struct cal_store_result {
  int code;          /* 0 or a negative errno, see above */
  const char *error; /* a sentence; "" when code is 0 */
  int64_t changes;   /* rows inserted, updated or deleted */
  uint32_t columns, rows;
  const char *const *names;      /* [columns] */
  const cal_store_value *values; /* [rows * columns], row by row */
} cal_store_result;

cal_store_result *cal_result_error(int code,
                                   const char *sentence);          /* an answer without rows; returns owned */
cal_store_result *cal_store_result_free(cal_store_result *result); /* takes; returns NULL */
const cal_store_value *cal_store_at(const cal_store_result *result, uint32_t row,
                                    const char *column); /* or NULL */

#endif
