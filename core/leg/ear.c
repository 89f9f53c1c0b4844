#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "leg/leg_private.h"

#define PAUSE_MORE_MS 200 /* of silence, beyond what ends an utterance */
#define PIECE_SAMPLES 1024
#define GAP_MS 2000         /* of nothing at all while somebody speaks: that line says nothing more */
#define GAP_IN_SPECS_MS 150 /* where nothing is ever late; some carriers send every 100 ms */
#define GAP_STEP_MS 20
#define KEYS_HZ 8000 /* where the detector of keys works */
#define KEYS "0123456789*#ABCD"

static uint32_t ear_rate(const cal_leg *leg) { return leg->rate_hz == 16000 ? 16000 : 8000; }

static int64_t milliseconds(const cal_leg *leg, uint64_t samples) {
  return (int64_t)(samples * 1000 / ear_rate(leg));
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

int cal_leg_is_spoken_to(const cal_leg *leg) {
  return leg->endpoint && cal_endpoint_is_speaking(leg->endpoint);
}

void cal_leg_listen(cal_leg *leg, cal_listen *listen) {
  cal_unref(leg->listen.grammar);
  leg->listen = *listen;
  listen->grammar = NULL;
  if (leg->endpoint) cal_endpoint_set_hangover(leg->endpoint, listen->endpoint_ms);
}

/* ---- samples */

/* Some carriers send nothing while nobody speaks. What is missing is silence, or the caller's turn would
 * never end. */
static void on_gap(cal_timer *timer) {
  static const int16_t silence[16000 * GAP_STEP_MS / 1000];
  cal_leg *leg = cal_list_entry(timer, cal_leg, gap);
  uint64_t now_ns = cal_leg_now_ns(leg);
  for (; leg->heard_ns + GAP_STEP_MS * CAL_MS <= now_ns; leg->heard_ns += GAP_STEP_MS * CAL_MS)
    cal_endpoint_push(leg->endpoint, silence, ear_rate(leg) * GAP_STEP_MS / 1000);
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

static void on_ear(cal_tap *tap, const int16_t *samples, size_t count) {
  cal_leg *leg = cal_list_entry(tap, cal_leg, ear);
  cal_endpoint_push(leg->endpoint, samples, count);
  if (leg->role->listens) watch_for_gap(leg);
}

static void on_keys(cal_tap *tap, const int16_t *samples, size_t count) {
  cal_dtmf_push(cal_list_entry(tap, cal_leg, keys)->dtmf, samples, count);
}

void cal_leg_paused(cal_leg *leg) {
  static const int16_t silence[PIECE_SAMPLES];
  if (!leg->endpoint) return;
  uint32_t ms =
      (leg->listen.endpoint_ms ? leg->listen.endpoint_ms : CAL_ENDPOINT_HANGOVER_MS) + PAUSE_MORE_MS;
  for (size_t left = (size_t)ear_rate(leg) * ms / 1000; left;) {
    size_t piece = left < PIECE_SAMPLES ? left : PIECE_SAMPLES;
    cal_endpoint_push(leg->endpoint, silence, piece);
    left -= piece;
  }
}

/* ---- life */

static void listen_for_keys(cal_leg *leg) {
  leg->keys.on_samples = on_keys;
  if (cal_dtmf_new(&leg->dtmf, KEYS_HZ, on_key_in_band, leg) < 0 ||
      cal_leg_tap(leg, CAL_TAP_IN, KEYS_HZ, &leg->keys) < 0)
    cal_log(CAL_LOG_ERROR, "leg", leg->options.name, "keys in the sound are not heard: %s", cal_error_text());
}

/* Who does not listen to words only waits for a turn: loudness is enough, and nobody asks for the sound. */
static void listen_for_speech(cal_leg *leg) {
  int is_simple = !leg->role->listens;
  cal_endpoint_options options = {
      .vad = {.rate_hz = ear_rate(leg), .engine = is_simple ? CAL_VAD_ENERGY : CAL_VAD_BEST},
      .no_sound = is_simple,
      .on_event = on_speech,
      .context = leg};
  leg->ear.on_samples = on_ear;
  if (cal_endpoint_new(&leg->endpoint, &options) == 0 &&
      cal_leg_tap(leg, CAL_TAP_IN, ear_rate(leg), &leg->ear) == 0)
    return;
  cal_log(CAL_LOG_ERROR, "leg", leg->options.name, "deaf: %s", cal_error_text());
  leg->endpoint = cal_endpoint_free(leg->endpoint);
}

void cal_leg_ear_open(cal_leg *leg) {
  if (!leg->port->hears_keys) listen_for_keys(leg);
  listen_for_speech(leg);
}

void cal_leg_ear_close(cal_leg *leg) {
  cal_timer_stop(leg->host->loop, &leg->gap);
  leg->endpoint = cal_endpoint_free(leg->endpoint);
  leg->dtmf = cal_dtmf_free(leg->dtmf);
  leg->listen.grammar = cal_unref(leg->listen.grammar);
}
