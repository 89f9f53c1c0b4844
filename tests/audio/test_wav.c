#include "harness.h"

#include <errno.h>
#include <string.h>

#include "audio/codec.h"
#include "audio/wav.h"
#include "base/error.h"
#include "base/mem.h"

/* A file with any format; the header is ours, patched. */
static size_t make_file(uint8_t *file, uint32_t format, uint32_t channels, uint32_t bits, const void *data,
                        size_t bytes) {
  cal_wav_header(file, 8000, channels, bytes);
  file[20] = (uint8_t)format;
  file[34] = (uint8_t)bits;
  memcpy(file + CAL_WAV_HEADER_BYTES, data, bytes);
  return CAL_WAV_HEADER_BYTES + bytes;
}

static void what_is_written_is_read(void **state) {
  uint8_t file[1000];
  int16_t samples[] = {1, -2, 3000, -32768};
  size_t bytes = make_file(file, 1, 1, 16, samples, sizeof samples);
  cal_clip *clip;
  assert_int_equal(cal_wav_read(&clip, file, bytes), 0);
  assert_int_equal(clip->rate_hz, 8000);
  assert_int_equal(clip->samples, 4);
  assert_memory_equal(clip->data, samples, sizeof samples);
  cal_unref(clip);
}

static void stereo_becomes_mono(void **state) {
  uint8_t file[1000];
  int16_t samples[] = {100, 200, -32768, -32768, 32767, 32767};
  size_t bytes = make_file(file, 1, 2, 16, samples, sizeof samples);
  cal_clip *clip;
  assert_int_equal(cal_wav_read(&clip, file, bytes), 0);
  assert_int_equal(clip->samples, 3);
  assert_int_equal(clip->data[0], 150);
  assert_int_equal(clip->data[1], -32768);
  assert_int_equal(clip->data[2], 32767);
  cal_unref(clip);
}

static void eight_bits_and_both_laws_are_read(void **state) {
  uint8_t file[1000], pcm[] = {128, 255, 0}, law[2];
  cal_clip *clip;
  assert_int_equal(cal_wav_read(&clip, file, make_file(file, 1, 1, 8, pcm, 3)), 0);
  assert_int_equal(clip->data[0], 0);
  assert_int_equal(clip->data[1], 127 * 256);
  assert_int_equal(clip->data[2], -32768);
  cal_unref(clip);
  int16_t sample = 8159, back;
  for (int i = 0; i < 2; i++) {
    cal_encoding encoding = i ? CAL_PCMA : CAL_PCMU;
    cal_encode(encoding, &sample, 1, law);
    cal_decode(encoding, law, 1, &back);
    assert_int_equal(cal_wav_read(&clip, file, make_file(file, i ? 6 : 7, 1, 8, law, 1)), 0);
    assert_int_equal(clip->data[0], back);
    cal_unref(clip);
  }
}

static void other_chunks_are_skipped(void **state) {
  uint8_t file[1000], plain[1000];
  int16_t samples[] = {5, 6};
  size_t bytes = make_file(plain, 1, 1, 16, samples, sizeof samples);
  memcpy(file, plain, 36);
  memcpy(file + 36, "LIST\3\0\0\0abc\0", 12); /* an odd size has a pad byte */
  memcpy(file + 48, plain + 36, bytes - 36);
  cal_clip *clip;
  assert_int_equal(cal_wav_read(&clip, file, bytes + 12), 0);
  assert_int_equal(clip->samples, 2);
  cal_unref(clip);
}

static void a_file_that_claims_too_much_is_read_as_far_as_it_goes(void **state) {
  uint8_t file[1000];
  int16_t samples[] = {5, 6, 7};
  size_t bytes = make_file(file, 1, 1, 16, samples, sizeof samples);
  static const uint32_t claims[] = {0, 1000000, UINT32_MAX};
  for (int i = 0; i < 3; i++) {
    memcpy(file + 40, &claims[i], 4);
    cal_clip *clip;
    assert_int_equal(cal_wav_read(&clip, file, bytes - 1), 0);
    assert_int_equal(clip->samples, 2);
    cal_unref(clip);
  }
}

static void refused_with_a_reason(int code, const char *word, const uint8_t *file, size_t bytes) {
  cal_clip *clip;
  assert_int_equal(cal_wav_read(&clip, file, bytes), code);
  assert_non_null(strstr(cal_error_text(), word));
}

static void what_is_not_read_is_refused_with_a_reason(void **state) {
  uint8_t file[1000], data[8] = {0};
  refused_with_a_reason(-EINVAL, "not a WAV", (const uint8_t *)"ID3", 3);
  make_file(file, 1, 1, 16, data, 8);
  refused_with_a_reason(-EINVAL, "has 0 bytes", file, 20);
  refused_with_a_reason(-EINVAL, "no samples", file, 36);
  refused_with_a_reason(-ENOTSUP, "format 85", file, make_file(file, 85, 1, 16, data, 8));
  refused_with_a_reason(-ENOTSUP, "24 bits", file, make_file(file, 1, 1, 24, data, 8));
  refused_with_a_reason(-ENOTSUP, "6 channels", file, make_file(file, 1, 6, 16, data, 8));
  size_t bytes = make_file(file, 1, 1, 16, data, 8);
  memset(file + 24, 0xFF, 4);
  refused_with_a_reason(-ENOTSUP, "samples a second", file, bytes);
}

/* No prefix of a good file, and no damaged size, may read outside of it (the sanitizer watches). */
static void any_prefix_is_safe(void **state) {
  uint8_t file[200];
  int16_t samples[20] = {0};
  size_t bytes = make_file(file, 1, 1, 16, samples, sizeof samples);
  for (size_t cut = 0; cut <= bytes; cut++) {
    uint8_t *copy = cal_memdup(file, cut);
    cal_clip *clip;
    if (cal_wav_read(&clip, copy, cut) == 0) cal_unref(clip);
    cal_free(copy);
  }
  for (size_t at = 0; at < CAL_WAV_HEADER_BYTES; at++)
    for (int value = 0; value < 256; value += 5) {
      uint8_t *copy = cal_memdup(file, bytes);
      copy[at] = (uint8_t)value;
      cal_clip *clip;
      if (cal_wav_read(&clip, copy, bytes) == 0) cal_unref(clip);
      cal_free(copy);
    }
}

static void a_header_is_repaired_after_a_crash(void **state) {
  uint8_t header[CAL_WAV_HEADER_BYTES], right[CAL_WAV_HEADER_BYTES];
  cal_wav_header(header, 8000, 2, 0);
  cal_wav_header(right, 8000, 2, 4000);
  assert_int_equal(cal_wav_repair(header, CAL_WAV_HEADER_BYTES + 4003), 1); /* cut inside a sample */
  assert_memory_equal(header, right, sizeof right);
  assert_int_equal(cal_wav_repair(header, CAL_WAV_HEADER_BYTES + 4000), 0);
  header[0] = 'X';
  assert_int_equal(cal_wav_repair(header, 5000), -EINVAL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_is_read),
      cmocka_unit_test(stereo_becomes_mono),
      cmocka_unit_test(eight_bits_and_both_laws_are_read),
      cmocka_unit_test(other_chunks_are_skipped),
      cmocka_unit_test(a_file_that_claims_too_much_is_read_as_far_as_it_goes),
      cmocka_unit_test(what_is_not_read_is_refused_with_a_reason),
      cmocka_unit_test(any_prefix_is_safe),
      cmocka_unit_test(a_header_is_repaired_after_a_crash),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
