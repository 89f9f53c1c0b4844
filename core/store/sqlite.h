/* sqlite: the engine that keeps everything in one file. Private to the store; one thread at a time.
 *
 * What is particular to SQLite is behind this header: file, pragmas, error numbers, prepared statements. */
#ifndef CAL_STORE_SQLITE_H
#define CAL_STORE_SQLITE_H

#include <stdint.h>

#include "store/engine.h"

typedef struct cal_sqlite_options {
  const char *path;         /* its folders are made; ":memory:" is a database that ends with its connection */
  uint64_t check_bytes;     /* a larger file is opened without the quick check; 0 = 256 MiB */
  uint32_t busy_timeout_ms; /* the first cal_db_patience */
} cal_sqlite_options;

/* Opens, sets WAL and synchronous=FULL, and runs SQLite's quick check, which reads the whole file: a second for
 * 256 MiB. Where it is left out, damage shows when a damaged page is read (-EBADMSG). Returns owned. Errors as
 * cal_store_open. */
int cal_sqlite_open(cal_db **result, const cal_sqlite_options *options);

uint32_t
cal_sqlite_statements(cal_db *db); /* how many are prepared; at most 128, the least used makes room */

#endif
