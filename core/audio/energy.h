/* energy: how loud a frame is, and how loud the line is when nobody speaks.
 *
 * The floor is the quietest moment of the last 2.4 s. Speech has such moments between its syllables and noise
 * has not, so a noise that begins is learnt in that time and a sentence never is. What is well above the
 * floor is called active. Plain memory; no allocation. */
#ifndef CAL_AUDIO_ENERGY_H
#define CAL_AUDIO_ENERGY_H

#include <stddef.h>
#include <stdint.h>

enum { CAL_ENERGY_WINDOWS = 8, CAL_ENERGY_WINDOW_FRAMES = 15 /* 300 ms */ };

typedef struct cal_energy {
  float level_db; /* of the last frame, dB below full scale (a negative number) */
  float floor_db;
  float previous_db; /* level of the frame before */
  float quietest_db[CAL_ENERGY_WINDOWS];
  float past_db;    /* quietest of the whole windows */
  float present_db; /* quietest of the window under way */
  uint32_t window, frames;
} cal_energy;

void cal_energy_init(cal_energy *energy);

/* 20 ms. Returns by how many dB the frame stands above the floor. */
float cal_energy_frame(cal_energy *energy, const int16_t *frame, size_t samples);

#endif
