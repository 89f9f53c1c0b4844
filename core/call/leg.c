#include "call/leg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "call/leg_private.h"
#include "data/json_escape.h"

#define MALFORMED_IN_A_ROW 50 /* more of these and the other side does not speak our language */

static const struct {
  const char *word;
  int close_code;
} ends[] = {[CAL_LEG_HANGUP] = {"hangup", 1000},         [CAL_LEG_LOST] = {"lost", 1011},
            [CAL_LEG_CLOSED] = {"closed", 1000},         [CAL_LEG_NO_START] = {"no_start", 1002},
            [CAL_LEG_WRONG_START] = {"wrong_start", 1003}, [CAL_LEG_TOO_LONG] = {"too_long", 1000},
            [CAL_LEG_NO_SOCKET] = {"no_socket", 1006},   [CAL_LEG_MALFORMED] = {"malformed", 1007}};

static cal_metric *gauge_legs(void) { return cal_gauge("callisto_legs", "media sockets that are up"); }

static cal_leg *leg_of_timer(cal_timer *timer, size_t offset) { return (cal_leg *)((char *)timer - offset); }

uint64_t cal_leg_clock(const cal_leg *leg, uint64_t now_ns) {
  return (now_ns - leg->born_ns) / 1000 * leg->rate_hz / 1000000;
}

/* ---- birth -------------------------------------------------------------------------------------------------------- */

static void on_deadline(cal_timer *timer) {
  cal_leg *leg = leg_of_timer(timer, offsetof(cal_leg, deadline));
  cal_leg_finish(leg, CAL_LEG_NO_START, "the start message did not come in time");
}

static void on_too_long(cal_timer *timer) {
  cal_leg *leg = leg_of_timer(timer, offsetof(cal_leg, longest));
  cal_leg_finish(leg, CAL_LEG_TOO_LONG, "the longest call length was reached");
}

static cal_leg *leg_new(cal_io *io, cal_call *call, leg_state state) {
  cal_leg *leg = cal_alloc(sizeof *leg);
  leg->io = io;
  leg->call = call;
  leg->about = cal_call_about(call);
  leg->state = state;
  leg->wire = leg->about->wire;
  leg->rate_hz = cal_wire_rate_hz(leg->wire);
  leg->frame_samples = cal_wire_frame_samples(leg->wire);
  leg->born_ns = cal_loop_now_ns(cal_io_loop(io));
  leg->close_code = 1000;
  cal_list_init(&leg->in_wheel);
  cal_wire_state_init(&leg->wire_state);
  leg->id = cal_io_add_leg(io, leg);
  cal_timer_start(cal_io_loop(io), &leg->deadline, leg->born_ns + leg->about->start_deadline_ms * CAL_MS, on_deadline);
  return leg;
}

static void open_recording(cal_leg *leg);

static void take_command(void *context, cal_command *command) { cal_leg_command(context, command); }

/* The stream has started: from here on samples flow, and what the script has already asked for is done now. */
static void come_up(cal_leg *leg) {
  cal_loop *loop = cal_io_loop(leg->io);
  cal_timer_stop(loop, &leg->deadline);
  leg->state = LEG_UP;
  cal_timer_start(loop, &leg->longest, cal_loop_now_ns(loop) + leg->about->longest_s * CAL_S, on_too_long);
  cal_leg_ear_open(leg);
  cal_leg_voice_open(leg);
  open_recording(leg);
  cal_metric_add(gauge_legs(), 1);
  cal_buf text;
  cal_buf_init(&text, 4096);
  cal_buf_text(&text, "{\"stream\":\"");
  cal_json_escape(&text, cal_span_of(leg->wire_state.stream));
  cal_buf_text(&text, "\",\"call\":\"");
  cal_json_escape(&text, cal_span_of(leg->wire_state.call));
  cal_buf_format(&text, "\",\"rate\":%u}", leg->rate_hz);
  cal_event event = {.kind = CAL_EVENT_LEG_STARTED, .source = leg->id, .text = cal_buf_take(&text)};
  cal_call_event(leg->call, &event);
  cal_call_attach(leg->call, leg->id, cal_io_commands(leg->io), take_command, leg);
  if (leg->state == LEG_UP && leg->about->role == CAL_ROLE_CARRIER) cal_io_wheel_add(leg->io, leg);
  if (leg->state == LEG_UP) cal_leg_tick(leg, cal_loop_now_ns(loop));
}

/* ---- the socket --------------------------------------------------------------------------------------------------- */

