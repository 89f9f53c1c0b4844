#include "base/heap.h"

#include "base/check.h"
#include "base/ids.h"
#include "base/list.h"

typedef struct item {
  uint32_t place;
  uint32_t value;
} item;

static int is_before(const void *a, const void *b) {
  return ((const item *)a)->value < ((const item *)b)->value;
}

static void what_goes_in_comes_out_in_order_whatever_was_removed(void **state) {
  static item items[2000];
  cal_heap heap;
  cal_heap_init(&heap, offsetof(item, place), is_before);
  cal_ids *random = cal_ids_simulated(9);
  for (int i = 0; i < 2000; i++) {
    cal_ids_bytes(random, &items[i].value, sizeof items[i].value);
    cal_heap_add(&heap, &items[i]);
    assert_true(items[i].place != 0);
  }
  for (int i = 0; i < 2000; i += 3) {
    cal_heap_remove(&heap, &items[i]);
    assert_int_equal(items[i].place, 0);
    cal_heap_remove(&heap, &items[i]);
  }
  uint32_t last = 0, count = 0;
  for (item *top; (top = cal_heap_top(&heap)); count++) {
    assert_true(top->value >= last);
    assert_true((top - items) % 3 != 0);
    last = top->value;
    cal_heap_remove(&heap, top);
  }
  assert_int_equal(count, 2000 - 667);
  cal_ids_free(random);
  cal_heap_free(&heap);
}

static void a_list_keeps_its_order_and_forgives_a_second_removal(void **state) {
  cal_list list, nodes[3] = {{0}};
  cal_list_init(&list);
  cal_list_remove(&nodes[0]); /* zeroed and in no list */
  for (int i = 0; i < 3; i++) cal_list_append(&list, &nodes[i]);
  cal_list_remove(&nodes[1]);
  cal_list_remove(&nodes[1]);
  assert_ptr_equal(list.next, &nodes[0]);
  assert_ptr_equal(nodes[0].next, &nodes[2]);
  cal_list_each_safe(&list, node, after) cal_list_remove(node);
  assert_true(cal_list_is_empty(&list));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_goes_in_comes_out_in_order_whatever_was_removed),
      cmocka_unit_test(a_list_keeps_its_order_and_forgives_a_second_removal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
