#include "base/slots.h"

#include "base/check.h"

static int things[8];

static void an_id_finds_its_object(void **state) {
  cal_slots *slots = cal_slots_new(1000, 7);
  cal_id ids[8];
  for (int i = 0; i < 8; i++) {
    ids[i] = cal_slots_add(slots, &things[i]);
    assert_true(ids[i] != 0);
    assert_true(ids[i] < UINT64_C(1) << 53);
    assert_true((uint64_t)(double)ids[i] == ids[i]);
    assert_int_equal(cal_id_tag(ids[i]), 7);
  }
  for (int i = 0; i < 8; i++) assert_ptr_equal(cal_slots_get(slots, ids[i]), &things[i]);
  assert_int_equal(cal_slots_count(slots), 8);
  assert_null(cal_slots_free(slots));
  assert_null(cal_slots_free(NULL));
}

static void a_stale_id_finds_nothing_even_when_its_slot_is_used_again(void **state) {
  cal_slots *slots = cal_slots_new(1, 0);
  cal_id stale[1000];
  for (int i = 0; i < 1000; i++) {
    stale[i] = cal_slots_add(slots, &things[0]);
    assert_ptr_equal(cal_slots_remove(slots, stale[i]), &things[0]);
  }
  cal_id live = cal_slots_add(slots, &things[1]);
  for (int i = 0; i < 1000; i++) {
    assert_null(cal_slots_get(slots, stale[i]));
    assert_null(cal_slots_remove(slots, stale[i]));
  }
  assert_ptr_equal(cal_slots_get(slots, live), &things[1]);
  assert_int_equal(cal_slots_count(slots), 1);
  cal_slots_free(slots);
}

static void foreign_and_made_up_ids_find_nothing(void **state) {
  cal_slots *ours = cal_slots_new(100, 1), *theirs = cal_slots_new(100, 2);
  cal_id foreign = cal_slots_add(theirs, &things[0]);
  cal_id own = cal_slots_add(ours, &things[1]);
  assert_null(cal_slots_get(ours, foreign));
  assert_null(cal_slots_get(ours, 0));
  assert_null(cal_slots_get(ours, own + 1));
  assert_null(cal_slots_get(ours, own | UINT64_C(1) << 60));
  assert_null(cal_slots_get(ours, UINT64_MAX));
  cal_slots_free(ours);
  cal_slots_free(theirs);
}

static void the_ceiling_holds_and_room_comes_back(void **state) {
  cal_slots *slots = cal_slots_new(33, 255);
  cal_id ids[33];
  for (int i = 0; i < 33; i++) assert_true((ids[i] = cal_slots_add(slots, &things[0])) != 0);
  assert_int_equal(cal_slots_add(slots, &things[1]), 0);
  assert_ptr_equal(cal_slots_remove(slots, ids[17]), &things[0]);
  cal_id again = cal_slots_add(slots, &things[1]);
  assert_true(again != 0 && again != ids[17]);
  assert_int_equal(cal_slots_add(slots, &things[1]), 0);
  assert_int_equal(cal_id_tag(again), 255);
  cal_slots_free(slots);
}

static void a_walk_meets_each_live_object_once_and_survives_removal(void **state) {
  cal_slots *slots = cal_slots_new(100, 3);
  cal_id ids[8];
  for (int i = 0; i < 8; i++) ids[i] = cal_slots_add(slots, &things[i]);
  cal_slots_remove(slots, ids[0]);
  cal_slots_remove(slots, ids[5]);
  int met[8] = {0};
  for (cal_id id = cal_slots_next(slots, 0); id; id = cal_slots_next(slots, id)) {
    int *thing = cal_slots_remove(slots, id);
    met[thing - things]++;
  }
  for (int i = 0; i < 8; i++) assert_int_equal(met[i], i != 0 && i != 5);
  assert_int_equal(cal_slots_count(slots), 0);
  assert_int_equal(cal_slots_next(slots, 0), 0);
  cal_slots_free(slots);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_id_finds_its_object),
      cmocka_unit_test(a_stale_id_finds_nothing_even_when_its_slot_is_used_again),
      cmocka_unit_test(foreign_and_made_up_ids_find_nothing),
      cmocka_unit_test(the_ceiling_holds_and_room_comes_back),
      cmocka_unit_test(a_walk_meets_each_live_object_once_and_survives_removal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
