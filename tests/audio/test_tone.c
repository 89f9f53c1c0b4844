#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audio/mix.h"
#include "audio/tone.h"
#include "base/mem.h"

static void busy_has_its_frequencies_and_cadence_at_any_rate(void **state) {
  static const uint32_t rates[] = {8000, 16000, 24000};
  static int16_t sound[48000];
  for (int i = 0; i < 3; i++) {
    uint32_t rate = rates[i], half = rate / 2;
    cal_tone tone;
    assert_int_equal(cal_tone_init(&tone, "busy", rate), 0);
    for (size_t at = 0; at < 2 * rate; at += rate / 50)
      assert_int_equal(cal_tone_read(&tone, sound + at, rate / 50), rate / 50);
    for (int cycle = 0; cycle < 2; cycle++) {
      const int16_t *on = sound + cycle * rate, *off = on + half;
      assert_true(share_of(on, half, 480, rate) > 0.45);
      assert_true(share_of(on, half, 620, rate) > 0.45);
      for (uint32_t k = 0; k < half; k++) assert_int_equal(off[k], 0);
    }
  }
}

static void a_beep_is_over_after_once(void **state) {
  int16_t sound[8000];
  cal_tone tone;
  assert_int_equal(cal_tone_init(&tone, "beep", 8000), 0);
  assert_int_equal(cal_tone_read(&tone, sound, 8000), 4000);
  assert_int_equal(cal_tone_read(&tone, sound, 8000), 0);
  assert_true(share_of(sound, 4000, 1000, 8000) > 0.99);
}

static void a_clip_is_one_cadence(void **state) {
  cal_clip *clip;
  assert_int_equal(cal_tone_clip(&clip, "ringback", 8000), 0);
  assert_int_equal(clip->samples, 48000);
  cal_unref(clip);
  assert_int_equal(cal_tone_clip(&clip, "quack", 8000), -ENOENT);
  assert_int_equal(cal_tone_clip(&clip, "busy", 10), -EINVAL);
}

static void gains_are_decibels_and_saturate(void **state) {
  assert_int_equal(cal_gain_of_db(0), CAL_GAIN_UNITY);
  assert_in_range(cal_gain_of_db(-6.0206), 2047, 2049);
  assert_int_equal(cal_gain_of_db(-500), 0);
  assert_int_equal(cal_gain_of_db(90), CAL_GAIN_MAX);
  int16_t samples[] = {1000, -1000, 30000, -30000}, more[] = {100, -100, 30000, -30000};
  cal_gain_apply(samples, 4, cal_gain_of_db(6.0206));
  assert_in_range(samples[0], 1998, 2002);
  assert_int_equal(samples[2], INT16_MAX);
  assert_int_equal(samples[3], INT16_MIN);
  cal_mix_add(samples, more, 4, CAL_GAIN_UNITY);
  assert_in_range(samples[0], 2098, 2102);
  assert_int_equal(samples[2], INT16_MAX);
  assert_int_equal(samples[3], INT16_MIN);
}

/* A tone that does not fit the clip's length would jump at the seam; the cross-fade must not. */
static void the_background_loops_without_a_click(void **state) {
  cal_clip *clip = cal_clip_new(8000, 3333, NULL, 0);
  make_sine(clip->data, 3333, 301, 8000, 10000);
  cal_background background;
  cal_background_init(&background, clip, CAL_GAIN_UNITY);
  cal_unref(clip); /* the background has its own reference */
  int16_t last = 0;
  for (int frame = 0; frame < 200; frame++) {
    int16_t sound[160] = {0};
    cal_background_mix(&background, sound, 160);
    for (int i = 0; i < 160; i++) {
      assert_true(abs(sound[i] - last) < 3000); /* the tone's own steepest step is 2,360 */
      last = sound[i];
    }
  }
  cal_background_done(&background);
  cal_background_done(&background);
}

static void a_change_of_gain_glides(void **state) {
  cal_clip *clip = cal_clip_new(8000, 1000, NULL, 0);
  for (int i = 0; i < 1000; i++) clip->data[i] = 10000;
  cal_background background;
  cal_background_init(&background, clip, 0);
  cal_background_gain(&background, CAL_GAIN_UNITY);
  int16_t sound[160] = {0};
  cal_background_mix(&background, sound, 160);
  for (int i = 1; i < 160; i++) assert_in_range(sound[i] - sound[i - 1], 0, 80);
  assert_in_range(sound[159], 9990, 10000);
  cal_background_done(&background);
  cal_unref(clip);
  cal_background_init(&background, NULL, CAL_GAIN_UNITY);
  cal_background_mix(&background, sound, 160);
  assert_in_range(sound[159], 9990, 10000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(busy_has_its_frequencies_and_cadence_at_any_rate),
      cmocka_unit_test(a_beep_is_over_after_once),
      cmocka_unit_test(a_clip_is_one_cadence),
      cmocka_unit_test(gains_are_decibels_and_saturate),
      cmocka_unit_test(the_background_loops_without_a_click),
      cmocka_unit_test(a_change_of_gain_glides),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
