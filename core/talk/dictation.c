#include "talk/dictation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audio/endpoint.h"
#include "audio/wav.h"
#include "base/error.h"
#include "base/mem.h"
#include "net/http.h"

#define BOUNDARY "callisto-3f1c7d52a9e84b06"
#define FIELDS 17 /* those of the order, and the type of the body */
#define FORM_BYTES 65536
#define TEXT_BYTES 256

typedef struct piece {
  cal_clip *clip; /* NULL: none */
  int64_t from_ms, until_ms;
} piece;

typedef struct dictation {
  cal_port port;
  const cal_host *host;
  cal_vendor_order *order;
  cal_endpoint *endpoint;
  piece pieces[1 + CAL_DICTATION_WAITING]; /* the first is being asked about */
  unsigned count;
  cal_id request; /* when count > 0 */
  cal_timer later;
  int is_up, is_over;
  char fault[TEXT_BYTES]; /* found where nothing can be told */
} dictation;

static dictation *of(cal_port *port) { return (dictation *)port; }

static void soon(dictation *d, void (*on_due)(cal_timer *timer)) {
  cal_timer_start(d->host->loop, &d->later, cal_loop_now_ns(d->host->loop), on_due);
}

/* ---- the end */

static void end(dictation *d, int code, const char *text) {
  if (d->is_over) return;
  d->port.end_code = code;
  d->port.handlers->on_end(d->port.context, CAL_LEG_LOST, text, NULL);
}

static void on_fault(cal_timer *timer) {
  dictation *d = cal_list_entry(timer, dictation, later);
  end(d, 0, d->fault);
}

static void fail_soon(dictation *d, const char *text) {
  if (*d->fault) return;
  snprintf(d->fault, sizeof d->fault, "%s", text);
  soon(d, on_fault);
}

/* ---- what is asked */

static void add_part(cal_buf *body, const char *name, size_t name_bytes, const char *value, size_t bytes) {
  cal_buf_format(body, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"%.*s\"\r\n\r\n%.*s\r\n",
                 (int)name_bytes, name, (int)bytes, value);
}

/* "name: value\n…" */
static void add_form(cal_buf *body, const char *form) {
  cal_http_field fields[FIELDS];
  size_t count = cal_http_fields_read(fields, FIELDS, form);
  for (size_t i = 0; i < count; i++)
    add_part(body, fields[i].name.at, fields[i].name.bytes, fields[i].value.at, fields[i].value.bytes);
}

static void add_sound(cal_buf *body, const cal_clip *clip) {
  uint8_t header[CAL_WAV_HEADER_BYTES];
  size_t bytes = clip->samples * sizeof *clip->data;
  uint8_t *sound = cal_alloc(bytes);
  cal_wav_header(header, clip->rate_hz, 1, bytes);
  cal_encode(CAL_L16LE, clip->data, clip->samples, sound);
  cal_buf_text(body,
               "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"speech.wav\"\r\n"
               "Content-Type: audio/wav\r\n\r\n");
  cal_buf_append(body, header, sizeof header);
  cal_buf_append(body, sound, bytes);
  cal_buf_text(body, "\r\n--" BOUNDARY "--\r\n");
  cal_free(sound);
}

static void on_done(void *context, const cal_http_result *result);

static void ask(dictation *d) {
  const cal_vendor_order *order = d->order;
  cal_http_field fields[FIELDS];
  size_t count = cal_http_fields_read(fields, FIELDS - 1, order->url_headers);
  fields[count++] =
      (cal_http_field){cal_span_of("Content-Type"), cal_span_of("multipart/form-data; boundary=" BOUNDARY)};
  cal_buf body;
  cal_buf_init(&body, FORM_BYTES + d->pieces[0].clip->samples * sizeof(int16_t));
  add_form(&body, order->form);
  add_sound(&body, d->pieces[0].clip);
  cal_http_fetch_options options = {.method = "POST",
                                    .url = order->url,
                                    .fields = fields,
                                    .field_count = count,
                                    .body = {body.data, body.bytes},
                                    .timeout_ms = order->patience_ms,
                                    .connect_timeout_ms = order->connect_ms,
                                    .may_reuse = 1,
                                    .context = d,
                                    .on_done = on_done};
  if (cal_http_fetch(&d->request, d->host->net, &options) < 0) fail_soon(d, cal_error_text());
  cal_buf_free(&body);
}

/* ---- what is answered */

static void drop_first(dictation *d) {
  d->pieces[0].clip = cal_unref(d->pieces[0].clip);
  memmove(d->pieces, d->pieces + 1, (d->count - 1) * sizeof *d->pieces);
  d->count--;
}

static void tell(dictation *d, const cal_wire_event *event) {
  for (size_t i = 0; i < event->word_count && !d->is_over; i++) {
    cal_words words = event->words[i];
    words.from_ms = d->pieces[0].from_ms;
    words.until_ms = d->pieces[0].until_ms;
    d->port.handlers->on_words(d->port.context, &words);
  }
}

