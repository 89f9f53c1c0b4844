#include "store/migrations.h"

#include <errno.h>

#include "base/error.h"

/* A step that was released is never edited: add another one below it. */

static const char calls[] =
    "CREATE TABLE calls (\n"
    "  id TEXT PRIMARY KEY,\n"
    "  direction TEXT NOT NULL CHECK (direction IN ('INBOUND', 'OUTBOUND')),\n"
    "  carrier TEXT NOT NULL,\n"
    "  carrier_call_id TEXT,\n"
    "  template TEXT,\n"
    "  generation TEXT,\n"
    "  from_number TEXT,\n"
    "  to_number TEXT,\n"
    "  lead_id TEXT,\n"
    "  state TEXT NOT NULL DEFAULT 'IN_PROGRESS' CHECK (state IN ('IN_PROGRESS', 'COMPLETED', 'FAILED')),\n"
    "  outcome TEXT,\n"
    /* The facts the outcome is computed from; each is written by whoever knows it. */
    "  platform_status TEXT,\n"
    "  platform_reason TEXT,\n"
    "  provider_status TEXT,\n"
    "  provider_reason TEXT,\n"
    "  provider_hangup_cause TEXT,\n"
    "  session_end_reason TEXT,\n"
    "  agent_outcome TEXT,\n"
    "  agent_outcome_source TEXT,\n"
    "  payload TEXT NOT NULL DEFAULT '{}',\n"
    "  node TEXT NOT NULL DEFAULT '',\n"
    "  created_at_ms BIGINT NOT NULL,\n"
    "  answered_at_ms BIGINT,\n"
    "  ended_at_ms BIGINT,\n"
    "  UNIQUE (carrier, carrier_call_id)\n"
    ");\n"
    "CREATE INDEX calls_in_progress ON calls (node) WHERE state = 'IN_PROGRESS';\n"
    "CREATE INDEX calls_by_time ON calls (created_at_ms);\n"
    "CREATE INDEX calls_by_lead ON calls (lead_id) WHERE lead_id IS NOT NULL;\n"

    "CREATE TABLE legs (\n"
    "  id TEXT PRIMARY KEY,\n"
    "  call_id TEXT NOT NULL,\n"
    "  role TEXT NOT NULL,\n"
    "  carrier TEXT,\n"
    "  stream_id TEXT,\n"
    "  started_at_ms BIGINT NOT NULL,\n"
    "  ended_at_ms BIGINT,\n"
    "  end_reason TEXT,\n"
    "  frames_in BIGINT NOT NULL DEFAULT 0,\n"
    "  frames_out BIGINT NOT NULL DEFAULT 0,\n"
    "  underruns BIGINT NOT NULL DEFAULT 0,\n"
    "  malformed BIGINT NOT NULL DEFAULT 0,\n"
    "  late_max_us BIGINT NOT NULL DEFAULT 0\n"
    ");\n"
    "CREATE INDEX legs_by_call ON legs (call_id);\n"
    "CREATE INDEX legs_open ON legs (call_id) WHERE ended_at_ms IS NULL;\n"

    "CREATE TABLE events (\n"
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "  call_id TEXT NOT NULL,\n"
    "  at_ms BIGINT NOT NULL,\n"
    "  kind TEXT NOT NULL,\n"
    "  data TEXT NOT NULL DEFAULT '{}'\n"
    ");\n"
    "CREATE INDEX events_by_call ON events (call_id, seq);\n"
    "CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events BEGIN\n"
    "  SELECT RAISE(ABORT, 'events are append-only');\n"
    "END;\n"
    "CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events BEGIN\n"
    "  SELECT RAISE(ABORT, 'events are append-only');\n"
    "END;\n"
    /* REPLACE deletes without the trigger above, so a number that is taken is refused before it comes to
       that. */
    "CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events\n"
    "WHEN EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq) BEGIN\n"
    "  SELECT RAISE(ABORT, 'events are append-only');\n"
    "END;\n"

    "CREATE TABLE transcript (\n"
    "  call_id TEXT NOT NULL,\n"
    "  seq BIGINT NOT NULL,\n"
    "  at_ms BIGINT NOT NULL,\n"
    "  who TEXT NOT NULL CHECK (who IN ('agent', 'caller', 'system')),\n"
    "  text TEXT NOT NULL,\n"
    "  heard_text TEXT,\n"
    "  interrupted BIGINT NOT NULL DEFAULT 0,\n"
    "  PRIMARY KEY (call_id, seq)\n"
    ");\n"

    "CREATE TABLE recordings (\n"
    "  path TEXT PRIMARY KEY,\n"
    "  call_id TEXT NOT NULL,\n"
    "  state TEXT NOT NULL DEFAULT 'RECORDING' CHECK (state IN ('RECORDING', 'COMPLETE', 'INCOMPLETE')),\n"
    "  samples BIGINT NOT NULL DEFAULT 0,\n"
    "  bytes BIGINT NOT NULL DEFAULT 0,\n"
    "  started_at_ms BIGINT NOT NULL,\n"
    "  ended_at_ms BIGINT\n"
    ");\n"
    "CREATE INDEX recordings_by_call ON recordings (call_id);\n"
    "CREATE INDEX recordings_open ON recordings (call_id) WHERE state = 'RECORDING';\n";

