#include "talk/kept.h"

#include <string.h>

#include "audio/resample.h"
#include "base/mem.h"

void cal_kept_open(cal_kept *kept, uint32_t rate_hz, uint32_t seconds) {
  *kept = (cal_kept){.room = rate_hz * seconds};
  kept->samples = cal_alloc(kept->room * sizeof *kept->samples);
}

void cal_kept_close(cal_kept *kept) { kept->samples = cal_free(kept->samples); }

uint64_t cal_kept_begin(const cal_kept *kept) { return kept->end > kept->room ? kept->end - kept->room : 0; }

void cal_kept_put(cal_kept *kept, const int16_t *samples, size_t count) {
  while (count) {
    size_t at = kept->end % kept->room, left = kept->room - at, piece = count < left ? count : left;
    if (samples)
      memcpy(kept->samples + at, samples, piece * sizeof *samples);
    else
      memset(kept->samples + at, 0, piece * sizeof *samples);
    if (samples) samples += piece;
    kept->end += piece;
    count -= piece;
  }
}

void cal_kept_get(const cal_kept *kept, uint64_t from, int16_t *into, size_t count) {
  while (count) {
    size_t at = from % kept->room, left = kept->room - at, piece = count < left ? count : left;
    memcpy(into, kept->samples + at, piece * sizeof *into);
    into += piece;
    from += piece;
    count -= piece;
  }
}

int cal_kept_resample(cal_kept *kept, uint32_t from_hz, uint32_t to_hz) {
  cal_resampler *resampler;
  if (from_hz == to_hz) return 0;
  int code = cal_resampler_new(&resampler, from_hz, to_hz);
  if (code < 0) return code;
  uint64_t begin = cal_kept_begin(kept);
  size_t count = (size_t)(kept->end - begin), room = cal_resampler_room(resampler, count);
  int16_t *before = cal_alloc((count + 1) * sizeof *before), *after = cal_alloc((room + 1) * sizeof *after);
  cal_kept_get(kept, begin, before, count);
  int made = count ? cal_resampler_run(resampler, before, count, after, room) : 0;
  uint64_t end = kept->end * to_hz / from_hz;
  uint32_t seconds = kept->room / from_hz;
  cal_kept_close(kept);
  cal_kept_open(kept, to_hz, seconds);
  if (made > 0 && (uint64_t)made <= end) {
    kept->end = end - (uint64_t)made;
    cal_kept_put(kept, after, (size_t)made);
  }
  kept->end = end;
  cal_resampler_free(resampler);
  cal_free(before);
  cal_free(after);
  return 0;
}
