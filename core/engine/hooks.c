#include "engine/hooks.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/facts.h"

/* ---- requests and sockets */

/* Requests that name a live call go to the thread, and there to the code, that owns it; the others are dealt
 * in turn. */
static uint8_t script_for(cal_reach *reach, const cal_http_message *message, cal_id *handle) {
  const char *query = message->query, *at = query ? strstr(query, "call=") : NULL;
  if (at && (at == query || at[-1] == '&')) {
    char name[64];
    cal_owner owner;
    size_t bytes = strcspn(at + 5, "&");
    if (bytes < sizeof name) {
      memcpy(name, at + 5, bytes);
      name[bytes] = 0;
      if (cal_registry_find(reach->registry, name, &owner)) {
        *handle = owner.handle;
        return owner.script;
      }
    }
  }
  return cal_reach_next_script(reach);
}

static int on_request(void *context, cal_io *io, cal_id request, cal_http_message *message) {
  cal_reach *reach = context;
  cal_event event = {.kind = CAL_EVENT_HTTP_REQUEST, .source = request, .message = message};
  uint8_t script = script_for(reach, message, &event.target);
  int code = cal_reach_event(reach, script, &event, CAL_MAIL_CONTROL);
  if (!code) return 0;
  cal_metric_add(
      cal_counter("callisto_requests_refused_total", "requests refused because the script plane is behind"),
      1);
  return 503;
}

static int on_socket(void *context, cal_id socket, cal_http_message *message) {
  cal_reach *reach = context;
  cal_event event = {.kind = CAL_EVENT_SOCKET, .source = socket, .message = message};
  return cal_reach_event(reach, cal_reach_next_script(reach), &event, CAL_MAIL_CONTROL);
}

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
                        .on_request = on_request,
                        .on_socket = on_socket,
                        .on_response = on_response,
                        .ear = reach->ear,
                        .voice = reach->voice,
                        .recordings = {.context = reach,
                                       .open = recording_open,
                                       .write = recording_write,
                                       .close = recording_close},
                        .hearing = hearing,
                        .watcher = {.context = reach, .saw = reach->trace ? on_wire : NULL}};
}
