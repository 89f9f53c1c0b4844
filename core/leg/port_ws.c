#include "leg/port_ws.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "net/http.h"
#include "leg/port_ws_private.h"

#define MALFORMED_IN_A_ROW 50 /* more of these and the other side does not speak our language */
#define URL_HEADERS 16
#define LAST_MESSAGE_BYTES 4096 /* of the message that ended the stream, for the report */
#define USUAL_HOLD_MS 1000      /* a carrier that says "too much" and not for how long */
#define LONGEST_HOLD_MS 30000
#define TOO_MUCH "429"

static uint64_t now_ns(const port_ws *p) { return cal_loop_now_ns(p->host->loop); }

/* ---- the end */

static void end(port_ws *p, cal_leg_end how, const char *text, const char *last) {
  cal_timer_stop(p->host->loop, &p->deadline);
  p->port.handlers->on_end(p->port.context, how, text, last);
}

static void on_deadline(cal_timer *timer) {
  end(cal_list_entry(timer, port_ws, deadline), CAL_LEG_NO_START, "the start message did not come in time",
      NULL);
}

static void close_socket(port_ws *p, const char *reason) {
  if (p->ws) cal_ws_close(p->ws, p->close_code, reason);
}

static void on_parting_over(cal_timer *timer) {
  port_ws *p = cal_list_entry(timer, port_ws, deadline);
  cal_log(CAL_LOG_INFO, "leg", p->options.name, "the other side did not end its half; the socket is closed");
  close_socket(p, p->close_reason);
}

static void await_last_word(port_ws *p) {
  uint64_t until_ns = now_ns(p) + cal_wire_bye_wait_ms(p->wire) * CAL_MS;
  cal_timer_start(p->host->loop, &p->deadline, until_ns, on_parting_over);
}

/* 1: the socket stays until the other side is done, for a bounded time. */
static int stays(port_ws *p, const char *bye) {
  if (!p->ws || !cal_ws_is_open(p->ws)) return 0;
  if (p->parting == PORT_STOPPED) return cal_wire_is_closed_by_peer(p->wire);
  if (p->parting == PORT_NOT_PARTING && !cal_port_ws_say_bye(p, bye)) return 0;
  p->parting = PORT_AWAITS_STOP;
  return 1;
}

void cal_port_ws_part(cal_port *port, const cal_parting *parting) {
  port_ws *p = (port_ws *)port;
  const char *closing = p->state == PORT_UP && parting->is_ours ? p->options.closing : NULL;
  p->state = PORT_OVER;
  p->close_code = parting->code;
  cal_timer_stop(p->host->loop, &p->deadline);
  if (closing) cal_port_ws_say_text(p, closing, strlen(closing));
  if (stays(p, parting->bye))
    await_last_word(p);
  else
    close_socket(p, parting->reason);
}

/* After our last word we stay silent; while we wait for theirs we still reply. */
static void take_while_parting(port_ws *p, const cal_wire_event *event) {
  if (p->parting != PORT_AWAITS_STOP) return;
  cal_port_ws_reply(p, event);
  if (event->kind != CAL_WIRE_STOP) return;
  p->parting = PORT_STOPPED;
  if (!cal_wire_is_closed_by_peer(p->wire)) close_socket(p, p->close_reason);
}

/* A message whose reply, or which itself, is the last of the stream. */
static void take_last(port_ws *p, const char *data, size_t bytes, port_parting parting) {
  char last[LAST_MESSAGE_BYTES + 1];
  int is_shown = bytes <= LAST_MESSAGE_BYTES && !memchr(data, 0, bytes);
  if (is_shown) memcpy(last, data, bytes);
  if (is_shown) last[bytes] = 0;
  p->parting = parting;
  end(p, CAL_LEG_HANGUP, "the other side ended the stream", is_shown ? last : NULL);
}

/* ---- the start */

static void await_start(port_ws *p) {
  p->state = PORT_WAITING;
  uint64_t until_ns = now_ns(p) + p->options.start_deadline_ms * CAL_MS;
  cal_timer_start(p->host->loop, &p->deadline, until_ns, on_deadline);
}

static void come_up(port_ws *p) {
  cal_timer_stop(p->host->loop, &p->deadline);
  p->state = PORT_UP;
  p->stream = cal_strdup(p->wire_state.stream);
  p->call = cal_strdup(p->wire_state.call);
  p->port.handlers->on_up(p->port.context, p->stream, p->call);
}

