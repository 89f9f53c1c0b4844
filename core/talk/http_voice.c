#include "talk/http_voice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/base64.h"
#include "data/jscan.h"
#include "net/http.h"
#include "talk/body.h"
#include "talk/mouth.h"

#define FIELDS 16
#define ERROR_BYTES 4096 /* of an answer that is an error */
#define TEXT_BYTES 256
#define LONGEST_MS 600000 /* of an answer */
#define RESUME_MS 500

struct cal_http_voice {
  const cal_host *host;
  cal_http_voice_options options;
  cal_mouth mouth;     /* the first is being asked for */
  cal_id http;         /* 0: nothing is */
  int is_again;        /* the request is made once more */
  int is_sounding;     /* a clip of the first one is being given away */
  int status, is_kept; /* is_kept: the body is read when it is whole: JSON, or an error */
  int code;            /* why the body was not read on */
  cal_buf kept;
  cal_body body;
  uint64_t began_ns; /* its first sound; 0: none */
  cal_timer patience, resume;
};

static void start_next(cal_http_voice *v);

static const cal_vendor_order *order_of(const cal_http_voice *v) { return v->options.order; }

/* ---- its end */

static void stop(cal_http_voice *v) {
  if (v->http) cal_http_cancel(v->host->net, v->http);
  v->http = 0;
  cal_timer_stop(v->host->loop, &v->patience);
  cal_timer_stop(v->host->loop, &v->resume);
}

/* The first one, which has failed. */
static void fail(cal_http_voice *v, int code, const char *text) {
  char hidden[TEXT_BYTES];
  cal_asked *s = cal_mouth_first(&v->mouth);
  cal_fault fault = cal_vendor_order_fault(order_of(v), v->status, "", text);
  stop(v);
  cal_vendor_order_hide(order_of(v), text, hidden, sizeof hidden);
  cal_log(CAL_LOG_WARN, "vendor", order_of(v)->call, "%s has not said a text: %s", order_of(v)->name, hidden);
  v->options.on_fault(v->options.context, fault, hidden);
  cal_asked_end(s, cal_fail(code, "%s: %s", order_of(v)->name, hidden));
  cal_mouth_drop(&v->mouth, s);
  start_next(v);
}

static void on_impatient(cal_timer *timer) {
  cal_http_voice *v = cal_list_entry(timer, cal_http_voice, patience);
  char text[64];
  snprintf(text, sizeof text, "no sound came for %u ms", order_of(v)->patience_ms);
  fail(v, -ETIMEDOUT, text);
}

static void be_patient(cal_http_voice *v) {
  uint64_t until_ns = cal_loop_now_ns(v->host->loop) + order_of(v)->patience_ms * CAL_MS;
  cal_timer_start(v->host->loop, &v->patience, until_ns, on_impatient);
}

/* ---- the answer */

static void on_samples(void *context, uint32_t rate_hz, const int16_t *samples, size_t count) {
  cal_http_voice *v = context;
  cal_asked *s = cal_mouth_first(&v->mouth);
  if (!s || !count) return;
  if (!v->began_ns) v->began_ns = cal_loop_now_ns(v->host->loop);
  v->is_sounding = 1;
  cal_mouth_sound(&v->mouth, s, rate_hz, samples, count);
  v->is_sounding = 0;
}

static int is_field(const cal_http_field *field, const char *name, const char *part) {
  if (field->name.bytes != strlen(name) || strncasecmp(field->name.at, name, field->name.bytes)) return 0;
  for (size_t at = 0; at + strlen(part) <= field->value.bytes; at++)
    if (!strncasecmp(field->value.at + at, part, strlen(part))) return 1;
  return 0;
}

static void on_answer(void *context, const cal_http_result *head) {
  cal_http_voice *v = context;
  v->status = head->status;
  v->is_kept = head->status / 100 != 2 || cal_wire_payload_path(order_of(v)->wire);
  for (size_t i = 0; i < head->field_count; i++)
    if (is_field(&head->fields[i], "content-type", "json")) v->is_kept = 1;
}

static int is_far_ahead(const cal_http_voice *v, const cal_asked *s) {
  if (!v->began_ns) return 0;
  uint64_t heard_s = (cal_loop_now_ns(v->host->loop) - v->began_ns) / CAL_S;
  return s->samples / v->options.rate_hz > heard_s + CAL_HTTP_VOICE_AHEAD_S;
}

