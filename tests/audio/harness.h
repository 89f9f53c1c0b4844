/* What every test of this folder needs: cmocka in its order, and a tone. */
#ifndef CAL_TESTS_AUDIO_HARNESS_H
#define CAL_TESTS_AUDIO_HARNESS_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

static inline void make_sine(int16_t *out, size_t samples, double hz, double rate_hz, double peak) {
  for (size_t i = 0; i < samples; i++)
    out[i] = (int16_t)lrint(peak * sin(6.283185307179586 * hz * (double)i / rate_hz));
}

/* How much of the power is at that frequency: 1 for a pure tone. */
static inline double share_of(const int16_t *in, size_t samples, double hz, double rate_hz) {
  double re = 0, im = 0, power = 1e-9;
  for (size_t i = 0; i < samples; i++) {
    double angle = 6.283185307179586 * hz * (double)i / rate_hz;
    re += in[i] * cos(angle);
    im += in[i] * sin(angle);
    power += (double)in[i] * in[i];
  }
  return 2 * (re * re + im * im) / ((double)samples * power);
}

#endif
