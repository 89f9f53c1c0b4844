#include "leg/leg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "leg/leg_private.h"
#include "data/json_escape.h"

#define MALFORMED_IN_A_ROW 50 /* more of these and the other side does not speak our language */
/* beyond what is there to be heard: a voice that delivers nothing for so long is dead */
#define DRAIN_PATIENCE_MS 5000
#define URL_HEADERS 16
#define REPORT_BYTES 65536

static const struct {
  const char *word;
  int close_code;
} ends[] = {[CAL_LEG_HANGUP] = {"hangup", 1000},           [CAL_LEG_LOST] = {"lost", 1011},
            [CAL_LEG_CLOSED] = {"closed", 1000},           [CAL_LEG_NO_START] = {"no_start", 1002},
            [CAL_LEG_WRONG_START] = {"wrong_start", 1003}, [CAL_LEG_TOO_LONG] = {"too_long", 1000},
            [CAL_LEG_NO_SOCKET] = {"no_socket", 1006},     [CAL_LEG_MALFORMED] = {"malformed", 1007}};

static cal_metric *gauge_legs(void) { return cal_gauge("callisto_legs", "media sockets that are up"); }

static cal_leg *leg_of_timer(cal_timer *timer, size_t offset) { return (cal_leg *)((char *)timer - offset); }

uint64_t cal_leg_clock(const cal_leg *leg, uint64_t now_ns) {
  return (now_ns - leg->born_ns) / 1000 * leg->rate_hz / 1000000;
}

void cal_leg_advance(cal_leg *leg) {
  cal_playout_advance(&leg->playout, cal_leg_clock(leg, cal_loop_now_ns(cal_io_loop(leg->io))));
}

/* ---- birth */

static void on_deadline(cal_timer *timer) {
  cal_leg *leg = leg_of_timer(timer, offsetof(cal_leg, deadline));
  cal_leg_finish(leg, CAL_LEG_NO_START, "the start message did not come in time");
}

static void on_drain_overdue(cal_timer *timer) {
  cal_leg *leg = leg_of_timer(timer, offsetof(cal_leg, deadline));
  cal_leg_finish(leg, CAL_LEG_CLOSED, "closed; the voice did not finish its last utterance");
}

static void on_too_long(cal_timer *timer) {
  cal_leg *leg = leg_of_timer(timer, offsetof(cal_leg, longest));
  cal_leg_finish(leg, CAL_LEG_TOO_LONG, "the longest call length was reached");
}

static void set_wire(cal_leg *leg, cal_wire *wire) {
  leg->wire = wire;
  leg->rate_hz = cal_wire_rate_hz(wire);
  leg->frame_samples = cal_wire_frame_samples(wire);
}

/* Takes the call, if it gives one back. NULL: the call has a leg, or its script could not be told the end. */
static cal_leg *leg_new(cal_io *io, cal_call *call, leg_state state) {
  if (cal_call_begin(call) < 0) return NULL;
  cal_leg *leg = cal_alloc(sizeof *leg);
  leg->io = io;
  leg->call = call;
  leg->about = cal_call_about(call);
  leg->state = state;
  set_wire(leg, leg->about->wire);
  leg->born_ns = cal_loop_now_ns(cal_io_loop(io));
  leg->close_code = 1000;
  cal_list_init(&leg->in_wheel);
  cal_wire_state_init(&leg->wire_state);
  leg->id = cal_io_add_leg(io, leg);
  return leg;
}

static void leg_free(cal_leg *leg) {
  cal_timer_stop(cal_io_loop(leg->io), &leg->deadline);
  cal_io_remove_leg(leg->io, leg);
  cal_unref(leg->call);
  cal_unref(leg->dial);
  cal_free(leg->stream);
  cal_free(leg->stream_call);
  cal_free(leg->bye);
  cal_free(leg->last_message);
  cal_free(leg);
}

static void take_command(void *context, cal_command *command) { cal_leg_command(context, command); }