static void on_malformed(cal_leg *leg, const char *reason) {
  leg->malformed++;
  cal_metric_add(cal_counter("callisto_malformed_messages_total", "messages on media sockets that made no sense"), 1);
  if (leg->malformed == 1) cal_log(CAL_LOG_WARN, "leg", leg->about->name, "a message makes no sense: %s", reason);
  if (++leg->malformed_in_a_row > MALFORMED_IN_A_ROW)
    cal_leg_finish(leg, CAL_LEG_MALFORMED, "too many messages in a row make no sense");
}

static void on_start(cal_leg *leg) {
  if (leg->state != LEG_WAITING) {
    on_malformed(leg, "a second start message");
    return;
  }
  const char *expected = leg->about->carrier_call;
  if (expected && *expected && *leg->wire_state.call && strcmp(expected, leg->wire_state.call)) {
    cal_leg_finish(leg, CAL_LEG_WRONG_START, "the stream belongs to another call than the token");
    return;
  }
  come_up(leg);
}

static void on_text(cal_leg *leg, const char *data, size_t bytes) {
  cal_event event = {.kind = CAL_EVENT_LEG_TEXT, .source = leg->id, .text = cal_strndup(data, bytes)};
  cal_call_event(leg->call, &event);
}

/* Role CARRIER: marks and clears belong to the queue, in order with the audio. Role AGENT: an echo confirms. */
static void on_mark(cal_leg *leg, const char *name) {
  unsigned number;
  if (leg->queue)
    cal_carrier_queue_mark(leg->queue, name, strlen(name));
  else if (leg->state == LEG_UP && sscanf(name, "c%u", &number) == 1) {
    cal_playout_advance(&leg->playout, cal_leg_clock(leg, cal_loop_now_ns(cal_io_loop(leg->io))));
    cal_playout_confirm(&leg->playout, number);
    cal_leg_tick(leg, cal_loop_now_ns(cal_io_loop(leg->io)));
  }
}

static void on_message(void *context, char *data, size_t bytes, int is_binary) {
  cal_leg *leg = context;
  if (leg->state == LEG_OVER) return;
  leg->messages_in++;
  size_t room = cal_wire_samples_bound(leg->wire, bytes);
  int16_t *samples = cal_io_samples(leg->io, room);
  cal_wire_event event;
  cal_wire_kind kind = cal_wire_read(leg->wire, &leg->wire_state, data, bytes, is_binary, &event, samples, room);
  if (kind != CAL_WIRE_MALFORMED) leg->malformed_in_a_row = 0;
  switch (kind) {
  case CAL_WIRE_AUDIO:
    if (leg->state != LEG_UP) break; /* media may run ahead of its start message */
    if (leg->queue)
      cal_carrier_queue_audio(leg->queue, samples, event.samples);
    else
      cal_leg_hear(leg, samples, event.samples);
    break;
  case CAL_WIRE_START: on_start(leg); break;
  case CAL_WIRE_MARK: on_mark(leg, event.name); break;
  case CAL_WIRE_DTMF: cal_leg_digits_in(leg, event.name, 0); break;
  case CAL_WIRE_STOP: cal_leg_finish(leg, CAL_LEG_HANGUP, "the other side ended the stream"); break;
  case CAL_WIRE_CLEAR:
    if (leg->queue) cal_carrier_queue_clear(leg->queue);
    break;
  case CAL_WIRE_OTHER: on_text(leg, data, bytes); break;
  case CAL_WIRE_IGNORED: break;
  case CAL_WIRE_MALFORMED: on_malformed(leg, event.reason); break;
  case CAL_WIRE_WRONG_FORMAT: cal_leg_finish(leg, CAL_LEG_WRONG_START, event.reason); break;
  }
}

static void leg_free(cal_leg *leg) {
  cal_io_remove_leg(leg->io, leg);
  cal_unref(leg->call);
  cal_free(leg);
}

static void on_close(void *context, const cal_ws_end *end) {
  cal_leg *leg = context;
  leg->ws = NULL;
  if (leg->state == LEG_CONNECTING)
    cal_leg_finish(leg, CAL_LEG_NO_SOCKET, end->text);
  else if (leg->state != LEG_OVER)
    cal_leg_finish(leg, end->is_clean ? CAL_LEG_HANGUP : CAL_LEG_LOST, end->text);
  leg_free(leg);
}

