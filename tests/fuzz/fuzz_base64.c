/* Whatever is decoded, encoded again, is the same text (there is one spelling only); whatever is encoded
 * comes back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define MUST(condition)                                                                                      \
  do {                                                                                                       \
    if (!(condition)) {                                                                                      \
      fprintf(stderr, "does not hold: %s\n", #condition);                                                    \
      abort();                                                                                               \
    }                                                                                                        \
  } while (0)

static void read_as_text(cal_base64 alphabet, const uint8_t *data, size_t bytes) {
  size_t room = CAL_BASE64_DECODED(bytes);
  uint8_t *plain = cal_alloc(room + 1);
  ssize_t n = cal_base64_decode(alphabet, plain, room, (cal_span){(const char *)data, bytes});
  if (n >= 0) {
    while (alphabet == CAL_BASE64_URL && bytes && data[bytes - 1] == '=')
      bytes--; /* padding is not written */
    char *text = cal_alloc(CAL_BASE64_ENCODED((size_t)n) + 1);
    MUST(cal_base64_encode(alphabet, text, plain, (size_t)n) == bytes);
    MUST(bytes == 0 || memcmp(text, data, bytes) == 0);
    MUST(n == 0 || cal_base64_decode(alphabet, plain, (size_t)n - 1, (cal_span){text, bytes}) < 0);
    cal_free(text);
  }
  cal_free(plain);
}

static void take_as_bytes(cal_base64 alphabet, const uint8_t *data, size_t bytes) {
  char *text = cal_alloc(CAL_BASE64_ENCODED(bytes) + 1);
  size_t n = cal_base64_encode(alphabet, text, data, bytes);
  uint8_t *plain = cal_alloc(bytes + 1);
  MUST(n <= CAL_BASE64_ENCODED(bytes));
  MUST(cal_base64_decode(alphabet, plain, bytes, (cal_span){text, n}) == (ssize_t)bytes);
  MUST(bytes == 0 || memcmp(plain, data, bytes) == 0);
  cal_free(plain);
  cal_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  for (int alphabet = CAL_BASE64_STD; alphabet <= CAL_BASE64_URL; alphabet++) {
    read_as_text((cal_base64)alphabet, data, bytes);
    take_as_bytes((cal_base64)alphabet, data, bytes);
  }
  return 0;
}
