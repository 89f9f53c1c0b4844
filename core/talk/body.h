/* body: the sound in the body of an answer, in pieces of any size: as it was declared, or as its WAV header says.
 * What is certainly something else (another container, a page, JSON) is refused. Any thread. */
#ifndef CAL_TALK_BODY_H
#define CAL_TALK_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "audio/codec.h"

#define CAL_BODY_HEAD_BYTES 4096 /* a WAV header that is longer is refused */

typedef struct cal_body {
  cal_encoding encoding;
  uint32_t rate_hz, channels;
  int is_known; /* whether it has a header, and which */
  uint8_t head[CAL_BODY_HEAD_BYTES];
  size_t head_bytes; /* kept until it is known; then what is left of a sample */
  uint64_t left_bytes;
  /* Borrowed for the call. */
  void (*on_samples)(void *context, uint32_t rate_hz, const int16_t *samples, size_t count);
  void *context;
} cal_body;

void cal_body_init(cal_body *body, cal_encoding encoding, uint32_t rate_hz);
/* 0, or -EPROTO: it is not sound of this kind, and why. */
int cal_body_put(cal_body *body, const void *data, size_t bytes);
int cal_body_end(cal_body *body); /* what was kept; the same */

#endif
