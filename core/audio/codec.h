/* codec: the four ways samples travel on a telephone wire.
 *
 * G.711 µ-law and A-law (one byte a sample) and linear 16 bit in both byte orders (two bytes a sample).
 * Inside the engine a sample is always an int16_t of the machine. Conversion is a table look-up a sample; the
 * tables are built on first use. Pure functions over the caller's memory; any thread. Laws: ITU-T G.711, as
 * spandsp computes them. */
#ifndef CAL_AUDIO_CODEC_H
#define CAL_AUDIO_CODEC_H

#include <stddef.h>
#include <stdint.h>

typedef enum cal_encoding { CAL_PCMU, CAL_PCMA, CAL_L16LE, CAL_L16BE } cal_encoding;

int cal_encoding_named(cal_encoding *result,
                       const char *name);             /* "pcmu", "pcma", "l16le", "l16be"; else -EINVAL */
const char *cal_encoding_name(cal_encoding encoding); /* static */
size_t cal_encoding_bytes(cal_encoding encoding);     /* of one sample: 1 or 2 */

/* Returns the number of samples written: bytes / cal_encoding_bytes(). The odd last byte of a linear block
 * that was cut in the middle of a sample is left to the caller, who keeps it for the next block. `in` and
 * `out` must not overlap. */
size_t cal_decode(cal_encoding encoding, const uint8_t *in, size_t bytes, int16_t *out);

/* Returns the number of bytes written: samples * cal_encoding_bytes(). `in` and `out` must not overlap. */
size_t cal_encode(cal_encoding encoding, const int16_t *in, size_t samples, uint8_t *out);

/* The byte that is silence in this encoding (0xFF, 0xD5 or 0). */
uint8_t cal_encoding_silence(cal_encoding encoding);

#endif
