#include "store/facts.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

static int write_fact(cal_store *store, const char *sql, const cal_store_value *params, uint32_t count) {
  cal_store_request request = {.sql = sql, .params = params, .param_count = count, .is_fact = 1};
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

static int is_speaker(const char *word) {
  static const char *const speakers[] = {"agent", "caller", "system"};
  for (size_t i = 0; word && i < sizeof speakers / sizeof speakers[0]; i++)
    if (strcmp(word, speakers[i]) == 0) return 1;
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

int cal_store_line(cal_store *store, const cal_line *line) {
  int code = is_named(line->call_id);
  if (code) return code;
  if (!is_speaker(line->who)) return cal_fail(-EINVAL, "a line is said by agent, caller or system");
  WRITE(store,
        "INSERT INTO transcript (call_id, seq, at_ms, who, text, heard_text, interrupted, known_by)"
        " VALUES ($1, (SELECT COALESCE(MAX(seq), 0) + 1 FROM transcript WHERE call_id = $1), $2, $3, $4, $5,"
        " $6, $7)",
        TEXT(line->call_id), NUMBER(line->at_ms), TEXT(line->who), TEXT(line->text ? line->text : ""),
        TEXT(line->heard), NUMBER(line->is_interrupted != 0), TEXT(line->known_by));
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
