#include "talk/vendor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/resample.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "talk/pace.h"

#define PIECE_SAMPLES 4096 /* of a message, made into one clip */
#define MARGIN_PERCENT 115 /* no sentence is spoken so much slower than the slowest one of before */
#define TAIL_MS 10         /* of silence, which carries the last words of an utterance */
#define ERRORS_LOGGED 16   /* of a socket */
#define TEXT_BYTES 256     /* of what a vendor says about its end */

typedef struct spoken {
  cal_list node;
  uint32_t utterance;
  char *text, *voice;
  cal_pace pace; /* of the text */
  int is_sent;
  uint64_t samples;    /* of its sound so far, at the leg's rate */
  cal_on_clip on_clip; /* NULL: it was cancelled, or failed; what still comes of it is dropped */
  void *context;
} spoken;

struct cal_vendor {
  const cal_host *host;
  cal_leg *leg;   /* NULL: closed */
  cal_port *port; /* NULL: gone */
  cal_vendor_options options;
  int is_up, is_parted;
  cal_timer patience, keepalive;
  cal_list sayings; /* the first is being spoken */
  uint32_t count;
  cal_resampler *to_leg; /* NULL: equal rates */
  uint32_t slowest_percent,
      pace_percent; /* of the slow clock (pace.h): the slowest utterance; what is used */
};

const cal_vendor_order *cal_vendor_about(const cal_vendor *v) { return v->options.order; }

static void log_about(const cal_vendor *v, const char *what, const char *text) {
  cal_log(CAL_LOG_WARN, "vendor", v->options.order->call, "%s %s: %s", v->options.order->name, what, text);
}

/* ---- what is to be said */

static spoken *first_of(const cal_vendor *v) {
  return cal_list_is_empty(&v->sayings) ? NULL : cal_list_entry(v->sayings.next, spoken, node);
}

static void drop(cal_vendor *v, spoken *s) {
  cal_list_remove(&s->node);
  v->count--;
  cal_free(s->text);
  cal_free(s->voice);
  cal_free(s);
}

/* The last call; what comes of it from now on is dropped. */
static void tell_last(spoken *s, cal_clip *clip, int code) {
  cal_on_clip on_clip = s->on_clip;
  s->on_clip = NULL;
  if (on_clip) on_clip(s->context, clip, 1, code);
}

