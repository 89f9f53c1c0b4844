#include "base/mem.h"

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void out_of_memory(size_t bytes) {
  fprintf(stderr, "callisto: out of memory: %zu bytes were asked for\n", bytes);
  abort();
}

void *cal_alloc(size_t bytes) {
  void *memory = calloc(1, bytes ? bytes : 1);
  if (!memory) out_of_memory(bytes);
  return memory;
}

void *cal_resize(void *memory, size_t bytes) {
  void *resized = realloc(memory, bytes ? bytes : 1);
  if (!resized) out_of_memory(bytes);
  return resized;
}

void *cal_free(void *memory) {
  free(memory);
  return NULL;
}

char *cal_strdup(const char *text) { return text ? cal_strndup(text, strlen(text)) : NULL; }

char *cal_strndup(const char *text, size_t bytes) {
  char *copy = cal_alloc(bytes + 1);
  if (bytes) memcpy(copy, text, bytes);
  return copy;
}

void *cal_memdup(const void *memory, size_t bytes) {
  if (!bytes) return NULL;
  return memcpy(cal_alloc(bytes), memory, bytes);
}

/* Sits in front of the object; aligned so that the object is as well aligned as malloc's memory is. */
typedef struct counted {
  alignas(max_align_t) atomic_size_t references;
  cal_destructor destroy;
} counted;

static counted *counted_of(void *object) { return (counted *)object - 1; }

void *cal_ref_new(size_t bytes, cal_destructor destroy) {
  assert(bytes <= SIZE_MAX - sizeof(counted));
  counted *head = cal_alloc(sizeof *head + bytes);
  atomic_init(&head->references, 1);
  head->destroy = destroy;
  return head + 1;
}

void *cal_ref(void *object) {
  if (!object) return NULL;
  size_t before = atomic_fetch_add_explicit(&counted_of(object)->references, 1, memory_order_relaxed);
  assert(before > 0);
  (void)before;
  return object;
}

void *cal_unref(void *object) {
  if (!object) return NULL;
  counted *head = counted_of(object);
  /* Whatever other owners wrote must be visible to the one that destroys. */
  size_t before = atomic_fetch_sub_explicit(&head->references, 1, memory_order_acq_rel);
  assert(before > 0);
  if (before > 1) return NULL;
  if (head->destroy) head->destroy(object);
  return cal_free(head);
}
