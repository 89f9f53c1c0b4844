#include "script/overdue.h"

#include <string.h>

#include "base/metrics.h"
#include "io/doors.h"
#include "io/lobby.h"
#include "net/message.h"

#define CLOSE_LATER 1011

static void count(const char *name) {
  cal_metric_add(cal_counter(name,
                             "requests and sockets nothing was done for: they waited too long, or their "
                             "asker had gone"),
                 1);
}

static int has_gone(const cal_event *event, uint64_t now_ns) {
  cal_asker_state state = event->message ? cal_asker_state_of(event->message->asker) : CAL_ASKER_WAITS;
  if (state == CAL_ASKER_LEFT) return 1;
  return state == CAL_ASKER_SENDS_NO_MORE && now_ns > event->came_ns + CAL_OVERDUE_DOUBT_NS;
}

static cal_http_message *refusal_of(const cal_door *door) {
  static const char retry_after[] = CAL_DOOR_RETRY_AFTER_S;
  cal_http_message *refusal = cal_http_message_new();
  refusal->status = door->status;
  cal_http_message_add_header(refusal, "content-type", 12, door->content_type, strlen(door->content_type));
  if (door->status == 503)
    cal_http_message_add_header(refusal, "retry-after", 11, retry_after, sizeof retry_after - 1);
  cal_http_message_set_body(refusal, door->body, door->body_bytes);
  return refusal;
}

static void turn_away(cal_reach *reach, const cal_event *event) {
  cal_command command = {.target = event->source};
  if (event->kind == CAL_EVENT_SOCKET) {
    command.kind = CAL_COMMAND_SOCKET_REFUSE;
    command.object = cal_refusal_new(NULL, NULL, CLOSE_LATER, "this node is overloaded");
  } else {
    cal_door door;
    cal_doors_find(reach->doors, event->message, &door);
    command.kind = CAL_COMMAND_HTTP_REPLY;
    command.message = refusal_of(&door);
  }
  cal_reach_command(reach, &command);
}

int cal_overdue(cal_reach *reach, const cal_event *event, uint64_t now_ns) {
  if (event->kind != CAL_EVENT_HTTP_REQUEST && event->kind != CAL_EVENT_SOCKET) return 0;
  if (event->flags & CAL_EVENT_NEWS) return 0;
  int is_gone = has_gone(event, now_ns), is_late = event->deadline_ns && now_ns > event->deadline_ns;
  if (!is_gone && !is_late) return 0;
  count(is_gone ? "callisto_arrivals_dropped_total{reason=\"gone\"}"
                : "callisto_arrivals_dropped_total{reason=\"late\"}");
  turn_away(reach, event);
  return 1;
}