static void on_answer(dictation *d, const cal_http_result *result) {
  cal_wire_state state;
  cal_wire_event event;
  char text[3 * TEXT_BYTES];
  cal_wire_state_init(&state);
  cal_wire_kind kind =
      cal_wire_read(d->order->wire, &state, result->body.at, result->body.bytes, 0, &event, NULL, 0);
  int is_told = result->status < 300 && (kind == CAL_WIRE_TOLD || kind == CAL_WIRE_IGNORED);
  if (!is_told) {
    snprintf(text, sizeof text, "it answered %d: %s %s", result->status, event.name, event.reason);
    end(d, result->status < 300 ? 0 : result->status, text);
    return;
  }
  if (kind == CAL_WIRE_TOLD) tell(d, &event);
  drop_first(d);
  if (d->count && !d->is_over) ask(d);
}

static void on_done(void *context, const cal_http_result *result) {
  dictation *d = context;
  if (d->is_over) return;
  if (result->error)
    end(d, 0, result->text);
  else
    on_answer(d, result);
}

/* ---- sound */

static int64_t ms_of(const dictation *d, uint64_t samples) {
  return (int64_t)(samples * 1000 / d->port.rate_hz);
}

static void take_piece(dictation *d, const cal_endpoint_event *event) {
  int is_noise = ms_of(d, event->speech_samples) < CAL_DICTATION_SHORTEST_MS;
  if (!event->clip || is_noise || d->count > CAL_DICTATION_WAITING) {
    if (event->clip && !is_noise) fail_soon(d, "it does not keep up with what is said");
    cal_unref(event->clip);
    return;
  }
  d->pieces[d->count++] =
      (piece){event->clip, ms_of(d, event->at_sample - event->speech_samples), ms_of(d, event->at_sample)};
  if (d->count == 1) ask(d);
}

static void on_speech(void *context, const cal_endpoint_event *event) {
  dictation *d = context;
  if (event->kind == CAL_SPEECH_STOPPED) take_piece(d, event);
  if (event->kind != CAL_SPEECH_STARTED) return;
  cal_words started = {
      .kind = CAL_WORDS_STARTED, .text = "", .confidence = -1, .from_ms = -1, .until_ms = -1};
  d->port.handlers->on_words(d->port.context, &started);
}

static void sound(cal_port *port, const int16_t *samples, size_t count) {
  if (!of(port)->is_over) cal_endpoint_push(of(port)->endpoint, samples, count);
}

/* ---- life */

static void on_gone(cal_timer *timer) {
  dictation *d = cal_list_entry(timer, dictation, later);
  d->port.handlers->on_gone(d->port.context);
}

static void on_up(cal_timer *timer) {
  dictation *d = cal_list_entry(timer, dictation, later);
  d->is_up = 1;
  d->port.handlers->on_up(d->port.context, "", "");
}

static void part(cal_port *port, const cal_parting *parting) {
  dictation *d = of(port);
  if (d->count && !d->is_over) cal_http_cancel(d->host->net, d->request);
  d->is_over = 1;
  soon(d, on_gone);
}

static void free_dictation(cal_port *port) {
  dictation *d = of(port);
  cal_timer_stop(d->host->loop, &d->later);
  while (d->count) drop_first(d);
  cal_endpoint_free(d->endpoint);
  cal_unref(d->order);
  cal_free(d);
}

static int is_open(const cal_port *port) {
  return ((const dictation *)port)->is_up && !((const dictation *)port)->is_over;
}
static void ignore_name(cal_port *port, const char *name) {}
static void ignore(cal_port *port) {}
static void ignore_text(cal_port *port, const char *text, size_t bytes, int is_numbered) {}
static void ignore_flag(cal_port *port, int is_playing) {}

static const cal_port_ops ops = {.is_open = is_open,
                                 .sound = sound,
                                 .mark = ignore_name,
                                 .clear = ignore,
                                 .forget = ignore,
                                 .text = ignore_text,
                                 .playing = ignore_flag,
                                 .part = part,
                                 .free = free_dictation};

int cal_dictation_open(cal_port **result, const cal_host *host, cal_vendor_order *order) {
  dictation *d = cal_alloc(sizeof *d);
  d->host = host;
  d->order = cal_ref(order);
  d->port = (cal_port){.ops = &ops,
                       .rate_hz = cal_wire_rate_hz(order->wire),
                       .frame_samples = (uint32_t)cal_wire_frame_samples(order->wire)};
  cal_endpoint_options options = {
      .vad = {.rate_hz = d->port.rate_hz, .engine = CAL_VAD_BEST}, .on_event = on_speech, .context = d};
  int code = cal_endpoint_new(&d->endpoint, &options);
  if (code < 0) {
    free_dictation(&d->port);
    return code;
  }
  soon(d, on_up);
  *result = &d->port;
  return 0;
}
