#include "speech/cache.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"

#define BUCKETS 4096

typedef struct entry {
  cal_list node;      /* in cache->used, the one used last at the end */
  struct entry *next; /* in its bucket */
  cal_clip *clip;
  size_t bytes;
  uint32_t hash;
  char key[];
} entry;

struct cal_cache {
  pthread_mutex_t mutex;
  size_t ceiling, bytes;
  cal_list used;
  entry *buckets[BUCKETS];
};

static uint32_t hash_of(const char *key) { /* FNV-1a */
  uint32_t hash = 2166136261u;
  for (; *key; key++) hash = (hash ^ (unsigned char)*key) * 16777619u;
  return hash;
}

static entry **place_of(cal_cache *cache, const char *key, uint32_t hash) {
  entry **place = &cache->buckets[hash % BUCKETS];
  while (*place && ((*place)->hash != hash || strcmp((*place)->key, key))) place = &(*place)->next;
  return place;
}

static void drop(cal_cache *cache, entry **place) {
  entry *old = *place;
  *place = old->next;
  cal_list_remove(&old->node);
  cache->bytes -= old->bytes;
  cal_unref(old->clip);
  cal_free(old);
}

static void make_room(cal_cache *cache, size_t bytes) {
  while (cache->bytes + bytes > cache->ceiling) {
    entry *oldest = cal_list_entry(cache->used.next, entry, node);
    drop(cache, place_of(cache, oldest->key, oldest->hash));
  }
}

cal_cache *cal_cache_new(size_t ceiling_bytes) {
  cal_cache *cache = cal_alloc(sizeof *cache);
  pthread_mutex_init(&cache->mutex, NULL);
  cache->ceiling = ceiling_bytes;
  cal_list_init(&cache->used);
  return cache;
}

void *cal_cache_free(cal_cache *cache) {
  if (!cache) return NULL;
  cache->ceiling = 0;
  make_room(cache, 0);
  pthread_mutex_destroy(&cache->mutex);
  return cal_free(cache);
}

cal_clip *cal_cache_get(cal_cache *cache, const char *key) {
  cal_clip *clip = NULL;
  pthread_mutex_lock(&cache->mutex);
  entry *found = *place_of(cache, key, hash_of(key));
  if (found) {
    cal_list_remove(&found->node);
    cal_list_append(&cache->used, &found->node);
    clip = cal_ref(found->clip);
  }
  pthread_mutex_unlock(&cache->mutex);
  return clip;
}

void cal_cache_put(cal_cache *cache, const char *key, cal_clip *clip) {
  size_t length = strlen(key) + 1;
  size_t bytes = sizeof(entry) + length + sizeof *clip + clip->samples * sizeof(int16_t) + clip->text_bytes +
                 clip->words * sizeof(cal_word);
  if (bytes > cache->ceiling / 4) return;
  uint32_t hash = hash_of(key);
  pthread_mutex_lock(&cache->mutex);
  entry **place = place_of(cache, key, hash);
  if (*place) drop(cache, place); /* two threads made the same clip: the newer one stays */
  make_room(cache, bytes);
  entry *fresh = cal_alloc(sizeof *fresh + length);
  fresh->clip = cal_ref(clip);
  fresh->bytes = bytes;
  fresh->hash = hash;
  memcpy(fresh->key, key, length);
  place = place_of(cache, key, hash);
  *place = fresh;
  cal_list_append(&cache->used, &fresh->node);
  cache->bytes += bytes;
  pthread_mutex_unlock(&cache->mutex);
}

size_t cal_cache_bytes(cal_cache *cache) {
  pthread_mutex_lock(&cache->mutex);
  size_t bytes = cache->bytes;
  pthread_mutex_unlock(&cache->mutex);
  return bytes;
}
