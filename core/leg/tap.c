#include "leg/tap.h"

#include <errno.h>

#include "audio/resample.h"
#include "base/error.h"
#include "base/mem.h"

#define LEAST_HZ 8000
#define MOST_HZ 48000
#define PIECE_SAMPLES 512 /* a message may hold minutes of sound, and the room here does not */
#define ROOM_SAMPLES (PIECE_SAMPLES * (MOST_HZ / LEAST_HZ) + 128) /* what a resampler may round up */

typedef struct rate {
  cal_list node;
  uint32_t rate_hz;
  cal_resampler *resampler;
  cal_list taps;
} rate;

void cal_taps_open(cal_taps *taps, uint32_t rate_hz) {
  taps->rate_hz = rate_hz;
  cal_list_init(&taps->own);
  cal_list_init(&taps->others);
}

static void let_go(cal_list *taps) { cal_list_each_safe(taps, node, after) cal_list_remove(node); }

void cal_taps_close(cal_taps *taps) {
  let_go(&taps->own);
  cal_list_each_safe(&taps->others, node, after) {
    rate *r = cal_list_entry(node, rate, node);
    let_go(&r->taps);
    cal_list_remove(&r->node);
    cal_resampler_free(r->resampler);
    cal_free(r);
  }
}

static rate *find(const cal_taps *taps, uint32_t rate_hz) {
  cal_list_each(&taps->others, node) {
    rate *r = cal_list_entry(node, rate, node);
    if (r->rate_hz == rate_hz) return r;
  }
  return NULL;
}

static int open_rate(rate **result, cal_taps *taps, uint32_t rate_hz) {
  cal_resampler *resampler;
  int code = cal_resampler_new(&resampler, taps->rate_hz, rate_hz);
  if (code < 0) return code;
  rate *r = cal_alloc(sizeof *r);
  r->rate_hz = rate_hz;
  r->resampler = resampler;
  cal_list_init(&r->taps);
  cal_list_append(&taps->others, &r->node);
  *result = r;
  return 0;
}

int cal_taps_add(cal_taps *taps, uint32_t rate_hz, cal_tap *tap) {
  if (rate_hz == taps->rate_hz) {
    cal_list_append(&taps->own, &tap->node);
    return 0;
  }
  if (rate_hz < LEAST_HZ || rate_hz > MOST_HZ)
    return cal_fail(-EINVAL, "a tap at %u Hz; %d to %d are possible", rate_hz, LEAST_HZ, MOST_HZ);
  rate *r = find(taps, rate_hz);
  int code = r ? 0 : open_rate(&r, taps, rate_hz);
  if (code < 0) return code;
  if (cal_list_is_empty(&r->taps)) cal_resampler_reset(r->resampler);
  cal_list_append(&r->taps, &tap->node);
  return 0;
}

void cal_tap_remove(cal_tap *tap) { cal_list_remove(&tap->node); }

static void give(const cal_list *taps, const int16_t *samples, size_t count) {
  cal_list_each_safe(taps, node, after) {
    cal_tap *tap = cal_list_entry(node, cal_tap, node);
    tap->on_samples(tap, samples, count);
  }
}

static void push_rate(rate *r, const int16_t *samples, size_t count) {
  int16_t out[ROOM_SAMPLES];
  while (count) {
    size_t piece = count < PIECE_SAMPLES ? count : PIECE_SAMPLES;
    int made = cal_resampler_run(r->resampler, samples, piece, out, ROOM_SAMPLES);
    if (made > 0) give(&r->taps, out, (size_t)made);
    samples += piece;
    count -= piece;
  }
}

void cal_taps_push(const cal_taps *taps, const int16_t *samples, size_t count) {
  give(&taps->own, samples, count);
  cal_list_each(&taps->others, node) {
    rate *r = cal_list_entry(node, rate, node);
    if (!cal_list_is_empty(&r->taps)) push_rate(r, samples, count);
  }
}

static void cut(const cal_list *taps) {
  cal_list_each(taps, node) {
    cal_tap *tap = cal_list_entry(node, cal_tap, node);
    if (tap->on_cut) tap->on_cut(tap);
  }
}

void cal_taps_cut(cal_taps *taps) {
  cut(&taps->own);
  cal_list_each(&taps->others, node) cut(&cal_list_entry(node, rate, node)->taps);
}
