#include "io/legs.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "audio/playout.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/say.h"
#include "io/talkers.h"
#include "leg/port_ws.h"

#define STARTED_BYTES 4096
#define ERROR_BYTES 4096
#define REPORT_BYTES 8192 /* without the last message */

struct cal_legs {
  cal_legs_options options; /* its host is what legs borrow */
  cal_slots *slots;
  cal_scratch samples, message;
  atomic_uint count;
};

/* A leg and the call it belongs to: the leg's owner. */
typedef struct member {
  cal_legs *legs;
  cal_leg *leg;
  cal_party *party; /* one reference */
  cal_id id;
  cal_talkers *talkers; /* NULL: no vendor speaks or listens */
} member;

/* ---- what the leg tells */

static void post(const member *m, cal_event event) {
  event.source = m->id;
  cal_party_event(m->party, &event);
}

static void take_command(void *context, cal_command *command);

static void on_up(void *owner, const char *stream, const char *call, uint32_t rate_hz) {
  member *m = owner;
  cal_buf about;
  cal_buf_init(&about, STARTED_BYTES);
  cal_value_open(&about, CAL_VALUE_TABLE);
  cal_event_put_said(&about, "stream", stream);
  cal_event_put_said(&about, "call", call);
  cal_value_put_number(&about, "rate", rate_hz);
  cal_value_close(&about);
  post(m, (cal_event){.kind = CAL_EVENT_LEG_STARTED, .value = cal_value_take(&about)});
  cal_party_attach(m->party, m->id, m->legs->options.commands, take_command, m);
}

static void on_text(void *owner, const char *text, size_t bytes) {
  post(owner, (cal_event){.kind = CAL_EVENT_LEG_TEXT, .text = cal_strndup(text, bytes)});
}

static void on_error(void *owner, const char *code, const char *text) {
  cal_buf about;
  cal_buf_init(&about, ERROR_BYTES);
  cal_value_open(&about, CAL_VALUE_TABLE);
  cal_event_put_said(&about, "code", code);
  cal_event_put_said(&about, "text", text);
  cal_value_close(&about);
  post(owner, (cal_event){.kind = CAL_EVENT_LEG_ERROR, .value = cal_value_take(&about)});
}

static void on_key(void *owner, char key, int is_in_band) {
  uint32_t flags = is_in_band ? CAL_EVENT_IN_BAND : 0;
  post(owner, (cal_event){.kind = CAL_EVENT_DIGIT, .number = key, .flags = flags});
}

static void on_speech_started(void *owner, int64_t at_ms) {
  post(owner, (cal_event){.kind = CAL_EVENT_SPEECH_STARTED, .number = at_ms});
}

static void on_speech_stopped(void *owner, int64_t speech_ms) {
  post(owner, (cal_event){.kind = CAL_EVENT_SPEECH_STOPPED, .number = speech_ms});
}

static void on_speech(void *owner, cal_clip *clip, void *grammar, int64_t speech_ms) {
  const member *m = owner;
  cal_hear_clip(m->legs->options.ear, m->party, clip, grammar, speech_ms);
}

static void on_utterance_started(void *owner, uint32_t utterance) {
  post(owner, (cal_event){.kind = CAL_EVENT_UTTERANCE_STARTED, .utterance = utterance});
}

static cal_event event_of(cal_event_kind kind, const cal_leg_said *said) {
  return (cal_event){.kind = kind,
                     .utterance = said->utterance,
                     .flags = (said->is_interrupted ? CAL_EVENT_INTERRUPTED : 0) |
                              (said->proof == CAL_PROOF_MARK ? CAL_EVENT_PROVEN : 0) |
                              (said->proof == CAL_PROOF_NONE ? CAL_EVENT_UNPROVEN : 0) |
                              (said->ends_with_leg ? CAL_EVENT_WITH_LEG : 0),
                     .code = said->code,
                     .number = said->heard_ms,
                     .text = cal_strndup(said->text, said->text_bytes)};
}

static void on_utterance_paused(void *owner, const cal_leg_said *so_far) {
  post(owner, event_of(CAL_EVENT_UTTERANCE_PAUSED, so_far));
}

