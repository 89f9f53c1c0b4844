#include "audio/endpoint.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

enum {
  ONSET_MS = 60,
  PREROLL_MS = 300,
  LONGEST_MS = 30000,
  CONTINUING_MS = 500,
  GROWTH_MS = 2000,
};

struct cal_endpoint {
  cal_endpoint_options options;
  cal_vad *vad;
  uint32_t per_ms, frame_samples;
  int16_t frame[CAL_VAD_MAX_FRAME];
  uint32_t frame_fill;
  uint64_t position; /* samples in whole frames so far */

  int16_t *ring; /* the last preroll samples while quiet */
  uint32_t ring_samples, ring_at, ring_fill;

  int16_t *sound; /* the utterance under way */
  uint32_t sound_room, sound_fill, sound_ceiling;

  int is_speaking;
  uint32_t voiced, unvoiced; /* samples without interruption */
  uint64_t began_at, last_voiced_at, told_at;
};

static uint32_t usual(uint32_t value, uint32_t otherwise) { return value ? value : otherwise; }

static int is_between(uint32_t value, uint32_t low, uint32_t high) { return value >= low && value <= high; }

int cal_endpoint_new(cal_endpoint **result, const cal_endpoint_options *given) {
  cal_endpoint_options options = *given;
  options.onset_ms = usual(options.onset_ms, ONSET_MS);
  options.hangover_ms = usual(options.hangover_ms, CAL_ENDPOINT_HANGOVER_MS);
  options.preroll_ms = usual(options.preroll_ms, PREROLL_MS);
  options.longest_ms = usual(options.longest_ms, LONGEST_MS);
  assert(options.on_event);
  if (!is_between(options.onset_ms, 20, 1000) || !is_between(options.hangover_ms, 100, 5000) ||
      !is_between(options.preroll_ms, options.onset_ms, 1000) || !is_between(options.longest_ms, 1000, 60000))
    return cal_fail(-EINVAL,
                    "end-pointing times out of range: onset %u, hang-over %u, pre-roll %u, longest %u ms",
                    options.onset_ms, options.hangover_ms, options.preroll_ms, options.longest_ms);
  cal_vad *vad;
  int code = cal_vad_new(&vad, &options.vad);
  if (code < 0) return code;
  cal_endpoint *endpoint = cal_alloc(sizeof *endpoint);
  endpoint->options = options;
  endpoint->vad = vad;
  endpoint->per_ms = options.vad.rate_hz / 1000;
  endpoint->frame_samples = CAL_VAD_FRAME_MS * endpoint->per_ms;
  endpoint->ring_samples = options.preroll_ms * endpoint->per_ms;
  endpoint->sound_ceiling = options.longest_ms * endpoint->per_ms;
  if (!options.no_sound) endpoint->ring = cal_alloc(endpoint->ring_samples * sizeof(int16_t));
  *result = endpoint;
  return 0;
}

cal_endpoint *cal_endpoint_free(cal_endpoint *endpoint) {
  if (!endpoint) return NULL;
  cal_vad_free(endpoint->vad);
  cal_free(endpoint->ring);
  cal_free(endpoint->sound);
  return cal_free(endpoint);
}

/* ---- sound */

static void ring_put(cal_endpoint *endpoint, const int16_t *samples, uint32_t count) {
  while (count > 0) {
    uint32_t piece = endpoint->ring_samples - endpoint->ring_at;
    if (piece > count) piece = count;
    memcpy(endpoint->ring + endpoint->ring_at, samples, piece * sizeof *samples);
    endpoint->ring_at = (endpoint->ring_at + piece) % endpoint->ring_samples;
    endpoint->ring_fill += piece;
    samples += piece;
    count -= piece;
  }
  if (endpoint->ring_fill > endpoint->ring_samples) endpoint->ring_fill = endpoint->ring_samples;
}

/* Appends as much as the ceiling allows; returns 0 when the buffer is full. */
static int sound_put(cal_endpoint *endpoint, const int16_t *samples, uint32_t count) {
  if (count > endpoint->sound_ceiling - endpoint->sound_fill)
    count = endpoint->sound_ceiling - endpoint->sound_fill;
  while (endpoint->sound_fill + count > endpoint->sound_room) {
    endpoint->sound_room += GROWTH_MS * endpoint->per_ms;
    endpoint->sound = cal_resize(endpoint->sound, endpoint->sound_room * sizeof(int16_t));
  }
  memcpy(endpoint->sound + endpoint->sound_fill, samples, count * sizeof *samples);
  endpoint->sound_fill += count;
  return endpoint->sound_fill < endpoint->sound_ceiling;
}