static void tell_started(cal_leg *leg) {
  cal_buf text;
  cal_buf_init(&text, 4096);
  cal_buf_text(&text, "{\"stream\":\"");
  cal_json_escape(&text, cal_span_of(leg->stream));
  cal_buf_text(&text, "\",\"call\":\"");
  cal_json_escape(&text, cal_span_of(leg->stream_call));
  cal_buf_format(&text, "\",\"rate\":%u}", leg->rate_hz);
  cal_event event = {.kind = CAL_EVENT_LEG_STARTED, .source = leg->id, .text = cal_buf_take(&text)};
  cal_call_event(leg->call, &event);
}

/* The stream has started: from here on samples flow, and what the script has already asked for is done now.
 */
static void come_up(cal_leg *leg) {
  cal_loop *loop = cal_io_loop(leg->io);
  cal_timer_stop(loop, &leg->deadline);
  leg->state = LEG_UP;
  leg->stream = cal_strdup(leg->wire_state.stream);
  leg->stream_call = cal_strdup(leg->wire_state.call);
  cal_timer_start(loop, &leg->longest, cal_loop_now_ns(loop) + leg->about->longest_s * CAL_S, on_too_long);
  cal_leg_ear_open(leg);
  cal_leg_voice_open(leg);
  cal_leg_record_open(leg);
  cal_metric_add(gauge_legs(), 1);
  tell_started(leg);
  cal_call_attach(leg->call, leg->id, cal_io_commands(leg->io), take_command, leg);
  if (leg->state == LEG_UP) cal_leg_tick(leg, cal_loop_now_ns(loop));
}

/* ---- the socket */

static void on_malformed(cal_leg *leg, const char *reason) {
  leg->malformed++;
  cal_metric_add(
      cal_counter("callisto_malformed_messages_total", "messages on media sockets that made no sense"), 1);
  if (leg->malformed == 1)
    cal_log(CAL_LOG_WARN, "leg", leg->about->name, "a message makes no sense: %s", reason);
  if (++leg->malformed_in_a_row > MALFORMED_IN_A_ROW)
    cal_leg_finish(leg, CAL_LEG_MALFORMED, "too many messages in a row make no sense");
}

/* The wire has read the ids of the second start already. */
static void on_second_start(cal_leg *leg) {
  cal_wire_state_set(&leg->wire_state, leg->stream, leg->stream_call);
  on_malformed(leg, "a second start message");
}

static void on_start(cal_leg *leg, const cal_wire_event *event) {
  const char *expected = leg->about->carrier_call;
  if (expected && *expected && *leg->wire_state.call && strcmp(expected, leg->wire_state.call)) {
    cal_leg_finish(leg, CAL_LEG_WRONG_START, "the stream belongs to another call than the token");
    return;
  }
  cal_leg_reply(leg, event);
  come_up(leg);
}

static void on_text(cal_leg *leg, const char *data, size_t bytes) {
  cal_event event = {.kind = CAL_EVENT_LEG_TEXT, .source = leg->id, .text = cal_strndup(data, bytes)};
  cal_call_event(leg->call, &event);
}

/* Role CARRIER: marks and clears belong to the queue, in order with the audio. Role AGENT: an echo confirms.
 */
static void on_mark(cal_leg *leg, const char *name) {
  unsigned number;
  if (leg->queue) {
    cal_carrier_queue_mark(leg->queue, name, strlen(name));
    return;
  }
  int is_named = cal_wire_marks_have_names(leg->wire);
  if (leg->state != LEG_UP || (is_named && sscanf(name, "c%9u", &number) != 1)) return;
  cal_leg_advance(leg);
  if (is_named)
    cal_playout_confirm(&leg->playout, number);
  else
    cal_playout_dry(&leg->playout);
  cal_leg_tick(leg, cal_loop_now_ns(cal_io_loop(leg->io)));
}

/* A message whose reply, or which itself, is the last of the stream. */
static void on_last(cal_leg *leg, const char *data, size_t bytes, leg_parting parting) {
  cal_leg_keep_last(leg, data, bytes);
  leg->parting = parting;
  cal_leg_finish(leg, CAL_LEG_HANGUP, "the other side ended the stream");
}