static void note_malformed(port_ws *p, const char *reason) {
  p->port.malformed++;
  cal_metric_add(
      cal_counter("callisto_malformed_messages_total", "messages on media sockets that made no sense"), 1);
  if (p->port.malformed == 1)
    cal_log(CAL_LOG_WARN, "leg", p->options.name, "a message makes no sense: %s", reason);
}

static void take_malformed(port_ws *p, const char *reason) {
  note_malformed(p, reason);
  if (++p->malformed_in_a_row > MALFORMED_IN_A_ROW)
    end(p, CAL_LEG_MALFORMED, "too many messages in a row make no sense", NULL);
}

/* The wire has read the ids of the second start already. */
static void take_second_start(port_ws *p) {
  cal_wire_state_set(&p->wire_state, p->stream, p->call);
  take_malformed(p, "a second start message");
}

static void take_start(port_ws *p, const cal_wire_event *event) {
  const char *expected = p->options.expected_call;
  if (p->state != PORT_WAITING) {
    take_second_start(p);
  } else if (event->kind == CAL_WIRE_WRONG_FORMAT) {
    end(p, CAL_LEG_WRONG_START, event->reason, NULL);
  } else if (expected && *expected && *p->wire_state.call && strcmp(expected, p->wire_state.call)) {
    end(p, CAL_LEG_WRONG_START, "the stream belongs to another call than the token", NULL);
  } else {
    cal_port_ws_reply(p, event);
    come_up(p);
  }
}

/* ---- messages */

static void take_error(port_ws *p, const cal_wire_event *event) {
  cal_metric_add(cal_counter("callisto_carrier_errors_total", "errors carriers told on media sockets"), 1);
  p->port.errors++;
  p->port.handlers->on_error(p->port.context, event->name, event->reason);
  uint64_t ms = event->retry_ms ? event->retry_ms : strcmp(event->name, TOO_MUCH) ? 0 : USUAL_HOLD_MS;
  if (ms > LONGEST_HOLD_MS) ms = LONGEST_HOLD_MS;
  uint64_t until_ns = now_ns(p) + ms * CAL_MS;
  if (ms && until_ns > p->port.hold_until_ns) p->port.hold_until_ns = until_ns;
}

/* The schedule of the messages that are allowed runs ahead of time by a burst at most. */
static int is_too_much(port_ws *p) {
  if (!p->limit_per_second) return 0;
  uint64_t now = now_ns(p), each_ns = CAL_S / p->limit_per_second;
  if (p->limit_ns < now) p->limit_ns = now;
  if (p->limit_ns - now < p->limit_burst * each_ns) {
    p->limit_ns += each_ns;
    return 0;
  }
  p->port.too_much++;
  cal_port_ws_say_limit(p);
  return 1;
}

/* Sound may run ahead of its start message; then it is not wanted yet. */
static void take_sound(port_ws *p, const cal_wire_event *event, const int16_t *samples) {
  p->malformed_in_a_row = 0;
  if (event->reason[0]) note_malformed(p, event->reason);
  if (p->state != PORT_UP || !event->samples || is_too_much(p)) return;
  p->port.handlers->on_sound(p->port.context, samples, event->samples);
}

/* When it is spoken comes before it: the words of a sound are told with it. */
static void take_times(port_ws *p, const cal_wire_event *event) {
  if (p->state != PORT_UP || !event->times.texts.bytes || !p->port.handlers->on_times) return;
  cal_wire_times times = event->times;
  p->port.handlers->on_times(p->port.context, &times);
}

static void take_audio(port_ws *p, const cal_wire_event *event, const int16_t *samples) {
  take_times(p, event);
  take_sound(p, event, samples);
  if (event->is_mark && p->state == PORT_UP)
    p->port.handlers->on_mark(p->port.context, event->utterance[0] ? event->utterance : NULL);
}

/* What concerns a stream that is up. */
static void take_up(port_ws *p, const cal_wire_event *event) {
  const cal_port_handlers *handlers = p->port.handlers;
  void *context = p->port.context;
  if (p->state != PORT_UP) return;
  if (event->kind == CAL_WIRE_MARK)
    handlers->on_mark(context, cal_wire_marks_have_names(p->wire) ? event->name : NULL);
  else if (event->kind == CAL_WIRE_CLEAR)
    handlers->on_clear(context, cal_wire_clear_drops_marks(p->wire));
  else if (event->kind == CAL_WIRE_DTMF)
    handlers->on_keys(context, event->name);
  else
    handlers->on_pause(context);
}

