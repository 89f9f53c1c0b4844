#include "base/heap.h"

#include <assert.h>

#include "base/mem.h"

void cal_heap_init(cal_heap *heap, size_t place_offset, int (*is_before)(const void *a, const void *b)) {
  *heap = (cal_heap){.place_offset = place_offset, .is_before = is_before};
}

void cal_heap_free(cal_heap *heap) {
  cal_free(heap->objects);
  cal_heap_init(heap, heap->place_offset, heap->is_before);
}

static uint32_t *place_of(const cal_heap *heap, void *object) {
  return (uint32_t *)(void *)((char *)object + heap->place_offset);
}

static void put(cal_heap *heap, uint32_t index, void *object) {
  heap->objects[index] = object;
  *place_of(heap, object) = index + 1;
}

static void sift_up(cal_heap *heap, uint32_t index, void *object) {
  while (index > 0) {
    uint32_t parent = (index - 1) / 2;
    if (!heap->is_before(object, heap->objects[parent])) break;
    put(heap, index, heap->objects[parent]);
    index = parent;
  }
  put(heap, index, object);
}

static void sift_down(cal_heap *heap, uint32_t index, void *object) {
  for (;;) {
    uint32_t child = index * 2 + 1;
    if (child >= heap->count) break;
    if (child + 1 < heap->count && heap->is_before(heap->objects[child + 1], heap->objects[child])) child++;
    if (!heap->is_before(heap->objects[child], object)) break;
    put(heap, index, heap->objects[child]);
    index = child;
  }
  put(heap, index, object);
}

void cal_heap_add(cal_heap *heap, void *object) {
  assert(*place_of(heap, object) == 0 && heap->count < UINT32_C(1) << 31);
  if (heap->count == heap->room) {
    heap->room = heap->room ? heap->room * 2 : 16;
    heap->objects = cal_resize(heap->objects, heap->room * sizeof(void *));
  }
  heap->count++;
  sift_up(heap, heap->count - 1, object);
}

void cal_heap_remove(cal_heap *heap, void *object) {
  uint32_t *place = place_of(heap, object);
  if (*place == 0) return;
  uint32_t index = *place - 1;
  assert(index < heap->count && heap->objects[index] == object);
  *place = 0;
  void *last = heap->objects[--heap->count];
  if (last == object) return;
  if (index > 0 && heap->is_before(last, heap->objects[(index - 1) / 2]))
    sift_up(heap, index, last);
  else
    sift_down(heap, index, last);
}

void *cal_heap_top(const cal_heap *heap) { return heap->count ? heap->objects[0] : NULL; }
