#include "talk/vendor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "talk/mouth.h"
#include "wire/wire_times.h"

#define ERRORS_LOGGED 16 /* of a socket */
#define TEXT_BYTES 256   /* of what a vendor says about its end */
#define NAME_BYTES 16

struct cal_vendor {
  const cal_host *host;
  cal_leg *leg;   /* NULL: closed */
  cal_port *port; /* NULL: gone */
  cal_vendor_options options;
  int is_up, is_parted, has_spoken;
  int is_sounding; /* a clip of the first one is being given away */
  cal_timer patience, keepalive;
  cal_mouth mouth; /* the first is at the vendor, or the first that is wanted is to be sent */
};

const cal_vendor_order *cal_vendor_about(const cal_vendor *v) { return v->options.order; }

static void log_about(const cal_vendor *v, const char *what, const char *text) {
  cal_log(CAL_LOG_WARN, "vendor", v->options.order->call, "%s %s: %s", v->options.order->name, what, text);
}

/* ---- its end */

static void stop_timers(cal_vendor *v) {
  cal_timer_stop(v->host->loop, &v->patience);
  cal_timer_stop(v->host->loop, &v->keepalive);
}

static void part(cal_vendor *v, cal_leg_end end, const char *text, int is_ours) {
  if (v->is_parted) return;
  cal_parting parting = {.is_ours = is_ours, .code = end == CAL_LEG_MALFORMED ? 1007 : 1000, .reason = text};
  v->is_up = 0;
  v->is_parted = 1;
  stop_timers(v);
  v->port->ops->part(v->port, &parting);
}

static void free_vendor(cal_vendor *v) {
  stop_timers(v);
  cal_mouth_free(&v->mouth);
  cal_unref(v->options.order);
  cal_free(v);
}

/* From now on it is on its own, until its socket is gone. */
static void leave(cal_vendor *v) {
  v->leg = NULL;
  if (!v->port) free_vendor(v);
}

/* The owner hears of it first: another one may be there for what is told to have failed. */
static void be_gone(cal_vendor *v, int code, cal_fault fault, const char *text) {
  char hidden[TEXT_BYTES];
  int is_idle = v->has_spoken && !cal_mouth_owes(&v->mouth);
  cal_vendor_order_hide(v->options.order, text, hidden, sizeof hidden);
  if (!is_idle) log_about(v, "is gone", hidden);
  v->options.on_end(v->options.context, v, is_idle ? 0 : code, fault, hidden);
  cal_mouth_end_all(&v->mouth, code, hidden);
  leave(v);
}

static void on_impatient(cal_timer *timer) {
  cal_vendor *v = cal_list_entry(timer, cal_vendor, patience);
  char text[64];
  snprintf(text, sizeof text, "no sound came for %u ms", v->options.order->patience_ms);
  part(v, CAL_LEG_CLOSED, text, 1);
  be_gone(v, -ETIMEDOUT, CAL_FAULT_LATER, text);
}

static void be_patient(cal_vendor *v) {
  if (!v->leg || v->is_parted) return;
  if (!v->is_up || !cal_mouth_owes(&v->mouth)) {
    cal_timer_stop(v->host->loop, &v->patience);
    return;
  }
  uint64_t until_ns = cal_loop_now_ns(v->host->loop) + v->options.order->patience_ms * CAL_MS;
  cal_timer_start(v->host->loop, &v->patience, until_ns, on_impatient);
}

/* ---- the voice */

static const char *name_of(const cal_asked *s, char name[NAME_BYTES]) {
  snprintf(name, NAME_BYTES, "u%u", s->utterance);
  return name;
}

/* The one a message is about. Without a name: the first. */
static cal_asked *named(const cal_vendor *v, const char *name) {
  if (!name || !*name) return cal_mouth_first(&v->mouth);
  return *name == 'u' ? cal_mouth_find(&v->mouth, (uint32_t)strtoul(name + 1, NULL, 10)) : NULL;
}

/* A vendor that names what it is about need not say that it has forgotten what was cancelled. */
static void drop_unwanted(cal_vendor *v) {
  cal_asked *s;
  if (!cal_wire_names_utterances(v->options.order->wire)) return;
  while ((s = cal_mouth_first(&v->mouth)) && !s->on_clip) cal_mouth_drop(&v->mouth, s);
}

