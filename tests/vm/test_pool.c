#include "vm/kit.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/error.h"
#include "base/log.h"
#include "vm/chunks.h"
#include "vm/pool.h"

static int setup(void **unused) {
  workspace_open();
  write_file("lua/app.lua", "return 'first'");
  return 0;
}

static int teardown(void **unused) {
  workspace_close();
  return 0;
}

/* Leaves the module's value on the stack of every VM that is warm. */
static int require_app(cal_vm *vm, void *context) { return cal_vm_require(vm, "app"); }

static void ignore_line(void *context, const char *line) {}

static cal_pool *new_pool(cal_generation *generation, uint32_t target) {
  cal_pool *pool = NULL;
  cal_pool_options options = {
      .target = target, .vm = {.kind = CAL_VM_CALL, .name = "pooled"}, .setup = require_app};
  assert_int_equal(cal_pool_new(&pool, generation, &options), 0);
  return pool;
}

static void wait_until_warm(cal_pool *pool, uint32_t count) {
  while (cal_pool_warm(pool) < count) sched_yield();
}

static void it_fills_itself_and_again_after_a_take(void **unused) {
  cal_generation *generation = build_generation(NULL, NULL);
  cal_pool *pool = new_pool(generation, 4);
  wait_until_warm(pool, 4);
  cal_vm *vms[4];
  for (int i = 0; i < 4; i++) {
    assert_int_equal(cal_pool_take(pool, &vms[i]), 0);
    assert_string_equal(lua_tostring(cal_vm_state(vms[i]), -1), "first");
    for (int k = 0; k < i; k++) assert_ptr_not_equal(vms[i], vms[k]);
    wait_until_warm(pool, 4);
  }
  assert_int_equal(cal_pool_cold_takes(pool), 0);
  for (int i = 0; i < 4; i++) assert_null(cal_pool_discard(pool, vms[i]));
  assert_null(cal_pool_discard(pool, NULL));
  cal_pool_free(pool);
  cal_unref(generation);
}

static void an_inline_pool_builds_when_asked_and_closes_at_once(void **unused) {
  cal_generation *generation = build_generation(NULL, NULL);
  cal_pool *pool;
  cal_pool_options options = {
      .target = 4, .vm = {.kind = CAL_VM_CALL, .name = "pooled"}, .setup = require_app, .is_inline = 1};
  assert_int_equal(cal_pool_new(&pool, generation, &options), 0);
  cal_vm *one, *other;
  assert_int_equal(cal_pool_take(pool, &one), 0);
  assert_int_equal(cal_pool_take(pool, &other), 0);
  assert_string_equal(lua_tostring(cal_vm_state(one), -1), "first");
  assert_int_equal(cal_pool_taken(pool), 2);
  assert_int_equal(cal_pool_warm(pool), 0);
  assert_int_equal(cal_pool_cold_takes(pool), 0);
  cal_pool_discard(pool, one);
  assert_int_equal(cal_pool_taken(pool), 1);
  cal_pool_discard(pool, other);
  assert_int_equal(cal_pool_taken(pool), 0);
  cal_pool_free(pool);
  cal_unref(generation);
}

static void an_empty_pool_builds_in_place_and_counts(void **unused) {
  cal_generation *generation = build_generation(NULL, NULL);
  cal_pool *pool = new_pool(generation, 0);
  for (int i = 1; i <= 3; i++) {
    cal_vm *vm = NULL;
    assert_int_equal(cal_pool_take(pool, &vm), 0);
    assert_string_equal(lua_tostring(cal_vm_state(vm), -1), "first");
    assert_int_equal(cal_pool_cold_takes(pool), i);
    cal_pool_discard(pool, vm);
  }
  cal_pool_free(pool);
  cal_unref(generation);
}

static void a_retired_pool_keeps_none_warm_and_still_gives(void **unused) {
  cal_generation *generation = build_generation(NULL, NULL);
  cal_pool *pool = new_pool(generation, 3);
  cal_vm *live = NULL;
  wait_until_warm(pool, 3);
  assert_int_equal(cal_pool_take(pool, &live), 0);
  cal_pool_retire(pool);
  cal_pool_retire(pool); /* twice is harmless */
  assert_int_equal(cal_pool_warm(pool), 0);
  assert_int_equal(run_text(live, "return require 'app'"), 0);
  cal_pool_discard(pool, live);
  for (int i = 1; i <= 3; i++) {
    cal_vm *vm = NULL;
    assert_int_equal(cal_pool_take(pool, &vm), 0);
    assert_string_equal(lua_tostring(cal_vm_state(vm), -1), "first");
    assert_int_equal(cal_pool_cold_takes(pool), i);
    cal_pool_discard(pool, vm);
    assert_int_equal(cal_pool_warm(pool), 0);
  }
  cal_pool_free(pool);
  cal_unref(generation);
}