static void on_utterance_ended(void *owner, const cal_leg_said *said) {
  const member *m = owner;
  if (m->talkers) cal_talkers_cancel(m->talkers, said->utterance);
  post(m, event_of(CAL_EVENT_UTTERANCE_ENDED, said));
}

static cal_value *value_of(const cal_leg_report *r) {
  const struct {
    const char *name;
    uint64_t count;
  } counts[] = {
      {"messages_in", r->messages_in}, {"frames_out", r->frames_out}, {"underruns", r->underruns},
      {"malformed", r->malformed},     {"late_us", r->late_us},       {"lost_marks", r->lost_marks},
      {"overflow", r->overflow},       {"clears", r->clears},         {"unplayed_ms", r->unplayed_ms},
      {"too_much", r->too_much},       {"errors", r->errors},         {"milliseconds", r->milliseconds}};
  cal_buf report;
  cal_buf_init(&report, REPORT_BYTES + (r->last ? 3 * strlen(r->last) : 0));
  cal_value_open(&report, CAL_VALUE_TABLE);
  cal_value_put_text(&report, "reason", cal_leg_end_word(r->end));
  cal_event_put_said(&report, "text", r->text);
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    cal_value_put_number(&report, counts[i].name, (double)counts[i].count);
  cal_event_put_said(&report, "message", r->last);
  cal_value_close(&report);
  return cal_value_take(&report);
}

/* After this the call may get another leg, on another thread. */
static void on_ended(void *owner, const cal_leg_report *report) {
  member *m = owner;
  m->talkers = cal_talkers_free(m->talkers);
  cal_party_detach(m->party);
  post(m, (cal_event){.kind = CAL_EVENT_LEG_ENDED, .code = (int)report->end, .value = value_of(report)});
}

static void on_gone(void *owner) {
  member *m = owner;
  cal_slots_remove(m->legs->slots, m->id);
  atomic_fetch_sub(&m->legs->count, 1);
  cal_unref(m->party);
  cal_free(m);
}

static const cal_leg_hooks hooks = {.up = on_up,
                                    .text = on_text,
                                    .error = on_error,
                                    .key = on_key,
                                    .speech_started = on_speech_started,
                                    .speech_stopped = on_speech_stopped,
                                    .speech = on_speech,
                                    .utterance_started = on_utterance_started,
                                    .utterance_paused = on_utterance_paused,
                                    .utterance_ended = on_utterance_ended,
                                    .ended = on_ended,
                                    .gone = on_gone};

/* ---- what the call asks */

static uint32_t utterance_flags(uint32_t flags) {
  return (flags & CAL_COMMAND_INTERRUPTIBLE ? CAL_UTTERANCE_INTERRUPTIBLE : 0) |
         (flags & CAL_COMMAND_DIGITS_STOP ? CAL_UTTERANCE_DIGITS_STOP : 0) |
         (flags & CAL_COMMAND_REVERSIBLE ? CAL_UTTERANCE_REVERSIBLE : 0);
}

static void join(const member *m, cal_command *command) {
  cal_live *live = command->object;
  int code =
      command->kind == CAL_COMMAND_LEG_SPEAK ? cal_leg_speak(m->leg, live) : cal_leg_hear(m->leg, live);
  if (code < 0) {
    cal_log(CAL_LOG_WARN, "leg", cal_party_about(m->party)->name, "not joined: %s", cal_error_text());
    cal_live_close(live);
    return;
  }
  command->object = NULL;
}

static cal_talkers *talkers_of(member *m) {
  if (!m->talkers)
    m->talkers = cal_talkers_new(&(cal_talkers_options){.host = cal_legs_host(m->legs),
                                                        .leg = m->leg,
                                                        .party = m->party,
                                                        .leg_id = m->id,
                                                        .voice = m->legs->options.voice,
                                                        .breakers = m->legs->options.breakers});
  return m->talkers;
}

