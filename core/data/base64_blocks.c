#include "data/base64_blocks.h"

#ifdef __x86_64__
#include <tmmintrin.h>

#define SSSE3 __attribute__((target("ssse3")))

static int has_ssse3;

__attribute__((constructor)) static void look_at_processor(void) {
  __builtin_cpu_init();
  has_ssse3 = __builtin_cpu_supports("ssse3");
}

/* Three bytes a group, each group twice in a lane of 32 bits, so that two multiplications shift all four
 * letters of it to their places. */
SSSE3 static inline __m128i letters_of(__m128i bytes) {
  __m128i groups = _mm_shuffle_epi8(bytes, _mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10));
  __m128i even =
      _mm_mulhi_epu16(_mm_and_si128(groups, _mm_set1_epi32(0x0FC0FC00)), _mm_set1_epi32(0x04000040));
  __m128i odd =
      _mm_mullo_epi16(_mm_and_si128(groups, _mm_set1_epi32(0x003F03F0)), _mm_set1_epi32(0x01000010));
  return _mm_or_si128(even, odd);
}

/* `shifts`: what to add to the number of a letter: 0: a–z, 1–10: the digits, 11 and 12: the last two, 13: A–Z. */
SSSE3 static inline __m128i spelling_of(__m128i letters, __m128i shifts) {
  __m128i kind = _mm_subs_epu8(letters, _mm_set1_epi8(51));
  __m128i is_capital = _mm_cmpgt_epi8(_mm_set1_epi8(26), letters);
  kind = _mm_or_si128(kind, _mm_and_si128(is_capital, _mm_set1_epi8(13)));
  return _mm_add_epi8(_mm_shuffle_epi8(shifts, kind), letters);
}

SSSE3 static size_t encode(cal_base64 alphabet, char *into, const uint8_t *data, size_t bytes) {
  const char last[2] = {alphabet == CAL_BASE64_STD ? '+' - 62 : '-' - 62,
                        alphabet == CAL_BASE64_STD ? '/' - 63 : '_' - 63};
  const __m128i shifts = _mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                       '0' - 52, '0' - 52, '0' - 52, '0' - 52, last[0], last[1], 'A', 0, 0);
  size_t done = 0;
  for (; bytes - done >= 16; done += 12, into += 16) { /* sixteen are read, twelve are meant */
    __m128i block = _mm_loadu_si128((const __m128i *)(data + done));
    _mm_storeu_si128((__m128i *)into, spelling_of(letters_of(block), shifts));
  }
  return done;
}

/* All ones where `text` is between the two. Bytes of 0x80 and above are negative and never are. */
SSSE3 static inline __m128i between(__m128i text, char first, char last) {
  return _mm_and_si128(_mm_cmpgt_epi8(text, _mm_set1_epi8((char)(first - 1))),
                       _mm_cmpgt_epi8(_mm_set1_epi8((char)(last + 1)), text));
}

/* The numbers of sixteen letters; -1 when one of them is foreign. */
SSSE3 static inline int numbers_of(__m128i *text, char letter_62, char letter_63) {
  __m128i capitals = between(*text, 'A', 'Z'), small = between(*text, 'a', 'z'),
          digits = between(*text, '0', '9');
  __m128i is_62 = _mm_cmpeq_epi8(*text, _mm_set1_epi8(letter_62)),
          is_63 = _mm_cmpeq_epi8(*text, _mm_set1_epi8(letter_63));
  __m128i shift = _mm_and_si128(capitals, _mm_set1_epi8(-'A'));
  shift = _mm_or_si128(shift, _mm_and_si128(small, _mm_set1_epi8(26 - 'a')));
  shift = _mm_or_si128(shift, _mm_and_si128(digits, _mm_set1_epi8(52 - '0')));
  shift = _mm_or_si128(shift, _mm_and_si128(is_62, _mm_set1_epi8((char)(62 - letter_62))));
  shift = _mm_or_si128(shift, _mm_and_si128(is_63, _mm_set1_epi8((char)(63 - letter_63))));
  __m128i known =
      _mm_or_si128(_mm_or_si128(capitals, small), _mm_or_si128(digits, _mm_or_si128(is_62, is_63)));
  *text = _mm_add_epi8(*text, shift);
  return _mm_movemask_epi8(known) == 0xFFFF ? 0 : -1;
}

/* Six bits a byte become 24 bits a lane, and these 12 bytes in a row. */
SSSE3 static inline __m128i bytes_of(__m128i numbers) {
  __m128i pairs = _mm_maddubs_epi16(numbers, _mm_set1_epi32(0x01400140));
  __m128i groups = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00011000));
  return _mm_shuffle_epi8(groups, _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
}

SSSE3 static size_t decode(cal_base64 alphabet, uint8_t *into, const char *text, size_t letters) {
  char letter_62 = alphabet == CAL_BASE64_STD ? '+' : '-', letter_63 = alphabet == CAL_BASE64_STD ? '/' : '_';
  size_t done = 0;
  for (; letters - done >= 22;
       done += 16, into += 12) { /* sixteen bytes are written; six letters more are four of them */
    __m128i block = _mm_loadu_si128((const __m128i *)(text + done));
    if (numbers_of(&block, letter_62, letter_63) < 0) break;
    _mm_storeu_si128((__m128i *)into, bytes_of(block));
  }
  return done;
}

size_t cal_base64_encode_blocks(cal_base64 alphabet, char *into, const uint8_t *data, size_t bytes) {
  return has_ssse3 ? encode(alphabet, into, data, bytes) : 0;
}

size_t cal_base64_decode_blocks(cal_base64 alphabet, uint8_t *into, const char *text, size_t letters) {
  return has_ssse3 ? decode(alphabet, into, text, letters) : 0;
}

#else

size_t cal_base64_encode_blocks(cal_base64 alphabet, char *into, const uint8_t *data, size_t bytes) {
  (void)alphabet, (void)into, (void)data, (void)bytes;
  return 0;
}

size_t cal_base64_decode_blocks(cal_base64 alphabet, uint8_t *into, const char *text, size_t letters) {
  (void)alphabet, (void)into, (void)text, (void)letters;
  return 0;
}

#endif
