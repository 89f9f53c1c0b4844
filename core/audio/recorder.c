#include "audio/recorder.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

enum {
  USUAL_BLOCK_BYTES = 16 << 10,
  SMALLEST_BLOCK_BYTES = 1 << 10,
  LARGEST_BLOCK_BYTES = 1 << 20,
  FRAME_BYTES = 4, /* two samples of 16 bits */
  LONGEST_GAP_S = 600,
};

struct cal_recorder {
  cal_recorder_options options;
  int16_t *current, *next; /* interleaved; always both there until the end */
  uint64_t base;           /* position of current's first frame */
  uint64_t end;            /* one past the last position written */
  uint64_t late_samples;
  size_t block_frames;
  int is_paused, is_finished;
};

static int16_t *new_block(const cal_recorder *recorder) {
  return cal_alloc(recorder->block_frames * FRAME_BYTES);
}

static void give(cal_recorder *recorder, void *block, size_t bytes) {
  recorder->options.on_block(recorder->options.context, block, bytes);
}

/* A file is little-endian; so are the machines we run on, elsewhere the bytes are turned here. */
static void to_file_order(int16_t *samples, size_t count) {
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
  for (size_t i = 0; i < count; i++) samples[i] = (int16_t)__builtin_bswap16((uint16_t)samples[i]);
#else
  (void)samples, (void)count;
#endif
}

cal_recorder *cal_recorder_new(const cal_recorder_options *options) {
  size_t bytes = options->block_bytes ? options->block_bytes : USUAL_BLOCK_BYTES;
  assert(bytes >= SMALLEST_BLOCK_BYTES && bytes <= LARGEST_BLOCK_BYTES && bytes % FRAME_BYTES == 0);
  assert(options->on_block && options->rate_hz > 0);
  cal_recorder *recorder = cal_alloc(sizeof *recorder);
  recorder->options = *options;
  recorder->block_frames = bytes / FRAME_BYTES;
  recorder->current = new_block(recorder);
  recorder->next = new_block(recorder);
  uint8_t *header = cal_alloc(CAL_WAV_HEADER_BYTES);
  cal_wav_header(header, options->rate_hz, 2, 0);
  give(recorder, header, CAL_WAV_HEADER_BYTES);
  return recorder;
}

cal_recorder *cal_recorder_free(cal_recorder *recorder) {
  if (!recorder) return NULL;
  cal_free(recorder->current);
  cal_free(recorder->next);
  return cal_free(recorder);
}

static void give_current(cal_recorder *recorder) {
  to_file_order(recorder->current, recorder->block_frames * 2);
  give(recorder, recorder->current, recorder->block_frames * FRAME_BYTES);
  recorder->current = recorder->next;
  recorder->next = new_block(recorder);
  recorder->base += recorder->block_frames;
}

/* Copies into the block that holds `position`, as far as that block goes; returns how many samples that was.
 */
static size_t put(cal_recorder *recorder, cal_recorder_side side, uint64_t position, const int16_t *samples,
                  size_t count) {
  size_t at = (size_t)(position - recorder->base);
  int16_t *block = recorder->current;
  if (at >= recorder->block_frames) {
    at -= recorder->block_frames;
    block = recorder->next;
  }
  if (count > recorder->block_frames - at) count = recorder->block_frames - at;
  if (recorder->is_paused) return count;
  int16_t *into = block + at * 2 + (side == CAL_SIDE_AGENT);
  for (size_t i = 0; i < count; i++) into[2 * i] = samples[i];
  return count;
}

int cal_recorder_write(cal_recorder *recorder, cal_recorder_side side, uint64_t position,
                       const int16_t *samples, size_t count) {
  assert(!recorder->is_finished);
  const uint64_t most = (UINT32_MAX - CAL_WAV_HEADER_BYTES) / FRAME_BYTES;
  if (position > recorder->end + (uint64_t)LONGEST_GAP_S * recorder->options.rate_hz)
    return cal_fail(-ERANGE, "recorded sound claims to be more than %d s ahead", LONGEST_GAP_S);
  if (position + count > most)
    return cal_fail(-EFBIG, "the recording has reached the size a WAV file can have");
  if (position + count > recorder->end) recorder->end = position + count;
  while (count > 0) {
    size_t done;
    if (position < recorder->base) {
      done = recorder->base - position < count ? (size_t)(recorder->base - position) : count;
      recorder->late_samples += done;
    } else {
      while (position >= recorder->base + 2 * recorder->block_frames) give_current(recorder);
      done = put(recorder, side, position, samples, count);
    }
    position += done;
    samples += done;
    count -= done;
  }
  return 0;
}

void cal_recorder_pause(cal_recorder *recorder, int is_paused) { recorder->is_paused = is_paused; }

void cal_recorder_finish(cal_recorder *recorder, cal_recorder_end *end) {
  assert(!recorder->is_finished);
  recorder->is_finished = 1;
  while (recorder->end >= recorder->base + recorder->block_frames) give_current(recorder);
  size_t rest = recorder->end > recorder->base ? (size_t)(recorder->end - recorder->base) : 0;
  if (rest) {
    to_file_order(recorder->current, rest * 2);
    give(recorder, recorder->current, rest * FRAME_BYTES);
    recorder->current = NULL;
  }
  *end = (cal_recorder_end){.frames = recorder->end, .late_samples = recorder->late_samples};
  cal_wav_header(end->header, recorder->options.rate_hz, 2, recorder->end * FRAME_BYTES);
}
