#include "harness.h"

#include <errno.h>
#include <string.h>

#include "audio/codec.h"
#include "audio/dtmf.h"
#include "base/mem.h"

static struct {
  char keys[256];
  uint64_t at[256];
  size_t count;
} pressed;

static void on_press(void *context, char key, uint64_t at_sample) {
  (void)context;
  pressed.keys[pressed.count] = key;
  pressed.at[pressed.count++] = at_sample;
}

static void listen_to(const int16_t *samples, size_t count, size_t chunk, uint32_t rate_hz) {
  memset(&pressed, 0, sizeof pressed);
  cal_dtmf *dtmf;
  assert_int_equal(cal_dtmf_new(&dtmf, rate_hz, on_press, NULL), 0);
  for (size_t at = 0; at < count; at += chunk)
    cal_dtmf_push(dtmf, samples + at, count - at < chunk ? count - at : chunk);
  cal_dtmf_free(dtmf);
}

static const char all_keys[] = "1234567890*#ABCD";

static void what_is_dialled_is_heard_through_both_laws(void **state) {
  static int16_t sound[16 * 1600];
  static const size_t chunks[] = {160, 1, 77, 102, 1600};
  for (int law = CAL_PCMU; law <= CAL_PCMA; law++)
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
      int count = cal_dtmf_write(sound, sizeof sound / 2, all_keys, 0, 0);
      assert_int_equal(count, 16 * 1600);
      for (int k = 0; k < count; k++) {
        uint8_t byte;
        cal_encode((cal_encoding)law, &sound[k], 1, &byte);
        cal_decode((cal_encoding)law, &byte, 1, &sound[k]);
      }
      listen_to(sound, (size_t)count, chunks[i], 8000);
      assert_string_equal(pressed.keys, all_keys);
      for (size_t k = 0; k < 16; k++) assert_in_range(pressed.at[k] + 120, k * 1600, k * 1600 + 240);
    }
}

static void a_long_press_is_one_press(void **state) {
  static int16_t sound[2 * 8800];
  int count = cal_dtmf_write(sound, sizeof sound / 2, "55", 1000, 100);
  listen_to(sound, (size_t)count, 160, 8000);
  assert_string_equal(pressed.keys, "55");
}

static void other_rates_are_heard_too(void **state) {
  static const uint32_t rates[] = {16000, 24000};
  for (int i = 0; i < 2; i++) {
    cal_clip *clip;
    assert_int_equal(cal_dtmf_clip(&clip, "0*9#", 80, 80, rates[i]), 0);
    assert_int_equal(clip->rate_hz, rates[i]);
    listen_to(clip->data, clip->samples, 331, rates[i]);
    assert_string_equal(pressed.keys, "0*9#");
    assert_in_range(pressed.at[1] + 300, rates[i] * 160 / 1000, rates[i] * 160 / 1000 + 900);
    cal_unref(clip);
  }
}

static void a_held_key_is_known(void **state) {
  int16_t sound[1600];
  cal_dtmf *dtmf;
  memset(&pressed, 0, sizeof pressed);
  assert_int_equal(cal_dtmf_new(&dtmf, 8000, on_press, NULL), 0);
  assert_int_equal(cal_dtmf_write(sound, 1600, "7", 0, 0), 1600);
  assert_false(cal_dtmf_is_pressed(dtmf));
  cal_dtmf_push(dtmf, sound, 700);
  assert_true(cal_dtmf_is_pressed(dtmf));
  cal_dtmf_push(dtmf, sound + 700, 900);
  assert_false(cal_dtmf_is_pressed(dtmf));
  cal_dtmf_free(dtmf);
}

static void one_tone_or_noise_is_no_key(void **state) {
  static int16_t sound[80000];
  make_sine(sound, 80000, 697, 8000, 10000);
  listen_to(sound, 80000, 160, 8000);
  assert_int_equal(pressed.count, 0);
  uint32_t seed = 1;
  for (int i = 0; i < 80000; i++) sound[i] = (int16_t)((seed = seed * 1664525 + 1013904223) >> 18);
  listen_to(sound, 80000, 160, 8000);
  assert_int_equal(pressed.count, 0);
}

static void what_cannot_be_dialled_is_refused(void **state) {
  int16_t sound[1600];
  assert_int_equal(cal_dtmf_write(sound, 1600, "", 0, 0), -EINVAL);
  assert_int_equal(cal_dtmf_write(sound, 1600, NULL, 0, 0), -EINVAL);
  assert_int_equal(cal_dtmf_write(sound, 1600, "1x", 0, 0), -EINVAL);
  assert_int_equal(cal_dtmf_write(sound, 1600, "1", 5, 0), -EINVAL);
  assert_int_equal(cal_dtmf_write(sound, 1600, "12", 0, 0), -ENOSPC);
  cal_dtmf *dtmf;
  assert_int_equal(cal_dtmf_new(&dtmf, 1, on_press, NULL), -EINVAL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_dialled_is_heard_through_both_laws),
      cmocka_unit_test(a_long_press_is_one_press),
      cmocka_unit_test(other_rates_are_heard_too),
      cmocka_unit_test(a_held_key_is_known),
      cmocka_unit_test(one_tone_or_noise_is_no_key),
      cmocka_unit_test(what_cannot_be_dialled_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
