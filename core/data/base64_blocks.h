/* base64_blocks: the middle of a long text, sixteen characters at a time, where the processor can (SSSE3).
 *
 * What is left over, and whatever is wrong, is for the tables of base64.c. Any thread. */
#ifndef CAL_DATA_BASE64_BLOCKS_H
#define CAL_DATA_BASE64_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "data/base64.h"

/* Returns how many bytes it has encoded, a multiple of 12; 4 characters for each 3 stand in `into`. */
size_t cal_base64_encode_blocks(cal_base64 alphabet, char *into, const uint8_t *data, size_t bytes);

/* Returns how many letters it has decoded, a multiple of 16; it stops before a block with a foreign one.
 * `letters` without padding; `into` has room for what they stand for. */
size_t cal_base64_decode_blocks(cal_base64 alphabet, uint8_t *into, const char *text, size_t letters);

#endif
