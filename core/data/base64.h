/* base64: RFC 4648, both alphabets, strict, by table, into memory of the caller's.
 *
 * STD is "+/" and wants its padding; URL is "-_", writes none and reads it with or without. Nothing else is
 * tolerated: no white space, no line ends, no foreign letter, no bits left over behind the last byte. Any
 * thread. */
#ifndef CAL_DATA_BASE64_H
#define CAL_DATA_BASE64_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

typedef enum cal_base64 { CAL_BASE64_STD, CAL_BASE64_URL } cal_base64;

#define CAL_BASE64_ENCODED(bytes) (((bytes) + 2) / 3 * 4) /* room that is always enough */
#define CAL_BASE64_DECODED(bytes) (((bytes) + 3) / 4 * 3)

/* Writes no final zero. Returns how many characters; `into` has CAL_BASE64_ENCODED(bytes) of room. */
size_t cal_base64_encode(cal_base64 alphabet, char *into, const void *data, size_t bytes);

/* Returns how many bytes; -EMSGSIZE when `room` is too small; -EBADMSG for anything that is not base64, with
 * the place in cal_error_text(). What was written before an error is noise. */
ssize_t cal_base64_decode(cal_base64 alphabet, uint8_t *into, size_t room, cal_span text);

#endif
