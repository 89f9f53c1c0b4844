/* Role AGENT: we answer the carrier. What comes is used as it arrives; frames leave only while there is
 * something to say, ahead of real time; echoed marks prove what was heard. */
#include <stdio.h>
#include <string.h>

#include "leg/leg_private.h"

#define LEAST_STOCK 2 /* frames the carrier must hold while background plays in a pause of the voice */

static void begin(cal_leg *leg) {
  const cal_port *port = leg->port;
  cal_leg_voice_open(leg,
                     &(cal_playout_options){.echoes_marks = port->echoes_marks,
                                            .tells_dry = port->tells_dry,
                                            .can_flush = port->can_clear},
                     leg->options.lead_ms);
}

static void end(cal_leg *leg) {}

/* ---- the tick */

static void send_marks(cal_leg *leg, const cal_playout_frame *frame) {
  for (uint32_t i = 0; i < frame->marks; i++) {
    char name[16];
    snprintf(name, sizeof name, "c%u", frame->mark + i);
    leg->port->ops->mark(leg->port, name);
  }
}

static void send_sound(cal_leg *leg, int16_t *frame) {
  if (leg->background.clip) cal_leg_mix_background(leg, frame);
  cal_leg_send(leg, frame);
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
  uint32_t samples = (uint32_t)leg->frame_samples;
  int16_t *frame = cal_scratch_get(leg->host->samples, samples * sizeof *frame);
  cal_playout_frame pulled = cal_playout_pull(&leg->playout, frame, samples);
  int is_joined = leg->heard_count && cal_leg_mix_lines(leg, frame);
  if (is_joined && !pulled.samples) cal_playout_filler(&leg->playout, samples);
  if (is_joined || pulled.samples) send_sound(leg, frame);
  send_marks(leg, &pulled);
  return is_joined || pulled.samples || send_background(leg, frame);
}

/* The schedule lies on the wheel's grid, or every frame would be late by the way to the next tick. */
static void tick(cal_leg *leg, uint64_t now_ns) {
  if (now_ns < leg->port->hold_until_ns) return;
  uint32_t due = cal_pace_due(&leg->pace, now_ns - now_ns % CAL_WHEEL_SLOT_NS);
  for (uint32_t i = 0; i < due; i++)
    if (!send_next(leg)) return;
}

static int is_busy(const cal_leg *leg) { return 0; }

/* ---- what comes */

static void sound(cal_leg *leg, const int16_t *samples, size_t count) {
  cal_taps_push(&leg->taps[CAL_TAP_IN], samples, count);
}

/* An echo confirms. */
static void mark(cal_leg *leg, const char *name) {
  unsigned number;
  if (name && sscanf(name, "c%9u", &number) != 1) return;
  cal_leg_advance(leg);
  if (name)
    cal_playout_confirm(&leg->playout, number);
  else
    cal_playout_dry(&leg->playout);
  cal_leg_tick(leg);
}

static void clear(cal_leg *leg, int drops_marks) {} /* what we said is not ours to forget */

const cal_leg_role cal_leg_agent = {.listens = 1,
                                    .is_recorded = 1,
                                    .begin = begin,
                                    .end = end,
                                    .tick = tick,
                                    .is_busy = is_busy,
                                    .sound = sound,
                                    .mark = mark,
                                    .clear = clear};
