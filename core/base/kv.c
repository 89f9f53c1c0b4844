#include "base/kv.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/heap.h"
#include "base/ids.h"
#include "base/mem.h"

#define KEY_BYTES_MOST 512
#define VALUE_BYTES_MOST (64 * 1024)
#define FIRST_BUCKETS 64
#define NUMBER_TEXT_ROOM 24
#define DROPPED_AT_ONCE 64 /* entries whose time is over */

typedef struct entry {
  struct entry *next; /* in its bucket */
  uint64_t hash;
  uint64_t expires_ns; /* 0 = never */
  uint32_t place;      /* in the heap of what expires */
  uint32_t key_bytes, value_bytes;
  char *value; /* owned */
  char key[];
} entry;

struct cal_kv {
  pthread_mutex_t lock;
  size_t ceiling_bytes, bytes;
  entry **buckets;
  size_t bucket_count; /* a power of two */
  size_t count;
  cal_heap expiring;
  uint64_t seed; /* keys may come from callers, who must not know which ones collide */
};

static int expires_before(const void *a, const void *b) {
  return ((const entry *)a)->expires_ns < ((const entry *)b)->expires_ns;
}

cal_kv *cal_kv_new(size_t ceiling_bytes) {
  cal_kv *kv = cal_alloc(sizeof *kv);
  pthread_mutex_init(&kv->lock, NULL);
  kv->ceiling_bytes = ceiling_bytes;
  kv->bucket_count = FIRST_BUCKETS;
  kv->buckets = cal_alloc(kv->bucket_count * sizeof(entry *));
  cal_heap_init(&kv->expiring, offsetof(entry, place), expires_before);
  cal_ids_bytes(cal_ids_real(), &kv->seed, sizeof kv->seed);
  return kv;
}

static void entry_free(entry *gone) {
  cal_free(gone->value);
  cal_free(gone);
}

cal_kv *cal_kv_free(cal_kv *kv) {
  if (!kv) return NULL;
  for (size_t i = 0; i < kv->bucket_count; i++)
    for (entry *at = kv->buckets[i], *next; at; at = next) {
      next = at->next;
      entry_free(at);
    }
  cal_heap_free(&kv->expiring);
  cal_free(kv->buckets);
  pthread_mutex_destroy(&kv->lock);
  return cal_free(kv);
}

