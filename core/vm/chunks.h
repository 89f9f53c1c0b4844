/* chunks: pieces of memory of one size, from which the VMs of calls are made (region.h). One store for the
 * whole process.
 *
 *   the system ──slabs──► chunk ──► a region ──► given back ─┬─► warm: stays in memory for the next; 4 MiB at most
 *                                                            └─► cold: its memory goes to the system at once
 *
 * Addresses are kept for ever: a slab that is returned in pieces would cost the kernel a mapping for each piece,
 * and it has room for 65,530. Any thread; a mutex is held for the length of a list operation. */
#ifndef CAL_VM_CHUNKS_H
#define CAL_VM_CHUNKS_H

#include <stddef.h>

#define CAL_CHUNK_BYTES ((size_t)16 * 1024)
#define CAL_CHUNKS_WARM 256 /* ceiling of chunks that are kept in memory while unused */

void *cal_chunk_take(void);       /* returns owned; its bytes are anything; NULL when the system has none */
void cal_chunk_give(void *chunk); /* takes */

typedef struct cal_chunk_counts {
  size_t taken, warm, cold;
} cal_chunk_counts;

cal_chunk_counts cal_chunks_count(void); /* a snapshot, for tests and measurements */

#endif
