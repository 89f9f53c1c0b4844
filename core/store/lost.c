#include "store/lost.h"

#include "base/error.h"
#include "base/log.h"

/* Nothing of this node is alive when it opens its store, so what is still open of it was left behind. The
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

static int run(cal_db *db, const char *sql, const char *node, int64_t now_ms, uint32_t *count) {
  cal_store_value params[] = {cal_store_text(node), cal_store_integer(now_ms)};
  cal_store_result *result = NULL;
  int code = cal_db_run(db, &result, sql, params, 2);
  if (code) cal_fail(code, "cannot finish the calls of an earlier process: %s", result->error);
  *count = (uint32_t)result->changes;
  cal_store_result_free(result);
  return code;
}

int cal_lost_calls(cal_db *db, const char *node, int64_t now_ms, uint32_t *count) {
  uint32_t changes = 0;
  int code = cal_db_begin(db);
  for (size_t i = 0; !code && i < STATEMENTS; i++) code = run(db, statements[i], node, now_ms, &changes);
  if (!code) code = cal_db_commit(db);
  if (code) {
    cal_db_rollback(db);
    return code;
  }
  *count = changes;
  if (changes)
    cal_log(CAL_LOG_WARN, "store", NULL,
            "%u calls were in progress when the last process ended: they are lost", changes);
  return 0;
}