static void fail_all(cal_vendor *v, int code, const char *text) {
  char reason[TEXT_BYTES];
  snprintf(reason, sizeof reason, "%s: %s", v->options.order->name, text);
  for (spoken *s; (s = first_of(v));) {
    cal_fail(code, "%s", reason);
    tell_last(s, NULL, code);
    drop(v, s);
  }
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

/* Whoever was to be told may close the vendor in it. */
static void be_gone(cal_vendor *v, int code, const char *text) {
  char hidden[TEXT_BYTES];
  cal_vendor_order_hide(v->options.order, text, hidden, sizeof hidden);
  log_about(v, "is gone", hidden);
  fail_all(v, code, hidden);
  v->options.on_end(v->options.context, v, hidden);
}

static void on_impatient(cal_timer *timer) {
  cal_vendor *v = cal_list_entry(timer, cal_vendor, patience);
  char text[64];
  snprintf(text, sizeof text, "no sound came for %u ms", v->options.order->patience_ms);
  part(v, CAL_LEG_CLOSED, text, 1);
  be_gone(v, -ETIMEDOUT, text);
}

static int owes_sound(const cal_vendor *v) {
  cal_list_each(&v->sayings, node) {
    const spoken *s = cal_list_entry(node, spoken, node);
    if (s->is_sent && s->on_clip) return 1;
  }
  return 0;
}

static void be_patient(cal_vendor *v) {
  if (!owes_sound(v)) {
    cal_timer_stop(v->host->loop, &v->patience);
    return;
  }
  uint64_t until_ns = cal_loop_now_ns(v->host->loop) + v->options.order->patience_ms * CAL_MS;
  cal_timer_start(v->host->loop, &v->patience, until_ns, on_impatient);
}

/* ---- the voice */

static int send_text(cal_vendor *v, spoken *s) {
  char name[16];
  snprintf(name, sizeof name, "u%u", s->utterance);
  s->is_sent = 1;
  return v->port->ops->say(v->port, s->text, name, s->voice);
}

static int check(const cal_vendor *v, const cal_saying *saying) {
  const char *name = v->options.order->name;
  if (!v->port || !v->leg) return cal_fail(-ECONNRESET, "%s is not connected any more", name);
  if (saying->rate_hz != cal_leg_rate_hz(v->leg))
    return cal_fail(-EINVAL, "%s speaks for a leg of %u Hz", name, cal_leg_rate_hz(v->leg));
  if (strlen(saying->text) > CAL_WIRE_SAY_BYTES)
    return cal_fail(-EMSGSIZE, "%s says at most %d bytes at a time", name, CAL_WIRE_SAY_BYTES);
  if (v->count == CAL_VENDOR_UTTERANCES)
    return cal_fail(-ENOBUFS, "%s has %d utterances to say already", name, CAL_VENDOR_UTTERANCES);
  return 0;
}

static int say(void *self, const cal_saying *saying, cal_on_clip on_clip, void *context) {
  cal_vendor *v = self;
  int code = check(v, saying);
  if (code < 0) return code;
  spoken *s = cal_alloc(sizeof *s);
  *s = (spoken){.utterance = saying->utterance,
                .text = cal_strdup(saying->text),
                .voice = cal_strdup(saying->voice),
                .on_clip = on_clip,
                .context = context};
  cal_list_append(&v->sayings, &s->node);
  v->count++;
  code = v->is_up ? send_text(v, s) : 0;
  if (code < 0) drop(v, s);
  be_patient(v);
  return code;
}

/* What was not sent yet need not be; the vendor may have begun with the rest. */
static void cancel(void *self, uint32_t utterance) {
  cal_vendor *v = self;
  int is_begun = 0;
  cal_list_each_safe(&v->sayings, node, after) {
    spoken *s = cal_list_entry(node, spoken, node);
    if (s->utterance != utterance || !s->on_clip) continue;
    tell_last(s, NULL, -ECANCELED);
    is_begun |= s->is_sent;
    if (!s->is_sent) drop(v, s);
  }
  if (is_begun && v->is_up && v->port->can_clear) v->port->ops->clear(v->port);
  be_patient(v);
}

cal_talk_voice cal_vendor_voice(cal_vendor *v) {
  static const cal_voice_ops ops = {.say = say, .cancel = cancel};
  return (cal_talk_voice){&ops, v};
}

static cal_clip *clip_of(cal_vendor *v, spoken *s, const int16_t *samples, size_t count) {
  uint32_t rate_hz = cal_leg_rate_hz(v->leg);
  size_t room = v->to_leg ? cal_resampler_room(v->to_leg, count) : count;
  int16_t *sound = cal_alloc(room * sizeof *sound);
  int made = (int)count;
  if (v->to_leg)
    made = cal_resampler_run(v->to_leg, samples, count, sound, room);
  else
    memcpy(sound, samples, count * sizeof *sound);
  if (made < 0) made = 0;
  if (!s->samples) s->pace = cal_pace_of(s->text, v->pace_percent);
  s->samples += (uint64_t)made;
  cal_span words = cal_pace_words(&s->pace, s->samples * 1000 / rate_hz);
  char *text = cal_strndup(words.at, words.bytes);
  cal_clip *clip = cal_clip_of(rate_hz, sound, (uint32_t)made, text);
  cal_free(text);
  cal_free(sound);
  return clip;
}

static int is_endless(const cal_vendor *v, const spoken *s) {
  return s->samples > (uint64_t)CAL_VENDOR_SOUND_S * cal_leg_rate_hz(v->leg);
}

/* It belongs to the utterance that is being spoken; a message may hold minutes of it. */
static void on_sound(void *context, const int16_t *samples, size_t count) {
  cal_vendor *v = context;
  spoken *s = first_of(v);
  if (!v->leg || !s || !s->is_sent) return;
  while (count && s->on_clip && !is_endless(v, s)) {
    size_t piece = count < PIECE_SAMPLES ? count : PIECE_SAMPLES;
    s->on_clip(s->context, clip_of(v, s, samples, piece), 0, 0);
    samples += piece;
    count -= piece;
  }
  if (s->on_clip && is_endless(v, s))
    tell_last(s, NULL, cal_fail(-EMSGSIZE, "%s does not end an utterance", v->options.order->name));
  be_patient(v);
}

/* The words that the clock did not grant yet were said all the same. */
/* How fast it speaks is known better with each utterance. */
static void learn_pace(cal_vendor *v, const spoken *s) {
  uint64_t took_ms = s->samples * 1000 / cal_leg_rate_hz(v->leg);
  uint64_t percent = s->pace.ms ? took_ms * 100 / s->pace.ms : 0;
  if (percent > v->slowest_percent) v->slowest_percent = percent < 100 ? (uint32_t)percent : 100;
  if (!v->slowest_percent) return;
  v->pace_percent = v->slowest_percent * MARGIN_PERCENT / 100;
  if (v->pace_percent > 100) v->pace_percent = 100;
}

static void tell_complete(cal_vendor *v, spoken *s) {
  uint32_t rate_hz = cal_leg_rate_hz(v->leg);
  cal_span rest = cal_pace_words(&s->pace, UINT64_MAX);
  if (!s->samples) {
    tell_last(s, NULL, cal_fail(-ENODATA, "%s sent no sound", v->options.order->name));
    return;
  }
  learn_pace(v, s);
  char *text = cal_strndup(rest.at, rest.bytes);
  tell_last(s, cal_clip_new(rate_hz, rate_hz * TAIL_MS / 1000, text, 0), 0);
  cal_free(text);
}

static int is_asked_for(const cal_vendor *v, uint32_t utterance) {
  cal_list_each(&v->sayings, node) {
    if (cal_list_entry(node, spoken, node)->utterance == utterance) return 1;
  }
  return 0;
}

/* Those before it are complete as well: a vendor speaks in order. Without a name: the first one. */
static void on_mark(void *context, const char *name) {
  cal_vendor *v = context;
  uint32_t utterance = name && *name == 'u' ? (uint32_t)strtoul(name + 1, NULL, 10) : 0;
  if (!v->leg || (name && !is_asked_for(v, utterance))) return;
  if (v->to_leg) cal_resampler_reset(v->to_leg);
  for (spoken *s; (s = first_of(v)) && s->is_sent;) {
    int is_it = !utterance || s->utterance == utterance;
    if (s->on_clip) tell_complete(v, s);
    drop(v, s);
    if (is_it) break;
  }
  be_patient(v);
}

/* The vendor has forgotten what was cancelled: nothing more comes of it, no mark either. */
static void on_clear(void *context, int drops_marks) {
  cal_vendor *v = context;
  cal_list_each_safe(&v->sayings, node, after) {
    spoken *s = cal_list_entry(node, spoken, node);
    if (!s->on_clip) drop(v, s);
  }
  be_patient(v);
}

static void on_error(void *context, const char *name, const char *text) {
  cal_vendor *v = context;
  char hidden[TEXT_BYTES];
  cal_vendor_order_hide(v->options.order, text, hidden, sizeof hidden);
  if (v->port->errors <= ERRORS_LOGGED) log_about(v, *name ? name : "tells an error", hidden);
  spoken *s = first_of(v);
  if (!s || !s->is_sent || !s->on_clip) return;
  tell_last(s, NULL, cal_fail(-EREMOTEIO, "%s: %s", v->options.order->name, hidden));
  drop(v, s);
  be_patient(v);
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
  cal_list_each_safe(&v->sayings, node, after) {
    spoken *s = cal_list_entry(node, spoken, node);
    int code = send_text(v, s);
    if (code >= 0) continue;
    tell_last(s, NULL, code);
    drop(v, s);
  }
  be_patient(v);
}

static void on_end(void *context, cal_leg_end end, const char *text, const char *last) {
  cal_vendor *v = context;
  part(v, end, text, 0);
  if (last) text = last;
  if (v->leg) be_gone(v, -ECONNRESET, *text ? text : "it closed the socket and did not say why");
}

static void free_vendor(cal_vendor *v) {
  while (first_of(v)) drop(v, first_of(v));
  stop_timers(v);
  cal_resampler_free(v->to_leg);
  cal_unref(v->options.order);
  cal_free(v);
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
  v->leg = NULL;
  fail_all(v, -ECANCELED, "it is not needed any more");
  if (!v->port)
    free_vendor(v);
  else
    part(v, CAL_LEG_CLOSED, "not needed any more", 1);
  return NULL;
}

static int join_leg(cal_vendor *v, cal_leg *leg) {
  uint32_t here_hz = cal_leg_rate_hz(leg), there_hz = cal_wire_rate_hz(v->options.order->wire);
  v->leg = leg;
  return here_hz == there_hz ? 0 : cal_resampler_new(&v->to_leg, there_hz, here_hz);
}

static int dial(cal_vendor *v) {
  cal_vendor_order *order = v->options.order;
  cal_port_ws_options socket = {.name = order->call,
                                .wire = order->wire,
                                .start_deadline_ms = order->connect_ms,
                                .opening = order->opening,
                                .closing = order->closing,
                                .url = order->url,
                                .url_headers = order->url_headers,
                                .texts = order};
  return cal_port_ws_dial(&v->port, v->host, &socket);
}

int cal_vendor_open(cal_vendor **result, const cal_host *host, cal_leg *leg,
                    const cal_vendor_options *options) {
  cal_vendor *v = cal_alloc(sizeof *v);
  v->host = host;
  v->options = *options;
  cal_ref(options->order);
  v->pace_percent = 100;
  cal_list_init(&v->sayings);
  int code = join_leg(v, leg);
  if (!code) code = dial(v);
  if (code < 0) {
    free_vendor(v);
    return code;
  }
  v->port->handlers = &handlers;
  v->port->context = v;
  *result = v;
  return 0;
}
