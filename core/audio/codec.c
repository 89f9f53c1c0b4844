#include "audio/codec.h"

#include <errno.h>
#include <pthread.h>
#include <spandsp/telephony.h>
#include <spandsp/bit_operations.h>
#include <spandsp/g711.h>
#include <string.h>

#include "base/error.h"

static const char *const names[] = {"pcmu", "pcma", "l16le", "l16be"};

/* A whole table per law: 64 KiB, but speech lives near zero, so a call touches a few cache lines of it. */
static struct {
  int16_t from_ulaw[256], from_alaw[256];
  uint8_t to_ulaw[65536], to_alaw[65536];
} table;
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void build_tables(void) {
  for (int code = 0; code < 256; code++) {
    table.from_ulaw[code] = ulaw_to_linear((uint8_t)code);
    table.from_alaw[code] = alaw_to_linear((uint8_t)code);
  }
  for (int sample = INT16_MIN; sample <= INT16_MAX; sample++) {
    table.to_ulaw[(uint16_t)sample] = linear_to_ulaw(sample);
    table.to_alaw[(uint16_t)sample] = linear_to_alaw(sample);
  }
}

int cal_encoding_named(cal_encoding *result, const char *name) {
  for (size_t i = 0; name && i < sizeof names / sizeof *names; i++) {
    if (strcmp(name, names[i]) != 0) continue;
    *result = (cal_encoding)i;
    return 0;
  }
  return cal_fail(-EINVAL, "unknown audio encoding \"%s\": expected pcmu, pcma, l16le or l16be",
                  name ? name : "");
}

const char *cal_encoding_name(cal_encoding encoding) { return names[encoding]; }

size_t cal_encoding_bytes(cal_encoding encoding) {
  return encoding == CAL_PCMU || encoding == CAL_PCMA ? 1 : 2;
}

uint8_t cal_encoding_silence(cal_encoding encoding) {
  if (encoding == CAL_PCMU) return 0xFF;
  if (encoding == CAL_PCMA) return 0xD5;
  return 0;
}

static int is_machine_order(cal_encoding encoding) {
  return (encoding == CAL_L16LE) == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
}

static size_t decode_law(const int16_t *law, const uint8_t *in, size_t bytes, int16_t *out) {
#pragma GCC unroll 8
  for (size_t i = 0; i < bytes; i++) out[i] = law[in[i]];
  return bytes;
}

static size_t encode_law(const uint8_t *law, const int16_t *in, size_t samples, uint8_t *out) {
#pragma GCC unroll 8
  for (size_t i = 0; i < samples; i++) out[i] = law[(uint16_t)in[i]];
  return samples;
}

size_t cal_decode(cal_encoding encoding, const uint8_t *in, size_t bytes, int16_t *out) {
  if (bytes == 0) return 0;
  pthread_once(&table_once, build_tables);
  if (encoding == CAL_PCMU) return decode_law(table.from_ulaw, in, bytes, out);
  if (encoding == CAL_PCMA) return decode_law(table.from_alaw, in, bytes, out);
  size_t samples = bytes / 2;
  memcpy(out, in, samples * 2); /* the bytes may lie at an odd address, so no int16_t is read from them */
  if (is_machine_order(encoding)) return samples;
  for (size_t i = 0; i < samples; i++) out[i] = (int16_t)__builtin_bswap16((uint16_t)out[i]);
  return samples;
}

size_t cal_encode(cal_encoding encoding, const int16_t *in, size_t samples, uint8_t *out) {
  if (samples == 0) return 0;
  pthread_once(&table_once, build_tables);
  if (encoding == CAL_PCMU) return encode_law(table.to_ulaw, in, samples, out);
  if (encoding == CAL_PCMA) return encode_law(table.to_alaw, in, samples, out);
  if (is_machine_order(encoding)) {
    memcpy(out, in, samples * 2);
    return samples * 2;
  }
  for (size_t i = 0; i < samples; i++) {
    uint16_t swapped = __builtin_bswap16((uint16_t)in[i]);
    memcpy(out + 2 * i, &swapped, 2);
  }
  return samples * 2;
}
