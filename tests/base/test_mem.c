#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/check.h"

static void memory_is_zeroed_and_never_null(void **state) {
  char *memory = cal_alloc(1000);
  for (int i = 0; i < 1000; i++) assert_int_equal(memory[i], 0);
  memory = cal_resize(memory, 5000);
  memory[4999] = 1;
  assert_null(cal_free(memory));
  void *nothing = cal_alloc(0);
  assert_non_null(nothing);
  assert_null(cal_free(nothing));
  assert_null(cal_free(NULL));
}

static void copies_are_copies(void **state) {
  char text[] = "caller";
  char *whole = cal_strdup(text);
  char *part = cal_strndup(text, 4);
  char *bytes = cal_memdup(text, 3);
  text[0] = 'x';
  assert_string_equal(whole, "caller");
  assert_string_equal(part, "call");
  assert_memory_equal(bytes, "cal", 3);
  assert_null(cal_strdup(NULL));
  assert_null(cal_memdup(text, 0));
  cal_free(whole);
  cal_free(part);
  cal_free(bytes);
}

typedef struct thing {
  int *destroyed;
} thing;

static void destroy_thing(void *object) { ++*((thing *)object)->destroyed; }

static void the_last_reference_destroys_once(void **state) {
  int destroyed = 0;
  thing *made = cal_ref_new(sizeof *made, destroy_thing);
  made->destroyed = &destroyed;
  assert_ptr_equal(cal_ref(made), made);
  assert_null(cal_unref(made));
  assert_int_equal(destroyed, 0);
  assert_null(cal_unref(made));
  assert_int_equal(destroyed, 1);
  assert_null(cal_ref(NULL));
  assert_null(cal_unref(NULL));
  assert_null(cal_unref(cal_ref_new(8, NULL)));
}

static void counted_memory_is_aligned_like_malloc(void **state) {
  for (size_t bytes = 1; bytes < 100; bytes++) {
    void *object = cal_ref_new(bytes, NULL);
    assert_int_equal((uintptr_t)object % _Alignof(max_align_t), 0);
    cal_unref(object);
  }
}

static atomic_int destroyed_count;
static void count_destroyed(void *object) { atomic_fetch_add(&destroyed_count, 1); }

static void *use_and_release(void *object) {
  for (int i = 0; i < 2000; i++) cal_unref(cal_ref(object));
  return cal_unref(object);
}

static void references_are_counted_across_threads(void **state) {
  pthread_t threads[4];
  void *object = cal_ref_new(64, count_destroyed);
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, use_and_release, cal_ref(object)), 0);
  object = cal_unref(object);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  assert_int_equal(atomic_load(&destroyed_count), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(memory_is_zeroed_and_never_null),
      cmocka_unit_test(copies_are_copies),
      cmocka_unit_test(the_last_reference_destroys_once),
      cmocka_unit_test(counted_memory_is_aligned_like_malloc),
      cmocka_unit_test(references_are_counted_across_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
