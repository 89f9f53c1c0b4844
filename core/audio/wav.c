#include "audio/wav.h"

#include <errno.h>
#include <string.h>

#include "audio/codec.h"
#include "base/error.h"
#include "base/mem.h"

enum {
  FORMAT_PCM = 1,
  FORMAT_ALAW = 6,
  FORMAT_ULAW = 7,
  FORMAT_EXTENSIBLE = 0xFFFE,
  RIFF_BYTES = 12,
  CHUNK_BYTES = 8,
  FMT_BYTES = 16,
  EXTENSIBLE_BYTES = 40,
  LOWEST_HZ = 4000,
  HIGHEST_HZ = 96000,
};

typedef struct wav_sound {
  uint32_t format, channels, rate_hz, bits;
  const uint8_t *data;
  size_t bytes;
} wav_sound;

static uint32_t get16(const uint8_t *at) { return (uint32_t)at[0] | (uint32_t)at[1] << 8; }
static uint32_t get32(const uint8_t *at) { return get16(at) | get16(at + 2) << 16; }
static void put16(uint8_t *at, uint32_t value) { at[0] = (uint8_t)value, at[1] = (uint8_t)(value >> 8); }
static void put32(uint8_t *at, uint32_t value) { put16(at, value & 0xFFFF), put16(at + 2, value >> 16); }

static int read_format(wav_sound *into, const uint8_t *at, size_t bytes) {
  if (bytes < FMT_BYTES) return cal_fail(-EINVAL, "damaged WAV file: its fmt chunk has %zu bytes", bytes);
  into->format = get16(at);
  into->channels = get16(at + 2);
  into->rate_hz = get32(at + 4);
  into->bits = get16(at + 14);
  if (into->format == FORMAT_EXTENSIBLE && bytes >= EXTENSIBLE_BYTES) into->format = get16(at + 24);
  return 0;
}

static int check_format(const wav_sound *sound) {
  int is_pcm = sound->format == FORMAT_PCM && (sound->bits == 8 || sound->bits == 16);
  int is_law = (sound->format == FORMAT_ALAW || sound->format == FORMAT_ULAW) && sound->bits == 8;
  if (!is_pcm && !is_law)
    return cal_fail(-ENOTSUP, "WAV format %u with %u bits is not read: use PCM with 8 or 16 bits, or G.711",
                    sound->format, sound->bits);
  if (sound->channels < 1 || sound->channels > 2)
    return cal_fail(-ENOTSUP, "WAV files with %u channels are not read: use one or two", sound->channels);
  if (sound->rate_hz < LOWEST_HZ || sound->rate_hz > HIGHEST_HZ)
    return cal_fail(-ENOTSUP, "WAV files with %u samples a second are not read: use %d to %d", sound->rate_hz,
                    LOWEST_HZ, HIGHEST_HZ);
  return 0;
}

/* Walks the chunks until both the format and the samples are known. */
static int find_chunks(wav_sound *into, const uint8_t *file, size_t bytes) {
  if (bytes < RIFF_BYTES || memcmp(file, "RIFF", 4) != 0 || memcmp(file + 8, "WAVE", 4) != 0)
    return cal_fail(-EINVAL, "not a WAV file: it does not begin with RIFF and WAVE");
  size_t at = RIFF_BYTES;
  while (bytes - at >= CHUNK_BYTES) {
    const uint8_t *chunk = file + at;
    size_t there = bytes - at - CHUNK_BYTES, size = get32(chunk + 4);
    if (size > there) size = there;
    if (memcmp(chunk, "fmt ", 4) == 0) {
      int code = read_format(into, chunk + CHUNK_BYTES, size);
      if (code < 0) return code;
    }
    if (memcmp(chunk, "data", 4) == 0) {
      if (into->rate_hz == 0) return cal_fail(-EINVAL, "damaged WAV file: samples before their format");
      /* A size of 0 in the last chunk: the header was never completed. */
      into->data = chunk + CHUNK_BYTES;
      into->bytes = get32(chunk + 4) == 0 ? there : size;
      return 0;
    }
    at += CHUNK_BYTES + size;
    if (size % 2 && at < bytes) at++;
  }
  return cal_fail(-EINVAL, "damaged WAV file: it has no samples");
}

static int16_t sample_at(const wav_sound *sound, size_t index) {
  const uint8_t *at = sound->data + index * (sound->bits / 8);
  if (sound->bits == 16) return (int16_t)get16(at);
  if (sound->format == FORMAT_PCM) return (int16_t)((at[0] - 128) * 256);
  int16_t sample;
  cal_decode(sound->format == FORMAT_ULAW ? CAL_PCMU : CAL_PCMA, at, 1, &sample);
  return sample;
}

