/* region: the memory of one VM, taken in chunks and given back whole.
 *
 *   chunk ─┬─ cut ─► block ──given──► list of its size ─┬─► taken again
 *          └─ the rest of a chunk goes to the lists     └─► a larger one is cut when there is nothing else
 *
 * Blocks of up to 8 KiB are cut from chunks and have no header, since Lua says the size of what it gives back; sizes
 * are rounded up by an eighth at most. Blocks that were given back are not joined again: a VM lives for one call,
 * and then all of its chunks are there for the next. Larger blocks are the C library's.
 *
 * A region is zeroed memory to begin with. One thread at a time. */
#ifndef CAL_VM_REGION_H
#define CAL_VM_REGION_H

#include <stddef.h>

#define CAL_REGION_BLOCK_BYTES 8192 /* the largest block that is cut from a chunk */
#define CAL_REGION_SIZES 72

typedef struct cal_region {
  char *at, *end; /* what is left of the piece that is being cut */
  struct cal_region_link *blocks[CAL_REGION_SIZES];
  struct cal_region_link *chunks;
  size_t held_bytes; /* of chunks */
  size_t large_bytes;
  int is_ending; /* blocks need not be given back one by one: cal_region_free takes all of them */
} cal_region;

/* Takes a block (NULL and 0: none) and returns one of `bytes`, aligned to 8, with what was in it, or NULL for 0
 * bytes. NULL also when that would need a chunk more than `most_bytes` of them, or the system has none; then the
 * old block is as it was. Making a block smaller needs no leave. */
void *cal_region_resize(cal_region *region, void *block, size_t old_bytes, size_t bytes, size_t most_bytes);
void cal_region_free(cal_region *region); /* all chunks; large blocks must have been given back */

#endif
