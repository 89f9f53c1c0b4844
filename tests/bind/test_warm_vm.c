/* What the VM of a call weighs when it is warm: the library as it is, loaded as the pool loads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <lua.h>
#include <malloc.h>

#include "base/mem.h"
#include "bind/init.h"
#include "script/context.h"
#include "vm/chunks.h"
#include "vm/pool.h"

#define WARM_MODULE "callisto.flow"
#define WARM_BYTES ((size_t)220 * 1024)

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define CALLS 100
#else
#define CALLS 1000
#endif

static cal_generation *generation;

static int setup(void **unused) {
  cal_generation_root roots[] = {{.dir = CAL_SOURCE_DIR "/lua", .prefix = "", .except = "meta"}};
  return cal_generation_build(&generation, roots, 1, NULL, NULL, NULL);
}

static int teardown(void **unused) {
  generation = cal_unref(generation);
  return 0;
}

static void open_libraries(lua_State *L, void *unused) {
  cal_context_new(L);
  cal_bind_open(L);
}

static int require_warm_module(cal_vm *vm, void *unused) {
  int code = cal_vm_require(vm, WARM_MODULE);
  if (!code) lua_settop(cal_vm_state(vm), 0);
  return code;
}

static cal_pool *new_pool(void) {
  cal_pool *pool = NULL;
  cal_pool_options options = {.vm = {.kind = CAL_VM_CALL,
                                     .name = "warm",
                                     .entry_budget_ms = CAL_VM_UNLIMITED,
                                     .open = open_libraries},
                              .setup = require_warm_module,
                              .is_inline = 1};
  assert_int_equal(cal_pool_new(&pool, generation, &options), 0);
  return pool;
}

static void a_warm_vm_holds_what_every_call_needs_and_no_more(void **unused) {
  size_t chunks = cal_chunks_count().taken;
  cal_pool *pool = new_pool();
  cal_vm *vm;
  assert_int_equal(cal_pool_take(pool, &vm), 0);
  size_t held = (cal_chunks_count().taken - chunks) * CAL_CHUNK_BYTES;
  lua_gc(cal_vm_state(vm), LUA_GCCOLLECT, 0);
  assert_in_range(cal_vm_bytes(vm), WARM_BYTES / 4, WARM_BYTES);
  assert_in_range(held, WARM_BYTES / 4, WARM_BYTES); /* with rounding, and what loading left behind */
  cal_pool_discard(pool, vm);
  assert_int_equal(cal_chunks_count().taken, chunks);
  cal_pool_free(pool);
}

static void one_call(cal_pool *pool) {
  cal_vm *vm;
  assert_int_equal(cal_pool_take(pool, &vm), 0);
  assert_int_equal(cal_vm_require(vm, "callisto.menu"),
                   0); /* what is loaded later ends with the VM as well */
  cal_pool_discard(pool, vm);
}

static void calls_in_sequence_leave_nothing_behind(void **unused) {
  cal_pool *pool = new_pool();
  for (int i = 0; i < CALLS / 10; i++) one_call(pool);
  cal_chunk_counts chunks = cal_chunks_count();
  size_t before = mallinfo2().uordblks;
  for (int i = 0; i < CALLS; i++) one_call(pool);
  size_t after = mallinfo2().uordblks;
  assert_int_equal(cal_chunks_count().taken, chunks.taken);
  assert_int_equal(cal_chunks_count().warm,
                   chunks.warm); /* each was built in the pages of the one before it */
  assert_int_equal(cal_chunks_count().cold, chunks.cold);
  /* The C library's own caches come and go by tens of kilobytes. */
  if (after > before + 256 * 1024) fail_msg("%zu bytes more in use after %d calls", after - before, CALLS);
  cal_pool_free(pool);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_warm_vm_holds_what_every_call_needs_and_no_more),
      cmocka_unit_test(calls_in_sequence_leave_nothing_behind),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