static void on_message(void *context, char *data, size_t bytes, int is_binary) {
  cal_leg *leg = context;
  if (leg->state == LEG_OVER && leg->parting == LEG_NOT_PARTING) return;
  leg->messages_in++;
  cal_leg_trace(leg, 0, data, bytes, is_binary);
  size_t room = cal_wire_samples_bound(leg->wire, bytes);
  int16_t *samples = cal_io_samples(leg->io, room);
  cal_wire_event event;
  cal_wire_kind kind =
      cal_wire_read(leg->wire, &leg->wire_state, data, bytes, is_binary, &event, samples, room);
  if (leg->state == LEG_OVER) {
    cal_leg_part_message(leg, &event);
    return;
  }
  if (kind != CAL_WIRE_MALFORMED) leg->malformed_in_a_row = 0;
  if (kind != CAL_WIRE_START) cal_leg_reply(leg, &event);
  if (event.reply >= 0 && cal_wire_reply_ends(leg->wire, event.reply) && kind != CAL_WIRE_STOP) {
    on_last(leg, data, bytes, LEG_AWAITS_STOP);
    return;
  }
  switch (kind) {
  case CAL_WIRE_AUDIO:
    if (leg->state != LEG_UP || !event.samples) break; /* media may run ahead of its start message */
    if (leg->queue && !cal_leg_is_too_much(leg)) {
      cal_carrier_queue_audio(leg->queue, samples, event.samples);
      leg->still_frames = 0;
      cal_io_wheel_add(leg->io, leg);
    } else if (!leg->queue) {
      cal_leg_hear(leg, samples, event.samples);
    }
    break;
  case CAL_WIRE_START:
    leg->state == LEG_WAITING ? on_start(leg, &event) : on_second_start(leg);
    break;
  case CAL_WIRE_MARK:
    on_mark(leg, event.name);
    break;
  case CAL_WIRE_DTMF:
    cal_leg_digits_in(leg, event.name, 0);
    break;
  case CAL_WIRE_STOP:
    on_last(leg, data, bytes, LEG_STOPPED);
    break;
  case CAL_WIRE_PAUSE:
    cal_leg_paused(leg);
    break;
  case CAL_WIRE_RESUME:
    break;
  case CAL_WIRE_ERROR:
    cal_leg_carrier_error(leg, &event);
    break;
  case CAL_WIRE_OUT_OF_ORDER:
    cal_leg_finish(leg, CAL_LEG_MALFORMED, event.reason);
    break;
  case CAL_WIRE_CLEAR:
    if (leg->queue) {
      leg->clears++;
      if (cal_wire_clear_drops_marks(leg->wire)) cal_carrier_queue_drop_marks(leg->queue);
      cal_carrier_queue_clear(leg->queue);
    }
    break;
  case CAL_WIRE_OTHER:
    on_text(leg, data, bytes);
    break;
  case CAL_WIRE_IGNORED:
    break;
  case CAL_WIRE_MALFORMED:
    on_malformed(leg, event.reason);
    break;
  case CAL_WIRE_WRONG_FORMAT:
    if (leg->state == LEG_WAITING)
      cal_leg_finish(leg, CAL_LEG_WRONG_START, event.reason);
    else
      on_second_start(leg);
    break;
  }
}

/* Codes with which a socket is closed over what was sent on it, whichever side says so. */
static int is_about_content(int code) { return code == 1002 || code == 1003 || code == 1007 || code == 1009; }

static void on_close(void *context, const cal_ws_end *end) {
  cal_leg *leg = context;
  leg->ws = NULL;
  if (leg->state == LEG_CONNECTING)
    cal_leg_finish(leg, CAL_LEG_NO_SOCKET, end->text);
  else if (leg->state != LEG_OVER && is_about_content(end->code))
    cal_leg_finish(leg, CAL_LEG_MALFORMED, end->text);
  else if (leg->state != LEG_OVER)
    cal_leg_finish(leg, end->is_clean ? CAL_LEG_HANGUP : CAL_LEG_LOST, end->text);
  leg_free(leg);
}

static void await_start(cal_leg *leg) {
  cal_loop *loop = cal_io_loop(leg->io);
  leg->state = LEG_WAITING;
  uint64_t deadline_ns = cal_loop_now_ns(loop) + leg->about->start_deadline_ms * CAL_MS;
  cal_timer_start(loop, &leg->deadline, deadline_ns, on_deadline);
}

