#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "call/leg_private.h"

#define OWN_UTTERANCES 0x70000000u /* above every number a script gives */

static void post(cal_leg *leg, cal_event event) { cal_call_event(leg->call, &event); }

static void on_started(void *context, uint32_t id) {
  if (id < OWN_UTTERANCES) post(context, (cal_event){.kind = CAL_EVENT_UTTERANCE_STARTED, .utterance = id});
}

void cal_leg_failed(cal_leg *leg, uint32_t utterance, int code) {
  uint32_t at = leg->failure_count++ % CAL_LEG_FAILURES;
  leg->failures[at].utterance = utterance;
  leg->failures[at].code = code;
}

static int failure_of(cal_leg *leg, uint32_t utterance) {
  int code = 0;
  for (int i = 0; i < CAL_LEG_FAILURES; i++) {
    if (leg->failures[i].utterance != utterance) continue;
    code = leg->failures[i].code;
    leg->failures[i].utterance = 0;
  }
  return code;
}

static void on_ended(void *context, const cal_playout_end *end) {
  cal_leg *leg = context;
  if (end->id >= OWN_UTTERANCES) return;
  post(leg, (cal_event){.kind = CAL_EVENT_UTTERANCE_ENDED,
                        .utterance = end->id,
                        .flags = end->is_interrupted ? CAL_EVENT_INTERRUPTED : 0,
                        .code = failure_of(leg, end->id),
                        .number = (int64_t)end->heard_samples * 1000 / leg->rate_hz,
                        .text = cal_strndup(end->text_bytes ? end->text : "", end->text_bytes)});
}

static void send_mark(void *context, const char *name, size_t bytes);

void cal_leg_voice_open(cal_leg *leg) {
  int is_carrier = leg->about->role == CAL_ROLE_CARRIER;
  leg->can_clear = !is_carrier && cal_wire_says(leg->wire, CAL_WIRE_CLEAR);
  leg->says_digits = cal_wire_says(leg->wire, CAL_WIRE_DTMF);
  cal_playout_init(&leg->playout,
                   &(cal_playout_options){.rate_hz = leg->rate_hz,
                                          .echoes_marks = !is_carrier &&
                                                          cal_wire_says(leg->wire, CAL_WIRE_MARK) &&
                                                          cal_wire_hears(leg->wire, CAL_WIRE_MARK),
                                          .can_flush = leg->can_clear,
                                          .delay_samples = is_carrier ? (uint32_t)leg->frame_samples : 0,
                                          .on_started = on_started,
                                          .on_ended = on_ended,
                                          .context = leg});
  uint64_t frame_ns = (uint64_t)leg->frame_samples * CAL_S / leg->rate_hz;
  uint32_t frame_ms = (uint32_t)(frame_ns / CAL_MS);
  cal_pace_init(&leg->pace, frame_ms < 1000 ? frame_ms : 1000, is_carrier ? 0 : leg->about->lead_ms, 0);
  leg->pace.frame_ns = frame_ns; /* a frame of an odd rate has no whole milliseconds */
  leg->own_utterance = OWN_UTTERANCES;
  if (is_carrier) leg->queue = cal_carrier_queue_new(leg->rate_hz, send_mark, leg);
}

void cal_leg_voice_close(cal_leg *leg) {
  cal_leg_advance(leg);
  cal_playout_finish(&leg->playout);
  cal_playout_done(&leg->playout);
  if (leg->queue) leg->overflow = cal_carrier_queue_dropped(leg->queue);
  leg->queue = cal_carrier_queue_free(leg->queue);
}

/* ---- sending
 * ----------------------------------------------------------------------------------------------------------
 */

static void transmit(cal_leg *leg, char *message, ssize_t bytes, int kind) {
  if (bytes > 0 && leg->ws) cal_ws_send(leg->ws, message, (size_t)bytes, kind);
}

void cal_leg_send_text(cal_leg *leg, const char *text, size_t bytes) {
  char *message = cal_io_message(leg->io, bytes);
  memcpy(message, text, bytes);
  transmit(leg, message, (ssize_t)bytes, CAL_WS_TEXT);
}

static void send_mark(void *context, const char *name, size_t bytes) {
  cal_leg *leg = context;
  if (!cal_wire_says(leg->wire, CAL_WIRE_MARK)) return;
  size_t room = cal_wire_control_room(leg->wire);
  char *message = cal_io_message(leg->io, room);
  transmit(leg, message, cal_wire_write_mark(leg->wire, &leg->wire_state, name, message, room), CAL_WS_TEXT);
}

static void send_frame(cal_leg *leg, const int16_t *frame, size_t count) {
  size_t room = cal_wire_audio_room(leg->wire, count);
  char *message = cal_io_message(leg->io, room);
  ssize_t bytes = cal_wire_write_audio(leg->wire, &leg->wire_state, frame, count, message, room);
  transmit(leg, message, bytes,
           (cal_wire_is_binary_out(leg->wire) ? CAL_WS_BINARY : CAL_WS_TEXT) | CAL_WS_AUDIO);
  leg->frames_out++;
}

static void send_marks(cal_leg *leg, const cal_playout_frame *frame) {
  for (uint32_t i = 0; i < frame->marks; i++) {
    char name[16];
    snprintf(name, sizeof name, "c%u", frame->mark + i);
    send_mark(leg, name, strlen(name));
  }
}

