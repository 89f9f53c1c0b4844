#include "engine/arrivals.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/metrics.h"
#include "io/doors.h"
#include "net/forwarding.h"

#define METRICS_CEILING (4u << 20)
#define SOCKET_PATIENCE_MS 2000 /* of a socket that comes first; the lobby holds it for five seconds */

/* ---- what the engine answers itself */

static void answer_text(cal_io *io, cal_id request, const cal_http_message *message, int status,
                        const char *type, cal_span body) {
  cal_http_field fields[] = {{{"content-type", 12}, cal_span_of(type)},
                             {{"retry-after", 11}, cal_span_of(CAL_DOOR_RETRY_AFTER_S)}};
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
  static const char closed[] =
      "{\"type\":\"about:blank\",\"title\":\"Forbidden\",\"status\":403,"
      "\"detail\":\"metrics are shown to programs on this machine that ask directly; "
      "--open-metrics shows them to others\"}";
  if (!reach->limits.opens_metrics && !cal_forwarding_is_direct(message)) {
    answer_text(io, request, message, 403, "application/problem+json", cal_span_of(closed));
    return;
  }
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

/* ---- who works on it, and how soon */

/* The value of a query's parameter, as it was sent; empty: it is not there. */
static cal_span parameter_of(const char *query, const char *name) {
  size_t bytes = strlen(name);
  while (query && *query) {
    size_t length = strcspn(query, "&");
    if (length > bytes && query[bytes] == '=' && !strncmp(query, name, bytes))
      return (cal_span){query + bytes + 1, length - bytes - 1};
    query += length + (query[length] == '&');
  }
  return (cal_span){0};
}

/* The owner of the live call a request names by our id; 0: it names none. */
static uint8_t script_of_call(cal_reach *reach, const cal_door *door, const cal_http_message *message,
                              cal_id *handle) {
  char name[64];
  cal_owner owner;
  if (!door->call[0]) return 0;
  cal_span id = parameter_of(message->query, door->call);
  if (!id.bytes || id.bytes >= sizeof name) return 0;
  memcpy(name, id.at, id.bytes);
  name[id.bytes] = 0;
  if (!cal_registry_find(reach->registry, name, &owner)) return 0;
  *handle = owner.handle;
  return owner.script;
}

/* A question takes turns with beginnings, and a beginning with questions. */
static uint64_t wait_of(cal_reach *reach, uint8_t script, int begins, uint64_t now_ns) {
  cal_mail_waiting waiting = cal_mailbox_waiting_by_lane(reach->events[script - 1]);
  uint32_t mine = begins ? waiting.beginnings : waiting.questions;
  uint32_t others = begins ? waiting.questions : waiting.beginnings;
  cal_queue_ahead ahead = {.first = waiting.ordinary, .turns = mine + (others <= mine ? others : mine + 1)};
  return cal_admission_wait_ns(&reach->admissions[script - 1], now_ns, ahead);
}

/* The thread on which one more waits least; of equals, the one whose turn it is. */
static uint8_t quickest_script(cal_reach *reach, int begins, uint64_t now_ns, uint64_t *wait_ns) {
  uint8_t first = cal_reach_next_script(reach), best = 0;
  for (uint8_t i = 0; i < reach->script_threads; i++) {
    uint8_t script = (uint8_t)((first - 1 + i) % reach->script_threads + 1);
    uint64_t wait = wait_of(reach, script, begins, now_ns);
    if (best && wait >= *wait_ns) continue;
    best = script;
    *wait_ns = wait;
  }
  return best;
}

static uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* One line a second, whatever comes. */
static void note_turned_away(cal_reach *reach, uint64_t now_ns, uint64_t wait_ns) {
  cal_metric_add(cal_counter("callisto_arrivals_turned_away_total",
                             "requests and sockets refused because their answer would have come too late"),
                 1);
  unsigned count = atomic_fetch_add(&reach->turned_away, 1) + 1;
  uint64_t said_ns = atomic_load(&reach->turned_away_ns);
  if (now_ns - said_ns < CAL_S || !atomic_compare_exchange_strong(&reach->turned_away_ns, &said_ns, now_ns))
    return;
  atomic_fetch_sub(&reach->turned_away, count);
  cal_log(CAL_LOG_WARN, "engine", NULL,
          "%u requests were turned away: scripts are behind, an answer would take %.1f s", count,
          (double)wait_ns / CAL_S);
}

/* ---- in time or not */

/* -EBUSY: there is no time for it, and nothing was taken; after anything else the event is. */
static int go_first(cal_reach *reach, uint8_t script, cal_event *event, uint64_t patience_ns) {
  uint32_t ahead = cal_mailbox_waiting_by_lane(reach->events[script - 1]).ordinary;
  uint64_t wait_ns = cal_admission_first_wait_ns(&reach->admissions[script - 1], event->came_ns, ahead);
  if (wait_ns > patience_ns) {
    note_turned_away(reach, event->came_ns, wait_ns);
    return -EBUSY;
  }
  return cal_reach_event(reach, script, event, CAL_MAIL_CONTROL);
}

static int stand_back(cal_reach *reach, cal_event *event, int begins, uint64_t patience_ns) {
  uint64_t wait_ns = 0, most_ns = reach->limits.arrival_wait_ms * CAL_MS;
  uint8_t script = quickest_script(reach, begins, event->came_ns, &wait_ns);
  if (wait_ns > smaller(patience_ns, most_ns)) {
    note_turned_away(reach, event->came_ns, wait_ns);
    return -EBUSY;
  }
  event->flags |= CAL_EVENT_TURN;
  event->deadline_ns = event->came_ns + smaller(patience_ns, 2 * most_ns);
  return cal_reach_event(reach, script, event, begins ? CAL_MAIL_BEGINNING : CAL_MAIL_QUESTION);
}

static int admit(cal_reach *reach, cal_event *event, const cal_door *door) {
  uint64_t patience_ns = door->patience_ms * CAL_MS;
  uint8_t script = script_of_call(reach, door, event->message, &event->target);
  if (door->kind == CAL_DOOR_TELLS) event->flags |= CAL_EVENT_NEWS;
  if (!script && door->kind == CAL_DOOR_TELLS) script = cal_reach_next_script(reach);
  return script ? go_first(reach, script, event, patience_ns)
                : stand_back(reach, event, door->kind == CAL_DOOR_BEGINS, patience_ns);
}

/* ---- hooks */

int cal_arrivals_request(void *context, cal_io *io, cal_id request, cal_http_message *message) {
  cal_reach *reach = context;
  cal_door door;
  if (answer_here(reach, io, request, message)) {
    cal_http_message_free(message);
    return 0;
  }
  cal_event event = {.kind = CAL_EVENT_HTTP_REQUEST,
                     .source = request,
                     .message = message,
                     .came_ns = cal_reach_now_ns(reach)};
  cal_doors_find(reach->doors, message, &door);
  int code = admit(reach, &event, &door);
  if (code != -EBUSY) return code ? 503 : 0;
  answer_text(io, request, message, door.status, door.content_type, (cal_span){door.body, door.body_bytes});
  cal_http_message_free(message);
  return 0;
}

int cal_arrivals_socket(void *context, cal_id socket, cal_lobby_asks asks, cal_http_message *message) {
  cal_event event = {.kind = CAL_EVENT_SOCKET,
                     .source = socket,
                     .asks = (uint8_t)asks,
                     .message = message,
                     .came_ns = cal_reach_now_ns(context)};
  int code = stand_back(context, &event, 1, SOCKET_PATIENCE_MS * CAL_MS);
  if (code == -EBUSY) cal_http_message_free(message);
  return code;
}

int cal_arrivals_have_time(void *context) {
  cal_reach *reach = context;
  uint64_t now_ns = cal_reach_now_ns(reach), wait_ns = 0;
  quickest_script(reach, 1, now_ns, &wait_ns);
  if (wait_ns <= reach->limits.arrival_wait_ms * CAL_MS) return 1;
  note_turned_away(reach, now_ns, wait_ns);
  return 0;
}