/* FNV-1a from a secret start, then MurmurHash3's finish, so that the low bits depend on every byte. */
static uint64_t hash_of(const cal_kv *kv, cal_span key) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ kv->seed;
  for (size_t i = 0; i < key.bytes; i++) hash = (hash ^ (unsigned char)key.at[i]) * UINT64_C(0x100000001b3);
  hash = (hash ^ (hash >> 33)) * UINT64_C(0xff51afd7ed558ccd);
  hash = (hash ^ (hash >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
  return hash ^ (hash >> 33);
}

static size_t cost_of(size_t key_bytes, size_t value_bytes) {
  return sizeof(entry) + key_bytes + value_bytes;
}

static entry **link_to(cal_kv *kv, uint64_t hash, cal_span key) {
  entry **link = &kv->buckets[hash & (kv->bucket_count - 1)];
  for (; *link; link = &(*link)->next) {
    const entry *at = *link;
    if (at->hash == hash && at->key_bytes == key.bytes && (!key.bytes || !memcmp(at->key, key.at, key.bytes)))
      break;
  }
  return link;
}

static void unlink_entry(cal_kv *kv, entry *gone) {
  entry **link = &kv->buckets[gone->hash & (kv->bucket_count - 1)];
  while (*link != gone) link = &(*link)->next;
  *link = gone->next;
  cal_heap_remove(&kv->expiring, gone);
  kv->bytes -= cost_of(gone->key_bytes, gone->value_bytes);
  kv->count--;
  entry_free(gone);
}

/* Each entry is added to the heap once and leaves it once, so this costs what the additions did, over time: a few at
 * a time, or who comes first when a hundred thousand are over would wait for all of them. */
static void drop_expired(cal_kv *kv, uint64_t now_ns, size_t most) {
  entry *first = cal_heap_top(&kv->expiring);
  for (size_t i = 0; i < most && first && first->expires_ns <= now_ns; i++) {
    unlink_entry(kv, first);
    first = cal_heap_top(&kv->expiring);
  }
}

/* Under the lock: the entry, if its time is not over. */
static entry *find(cal_kv *kv, uint64_t hash, cal_span key, uint64_t now_ns) {
  drop_expired(kv, now_ns, DROPPED_AT_ONCE);
  entry *found = *link_to(kv, hash, key);
  if (!found || !found->expires_ns || found->expires_ns > now_ns) return found;
  unlink_entry(kv, found);
  return NULL;
}

static void grow_buckets(cal_kv *kv) {
  size_t count = kv->bucket_count * 2;
  entry **buckets = cal_alloc(count * sizeof(entry *));
  for (size_t i = 0; i < kv->bucket_count; i++)
    for (entry *at = kv->buckets[i], *next; at; at = next) {
      next = at->next;
      at->next = buckets[at->hash & (count - 1)];
      buckets[at->hash & (count - 1)] = at;
    }
  cal_free(kv->buckets);
  kv->buckets = buckets;
  kv->bucket_count = count;
}

static entry *add_entry(cal_kv *kv, uint64_t hash, cal_span key) {
  if (kv->count >= kv->bucket_count) grow_buckets(kv);
  entry *added = cal_alloc(sizeof *added + key.bytes);
  added->hash = hash;
  added->key_bytes = (uint32_t)key.bytes;
  if (key.bytes) memcpy(added->key, key.at, key.bytes);
  entry **bucket = &kv->buckets[hash & (kv->bucket_count - 1)];
  added->next = *bucket;
  *bucket = added;
  kv->bytes += cost_of(key.bytes, 0);
  kv->count++;
  return added;
}

static void expire_at(cal_kv *kv, entry *at, uint64_t ttl_ms, uint64_t now_ns) {
  cal_heap_remove(&kv->expiring, at);
  at->expires_ns = 0;
  if (!ttl_ms || ttl_ms > (UINT64_MAX - now_ns) / CAL_MS)
    return; /* later than the clock can tell is for ever */
  at->expires_ns = now_ns + ttl_ms * CAL_MS;
  cal_heap_add(&kv->expiring, at);
}

static int check_sizes(cal_span key, size_t value_bytes) {
  if (key.bytes > KEY_BYTES_MOST)
    return cal_fail(-EMSGSIZE, "a key has at most %d bytes, not %zu", KEY_BYTES_MOST, key.bytes);
  if (value_bytes > VALUE_BYTES_MOST)
    return cal_fail(-EMSGSIZE, "a value has at most %d bytes, not %zu", VALUE_BYTES_MOST, value_bytes);
  return 0;
}

/* Stores the value under the key; `found` is its entry, or NULL to make one. Gives the entry through
 * `result`. */
static int store(cal_kv *kv, entry **result, entry *found, uint64_t hash, cal_span key, cal_span value) {
  size_t freed = found ? cost_of(key.bytes, found->value_bytes) : 0;
  size_t needed = kv->bytes - freed + cost_of(key.bytes, value.bytes);
  if (needed > kv->ceiling_bytes)
    return cal_fail(-ENOSPC, "the shared store is full: %zu bytes would be needed, %zu are allowed", needed,
                    kv->ceiling_bytes);
  if (!found) found = add_entry(kv, hash, key);
  cal_free(found->value);
  found->value = cal_memdup(value.at, value.bytes);
  found->value_bytes = (uint32_t)value.bytes;
  kv->bytes = needed;
  *result = found;
  return 0;
}

static int put(cal_kv *kv, cal_span key, cal_span value, uint64_t ttl_ms, uint64_t now_ns, int only_absent) {
  int status = check_sizes(key, value.bytes);
  if (status < 0) return status;
  uint64_t hash = hash_of(kv, key);
  pthread_mutex_lock(&kv->lock);
  entry *found = find(kv, hash, key, now_ns);
  entry *stored = NULL;
  if (!found || !only_absent) {
    status = store(kv, &stored, found, hash, key, value);
    if (stored) expire_at(kv, stored, ttl_ms, now_ns);
  }
  pthread_mutex_unlock(&kv->lock);
  if (status < 0) return status;
  return only_absent && stored ? 1 : 0;
}

int cal_kv_set(cal_kv *kv, cal_span key, cal_span value, uint64_t ttl_ms, uint64_t now_ns) {
  return put(kv, key, value, ttl_ms, now_ns, 0);
}

int cal_kv_add(cal_kv *kv, cal_span key, cal_span value, uint64_t ttl_ms, uint64_t now_ns) {
  return put(kv, key, value, ttl_ms, now_ns, 1);
}

int cal_kv_get(cal_kv *kv, cal_span key, cal_buf *into, uint64_t now_ns) {
  uint64_t hash = hash_of(kv, key);
  pthread_mutex_lock(&kv->lock);
  const entry *found = find(kv, hash, key, now_ns);
  int status = found ? cal_buf_append(into, found->value, found->value_bytes) : 0;
  pthread_mutex_unlock(&kv->lock);
  return status < 0 ? status : found != NULL;
}

static int parse_number(const entry *at, int64_t *result) {
  char text[NUMBER_TEXT_ROOM];
  size_t sign = at->value_bytes > 0 && at->value[0] == '-';
  size_t digits = at->value_bytes - sign;
  int is_number = digits > 0 && at->value_bytes < sizeof text;
  for (size_t i = sign; is_number && i < at->value_bytes; i++)
    is_number = at->value[i] >= '0' && at->value[i] <= '9';
  if (is_number) {
    memcpy(text, at->value, at->value_bytes);
    text[at->value_bytes] = 0;
    errno = 0;
    *result = strtoimax(text, NULL, 10);
    if (errno == 0) return 0;
  }
  return cal_fail(-EINVAL, "what is stored under \"%.*s\" is not a whole number", (int)at->key_bytes,
                  at->key);
}

/* Under the lock. */
static int increment(cal_kv *kv, int64_t *result, cal_span key, int64_t by, uint64_t ttl_ms,
                     uint64_t now_ns) {
  uint64_t hash = hash_of(kv, key);
  entry *found = find(kv, hash, key, now_ns);
  int64_t value = 0;
  int status = found ? parse_number(found, &value) : 0;
  if (status < 0) return status;
  if (__builtin_add_overflow(value, by, &value))
    return cal_fail(-ERANGE, "a counter holds 64 bits; adding %" PRId64 " goes past them", by);
  char text[NUMBER_TEXT_ROOM];
  snprintf(text, sizeof text, "%" PRId64, value);
  entry *stored = NULL;
  status = store(kv, &stored, found, hash, key, cal_span_of(text));
  if (status < 0) return status;
  if (!found) expire_at(kv, stored, ttl_ms, now_ns);
  *result = value;
  return 0;
}

int cal_kv_increment(cal_kv *kv, int64_t *result, cal_span key, int64_t by, uint64_t ttl_ms,
                     uint64_t now_ns) {
  int status = check_sizes(key, 0);
  if (status < 0) return status;
  pthread_mutex_lock(&kv->lock);
  status = increment(kv, result, key, by, ttl_ms, now_ns);
  pthread_mutex_unlock(&kv->lock);
  return status;
}

int cal_kv_remove(cal_kv *kv, cal_span key, uint64_t now_ns) {
  uint64_t hash = hash_of(kv, key);
  pthread_mutex_lock(&kv->lock);
  entry *found = find(kv, hash, key, now_ns);
  if (found) unlink_entry(kv, found);
  pthread_mutex_unlock(&kv->lock);
  return found != NULL;
}

size_t cal_kv_bytes(cal_kv *kv) {
  pthread_mutex_lock(&kv->lock);
  size_t bytes = kv->bytes;
  pthread_mutex_unlock(&kv->lock);
  return bytes;
}

int cal_kv_is_short(cal_kv *kv) { return cal_kv_bytes(kv) > kv->ceiling_bytes / 2; }

size_t cal_kv_count(cal_kv *kv, uint64_t now_ns) {
  pthread_mutex_lock(&kv->lock);
  drop_expired(kv, now_ns, SIZE_MAX);
  size_t count = kv->count;
  pthread_mutex_unlock(&kv->lock);
  return count;
}