static void on_resume(cal_timer *timer) {
  cal_http_voice *v = cal_list_entry(timer, cal_http_voice, resume);
  be_patient(v);
  cal_http_resume(v->host->net, v->http);
}

static int wait_for_ear(cal_http_voice *v) {
  cal_timer_stop(v->host->loop, &v->patience);
  cal_timer_start(v->host->loop, &v->resume, cal_loop_now_ns(v->host->loop) + RESUME_MS * CAL_MS, on_resume);
  return CAL_HTTP_PAUSE;
}

/* An error is cut; an answer that cannot be kept whole is not read on. */
static int keep(cal_http_voice *v, const char *data, size_t bytes) {
  if (v->status / 100 != 2 && v->kept.bytes + bytes > ERROR_BYTES) return CAL_HTTP_CONTINUE;
  v->code = cal_buf_append(&v->kept, data, bytes);
  return v->code ? CAL_HTTP_STOP : CAL_HTTP_CONTINUE;
}

static int on_data(void *context, const char *data, size_t bytes) {
  cal_http_voice *v = context;
  const cal_asked *s = cal_mouth_first(&v->mouth);
  if (v->is_kept) return keep(v, data, bytes);
  if (is_far_ahead(v, s)) return wait_for_ear(v);
  be_patient(v);
  v->code = cal_body_put(&v->body, data, bytes);
  return v->code || !s->on_clip ? CAL_HTTP_STOP : CAL_HTTP_CONTINUE;
}

/* base64 in JSON: a text, or a list of them, each perhaps with a header of its own. */
static int read_text_sound(cal_http_voice *v, cal_span text) {
  char *plain = cal_alloc(text.bytes + 1);
  uint8_t *sound = cal_alloc(text.bytes + 4);
  ssize_t bytes = cal_jscan_unescape(text, plain, text.bytes);
  if (bytes >= 0)
    bytes = cal_base64_decode(CAL_BASE64_STD, sound, text.bytes + 4, (cal_span){plain, (size_t)bytes});
  int code = bytes < 0 ? (int)bytes : cal_body_put(&v->body, sound, (size_t)bytes);
  if (!code) code = cal_body_end(&v->body);
  cal_body_init(&v->body, cal_wire_encoding(order_of(v)->wire), cal_wire_rate_hz(order_of(v)->wire));
  cal_free(plain);
  cal_free(sound);
  return code;
}

static int read_json(cal_http_voice *v) {
  const char *path = cal_wire_payload_path(order_of(v)->wire);
  cal_jvalue found = {0};
  if (!path || cal_jscan_find(v->kept.data, v->kept.bytes, path, &found) != 1)
    return cal_fail(-EREMOTEIO, "%.*s", (int)(v->kept.bytes < TEXT_BYTES ? v->kept.bytes : TEXT_BYTES),
                    v->kept.data);
  if (found.kind == CAL_JSON_STRING) return read_text_sound(v, found.raw);
  cal_span each;
  int code = 0;
  while (!code && found.kind == CAL_JSON_ARRAY && cal_jscan_next(&found.raw, &each))
    code =
        each.bytes > 2 && *each.at == '"' ? read_text_sound(v, (cal_span){each.at + 1, each.bytes - 2}) : 0;
  return code;
}

static int read_whole(cal_http_voice *v) {
  if (!v->is_kept) return cal_body_end(&v->body);
  if (v->status / 100 == 2) return read_json(v);
  return cal_fail(-EREMOTEIO, "HTTP %d: %.*s", v->status,
                  (int)(v->kept.bytes < TEXT_BYTES ? v->kept.bytes : TEXT_BYTES),
                  v->kept.bytes ? v->kept.data : "");
}

static void complete(cal_http_voice *v) {
  cal_asked *s = cal_mouth_first(&v->mouth);
  if (s->on_clip && !s->samples) {
    fail(v, -ENODATA, "it sent no sound");
    return;
  }
  v->options.on_worked(v->options.context);
  cal_mouth_complete(&v->mouth, s);
  cal_mouth_drop(&v->mouth, s);
  start_next(v);
}

static int ask(cal_http_voice *v, cal_asked *s);

