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

#define PIECE_SAMPLES 4096 /* of a message, made into one clip */

typedef struct saying {
  cal_list node;
  uint32_t utterance;
  int is_stopped;
  char *text; /* NULL: it was sent */
} saying;

struct cal_vendor {
  const cal_host *host;
  cal_leg *leg;   /* NULL: closed */
  cal_port *port; /* NULL: gone */
  cal_vendor_options options;
  char *name;
  int is_up, is_voice;
  cal_list sayings; /* the first is being spoken */
  uint32_t count;
  cal_resampler *to_leg; /* NULL: equal rates */
  /* the ear */
  cal_tap tap;
  int16_t *frame;
  uint32_t filled;
};

/* ---- the voice */

static saying *first_of(const cal_vendor *v) {
  return cal_list_is_empty(&v->sayings) ? NULL : cal_list_entry(v->sayings.next, saying, node);
}

static void drop_saying(cal_vendor *v, saying *s) {
  cal_list_remove(&s->node);
  v->count--;
  cal_free(s->text);
  cal_free(s);
}

static void append(cal_vendor *v, uint32_t utterance, cal_clip *clip, int is_last, int code) {
  cal_leg_advance(v->leg);
  cal_leg_append(v->leg, utterance, clip, is_last, code);
  cal_leg_tick(v->leg);
}

/* Takes the saying; the leg is told unless it was stopped. */
static void complete(cal_vendor *v, saying *s, int code) {
  uint32_t utterance = s->utterance;
  int is_wanted = v->leg && !s->is_stopped;
  drop_saying(v, s);
  if (is_wanted) append(v, utterance, NULL, 1, code);
}

static int send_text(cal_vendor *v, saying *s) {
  char name[16];
  snprintf(name, sizeof name, "u%u", s->utterance);
  int code = v->port->ops->say(v->port, s->text, name);
  s->text = cal_free(s->text);
  return code;
}

int cal_vendor_say(cal_vendor *v, uint32_t utterance, const char *text) {
  if (!v->port) return cal_fail(-ECONNRESET, "%s is not connected any more", v->name);
  if (!v->is_voice) return cal_fail(-ENOTSUP, "%s is not a voice: its media has no say_out", v->name);
  if (strlen(text) > CAL_WIRE_SAY_BYTES)
    return cal_fail(-EMSGSIZE, "%s says at most %d bytes at a time", v->name, CAL_WIRE_SAY_BYTES);
  if (v->count == CAL_VENDOR_UTTERANCES)
    return cal_fail(-ENOBUFS, "%s has %d utterances to say already", v->name, CAL_VENDOR_UTTERANCES);
  saying *s = cal_alloc(sizeof *s);
  s->utterance = utterance;
  s->text = cal_strdup(text);
  cal_list_append(&v->sayings, &s->node);
  v->count++;
  int code = v->is_up ? send_text(v, s) : 0;
  if (code < 0) drop_saying(v, s);
  return code;
}

/* What was not sent yet need not be; the vendor may have begun with the rest. */
void cal_vendor_stop(cal_vendor *v, uint32_t utterance) {
  int is_begun = 0;
  cal_list_each_safe(&v->sayings, node, after) {
    saying *s = cal_list_entry(node, saying, node);
    if (s->is_stopped || (utterance && s->utterance != utterance)) continue;
    if (s->text) {
      drop_saying(v, s);
      continue;
    }
    s->is_stopped = is_begun = 1;
  }
  if (is_begun && v->port && v->port->can_clear) v->port->ops->clear(v->port);
}

static cal_clip *clip_of(cal_vendor *v, const int16_t *samples, size_t count) {
  uint32_t rate_hz = cal_leg_rate_hz(v->leg);
  if (!v->to_leg) return cal_clip_of(rate_hz, samples, (uint32_t)count, NULL);
  size_t room = cal_resampler_room(v->to_leg, count);
  cal_clip *clip = cal_clip_new(rate_hz, (uint32_t)room, NULL, 0);
  int made = cal_resampler_run(v->to_leg, samples, count, clip->data, room);
  clip->samples = made > 0 ? (uint32_t)made : 0;
  return clip;
}

/* It belongs to the utterance that is being spoken; a message may hold minutes of it. */
static void on_sound(void *context, const int16_t *samples, size_t count) {
  cal_vendor *v = context;
  const saying *s = first_of(v);
  if (!v->leg || !s || s->is_stopped) return;
  while (count) {
    size_t piece = count < PIECE_SAMPLES ? count : PIECE_SAMPLES;
    append(v, s->utterance, clip_of(v, samples, piece), 0, 0);
    samples += piece;
    count -= piece;
  }
}

/* Those before it are complete as well: a vendor speaks in order. Without a name: the first one. */
static void on_mark(void *context, const char *name) {
  cal_vendor *v = context;
  uint32_t utterance = name && *name == 'u' ? (uint32_t)strtoul(name + 1, NULL, 10) : 0;
  if (name && !utterance) return;
  if (v->to_leg) cal_resampler_reset(v->to_leg);
  for (saying *s; (s = first_of(v)) && !s->text;) {
    int is_it = !utterance || s->utterance == utterance;
    complete(v, s, 0);
    if (is_it) return;
  }
}