static void take_words(port_ws *p, const cal_wire_event *event) {
  for (size_t i = 0; i < event->word_count && p->state == PORT_UP && p->port.handlers->on_words; i++)
    p->port.handlers->on_words(p->port.context, &event->words[i]);
}

static void take(port_ws *p, const cal_wire_event *event, const char *data, size_t bytes) {
  switch (event->kind) {
  case CAL_WIRE_START:
  case CAL_WIRE_WRONG_FORMAT:
    take_start(p, event);
    break;
  case CAL_WIRE_MARK:
  case CAL_WIRE_CLEAR:
  case CAL_WIRE_DTMF:
  case CAL_WIRE_PAUSE:
    take_up(p, event);
    break;
  case CAL_WIRE_STOP:
    take_last(p, data, bytes, PORT_STOPPED);
    break;
  case CAL_WIRE_ERROR:
    take_error(p, event);
    break;
  case CAL_WIRE_OUT_OF_ORDER:
    end(p, CAL_LEG_MALFORMED, event->reason, NULL);
    break;
  case CAL_WIRE_TOLD:
    take_words(p, event);
    break;
  case CAL_WIRE_OTHER:
    p->port.handlers->on_text(p->port.context, data, bytes);
    break;
  case CAL_WIRE_MALFORMED:
    take_malformed(p, event->reason);
    break;
  case CAL_WIRE_TIMES:
    take_times(p, event);
    break;
  case CAL_WIRE_AUDIO:
  case CAL_WIRE_RESUME:
  case CAL_WIRE_IGNORED:
    break;
  }
}

static void obey(port_ws *p, const cal_wire_event *event, const int16_t *samples, const char *data,
                 size_t bytes) {
  if (event->kind == CAL_WIRE_AUDIO && event->reply < 0) {
    take_audio(p, event, samples);
    return;
  }
  if (event->kind != CAL_WIRE_MALFORMED) p->malformed_in_a_row = 0;
  if (event->kind != CAL_WIRE_START) cal_port_ws_reply(p, event);
  if (event->reply >= 0 && cal_wire_reply_ends(p->wire, event->reply) && event->kind != CAL_WIRE_STOP)
    take_last(p, data, bytes, PORT_AWAITS_STOP);
  else if (event->kind == CAL_WIRE_AUDIO)
    take_audio(p, event, samples);
  else
    take(p, event, data, bytes);
}

static void on_message(void *context, char *data, size_t bytes, int is_binary) {
  port_ws *p = context;
  if (p->state == PORT_OVER && p->parting == PORT_NOT_PARTING) return;
  p->port.messages_in++;
  cal_port_ws_watch(p, 0, data, bytes, is_binary);
  size_t room = cal_wire_samples_bound(p->wire, bytes);
  int16_t *samples = cal_scratch_get(p->host->samples, room * sizeof *samples);
  cal_wire_event event;
  cal_wire_read(p->wire, &p->wire_state, data, bytes, is_binary, &event, samples, room);
  if (p->state == PORT_OVER) {
    take_while_parting(p, &event);
    return;
  }
  p->port.about = event.utterance;
  obey(p, &event, samples, data, bytes);
  p->port.about = "";
}

/* ---- the socket */

static void on_open(void *context, cal_ws *ws) {
  port_ws *p = context;
  p->ws = ws;
  if (p->state == PORT_OVER) {
    cal_ws_close(ws, 1000, "");
    return;
  }
  for (const char *const *text = p->options.opening; text && *text; text++)
    cal_port_ws_say_text(p, *text, strlen(*text));
  if (cal_wire_hears(p->wire, CAL_WIRE_START))
    await_start(p);
  else
    come_up(p);
}

/* Codes with which a socket is closed over what was sent on it, whichever side says so. */
static int is_about_content(int code) { return code == 1002 || code == 1003 || code == 1007 || code == 1009; }

static cal_leg_end end_of(const port_ws *p, const cal_ws_end *how) {
  if (p->state == PORT_CONNECTING) return CAL_LEG_NO_SOCKET;
  if (is_about_content(how->code)) return CAL_LEG_MALFORMED;
  return how->is_clean ? CAL_LEG_HANGUP : CAL_LEG_LOST;
}

static void on_close(void *context, const cal_ws_end *how) {
  port_ws *p = context;
  p->ws = NULL;
  p->port.end_code = how->status ? how->status : how->code;
  if (p->state != PORT_OVER) end(p, end_of(p, how), how->text, NULL);
  p->port.handlers->on_gone(p->port.context);
}