static void on_open(void *context, cal_ws *ws) {
  cal_leg *leg = context;
  leg->ws = ws;
  if (leg->state == LEG_OVER) {
    cal_ws_close(ws, 1000, "");
    return;
  }
  if (leg->about->role == CAL_ROLE_AGENT) return;
  for (const char *const *text = cal_call_dial(leg->call)->opening; text && *text; text++)
    cal_leg_send_text(leg, *text, strlen(*text));
  come_up(leg);
}

static cal_ws_handlers handlers_of(cal_leg *leg) {
  return (cal_ws_handlers){.context = leg, .on_open = on_open, .on_message = on_message, .on_close = on_close};
}

cal_leg *cal_leg_accept(cal_io *io, cal_call *call, cal_ws_handlers *handlers) {
  cal_leg *leg = leg_new(io, call, LEG_WAITING);
  *handlers = handlers_of(leg);
  return leg;
}

#define URL_HEADERS 16

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

void cal_leg_dial(cal_io *io, cal_call *call) {
  cal_leg *leg = leg_new(io, call, LEG_CONNECTING);
  cal_http_field fields[URL_HEADERS];
  const cal_dial *dial = cal_call_dial(call);
  cal_wire_state_set(&leg->wire_state, dial->stream, dial->carrier_call);
  if (dial->sequence) leg->wire_state.seq = dial->sequence;
  cal_ws_connect_options options = {.url = dial->url,
                                    .fields = fields,
                                    .field_count = split_headers(dial->url_headers, fields),
                                    .timeout_ms = leg->about->start_deadline_ms,
                                    .handlers = handlers_of(leg)};
  if (cal_ws_connect(&leg->ws, cal_io_net(io), &options) < 0) {
    cal_leg_finish(leg, CAL_LEG_NO_SOCKET, cal_error_text());
    leg_free(leg);
  }
}

/* ---- commands ------------------------------------------------------------------------------------------------------ */

static void declare(cal_leg *leg, const cal_command *command) {
  uint32_t flags = 0;
  if (command->flags & CAL_COMMAND_INTERRUPTIBLE) flags |= CAL_UTTERANCE_INTERRUPTIBLE;
  if (command->flags & CAL_COMMAND_DIGITS_STOP) flags |= CAL_UTTERANCE_DIGITS_STOP;
  if (cal_playout_declare(&leg->playout, command->utterance, flags)) {
    cal_event event = {.kind = CAL_EVENT_UTTERANCE_ENDED,
                       .utterance = command->utterance,
                       .flags = CAL_EVENT_INTERRUPTED,
                       .code = -ENOBUFS,
                       .text = cal_strdup("")};
    cal_call_event(leg->call, &event);
  }
}

static void append(cal_leg *leg, cal_command *command) {
  if (command->code) cal_log(CAL_LOG_ERROR, "leg", leg->about->name, "the voice failed: %s", cal_error_name(command->code));
  if (command->clip && cal_playout_append(&leg->playout, command->utterance, command->clip)) cal_unref(command->clip);
  command->clip = NULL;
  if (command->flags & CAL_COMMAND_LAST) cal_playout_complete(&leg->playout, command->utterance);
}

static void close_leg(cal_leg *leg, const cal_command *command) {
  if (command->code) leg->close_code = command->code;
  if (command->flags & CAL_COMMAND_DRAIN)
    leg->is_draining = 1;
  else
    cal_leg_finish(leg, CAL_LEG_CLOSED, "closed by the script");
}

void cal_leg_command(cal_leg *leg, cal_command *command) {
  if (leg->state != LEG_UP) {
    cal_command_drop(command);
    return;
  }
  uint64_t now_ns = cal_loop_now_ns(cal_io_loop(leg->io));
  cal_playout_advance(&leg->playout, cal_leg_clock(leg, now_ns));
  switch (command->kind) {
  case CAL_COMMAND_LEG_UTTERANCE: declare(leg, command); break;
  case CAL_COMMAND_LEG_AUDIO: append(leg, command); break;
  case CAL_COMMAND_LEG_STOP: cal_leg_stop(leg, command->utterance); break;
  case CAL_COMMAND_LEG_LISTEN: cal_leg_listen(leg, &command->listen); break;
  case CAL_COMMAND_LEG_DIGITS: cal_leg_say_digits(leg, command->text); break;
  case CAL_COMMAND_LEG_TEXT: cal_leg_send_text(leg, command->text, strlen(command->text)); break;
  case CAL_COMMAND_LEG_RECORDING:
    if (leg->recorder) cal_recorder_pause(leg->recorder, !(command->flags & CAL_COMMAND_ON));
    break;
  case CAL_COMMAND_LEG_CLOSE: close_leg(leg, command); break;
  default: break;
  }
  cal_command_drop(command);
  if (leg->state == LEG_UP) cal_leg_tick(leg, now_ns);
}