/* ---- the tick
 * ---------------------------------------------------------------------------------------------------------
 */

static int send_next(cal_leg *leg) {
  int16_t *frame = cal_io_samples(leg->io, leg->frame_samples);
  cal_playout_frame pulled = cal_playout_pull(&leg->playout, frame, (uint32_t)leg->frame_samples);
  if (pulled.samples) {
    send_frame(leg, frame, pulled.samples);
    cal_leg_record_out(leg, frame, pulled.samples);
    cal_pace_sent(&leg->pace, 1);
  }
  send_marks(leg, &pulled);
  if (!pulled.samples) cal_pace_idle(&leg->pace);
  return pulled.samples > 0;
}

/* The schedule lies on the wheel's grid, or every frame would be late by the way to the next tick. */
static void tick_agent(cal_leg *leg, uint64_t now_ns) {
  uint32_t due = cal_pace_due(&leg->pace, now_ns - now_ns % CAL_SLOT_NS);
  for (uint32_t i = 0; i < due; i++)
    if (!send_next(leg)) return;
}

/* The carrier's side sends a frame every tick, and plays what it was sent. */
static void tick_carrier(cal_leg *leg, uint64_t now_ns) {
  int16_t *frame = cal_io_samples(leg->io, leg->frame_samples);
  uint32_t due = cal_pace_due(&leg->pace, now_ns);
  /* Without a lead the schedule must lie where the wheel's ticks fall, or each of them would be late. */
  if (!leg->pace.frames) leg->pace.t0_ns -= leg->pace.t0_ns % CAL_SLOT_NS;
  for (uint32_t i = 0; i < due; i++) {
    cal_playout_frame pulled = cal_playout_pull(&leg->playout, frame, (uint32_t)leg->frame_samples);
    if (!pulled.samples)
      cal_playout_filler(&leg->playout, (uint32_t)leg->frame_samples); /* the frame is silent */
    send_frame(leg, frame, leg->frame_samples);
    cal_carrier_queue_pull(leg->queue, frame, leg->frame_samples);
    cal_leg_hear(leg, frame, leg->frame_samples);
    cal_pace_sent(&leg->pace, 1);
  }
}

/* Nothing leaves while the socket closes, so nothing may be counted as said. */
void cal_leg_voice_tick(cal_leg *leg, uint64_t now_ns) {
  if (!leg->ws || !cal_ws_is_open(leg->ws)) return;
  if (leg->queue)
    tick_carrier(leg, now_ns);
  else
    tick_agent(leg, now_ns);
}

/* ---- stopping
 * -----------------------------------------------------------------------------------------------------------
 */

/* What waits in our own queue is part of what the carrier is told to forget; what stays is sent again by the
 * playout, on a schedule that begins now, because the carrier holds nothing any more. */
static void flush(cal_leg *leg, const cal_playout_cleared *cleared) {
  if (!leg->ws || !cleared->utterances) return;
  if (cleared->flush || cal_playout_is_drained(&leg->playout)) cal_ws_clear_audio(leg->ws);
  if (!cleared->flush) return;
  size_t room = cal_wire_control_room(leg->wire);
  char *message = cal_io_message(leg->io, room);
  transmit(leg, message, cal_wire_write_clear(leg->wire, &leg->wire_state, message, room), CAL_WS_TEXT);
  leg->pace.t0_ns = 0;
  cal_leg_record_cut(leg);
}

void cal_leg_stop(cal_leg *leg, uint32_t utterance) {
  cal_playout_cleared cleared = cal_playout_clear(&leg->playout, utterance, 0);
  flush(leg, &cleared);
}

/* In the tick of the decision, without asking a script. Only what is being said can be interrupted: a prompt
 * that waits behind an uninterruptible greeting stays. */
void cal_leg_interrupt(cal_leg *leg, uint32_t flag) {
  uint32_t flags = 0;
  cal_leg_advance(leg);
  if (!cal_playout_speaking(&leg->playout, &flags) || !(flags & flag)) return;
  cal_playout_cleared cleared = cal_playout_clear(&leg->playout, 0, flag);
  flush(leg, &cleared);
}

void cal_leg_say_digits(cal_leg *leg, const char *keys) {
  if (leg->says_digits) {
    for (; *keys; keys++) {
      char one[2] = {*keys, 0};
      size_t room = cal_wire_control_room(leg->wire);
      char *message = cal_io_message(leg->io, room);
      transmit(leg, message, cal_wire_write_dtmf(leg->wire, &leg->wire_state, one, message, room),
               CAL_WS_TEXT);
    }
    return;
  }
  cal_clip *clip;
  if (cal_dtmf_clip(&clip, keys, 0, 0, leg->rate_hz) < 0) {
    cal_log(CAL_LOG_WARN, "leg", leg->about->name, "keys not sent: %s", cal_error_text());
    return;
  }
  uint32_t id = ++leg->own_utterance;
  if (cal_playout_declare(&leg->playout, id, CAL_UTTERANCE_KEEP) < 0 ||
      cal_playout_append(&leg->playout, id, clip) < 0)
    cal_unref(clip);
  cal_playout_complete(&leg->playout, id);
}
