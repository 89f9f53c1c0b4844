#include "leg/leg.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "leg/leg_private.h"

#define ERRORS_TOLD 16 /* of one connection; more are counted alone */

static const struct {
  const char *word;
  int close_code;
} ends[] = {[CAL_LEG_HANGUP] = {"hangup", 1000},           [CAL_LEG_LOST] = {"lost", 1011},
            [CAL_LEG_CLOSED] = {"closed", 1000},           [CAL_LEG_NO_START] = {"no_start", 1002},
            [CAL_LEG_WRONG_START] = {"wrong_start", 1003}, [CAL_LEG_TOO_LONG] = {"too_long", 1000},
            [CAL_LEG_NO_SOCKET] = {"no_socket", 1006},     [CAL_LEG_MALFORMED] = {"malformed", 1007}};

const char *cal_leg_end_word(cal_leg_end end) { return ends[end].word; }

static cal_metric *gauge_legs(void) { return cal_gauge("callisto_legs", "media sockets that are up"); }

uint64_t cal_leg_clock(const cal_leg *leg, uint64_t now_ns) {
  return (now_ns - leg->born_ns) / 1000 * leg->rate_hz / 1000000;
}

uint32_t cal_leg_rate_hz(const cal_leg *leg) { return leg->rate_hz; }

int cal_leg_tap(cal_leg *leg, cal_tap_side side, uint32_t rate_hz, cal_tap *tap) {
  return cal_taps_add(&leg->taps[side], rate_hz, tap);
}

int cal_leg_is_up(const cal_leg *leg) { return leg->state == LEG_UP; }

/* ---- the tick */

void cal_leg_advance(cal_leg *leg) {
  cal_playout_advance(&leg->playout, cal_leg_clock(leg, cal_leg_now_ns(leg)));
}

/* Nothing leaves while the port closes, so nothing may be counted as said. */
static void tick(cal_leg *leg, uint64_t now_ns) {
  cal_playout_advance(&leg->playout, cal_leg_clock(leg, now_ns));
  if (leg->port->ops->is_open(leg->port)) leg->role->tick(leg, now_ns);
  int is_drained = cal_playout_is_drained(&leg->playout);
  if (leg->is_draining && is_drained) {
    cal_leg_finish(leg, CAL_LEG_CLOSED, "closed after everything was said");
    return;
  }
  if (!is_drained || leg->is_draining || leg->background.clip || leg->heard_count || leg->role->is_busy(leg))
    cal_wheel_take(leg->host->wheel, &leg->seat);
  else
    cal_wheel_leave(leg->host->wheel, &leg->seat);
}

static void on_tick(cal_wheel_seat *seat, uint64_t now_ns) {
  tick(cal_list_entry(seat, cal_leg, seat), now_ns);
}

void cal_leg_tick(cal_leg *leg) {
  if (leg->state == LEG_UP) tick(leg, cal_leg_now_ns(leg));
}

/* ---- the port */

static void on_too_long(cal_timer *timer) {
  cal_leg_finish(cal_list_entry(timer, cal_leg, longest), CAL_LEG_TOO_LONG,
                 "the longest call length was reached");
}

/* From here on samples flow, and what was asked for before is done now, by the owner. */
static void on_up(void *context, const char *stream, const char *call) {
  cal_leg *leg = context;
  leg->state = LEG_UP;
  uint64_t until_ns = cal_leg_now_ns(leg) + leg->options.longest_s * CAL_S;
  cal_timer_start(leg->host->loop, &leg->longest, until_ns, on_too_long);
  for (int side = 0; side < CAL_TAP_SIDES; side++) cal_taps_open(&leg->taps[side], leg->rate_hz);
  leg->role->begin(leg);
  cal_leg_record_open(leg);
  cal_leg_ear_open(leg);
  cal_metric_add(gauge_legs(), 1);
  leg->options.hooks->up(leg->options.owner, stream, call, leg->rate_hz);
  cal_leg_tick(leg);
}

static void on_sound(void *context, const int16_t *samples, size_t count) {
  cal_leg *leg = context;
  leg->role->sound(leg, samples, count);
}

static void on_mark(void *context, const char *name) {
  cal_leg *leg = context;
  leg->role->mark(leg, name);
}

static void on_clear(void *context, int drops_marks) {
  cal_leg *leg = context;
  leg->role->clear(leg, drops_marks);
}

static void on_keys(void *context, const char *keys) { cal_leg_hear_keys(context, keys, 0); }
static void on_pause(void *context) { cal_leg_paused(context); }

static void on_text(void *context, const char *text, size_t bytes) {
  cal_leg *leg = context;
  leg->options.hooks->text(leg->options.owner, text, bytes);
}

static void on_error(void *context, const char *code, const char *text) {
  cal_leg *leg = context;
  if (leg->port->errors > ERRORS_TOLD) return;
  cal_log(CAL_LOG_WARN, "leg", leg->options.name, "the other side tells error %s: %s", code, text);
  leg->options.hooks->error(leg->options.owner, code, text);
}

