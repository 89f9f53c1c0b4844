/* json_strict: what yajl reads and RFC 8259 does not know, found before yajl sees it. Any thread.
 *
 * yajl takes form feeds and vertical tabs for space, and UTF-8 that is overlong, a surrogate or past U+10FFFF; half a
 * pair of escaped surrogates is a question mark to it, or joins with whatever follows. */
#ifndef CAL_DATA_JSON_STRICT_H
#define CAL_DATA_JSON_STRICT_H

#include "base/buf.h"

/* 0, or -EBADMSG when no JSON text can look like this: cal_error_text() says what is wrong at which byte. */
int cal_json_strict_check(const char *text, size_t bytes);

/* Whether some escape may be half of a pair: then the text is to be mended before it is parsed. */
int cal_json_strict_has_surrogates(const char *text, size_t bytes);

/* Makes each half of a pair that stands alone \ufffd, as jscan reads it. Of texts that are not JSON it changes nothing
 * that would make them JSON. */
void cal_json_strict_mend(char *text, size_t bytes);

#endif
