#include "audio/dtmf.h"

#include <errno.h>
#include <spandsp.h>
#include <string.h>

#include "audio/resample.h"
#include "base/error.h"
#include "base/mem.h"

enum {
  RATE_HZ = 8000,
  BLOCK = 102, /* spandsp decides once per 102 samples, and needs two blocks that agree */
  BLOCKS_TO_DECIDE = 2,
  PIECE = 960, /* resampling is done in pieces of at most this many samples */
  LEVEL_DBM0 = -10,
  SHORTEST_MS = 20,
  LONGEST_MS = 1000,
};

struct cal_dtmf {
  dtmf_rx_state_t *receiver;
  cal_resampler *resampler; /* NULL at 8 kHz */
  cal_dtmf_press on_press;
  void *context;
  uint32_t rate_hz;
  uint64_t position; /* samples at 8 kHz given to the receiver */
  int is_pressed;
  int16_t piece[PIECE * 2 + 16];
};

static void on_change(void *user_data, int code, int level, int delay) {
  (void)level, (void)delay;
  cal_dtmf *dtmf = user_data;
  dtmf->is_pressed = code != 0;
  if (code == 0) return;
  uint64_t look_back = (uint64_t)BLOCK * BLOCKS_TO_DECIDE;
  uint64_t start = dtmf->position > look_back ? dtmf->position - look_back : 0;
  dtmf->on_press(dtmf->context, (char)code, start * dtmf->rate_hz / RATE_HZ);
}

int cal_dtmf_new(cal_dtmf **result, uint32_t rate_hz, cal_dtmf_press on_press, void *context) {
  cal_resampler *resampler = NULL;
  if (rate_hz != RATE_HZ) {
    int code = cal_resampler_new(&resampler, rate_hz, RATE_HZ);
    if (code < 0) return code;
  }
  dtmf_rx_state_t *receiver = dtmf_rx_init(NULL, NULL, NULL);
  if (!receiver) {
    cal_resampler_free(resampler);
    return cal_fail(-ENOMEM, "no memory for a key detector");
  }
  cal_dtmf *dtmf = cal_alloc(sizeof *dtmf);
  dtmf->receiver = receiver;
  dtmf->resampler = resampler;
  dtmf->on_press = on_press;
  dtmf->context = context;
  dtmf->rate_hz = rate_hz;
  dtmf_rx_set_realtime_callback(receiver, on_change, dtmf);
  *result = dtmf;
  return 0;
}

cal_dtmf *cal_dtmf_free(cal_dtmf *dtmf) {
  if (!dtmf) return NULL;
  dtmf_rx_free(dtmf->receiver);
  cal_resampler_free(dtmf->resampler);
  return cal_free(dtmf);
}

/* Cut at the receiver's own block borders, so that its callback falls on a known position. */
static void receive(cal_dtmf *dtmf, const int16_t *samples, size_t count) {
  while (count > 0) {
    size_t piece = BLOCK - (size_t)(dtmf->position % BLOCK);
    if (piece > count) piece = count;
    dtmf->position += piece;
    dtmf_rx(dtmf->receiver, samples, (int)piece);
    samples += piece;
    count -= piece;
  }
}

void cal_dtmf_push(cal_dtmf *dtmf, const int16_t *samples, size_t count) {
  if (!dtmf->resampler) {
    receive(dtmf, samples, count);
    return;
  }
  while (count > 0) {
    size_t piece = count < PIECE ? count : PIECE;
    int made =
        cal_resampler_run(dtmf->resampler, samples, piece, dtmf->piece, sizeof dtmf->piece / sizeof(int16_t));
    if (made > 0) receive(dtmf, dtmf->piece, (size_t)made);
    samples += piece;
    count -= piece;
  }
}

int cal_dtmf_is_pressed(const cal_dtmf *dtmf) { return dtmf->is_pressed; }

static int check_keys(const char *keys, uint32_t *on_ms, uint32_t *off_ms) {
  if (*on_ms == 0) *on_ms = CAL_DTMF_ON_MS;
  if (*off_ms == 0) *off_ms = CAL_DTMF_OFF_MS;
  size_t count = keys ? strlen(keys) : 0;
  if (count == 0 || count > CAL_DTMF_MAX_KEYS)
    return cal_fail(-EINVAL, "1 to %d keys can be dialled", CAL_DTMF_MAX_KEYS);
  if (keys[strspn(keys, "0123456789*#ABCD")]) return cal_fail(-EINVAL, "keys are 0-9, *, # and A-D");
  if (*on_ms < SHORTEST_MS || *on_ms > LONGEST_MS || *off_ms < SHORTEST_MS || *off_ms > LONGEST_MS)
    return cal_fail(-EINVAL, "a key and the pause after it last %d to %d ms", SHORTEST_MS, LONGEST_MS);
  return (int)(count * (*on_ms + *off_ms) * (RATE_HZ / 1000));
}

static int write_keys(int16_t *out, int samples, const char *keys, uint32_t on_ms, uint32_t off_ms) {
  dtmf_tx_state_t *sender = dtmf_tx_init(NULL);
  if (!sender) return cal_fail(-ENOMEM, "no memory to make keys");
  dtmf_tx_set_level(sender, LEVEL_DBM0, 0);
  dtmf_tx_set_timing(sender, (int)on_ms, (int)off_ms);
  dtmf_tx_put(sender, keys, -1);
  int made = dtmf_tx(sender, out, samples);
  dtmf_tx_free(sender);
  memset(out + made, 0, (size_t)(samples - made) * sizeof *out);
  return samples;
}

int cal_dtmf_write(int16_t *out, size_t room, const char *keys, uint32_t on_ms, uint32_t off_ms) {
  int samples = check_keys(keys, &on_ms, &off_ms);
  if (samples < 0) return samples;
  if ((size_t)samples > room) return cal_fail(-ENOSPC, "%d samples of keys do not fit", samples);
  return write_keys(out, samples, keys, on_ms, off_ms);
}

int cal_dtmf_clip(cal_clip **result, const char *keys, uint32_t on_ms, uint32_t off_ms, uint32_t rate_hz) {
  int samples = check_keys(keys, &on_ms, &off_ms);
  if (samples < 0) return samples;
  cal_clip *clip = cal_clip_new(RATE_HZ, (uint32_t)samples, NULL, 0);
  int code = write_keys(clip->data, samples, keys, on_ms, off_ms);
  if (code >= 0) code = cal_clip_resample(result, clip, rate_hz);
  cal_unref(clip);
  return code;
}