static void on_done(void *context, const cal_http_result *result) {
  cal_http_voice *v = context;
  cal_asked *s = cal_mouth_first(&v->mouth);
  v->http = 0;
  stop(v);
  if (!s->on_clip) { /* cancelled, or too long */
    cal_mouth_drop(&v->mouth, s);
    start_next(v);
    return;
  }
  int is_dead = result->error == -ECONNRESET && !result->status && !v->is_again;
  if (is_dead && (v->is_again = 1) && ask(v, s) == 0) return;
  int code = v->code ? v->code : result->error;
  if (code) {
    char text[TEXT_BYTES];
    snprintf(text, sizeof text, "%s", v->code ? cal_error_text() : result->text);
    fail(v, code, text);
    return;
  }
  code = read_whole(v);
  if (code) {
    char text[TEXT_BYTES];
    snprintf(text, sizeof text, "%s", cal_error_text());
    fail(v, code, text);
    return;
  }
  complete(v);
}

/* ---- the request */

static int ask(cal_http_voice *v, cal_asked *s) {
  const cal_vendor_order *order = order_of(v);
  cal_wire_state state;
  cal_http_field fields[FIELDS];
  size_t room = cal_wire_say_room(order->wire);
  char *text = cal_alloc(room);
  cal_wire_state_init(&state);
  v->status = v->is_kept = v->code = 0;
  v->began_ns = 0;
  cal_buf_clear(&v->kept);
  cal_body_init(&v->body, cal_wire_encoding(order->wire), cal_wire_rate_hz(order->wire));
  ssize_t bytes =
      cal_wire_write_say(order->wire, &state, 0, s->text, "", s->voice ? s->voice : order->voice, text, room);
  int code = bytes < 0 ? (int)bytes : 0;
  cal_http_fetch_options options = {.method = "POST",
                                    .url = order->url,
                                    .fields = fields,
                                    .field_count = cal_http_fields_read(fields, FIELDS, order->url_headers),
                                    .body = {text, bytes < 0 ? 0 : (size_t)bytes},
                                    .timeout_ms = LONGEST_MS,
                                    .connect_timeout_ms = order->connect_ms,
                                    .may_reuse = !v->is_again,
                                    .context = v,
                                    .on_answer = on_answer,
                                    .on_data = on_data,
                                    .on_done = on_done};
  if (!code) code = cal_http_fetch(&v->http, v->host->net, &options);
  cal_free(text);
  if (!code) be_patient(v);
  return code;
}

static void start_next(cal_http_voice *v) {
  for (cal_asked *s; !v->http && (s = cal_mouth_first(&v->mouth));) {
    v->is_again = 0;
    cal_mouth_begin(&v->mouth, s);
    int code = ask(v, s);
    if (!code) return;
    cal_asked_end(s, code);
    cal_mouth_drop(&v->mouth, s);
  }
}

/* ---- the voice */

static int say(void *self, const cal_saying *saying, cal_on_clip on_clip, void *context) {
  cal_http_voice *v = self;
  cal_asked *s;
  int code = cal_mouth_add(&s, &v->mouth, saying, on_clip, context);
  if (code < 0) return code;
  start_next(v);
  return 0;
}

static void cancel(void *self, uint32_t utterance) {
  cal_http_voice *v = self;
  cal_asked *s = cal_mouth_find(&v->mouth, utterance);
  if (!s || !s->on_clip) return;
  int is_first = s == cal_mouth_first(&v->mouth);
  cal_asked_end(s, -ECANCELED);
  if (is_first && v->is_sounding) return; /* on_data ends the request */
  if (is_first) stop(v);
  cal_mouth_drop(&v->mouth, s);
  start_next(v);
}

cal_talk_voice cal_http_voice_voice(cal_http_voice *v) {
  static const cal_voice_ops ops = {.say = say, .cancel = cancel};
  return (cal_talk_voice){&ops, v};
}

/* ---- life */

cal_http_voice *cal_http_voice_new(const cal_host *host, const cal_http_voice_options *options) {
  cal_http_voice *v = cal_alloc(sizeof *v);
  v->host = host;
  v->options = *options;
  cal_ref(options->order);
  v->body.on_samples = on_samples;
  v->body.context = v;
  cal_buf_init(&v->kept, CAL_HTTP_VOICE_BYTES);
  cal_mouth_init(&v->mouth, options->order->name, options->rate_hz);
  return v;
}

cal_http_voice *cal_http_voice_free(cal_http_voice *v) {
  if (!v) return NULL;
  stop(v);
  cal_mouth_end_all(&v->mouth, -ECANCELED, "it is not needed any more");
  cal_mouth_free(&v->mouth);
  cal_buf_free(&v->kept);
  cal_unref(v->options.order);
  return cal_free(v);
}
