#include "store/lost.h"

#include "base/error.h"
#include "base/log.h"

/* Nothing of this node is alive when it opens its store or has closed it, so what is still open was left behind. The
 * event is written while the call can still be told from the others, the call itself last. $1 is the node, $2
 * now. A lost call ended no earlier than its last recorded fact; the event says when that was noticed. */
#define MINE(table) "EXISTS (SELECT 1 FROM calls c WHERE c.id = " table ".call_id AND c.node = $1)"
#define LAST_FACT                                                                                            \
  "(SELECT MAX(at_ms) FROM ("                                                                                \
  "  SELECT calls.created_at_ms AS at_ms"                                                                    \
  "  UNION ALL SELECT calls.answered_at_ms"                                                                  \
  "  UNION ALL SELECT MAX(t.at_ms) FROM transcript t WHERE t.call_id = calls.id"                             \
  "  UNION ALL SELECT MAX(e.at_ms) FROM events e WHERE e.call_id = calls.id AND e.kind <> 'call.lost') AS "  \
  "facts)"

static const char *const statements[] = {
    "UPDATE recordings SET state = 'INCOMPLETE', ended_at_ms = $2 WHERE state = 'RECORDING' AND " MINE(
        "recordings"),
    "UPDATE legs SET end_reason = 'LOST', ended_at_ms = $2 WHERE ended_at_ms IS NULL AND " MINE("legs"),
    "INSERT INTO events (call_id, at_ms, kind, data)"
    " SELECT id, $2, 'call.lost', '{\"reason\":\"the process that carried the call ended\"}'"
    " FROM calls WHERE node = $1 AND state = 'IN_PROGRESS' ORDER BY id",
    "UPDATE calls SET state = 'FAILED',"
    " outcome = COALESCE(outcome, agent_outcome, 'UNKNOWN'),"
    " session_end_reason = COALESCE(session_end_reason, 'REAPED'),"
    " ended_at_ms = COALESCE(" LAST_FACT ", $2)"
    " WHERE node = $1 AND state = 'IN_PROGRESS'",
};

#define STATEMENTS (sizeof statements / sizeof statements[0])
#define OPEN_RECORDINGS "SELECT path FROM recordings WHERE state = 'RECORDING' AND " MINE("recordings")

/* Gives the result when it went well (owned). */
static int run(cal_db *db, cal_store_result **result, const char *sql, const cal_store_value *params,
               uint32_t count) {
  cal_store_result *answer = NULL;
  int code = cal_db_run(db, &answer, sql, params, count);
  if (!code) {
    *result = answer;
    return 0;
  }
  cal_fail(code, "cannot finish the calls of an earlier process: %s", answer->error);
  cal_store_result_free(answer);
  return code;
}

static int note_length(cal_db *db, const char *path, int64_t samples, int64_t bytes) {
  cal_store_value params[] = {cal_store_text(path), cal_store_integer(samples), cal_store_integer(bytes)};
  cal_store_result *result = NULL;
  int code = run(db, &result, "UPDATE recordings SET samples = $2, bytes = $3 WHERE path = $1", params, 3);
  cal_store_result_free(result);
  return code;
}

/* The start goes on even if a file cannot be mended. */
static int mend_recordings(cal_db *db, const cal_lost_options *options) {
  if (!options->mend_recording) return 0;
  cal_store_value node = cal_store_text(options->node);
  cal_store_result *paths = NULL;
  int code = run(db, &paths, OPEN_RECORDINGS, &node, 1);
  for (uint32_t row = 0; !code && row < paths->rows; row++) {
    const char *path = paths->values[row].bytes.at;
    int64_t samples = 0, bytes = 0;
    if (options->mend_recording(path, &samples, &bytes) < 0) {
      cal_log(CAL_LOG_WARN, "store", NULL, "%s was cut off and stays so: %s", path, cal_error_text());
    } else {
      code = note_length(db, path, samples, bytes);
    }
  }
  cal_store_result_free(paths);
  return code;
}

/* The last statement counts the calls. */
static int finish_all(cal_db *db, const cal_lost_options *options, uint32_t *count) {
  cal_store_value params[] = {cal_store_text(options->node), cal_store_integer(options->now_ms)};
  for (size_t i = 0; i < STATEMENTS; i++) {
    cal_store_result *result = NULL;
    int code = run(db, &result, statements[i], params, 2);
    if (code) return code;
    *count = (uint32_t)result->changes;
    cal_store_result_free(result);
  }
  return 0;
}

int cal_lost_calls(cal_db *db, uint32_t *count, const cal_lost_options *options) {
  uint32_t changes = 0;
  int code = cal_db_begin(db);
  if (!code) code = mend_recordings(db, options);
  if (!code) code = finish_all(db, options, &changes);
  if (!code) code = cal_db_commit(db);
  if (code) {
    cal_db_rollback(db);
    return code;
  }
  *count = changes;
  if (changes)
    cal_log(CAL_LOG_WARN, "store", NULL, "%u call%s in progress %s: finished as lost", changes,
            changes == 1 ? " was" : "s were", options->when);
  return 0;
}
