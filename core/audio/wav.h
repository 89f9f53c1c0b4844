/* wav: sound files, in memory.
 *
 * Reads what people upload as prompts and hold music: 8- and 16-bit PCM, G.711 µ-law and A-law (formats 7 and
 * 6), also inside WAVE_FORMAT_EXTENSIBLE; mono or stereo (mixed to mono), any rate up to 96 kHz. Writes the
 * header of what the recorder streams, and puts a header right whose writer died before it could.
 *
 * Sizes in a file are claims: they are checked against the bytes that are there, and a file that says it is
 * longer than it is (a recording cut off by a crash) is read as far as it goes. Pure functions; any thread.
 */
#ifndef CAL_AUDIO_WAV_H
#define CAL_AUDIO_WAV_H

#include <stddef.h>
#include <stdint.h>

#include "audio/clip.h"
#include "audio/codec.h"

enum { CAL_WAV_HEADER_BYTES = 44 };

/* Returns owned, at the file's own rate. -EINVAL: not a sound file, or damaged; -ENOTSUP: a format we do not
 * read; -EMSGSIZE: longer than a clip may be. The sentence says which and what would be right. */
int cal_wav_read(cal_clip **result, const void *file, size_t bytes);

typedef struct cal_wav_about {
  cal_encoding encoding;
  uint32_t rate_hz, channels;
  size_t header_bytes; /* then the samples begin */
  uint64_t data_bytes; /* as the file claims; UINT64_MAX: it does not know yet */
} cal_wav_about;

/* What comes in a file of which so much has come: 1; 0: more of it is needed. -EINVAL, -ENOTSUP (8-bit PCM too). */
int cal_wav_head(cal_wav_about *result, const void *file, size_t bytes);

/* A header for 16-bit PCM. `data_bytes` beyond what the format can say (4 GiB) is written as the most it can
 * say. */
void cal_wav_header(uint8_t header[CAL_WAV_HEADER_BYTES], uint32_t rate_hz, uint32_t channels,
                    uint64_t data_bytes);

/* `header` holds the first bytes of a file written by us; its sizes are set from the file's real length.
 * Returns 1 when it was changed and must be written back, 0 when it was right, -EINVAL when it is not such a
 * header. A last sample that was cut in the middle is left out. */
int cal_wav_repair(uint8_t header[CAL_WAV_HEADER_BYTES], uint64_t file_bytes);

#endif
