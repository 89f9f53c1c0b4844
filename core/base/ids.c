#include "base/ids.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/error.h"
#include "base/mem.h"

struct cal_ids {
  int is_simulated;
  uint64_t state;
};

static cal_ids real_ids;

cal_ids *cal_ids_real(void) { return &real_ids; }

cal_ids *cal_ids_simulated(uint64_t seed) {
  cal_ids *ids = cal_alloc(sizeof *ids);
  ids->is_simulated = 1;
  ids->state = seed;
  return ids;
}

cal_ids *cal_ids_free(cal_ids *ids) {
  if (ids != &real_ids) cal_free(ids);
  return NULL;
}

/* Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014. */
static uint64_t splitmix64(uint64_t *state) {
  uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
  mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
  return mixed ^ (mixed >> 31);
}

static void kernel_bytes(unsigned char *out, size_t bytes) {
  while (bytes > 0) {
    ssize_t got = getrandom(out, bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      /* Going on with guessable ids would be worse than not going on. */
      fprintf(stderr, "callisto: the kernel gives no random bytes: %s\n", strerror(errno));
      abort();
    }
    out += got;
    bytes -= (size_t)got;
  }
}

void cal_ids_bytes(cal_ids *ids, void *out, size_t bytes) {
  unsigned char *at = out;
  if (!ids->is_simulated) {
    kernel_bytes(at, bytes);
    return;
  }
  uint64_t word = 0;
  for (size_t i = 0; i < bytes; i++) {
    if (i % 8 == 0) word = splitmix64(&ids->state);
    at[i] = (unsigned char)(word >> (i % 8 * 8));
  }
}

int cal_ids_text(cal_ids *ids, char *out, size_t room, const char *prefix, size_t random_bytes) {
  static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  size_t prefix_bytes = prefix ? strlen(prefix) : 0;
  size_t needed = prefix_bytes + CAL_IDS_TEXT_ROOM(random_bytes);
  if (needed > room)
    return cal_fail(-EMSGSIZE, "an id of %zu characters does not fit into %zu", needed - 1, room);
  if (prefix_bytes) memcpy(out, prefix, prefix_bytes);
  char *at = out + prefix_bytes;
  unsigned char block[40];
  uint32_t waiting = 0; /* bits not yet written, at the low end */
  unsigned waiting_bits = 0;
  for (size_t i = 0; i < random_bytes; i++) {
    size_t at_block = i % sizeof block;
    size_t left = random_bytes - i;
    if (at_block == 0) cal_ids_bytes(ids, block, left < sizeof block ? left : sizeof block);
    waiting = (waiting << 8) | block[at_block];
    waiting_bits += 8;
    while (waiting_bits >= 5) {
      waiting_bits -= 5;
      *at++ = alphabet[(waiting >> waiting_bits) & 31];
    }
  }
  if (waiting_bits > 0) *at++ = alphabet[(waiting << (5 - waiting_bits)) & 31];
  *at = 0;
  return 0;
}
