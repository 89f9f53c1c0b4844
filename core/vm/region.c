#include "vm/region.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sanitizer/asan_interface.h> /* its macros are empty in other builds */

#include "vm/chunks.h"

#define EXACT_BYTES 256u /* up to here sizes are multiples of 8 … */
#define EXACT_SIZES (EXACT_BYTES / 8)
#define EXACT_BITS 8
#define STEPS 8 /* … and from there on each doubling has eight */
#define STEP_BITS 3
#define CUT_BYTES 1024 /* smaller blocks are not worth being cut up */

typedef struct cal_region_link {
  struct cal_region_link *next;
} link;

static unsigned size_of(size_t bytes) {
  if (bytes <= EXACT_BYTES) return (unsigned)(bytes + 7) / 8 - 1;
  unsigned power = 31 - (unsigned)__builtin_clz((unsigned)bytes - 1); /* 2^power < bytes <= 2^(power + 1) */
  unsigned step = ((unsigned)(bytes - 1) >> (power - STEP_BITS)) & (STEPS - 1);
  return EXACT_SIZES + (power - EXACT_BITS) * STEPS + step;
}

static size_t bytes_of(unsigned size) {
  if (size < EXACT_SIZES) return ((size_t)size + 1) * 8;
  unsigned power = (size - EXACT_SIZES) / STEPS + EXACT_BITS, step = (size - EXACT_SIZES) % STEPS;
  return ((size_t)STEPS + step + 1) << (power - STEP_BITS);
}

static void shelve(cal_region *region, void *block, unsigned size) {
  link *one = block;
  one->next = region->blocks[size];
  region->blocks[size] = one;
  ASAN_POISON_MEMORY_REGION(block, bytes_of(size));
}

static void *take_shelved(cal_region *region, unsigned size) {
  link *one = region->blocks[size];
  if (!one) return NULL;
  ASAN_UNPOISON_MEMORY_REGION(one, bytes_of(size));
  region->blocks[size] = one->next;
  return one;
}

/* What is left of a piece becomes blocks, the largest possible first. */
static void shelve_rest(cal_region *region) {
  while (region->at < region->end) {
    size_t left = (size_t)(region->end - region->at);
    unsigned size = left < CAL_REGION_BLOCK_BYTES ? size_of(left) : CAL_REGION_SIZES - 1;
    if (bytes_of(size) > left) size--;
    ASAN_UNPOISON_MEMORY_REGION(region->at, sizeof(link));
    shelve(region, region->at, size);
    region->at += bytes_of(size);
  }
}

static void cut_from(cal_region *region, void *piece, size_t bytes) {
  region->at = piece;
  region->end = region->at + bytes;
  ASAN_POISON_MEMORY_REGION(piece, bytes);
}

static int add_chunk(cal_region *region, size_t most_bytes) {
  if (region->held_bytes + CAL_CHUNK_BYTES > most_bytes) return 0;
  link *chunk = cal_chunk_take();
  if (!chunk) return 0;
  chunk->next = region->chunks;
  region->chunks = chunk;
  region->held_bytes += CAL_CHUNK_BYTES;
  cut_from(region, chunk + 1, CAL_CHUNK_BYTES - sizeof *chunk);
  return 1;
}

/* Finds a piece from which a block of this size can be cut. */
static int refill(cal_region *region, unsigned size, size_t most_bytes) {
  shelve_rest(region);
  unsigned least = size_of(CUT_BYTES);
  for (unsigned larger = size > least ? size : least; larger < CAL_REGION_SIZES; larger++) {
    void *piece = take_shelved(region, larger);
    if (!piece) continue;
    cut_from(region, piece, bytes_of(larger));
    return 1;
  }
  return add_chunk(region, most_bytes);
}

static void *take(cal_region *region, size_t bytes, size_t most_bytes) {
  if (bytes > CAL_REGION_BLOCK_BYTES) {
    void *block = malloc(bytes);
    if (block) region->large_bytes += bytes;
    return block;
  }
  unsigned size = size_of(bytes);
  void *block = take_shelved(region, size);
  if (block) return block;
  size_t whole = bytes_of(size);
  if ((size_t)(region->end - region->at) < whole && !refill(region, size, most_bytes)) return NULL;
  block = region->at;
  region->at += whole;
  ASAN_UNPOISON_MEMORY_REGION(block, whole);
  return block;
}

static void give(cal_region *region, void *block, size_t bytes) {
  if (bytes > CAL_REGION_BLOCK_BYTES) {
    region->large_bytes -= bytes;
    free(block);
  } else if (!region->is_ending) {
    shelve(region, block, size_of(bytes));
  }
}

static void *resize_large(cal_region *region, void *block, size_t old_bytes, size_t bytes) {
  void *moved = realloc(block, bytes);
  if (moved) region->large_bytes += bytes - old_bytes;
  return moved;
}

void *cal_region_resize(cal_region *region, void *block, size_t old_bytes, size_t bytes, size_t most_bytes) {
  if (bytes == 0) {
    if (block) give(region, block, old_bytes);
    return NULL;
  }
  if (!block) return take(region, bytes, most_bytes);
  size_t smaller = old_bytes < bytes ? old_bytes : bytes;
  size_t larger = old_bytes < bytes ? bytes : old_bytes;
  if (smaller > CAL_REGION_BLOCK_BYTES) return resize_large(region, block, old_bytes, bytes);
  if (larger <= CAL_REGION_BLOCK_BYTES && size_of(old_bytes) == size_of(bytes)) return block;
  void *moved = take(region, bytes, bytes < old_bytes ? SIZE_MAX : most_bytes);
  if (!moved) return NULL;
  memcpy(moved, block, smaller);
  give(region, block, old_bytes);
  return moved;
}

void cal_region_free(cal_region *region) {
  assert(region->large_bytes == 0);
  for (link *chunk = region->chunks, *after; chunk; chunk = after) {
    after = chunk->next;
    ASAN_UNPOISON_MEMORY_REGION(chunk, CAL_CHUNK_BYTES);
    cal_chunk_give(chunk);
  }
  memset(region, 0, sizeof *region);
}
