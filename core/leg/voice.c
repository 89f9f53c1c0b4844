#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "leg/leg_private.h"

#define LEAST_STOCK 2 /* frames the carrier must hold while background plays in a pause of the voice */
#define STILL_MS 1000 /* an ear that waits for a longer pause supplies the rest itself (ear.c) */
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
                        .flags = (end->is_interrupted ? CAL_EVENT_INTERRUPTED : 0) |
                                 (leg->state == LEG_OVER ? CAL_EVENT_WITH_LEG : 0),
                        .code = failure_of(leg, end->id),
                        .number = (int64_t)end->heard_samples * 1000 / leg->rate_hz,
                        .text = cal_strndup(end->text_bytes ? end->text : "", end->text_bytes)});
}

static void send_mark(void *context, const char *name, size_t bytes);

void cal_leg_voice_open(cal_leg *leg) {
  int is_carrier = leg->about->role == CAL_ROLE_CARRIER;
  leg->can_clear = !is_carrier && cal_wire_says(leg->wire, CAL_WIRE_CLEAR);
  leg->says_digits = cal_wire_says(leg->wire, CAL_WIRE_DTMF);
  cal_playout_init(
      &leg->playout,
      &(cal_playout_options){.rate_hz = leg->rate_hz,
                             .echoes_marks = !is_carrier && cal_wire_says(leg->wire, CAL_WIRE_MARK) &&
                                             cal_wire_hears(leg->wire, CAL_WIRE_MARK),
                             .tells_dry = !is_carrier && cal_wire_hears(leg->wire, CAL_WIRE_MARK) &&
                                          !cal_wire_marks_have_names(leg->wire),
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
  if (!is_carrier) return;
  leg->queue = cal_carrier_queue_new(leg->rate_hz, send_mark, leg);
  const cal_hearing *hearing = &cal_io_hooks_of(leg->io)->hearing;
  if (hearing->open) leg->hearing = hearing->open(hearing->context, leg->about->name, leg->rate_hz);
}

void cal_leg_voice_close(cal_leg *leg) {
  cal_leg_advance(leg);
  cal_playout_finish(&leg->playout);
  cal_playout_done(&leg->playout);
  cal_background_done(&leg->background);
  if (leg->queue) {
    leg->overflow = cal_carrier_queue_dropped(leg->queue);
    leg->unplayed = cal_carrier_queue_waiting(leg->queue);
  }
  leg->queue = cal_carrier_queue_free(leg->queue);
  if (leg->hearing) cal_io_hooks_of(leg->io)->hearing.close(leg->hearing);
  leg->hearing = NULL;
}

/* ---- sending */

static void transmit(cal_leg *leg, char *message, ssize_t bytes, int kind) {
  if (bytes <= 0 || !leg->ws) return;
  cal_leg_trace(leg, 1, message, (size_t)bytes, kind & CAL_WS_BINARY);
  cal_ws_send(leg->ws, message, (size_t)bytes, kind);
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

/* ---- the background */

void cal_leg_background(cal_leg *leg, const cal_command *command) {
  cal_clip *clip = command->background.clip;
  if (command->code < leg->background_number) return;
  leg->background_number = command->code;
  if (!(command->flags & CAL_COMMAND_ON)) {
    leg->background_ends = 1;
    cal_background_gain(&leg->background, 0);
  }
  if (!clip) return;
  if (clip->rate_hz != leg->rate_hz) {
    cal_log(CAL_LOG_WARN, "leg", leg->about->name, "a background of %u Hz for a leg of %u Hz", clip->rate_hz,
            leg->rate_hz);
    return;
  }
  if (clip != leg->background.clip) {
    cal_background_done(&leg->background);
    cal_background_init(&leg->background, clip, 0);
  }
  leg->background_ends = 0;
  cal_background_gain(&leg->background, command->background.gain_q12);
}

static void mix_background(cal_leg *leg, int16_t *frame) {
  cal_background_mix(&leg->background, frame, leg->frame_samples);
  if (!leg->background_ends) return;
  leg->background_ends = 0;
  cal_background_done(&leg->background);
}

/* ---- the tick */

static void send_sound(cal_leg *leg, int16_t *frame) {
  mix_background(leg, frame);
  send_frame(leg, frame, leg->frame_samples);
  cal_leg_record_out(leg, frame, leg->frame_samples);
  cal_pace_sent(&leg->pace, 1);
}

/* Nothing to say: then the background goes on alone. A voice that only pauses would have to wait behind it,
 * so it gets as long as the carrier's stock lasts. */
static int send_background(cal_leg *leg, int16_t *frame) {
  uint32_t samples = (uint32_t)leg->frame_samples;
  if (!leg->background.clip) {
    cal_pace_idle(&leg->pace);
    return 0;
  }
  if (!cal_playout_is_drained(&leg->playout) && cal_playout_ahead(&leg->playout) >= LEAST_STOCK * samples)
    return 0;
  cal_playout_filler(&leg->playout, samples);
  send_sound(leg, frame);
  return 1;
}

static int send_next(cal_leg *leg) {
  int16_t *frame = cal_io_samples(leg->io, leg->frame_samples);
  cal_playout_frame pulled = cal_playout_pull(&leg->playout, frame, (uint32_t)leg->frame_samples);
  if (pulled.samples) send_sound(leg, frame);
  send_marks(leg, &pulled);
  return pulled.samples > 0 || send_background(leg, frame);
}

/* The schedule lies on the wheel's grid, or every frame would be late by the way to the next tick. */
static void tick_agent(cal_leg *leg, uint64_t now_ns) {
  if (now_ns < leg->hold_until_ns) return;
  uint32_t due = cal_pace_due(&leg->pace, now_ns - now_ns % CAL_SLOT_NS);
  for (uint32_t i = 0; i < due; i++)
    if (!send_next(leg)) return;
}

/* A carrier in a spec is one of those that send nothing while nobody speaks. */
static int is_long(const cal_leg *leg, uint32_t frames) {
  return leg->hearing && (uint64_t)frames * leg->frame_samples > (uint64_t)leg->rate_hz * STILL_MS / 1000;
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
    leg->silent_frames = pulled.samples || leg->background.clip ? 0 : leg->silent_frames + 1;
    mix_background(leg, frame);
    if (!is_long(leg, leg->silent_frames)) send_frame(leg, frame, leg->frame_samples);
    size_t played = cal_carrier_queue_pull(leg->queue, frame, leg->frame_samples);
    cal_leg_tell_playing(leg, played > 0);
    leg->still_frames = leg->silent_frames && !played ? leg->still_frames + 1 : 0;
    if (leg->hearing) cal_io_hooks_of(leg->io)->hearing.put(leg->hearing, frame, leg->frame_samples);
    cal_leg_hear(leg, frame, leg->frame_samples);
    cal_pace_sent(&leg->pace, 1);
  }
  if (cal_leg_is_still(leg)) cal_pace_idle(&leg->pace);
}

int cal_leg_is_still(const cal_leg *leg) {
  return is_long(leg, leg->still_frames) && !(leg->endpoint && cal_endpoint_is_speaking(leg->endpoint));
}

/* Nothing leaves while the socket closes, so nothing may be counted as said. */
void cal_leg_voice_tick(cal_leg *leg, uint64_t now_ns) {
  if (!leg->ws || !cal_ws_is_open(leg->ws)) return;
  if (leg->queue)
    tick_carrier(leg, now_ns);
  else
    tick_agent(leg, now_ns);
}

/* ---- stopping */

/* What waits in our own queue is part of what the carrier is told to forget; what stays is sent again by the
 * playout, on a schedule that begins now, because the carrier holds nothing any more. */
static void flush(cal_leg *leg, const cal_playout_cleared *cleared, uint32_t ahead) {
  if (!leg->ws || !cleared->utterances) return;
  if (cleared->flush || cal_playout_is_drained(&leg->playout)) cal_ws_clear_audio(leg->ws);
  if (!cleared->flush) return;
  size_t room = cal_wire_control_room(leg->wire);
  char *message = cal_io_message(leg->io, room);
  transmit(leg, message, cal_wire_write_clear(leg->wire, &leg->wire_state, message, room), CAL_WS_TEXT);
  leg->pace.t0_ns = 0;
  cal_background_rewind(&leg->background, ahead);
  cal_leg_record_cut(leg);
}

void cal_leg_stop(cal_leg *leg, uint32_t utterance) {
  uint32_t ahead = cal_playout_ahead(&leg->playout);
  cal_playout_cleared cleared = cal_playout_clear(&leg->playout, utterance, 0);
  flush(leg, &cleared, ahead);
}

/* In the tick of the decision, without asking a script. Only what is being said can be interrupted: a prompt
 * that waits behind an uninterruptible greeting stays. */
void cal_leg_interrupt(cal_leg *leg, uint32_t flag) {
  uint32_t flags = 0;
  cal_leg_advance(leg);
  if (!cal_playout_speaking(&leg->playout, &flags) || !(flags & flag)) return;
  uint32_t ahead = cal_playout_ahead(&leg->playout);
  cal_playout_cleared cleared = cal_playout_clear(&leg->playout, 0, flag);
  flush(leg, &cleared, ahead);
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
