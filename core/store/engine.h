/* engine: what the store needs of a database. Private to the store; one thread at a time, except cal_db_stop.
 *
 * A database is opened by its engine (sqlite.h); everything else goes through the functions below, so that
 * the queue, the grouped commits, the schema's steps and the kept facts know no engine. An engine
 *
 * - answers with the codes of result.h, and leaves its own words in the error text;
 * - takes parameters as $1, $2 …, and only SELECT, INSERT, UPDATE and DELETE in cal_db_run;
 * - gives times and ids back as they were stored: 64-bit integers and UTF-8 text. */
#ifndef CAL_STORE_ENGINE_H
#define CAL_STORE_ENGINE_H

#include <errno.h>
#include <stdint.h>

#include "store/result.h"

typedef struct cal_db cal_db; /* an open database; each engine puts its own state behind it */

typedef struct cal_db_engine {
  int (*begin)(cal_db *db);
  int (*commit)(cal_db *db);
  void (*rollback)(cal_db *db);
  int (*is_in_transaction)(cal_db *db);
  int (*run)(cal_db *db, cal_store_result **result, const char *sql, const cal_store_value *params,
             uint32_t count);
  int (*script)(cal_db *db, const char *sql);
  int (*reads_only)(cal_db *db, const char *sql);
  int64_t (*changes)(cal_db *db);
  void (*patience)(cal_db *db, uint32_t ms);
  void (*stop)(cal_db *db);
  void (*close)(cal_db *db);
} cal_db_engine;

struct cal_db {
  const cal_db_engine *engine;
};

static inline cal_db *
cal_db_close(cal_db *db) { /* takes, NULL too; what was committed is safe; returns NULL */
  if (db) db->engine->close(db);
  return NULL;
}

/* ---- transactions */

static inline int cal_db_begin(cal_db *db) { return db->engine->begin(db); } /* takes the write lock */
static inline int cal_db_commit(cal_db *db) { return db->engine->commit(db); }
static inline void cal_db_rollback(cal_db *db) {
  db->engine->rollback(db);
} /* harmless without a transaction */
static inline int cal_db_is_in_transaction(cal_db *db) { return db->engine->is_in_transaction(db); }

/* ---- statements */

/* Runs one request. Always gives a result (owned), and returns its code. Inside a transaction a failure
 * undoes only this request, unless cal_db_is_in_transaction says that the transaction is gone. */
static inline int cal_db_run(cal_db *db, cal_store_result **result, const char *sql,
                             const cal_store_value *params, uint32_t count) {
  return db->engine->run(db, result, sql, params, count);
}

/* Runs text of our own, several statements allowed: the schema. */
static inline int cal_db_script(cal_db *db, const char *sql) { return db->engine->script(db, sql); }

/* 1: a SELECT; 0: a write, or not a statement at all */
static inline int cal_db_reads_only(cal_db *db, const char *sql) { return db->engine->reads_only(db, sql); }

static inline int64_t cal_db_changes(cal_db *db) { return db->engine->changes(db); } /* rows since open */

/* How long a lock that another program holds is waited for. */
static inline void cal_db_patience(cal_db *db, uint32_t ms) { db->engine->patience(db, ms); }

/* Any thread: from now on a statement that takes long ends with -ECANCELED. */
static inline void cal_db_stop(cal_db *db) { db->engine->stop(db); }

/* Whether a code is the world's fault (disk, lock): the same statement may go well later. */
static inline int cal_db_is_trouble(int code) {
  return code == -ENOSPC || code == -EIO || code == -EBUSY || code == -EROFS || code == -EBADMSG ||
         code == -EACCES || code == -ENOMEM;
}

#endif
