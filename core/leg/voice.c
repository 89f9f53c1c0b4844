#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "leg/leg_private.h"

/* beyond what is there to be heard: a voice that delivers nothing for so long is dead */
#define DRAIN_PATIENCE_MS 5000
#define OWN_UTTERANCES 0x70000000u /* above every number a script gives */

static void on_started(void *context, uint32_t id) {
  cal_leg *leg = context;
  if (id < OWN_UTTERANCES) leg->options.hooks->utterance_started(leg->options.owner, id);
}

static void remember_failure(cal_leg *leg, uint32_t utterance, int code) {
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

static cal_leg_said said_of(const cal_leg *leg, const cal_playout_end *end) {
  return (cal_leg_said){.utterance = end->id,
                        .is_interrupted = end->is_interrupted,
                        .proof = end->proof,
                        .ends_with_leg = leg->state == LEG_OVER,
                        .heard_ms = (int64_t)end->heard_samples * 1000 / leg->rate_hz,
                        .text = end->text_bytes ? end->text : "",
                        .text_bytes = end->text_bytes};
}

static void on_ended(void *context, const cal_playout_end *end) {
  cal_leg *leg = context;
  if (end->id >= OWN_UTTERANCES) return;
  cal_leg_said said = said_of(leg, end);
  said.code = failure_of(leg, end->id);
  leg->options.hooks->utterance_ended(leg->options.owner, &said);
}

static void on_paused(void *context, const cal_playout_end *so_far) {
  cal_leg *leg = context;
  cal_leg_said said = said_of(leg, so_far);
  leg->options.hooks->utterance_paused(leg->options.owner, &said);
}

/* What the role says of the playout, and the rest. A frame of an odd rate has no whole milliseconds. */
void cal_leg_voice_open(cal_leg *leg, const cal_playout_options *options, uint32_t lead_ms) {
  cal_playout_options mine = *options;
  mine.rate_hz = leg->rate_hz;
  mine.on_started = on_started;
  mine.on_ended = on_ended;
  mine.on_paused = on_paused;
  mine.context = leg;
  cal_playout_init(&leg->playout, &mine);
  uint64_t frame_ns = (uint64_t)leg->frame_samples * CAL_S / leg->rate_hz;
  uint32_t frame_ms = (uint32_t)(frame_ns / CAL_MS);
  cal_pace_init(&leg->pace, frame_ms < 1000 ? frame_ms : 1000, lead_ms, 0);
  leg->pace.frame_ns = frame_ns;
  leg->lead_ms = lead_ms;
  leg->own_utterance = OWN_UTTERANCES;
}

void cal_leg_voice_close(cal_leg *leg) {
  cal_leg_advance(leg);
  cal_playout_finish(&leg->playout);
  cal_playout_done(&leg->playout);
  cal_background_done(&leg->background);
}

/* ---- utterances */

void cal_leg_declare(cal_leg *leg, uint32_t utterance, uint32_t flags) {
  int code = cal_playout_declare(&leg->playout, utterance, flags);
  if (!code) return;
  cal_log(CAL_LOG_WARN, "leg", leg->options.name, "not said: %s", cal_error_text());
  cal_leg_said said = {.utterance = utterance, .is_interrupted = 1, .code = code, .text = ""};
  leg->options.hooks->utterance_ended(leg->options.owner, &said);
}

static void on_drain_overdue(cal_timer *timer) {
  cal_leg_finish(cal_list_entry(timer, cal_leg, patience), CAL_LEG_CLOSED,
                 "closed; the voice did not finish its last utterance");
}

/* Every piece of sound gives the voice time for the next one. */
void cal_leg_drain(cal_leg *leg) {
  cal_playout_resume(&leg->playout);
  uint64_t ms = cal_playout_remaining(&leg->playout) * 1000 / leg->rate_hz + DRAIN_PATIENCE_MS;
  uint64_t from_ns = cal_leg_now_ns(leg);
  if (leg->port->hold_until_ns > from_ns) from_ns = leg->port->hold_until_ns;
  leg->is_draining = 1;
  cal_timer_start(leg->host->loop, &leg->patience, from_ns + ms * CAL_MS, on_drain_overdue);
}

/* Sound of an utterance that was stopped meanwhile is not a mistake. */
void cal_leg_append(cal_leg *leg, uint32_t utterance, cal_clip *clip, int is_last, int failure) {
  int code = clip ? cal_playout_append(&leg->playout, utterance, clip) : 0;
  if (code < 0) cal_unref(clip);
  if (code == -ENOENT) return;
  if (code < 0) cal_log(CAL_LOG_WARN, "leg", leg->options.name, "not said: %s", cal_error_text());
  if (failure || code < 0) remember_failure(leg, utterance, failure ? failure : code);
  if (is_last) cal_playout_complete(&leg->playout, utterance);
  if (leg->is_draining) cal_leg_drain(leg);
}

/* ---- the background */

void cal_leg_background(cal_leg *leg, int32_t number, int is_on, cal_clip *clip, int32_t gain_q12) {
  if (number < leg->background_number) return;
  leg->background_number = number;
  if (!is_on) {
    leg->background_ends = 1;
    cal_background_gain(&leg->background, 0);
  }
  if (!clip) return;
  if (clip->rate_hz != leg->rate_hz) {
    cal_log(CAL_LOG_WARN, "leg", leg->options.name, "a background of %u Hz for a leg of %u Hz", clip->rate_hz,
            leg->rate_hz);
    return;
  }
  if (clip != leg->background.clip) {
    cal_background_done(&leg->background);
    cal_background_init(&leg->background, clip, 0);
  }
  leg->background_ends = 0;
  cal_background_gain(&leg->background, gain_q12);
}

void cal_leg_mix_background(cal_leg *leg, int16_t *frame) {
  cal_background_mix(&leg->background, frame, leg->frame_samples);
  if (!leg->background_ends) return;
  leg->background_ends = 0;
  cal_background_done(&leg->background);
}

void cal_leg_send(cal_leg *leg, const int16_t *frame) {
  leg->port->ops->sound(leg->port, frame, leg->frame_samples);
  const cal_taps *taps = &leg->taps[CAL_TAP_OUT];
  if (!cal_taps_are_empty(taps)) cal_taps_push(taps, frame, leg->frame_samples);
}

/* ---- stopping */

/* What waits in our own queue is part of what the carrier is told to forget; what stays is sent again by the
 * playout, on a schedule that begins now, because the carrier holds nothing any more. */
static void flush(cal_leg *leg, const cal_playout_cleared *cleared, uint32_t ahead) {
  const cal_port_ops *port = leg->port->ops;
  if (!cleared->flush) {
    if (cleared->utterances && cal_playout_is_drained(&leg->playout)) port->forget(leg->port);
    return;
  }
  port->clear(leg->port);
  leg->pace.t0_ns = 0;
  cal_background_rewind(&leg->background, ahead);
  cal_taps_cut(&leg->taps[CAL_TAP_OUT]);
}

void cal_leg_stop(cal_leg *leg, uint32_t utterance) {
  uint32_t ahead = cal_playout_ahead(&leg->playout);
  cal_playout_cleared cleared = cal_playout_clear(&leg->playout, utterance, 0);
  flush(leg, &cleared, ahead);
}

static int try_pause(cal_leg *leg, uint32_t flags) {
  uint32_t ahead = cal_playout_ahead(&leg->playout);
  cal_playout_cleared cleared = cal_playout_pause(&leg->playout, flags);
  flush(leg, &cleared, ahead);
  return cal_playout_is_paused(&leg->playout);
}

void cal_leg_pause(cal_leg *leg, int is_on) {
  if (is_on)
    try_pause(leg, 0);
  else
    cal_playout_resume(&leg->playout);
}

/* In the tick of the decision, without asking a script. Only what is being said can be stopped: a prompt
 * that waits behind an uninterruptible greeting stays. What can be paused is, also when it has not begun. */
void cal_leg_interrupt(cal_leg *leg, uint32_t flag) {
  uint32_t flags = 0;
  cal_leg_advance(leg);
  if (flag == CAL_UTTERANCE_INTERRUPTIBLE && try_pause(leg, flag)) return;
  if (!cal_playout_speaking(&leg->playout, &flags) || !(flags & flag)) return;
  uint32_t ahead = cal_playout_ahead(&leg->playout);
  cal_playout_cleared cleared = cal_playout_clear(&leg->playout, 0, flag);
  flush(leg, &cleared, ahead);
}

/* ---- keys */

void cal_leg_press(cal_leg *leg, const char *keys) {
  if (leg->port->says_keys) {
    leg->port->ops->keys(leg->port, keys);
    return;
  }
  cal_clip *clip;
  if (cal_dtmf_clip(&clip, keys, 0, 0, leg->rate_hz) < 0) {
    cal_log(CAL_LOG_WARN, "leg", leg->options.name, "keys not sent: %s", cal_error_text());
    return;
  }
  uint32_t id = ++leg->own_utterance;
  if (cal_playout_declare(&leg->playout, id, CAL_UTTERANCE_KEEP) < 0 ||
      cal_playout_append(&leg->playout, id, clip) < 0)
    cal_unref(clip);
  cal_playout_complete(&leg->playout, id);
}