static void carry_out(member *m, cal_command *command) {
  cal_leg *leg = m->leg;
  int is_on = (command->flags & CAL_COMMAND_ON) != 0;
  switch (command->kind) {
  case CAL_COMMAND_LEG_UTTERANCE:
    cal_leg_declare(leg, command->utterance, utterance_flags(command->flags));
    break;
  case CAL_COMMAND_LEG_AUDIO:
    cal_leg_append(leg, command->utterance, command->clip, (command->flags & CAL_COMMAND_LAST) != 0,
                   command->code);
    command->clip = NULL;
    break;
  case CAL_COMMAND_LEG_SAY:
    cal_talkers_say(talkers_of(m), command->utterance, command->saying.text, command->saying.voice);
    break;
  case CAL_COMMAND_LEG_VENDOR:
    cal_talkers_open(talkers_of(m), command->object);
    command->object = NULL;
    break;
  case CAL_COMMAND_LEG_STOP:
    cal_leg_stop(leg, command->utterance);
    break;
  case CAL_COMMAND_LEG_PAUSE:
    cal_leg_pause(leg, is_on);
    break;
  case CAL_COMMAND_LEG_LISTEN:
    cal_leg_listen(leg, &command->listen);
    break;
  case CAL_COMMAND_LEG_DIGITS:
    cal_leg_press(leg, command->text);
    break;
  case CAL_COMMAND_LEG_TEXT:
    cal_leg_text(leg, command->text, (command->flags & CAL_COMMAND_NUMBERED) != 0);
    break;
  case CAL_COMMAND_LEG_BYE:
    cal_leg_set_bye(leg, command->text);
    break;
  case CAL_COMMAND_LEG_BACKGROUND:
    cal_leg_background(leg, command->code, is_on, command->background.clip, command->background.gain_q12);
    break;
  case CAL_COMMAND_LEG_RECORDING:
    cal_leg_record(leg, is_on);
    break;
  case CAL_COMMAND_LEG_SPEAK:
  case CAL_COMMAND_LEG_HEAR:
    join(m, command);
    break;
  case CAL_COMMAND_LEG_CLOSE:
    cal_leg_close(leg, command->code, (command->flags & CAL_COMMAND_DRAIN) != 0);
    break;
  default:
    break;
  }
}

static void take_command(void *context, cal_command *command) {
  member *m = context;
  if (cal_leg_is_up(m->leg)) {
    cal_leg_advance(m->leg);
    carry_out(m, command);
    cal_leg_tick(m->leg);
  }
  cal_command_drop(command);
}

void cal_legs_command(cal_legs *legs, cal_command *command) {
  member *m = cal_slots_get(legs->slots, command->target);
  if (m)
    take_command(m, command);
  else
    cal_command_drop(command);
}

/* ---- life */

cal_legs *cal_legs_new(const cal_legs_options *options) {
  cal_legs *legs = cal_alloc(sizeof *legs);
  legs->options = *options;
  legs->slots = cal_slots_new(options->ceiling, options->tag);
  cal_host *host = &legs->options.host;
  host->wheel = cal_wheel_new(host->loop);
  host->samples = &legs->samples;
  host->message = &legs->message;
  return legs;
}

cal_legs *cal_legs_free(cal_legs *legs) {
  if (!legs) return NULL;
  cal_slots_free(legs->slots);
  cal_wheel_free(legs->options.host.wheel);
  cal_free(legs->samples.memory);
  cal_free(legs->message.memory);
  return cal_free(legs);
}

const cal_host *cal_legs_host(const cal_legs *legs) { return &legs->options.host; }
uint32_t cal_legs_count(const cal_legs *legs) { return atomic_load(&legs->count); }

void cal_legs_end(cal_legs *legs, const char *text) {
  for (cal_id id = 0; (id = cal_slots_next(legs->slots, id));) {
    member *m = cal_slots_get(legs->slots, id);
    cal_leg_finish(m->leg, CAL_LEG_CLOSED, text);
  }
}

/* ---- coming */

static cal_leg_options leg_options(const cal_party_options *about, member *m) {
  return (cal_leg_options){.role = about->role,
                           .name = about->name,
                           .recording_path = about->recording_path,
                           .bye = about->bye,
                           .lead_ms = about->lead_ms,
                           .longest_s = about->longest_s,
                           .hooks = &hooks,
                           .owner = m};
}

