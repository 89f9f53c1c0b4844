#include "engine/hooks.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/arrivals.h"
#include "store/facts.h"

/* ---- answers and speech */

static void on_response(void *context, cal_id fetch, cal_http_message *message, int code, const char *text,
                        int was_sent) {
  cal_event event = {.kind = CAL_EVENT_HTTP_RESPONSE,
                     .source = fetch,
                     .message = message,
                     .code = code,
                     .text = message ? NULL : cal_strdup(text),
                     .flags = was_sent ? CAL_EVENT_SENT : 0};
  cal_reach_event(context, (uint8_t)cal_id_tag(fetch), &event, CAL_MAIL_RESERVED);
}

/* ---- recordings */

typedef struct recording {
  cal_reach *reach;
  cal_file *file;
  uint64_t samples;
  char *path;
} recording;

static void *recording_open(void *context, const char *path, const char *call) {
  cal_reach *reach = context;
  cal_file *file;
  if (cal_file_create(&file, reach->files, path, NULL, 0) < 0) {
    cal_log(CAL_LOG_ERROR, "recording", call, "not recorded: %s", cal_error_text());
    return NULL;
  }
  recording *r = cal_alloc(sizeof *r);
  r->reach = reach;
  r->file = file;
  r->path = cal_strdup(path);
  cal_store_recording_begin(reach->store, call, path, cal_reach_wall_ms(reach));
  return r;
}

static void recording_write(void *context, void *file, uint8_t *block, size_t bytes) {
  cal_file_append(((recording *)file)->file, block, bytes);
}

static void on_recorded(void *context, int code) {
  recording *r = context;
  if (code) cal_log(CAL_LOG_ERROR, "recording", NULL, "%s is incomplete: %s", r->path, cal_error_name(code));
  cal_store_recording_end(r->reach->store, r->path, cal_reach_wall_ms(r->reach), code == 0,
                          (int64_t)r->samples, (int64_t)r->samples * 4);
  cal_free(r->path);
  cal_free(r);
}

static void recording_close(void *context, void *file, const uint8_t *head, size_t bytes, uint64_t samples) {
  recording *r = file;
  r->samples = samples;
  cal_file_patch(r->file, 0, head, bytes);
  cal_file_finish(&r->file, on_recorded, r);
}

/* ---- all of them */

static void on_wire(void *context, const char *call, int is_ours, const char *data, size_t bytes,
                    int is_binary) {
  cal_trace_wire(((cal_reach *)context)->trace, call, is_ours, data, bytes, is_binary);
}

cal_io_hooks cal_engine_hooks(cal_reach *reach, cal_hearing hearing) {
  return (cal_io_hooks){.context = reach,
                        .on_request = cal_arrivals_request,
                        .on_socket = cal_arrivals_socket,
                        .has_time = cal_arrivals_have_time,
                        .on_response = on_response,
                        .ear = reach->ear,
                        .voice = reach->voice,
                        .breakers = reach->breakers,
                        .recordings = {.context = reach,
                                       .open = recording_open,
                                       .write = recording_write,
                                       .close = recording_close},
                        .hearing = hearing,
                        .watcher = {.context = reach, .saw = reach->trace ? on_wire : NULL}};
}
