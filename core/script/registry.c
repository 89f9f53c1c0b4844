#include "script/registry.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define BUCKETS 4096

typedef struct entry {
  struct entry *next;
  cal_owner owner;
  char name[];
} entry;

struct cal_registry {
  pthread_mutex_t lock;
  entry *buckets[BUCKETS];
  uint32_t count;
};

cal_registry *cal_registry_new(void) {
  cal_registry *registry = cal_alloc(sizeof *registry);
  pthread_mutex_init(&registry->lock, NULL);
  return registry;
}

cal_registry *cal_registry_free(cal_registry *registry) {
  if (!registry) return NULL;
  for (unsigned i = 0; i < BUCKETS; i++)
    while (registry->buckets[i]) {
      entry *e = registry->buckets[i];
      registry->buckets[i] = e->next;
      cal_free(e);
    }
  pthread_mutex_destroy(&registry->lock);
  return cal_free(registry);
}

static entry **find(cal_registry *registry, const char *name) {
  uint64_t hash = 1469598103934665603u;
  for (const char *c = name; *c; c++) hash = (hash ^ (unsigned char)*c) * 1099511628211u;
  entry **place = &registry->buckets[(hash ^ (hash >> 32)) % BUCKETS];
  while (*place && strcmp((*place)->name, name)) place = &(*place)->next;
  return place;
}

int cal_registry_add(cal_registry *registry, const char *name, const cal_owner *owner) {
  int code = 0;
  pthread_mutex_lock(&registry->lock);
  entry **place = find(registry, name);
  if (*place) {
    code = cal_fail(-EEXIST, "%s already names a live call", name);
  } else {
    entry *e = cal_alloc(sizeof *e + strlen(name) + 1);
    strcpy(e->name, name);
    e->owner = *owner;
    *place = e;
    registry->count++;
  }
  pthread_mutex_unlock(&registry->lock);
  return code;
}

void cal_registry_remove(cal_registry *registry, const char *name) {
  pthread_mutex_lock(&registry->lock);
  entry **place = find(registry, name);
  entry *e = *place;
  if (e) {
    *place = e->next;
    cal_free(e);
    registry->count--;
  }
  pthread_mutex_unlock(&registry->lock);
}

int cal_registry_find(cal_registry *registry, const char *name, cal_owner *owner) {
  pthread_mutex_lock(&registry->lock);
  const entry *e = *find(registry, name);
  if (e) *owner = e->owner;
  pthread_mutex_unlock(&registry->lock);
  return e != NULL;
}

uint32_t cal_registry_count(cal_registry *registry) {
  pthread_mutex_lock(&registry->lock);
  uint32_t count = registry->count;
  pthread_mutex_unlock(&registry->lock);
  return count;
}
