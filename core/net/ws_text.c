#include "net/ws_text.h"

#include <string.h>

static size_t skip_ascii(const char *data, size_t bytes) {
  size_t at = 0;
  for (uint64_t word; at + 8 <= bytes; at += 8) {
    memcpy(&word, data + at, 8);
    if (word & 0x8080808080808080u) break;
  }
  return at;
}

static int begin(cal_ws_text *text, unsigned char c) {
  text->low = 0x80;
  text->high = 0xBF;
  if (c < 0x80) return 1;
  if (c < 0xC2 || c > 0xF4) return 0;
  text->left = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
  if (c == 0xE0) text->low = 0xA0;  /* else overlong */
  if (c == 0xED) text->high = 0x9F; /* else a surrogate */
  if (c == 0xF0) text->low = 0x90;  /* else overlong */
  if (c == 0xF4) text->high = 0x8F; /* else past U+10FFFF */
  return 1;
}

int cal_ws_text_take(cal_ws_text *text, const char *data, size_t bytes) {
  for (size_t at = 0; at < bytes; at++) {
    if (!text->left) at += skip_ascii(data + at, bytes - at);
    if (at == bytes) break;
    unsigned char c = (unsigned char)data[at];
    if (!text->left) {
      if (!begin(text, c)) return 0;
      continue;
    }
    if (c < text->low || c > text->high) return 0;
    text->low = 0x80;
    text->high = 0xBF;
    text->left--;
  }
  return 1;
}
