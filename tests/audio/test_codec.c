#include "harness.h"

#include <errno.h>
#include <spandsp.h>
#include <stdlib.h>
#include <string.h>

#include "audio/codec.h"

static void names_are_known_both_ways(void **state) {
  static const char *const names[] = {"pcmu", "pcma", "l16le", "l16be"};
  for (int i = 0; i < 4; i++) {
    cal_encoding encoding;
    assert_int_equal(cal_encoding_named(&encoding, names[i]), 0);
    assert_int_equal(encoding, i);
    assert_string_equal(cal_encoding_name(encoding), names[i]);
    assert_int_equal(cal_encoding_bytes(encoding), i < 2 ? 1 : 2);
  }
  cal_encoding encoding;
  assert_int_equal(cal_encoding_named(&encoding, "opus"), -EINVAL);
  assert_int_equal(cal_encoding_named(&encoding, NULL), -EINVAL);
}

/* Every sample there is, against the library's own arithmetic. */
static void both_laws_are_g711(void **state) {
  for (int sample = INT16_MIN; sample <= INT16_MAX; sample++) {
    int16_t in = (int16_t)sample;
    uint8_t byte;
    cal_encode(CAL_PCMU, &in, 1, &byte);
    assert_int_equal(byte, linear_to_ulaw(sample));
    cal_encode(CAL_PCMA, &in, 1, &byte);
    assert_int_equal(byte, linear_to_alaw(sample));
  }
}

static void every_code_survives_decoding_and_encoding(void **state) {
  for (int law = CAL_PCMU; law <= CAL_PCMA; law++)
    for (int code = 0; code < 256; code++) {
      uint8_t in = (uint8_t)code, out;
      int16_t sample;
      assert_int_equal(cal_decode((cal_encoding)law, &in, 1, &sample), 1);
      cal_encode((cal_encoding)law, &sample, 1, &out);
      if (law == CAL_PCMU && code == 0x7F)
        assert_int_equal(out, 0xFF); /* minus zero is zero */
      else
        assert_int_equal(out, in);
    }
}

static void the_error_of_a_law_is_small_beside_the_sample(void **state) {
  for (int law = CAL_PCMU; law <= CAL_PCMA; law++)
    for (int sample = -32000; sample <= 32000; sample += 7) {
      int16_t in = (int16_t)sample, out;
      uint8_t byte;
      cal_encode((cal_encoding)law, &in, 1, &byte);
      cal_decode((cal_encoding)law, &byte, 1, &out);
      assert_true(abs(out - sample) <= 16 + abs(sample) / 16);
    }
}

static void linear_has_the_byte_order_it_says(void **state) {
  int16_t samples[] = {0x1234, -2}, back[2];
  uint8_t bytes[5];
  assert_int_equal(cal_encode(CAL_L16BE, samples, 2, bytes), 4);
  assert_memory_equal(bytes, "\x12\x34\xff\xfe", 4);
  assert_int_equal(cal_decode(CAL_L16BE, bytes, 4, back), 2);
  assert_memory_equal(back, samples, 4);
  assert_int_equal(cal_encode(CAL_L16LE, samples, 2, bytes), 4);
  assert_memory_equal(bytes, "\x34\x12\xfe\xff", 4);
  assert_int_equal(cal_decode(CAL_L16LE, bytes, 5, back), 2); /* the odd byte is left */
  assert_memory_equal(back, samples, 4);
}

static void silence_is_silent(void **state) {
  for (int i = 0; i < 4; i++) {
    uint8_t bytes[2] = {cal_encoding_silence((cal_encoding)i), cal_encoding_silence((cal_encoding)i)};
    int16_t sample = 77;
    cal_decode((cal_encoding)i, bytes, cal_encoding_bytes((cal_encoding)i), &sample);
    assert_true(abs(sample) <= 8);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_known_both_ways),
      cmocka_unit_test(both_laws_are_g711),
      cmocka_unit_test(every_code_survives_decoding_and_encoding),
      cmocka_unit_test(the_error_of_a_law_is_small_beside_the_sample),
      cmocka_unit_test(linear_has_the_byte_order_it_says),
      cmocka_unit_test(silence_is_silent),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