/* The call was begun. */
static cal_leg *add(cal_legs *legs, cal_party *party, cal_port *port) {
  member *m = cal_alloc(sizeof *m);
  cal_leg_options options = leg_options(cal_party_about(party), m);
  *m = (member){.legs = legs, .party = party, .id = cal_slots_add(legs->slots, m)};
  atomic_fetch_add(&legs->count, 1);
  return m->leg = cal_leg_new(cal_legs_host(legs), &options, port);
}

cal_leg *cal_legs_add(cal_legs *legs, cal_party *party, cal_port *port) {
  if (cal_party_begin(party) == 0) return add(legs, party, port);
  port->ops->free(port);
  return cal_unref(party);
}

static void miss(cal_party *party, cal_leg_end end, const char *text) {
  member m = {.party = party};
  cal_log(CAL_LOG_INFO, "leg", cal_party_about(party)->name, "ended (%s): %s", cal_leg_end_word(end), text);
  on_ended(&m, &(cal_leg_report){.end = end, .text = text});
}

void cal_legs_miss(cal_legs *legs, cal_party *party, cal_leg_end end, const char *text) {
  if (cal_party_begin(party) == 0) miss(party, end, text);
  cal_unref(party);
}

/* What the socket's port must know. Role CARRIER: what was said about where to dial; the ids its messages name
 * are known before the first one. `dial` keeps the texts; the call itself keeps the others. */
static int port_options(cal_port_ws_options *options, const cal_party_options *about, cal_party *party,
                        cal_dial *dial) {
  int is_carrier = about->role == CAL_ROLE_CARRIER;
  if (is_carrier && !dial) return cal_fail(-EINVAL, "nothing was said about where to dial");
  *options = (cal_port_ws_options){.name = about->name,
                                   .wire = about->wire,
                                   .is_watched = !is_carrier,
                                   .expected_call = about->carrier_call,
                                   .start_deadline_ms = about->start_deadline_ms,
                                   .texts = is_carrier ? (void *)dial : (void *)party};
  if (!is_carrier) return 0;
  if (dial->wire) options->wire = dial->wire;
  options->stream = dial->stream;
  options->call = dial->carrier_call;
  options->sequence = dial->sequence;
  options->opening = dial->opening;
  options->closing = dial->closing;
  options->url = dial->url;
  options->url_headers = dial->url_headers;
  return 0;
}

static int dial_port(cal_port **port, cal_legs *legs, const cal_port_ws_options *options) {
  if (cal_slots_count(legs->slots) >= legs->options.ceiling)
    return cal_fail(-ENOBUFS, "this thread has no room for another leg");
  return cal_port_ws_dial(port, cal_legs_host(legs), options);
}

/* With handlers: accepted; else dialled. A call whose port cannot be made has had its leg. */
static cal_leg *come(cal_legs *legs, cal_party *party, cal_ws_handlers *handlers) {
  cal_port_ws_options options;
  cal_port *port;
  cal_dial *dial = cal_party_dial(party);
  int code = port_options(&options, cal_party_about(party), party, dial);
  if (!code)
    code = handlers ? cal_port_ws_accept(&port, cal_legs_host(legs), &options, handlers)
                    : dial_port(&port, legs, &options);
  if (code) miss(party, CAL_LEG_NO_SOCKET, cal_error_text());
  cal_unref(dial);
  return code ? cal_unref(party) : add(legs, party, port);
}

cal_leg *cal_legs_accept(cal_legs *legs, cal_party *party, cal_ws_handlers *handlers) {
  return cal_party_begin(party) < 0 ? cal_unref(party) : come(legs, party, handlers);
}

void cal_legs_dial(cal_legs *legs, cal_party *party) {
  if (cal_party_begin(party) == 0) {
    come(legs, party, NULL);
    return;
  }
  cal_log(CAL_LOG_WARN, "leg", cal_party_about(party)->name, "not dialled: %s", cal_error_text());
  cal_unref(party);
}
