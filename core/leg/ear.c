#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "leg/leg_private.h"

#define ENDPOINT_MS 500
#define PAUSE_MORE_MS 200   /* of silence, beyond what ends an utterance */
#define PIECE_SAMPLES 1024  /* of a message, resampled at once */
#define GAP_MS 2000         /* of nothing at all while somebody speaks: that line says nothing more */
#define GAP_IN_SPECS_MS 150 /* where nothing is ever late; some carriers send every 100 ms */
#define GAP_STEP_MS 20
#define KEYS "0123456789*#ABCD"

static void post(cal_leg *leg, cal_event event) { cal_call_event(leg->call, &event); }

static uint32_t ear_rate_of(const cal_leg *leg) { return leg->rate_hz == 16000 ? 16000 : 8000; }

static int64_t milliseconds(const cal_leg *leg, uint64_t samples) {
  return (int64_t)(samples * 1000 / ear_rate_of(leg));
}

/* ---- speech */

static void on_speech(void *context, const cal_endpoint_event *event) {
  cal_leg *leg = context;
  if (event->kind == CAL_SPEECH_CONTINUING) return;
  if (event->kind == CAL_SPEECH_STARTED) {
    cal_leg_interrupt(leg, CAL_UTTERANCE_INTERRUPTIBLE);
    post(leg, (cal_event){.kind = CAL_EVENT_SPEECH_STARTED, .number = milliseconds(leg, event->at_sample)});
    return;
  }
  int64_t speech_ms = milliseconds(leg, event->speech_samples);
  post(leg, (cal_event){.kind = CAL_EVENT_SPEECH_STOPPED, .number = speech_ms});
  const cal_io_hooks *hooks = cal_io_hooks_of(leg->io);
  if (event->clip && (leg->listen.grammar || leg->listen.free_text))
    hooks->on_speech(hooks->context, leg->call, event->clip, leg->listen.grammar, speech_ms);
  else
    cal_unref(event->clip);
}

static void on_key_in_band(void *context, char key, uint64_t at_sample) {
  char keys[2] = {key, 0};
  cal_leg_digits_in(context, keys, 1);
}

void cal_leg_digits_in(cal_leg *leg, const char *keys, int in_band) {
  if (leg->state != LEG_UP) return;
  for (; *keys; keys++) {
    if (!strchr(KEYS, *keys)) continue;
    cal_leg_interrupt(leg, CAL_UTTERANCE_DIGITS_STOP);
    post(leg,
         (cal_event){.kind = CAL_EVENT_DIGIT, .number = *keys, .flags = in_band ? CAL_EVENT_IN_BAND : 0});
  }
}

void cal_leg_listen(cal_leg *leg, cal_listen *listen) {
  cal_unref(leg->listen.grammar);
  leg->listen = *listen;
  listen->grammar = NULL;
  if (leg->endpoint)
    cal_endpoint_set_hangover(leg->endpoint, listen->endpoint_ms ? listen->endpoint_ms : ENDPOINT_MS);
}

/* ---- life */

void cal_leg_ear_open(cal_leg *leg) {
  /* A subscriber of the exchange only waits for its turn: loudness is enough, and nobody asks for the sound.
   */
  int is_simple = leg->about->role == CAL_ROLE_CARRIER;
  cal_endpoint_options options = {
      .vad = {.rate_hz = ear_rate_of(leg), .engine = is_simple ? CAL_VAD_ENERGY : CAL_VAD_BEST},
      .no_sound = is_simple,
      .hangover_ms = ENDPOINT_MS,
      .on_event = on_speech,
      .context = leg};
  if (cal_endpoint_new(&leg->endpoint, &options) < 0)
    cal_log(CAL_LOG_ERROR, "leg", leg->about->name, "deaf: %s", cal_error_text());
  if (ear_rate_of(leg) != leg->rate_hz &&
      cal_resampler_new(&leg->ear_rate, leg->rate_hz, ear_rate_of(leg)) < 0) {
    cal_log(CAL_LOG_ERROR, "leg", leg->about->name, "deaf: %s", cal_error_text());
    leg->endpoint = cal_endpoint_free(leg->endpoint);
  }
  if (!cal_wire_hears(leg->wire, CAL_WIRE_DTMF) &&
      cal_dtmf_new(&leg->dtmf, leg->rate_hz, on_key_in_band, leg) < 0)
    cal_log(CAL_LOG_ERROR, "leg", leg->about->name, "keys in the sound are not heard: %s", cal_error_text());
}

void cal_leg_ear_close(cal_leg *leg) {
  cal_timer_stop(cal_io_loop(leg->io), &leg->gap);
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
  cal_leg *leg = (cal_leg *)((char *)timer - offsetof(cal_leg, gap));
  uint64_t now_ns = cal_loop_now_ns(cal_io_loop(leg->io));
  for (; leg->heard_ns + GAP_STEP_MS * CAL_MS <= now_ns; leg->heard_ns += GAP_STEP_MS * CAL_MS)
    cal_endpoint_push(leg->endpoint, silence, ear_rate_of(leg) * GAP_STEP_MS / 1000);
  if (cal_endpoint_is_speaking(leg->endpoint))
    cal_timer_start(cal_io_loop(leg->io), timer, leg->heard_ns + GAP_STEP_MS * CAL_MS, on_gap);
}

static void watch_for_gap(cal_leg *leg) {
  cal_loop *loop = cal_io_loop(leg->io);
  leg->heard_ns = cal_loop_now_ns(loop);
  uint64_t ms = cal_io_hooks_of(leg->io)->hearing.open ? GAP_IN_SPECS_MS : GAP_MS;
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
  if (leg->about->role == CAL_ROLE_AGENT) watch_for_gap(leg);
}

void cal_leg_paused(cal_leg *leg) {
  static const int16_t silence[PIECE_SAMPLES];
  if (!leg->endpoint) return;
  uint32_t ms = (leg->listen.endpoint_ms ? leg->listen.endpoint_ms : ENDPOINT_MS) + PAUSE_MORE_MS;
  for (size_t left = (size_t)ear_rate_of(leg) * ms / 1000; left;) {
    size_t piece = left < PIECE_SAMPLES ? left : PIECE_SAMPLES;
    cal_endpoint_push(leg->endpoint, silence, piece);
    left -= piece;
  }
}