int cal_wav_read(cal_clip **result, const void *file, size_t bytes) {
  wav_sound sound = {0};
  int code = find_chunks(&sound, file, bytes);
  if (code == 0) code = check_format(&sound);
  if (code < 0) return code;
  size_t samples = sound.bytes / (sound.channels * (sound.bits / 8));
  if (samples > CAL_CLIP_MAX_SAMPLES) return cal_fail(-EMSGSIZE, "the WAV file is longer than ten minutes");
  cal_clip *clip = cal_clip_new(sound.rate_hz, (uint32_t)samples, NULL, 0);
  for (size_t i = 0; i < samples; i++) {
    if (sound.channels == 1)
      clip->data[i] = sample_at(&sound, i);
    else
      clip->data[i] = (int16_t)((sample_at(&sound, 2 * i) + sample_at(&sound, 2 * i + 1)) / 2);
  }
  *result = clip;
  return 0;
}

#define MOST_KNOWN 0x7FFFFFFF /* streams claim 0, or as much as fits */

static int tell_head(cal_wav_about *result, const wav_sound *sound, const uint8_t *chunk,
                     const uint8_t *file) {
  int code = sound->rate_hz ? check_format(sound)
                            : cal_fail(-EINVAL, "damaged WAV file: samples before their format");
  if (!code && sound->format == FORMAT_PCM && sound->bits == 8)
    code = cal_fail(-ENOTSUP, "8-bit PCM is not read here");
  if (code < 0) return code;
  uint32_t claimed = get32(chunk + 4);
  *result = (cal_wav_about){.encoding = sound->format == FORMAT_ULAW   ? CAL_PCMU
                                        : sound->format == FORMAT_ALAW ? CAL_PCMA
                                                                       : CAL_L16LE,
                            .rate_hz = sound->rate_hz,
                            .channels = sound->channels,
                            .header_bytes = (size_t)(chunk + CHUNK_BYTES - file),
                            .data_bytes = claimed && claimed < MOST_KNOWN ? claimed : UINT64_MAX};
  return 1;
}

int cal_wav_head(cal_wav_about *result, const void *file, size_t bytes) {
  const uint8_t *start = file;
  wav_sound sound = {0};
  if (bytes < RIFF_BYTES) return 0;
  if (memcmp(start, "RIFF", 4) != 0 || memcmp(start + 8, "WAVE", 4) != 0)
    return cal_fail(-EINVAL, "not a WAV file: it does not begin with RIFF and WAVE");
  for (size_t at = RIFF_BYTES; at + CHUNK_BYTES <= bytes;) {
    const uint8_t *chunk = start + at;
    size_t size = get32(chunk + 4);
    if (memcmp(chunk, "data", 4) == 0) return tell_head(result, &sound, chunk, start);
    if (size > bytes - at - CHUNK_BYTES) return 0;
    if (memcmp(chunk, "fmt ", 4) == 0 && read_format(&sound, chunk + CHUNK_BYTES, size) < 0) return -EINVAL;
    at += CHUNK_BYTES + size + size % 2;
  }
  return 0;
}

void cal_wav_header(uint8_t header[CAL_WAV_HEADER_BYTES], uint32_t rate_hz, uint32_t channels,
                    uint64_t data_bytes) {
  const uint32_t most = UINT32_MAX - CAL_WAV_HEADER_BYTES;
  uint32_t frame_bytes = channels * 2;
  uint32_t data = data_bytes < most ? (uint32_t)data_bytes : most - most % frame_bytes;
  memcpy(header, "RIFF", 4);
  put32(header + 4, data + CAL_WAV_HEADER_BYTES - CHUNK_BYTES);
  memcpy(header + 8, "WAVEfmt ", 8);
  put32(header + 16, FMT_BYTES);
  put16(header + 20, FORMAT_PCM);
  put16(header + 22, channels);
  put32(header + 24, rate_hz);
  put32(header + 28, rate_hz * frame_bytes);
  put16(header + 32, frame_bytes);
  put16(header + 34, 16);
  memcpy(header + 36, "data", 4);
  put32(header + 40, data);
}

int cal_wav_repair(uint8_t header[CAL_WAV_HEADER_BYTES], uint64_t file_bytes) {
  int is_ours = file_bytes >= CAL_WAV_HEADER_BYTES && memcmp(header, "RIFF", 4) == 0 &&
                memcmp(header + 8, "WAVEfmt ", 8) == 0 && get16(header + 20) == FORMAT_PCM &&
                get16(header + 34) == 16 && memcmp(header + 36, "data", 4) == 0;
  uint32_t channels = get16(header + 22);
  if (!is_ours || channels < 1 || channels > 2) return cal_fail(-EINVAL, "not the header of a recording");
  uint64_t data = file_bytes - CAL_WAV_HEADER_BYTES;
  uint8_t right[CAL_WAV_HEADER_BYTES];
  cal_wav_header(right, get32(header + 24), channels, data - data % (channels * 2));
  if (memcmp(right, header, sizeof right) == 0) return 0;
  memcpy(header, right, sizeof right);
  return 1;
}