/* One at a time: a vendor is quicker than the caller's ear, and what is cancelled has not cost anything yet. */
static void send_next(cal_vendor *v) {
  char name[NAME_BYTES];
  if (v->is_sounding) return;
  drop_unwanted(v);
  for (cal_asked *s; v->is_up && v->leg && (s = cal_mouth_first(&v->mouth)) && !s->is_sent;) {
    cal_mouth_begin(&v->mouth, s);
    int code =
        v->port->ops->say(v->port, s->text, name_of(s, name), s->voice ? s->voice : v->options.order->voice);
    if (code >= 0) break;
    cal_asked_end(s, code);
    cal_mouth_drop(&v->mouth, s);
  }
  be_patient(v);
}

static int say(void *self, const cal_saying *saying, cal_on_clip on_clip, void *context) {
  cal_vendor *v = self;
  cal_asked *s;
  if (v->is_parted || !v->leg)
    return cal_fail(-ECONNRESET, "%s is not connected any more", v->options.order->name);
  int code = cal_mouth_add(&s, &v->mouth, saying, on_clip, context);
  if (code < 0) return code;
  send_next(v);
  return 0;
}

/* What was begun stays until the vendor has said that it is done with it, or need not. */
static void cancel(void *self, uint32_t utterance) {
  cal_vendor *v = self;
  char name[NAME_BYTES];
  cal_asked *s = cal_mouth_find(&v->mouth, utterance);
  if (!s || !s->on_clip) return;
  int is_begun = s->is_sent;
  cal_asked_end(s, -ECANCELED);
  if (is_begun && v->is_up && v->port->can_cancel)
    v->port->ops->cancel(v->port, name_of(s, name));
  else if (is_begun && v->is_up && v->port->can_clear)
    v->port->ops->clear(v->port);
  if (!is_begun) cal_mouth_drop(&v->mouth, s);
  send_next(v);
}

cal_talk_voice cal_vendor_voice(cal_vendor *v) {
  static const cal_voice_ops ops = {.say = say, .cancel = cancel};
  return (cal_talk_voice){&ops, v};
}

/* It belongs to the utterance that is named, or being spoken; a message may hold minutes of it. */
static void on_sound(void *context, const int16_t *samples, size_t count) {
  cal_vendor *v = context;
  cal_asked *s = v->leg ? named(v, v->port->about) : NULL;
  if (!s || !s->is_sent) return;
  v->has_spoken = v->is_sounding = 1;
  cal_mouth_sound(&v->mouth, s, cal_wire_rate_hz(v->options.order->wire), samples, count);
  v->is_sounding = 0;
  send_next(v);
}

static void on_times(void *context, cal_wire_times *times) {
  cal_vendor *v = context;
  cal_asked *s = v->leg ? named(v, v->port->about) : NULL;
  cal_wire_time time;
  if (!s || !s->is_sent) return;
  uint64_t from_ms = times->is_relative ? s->told_end_ms : 0;
  while (cal_wire_times_next(times, &time)) {
    s->told_end_ms = from_ms + (uint64_t)time.end_ms;
    cal_pace_know(&s->pace, time.text, s->told_end_ms);
  }
}

/* The sound of this one, or of the first, is complete. */
static void on_mark(void *context, const char *name) {
  cal_vendor *v = context;
  cal_asked *s = v->leg ? named(v, name) : NULL;
  if (!s || !s->is_sent) return;
  if (s->on_clip && s->samples) v->options.on_worked(v->options.context);
  if (s->on_clip && !s->samples) v->options.on_fault(v->options.context, CAL_FAULT_LATER, "it sent no sound");
  cal_mouth_complete(&v->mouth, s);
  cal_mouth_drop(&v->mouth, s);
  send_next(v);
}

/* The vendor has forgotten what was cancelled: nothing more comes of it, no mark either. */
static void on_clear(void *context, int drops_marks) {
  cal_vendor *v = context;
  cal_list_each_safe(&v->mouth.list, node, after) {
    cal_asked *s = cal_list_entry(node, cal_asked, node);
    if (!s->on_clip) cal_mouth_drop(&v->mouth, s);
  }
  send_next(v);
}

