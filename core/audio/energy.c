#include "audio/energy.h"

#include <math.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static const float silent_db = -75; /* digital silence must not make the faintest crackle loud */
static const float unproven_db =
    -45; /* a louder floor has to be proven for 2.4 s: the call may begin with "hello?" */
static const float full_scale_db = 0;

static float lower(float a, float b) { return a < b ? a : b; }
static float higher(float a, float b) { return a > b ? a : b; }

void cal_energy_init(cal_energy *energy) {
  *energy = (cal_energy){.level_db = silent_db,
                         .previous_db = full_scale_db,
                         .floor_db = unproven_db,
                         .past_db = unproven_db,
                         .present_db = full_scale_db};
  for (int i = 0; i < CAL_ENERGY_WINDOWS; i++) energy->quietest_db[i] = unproven_db;
}

typedef struct sums {
  int64_t samples, squares;
} sums;

#ifdef __SSE2__
/* Eight samples at a time; two squares are at most 2^31, which a lane of 32 bits holds without a sign. Frames
 * are far from the 262,144 samples whose sum might not fit. Returns how many samples it has added. */
static size_t add_eights(sums *total, const int16_t *frame, size_t samples) {
  const __m128i zero = _mm_setzero_si128(), ones = _mm_set1_epi16(1);
  __m128i sum = zero, squares = zero;
  size_t done = 0;
  for (; samples - done >= 8; done += 8) {
    __m128i eight = _mm_loadu_si128((const __m128i *)(frame + done)), pairs = _mm_madd_epi16(eight, eight);
    sum = _mm_add_epi32(sum, _mm_madd_epi16(eight, ones));
    squares = _mm_add_epi64(squares,
                            _mm_add_epi64(_mm_unpacklo_epi32(pairs, zero), _mm_unpackhi_epi32(pairs, zero)));
  }
  int32_t sum_of[4];
  int64_t squares_of[2];
  _mm_storeu_si128((__m128i *)sum_of, sum);
  _mm_storeu_si128((__m128i *)squares_of, squares);
  for (int i = 0; i < 4; i++) total->samples += sum_of[i];
  total->squares += squares_of[0] + squares_of[1];
  return done;
}
#else
static size_t add_eights(sums *total, const int16_t *frame, size_t samples) {
  (void)total, (void)frame, (void)samples;
  return 0;
}
#endif

static float level_of(const int16_t *frame, size_t samples) {
  sums total = {0, 0};
  for (size_t i = add_eights(&total, frame, samples); i < samples; i++) {
    total.samples += frame[i];
    total.squares += (int32_t)frame[i] * frame[i];
  }
  /* Without the mean: A-law silence and cheap gateways have an offset. */
  float mean = (float)total.samples / (float)samples;
  float power = (float)total.squares / (float)samples - mean * mean;
  return higher(10 * log10f(higher(power, 0) + 1) - 90.3f, silent_db);
}

static void next_window(cal_energy *energy) {
  energy->quietest_db[energy->window] = energy->present_db;
  energy->window = (energy->window + 1) % CAL_ENERGY_WINDOWS;
  energy->frames = 0;
  energy->present_db = full_scale_db;
  energy->past_db = full_scale_db;
  for (int i = 0; i < CAL_ENERGY_WINDOWS; i++)
    energy->past_db = lower(energy->past_db, energy->quietest_db[i]);
}

float cal_energy_frame(cal_energy *energy, const int16_t *frame, size_t samples) {
  float level_db = level_of(frame, samples);
  energy->level_db = level_db;
  /* The louder of two frames: a single lost packet is not a quiet line. */
  energy->present_db = lower(energy->present_db, higher(level_db, energy->previous_db));
  energy->previous_db = level_db;
  energy->floor_db = lower(energy->past_db, energy->present_db);
  if (++energy->frames == CAL_ENERGY_WINDOW_FRAMES) next_window(energy);
  return level_db - energy->floor_db;
}