static void on_open(void *context, cal_ws *ws) {
  cal_leg *leg = context;
  leg->ws = ws;
  if (leg->state == LEG_OVER) {
    cal_ws_close(ws, 1000, "");
    return;
  }
  if (leg->about->role == CAL_ROLE_CARRIER) {
    for (const char *const *text = leg->dial->opening; text && *text; text++)
      cal_leg_send_text(leg, *text, strlen(*text));
    if (cal_wire_hears(leg->wire, CAL_WIRE_START))
      await_start(leg);
    else
      come_up(leg);
  } else if (!cal_wire_hears(leg->wire, CAL_WIRE_START)) {
    come_up(leg); /* this carrier has no start message */
  }
}

static cal_ws_handlers handlers_of(cal_leg *leg) {
  return (cal_ws_handlers){
      .context = leg, .on_open = on_open, .on_message = on_message, .on_close = on_close};
}

/* Role CARRIER: the ids its messages name are known before the first one. */
static int take_dial(cal_leg *leg) {
  cal_dial *dial = leg->dial = cal_call_dial(leg->call);
  if (!dial) return cal_fail(-EINVAL, "nothing was said about where to dial");
  if (dial->wire) set_wire(leg, dial->wire);
  if (dial->sequence) leg->wire_state.seq = dial->sequence;
  return cal_wire_state_set(&leg->wire_state, dial->stream, dial->carrier_call);
}

static void fail_leg(cal_leg *leg) {
  cal_leg_finish(leg, CAL_LEG_NO_SOCKET, cal_error_text());
  leg_free(leg);
}

cal_leg *cal_leg_accept(cal_io *io, cal_call *call, cal_ws_handlers *handlers) {
  cal_leg *leg = leg_new(io, call, LEG_WAITING);
  if (!leg) return cal_unref(call);
  if (leg->about->role == CAL_ROLE_CARRIER && take_dial(leg) < 0) {
    fail_leg(leg);
    return NULL;
  }
  *handlers = handlers_of(leg);
  await_start(leg);
  return leg;
}

static size_t split_headers(const char *text, cal_http_field *fields) {
  size_t count = 0;
  while (text && *text && count < URL_HEADERS) {
    const char *end = strchr(text, '\n');
    size_t bytes = end ? (size_t)(end - text) : strlen(text);
    const char *colon = memchr(text, ':', bytes);
    if (colon) {
      const char *value = colon + 1 + strspn(colon + 1, " ");
      fields[count].name = (cal_span){text, (size_t)(colon - text)};
      fields[count++].value = (cal_span){value, (size_t)(text + bytes - value)};
    }
    text = end ? end + 1 : NULL;
  }
  return count;
}

static int connect_leg(cal_leg *leg) {
  if (!leg->id) return cal_fail(-ENOBUFS, "this thread has no room for another leg");
  int code = take_dial(leg);
  if (code) return code;
  const cal_dial *dial = leg->dial;
  cal_http_field fields[URL_HEADERS];
  cal_ws_connect_options options = {.url = dial->url,
                                    .fields = fields,
                                    .field_count = split_headers(dial->url_headers, fields),
                                    .timeout_ms = leg->about->start_deadline_ms,
                                    .handlers = handlers_of(leg)};
  return cal_ws_connect(&leg->ws, cal_io_net(leg->io), &options);
}

void cal_leg_dial(cal_io *io, cal_call *call) {
  cal_leg *leg = leg_new(io, call, LEG_CONNECTING);
  if (!leg) {
    cal_log(CAL_LOG_WARN, "leg", cal_call_about(call)->name, "not dialled: %s", cal_error_text());
    cal_unref(call);
    return;
  }
  if (connect_leg(leg) < 0) fail_leg(leg);
}

void cal_leg_miss(cal_io *io, cal_call *call, const char *text) {
  cal_leg *leg = leg_new(io, call, LEG_CONNECTING);
  if (!leg) {
    cal_unref(call);
    return;
  }
  cal_leg_finish(leg, CAL_LEG_HANGUP, text);
  leg_free(leg);
}

/* ---- commands */

