/* The sound of an answer's body, cut anywhere: as declared, with a header, and what is not sound at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "audio/wav.h"
#include "base/error.h"
#include "talk/body.h"

static struct {
  int16_t samples[4096];
  size_t count;
  uint32_t rate_hz;
} heard;

static void on_samples(void *context, uint32_t rate_hz, const int16_t *samples, size_t count) {
  memcpy(heard.samples + heard.count, samples, count * sizeof *samples);
  heard.count += count;
  heard.rate_hz = rate_hz;
}

static int put_in_pieces(cal_encoding encoding, const void *data, size_t bytes, size_t piece) {
  static cal_body body;
  int code = 0;
  heard.count = 0;
  body.on_samples = on_samples;
  cal_body_init(&body, encoding, 8000);
  for (size_t at = 0; !code && at < bytes; at += piece)
    code = cal_body_put(&body, (const char *)data + at, bytes - at < piece ? bytes - at : piece);
  return code ? code : cal_body_end(&body);
}

static size_t wav_of(uint8_t *into, uint32_t channels, uint64_t data_bytes, const int16_t *samples,
                     size_t count) {
  cal_wav_header(into, 16000, channels, data_bytes);
  memcpy(into + CAL_WAV_HEADER_BYTES, samples, count * sizeof *samples);
  return CAL_WAV_HEADER_BYTES + count * sizeof *samples;
}

static void raw_sound_is_the_same_however_it_is_cut(void **state) {
  int16_t sound[100];
  for (int i = 0; i < 100; i++) sound[i] = (int16_t)(300 * i - 7000);
  for (size_t piece = 1; piece <= 200; piece++) {
    assert_int_equal(put_in_pieces(CAL_L16LE, sound, sizeof sound, piece), 0);
    assert_int_equal(heard.count, 100);
    assert_memory_equal(heard.samples, sound, sizeof sound);
    assert_int_equal(heard.rate_hz, 8000);
  }
}

static void a_header_is_skipped_and_believed(void **state) {
  int16_t sound[100];
  uint8_t file[512];
  for (int i = 0; i < 100; i++) sound[i] = (int16_t)(i * 90);
  for (size_t piece = 1; piece <= 250; piece++) {
    size_t bytes = wav_of(file, 1, 0, sound, 100); /* its maker did not know how long it is */
    assert_int_equal(put_in_pieces(CAL_PCMU, file, bytes, piece), 0);
    assert_int_equal(heard.count, 100);
    assert_memory_equal(heard.samples, sound, sizeof sound);
    assert_int_equal(heard.rate_hz, 16000);
  }
}

static void what_follows_the_sound_is_not_sound(void **state) {
  int16_t sound[6] = {1, 2, 3, 4, 5, 6};
  uint8_t file[512];
  size_t bytes = wav_of(file, 1, 8, sound, 6);
  assert_int_equal(put_in_pieces(CAL_L16LE, file, bytes, 7), 0);
  assert_int_equal(heard.count, 4);
}

static void of_two_channels_the_first_is_heard(void **state) {
  int16_t sound[8] = {1, -1, 2, -2, 3, -3, 4, -4};
  static const int16_t first[] = {1, 2, 3, 4};
  uint8_t file[512];
  size_t bytes = wav_of(file, 2, 16, sound, 8);
  for (size_t piece = 1; piece <= 60; piece++) {
    assert_int_equal(put_in_pieces(CAL_L16LE, file, bytes, piece), 0);
    assert_int_equal(heard.count, 4);
    assert_memory_equal(heard.samples, first, sizeof first);
  }
}

static void what_is_not_sound_is_refused(void **state) {
  static const char *const others[] = {"{\"error\":\"no\"}", "OggS............",  "ID3.............",
                                       "fLaC............",   "<!DOCTYPE html>..", "RIFF\1\1\1\1WAVEfmt "};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    for (size_t piece = 1; piece < 20; piece++)
      assert_int_equal(put_in_pieces(CAL_PCMU, others[i], strlen(others[i]), piece), -EPROTO);
  uint8_t file[512];
  int16_t sound[4] = {0};
  size_t bytes = wav_of(file, 1, 8, sound, 4);
  file[34] = 24; /* bits */
  assert_int_equal(put_in_pieces(CAL_L16LE, file, bytes, 11), -EPROTO);
}

static void a_header_without_an_end_is_refused(void **state) {
  static uint8_t file[3 * CAL_BODY_HEAD_BYTES];
  memcpy(file, "RIFF\1\1\1\1WAVELIST", 16);
  file[16] = 0;
  file[17] = 0xFF;
  assert_int_equal(put_in_pieces(CAL_L16LE, file, sizeof file, 1000), -EPROTO);
}

static void nothing_and_very_little_are_sound(void **state) {
  assert_int_equal(put_in_pieces(CAL_PCMU, "", 0, 1), 0);
  assert_int_equal(heard.count, 0);
  assert_int_equal(put_in_pieces(CAL_PCMU, "\xff\xff", 2, 1), 0);
  assert_int_equal(heard.count, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(raw_sound_is_the_same_however_it_is_cut),
      cmocka_unit_test(a_header_is_skipped_and_believed),
      cmocka_unit_test(what_follows_the_sound_is_not_sound),
      cmocka_unit_test(of_two_channels_the_first_is_heard),
      cmocka_unit_test(what_is_not_sound_is_refused),
      cmocka_unit_test(a_header_without_an_end_is_refused),
      cmocka_unit_test(nothing_and_very_little_are_sound),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
