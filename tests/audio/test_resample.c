#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audio/resample.h"
#include "base/mem.h"

/* Runs `samples` of input through in chunks of `chunk` (0: sizes that change); returns what came out. */
static size_t run_in_chunks(uint32_t from, uint32_t to, const int16_t *in, size_t samples, size_t chunk,
                            int16_t *out) {
  cal_resampler *resampler;
  assert_int_equal(cal_resampler_new(&resampler, from, to), 0);
  size_t made = 0, step = 0;
  for (size_t at = 0; at < samples;) {
    size_t piece = chunk ? chunk : 1 + (step++ * 37) % 211;
    if (piece > samples - at) piece = samples - at;
    int count =
        cal_resampler_run(resampler, in + at, piece, out + made, cal_resampler_room(resampler, piece));
    assert_true(count >= 0 && (size_t)count <= cal_resampler_room(resampler, piece));
    made += (size_t)count;
    at += piece;
  }
  cal_resampler_free(resampler);
  return made;
}

static void a_tone_stays_a_tone(void **state) {
  static const uint32_t rates[][2] = {{8000, 16000}, {16000, 8000}, {8000, 24000},
                                      {24000, 8000}, {22050, 8000}, {8000, 8000}};
  static int16_t in[24000], out[80000];
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    make_sine(in, rates[i][0], 1000, rates[i][0], 10000);
    size_t made = run_in_chunks(rates[i][0], rates[i][1], in, rates[i][0], 160, out);
    assert_true(labs((long)made - (long)rates[i][1]) < (long)rates[i][1] / 50);
    size_t skip = made / 10;
    assert_true(share_of(out + skip, made - 2 * skip, 1000, rates[i][1]) > 0.999);
  }
}

static void pitfall_20_odd_chunk_sizes_never_give_an_empty_frame(void **state) {
  static int16_t in[16000], whole[50000], parts[50000];
  static const uint32_t rates[][2] = {{8000, 16000}, {16000, 8000}, {24000, 8000}, {22050, 8000}};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    make_sine(in, 16000, 440, rates[i][0], 12000);
    size_t made = run_in_chunks(rates[i][0], rates[i][1], in, 16000, 16000, whole);
    static const size_t chunks[] = {1, 2, 3, 7, 79, 161, 1023, 0};
    for (size_t k = 0; k < sizeof chunks / sizeof *chunks; k++) {
      size_t again = run_in_chunks(rates[i][0], rates[i][1], in, 16000, chunks[k], parts);
      assert_int_equal(again, made);
      for (size_t n = 0; n < made; n++) assert_true(abs(parts[n] - whole[n]) <= 1);
    }
  }
}

/* A single sample at 24 kHz is a third of one at 8 kHz: most calls say "nothing this time", and the sum is
 * right. */
static void pitfall_20_a_chunk_that_completes_nothing_says_so(void **state) {
  cal_resampler *resampler;
  assert_int_equal(cal_resampler_new(&resampler, 24000, 8000), 0);
  int16_t in = 1000, out[16];
  int nothing = 0, made = 0;
  for (int i = 0; i < 3000; i++) {
    int count = cal_resampler_run(resampler, &in, 1, out, 16);
    assert_in_range(count, 0, 1);
    nothing += count == 0;
    made += count;
  }
  assert_true(nothing > 1900);
  assert_in_range(made, 950, 1000);
  assert_int_equal(cal_resampler_run(resampler, &in, 0, out, 16), 0);
  cal_resampler_free(resampler);
}

static void too_little_room_is_refused_and_consumes_nothing(void **state) {
  cal_resampler *resampler;
  assert_int_equal(cal_resampler_new(&resampler, 8000, 16000), 0);
  int16_t in[160] = {0}, out[400];
  assert_int_equal(cal_resampler_run(resampler, in, 160, out, 100), -ENOSPC);
  cal_resampler_free(resampler);
  assert_int_equal(cal_resampler_new(&resampler, 8000, 0), -EINVAL);
}

static void reset_forgets_the_past(void **state) {
  cal_resampler *resampler;
  assert_int_equal(cal_resampler_new(&resampler, 8000, 16000), 0);
  int16_t loud[800], quiet[160] = {0}, out[1700];
  make_sine(loud, 800, 1000, 8000, 20000);
  cal_resampler_run(resampler, loud, 800, out, 1700);
  cal_resampler_reset(resampler);
  int made = cal_resampler_run(resampler, quiet, 160, out, 1700);
  for (int i = 0; i < made; i++) assert_int_equal(out[i], 0);
  cal_resampler_free(resampler);
}

static void a_clip_keeps_its_length_its_beginning_and_its_words(void **state) {
  cal_clip *clip = cal_clip_new(16000, 16001, "one two", 2), *half;
  clip->word[0] = (cal_word){8001, 3};
  clip->word[1] = (cal_word){16001, 7};
  make_sine(clip->data, clip->samples, 500, 16000, 10000);
  assert_int_equal(cal_clip_resample(&half, clip, 8000), 0);
  assert_int_equal(half->samples, 8001);
  assert_int_equal(half->rate_hz, 8000);
  assert_string_equal(half->text, "one two");
  assert_int_equal(half->word[0].end_sample, 4001); /* rounded up: not over before it is */
  int16_t expected[8000];
  make_sine(expected, 8000, 500, 8000, 10000);
  for (int i = 100; i < 7900; i++) assert_true(abs(half->data[i] - expected[i]) < 200); /* no delay */
  cal_clip *same;
  assert_int_equal(cal_clip_resample(&same, half, 8000), 0);
  assert_ptr_equal(same, half);
  cal_unref(same);
  cal_unref(half);
  cal_unref(clip);
  clip = cal_clip_new(8000, 0, NULL, 0);
  assert_int_equal(cal_clip_resample(&half, clip, 16000), 0);
  assert_int_equal(half->samples, 0);
  cal_unref(half);
  cal_unref(clip);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_tone_stays_a_tone),
      cmocka_unit_test(pitfall_20_odd_chunk_sizes_never_give_an_empty_frame),
      cmocka_unit_test(pitfall_20_a_chunk_that_completes_nothing_says_so),
      cmocka_unit_test(too_little_room_is_refused_and_consumes_nothing),
      cmocka_unit_test(reset_forgets_the_past),
      cmocka_unit_test(a_clip_keeps_its_length_its_beginning_and_its_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
