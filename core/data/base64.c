#include "data/base64.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "data/base64_blocks.h"

/* A pair table turns 12 bits into two characters at once; four shifted tables turn four characters into 24
 * bits with three ORs, and a flag above bit 24 survives them if any character was foreign. Filled before
 * main. */
#define FOREIGN UINT32_C(0x01000000)

typedef struct tables {
  char pair[4096][2];
  uint32_t value[4][256]; /* value[i][c]: letter c at place i of a group of four */
} tables;

static tables both[2];

static void fill(tables *t, const char *letters) {
  for (int i = 0; i < 4096; i++) {
    t->pair[i][0] = letters[i >> 6];
    t->pair[i][1] = letters[i & 63];
  }
  for (int place = 0; place < 4; place++) {
    for (int c = 0; c < 256; c++) t->value[place][c] = FOREIGN;
    for (uint32_t i = 0; i < 64; i++) t->value[place][(unsigned char)letters[i]] = i << (18 - 6 * place);
  }
}

__attribute__((constructor)) static void fill_tables(void) {
#define COMMON "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
  fill(&both[CAL_BASE64_STD], COMMON "+/");
  fill(&both[CAL_BASE64_URL], COMMON "-_");
#undef COMMON
}

size_t cal_base64_encode(cal_base64 alphabet, char *into, const void *data, size_t bytes) {
  const tables *t = &both[alphabet];
  size_t done = cal_base64_encode_blocks(alphabet, into, data, bytes);
  const uint8_t *in = (const uint8_t *)data + done;
  char *out = into + done / 3 * 4;
  bytes -= done;
  for (; bytes >= 3; bytes -= 3, in += 3, out += 4) {
    uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
    memcpy(out, t->pair[group >> 12], 2);
    memcpy(out + 2, t->pair[group & 4095], 2);
  }
  if (bytes == 0) return (size_t)(out - into);
  uint32_t group = (uint32_t)in[0] << 16 | (bytes == 2 ? (uint32_t)in[1] << 8 : 0);
  memcpy(out, t->pair[group >> 12], 2);
  out += 2;
  if (bytes == 2) *out++ = t->pair[group & 4095][0];
  if (alphabet == CAL_BASE64_URL) return (size_t)(out - into);
  *out++ = '=';
  if (bytes == 1) *out++ = '=';
  return (size_t)(out - into);
}

static inline uint32_t group_of(const tables *t, const unsigned char *c) {
  return t->value[0][c[0]] | t->value[1][c[1]] | t->value[2][c[2]] | t->value[3][c[3]];
}

static int refuse(const tables *t, cal_span text) {
  size_t i = 0;
  while (i < text.bytes && t->value[0][(unsigned char)text.at[i]] != FOREIGN) i++;
  if (i < text.bytes)
    return cal_fail(-EBADMSG, "not base64: a foreign character at byte %zu of %zu", i, text.bytes);
  return cal_fail(-EBADMSG, "not base64: bits are left over at the end");
}

/* The last group, 2 or 3 letters without their padding. */
static int decode_tail(const tables *t, uint8_t *into, const unsigned char *c, size_t letters) {
  uint32_t group = t->value[0][c[0]] | t->value[1][c[1]] | (letters == 3 ? t->value[2][c[2]] : 0);
  if (group >= FOREIGN || (group & (letters == 3 ? 0xFF : 0xFFFF))) return -1;
  into[0] = (uint8_t)(group >> 16);
  if (letters == 3) into[1] = (uint8_t)(group >> 8);
  return 0;
}

ssize_t cal_base64_decode(cal_base64 alphabet, uint8_t *into, size_t room, cal_span text) {
  const tables *t = &both[alphabet];
  size_t letters = text.bytes;
  if (letters % 4 == 0)
    for (int i = 0; i < 2 && letters && text.at[letters - 1] == '='; i++) letters--;
  else if (alphabet == CAL_BASE64_STD)
    return cal_fail(-EBADMSG, "not base64: %zu characters are not a multiple of four", text.bytes);
  size_t tail = letters % 4, groups = letters / 4, bytes = groups * 3 + (tail ? tail - 1 : 0);
  if (tail == 1) return cal_fail(-EBADMSG, "not base64: one character is left over at the end");
  if (bytes > room) return cal_fail(-EMSGSIZE, "base64 of %zu bytes does not fit into %zu", bytes, room);

  size_t done = cal_base64_decode_blocks(alphabet, into, text.at, letters);
  const unsigned char *c = (const unsigned char *)text.at + done;
  uint8_t *out = into + done / 4 * 3;
  uint32_t foreign = 0;
  groups -= done / 4;
  for (; groups > 0; groups--, c += 4, out += 3) {
    uint32_t group = group_of(t, c);
    foreign |= group;
    out[0] = (uint8_t)(group >> 16);
    out[1] = (uint8_t)(group >> 8);
    out[2] = (uint8_t)group;
  }
  if (foreign >= FOREIGN || (tail && decode_tail(t, out, c, tail) < 0))
    return refuse(t, (cal_span){text.at, letters});
  return (ssize_t)bytes;
}
