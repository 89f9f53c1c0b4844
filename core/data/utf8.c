#include "data/utf8.h"

#include <stdint.h>
#include <string.h>

static int is_tail(unsigned char byte) { return (byte & 0xC0) == 0x80; }

size_t cal_utf8_next(const char *at, size_t bytes) {
  const unsigned char *c = (const unsigned char *)at;
  if (bytes == 0) return 0;
  if (c[0] < 0x80) return 1;
  if (c[0] < 0xC2 || c[0] > 0xF4) return 0;
  if (c[0] < 0xE0) return bytes >= 2 && is_tail(c[1]) ? 2 : 0;
  if (c[0] < 0xF0) {
    if (bytes < 3 || !is_tail(c[1]) || !is_tail(c[2])) return 0;
    if (c[0] == 0xE0 && c[1] < 0xA0) return 0;  /* overlong */
    if (c[0] == 0xED && c[1] >= 0xA0) return 0; /* surrogate */
    return 3;
  }
  if (bytes < 4 || !is_tail(c[1]) || !is_tail(c[2]) || !is_tail(c[3])) return 0;
  if (c[0] == 0xF0 && c[1] < 0x90) return 0;  /* overlong */
  if (c[0] == 0xF4 && c[1] >= 0x90) return 0; /* past U+10FFFF */
  return 4;
}

static int is_plain(const char *at) {
  uint64_t eight;
  memcpy(&eight, at, sizeof eight);
  return (eight & UINT64_C(0x8080808080808080)) == 0;
}

size_t cal_utf8_valid_bytes(const char *at, size_t bytes) {
  for (size_t i = 0; i < bytes;) {
    if (bytes - i >= sizeof(uint64_t) && is_plain(at + i)) {
      i += sizeof(uint64_t);
      continue;
    }
    size_t length = cal_utf8_next(at + i, bytes - i);
    if (!length) return i;
    i += length;
  }
  return bytes;
}

size_t cal_utf8_put(char into[4], unsigned code) {
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) code = 0xFFFD;
  if (code < 0x80) {
    into[0] = (char)code;
    return 1;
  }
  if (code < 0x800) {
    into[0] = (char)(0xC0 | code >> 6);
    into[1] = (char)(0x80 | (code & 0x3F));
    return 2;
  }
  if (code < 0x10000) {
    into[0] = (char)(0xE0 | code >> 12);
    into[1] = (char)(0x80 | (code >> 6 & 0x3F));
    into[2] = (char)(0x80 | (code & 0x3F));
    return 3;
  }
  into[0] = (char)(0xF0 | code >> 18);
  into[1] = (char)(0x80 | (code >> 12 & 0x3F));
  into[2] = (char)(0x80 | (code >> 6 & 0x3F));
  into[3] = (char)(0x80 | (code & 0x3F));
  return 4;
}

size_t cal_utf8_mend(char *into, const char *at, size_t bytes) {
  size_t written = 0;
  for (size_t i = 0; i < bytes;) {
    size_t length = cal_utf8_next(at + i, bytes - i);
    const char *from = length ? at + i : CAL_UTF8_REPLACEMENT;
    size_t more = length ? length : sizeof CAL_UTF8_REPLACEMENT - 1;
    if (into) memcpy(into + written, from, more);
    written += more;
    i += length ? length : 1;
  }
  return written;
}
