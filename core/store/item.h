/* item: one submitted request, copied into one piece of memory. Private to the store. */
#ifndef CAL_STORE_ITEM_H
#define CAL_STORE_ITEM_H

#include <stddef.h>

#include "base/list.h"
#include "store/request.h"

typedef struct cal_item {
  cal_list node;
  int is_fact;
  cal_store_done on_done;
  void *context;
  cal_store_result *result; /* while its group is not committed */
  const char *sql;
  size_t bytes; /* what it weighs */
  uint32_t count;
  cal_store_value params[];
} cal_item;

int cal_item_new(cal_item **result, const cal_store_request *request); /* returns owned; -EMSGSIZE, -EINVAL */
void cal_item_tell(cal_item *item,
                   cal_store_result *result); /* takes the result; its asker is asked no more */
void cal_item_answer(cal_item *item, cal_store_result *result); /* takes both */

static inline cal_item *cal_item_first(cal_list *list) {
  return cal_list_is_empty(list) ? NULL : cal_list_entry(list->next, cal_item, node);
}

#endif
