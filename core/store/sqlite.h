/* sqlite: one SQLite connection and its prepared statements. Private to the store; one thread at a time.
 *
 * The only file-format knowledge of the store is behind this header: path, pragmas, error numbers,
 * statements. */
#ifndef CAL_STORE_SQLITE_H
#define CAL_STORE_SQLITE_H

#include <stdint.h>

#include "store/result.h"

typedef struct cal_db cal_db;

typedef struct cal_db_options {
  const char *path;
  uint32_t busy_timeout_ms;
} cal_db_options;

/* Opens, sets WAL and synchronous=FULL, and runs SQLite's quick check. Returns owned. Errors as
 * cal_store_open. */
int cal_db_open(cal_db **result, const cal_db_options *options);
cal_db *cal_db_close(cal_db *db); /* takes; checkpoints; returns NULL */

int cal_db_begin(cal_db *db); /* takes the write lock */
int cal_db_commit(cal_db *db);
void cal_db_rollback(cal_db *db); /* harmless when there is no transaction */
int cal_db_is_in_transaction(cal_db *db);

/* Runs text of our own, several statements allowed: schema and pragmas. */
int cal_db_script(cal_db *db, const char *sql);

/* Runs one request. Always gives a result (owned), and returns its code. Inside a transaction a failure
 * undoes only this request, unless cal_db_is_in_transaction says that the transaction is gone. */
int cal_db_run(cal_db *db, cal_store_result **result, const char *sql, const cal_store_value *params,
               uint32_t count);
int cal_db_reads_only(cal_db *db, const char *sql); /* 1: a SELECT; 0: a write, or not a statement at all */

int cal_db_is_trouble(int code);    /* the world's fault (disk, lock), not the statement's */
int64_t cal_db_changes(cal_db *db); /* rows changed since open */
void cal_db_stop(cal_db *db); /* any thread: from now on a statement that takes long ends with -ECANCELED */
uint32_t cal_db_statements(cal_db *db); /* how many are prepared; at most 128 */

#endif