static void sound_from_ring(cal_endpoint *endpoint) {
  uint32_t begin =
      (endpoint->ring_at + endpoint->ring_samples - endpoint->ring_fill) % endpoint->ring_samples;
  uint32_t first = endpoint->ring_samples - begin;
  if (first > endpoint->ring_fill) first = endpoint->ring_fill;
  endpoint->sound_fill = 0;
  sound_put(endpoint, endpoint->ring + begin, first);
  sound_put(endpoint, endpoint->ring, endpoint->ring_fill - first);
  endpoint->ring_fill = endpoint->ring_at = 0;
}

/* Keeps the frame where it belongs; returns 0 when the utterance has become as long as it may be. */
static int keep(cal_endpoint *endpoint) {
  if (!endpoint->is_speaking) {
    if (endpoint->ring) ring_put(endpoint, endpoint->frame, endpoint->frame_samples);
    return 1;
  }
  if (endpoint->ring) return sound_put(endpoint, endpoint->frame, endpoint->frame_samples);
  return endpoint->position - endpoint->began_at < endpoint->sound_ceiling;
}

/* ---- decisions */

static void tell(cal_endpoint *endpoint, cal_endpoint_event event) {
  event.speech_samples = (uint32_t)(event.at_sample - endpoint->began_at);
  endpoint->options.on_event(endpoint->options.context, &event);
}

static void start(cal_endpoint *endpoint) {
  endpoint->is_speaking = 1;
  endpoint->unvoiced = 0;
  endpoint->began_at = endpoint->position - endpoint->voiced;
  endpoint->told_at = endpoint->position;
  if (endpoint->ring) sound_from_ring(endpoint);
  tell(endpoint, (cal_endpoint_event){.kind = CAL_SPEECH_STARTED, .at_sample = endpoint->began_at});
}

static void stop(cal_endpoint *endpoint, int is_cut) {
  cal_clip *clip = NULL;
  if (endpoint->ring)
    clip = cal_clip_of(endpoint->options.vad.rate_hz, endpoint->sound, endpoint->sound_fill, NULL);
  endpoint->is_speaking = 0;
  endpoint->voiced = 0;
  tell(endpoint, (cal_endpoint_event){.kind = CAL_SPEECH_STOPPED,
                                      .at_sample = endpoint->last_voiced_at,
                                      .is_cut = is_cut,
                                      .clip = clip});
}

static void whole_frame(cal_endpoint *endpoint) {
  int is_voiced = cal_vad_frame(endpoint->vad, endpoint->frame);
  endpoint->position += endpoint->frame_samples;
  endpoint->voiced = is_voiced ? endpoint->voiced + endpoint->frame_samples : 0;
  endpoint->unvoiced = is_voiced ? 0 : endpoint->unvoiced + endpoint->frame_samples;
  if (is_voiced) endpoint->last_voiced_at = endpoint->position;
  int has_room = keep(endpoint);
  if (!endpoint->is_speaking) {
    if (endpoint->voiced >= endpoint->options.onset_ms * endpoint->per_ms) start(endpoint);
    return;
  }
  if (endpoint->unvoiced >= endpoint->options.hangover_ms * endpoint->per_ms) {
    stop(endpoint, 0);
    return;
  }
  if (!has_room) {
    stop(endpoint, 1);
    return;
  }
  if (endpoint->position - endpoint->told_at < CONTINUING_MS * endpoint->per_ms) return;
  endpoint->told_at = endpoint->position;
  tell(endpoint, (cal_endpoint_event){.kind = CAL_SPEECH_CONTINUING, .at_sample = endpoint->position});
}

void cal_endpoint_push(cal_endpoint *endpoint, const int16_t *samples, size_t count) {
  while (count > 0) {
    size_t piece = endpoint->frame_samples - endpoint->frame_fill;
    if (piece > count) piece = count;
    memcpy(endpoint->frame + endpoint->frame_fill, samples, piece * sizeof *samples);
    endpoint->frame_fill += (uint32_t)piece;
    samples += piece;
    count -= piece;
    if (endpoint->frame_fill < endpoint->frame_samples) return;
    endpoint->frame_fill = 0;
    whole_frame(endpoint);
  }
}

void cal_endpoint_finish(cal_endpoint *endpoint) {
  if (endpoint->is_speaking) stop(endpoint, 1);
}

int cal_endpoint_set_hangover(cal_endpoint *endpoint, uint32_t wanted_ms) {
  uint32_t hangover_ms = usual(wanted_ms, CAL_ENDPOINT_HANGOVER_MS);
  if (!is_between(hangover_ms, 100, 5000))
    return cal_fail(-EINVAL, "the silence that ends an utterance is 100 to 5000 ms, not %u", hangover_ms);
  endpoint->options.hangover_ms = hangover_ms;
  return 0;
}

int cal_endpoint_is_speaking(const cal_endpoint *endpoint) { return endpoint->is_speaking; }