static void a_pool_of_broken_code_says_so(void **unused) {
  write_file("lua/app.lua", "error('not today', 0)");
  cal_generation *broken = build_generation(NULL, NULL);
  cal_log_sink(ignore_line, NULL);
  cal_pool *pool = new_pool(broken, 2);
  cal_vm *vm = NULL;
  assert_int_equal(cal_pool_take(pool, &vm), -EINVAL);
  assert_string_equal(cal_error_text(), "not today");
  assert_null(vm);
  assert_int_equal(cal_pool_taken(pool), 0);
  cal_pool_free(pool);
  cal_log_sink(NULL, NULL);
  cal_unref(broken);
}

/* Script threads take, run (some run away) and discard, while the code becomes old below them. */
#define THREADS 3
#define CALLS (IS_TSAN ? 40 : 200)

static atomic_int calls_run;

static void *run_calls(void *context) {
  cal_pool *pool = context;
  for (int i = 0; i < CALLS; i++) {
    cal_vm *vm = NULL;
    assert_int_equal(cal_pool_take(pool, &vm), 0);
    if (i % 20 == 7)
      assert_int_equal(run_text(vm, "while true do local t = {} end"), -ETIMEDOUT);
    else
      assert_int_equal(run_text(vm, "local t = {} for i = 1, 100 do t[i] = {i} end return #t"), 0);
    cal_pool_discard(pool, vm);
    atomic_fetch_add(&calls_run, 1);
  }
  return NULL;
}

static void threads_take_and_discard_while_the_pool_retires(void **unused) {
  cal_generation *generation = build_generation(NULL, NULL);
  cal_pool *pool = new_pool(generation, 8);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, run_calls, pool), 0);
  while (atomic_load(&calls_run) < THREADS * CALLS / 2) sched_yield();
  cal_pool_retire(pool);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  assert_int_equal(cal_pool_taken(pool), 0);
  assert_int_equal(cal_pool_warm(pool), 0);
  cal_pool_free(pool);
  cal_unref(generation);
}

static void one_call(cal_generation *generation) {
  cal_vm *vm = new_vm(CAL_VM_CALL, generation);
  assert_int_equal(
      run_text(vm, "local t = {require 'app'} for i = 1, 50 do t[i] = {tostring(i)} end return #t"), 0);
  assert_int_equal(run_text(vm, "error({})"), -EINVAL);
  cal_vm_free(vm);
}

static void two_thousand_vms_leave_nothing_behind(void **unused) {
  cal_generation *generation = build_generation(NULL, NULL);
  for (int i = 0; i < 100; i++) one_call(generation);
  size_t before = mallinfo2().uordblks, chunks = cal_chunks_count().taken;
  for (int i = 0; i < 2000; i++) one_call(generation);
  size_t after = mallinfo2().uordblks;
  assert_int_equal(cal_chunks_count().taken, chunks);
  /* The allocator's own caches come and go by tens of kilobytes. What one VM might lose, the leak check would
   * show. */
  if (after > before + 256 * 1024) fail_msg("%zu bytes more in use after 2,000 VMs", after - before);
  cal_unref(generation);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(it_fills_itself_and_again_after_a_take, setup, teardown),
      cmocka_unit_test_setup_teardown(an_empty_pool_builds_in_place_and_counts, setup, teardown),
      cmocka_unit_test_setup_teardown(an_inline_pool_builds_when_asked_and_closes_at_once, setup, teardown),
      cmocka_unit_test_setup_teardown(a_retired_pool_keeps_none_warm_and_still_gives, setup, teardown),
      cmocka_unit_test_setup_teardown(a_pool_of_broken_code_says_so, setup, teardown),
      cmocka_unit_test_setup_teardown(threads_take_and_discard_while_the_pool_retires, setup, teardown),
      cmocka_unit_test_setup_teardown(two_thousand_vms_leave_nothing_behind, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