static void declare(cal_leg *leg, const cal_command *command) {
  uint32_t flags = 0;
  if (command->flags & CAL_COMMAND_INTERRUPTIBLE) flags |= CAL_UTTERANCE_INTERRUPTIBLE;
  if (command->flags & CAL_COMMAND_DIGITS_STOP) flags |= CAL_UTTERANCE_DIGITS_STOP;
  int code = cal_playout_declare(&leg->playout, command->utterance, flags);
  if (!code) return;
  cal_log(CAL_LOG_WARN, "leg", leg->about->name, "not said: %s", cal_error_text());
  cal_event event = {.kind = CAL_EVENT_UTTERANCE_ENDED,
                     .utterance = command->utterance,
                     .flags = CAL_EVENT_INTERRUPTED,
                     .code = code,
                     .text = cal_strdup("")};
  cal_call_event(leg->call, &event);
}

/* While draining: every piece of sound gives the voice time for the next one. */
static void expect_drain(cal_leg *leg) {
  cal_loop *loop = cal_io_loop(leg->io);
  uint64_t ms = cal_playout_remaining(&leg->playout) * 1000 / leg->rate_hz + DRAIN_PATIENCE_MS;
  uint64_t from_ns = cal_loop_now_ns(loop);
  if (leg->hold_until_ns > from_ns) from_ns = leg->hold_until_ns;
  cal_timer_start(loop, &leg->deadline, from_ns + ms * CAL_MS, on_drain_overdue);
}

/* Sound of an utterance that was stopped meanwhile is no mistake. */
static void append(cal_leg *leg, cal_command *command) {
  int code = command->clip ? cal_playout_append(&leg->playout, command->utterance, command->clip) : 0;
  if (code < 0) cal_unref(command->clip);
  command->clip = NULL;
  if (code == -ENOENT) return;
  if (code < 0) cal_log(CAL_LOG_WARN, "leg", leg->about->name, "not said: %s", cal_error_text());
  if (command->code || code < 0)
    cal_leg_failed(leg, command->utterance, command->code ? command->code : code);
  if (command->flags & CAL_COMMAND_LAST) cal_playout_complete(&leg->playout, command->utterance);
  if (leg->is_draining) expect_drain(leg);
}

/* What may stand in a close frame we send (RFC 6455 §7.4). */
static int is_close_code(int code) {
  return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
         (code >= 3000 && code <= 4999);
}

static void close_leg(cal_leg *leg, const cal_command *command) {
  if (is_close_code(command->code)) leg->close_code = command->code;
  if (!(command->flags & CAL_COMMAND_DRAIN)) {
    cal_leg_finish(leg, CAL_LEG_CLOSED, "closed by the script");
    return;
  }
  leg->is_draining = 1;
  expect_drain(leg);
}

void cal_leg_command(cal_leg *leg, cal_command *command) {
  if (leg->state != LEG_UP) {
    cal_command_drop(command);
    return;
  }
  cal_leg_advance(leg);
  switch (command->kind) {
  case CAL_COMMAND_LEG_UTTERANCE:
    declare(leg, command);
    break;
  case CAL_COMMAND_LEG_AUDIO:
    append(leg, command);
    break;
  case CAL_COMMAND_LEG_STOP:
    cal_leg_stop(leg, command->utterance);
    break;
  case CAL_COMMAND_LEG_LISTEN:
    cal_leg_listen(leg, &command->listen);
    break;
  case CAL_COMMAND_LEG_DIGITS:
    cal_leg_say_digits(leg, command->text);
    break;
  case CAL_COMMAND_LEG_TEXT:
    if (command->flags & CAL_COMMAND_NUMBERED)
      cal_leg_send_numbered(leg, command->text);
    else
      cal_leg_send_text(leg, command->text, strlen(command->text));
    break;
  case CAL_COMMAND_LEG_BYE:
    cal_leg_set_bye(leg, command->text);
    break;
  case CAL_COMMAND_LEG_BACKGROUND:
    cal_leg_background(leg, command);
    break;
  case CAL_COMMAND_LEG_RECORDING:
    cal_leg_record_pause(leg, !(command->flags & CAL_COMMAND_ON));
    break;
  case CAL_COMMAND_LEG_CLOSE:
    close_leg(leg, command);
    break;
  default:
    break;
  }
  cal_command_drop(command);
  if (leg->state == LEG_UP) cal_leg_tick(leg, cal_loop_now_ns(cal_io_loop(leg->io)));
}

