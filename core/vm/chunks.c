#include "vm/chunks.h"

#include <pthread.h>
#include <sys/mman.h>

#include "base/mem.h"

#define SLAB_BYTES (64 * CAL_CHUNK_BYTES)

static struct {
  pthread_mutex_t lock;
  char *slab, *slab_end; /* what is left of the last slab */
  void *warm[CAL_CHUNKS_WARM];
  void **cold;
  size_t taken, warm_count, cold_count, cold_room;
} store = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Without huge pages: the kernel would fill the holes that cold chunks are, and memory would not go back. */
static char *new_slab(void) {
  void *slab = mmap(NULL, SLAB_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (slab == MAP_FAILED) return NULL;
  madvise(slab, SLAB_BYTES, MADV_NOHUGEPAGE);
  return slab;
}

static void *cut_slab(void) {
  if (store.slab == store.slab_end) {
    store.slab = new_slab();
    store.slab_end = store.slab ? store.slab + SLAB_BYTES : NULL;
  }
  void *chunk = store.slab;
  if (chunk) store.slab += CAL_CHUNK_BYTES;
  return chunk;
}

void *cal_chunk_take(void) {
  pthread_mutex_lock(&store.lock);
  void *chunk = store.warm_count   ? store.warm[--store.warm_count]
                : store.cold_count ? store.cold[--store.cold_count]
                                   : cut_slab();
  if (chunk) store.taken++;
  pthread_mutex_unlock(&store.lock);
  return chunk;
}

static int keep_warm(void *chunk) {
  pthread_mutex_lock(&store.lock);
  store.taken--;
  int has_room = store.warm_count < CAL_CHUNKS_WARM;
  if (has_room) store.warm[store.warm_count++] = chunk;
  pthread_mutex_unlock(&store.lock);
  return has_room;
}

void cal_chunk_give(void *chunk) {
  if (keep_warm(chunk)) return;
  madvise(chunk, CAL_CHUNK_BYTES, MADV_DONTNEED); /* without the lock: the kernel may take its time */
  pthread_mutex_lock(&store.lock);
  if (store.cold_count == store.cold_room) {
    store.cold_room = store.cold_room ? store.cold_room * 2 : 64;
    store.cold = cal_resize(store.cold, store.cold_room * sizeof *store.cold);
  }
  store.cold[store.cold_count++] = chunk;
  pthread_mutex_unlock(&store.lock);
}

cal_chunk_counts cal_chunks_count(void) {
  pthread_mutex_lock(&store.lock);
  cal_chunk_counts counts = {store.taken, store.warm_count, store.cold_count};
  pthread_mutex_unlock(&store.lock);
  return counts;
}
