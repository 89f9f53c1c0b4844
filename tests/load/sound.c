#include "load/sound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

enum { FRAME_BYTES = 2048, PAYLOAD_BYTES = LOAD_MESSAGE_BYTES - 1024 };

static char sound[LOAD_SOUND_MS / LOAD_TURN_MS][PAYLOAD_BYTES];
static uint32_t frames;
static size_t payload_bytes;

/* G.711: sign, exponent and mantissa of the sample and a bias, all bits inverted. */
static unsigned char mulaw(int sample) {
  int sign = sample < 0 ? 0x80 : 0, exponent = 7;
  sample = abs(sample) + 132;
  if (sample > 32767) sample = 32767;
  for (int bit = 0x4000; exponent > 0 && !(sample & bit); bit >>= 1) exponent--;
  return (unsigned char)~(sign | exponent << 4 | (sample >> (exponent + 3) & 15));
}

static size_t put_sample(unsigned char *at, load_coding coding, int sample) {
  unsigned char low = (unsigned char)(sample & 255), high = (unsigned char)(sample >> 8 & 255);
  if (coding == LOAD_MULAW) {
    *at = mulaw(sample);
    return 1;
  }
  at[0] = coding == LOAD_L16LE ? low : high;
  at[1] = coding == LOAD_L16LE ? high : low;
  return 2;
}

/* A voice without words: harmonics of 120 Hz, four syllables a second. */
static double voice_at(double t) {
  double wave = 0;
  for (int k = 1; k < 20; k++) wave += sin(2 * M_PI * 120 * k * t) / k;
  return 5000 * wave * (0.55 - 0.45 * cos(2 * M_PI * 4 * t));
}

size_t load_turn_bytes(const load_format *format) {
  return format->rate_hz * LOAD_TURN_MS / 1000 * (format->coding == LOAD_MULAW ? 1 : 2);
}

void load_sound_make(const load_format *format, int is_talking) {
  uint32_t seed = 1, samples = format->rate_hz * format->frame_ms / 1000;
  size_t bytes = load_turn_bytes(format) * (format->frame_ms / LOAD_TURN_MS);
  frames = LOAD_SOUND_MS / format->frame_ms;
  payload_bytes = format->is_binary ? bytes : (bytes + 2) / 3 * 4;
  if (bytes > FRAME_BYTES || payload_bytes >= PAYLOAD_BYTES) abort();
  for (uint32_t frame = 0; frame < frames; frame++) {
    unsigned char raw[FRAME_BYTES], *at = raw;
    for (uint32_t i = 0; i < samples; i++) {
      double t = (double)(frame * samples + i) / format->rate_hz;
      seed = seed * 1664525 + 1013904223;
      double sample = 12 * ((double)(int32_t)seed / 2147483648.0);
      if (is_talking && frame >= frames / 2) sample += voice_at(t);
      at += put_sample(at, format->coding, (int)sample);
    }
    if (format->is_binary)
      memcpy(sound[frame], raw, bytes);
    else
      EVP_EncodeBlock((unsigned char *)sound[frame], raw, (int)bytes);
  }
}

const char *load_sound(uint32_t chunk, size_t *bytes) {
  *bytes = payload_bytes;
  return sound[chunk % frames];
}
