#include "audio/energy.h"

#include <math.h>

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

static float level_of(const int16_t *frame, size_t samples) {
  int64_t sum = 0, squares = 0;
  for (size_t i = 0; i < samples; i++) {
    sum += frame[i];
    squares += (int32_t)frame[i] * frame[i];
  }
  /* Without the mean: A-law silence and cheap gateways have an offset. */
  float mean = (float)sum / (float)samples;
  float power = (float)squares / (float)samples - mean * mean;
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
