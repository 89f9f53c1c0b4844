/* migrations: the schema, as numbered steps that are only ever added to: the files of core/store/schema.
 *
 * Types are the ones SQLite and PostgreSQL share: TEXT ids, BIGINT UTC milliseconds in columns named *_at_ms,
 * JSON as TEXT. Lines that another engine would spell differently are marked "-- engine: sqlite". Each step
 * runs in its own transaction and is noted in schema_migrations. Store thread only. */
#ifndef CAL_STORE_MIGRATIONS_H
#define CAL_STORE_MIGRATIONS_H

#include <stdint.h>

#include "store/engine.h"

int cal_migrations_latest(void); /* the number of the newest step */

/* Brings the database to the latest step; 0 steps when it is there already. -ENOTSUP: it is newer than this
 * program. */
int cal_migrations_apply(cal_db *db, const char *path, int64_t now_ms);

#endif
