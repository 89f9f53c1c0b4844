#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "data/base64.h"

static void rfc_4648_vectors(void **state) {
  static const char *const cases[][3] = {{"", "", ""},
                                         {"f", "Zg==", "Zg"},
                                         {"fo", "Zm8=", "Zm8"},
                                         {"foo", "Zm9v", "Zm9v"},
                                         {"foob", "Zm9vYg==", "Zm9vYg"},
                                         {"fooba", "Zm9vYmE=", "Zm9vYmE"},
                                         {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
                                         {"\xfb\xff\xbf", "+/+/", "-_-_"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (int alphabet = 0; alphabet < 2; alphabet++) {
      const char *plain = cases[i][0], *coded = cases[i][1 + alphabet];
      char text[16];
      uint8_t back[16];
      size_t n = cal_base64_encode((cal_base64)alphabet, text, plain, strlen(plain));
      assert_int_equal(n, strlen(coded));
      assert_memory_equal(text, coded, n);
      assert_int_equal(cal_base64_decode((cal_base64)alphabet, back, sizeof back, cal_span_of(coded)),
                       strlen(plain));
      assert_memory_equal(back, plain, strlen(plain));
    }
  }
}

static void every_length_comes_back(void **state) {
  uint8_t data[300];
  for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 151 + (i >> 3));
  for (size_t bytes = 0; bytes <= sizeof data; bytes++) {
    for (int alphabet = 0; alphabet < 2; alphabet++) {
      char *text = cal_alloc(CAL_BASE64_ENCODED(bytes) + 1);
      uint8_t *back = cal_alloc(bytes + 1);
      size_t n = cal_base64_encode((cal_base64)alphabet, text, data, bytes);
      assert_true(n <= CAL_BASE64_ENCODED(bytes));
      char *exact = cal_memdup(text, n);
      assert_int_equal(cal_base64_decode((cal_base64)alphabet, back, bytes, (cal_span){exact, n}), bytes);
      assert_memory_equal(back, data, bytes);
      if (bytes)
        assert_int_equal(cal_base64_decode((cal_base64)alphabet, back, bytes - 1, (cal_span){exact, n}),
                         -EMSGSIZE);
      cal_free(exact);
      cal_free(text);
      cal_free(back);
    }
  }
}

static void url_reads_padding_too(void **state) {
  uint8_t back[4];
  assert_int_equal(cal_base64_decode(CAL_BASE64_URL, back, 4, cal_span_of("Zg==")), 1);
  assert_int_equal(cal_base64_decode(CAL_BASE64_URL, back, 4, cal_span_of("Zm8=")), 2);
}

static void garbage_is_refused(void **state) {
  static const char *const both[] = {"Zg=",
                                     "Z",
                                     "=",
                                     "==",
                                     "====",
                                     "Z===",
                                     "Zh==",
                                     "Zm9=",
                                     "Zm9v\n",
                                     "Zm 9",
                                     " Zm9",
                                     "Zm9v====",
                                     "Zg==Zg==",
                                     "Zm=v",
                                     "Z\x80==",
                                     "Zm9*",
                                     "\xFF\xFF\xFF\xFF"};
  uint8_t back[16];
  for (size_t i = 0; i < sizeof both / sizeof *both; i++)
    for (int alphabet = 0; alphabet < 2; alphabet++)
      if (cal_base64_decode((cal_base64)alphabet, back, sizeof back, cal_span_of(both[i])) != -EBADMSG)
        fail_msg("alphabet %d took %s", alphabet, both[i]);
  static const char *const std_only[] = {"Zg", "Zm8", "-_-_"};
  for (size_t i = 0; i < sizeof std_only / sizeof *std_only; i++)
    assert_int_equal(cal_base64_decode(CAL_BASE64_STD, back, sizeof back, cal_span_of(std_only[i])),
                     -EBADMSG);
  assert_int_equal(cal_base64_decode(CAL_BASE64_URL, back, sizeof back, cal_span_of("+/+/")), -EBADMSG);
  assert_int_equal(cal_base64_decode(CAL_BASE64_STD, back, sizeof back, (cal_span){"Zm\0v", 4}), -EBADMSG);
}

static void an_error_says_where(void **state) {
  uint8_t back[16];
  assert_int_equal(cal_base64_decode(CAL_BASE64_STD, back, sizeof back, cal_span_of("Zm9vYm*y")), -EBADMSG);
  assert_non_null(strstr(cal_error_text(), "byte 6 of 8"));
}

/* The number of a letter of this alphabet, or -1. */
static int number_of(cal_base64 alphabet, int c) {
  const char *letters = alphabet == CAL_BASE64_STD
                            ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                            : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const char *found = c ? strchr(letters, c) : NULL;
  return found ? (int)(found - letters) : -1;
}

/* Six bits of `bytes`, the place-th from the front. */
static int bits_at(const uint8_t *bytes, size_t place) {
  size_t first = place / 4 * 3;
  uint32_t group = (uint32_t)bytes[first] << 16 | (uint32_t)bytes[first + 1] << 8 | bytes[first + 2];
  return (int)(group >> (18 - 6 * (place % 4)) & 63);
}

/* Each place, in the blocks and in what is left behind them, against each of the 256 bytes: taken exactly when
 * it is a letter, and as the right one. */
static void each_place_knows_its_letters(void **state) {
  for (int alphabet = 0; alphabet < 2; alphabet++) {
    for (size_t place = 0; place < 48; place++) {
      for (int c = 0; c < 256; c++) {
        char text[48], again[48];
        uint8_t back[36];
        memset(text, 'A', sizeof text);
        text[place] = (char)c;
        int number = number_of((cal_base64)alphabet, c);
        if (c == '=' && place == 47) continue; /* padding */
        ssize_t bytes =
            cal_base64_decode((cal_base64)alphabet, back, sizeof back, (cal_span){text, sizeof text});
        assert_int_equal(bytes, number < 0 ? -EBADMSG : 36);
        if (number < 0) continue;
        assert_int_equal(bits_at(back, place), number);
        assert_int_equal(cal_base64_encode((cal_base64)alphabet, again, back, sizeof back), sizeof text);
        assert_memory_equal(again, text, sizeof text);
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rfc_4648_vectors),      cmocka_unit_test(every_length_comes_back),
      cmocka_unit_test(url_reads_padding_too), cmocka_unit_test(garbage_is_refused),
      cmocka_unit_test(an_error_says_where),   cmocka_unit_test(each_place_knows_its_letters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
