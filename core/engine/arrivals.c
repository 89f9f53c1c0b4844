#include "engine/arrivals.h"

#include <string.h>

#include "base/metrics.h"

#define METRICS_CEILING (4u << 20)
#define RETRY_AFTER_S "5"

/* ---- what the engine answers itself */

static void answer_text(cal_io *io, cal_id request, const cal_http_message *message, int status,
                        const char *type, cal_span body) {
  cal_http_field fields[] = {{{"content-type", 12}, cal_span_of(type)},
                             {{"retry-after", 11}, cal_span_of(RETRY_AFTER_S)}};
  if (!strcmp(message->method, "HEAD")) body.bytes = 0;
  cal_io_answer(io, request,
                &(cal_http_answer){
                    .status = status, .fields = fields, .field_count = status == 503 ? 2 : 1, .body = body});
}

static void answer_health(cal_reach *reach, cal_io *io, cal_id request, const cal_http_message *message) {
  answer_text(io, request, message, 200, "text/plain; charset=utf-8", cal_span_of("ok\n"));
}

static void answer_readiness(cal_reach *reach, cal_io *io, cal_id request, const cal_http_message *message) {
  static const char draining[] = "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
                                 "\"detail\":\"draining\"}";
  static const char idle[] = "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
                             "\"detail\":\"there is no template\"}";
  int is_draining = atomic_load(&reach->is_draining), is_idle = atomic_load(&reach->has_no_template);
  if (is_draining || is_idle)
    answer_text(io, request, message, 503, "application/problem+json",
                cal_span_of(is_draining ? draining : idle));
  else
    answer_text(io, request, message, 200, "text/plain; charset=utf-8", cal_span_of("ready\n"));
}

static void answer_metrics(cal_reach *reach, cal_io *io, cal_id request, const cal_http_message *message) {
  cal_buf text;
  cal_buf_init(&text, METRICS_CEILING);
  cal_metrics_print(&text);
  answer_text(io, request, message, 200, "text/plain; version=0.0.4; charset=utf-8",
              (cal_span){text.data, text.bytes});
  cal_buf_free(&text);
}

static int is_path(const char *path, const char *name) {
  size_t bytes = strlen(name);
  return !strncmp(path, name, bytes) && (!path[bytes] || !strcmp(path + bytes, "/"));
}

static void answer_wrong_method(cal_io *io, cal_id request) {
  static const cal_http_field allow = {{"allow", 5}, {"GET, HEAD", 9}};
  cal_io_answer(io, request, &(cal_http_answer){.status = 405, .fields = &allow, .field_count = 1});
}

static int answer_here(cal_reach *reach, cal_io *io, cal_id request, const cal_http_message *message) {
  static const struct {
    const char *path;
    void (*answer)(cal_reach *reach, cal_io *io, cal_id request, const cal_http_message *message);
  } pages[] = {{"/healthz", answer_health}, {"/readyz", answer_readiness}, {"/metrics", answer_metrics}};
  for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
    if (!is_path(message->path, pages[i].path)) continue;
    if (strcmp(message->method, "GET") && strcmp(message->method, "HEAD"))
      answer_wrong_method(io, request);
    else
      pages[i].answer(reach, io, request, message);
    return 1;
  }
  return 0;
}

/* ---- who works on it */

/* The owner of the live call a request names by our id; 0: it names none. */
static uint8_t script_of_call(cal_reach *reach, const cal_http_message *message, cal_id *handle) {
  const char *query = message->query, *at = query ? strstr(query, "call=") : NULL;
  if (!at || (at != query && at[-1] != '&')) return 0;
  char name[64];
  cal_owner owner;
  size_t bytes = strcspn(at + 5, "&");
  if (bytes >= sizeof name) return 0;
  memcpy(name, at + 5, bytes);
  name[bytes] = 0;
  if (!cal_registry_find(reach->registry, name, &owner)) return 0;
  *handle = owner.handle;
  return owner.script;
}

/* ---- hooks */

static int refused(int code) {
  if (!code) return 0;
  cal_metric_add(
      cal_counter("callisto_requests_refused_total", "requests refused because the script plane is behind"),
      1);
  return 503;
}

int cal_arrivals_request(void *context, cal_io *io, cal_id request, cal_http_message *message) {
  cal_reach *reach = context;
  if (answer_here(reach, io, request, message)) {
    cal_http_message_free(message);
    return 0;
  }
  cal_event event = {.kind = CAL_EVENT_HTTP_REQUEST, .source = request, .message = message};
  uint8_t script = script_of_call(reach, message, &event.target);
  return refused(
      cal_reach_event(reach, script ? script : cal_reach_next_script(reach), &event, CAL_MAIL_CONTROL));
}

int cal_arrivals_socket(void *context, cal_id socket, cal_http_message *message) {
  cal_reach *reach = context;
  cal_event event = {.kind = CAL_EVENT_SOCKET, .source = socket, .message = message};
  return cal_reach_event(reach, cal_reach_next_script(reach), &event, CAL_MAIL_CONTROL);
}
