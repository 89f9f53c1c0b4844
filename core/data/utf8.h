/* utf8: how long is the next character? Strict (RFC 3629): no overlong forms, no surrogates, nothing past
 * U+10FFFF. Shared by what reads and writes JSON and XML. Any thread. */
#ifndef CAL_DATA_UTF8_H
#define CAL_DATA_UTF8_H

#include <stddef.h>

#define CAL_UTF8_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD, 3 bytes: stands for what could not be read */

/* Bytes (1 to 4) of the well-formed character at `at`, which has `bytes` bytes left; 0 when there is none. */
size_t cal_utf8_next(const char *at, size_t bytes);

/* How many bytes at the beginning are whole well-formed characters: all of them when the text is UTF-8. */
size_t cal_utf8_valid_bytes(const char *at, size_t bytes);

/* Writes the character `code` (a scalar value; anything else becomes U+FFFD) and returns its bytes, 1 to 4.
 */
size_t cal_utf8_put(char into[4], unsigned code);

/* Copies a text, with U+FFFD in the place of each byte that belongs to no character, and returns how many
 * bytes that makes: as many as before when the text is UTF-8. `into` may be NULL, to count only. */
size_t cal_utf8_mend(char *into, const char *at, size_t bytes);

#endif