/* ---- the ear */

static void on_party(cal_tap *tap, const int16_t *samples, size_t count) {
  cal_vendor *v = cal_list_entry(tap, cal_vendor, tap);
  uint32_t whole = v->port ? v->port->frame_samples : 0;
  if (!v->is_up || !whole) return;
  while (count) {
    uint32_t piece = whole - v->filled < count ? whole - v->filled : (uint32_t)count;
    memcpy(v->frame + v->filled, samples, piece * sizeof *samples);
    samples += piece;
    count -= piece;
    v->filled += piece;
    if (v->filled < whole) return;
    v->port->ops->sound(v->port, v->frame, whole);
    v->filled = 0;
  }
}

static void on_words(void *context, const cal_words *words) {
  cal_vendor *v = context;
  if (v->leg && v->options.on_words) v->options.on_words(v->options.context, words);
}

/* ---- the socket */

static void on_up(void *context, const char *stream, const char *call) {
  cal_vendor *v = context;
  v->is_up = 1;
  cal_list_each_safe(&v->sayings, node, after) {
    saying *s = cal_list_entry(node, saying, node);
    int code = send_text(v, s);
    if (code < 0) complete(v, s, code);
  }
}

static void fail_all(cal_vendor *v) {
  for (saying *s; (s = first_of(v));) complete(v, s, -ECONNRESET);
}

static void part(cal_vendor *v, cal_leg_end end, const char *text, int is_ours) {
  cal_parting parting = {.is_ours = is_ours, .code = end == CAL_LEG_MALFORMED ? 1007 : 1000, .reason = text};
  v->is_up = 0;
  v->port->ops->part(v->port, &parting);
}

static void on_end(void *context, cal_leg_end end, const char *text, const char *last) {
  cal_vendor *v = context;
  cal_log(CAL_LOG_WARN, "vendor", v->name, "the socket ended: %s%s%s", text, last ? ": " : "",
          last ? last : "");
  part(v, end, text, 0);
  if (!v->leg) return;
  fail_all(v);
  v->options.on_end(v->options.context, text);
}

static void free_vendor(cal_vendor *v) {
  while (first_of(v)) drop_saying(v, first_of(v));
  cal_resampler_free(v->to_leg);
  cal_free(v->frame);
  cal_free(v->name);
  cal_free(v);
}

/* The socket goes first, or the owner does; the last one frees. */
static void on_gone(void *context) {
  cal_vendor *v = context;
  v->port->ops->free(v->port);
  v->port = NULL;
  if (!v->leg) free_vendor(v);
}

static void ignore_mark_request(void *context, int drops_marks) {}
static void ignore_text(void *context, const char *text, size_t bytes) {}
static void ignore_error(void *context, const char *code, const char *text) {}
static void ignore_keys(void *context, const char *keys) {}
static void ignore_pause(void *context) {}

static const cal_port_handlers handlers = {.on_up = on_up,
                                           .on_sound = on_sound,
                                           .on_mark = on_mark,
                                           .on_clear = ignore_mark_request,
                                           .on_keys = ignore_keys,
                                           .on_pause = ignore_pause,
                                           .on_words = on_words,
                                           .on_text = ignore_text,
                                           .on_error = ignore_error,
                                           .on_end = on_end,
                                           .on_gone = on_gone};

/* ---- life */

cal_vendor *cal_vendor_close(cal_vendor *v) {
  if (!v) return NULL;
  cal_tap_remove(&v->tap);
  v->leg = NULL;
  if (!v->port)
    free_vendor(v);
  else if (v->port->ops->is_open(v->port) || !v->is_up)
    part(v, CAL_LEG_CLOSED, "not needed any more", 1);
  return NULL;
}

static int join_leg(cal_vendor *v, cal_leg *leg, const cal_wire *wire) {
  uint32_t here_hz = cal_leg_rate_hz(leg), there_hz = cal_wire_rate_hz(wire);
  int is_ear = cal_wire_is_binary_out(wire) || cal_wire_says(wire, CAL_WIRE_AUDIO), code = 0;
  v->leg = leg;
  v->is_voice = cal_wire_can_say(wire);
  if (v->is_voice && here_hz != there_hz) code = cal_resampler_new(&v->to_leg, there_hz, here_hz);
  if (code < 0 || !is_ear) return code;
  v->frame = cal_alloc(cal_wire_frame_samples(wire) * sizeof *v->frame);
  v->tap.on_samples = on_party;
  return cal_leg_tap(leg, CAL_TAP_IN, there_hz, &v->tap);
}

int cal_vendor_open(cal_vendor **result, const cal_host *host, cal_leg *leg,
                    const cal_vendor_options *options) {
  cal_vendor *v = cal_alloc(sizeof *v);
  v->host = host;
  v->options = *options;
  v->name = cal_strdup(options->socket->name);
  cal_list_init(&v->sayings);
  int code = join_leg(v, leg, options->socket->wire);
  if (!code) code = cal_port_ws_dial(&v->port, host, options->socket);
  if (code < 0) {
    cal_tap_remove(&v->tap);
    free_vendor(v);
    return code;
  }
  v->port->handlers = &handlers;
  v->port->context = v;
  *result = v;
  return 0;
}
