/* writer: grouped commits, and what happens to facts while the disk is full. Private to the store; store
 * thread only, except the counters. */
#ifndef CAL_STORE_WRITER_H
#define CAL_STORE_WRITER_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/list.h"
#include "base/metrics.h"
#include "store/engine.h"
#include "store/item.h"

#define CAL_WRITER_GROUP 1024 /* requests in one transaction: an answer waits for its whole group */

typedef struct cal_writer {
  cal_db *db;       /* borrowed */
  const char *path; /* borrowed; for messages */
  cal_list kept;    /* facts that wait for the disk, oldest first */
  uint32_t kept_ceiling, patience_ms;
  uint64_t failures; /* logged at 1, 2, 4, 8 … so that a mistake in a loop does not flood the log */
  atomic_uint kept_count;
  atomic_int trouble;      /* 0, or what is wrong with the disk; it was logged */
  atomic_int is_abandoned; /* closing takes too long: answer instead of doing. Any thread */
  atomic_ullong lost, failed, commits, done;
  cal_metric *metric_commits, *metric_failed, *metric_kept, *metric_lost;
} cal_writer;

typedef struct cal_writer_options {
  cal_db *db;       /* borrowed */
  const char *path; /* borrowed; for messages */
  uint32_t kept_ceiling;
  uint32_t patience_ms; /* how long a lock is waited for while all is well; during trouble not at all */
} cal_writer_options;

void cal_writer_init(cal_writer *writer, const cal_writer_options *options);

/* Does and answers all items of the list, which is empty afterwards. With `retry`, kept facts are tried
 * first. */
void cal_writer_run(cal_writer *writer, cal_list *items, int retry);
/* a last retry; what still cannot be written is counted, logged and freed */
void cal_writer_end(cal_writer *writer);

#endif
