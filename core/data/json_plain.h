/* json_plain: the bytes that stand for themselves in a JSON string, many at a time.
 *
 * Everything but a quote, a backslash, a control character and the bytes of a multi-byte character. Any
 * thread; nothing outside the text is read. */
#ifndef CAL_DATA_JSON_PLAIN_H
#define CAL_DATA_JSON_PLAIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Looks at CAL_JSON_STEP bytes and returns which of them is the first that is not plain, or CAL_JSON_STEP. */
#ifdef __SSE2__
#define CAL_JSON_STEP 16
static inline size_t cal_json_first_special(const char *at) {
  __m128i bytes = _mm_loadu_si128((const __m128i *)at);
  __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  __m128i other = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)); /* signed: 0x80 and above are negative */
  unsigned found = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), other));
  return found ? (size_t)__builtin_ctz(found) : CAL_JSON_STEP;
}
#else
#define CAL_JSON_STEP 8
static inline uint64_t cal_json_zero_bytes(uint64_t word) {
  return (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);
}

static inline size_t
cal_json_first_special(const char *at) { /* the lowest flag of a word is exact, the others need not be */
  uint64_t word;
  memcpy(&word, at, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  uint64_t control = (word - UINT64_C(0x2020202020202020)) & ~word;
  uint64_t found = cal_json_zero_bytes(word ^ UINT64_C(0x2222222222222222)) |
                   cal_json_zero_bytes(word ^ UINT64_C(0x5C5C5C5C5C5C5C5C)) |
                   ((control | word) & UINT64_C(0x8080808080808080));
  return found ? (size_t)__builtin_ctzll(found) >> 3 : CAL_JSON_STEP;
}
#endif

/* The first byte from `at` on that is not plain, or `end`. */
static inline const char *cal_json_plain(const char *at, const char *end) {
  while (end - at >= CAL_JSON_STEP) {
    size_t plain = cal_json_first_special(at);
    at += plain;
    if (plain < CAL_JSON_STEP) return at;
  }
  for (; at < end; at++) {
    unsigned char byte = (unsigned char)*at;
    if (byte == '"' || byte == '\\' || byte < 0x20 || byte >= 0x80) return at;
  }
  return end;
}

#endif
