#include "store/facts.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

static int write_fact(cal_store *store, const char *sql, const cal_store_value *params, uint32_t count) {
  cal_store_request request = {.sql = sql, .params = params, .param_count = count, .kind = CAL_STORE_CONTROL};
  return cal_store_submit(store, &request);
}

#define WRITE(store, sql, ...)                                                                               \
  do {                                                                                                       \
    const cal_store_value params[] = {__VA_ARGS__};                                                          \
    return write_fact(store, sql, params, sizeof params / sizeof params[0]);                                 \
  } while (0)

#define TEXT cal_store_text
#define NUMBER cal_store_integer

static int is_named(const char *id) {
  return id && *id ? 0 : cal_fail(-EINVAL, "a fact needs the id it is about");
}

static int is_one_of(const char *word, const char *const *words) {
  for (; word && *words; words++)
    if (strcmp(word, *words) == 0) return 1;
  return 0;
}

int cal_store_event(cal_store *store, const char *call_id, int64_t at_ms, const char *kind,
                    const char *json) {
  int code = is_named(call_id);
  if (!code) code = is_named(kind);
  if (code) return code;
  WRITE(store, "INSERT INTO events (call_id, at_ms, kind, data) VALUES ($1, $2, $3, $4)", TEXT(call_id),
        NUMBER(at_ms), TEXT(kind), TEXT(json ? json : "{}"));
}

int cal_store_line(cal_store *store, const char *call_id, int64_t at_ms, const char *who, const char *text,
                   const char *heard, int is_interrupted) {
  static const char *const speakers[] = {"agent", "caller", "system", NULL};
  int code = is_named(call_id);
  if (code) return code;
  if (!is_one_of(who, speakers)) return cal_fail(-EINVAL, "a line is said by agent, caller or system");
  WRITE(store,
        "INSERT INTO transcript (call_id, seq, at_ms, who, text, heard_text, interrupted)"
        " VALUES ($1, (SELECT COALESCE(MAX(seq), 0) + 1 FROM transcript WHERE call_id = $1), $2, $3, $4, $5, "
        "$6)",
        TEXT(call_id), NUMBER(at_ms), TEXT(who), TEXT(text ? text : ""), TEXT(heard),
        NUMBER(is_interrupted != 0));
}

int cal_store_heard(cal_store *store, const char *call_id, int64_t at_ms, const char *heard,
                    int is_interrupted) {
  int code = is_named(call_id);
  if (code) return code;
  WRITE(store,
        "UPDATE transcript SET heard_text = $3, interrupted = $4 WHERE call_id = $1 AND seq ="
        " (SELECT MAX(seq) FROM transcript WHERE call_id = $1 AND at_ms = $2 AND who = 'agent')",
        TEXT(call_id), NUMBER(at_ms), TEXT(heard), NUMBER(is_interrupted != 0));
}

int cal_store_call_begin(cal_store *store, const cal_store_call *call) {
  static const char *const directions[] = {"INBOUND", "OUTBOUND", NULL};
  int code = is_named(call->id);
  if (code) return code;
  if (!is_one_of(call->direction, directions)) return cal_fail(-EINVAL, "a call is INBOUND or OUTBOUND");
  WRITE(store,
        "INSERT INTO calls (id, direction, carrier, carrier_call_id, template, generation, from_number,"
        " to_number, lead_id, payload, created_at_ms, node) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
        "$11, $12)"
        " ON CONFLICT (id) DO NOTHING",
        TEXT(call->id), TEXT(call->direction), TEXT(call->carrier ? call->carrier : ""),
        TEXT(call->carrier_call_id), TEXT(call->template_name), TEXT(call->generation),
        TEXT(call->from_number), TEXT(call->to_number), TEXT(call->lead_id),
        TEXT(call->payload ? call->payload : "{}"), NUMBER(call->created_at_ms), TEXT(cal_store_node(store)));
}

/* Whole statements, because SQL takes no parameter for a column's name. */
#define SET(column)                                                                                          \
  { column, "UPDATE calls SET " column " = $2 WHERE id = $1" }