void cal_leg_tick(cal_leg *leg, uint64_t now_ns) {
  cal_playout_advance(&leg->playout, cal_leg_clock(leg, now_ns));
  cal_leg_voice_tick(leg, now_ns);
  if (leg->state == LEG_UP && leg->is_draining && cal_playout_is_drained(&leg->playout)) {
    cal_leg_finish(leg, CAL_LEG_CLOSED, "closed after everything was said");
    return;
  }
  int is_busy = (leg->queue && !cal_leg_is_still(leg)) || leg->is_draining || leg->background.clip ||
                !cal_playout_is_drained(&leg->playout);
  if (is_busy)
    cal_io_wheel_add(leg->io, leg);
  else
    cal_io_wheel_remove(leg->io, leg);
}

/* ---- end */

static char *end_report(cal_leg *leg, cal_leg_end end, const char *text) {
  cal_buf report;
  cal_buf_init(&report, REPORT_BYTES);
  cal_buf_format(&report, "{\"reason\":\"%s\",\"text\":\"", ends[end].word);
  cal_json_escape(&report, cal_span_of(text));
  cal_buf_format(
      &report,
      "\",\"messages_in\":%llu,\"frames_out\":%llu,\"underruns\":%llu,\"malformed\":%llu,\"late_us\":%llu,"
      "\"lost_marks\":%llu,\"overflow\":%llu,\"clears\":%llu,\"unplayed_ms\":%llu,\"too_much\":%llu,"
      "\"milliseconds\":%llu",
      (unsigned long long)leg->messages_in, (unsigned long long)leg->frames_out,
      (unsigned long long)(leg->playout.underruns + leg->pace.underruns), (unsigned long long)leg->malformed,
      (unsigned long long)(leg->pace.late_ns / 1000), (unsigned long long)leg->playout.lost_marks,
      (unsigned long long)leg->overflow, (unsigned long long)leg->clears,
      (unsigned long long)(leg->unplayed * 1000 / leg->rate_hz), (unsigned long long)leg->too_much,
      (unsigned long long)((cal_loop_now_ns(cal_io_loop(leg->io)) - leg->born_ns) / CAL_MS));
  if (leg->last_message) {
    cal_buf_text(&report, ",\"message\":\"");
    cal_json_escape(&report, cal_span_of(leg->last_message));
    cal_buf_text(&report, "\"");
  }
  cal_buf_text(&report, "}");
  return cal_buf_take(&report);
}

/* After this the call may get another leg, on another thread: nothing of it is touched afterwards. */
static void tell_ended(cal_leg *leg, cal_leg_end end, const char *text) {
  cal_event event = {
      .kind = CAL_EVENT_LEG_ENDED, .source = leg->id, .code = (int)end, .text = end_report(leg, end, text)};
  cal_log(CAL_LOG_INFO, "leg", leg->about->name, "ended (%s): %s", ends[end].word, text);
  cal_call_detach(leg->call);
  cal_call_event(leg->call, &event);
}

void cal_leg_finish(cal_leg *leg, cal_leg_end end, const char *text) {
  if (leg->state == LEG_OVER) return;
  int was_up = leg->state == LEG_UP, is_ours = end == CAL_LEG_CLOSED || end == CAL_LEG_TOO_LONG;
  cal_loop *loop = cal_io_loop(leg->io);
  leg->state = LEG_OVER;
  cal_timer_stop(loop, &leg->deadline);
  cal_timer_stop(loop, &leg->longest);
  cal_io_wheel_remove(leg->io, leg);
  if (was_up) {
    cal_leg_voice_close(leg);
    cal_leg_ear_close(leg);
    cal_leg_record_close(leg);
    cal_metric_add(gauge_legs(), -1);
    if (is_ours && leg->dial && leg->dial->closing)
      cal_leg_send_text(leg, leg->dial->closing, strlen(leg->dial->closing));
  }
  if (end != CAL_LEG_CLOSED) leg->close_code = ends[end].close_code;
  tell_ended(leg, end, text);
  if (leg->ws && !cal_leg_part(leg)) cal_ws_close(leg->ws, leg->close_code, text);
}
