/* facts: what the engine itself writes about a call, so that it is there even if the call's script is broken.
 *
 * Events, lines of the conversation and recordings; everything else about a call is written by the service's
 * scripts (lua/callisto/service/records). Each function copies its arguments, returns at once, and is a fact in
 * the sense of store.h: it is kept while the disk is full. Times are UTC milliseconds. Texts may be NULL where
 * it says so. Codes as for cal_store_submit, and -EINVAL for an empty id. Any thread.
 *
 * Facts never wait for a row to exist: an event or a line of an unknown call is written all the same. */
#ifndef CAL_STORE_FACTS_H
#define CAL_STORE_FACTS_H

#include <stdint.h>

#include "store/store.h"

/* Appends to the call's event log, which cannot be changed afterwards. `json` may be NULL ("{}"). */
int cal_store_event(cal_store *store, const char *call_id, int64_t at_ms, const char *kind, const char *json);

typedef struct cal_line {
  const char *call_id;
  int64_t at_ms;
  const char *who;   /* "agent", "caller" or "system" (-EINVAL otherwise) */
  const char *text;  /* NULL is "" */
  const char *heard; /* what the caller heard of an agent's line; NULL: not known */
  int is_interrupted;
  const char *known_by; /* how that is known: "mark", "clock" or "nothing"; NULL: nothing to be known */
} cal_line;

/* Appends a line of the conversation. Lines are numbered 1, 2 … in the order of these calls. */
int cal_store_line(cal_store *store, const cal_line *line);

/* A recording is being written to `path`, and later: it is COMPLETE or (is_complete 0) INCOMPLETE. */
int cal_store_recording_begin(cal_store *store, const char *call_id, const char *path, int64_t at_ms);
int cal_store_recording_end(cal_store *store, const char *path, int64_t at_ms, int is_complete,
                            int64_t samples, int64_t bytes);

#endif
