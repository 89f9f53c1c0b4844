/* facts: the statements a call may make about itself, without SQL.
 *
 * A call's VM runs no SQL; what it may write goes through here. Each function copies its arguments, returns
 * at once, and is a fact in the sense of store.h: it is kept while the disk is full. Times are UTC
 * milliseconds. Texts may be NULL where it says so. Codes as for cal_store_submit, and -EINVAL for an empty
 * call id. Any thread.
 *
 * Facts never wait for a row to exist: an event or a line of an unknown call is written all the same. */
#ifndef CAL_STORE_FACTS_H
#define CAL_STORE_FACTS_H

#include <stdint.h>

#include "store/store.h"

/* Appends to the call's event log, which nobody can change afterwards. `json` may be NULL ("{}"). */
int cal_store_event(cal_store *store, const char *call_id, int64_t at_ms, const char *kind, const char *json);

/* Appends a line of the conversation. `who` is "agent", "caller" or "system" (-EINVAL otherwise). `heard` is
 * what the caller heard of an agent's line when that is known already, else NULL. Lines are numbered 1, 2 …
 * in the order of these calls. */
int cal_store_line(cal_store *store, const char *call_id, int64_t at_ms, const char *who, const char *text,
                   const char *heard, int is_interrupted);

/* The agent's line that was begun at `at_ms` is over, or was cut: what the caller heard of it. */
int cal_store_heard(cal_store *store, const char *call_id, int64_t at_ms, const char *heard,
                    int is_interrupted);

typedef struct cal_store_call {
  const char *id;        /* ours */
  const char *direction; /* "INBOUND" or "OUTBOUND" */
  const char *carrier;
  const char *carrier_call_id; /* NULL until the carrier told us */
  const char *template_name, *generation, *from_number, *to_number, *lead_id, *payload; /* each may be NULL */
  int64_t created_at_ms;
} cal_store_call;

/* A call begins: a row IN_PROGRESS that belongs to this node. Twice is harmless. */
int cal_store_call_begin(cal_store *store, const cal_store_call *call);

/* One known thing about the call: `name` is a column of `calls` among carrier_call_id, lead_id, outcome,
 * platform_status, platform_reason, provider_status, provider_reason, provider_hangup_cause,
 * session_end_reason, agent_outcome, agent_outcome_source (-EINVAL otherwise). The last writer wins. */
int cal_store_call_set(cal_store *store, const char *call_id, const char *name, const char *value);

/* The call was answered. The first answer counts. */
int cal_store_call_answered(cal_store *store, const char *call_id, int64_t at_ms);

/* The call is over: `state` is "COMPLETED" or "FAILED". Only a call in progress can end, so twice is
 * harmless. */
int cal_store_call_end(cal_store *store, const char *call_id, int64_t at_ms, const char *state,
                       const char *outcome);

/* A leg begins and ends. `role` is "caller", "agent" or "browser". */
int cal_store_leg_begin(cal_store *store, const char *leg_id, const char *call_id, int64_t at_ms,
                        const char *role, const char *carrier, const char *stream_id);

typedef struct cal_store_leg_end_facts {
  const char *reason;
  int64_t frames_in, frames_out, underruns, malformed, late_max_us;
} cal_store_leg_end_facts;

int cal_store_leg_end(cal_store *store, const char *leg_id, int64_t at_ms,
                      const cal_store_leg_end_facts *facts);

/* A recording is being written to `path`, and later: it is COMPLETE or (is_complete 0) INCOMPLETE. */
int cal_store_recording_begin(cal_store *store, const char *call_id, const char *path, int64_t at_ms);
int cal_store_recording_end(cal_store *store, const char *path, int64_t at_ms, int is_complete,
                            int64_t samples, int64_t bytes);

#endif