void cal_leg_tick(cal_leg *leg, uint64_t now_ns) {
  cal_playout_advance(&leg->playout, cal_leg_clock(leg, now_ns));
  cal_leg_voice_tick(leg, now_ns);
  if (leg->state == LEG_UP && leg->is_draining && cal_playout_is_drained(&leg->playout)) {
    cal_leg_finish(leg, CAL_LEG_CLOSED, "closed after everything was said");
    return;
  }
  int is_busy = leg->queue || leg->is_draining || !cal_playout_is_drained(&leg->playout);
  if (is_busy)
    cal_io_wheel_add(leg->io, leg);
  else
    cal_io_wheel_remove(leg->io, leg);
}

/* ---- recording ----------------------------------------------------------------------------------------------------- */

static void write_block(void *context, uint8_t *block, size_t bytes) {
  cal_leg *leg = context;
  const cal_io_hooks *hooks = cal_io_hooks_of(leg->io);
  if (!leg->recording)
    leg->recording = hooks->recording_open(hooks->context, leg->about->recording_path, leg->about->name);
  if (leg->recording)
    hooks->recording_write(hooks->context, leg->recording, block, bytes);
  else
    cal_free(block);
}

static void open_recording(cal_leg *leg) {
  if (!leg->about->recording_path || leg->about->role != CAL_ROLE_AGENT) return;
  leg->recorder = cal_recorder_new(
      &(cal_recorder_options){.rate_hz = leg->rate_hz, .on_block = write_block, .context = leg});
}

static void close_recording(cal_leg *leg) {
  if (!leg->recorder) return;
  const cal_io_hooks *hooks = cal_io_hooks_of(leg->io);
  cal_recorder_end end;
  cal_recorder_finish(leg->recorder, &end);
  if (leg->recording) hooks->recording_close(hooks->context, leg->recording, end.header, sizeof end.header, end.frames);
  leg->recording = NULL;
  leg->recorder = cal_recorder_free(leg->recorder);
}

/* ---- end ------------------------------------------------------------------------------------------------------------ */

static char *end_report(cal_leg *leg, cal_leg_end end, const char *text) {
  cal_buf report;
  cal_buf_init(&report, 4096);
  cal_buf_format(&report, "{\"reason\":\"%s\",\"text\":\"", ends[end].word);
  cal_json_escape(&report, cal_span_of(text));
  cal_buf_format(&report,
                 "\",\"messages_in\":%llu,\"frames_out\":%llu,\"underruns\":%llu,\"malformed\":%llu,"
                 "\"late_us\":%llu,\"lost_marks\":%llu,\"milliseconds\":%llu}",
                 (unsigned long long)leg->messages_in, (unsigned long long)leg->frames_out,
                 (unsigned long long)leg->playout.underruns, (unsigned long long)leg->malformed,
                 (unsigned long long)(leg->pace.late_ns / 1000), (unsigned long long)leg->playout.lost_marks,
                 (unsigned long long)((cal_loop_now_ns(cal_io_loop(leg->io)) - leg->born_ns) / CAL_MS));
  return cal_buf_take(&report);
}

void cal_leg_finish(cal_leg *leg, cal_leg_end end, const char *text) {
  if (leg->state == LEG_OVER) return;
  int was_up = leg->state == LEG_UP;
  cal_loop *loop = cal_io_loop(leg->io);
  leg->state = LEG_OVER;
  cal_timer_stop(loop, &leg->deadline);
  cal_timer_stop(loop, &leg->longest);
  cal_io_wheel_remove(leg->io, leg);
  cal_event event = {.kind = CAL_EVENT_LEG_ENDED, .source = leg->id, .code = (int)end};
  if (was_up) {
    cal_leg_voice_close(leg);
    cal_leg_ear_close(leg);
    close_recording(leg);
    cal_metric_add(gauge_legs(), -1);
  }
  event.text = end_report(leg, end, text);
  cal_log(CAL_LOG_INFO, "leg", leg->about->name, "ended (%s): %s", ends[end].word, text);
  cal_call_detach(leg->call);
  cal_call_event(leg->call, &event);
  const char *closing = cal_call_dial(leg->call)->closing;
  if (was_up && closing && end == CAL_LEG_CLOSED) cal_leg_send_text(leg, closing, strlen(closing));
  if (leg->ws) cal_ws_close(leg->ws, end == CAL_LEG_CLOSED ? leg->close_code : ends[end].close_code, text);
}
