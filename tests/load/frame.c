#include "load/frame.h"

#include <string.h>

static void mask(char *payload, size_t bytes, const unsigned char key[4]) {
  uint64_t wide, word;
  unsigned char twice[8];
  memcpy(twice, key, 4);
  memcpy(twice + 4, key, 4);
  memcpy(&wide, twice, 8);
  size_t i = 0;
  for (; i + 8 <= bytes; i += 8) {
    memcpy(&word, payload + i, 8);
    word ^= wide;
    memcpy(payload + i, &word, 8);
  }
  for (; i < bytes; i++) payload[i] ^= (char)key[i & 3];
}

char *load_frame_write(char *payload, size_t bytes, int opcode, uint32_t key, size_t *frame_bytes) {
  unsigned char keys[4];
  memcpy(keys, &key, 4);
  mask(payload, bytes, keys);
  memcpy(payload - 4, keys, 4);
  unsigned char *at = (unsigned char *)payload - 4;
  if (bytes < 126) {
    *--at = (unsigned char)(0x80 | bytes);
  } else {
    *--at = (unsigned char)bytes;
    *--at = (unsigned char)(bytes >> 8);
    *--at = 0x80 | 126;
  }
  *--at = (unsigned char)(0x80 | opcode);
  *frame_bytes = (size_t)(payload + bytes - (char *)at);
  return (char *)at;
}

ssize_t load_frame_read(const char *data, size_t bytes, load_frame *frame) {
  const unsigned char *at = (const unsigned char *)data;
  if (bytes < 2) return 0;
  if (at[1] & 0x80) return -1;
  size_t head = 2, length = at[1] & 0x7f;
  if (length == 126) {
    if (bytes < 4) return 0;
    head = 4;
    length = (size_t)at[2] << 8 | at[3];
  } else if (length == 127) {
    if (bytes < 10) return 0;
    head = 10;
    length = 0;
    for (int i = 2; i < 10; i++) length = length << 8 | at[i];
  }
  if (bytes - head < length || bytes < head) return 0;
  *frame = (load_frame){.opcode = at[0] & 15, .is_last = at[0] >> 7, .payload = data + head, .bytes = length};
  return (ssize_t)(head + length);
}