static const char leads[] =
    "CREATE TABLE leads (\n"
    "  id TEXT PRIMARY KEY,\n"
    "  request_id TEXT,\n"
    "  parent_lead_id TEXT,\n"
    "  template TEXT NOT NULL,\n"
    "  to_number TEXT NOT NULL,\n"
    "  from_number TEXT,\n" /* stamped when dialling; the line is given back to this one */
    "  carrier TEXT,\n"
    "  payload TEXT NOT NULL DEFAULT '{}',\n"
    "  metadata TEXT NOT NULL DEFAULT '{}',\n"
    "  status TEXT NOT NULL DEFAULT 'BACKLOG' CHECK (status IN ('BACKLOG', 'PROCESSING', 'FINISHED')),\n"
    "  outcome TEXT,\n"
    "  reason TEXT,\n"
    "  attempt BIGINT NOT NULL DEFAULT 0,\n"
    "  rank BIGINT NOT NULL DEFAULT 50 CHECK (rank BETWEEN 1 AND 99),\n"
    "  call_id TEXT,\n"
    "  next_attempt_at_ms BIGINT NOT NULL,\n"
    "  locked_by TEXT,\n"
    "  locked_at_ms BIGINT,\n"
    "  dispatched_at_ms BIGINT,\n"
    "  finished_at_ms BIGINT,\n"
    "  created_at_ms BIGINT NOT NULL,\n"
    "  updated_at_ms BIGINT NOT NULL\n"
    ");\n"
    "CREATE INDEX leads_due ON leads (next_attempt_at_ms) WHERE status = 'BACKLOG';\n"
    "CREATE INDEX leads_in_call ON leads (locked_at_ms) WHERE status = 'PROCESSING';\n"
    "CREATE INDEX leads_by_request ON leads (request_id);\n"
    "CREATE UNIQUE INDEX leads_by_call ON leads (call_id) WHERE call_id IS NOT NULL;\n"
    /* The retry of an attempt exists once, however often the carrier repeats its last word. */
    "CREATE UNIQUE INDEX leads_by_parent ON leads (parent_lead_id, attempt) WHERE parent_lead_id IS NOT "
    "NULL;\n";

static const char settings[] = "CREATE TABLE settings (\n"
                               "  key TEXT PRIMARY KEY,\n"
                               "  value TEXT NOT NULL,\n"
                               "  updated_at_ms BIGINT NOT NULL\n"
                               ");\n";

static const struct step {
  const char *name, *sql;
} steps[] = {
    {"001_calls", calls},
    {"002_leads", leads},
    {"003_settings", settings},
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