int cal_store_call_set(cal_store *store, const char *call_id, const char *name, const char *value) {
  static const struct {
    const char *name, *sql;
  } columns[] = {SET("carrier_call_id"),
                 SET("lead_id"),
                 SET("outcome"),
                 SET("platform_status"),
                 SET("platform_reason"),
                 SET("provider_status"),
                 SET("provider_reason"),
                 SET("provider_hangup_cause"),
                 SET("session_end_reason"),
                 SET("agent_outcome"),
                 SET("agent_outcome_source")};
  int code = is_named(call_id);
  if (code) return code;
  for (size_t i = 0; name && i < sizeof columns / sizeof columns[0]; i++)
    if (strcmp(columns[i].name, name) == 0) WRITE(store, columns[i].sql, TEXT(call_id), TEXT(value));
  return cal_fail(-EINVAL, "\"%.80s\" is no fact about a call", name ? name : "");
}

int cal_store_call_answered(cal_store *store, const char *call_id, int64_t at_ms) {
  int code = is_named(call_id);
  if (code) return code;
  WRITE(store, "UPDATE calls SET answered_at_ms = COALESCE(answered_at_ms, $2) WHERE id = $1", TEXT(call_id),
        NUMBER(at_ms));
}

int cal_store_call_end(cal_store *store, const char *call_id, int64_t at_ms, const char *state,
                       const char *outcome) {
  static const char *const states[] = {"COMPLETED", "FAILED", NULL};
  int code = is_named(call_id);
  if (code) return code;
  if (!is_one_of(state, states)) return cal_fail(-EINVAL, "a call ends COMPLETED or FAILED");
  WRITE(store,
        "UPDATE calls SET state = $3, outcome = COALESCE($4, outcome), ended_at_ms = $2"
        " WHERE id = $1 AND state = 'IN_PROGRESS'",
        TEXT(call_id), NUMBER(at_ms), TEXT(state), TEXT(outcome));
}

int cal_store_leg_begin(cal_store *store, const char *leg_id, const char *call_id, int64_t at_ms,
                        const char *role, const char *carrier, const char *stream_id) {
  int code = is_named(leg_id);
  if (!code) code = is_named(call_id);
  if (code) return code;
  WRITE(store,
        "INSERT INTO legs (id, call_id, role, carrier, stream_id, started_at_ms) VALUES ($1, $2, $3, $4, $5, "
        "$6)"
        " ON CONFLICT (id) DO NOTHING",
        TEXT(leg_id), TEXT(call_id), TEXT(role ? role : "caller"), TEXT(carrier), TEXT(stream_id),
        NUMBER(at_ms));
}

int cal_store_leg_end(cal_store *store, const char *leg_id, int64_t at_ms,
                      const cal_store_leg_end_facts *facts) {
  int code = is_named(leg_id);
  if (code) return code;
  WRITE(store,
        "UPDATE legs SET ended_at_ms = $2, end_reason = $3, frames_in = $4, frames_out = $5, underruns = $6,"
        " malformed = $7, late_max_us = $8 WHERE id = $1 AND ended_at_ms IS NULL",
        TEXT(leg_id), NUMBER(at_ms), TEXT(facts->reason), NUMBER(facts->frames_in), NUMBER(facts->frames_out),
        NUMBER(facts->underruns), NUMBER(facts->malformed), NUMBER(facts->late_max_us));
}

int cal_store_recording_begin(cal_store *store, const char *call_id, const char *path, int64_t at_ms) {
  int code = is_named(call_id);
  if (!code) code = is_named(path);
  if (code) return code;
  WRITE(store,
        "INSERT INTO recordings (path, call_id, started_at_ms) VALUES ($1, $2, $3) ON CONFLICT (path) DO "
        "NOTHING",
        TEXT(path), TEXT(call_id), NUMBER(at_ms));
}

int cal_store_recording_end(cal_store *store, const char *path, int64_t at_ms, int is_complete,
                            int64_t samples, int64_t bytes) {
  int code = is_named(path);
  if (code) return code;
  WRITE(store,
        "UPDATE recordings SET state = $3, samples = $4, bytes = $5, ended_at_ms = $2"
        " WHERE path = $1 AND state = 'RECORDING'",
        TEXT(path), NUMBER(at_ms), TEXT(is_complete ? "COMPLETE" : "INCOMPLETE"), NUMBER(samples),
        NUMBER(bytes));
}
