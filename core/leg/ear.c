#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "leg/leg_private.h"

#define PAUSE_MORE_MS 200   /* of silence, beyond what ends an utterance */
#define PIECE_SAMPLES 1024  /* of a message, resampled at once */
#define GAP_MS 2000         /* of nothing at all while somebody speaks: that line says nothing more */
#define GAP_IN_SPECS_MS 150 /* where nothing is ever late; some carriers send every 100 ms */
#define GAP_STEP_MS 20
#define KEYS "0123456789*#ABCD"

uint32_t cal_leg_ear_rate(const cal_leg *leg) { return leg->rate_hz == 16000 ? 16000 : 8000; }

static int64_t milliseconds(const cal_leg *leg, uint64_t samples) {
  return (int64_t)(samples * 1000 / cal_leg_ear_rate(leg));
}

/* ---- speech */

static void on_speech(void *context, const cal_endpoint_event *event) {
  cal_leg *leg = context;
  const cal_leg_hooks *hooks = leg->options.hooks;
  if (event->kind == CAL_SPEECH_CONTINUING) return;
  if (event->kind == CAL_SPEECH_STARTED) {
    cal_leg_interrupt(leg, CAL_UTTERANCE_INTERRUPTIBLE);
    hooks->speech_started(leg->options.owner, milliseconds(leg, event->at_sample));
    return;
  }
  int64_t speech_ms = milliseconds(leg, event->speech_samples);
  hooks->speech_stopped(leg->options.owner, speech_ms);
  if (event->clip && (leg->listen.grammar || leg->listen.free_text))
    hooks->speech(leg->options.owner, event->clip, leg->listen.grammar, speech_ms);
  else
    cal_unref(event->clip);
}

static void on_key_in_band(void *context, char key, uint64_t at_sample) {
  char keys[2] = {key, 0};
  cal_leg_hear_keys(context, keys, 1);
}

void cal_leg_hear_keys(cal_leg *leg, const char *keys, int in_band) {
  if (leg->state != LEG_UP) return;
  for (; *keys; keys++) {
    if (!strchr(KEYS, *keys)) continue;
    cal_leg_interrupt(leg, CAL_UTTERANCE_DIGITS_STOP);
    leg->options.hooks->key(leg->options.owner, *keys, in_band);
  }
}

void cal_leg_listen(cal_leg *leg, cal_listen *listen) {
  cal_unref(leg->listen.grammar);
  leg->listen = *listen;
  listen->grammar = NULL;
  if (leg->endpoint) cal_endpoint_set_hangover(leg->endpoint, listen->endpoint_ms);
}

/* ---- life */

void cal_leg_ear_open(cal_leg *leg) {
  /* A subscriber of the exchange only waits for its turn: loudness is enough, and nobody asks for the sound.
   */
  int is_simple = !leg->role->listens;
  cal_endpoint_options options = {
      .vad = {.rate_hz = cal_leg_ear_rate(leg), .engine = is_simple ? CAL_VAD_ENERGY : CAL_VAD_BEST},
      .no_sound = is_simple,
      .on_event = on_speech,
      .context = leg};
  if (cal_endpoint_new(&leg->endpoint, &options) < 0)
    cal_log(CAL_LOG_ERROR, "leg", leg->options.name, "deaf: %s", cal_error_text());
  if (cal_leg_ear_rate(leg) != leg->rate_hz &&
      cal_resampler_new(&leg->ear_rate, leg->rate_hz, cal_leg_ear_rate(leg)) < 0) {
    cal_log(CAL_LOG_ERROR, "leg", leg->options.name, "deaf: %s", cal_error_text());
    leg->endpoint = cal_endpoint_free(leg->endpoint);
  }
  if (!leg->port->hears_keys && cal_dtmf_new(&leg->dtmf, leg->rate_hz, on_key_in_band, leg) < 0)
    cal_log(CAL_LOG_ERROR, "leg", leg->options.name, "keys in the sound are not heard: %s", cal_error_text());
}

void cal_leg_ear_close(cal_leg *leg) {
  cal_timer_stop(leg->host->loop, &leg->gap);
  leg->endpoint = cal_endpoint_free(leg->endpoint);
  leg->dtmf = cal_dtmf_free(leg->dtmf);
  leg->ear_rate = cal_resampler_free(leg->ear_rate);
  leg->listen.grammar = cal_unref(leg->listen.grammar);
}

/* ---- samples */

/* In pieces, because a message may hold minutes of sound and the room here does not. */
static void listen_at_ear_rate(cal_leg *leg, const int16_t *samples, size_t count) {
  int16_t out[2 * PIECE_SAMPLES]; /* the ear's rate is at most the wire's, but for the resampler's rounding */
  while (count) {
    size_t piece = count < PIECE_SAMPLES ? count : PIECE_SAMPLES;
    int made = cal_resampler_run(leg->ear_rate, samples, piece, out, 2 * PIECE_SAMPLES);
    if (made > 0) cal_endpoint_push(leg->endpoint, out, (size_t)made);
    samples += piece;
    count -= piece;
  }
}

/* Some carriers send nothing while nobody speaks. What is missing is silence, or the caller's turn would
 * never end. */
static void on_gap(cal_timer *timer) {
  static const int16_t silence[16000 * GAP_STEP_MS / 1000];
  cal_leg *leg = cal_list_entry(timer, cal_leg, gap);
  uint64_t now_ns = cal_leg_now_ns(leg);
  for (; leg->heard_ns + GAP_STEP_MS * CAL_MS <= now_ns; leg->heard_ns += GAP_STEP_MS * CAL_MS)
    cal_endpoint_push(leg->endpoint, silence, cal_leg_ear_rate(leg) * GAP_STEP_MS / 1000);
  if (cal_endpoint_is_speaking(leg->endpoint))
    cal_timer_start(leg->host->loop, timer, leg->heard_ns + GAP_STEP_MS * CAL_MS, on_gap);
}

static void watch_for_gap(cal_leg *leg) {
  cal_loop *loop = leg->host->loop;
  leg->heard_ns = cal_leg_now_ns(leg);
  uint64_t ms = leg->host->hearing.open ? GAP_IN_SPECS_MS : GAP_MS;
  ms += 2 * leg->frame_samples * 1000 / leg->rate_hz;
  if (cal_endpoint_is_speaking(leg->endpoint))
    cal_timer_start(loop, &leg->gap, leg->heard_ns + ms * CAL_MS, on_gap);
  else
    cal_timer_stop(loop, &leg->gap);
}

void cal_leg_hear(cal_leg *leg, const int16_t *samples, size_t count) {
  cal_leg_record_in(leg, samples, count);
  if (leg->dtmf) cal_dtmf_push(leg->dtmf, samples, count);
  if (!leg->endpoint) return;
  if (leg->ear_rate)
    listen_at_ear_rate(leg, samples, count);
  else
    cal_endpoint_push(leg->endpoint, samples, count);
  if (leg->role->listens) watch_for_gap(leg);
}

void cal_leg_paused(cal_leg *leg) {
  static const int16_t silence[PIECE_SAMPLES];
  if (!leg->endpoint) return;
  uint32_t ms =
      (leg->listen.endpoint_ms ? leg->listen.endpoint_ms : CAL_ENDPOINT_HANGOVER_MS) + PAUSE_MORE_MS;
  for (size_t left = (size_t)cal_leg_ear_rate(leg) * ms / 1000; left;) {
    size_t piece = left < PIECE_SAMPLES ? left : PIECE_SAMPLES;
    cal_endpoint_push(leg->endpoint, silence, piece);
    left -= piece;
  }
}
