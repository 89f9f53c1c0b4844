/* trace: what happened to calls, one JSON object a line, for `callisto serve --record-trace FILE`.
 *
 *   a message on the wire ("base64" instead of "text" for a binary one)
 *     {"at_ms":…, "call":"c…", "what":"wire", "to":"us", "text":"{\"event\":\"media\"…}"}
 *   what the call's script was told
 *     {"at_ms":…, "call":"c…", "what":"event", "kind":"heard", "data":{"text":"yes",…}}
 *   what it did
 *     {"at_ms":…, "call":"c…", "what":"did", "kind":"say", "data":{"number":1,"text":"…"}}
 *
 * callisto.spec.replay makes a spec of it. Secrets of templates are left out; what was said and dialled is in
 * it, so a trace is as private as a recording. Any thread; nothing waits for the disk (store/files.h). */
#ifndef CAL_SCRIPT_TRACE_H
#define CAL_SCRIPT_TRACE_H

#include "base/buf.h"
#include "base/clock.h"
#include "io/event.h"
#include "store/files.h"

typedef struct cal_trace cal_trace;

/* Returns owned; borrows the writer and the clock. What was at `path` is replaced. */
int cal_trace_open(cal_trace **result, cal_files *files, const char *path, cal_clock *clock);
cal_trace *cal_trace_close(cal_trace *trace); /* takes; NULL is fine; returns NULL */

void cal_trace_wire(cal_trace *trace, const char *call, int is_ours, const char *data, size_t bytes,
                    int is_binary);
void cal_trace_event(cal_trace *trace, const char *call,
                     const cal_event *event); /* those that scripts are told */
void cal_trace_did(cal_trace *trace, const char *call, const char *kind, const char *json);

#endif
