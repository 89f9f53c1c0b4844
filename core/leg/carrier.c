/* Role CARRIER: the exchange's side. What arrives is played in real time, marks are given back as they are
 * passed, and a frame leaves with every tick, silence included. */
#include <string.h>

#include "base/mem.h"
#include "leg/carrier_queue.h"
#include "leg/leg_private.h"

#define STILL_MS 1000 /* an ear that waits for a longer pause supplies the rest itself (ear.c) */

struct carrier {
  cal_carrier_queue *queue;
  cal_tap hearing_tap;
  void *hearing; /* for specs; NULL: not listened to */
  void (*put)(void *ear, const int16_t *samples, size_t count);
  uint32_t silent_frames; /* of it: so many in a row had no sound for the other side … */
  uint32_t still_frames;  /* … and none from it either */
  int is_playing;         /* so the other side was told */
};

static void give_mark_back(void *context, const char *name, size_t bytes) {
  cal_leg *leg = context;
  leg->port->ops->mark(leg->port, name);
}

static void on_hearing(cal_tap *tap, const int16_t *samples, size_t count) {
  struct carrier *carrier = cal_list_entry(tap, struct carrier, hearing_tap);
  carrier->put(carrier->hearing, samples, count);
}

static void let_hear(cal_leg *leg) {
  const cal_hearing *hearing = &leg->host->hearing;
  struct carrier *carrier = leg->carrier;
  if (hearing->open) carrier->hearing = hearing->open(hearing->context, leg->options.name, leg->rate_hz);
  if (!carrier->hearing) return;
  carrier->put = hearing->put;
  carrier->hearing_tap.on_samples = on_hearing;
  cal_leg_tap(leg, CAL_TAP_IN, leg->rate_hz, &carrier->hearing_tap);
}

static void begin(cal_leg *leg) {
  cal_leg_voice_open(leg, &(cal_playout_options){.delay_samples = (uint32_t)leg->frame_samples}, 0);
  leg->carrier = cal_alloc(sizeof *leg->carrier);
  leg->carrier->queue = cal_carrier_queue_new(leg->rate_hz, give_mark_back, leg);
  let_hear(leg);
}

static void end(cal_leg *leg) {
  struct carrier *carrier = leg->carrier;
  leg->overflow = cal_carrier_queue_dropped(carrier->queue);
  leg->unplayed_ms = cal_carrier_queue_waiting(carrier->queue) * 1000 / leg->rate_hz;
  cal_carrier_queue_free(carrier->queue);
  if (carrier->hearing) leg->host->hearing.close(carrier->hearing);
  leg->carrier = cal_free(carrier);
}

/* ---- the tick */

/* A carrier in a spec is one of those that send nothing while nobody speaks. */
static int is_long(const cal_leg *leg, uint32_t frames) {
  return leg->carrier->hearing &&
         (uint64_t)frames * leg->frame_samples > (uint64_t)leg->rate_hz * STILL_MS / 1000;
}

static int is_still(const cal_leg *leg) {
  return is_long(leg, leg->carrier->still_frames) &&
         !(leg->endpoint && cal_endpoint_is_speaking(leg->endpoint));
}

static int is_busy(const cal_leg *leg) { return !is_still(leg); }

static void send_next(cal_leg *leg, int16_t *frame) {
  uint32_t samples = (uint32_t)leg->frame_samples, *silent = &leg->carrier->silent_frames;
  cal_playout_frame pulled = cal_playout_pull(&leg->playout, frame, samples);
  if (!pulled.samples) cal_playout_filler(&leg->playout, samples); /* the frame is silent */
  int is_joined = cal_leg_mix_lines(leg, frame);
  *silent = is_joined || pulled.samples || leg->background.clip ? 0 : *silent + 1;
  cal_leg_mix_background(leg, frame);
  if (!is_long(leg, *silent)) cal_leg_send(leg, frame);
}

/* The other side hears when what it sent begins to play, and when nothing of it is left. */
static void tell_playing(cal_leg *leg, int is_playing) {
  if (is_playing == leg->carrier->is_playing) return;
  leg->carrier->is_playing = is_playing;
  leg->port->ops->playing(leg->port, is_playing);
}

static void play(cal_leg *leg, int16_t *frame) {
  struct carrier *carrier = leg->carrier;
  size_t played = cal_carrier_queue_pull(carrier->queue, frame, leg->frame_samples);
  tell_playing(leg, played > 0);
  carrier->still_frames = carrier->silent_frames && !played ? carrier->still_frames + 1 : 0;
  cal_taps_push(&leg->taps[CAL_TAP_IN], frame, leg->frame_samples);
}

static void tick(cal_leg *leg, uint64_t now_ns) {
  int16_t *frame = cal_scratch_get(leg->host->samples, leg->frame_samples * sizeof *frame);
  uint32_t due = cal_pace_due(&leg->pace, now_ns);
  /* Without a lead the schedule must lie where the wheel's ticks fall, or each of them would be late. */
  if (!leg->pace.frames) leg->pace.t0_ns -= leg->pace.t0_ns % CAL_WHEEL_SLOT_NS;
  for (uint32_t i = 0; i < due; i++) {
    send_next(leg, frame);
    play(leg, frame);
    cal_pace_sent(&leg->pace, 1);
  }
  if (is_still(leg)) cal_pace_idle(&leg->pace);
}

/* ---- what comes */

static void sound(cal_leg *leg, const int16_t *samples, size_t count) {
  cal_carrier_queue_audio(leg->carrier->queue, samples, count);
  leg->carrier->still_frames = 0;
  cal_wheel_take(leg->host->wheel, &leg->seat);
}

static void mark(cal_leg *leg, const char *name) {
  const char *kept = name ? name : "";
  cal_carrier_queue_mark(leg->carrier->queue, kept, strlen(kept));
}

static void clear(cal_leg *leg, int drops_marks) {
  leg->clears++;
  if (drops_marks) cal_carrier_queue_drop_marks(leg->carrier->queue);
  cal_carrier_queue_clear(leg->carrier->queue);
}

const cal_leg_role cal_leg_carrier = {.begin = begin,
                                      .end = end,
                                      .tick = tick,
                                      .is_busy = is_busy,
                                      .sound = sound,
                                      .mark = mark,
                                      .clear = clear};