static void on_error(void *context, const char *name, const char *text) {
  cal_vendor *v = context;
  char hidden[TEXT_BYTES];
  cal_vendor_order_hide(v->options.order, text, hidden, sizeof hidden);
  if (v->port->errors <= ERRORS_LOGGED) log_about(v, *name ? name : "tells an error", hidden);
  cal_asked *s = v->leg ? named(v, v->port->about) : NULL;
  if (!s || !s->is_sent || !s->on_clip) return;
  v->options.on_fault(v->options.context, cal_vendor_order_fault(v->options.order, 0, name, text), hidden);
  cal_asked_end(s, cal_fail(-EREMOTEIO, "%s: %s", v->options.order->name, hidden));
  cal_mouth_drop(&v->mouth, s);
  send_next(v);
}

/* ---- the socket */

static void on_keepalive(cal_timer *timer) {
  cal_vendor *v = cal_list_entry(timer, cal_vendor, keepalive);
  const cal_vendor_order *order = v->options.order;
  v->port->ops->text(v->port, order->keepalive, strlen(order->keepalive), 0);
  cal_timer_start(v->host->loop, timer, cal_loop_now_ns(v->host->loop) + order->keepalive_ms * CAL_MS,
                  on_keepalive);
}

static void on_up(void *context, const char *stream, const char *call) {
  cal_vendor *v = context;
  const cal_vendor_order *order = v->options.order;
  v->is_up = 1;
  if (order->keepalive)
    cal_timer_start(v->host->loop, &v->keepalive,
                    cal_loop_now_ns(v->host->loop) + order->keepalive_ms * CAL_MS, on_keepalive);
  send_next(v);
}

static void on_end(void *context, cal_leg_end end, const char *text, const char *last) {
  cal_vendor *v = context;
  int code = v->port->end_code ? v->port->end_code : end == CAL_LEG_MALFORMED ? 1007 : 0;
  part(v, end, text, 0);
  if (last) text = last;
  if (!*text) text = "it closed the socket and did not say why";
  if (v->leg) be_gone(v, -ECONNRESET, cal_vendor_order_fault(v->options.order, code, "", text), text);
}

/* The socket goes first, or the owner does; the last one frees. */
static void on_gone(void *context) {
  cal_vendor *v = context;
  v->port->ops->free(v->port);
  v->port = NULL;
  if (!v->leg) free_vendor(v);
}

static void ignore_text(void *context, const char *text, size_t bytes) {}
static void ignore_keys(void *context, const char *keys) {}
static void ignore_pause(void *context) {}

static const cal_port_handlers handlers = {.on_up = on_up,
                                           .on_sound = on_sound,
                                           .on_mark = on_mark,
                                           .on_times = on_times,
                                           .on_clear = on_clear,
                                           .on_keys = ignore_keys,
                                           .on_pause = ignore_pause,
                                           .on_error = on_error,
                                           .on_text = ignore_text,
                                           .on_end = on_end,
                                           .on_gone = on_gone};

/* ---- life */

cal_vendor *cal_vendor_close(cal_vendor *v) {
  if (!v) return NULL;
  cal_mouth_end_all(&v->mouth, -ECANCELED, "it is not needed any more");
  if (v->port) part(v, CAL_LEG_CLOSED, "not needed any more", 1);
  leave(v);
  return NULL;
}

static int dial(cal_vendor *v) { return cal_vendor_order_dial(v->options.order, &v->port, v->host); }

int cal_vendor_open(cal_vendor **result, const cal_host *host, cal_leg *leg,
                    const cal_vendor_options *options) {
  cal_vendor *v = cal_alloc(sizeof *v);
  v->host = host;
  v->options = *options;
  cal_ref(options->order);
  cal_mouth_init(&v->mouth, options->order->name, cal_leg_rate_hz(leg));
  v->leg = leg;
  int code = dial(v);
  if (code < 0) {
    free_vendor(v);
    return code;
  }
  v->port->handlers = &handlers;
  v->port->context = v;
  *result = v;
  return 0;
}
