/* list: doubly linked, intrusive, circular. The node lives in the object. Removing twice is harmless. */
#ifndef CAL_BASE_LIST_H
#define CAL_BASE_LIST_H

#include <stddef.h>

typedef struct cal_list {
  struct cal_list *next, *prev;
} cal_list;

#define cal_list_entry(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))
#define cal_list_each(list, node) for (cal_list *node = (list)->next; node != (list); node = node->next)
#define cal_list_each_safe(list, node, after)                                                                \
  for (cal_list *node = (list)->next, *after = node->next; node != (list); node = after, after = node->next)

static inline void cal_list_init(cal_list *list) { list->next = list->prev = list; }
static inline int cal_list_is_empty(const cal_list *list) { return list->next == list; }

static inline void cal_list_append(cal_list *list, cal_list *node) {
  node->prev = list->prev;
  node->next = list;
  list->prev->next = node;
  list->prev = node;
}

static inline void cal_list_prepend(cal_list *list, cal_list *node) { cal_list_append(list->next, node); }

static inline void cal_list_remove(cal_list *node) {
  if (!node->next) return;
  node->prev->next = node->next;
  node->next->prev = node->prev;
  node->next = node->prev = node;
}

#endif
