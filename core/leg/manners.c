/* What a protocol wants said besides audio: declared replies, a last word, and the wait for the other side's.
 */
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "leg/leg_private.h"

#define LAST_MESSAGE_BYTES 4096 /* of the message that ended the stream, for the report */
#define USUAL_HOLD_MS 1000      /* a carrier that says "too much" and not for how long */
#define LONGEST_HOLD_MS 30000
#define TOO_MUCH "429"

static void transmit(cal_leg *leg, char *message, ssize_t bytes) {
  if (bytes <= 0 || !leg->ws) return;
  cal_leg_trace(leg, 1, message, (size_t)bytes, 0);
  cal_ws_send(leg->ws, message, (size_t)bytes, CAL_WS_TEXT);
}

static char *control_message(cal_leg *leg, size_t *room) {
  *room = cal_wire_control_room(leg->wire);
  return cal_io_message(leg->io, *room);
}

void cal_leg_keep_last(cal_leg *leg, const char *data, size_t bytes) {
  if (leg->last_message || bytes > LAST_MESSAGE_BYTES || memchr(data, 0, bytes)) return;
  leg->last_message = cal_strndup(data, bytes);
}

void cal_leg_reply(cal_leg *leg, const cal_wire_event *event) {
  if (event->reply < 0) return;
  size_t room;
  char *message = control_message(leg, &room);
  transmit(leg, message, cal_wire_write_reply(leg->wire, &leg->wire_state, event->reply, message, room));
}

void cal_leg_send_numbered(cal_leg *leg, const char *text) {
  size_t room = cal_wire_text_room(text);
  char *message = cal_io_message(leg->io, room);
  ssize_t bytes = cal_wire_write_text(leg->wire, &leg->wire_state, text, message, room);
  if (bytes < 0) cal_log(CAL_LOG_WARN, "leg", leg->about->name, "a text was not sent: %s", cal_error_text());
  transmit(leg, message, bytes);
}

/* ---- errors, and too much */

void cal_leg_carrier_error(cal_leg *leg, const cal_wire_event *event) {
  cal_metric_add(cal_counter("callisto_carrier_errors_total", "errors carriers told on media sockets"), 1);
  cal_log(CAL_LOG_WARN, "leg", leg->about->name, "the carrier tells error %s: %s", event->name,
          event->reason);
  uint64_t ms = event->retry_ms ? event->retry_ms : strcmp(event->name, TOO_MUCH) ? 0 : USUAL_HOLD_MS;
  if (ms > LONGEST_HOLD_MS) ms = LONGEST_HOLD_MS;
  uint64_t until_ns = cal_loop_now_ns(cal_io_loop(leg->io)) + ms * CAL_MS;
  if (ms && until_ns > leg->hold_until_ns) leg->hold_until_ns = until_ns;
}

/* Audio messages that come faster than the carrier's side takes them. The schedule of those that are allowed
 * runs ahead of time by a burst at most. */
int cal_leg_is_too_much(cal_leg *leg) {
  uint32_t burst, per_second = cal_wire_limit(leg->wire, &burst);
  if (!per_second) return 0;
  uint64_t now_ns = cal_loop_now_ns(cal_io_loop(leg->io)), each_ns = CAL_S / per_second;
  if (leg->limit_ns < now_ns) leg->limit_ns = now_ns;
  if (leg->limit_ns - now_ns < burst * each_ns) {
    leg->limit_ns += each_ns;
    return 0;
  }
  leg->too_much++;
  size_t room;
  char *message = control_message(leg, &room);
  transmit(leg, message, cal_wire_write_limit(leg->wire, &leg->wire_state, message, room));
  return 1;
}

/* Role CARRIER: the other side hears when what it sent begins to play, and when nothing of it is left. */
void cal_leg_tell_playing(cal_leg *leg, int is_playing) {
  if (is_playing == leg->is_playing) return;
  leg->is_playing = is_playing;
  size_t room;
  char *message = control_message(leg, &room);
  transmit(leg, message, cal_wire_write_playing(leg->wire, &leg->wire_state, is_playing, message, room));
}

/* ---- parting */

void cal_leg_set_bye(cal_leg *leg, const char *json) {
  cal_free(leg->bye);
  leg->bye = cal_strdup(json);
}

static void on_parting_over(cal_timer *timer) {
  cal_leg *leg = (cal_leg *)((char *)timer - offsetof(cal_leg, deadline));
  cal_log(CAL_LOG_INFO, "leg", leg->about->name, "the other side did not end its half; the socket is closed");
  if (leg->ws) cal_ws_close(leg->ws, leg->close_code, "");
}

static int say_bye(cal_leg *leg) {
  if (!cal_wire_says_bye(leg->wire)) return 0;
  size_t room;
  char *message = control_message(leg, &room);
  const char *bye = leg->bye ? leg->bye : leg->about->bye;
  ssize_t bytes = cal_wire_write_bye(leg->wire, &leg->wire_state, bye, message, room);
  transmit(leg, message, bytes);
  return bytes > 0;
}

int cal_leg_part(cal_leg *leg) {
  if (!leg->ws || !cal_ws_is_open(leg->ws)) return 0;
  if (leg->parting == LEG_STOPPED && !cal_wire_is_closed_by_peer(leg->wire)) return 0;
  if (leg->parting == LEG_NOT_PARTING) {
    if (!say_bye(leg)) return 0;
    leg->parting = LEG_AWAITS_STOP;
  }
  cal_loop *loop = cal_io_loop(leg->io);
  uint64_t until_ns = cal_loop_now_ns(loop) + cal_wire_bye_wait_ms(leg->wire) * CAL_MS;
  cal_timer_start(loop, &leg->deadline, until_ns, on_parting_over);
  return 1;
}

/* Whoever has said the last word says nothing any more; whoever waits for it still answers. */
void cal_leg_part_message(cal_leg *leg, const cal_wire_event *event) {
  if (leg->parting != LEG_AWAITS_STOP) return;
  cal_leg_reply(leg, event);
  if (event->kind != CAL_WIRE_STOP) return;
  leg->parting = LEG_STOPPED;
  if (!cal_wire_is_closed_by_peer(leg->wire)) cal_ws_close(leg->ws, leg->close_code, "");
}
