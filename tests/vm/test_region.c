#include "vm/kit.h"

#include "vm/chunks.h"
#include "vm/region.h"

#define ANY SIZE_MAX

static void *take(cal_region *region, size_t bytes) {
  void *block = cal_region_resize(region, NULL, 0, bytes, ANY);
  assert_non_null(block);
  assert_int_equal((uintptr_t)block % 8, 0);
  return block;
}

static void give(cal_region *region, void *block, size_t bytes) {
  assert_null(cal_region_resize(region, block, bytes, 0, ANY));
}

static void every_size_can_be_filled_and_is_found_again(void **unused) {
  cal_region region = {0};
  for (size_t bytes = 1; bytes <= CAL_REGION_BLOCK_BYTES + 16; bytes++) {
    void *block = take(&region, bytes);
    memset(block, 0xa5, bytes);
    give(&region, block, bytes);
    if (bytes > CAL_REGION_BLOCK_BYTES) continue;
    assert_ptr_equal(take(&region, bytes), block);
    give(&region, block, bytes);
  }
  cal_region_free(&region);
}

static void a_size_is_rounded_up_by_an_eighth_at_most(void **unused) {
  for (size_t bytes = 64; bytes <= CAL_REGION_BLOCK_BYTES; bytes += 8) {
    cal_region region = {0};
    char *one = take(&region, bytes), *next = take(&region, bytes);
    size_t apart = (size_t)(next - one);
    if (bytes <= CAL_REGION_BLOCK_BYTES / 2) assert_in_range(apart, bytes, bytes + bytes / 8);
    region.is_ending = 1;
    cal_region_free(&region);
  }
}

/* Blocks of all sizes are taken, resized and given back in a made-up order, each filled with its own number. */
#define BLOCKS 500
#define STEPS 50000

static uint32_t next_number(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

static size_t made_up_size(uint32_t *state) {
  size_t most = (size_t)8 << next_number(state) % 12; /* small ones are likelier */
  return next_number(state) % (most + 1);
}

static void assert_filled(const unsigned char *block, size_t bytes, unsigned char with) {
  for (size_t i = 0; i < bytes; i++)
    if (block[i] != with) fail_msg("byte %zu of %zu was overwritten", i, bytes);
}

static void blocks_do_not_touch_each_other(void **unused) {
  static unsigned char *blocks[BLOCKS];
  static size_t sizes[BLOCKS];
  cal_region region = {0};
  uint32_t state = 1;
  for (int step = 0; step < STEPS; step++) {
    uint32_t which = next_number(&state) % BLOCKS;
    size_t old = sizes[which], bytes = made_up_size(&state);
    assert_filled(blocks[which], old, (unsigned char)which);
    blocks[which] = cal_region_resize(&region, blocks[which], old, bytes, ANY);
    assert_filled(blocks[which], old < bytes ? old : bytes, (unsigned char)which);
    if (bytes) memset(blocks[which], (int)which, bytes);
    sizes[which] = bytes;
  }
  for (uint32_t i = 0; i < BLOCKS; i++) {
    assert_filled(blocks[i], sizes[i], (unsigned char)i);
    blocks[i] = cal_region_resize(&region, blocks[i], sizes[i], 0, ANY);
    sizes[i] = 0;
  }
  assert_int_equal(region.large_bytes, 0);
  cal_region_free(&region);
}

static void what_was_given_back_is_cut_up_before_a_chunk_is_taken(void **unused) {
  cal_region region = {0};
  void *large[3];
  for (int i = 0; i < 3; i++) large[i] = take(&region, 4096);
  assert_int_equal(region.held_bytes, CAL_CHUNK_BYTES);
  for (int i = 0; i < 3; i++) give(&region, large[i], 4096);
  for (int i = 0; i < 3 * 4096 / 40; i++) take(&region, 40);
  assert_int_equal(region.held_bytes, CAL_CHUNK_BYTES);
  cal_region_free(&region);
}

static void it_holds_no_more_than_it_may(void **unused) {
  cal_region region = {0};
  size_t most = 2 * CAL_CHUNK_BYTES, count = 0;
  char *last = NULL;
  for (char *block; (block = cal_region_resize(&region, NULL, 0, 1000, most)); count++) last = block;
  assert_in_range(count, 29, 32);
  assert_int_equal(region.held_bytes, most);
  memcpy(last, "kept", 5);
  assert_null(cal_region_resize(&region, last, 1000, 1200, most));
  assert_string_equal(last, "kept"); /* a refusal leaves the block as it was */
  last = cal_region_resize(&region, last, 1000, 100, most);
  assert_string_equal(last, "kept"); /* and smaller is always possible */
  cal_region_free(&region);
}

static void a_region_that_ends_gives_its_chunks_back(void **unused) {
  size_t before = cal_chunks_count().taken;
  cal_region region = {0};
  void *large = take(&region, 100000);
  for (int i = 0; i < 1000; i++) take(&region, 200);
  size_t chunks = region.held_bytes / CAL_CHUNK_BYTES;
  assert_int_equal(cal_chunks_count().taken, before + chunks);
  region.is_ending = 1;
  give(&region, large, 100000);
  cal_region_free(&region);
  assert_int_equal(cal_chunks_count().taken, before);
  assert_int_equal(region.held_bytes, 0);
}

static size_t resident_bytes(void) {
  unsigned long total = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
  fclose(file);
  return resident * (size_t)sysconf(_SC_PAGESIZE);
}

#define FLOOD 2000

static void memory_goes_back_to_the_system_after_a_flood(void **unused) {
  static void *chunks[FLOOD];
  for (int i = 0; i < FLOOD; i++) {
    chunks[i] = cal_chunk_take();
    memset(chunks[i], 1, CAL_CHUNK_BYTES);
  }
  size_t flooded = resident_bytes();
  for (int i = 0; i < FLOOD; i++) cal_chunk_give(chunks[i]);
  cal_chunk_counts counts = cal_chunks_count();
  assert_int_equal(counts.warm, CAL_CHUNKS_WARM);
  assert_true(counts.cold >= FLOOD - CAL_CHUNKS_WARM);
  assert_true(resident_bytes() < flooded - (FLOOD - 2 * CAL_CHUNKS_WARM) * CAL_CHUNK_BYTES);
  void *again[CAL_CHUNKS_WARM + 1]; /* what was cold serves as well */
  for (size_t i = 0; i <= CAL_CHUNKS_WARM; i++) {
    again[i] = cal_chunk_take();
    memset(again[i], 1, CAL_CHUNK_BYTES);
  }
  for (size_t i = 0; i <= CAL_CHUNKS_WARM; i++) cal_chunk_give(again[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_size_can_be_filled_and_is_found_again),
      cmocka_unit_test(a_size_is_rounded_up_by_an_eighth_at_most),
      cmocka_unit_test(blocks_do_not_touch_each_other),
      cmocka_unit_test(what_was_given_back_is_cut_up_before_a_chunk_is_taken),
      cmocka_unit_test(it_holds_no_more_than_it_may),
      cmocka_unit_test(a_region_that_ends_gives_its_chunks_back),
      cmocka_unit_test(memory_goes_back_to_the_system_after_a_flood),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
