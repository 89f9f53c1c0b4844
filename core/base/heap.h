/* heap: a binary heap of borrowed objects, the smallest on top, from which any can be removed.
 *
 * Each object holds its own place (index + 1; 0 = not in a heap) in a uint32_t whose offset the heap knows,
 * so moving and removing cost log n without a search. Not thread-safe; belongs to its holder. */
#ifndef CAL_BASE_HEAP_H
#define CAL_BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

typedef struct cal_heap {
  void **objects;
  uint32_t count, room;
  size_t place_offset;
  int (*is_before)(const void *a, const void *b);
} cal_heap;

void cal_heap_init(cal_heap *heap, size_t place_offset, int (*is_before)(const void *a, const void *b));
void cal_heap_free(cal_heap *heap);                 /* the objects are left alone, their places too */
void cal_heap_add(cal_heap *heap, void *object);    /* borrows; its place must be 0; at most 2^31 objects */
void cal_heap_remove(cal_heap *heap, void *object); /* harmless when its place is 0 */
void *cal_heap_top(const cal_heap *heap);           /* NULL when empty */

#endif