static void finish(cal_leg *leg, cal_leg_end end, const char *text, const char *last);

static void on_end(void *context, cal_leg_end end, const char *text, const char *last) {
  finish(context, end, text, last);
}

static void on_gone(void *context) {
  cal_leg *leg = context;
  const cal_leg_hooks *hooks = leg->options.hooks;
  void *owner = leg->options.owner;
  leg->port->ops->free(leg->port);
  cal_free(leg->bye);
  cal_free(leg);
  hooks->gone(owner);
}

static const cal_port_handlers handlers = {.on_up = on_up,
                                           .on_sound = on_sound,
                                           .on_mark = on_mark,
                                           .on_clear = on_clear,
                                           .on_keys = on_keys,
                                           .on_pause = on_pause,
                                           .on_text = on_text,
                                           .on_error = on_error,
                                           .on_end = on_end,
                                           .on_gone = on_gone};

cal_leg *cal_leg_new(const cal_host *host, const cal_leg_options *options, cal_port *port) {
  cal_leg *leg = cal_alloc(sizeof *leg);
  leg->host = host;
  leg->options = *options;
  leg->role = options->role == CAL_ROLE_CARRIER ? &cal_leg_carrier : &cal_leg_agent;
  leg->port = port;
  leg->rate_hz = port->rate_hz;
  leg->frame_samples = port->frame_samples;
  leg->born_ns = cal_leg_now_ns(leg);
  leg->close_code = ends[CAL_LEG_CLOSED].close_code;
  cal_wheel_seat_init(&leg->seat, on_tick);
  port->handlers = &handlers;
  port->context = leg;
  return leg;
}

/* ---- closing */

/* What may stand in a close frame we send (RFC 6455 §7.4). */
static int is_close_code(int code) {
  return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
         (code >= 3000 && code <= 4999);
}

void cal_leg_close(cal_leg *leg, int code, int drains) {
  if (is_close_code(code)) leg->close_code = code;
  if (drains)
    cal_leg_drain(leg);
  else
    cal_leg_finish(leg, CAL_LEG_CLOSED, "closed by the script");
}

void cal_leg_set_bye(cal_leg *leg, const char *json) {
  cal_free(leg->bye);
  leg->bye = cal_strdup(json);
}

void cal_leg_text(cal_leg *leg, const char *text, int is_numbered) {
  leg->port->ops->text(leg->port, text, strlen(text), is_numbered);
}

/* ---- end */

static cal_leg_report report_of(const cal_leg *leg, cal_leg_end end, const char *text, const char *last) {
  const cal_port *port = leg->port;
  return (cal_leg_report){.end = end,
                          .text = text,
                          .last = last,
                          .messages_in = port->messages_in,
                          .frames_out = port->frames_out,
                          .underruns = leg->playout.underruns + leg->pace.underruns,
                          .malformed = port->malformed,
                          .errors = port->errors,
                          .late_us = leg->pace.late_ns / 1000,
                          .lost_marks = leg->playout.lost_marks,
                          .overflow = leg->overflow,
                          .clears = leg->clears,
                          .unplayed_ms = leg->unplayed_ms,
                          .too_much = port->too_much,
                          .milliseconds = (cal_leg_now_ns(leg) - leg->born_ns) / CAL_MS};
}

static void come_down(cal_leg *leg) {
  cal_leg_voice_close(leg);
  cal_leg_lines_close(leg);
  for (int side = 0; side < CAL_TAP_SIDES; side++) cal_taps_close(&leg->taps[side]);
  leg->role->end(leg);
  cal_leg_ear_close(leg);
  cal_leg_record_close(leg);
  cal_metric_add(gauge_legs(), -1);
}

/* The owner is told before the other side is: for it the leg is over, and the call may get another one. */
static void finish(cal_leg *leg, cal_leg_end end, const char *text, const char *last) {
  if (leg->state == LEG_OVER) return;
  int was_up = leg->state == LEG_UP;
  leg->state = LEG_OVER;
  cal_timer_stop(leg->host->loop, &leg->patience);
  cal_timer_stop(leg->host->loop, &leg->longest);
  cal_wheel_leave(leg->host->wheel, &leg->seat);
  if (was_up) come_down(leg);
  if (end != CAL_LEG_CLOSED) leg->close_code = ends[end].close_code;
  cal_log(CAL_LOG_INFO, "leg", leg->options.name, "ended (%s): %s", ends[end].word, text);
  cal_leg_report report = report_of(leg, end, text, last);
  leg->options.hooks->ended(leg->options.owner, &report);
  cal_parting parting = {.is_ours = end == CAL_LEG_CLOSED || end == CAL_LEG_TOO_LONG,
                         .code = leg->close_code,
                         .reason = text,
                         .bye = leg->bye ? leg->bye : leg->options.bye};
  leg->port->ops->part(leg->port, &parting);
}

void cal_leg_finish(cal_leg *leg, cal_leg_end end, const char *text) { finish(leg, end, text, NULL); }
