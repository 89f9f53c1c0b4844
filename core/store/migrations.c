#include "store/migrations.h"

#include <errno.h>

#include "base/error.h"

/* core/store/schema/NNN_name.sql in their order, put into the build folder by CMake. */
static const struct step {
  const char *name, *sql;
} steps[] = {
#include "schema_steps.inc"
};

#define STEPS ((int)(sizeof steps / sizeof steps[0]))

int cal_migrations_latest(void) { return STEPS; }

static int version_of(cal_db *db, int64_t *version) {
  cal_store_result *result = NULL;
  int code =
      cal_db_run(db, &result, "SELECT COALESCE(MAX(version), 0) AS version FROM schema_migrations", NULL, 0);
  if (!code) *version = cal_store_at(result, 0, "version")->integer;
  if (code) cal_fail(code, "%s", result->error);
  cal_store_result_free(result);
  return code;
}

static int note(cal_db *db, int64_t version, const char *name, int64_t now_ms) {
  cal_store_value params[] = {cal_store_integer(version), cal_store_text(name), cal_store_integer(now_ms)};
  cal_store_result *result = NULL;
  int code = cal_db_run(db, &result,
                        "INSERT INTO schema_migrations (version, name, applied_at_ms) VALUES ($1, $2, $3)",
                        params, 3);
  if (code) cal_fail(code, "%s", result->error);
  cal_store_result_free(result);
  return code;
}

/* One step, unless another process has taken it meanwhile. 1: there may be more; 0: up to date. */
static int take_step(cal_db *db, const char *path, int64_t now_ms) {
  int64_t version = 0;
  int code = version_of(db, &version);
  if (code) return code;
  if (version > STEPS)
    return cal_fail(
        -ENOTSUP,
        "the database %s has schema %d, this callisto knows %d: use the newer callisto or restore a backup",
        path, (int)version, STEPS);
  if (version == STEPS) return 0;
  const struct step *step = &steps[version];
  code = cal_db_script(db, step->sql);
  if (!code) code = note(db, version + 1, step->name, now_ms);
  return code ? code : 1;
}

int cal_migrations_apply(cal_db *db, const char *path, int64_t now_ms) {
  for (;;) {
    int code = cal_db_begin(db);
    if (code) return code;
    code = cal_db_script(db,
                         "CREATE TABLE IF NOT EXISTS schema_migrations (\n"
                         "  version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at_ms BIGINT NOT NULL);");
    if (!code) code = take_step(db, path, now_ms);
    if (code < 0) {
      cal_db_rollback(db);
      return code;
    }
    int is_latest = code == 0;
    code = cal_db_commit(db);
    if (code || is_latest) return code;
  }
}
