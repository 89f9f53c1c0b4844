/* ws_text: is this UTF-8? Asked of a text that comes in pieces; wrong at the first byte that cannot go on
 * (RFC 3629, RFC 6455 8.1). Pure. */
#ifndef CAL_NET_WS_TEXT_H
#define CAL_NET_WS_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed memory is the beginning of a text. */
typedef struct cal_ws_text {
  uint8_t left;      /* bytes the character still needs */
  uint8_t low, high; /* between which its next byte lies */
} cal_ws_text;

int cal_ws_text_take(cal_ws_text *text, const char *data, size_t bytes); /* 1: good so far; 0: it is wrong */
static inline int cal_ws_text_is_whole(const cal_ws_text *text) { return !text->left; }

#endif
