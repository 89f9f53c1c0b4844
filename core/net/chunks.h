/* chunks: a request's body that comes in chunks (RFC 9112, 7.1), decoded as it arrives. As strict as
 * request_head.h: sizes are hexadecimal digits, lines end with CR LF. Extensions are skipped, at most 256 bytes
 * a chunk; trailer fields are skipped, at most 8 KiB. Pure. */
#ifndef CAL_NET_CHUNKS_H
#define CAL_NET_CHUNKS_H

#include <stdint.h>

#include "base/buf.h"

/* Zeroed memory is the beginning of a body. */
typedef struct cal_chunks {
  int state;
  int digits;        /* of the size that is being read */
  uint64_t left;     /* bytes of the chunk */
  size_t line_bytes; /* of the extension, or of the trailer's line */
  size_t trailer_bytes;
} cal_chunks;

#define CAL_CHUNKS_DONE 1

/* Appends to `body`, whose ceiling is the body's. 0: there is more to come; CAL_CHUNKS_DONE: that was all,
 * `*used` bytes of it; or the status of the refusal: 400, 413, 431. */
int cal_chunks_read(cal_chunks *chunks, const char *data, size_t bytes, size_t *used, cal_buf *body);

#endif