/* ---- life */

static cal_ws_handlers handlers_of(port_ws *p) {
  return (cal_ws_handlers){.context = p, .on_open = on_open, .on_message = on_message, .on_close = on_close};
}

void cal_port_ws_free(cal_port *port) {
  port_ws *p = (port_ws *)port;
  cal_timer_stop(p->host->loop, &p->deadline);
  cal_unref(p->wire);
  cal_unref(p->options.texts);
  cal_free(p->stream);
  cal_free(p->call);
  cal_free(p->close_reason);
  cal_free(p);
}

static int port_new(port_ws **result, const cal_host *host, const cal_port_ws_options *options) {
  cal_wire *wire = options->wire;
  int echoes = cal_wire_says(wire, CAL_WIRE_MARK) && cal_wire_hears(wire, CAL_WIRE_MARK);
  port_ws *p = cal_alloc(sizeof *p);
  p->port = (cal_port){.ops = &cal_port_ws_ops,
                       .rate_hz = cal_wire_rate_hz(wire),
                       .frame_samples = (uint32_t)cal_wire_frame_samples(wire),
                       .echoes_marks = echoes,
                       .tells_dry = cal_wire_hears(wire, CAL_WIRE_MARK) && !cal_wire_marks_have_names(wire),
                       .can_clear = cal_wire_says(wire, CAL_WIRE_CLEAR),
                       .can_cancel = cal_wire_can_cancel(wire),
                       .about = "",
                       .hears_keys = cal_wire_hears(wire, CAL_WIRE_DTMF),
                       .says_keys = cal_wire_says(wire, CAL_WIRE_DTMF)};
  p->host = host;
  p->options = *options;
  p->options.texts = cal_ref(options->texts);
  p->wire = cal_ref(wire);
  p->limit_per_second = cal_wire_limit(wire, &p->limit_burst);
  p->close_code = 1000;
  p->close_reason = cal_strdup("");
  cal_wire_state_init(&p->wire_state);
  if (options->sequence) p->wire_state.seq = options->sequence;
  int code = cal_wire_state_set(&p->wire_state, options->stream, options->call);
  if (code < 0)
    cal_port_ws_free(&p->port);
  else
    *result = p;
  return code;
}

int cal_port_ws_accept(cal_port **result, const cal_host *host, const cal_port_ws_options *options,
                       cal_ws_handlers *handlers) {
  port_ws *p;
  int code = port_new(&p, host, options);
  if (code < 0) return code;
  *handlers = handlers_of(p);
  await_start(p);
  *result = &p->port;
  return 0;
}

int cal_port_ws_dial(cal_port **result, const cal_host *host, const cal_port_ws_options *options) {
  port_ws *p;
  int code = port_new(&p, host, options);
  if (code < 0) return code;
  cal_http_field fields[URL_HEADERS];
  cal_ws_connect_options connect = {.url = options->url,
                                    .fields = fields,
                                    .field_count =
                                        cal_http_fields_read(fields, URL_HEADERS, options->url_headers),
                                    .subprotocol = cal_wire_sub_protocol(options->wire),
                                    .timeout_ms = options->start_deadline_ms,
                                    .handlers = handlers_of(p)};
  code = cal_ws_connect(&p->ws, host->net, &connect);
  if (code < 0)
    cal_port_ws_free(&p->port);
  else
    *result = &p->port;
  return code;
}

/* ---- turned away with manners */

void cal_port_ws_skip(cal_port *port, const char *data, size_t bytes, int is_binary) {
  port_ws *p = (port_ws *)port;
  size_t room = cal_wire_samples_bound(p->wire, bytes);
  int16_t *samples = cal_scratch_get(p->host->samples, room * sizeof *samples);
  cal_wire_event event;
  cal_wire_read(p->wire, &p->wire_state, data, bytes, is_binary, &event, samples, room);
}

void cal_port_ws_refuse(cal_port *port, cal_ws *ws, const char *text, int code, const char *reason) {
  port_ws *p = (port_ws *)port;
  p->ws = ws;
  p->state = PORT_OVER;
  p->parting = PORT_AWAITS_STOP;
  p->close_code = code;
  cal_free(p->close_reason);
  p->close_reason = cal_strdup(reason);
  if (text) {
    cal_port_ws_say_text(p, text, strlen(text));
    p->wire_state.seq++;
  }
  await_last_word(p);
}
