/* json_escape: text into JSON strings.
 *
 * Quotes, backslashes and control characters are escaped; what is not UTF-8 becomes U+FFFD, so that the
 * result is always a valid JSON string. The quotes around it are the caller's. Any thread. */
#ifndef CAL_DATA_JSON_ESCAPE_H
#define CAL_DATA_JSON_ESCAPE_H

#include <sys/types.h>

#include "base/buf.h"

#define CAL_JSON_ESCAPE_GROWTH 6 /* the escaped text is at most this many times as long */

int cal_json_escape(cal_buf *into, cal_span text); /* appends; 0 or -EMSGSIZE, which changes nothing */

/* The same into memory of the caller's, without a final zero: bytes written, or -EMSGSIZE. */
ssize_t cal_json_escape_to(char *into, size_t room, cal_span text);

#endif
