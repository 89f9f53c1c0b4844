/* What the VM of a call costs, with the library as it is (in lua/, or CALLISTO_LIBRARY): building one cold, taking a
 * warm one, entering it, closing it, and its bytes; and what a reload means for the next call, which finds a pool
 * that was made a moment ago. Instructions are counted by bench_counts. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <lua.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "bind/init.h"
#include "script/context.h"
#include "vm/chunks.h"
#include "vm/pool.h"

#define WARM_MODULE "callisto.flow"
#define ROUNDS 500
#define SEQUENCE 8000 /* calls one after the other … */
#define SEQUENCE_STEP 500
#define RELOADS 30
#define WARM 8 /* VMs that are kept ready */

static void check(int code) {
  if (code == 0) return;
  fprintf(stderr, "%s\n", cal_error_text());
  exit(1);
}

static void open_libraries(lua_State *L, void *unused) {
  cal_context_new(L);
  cal_bind_open(L);
}

static int require_warm_module(cal_vm *vm, void *unused) {
  int code = cal_vm_require(vm, WARM_MODULE);
  if (code == 0) lua_settop(cal_vm_state(vm), 0);
  return code;
}

static uint64_t now_ns(void) { return cal_clock_now_ns(cal_clock_real()); }

static void print_us(const char *what, uint64_t total_ns, int rounds) {
  printf("%-44s %9.2f us\n", what, (double)total_ns / 1e3 / rounds);
}

static int nothing(lua_State *L) { return 0; }

static void build_generation(cal_generation **generation) {
  const char *library = getenv("CALLISTO_LIBRARY");
  cal_generation_root roots[] = {{.dir = library ? library : "lua", .prefix = "", .except = "meta"}};
  check(cal_generation_build(generation, roots, 1, NULL, NULL, NULL));
}

/* As a service does it: new code has a new pool, and calls do not wait until that is full. */
static void time_reloads(cal_pool_options options) {
  uint64_t first_ns = 0, full_ns = 0;
  options.target = WARM;
  for (int i = 0; i < RELOADS; i++) {
    cal_generation *generation;
    cal_pool *pool;
    cal_vm *vm;
    build_generation(&generation);
    uint64_t started = now_ns();
    check(cal_pool_new(&pool, generation, &options));
    check(cal_pool_take(pool, &vm));
    first_ns += now_ns() - started;
    while (cal_pool_warm(pool) < WARM) sched_yield();
    full_ns += now_ns() - started;
    cal_pool_discard(pool, vm);
    cal_pool_free(pool);
    cal_unref(generation);
  }
  print_us("first VM after a reload", first_ns, RELOADS);
  print_us("a warm pool of 8 after a reload", full_ns, RELOADS);
}

static size_t resident_bytes(void) {
  unsigned long total = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%lu %lu", &total, &resident) != 2) exit(1);
  fclose(file);
  return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void time_cold(cal_generation *generation, const cal_pool_options *options) {
  static cal_vm *vms[ROUNDS];
  cal_pool *pool;
  check(cal_pool_new(&pool, generation, options));
  uint64_t started = now_ns();
  for (int i = 0; i < ROUNDS; i++) check(cal_pool_take(pool, &vms[i]));
  print_us("building a VM (cold)", now_ns() - started, ROUNDS);
  lua_State *L = cal_vm_state(vms[0]);
  started = now_ns();
  for (int i = 0; i < 1000 * ROUNDS; i++) {
    lua_pushcfunction(L, nothing);
    check(cal_vm_enter(vms[0], 0, 0));
  }
  print_us("entering a VM", now_ns() - started, 1000 * ROUNDS);
  started = now_ns();
  for (int i = 0; i < ROUNDS; i++) cal_vm_free(vms[i]);
  print_us("closing a VM, on the builder's thread", now_ns() - started, ROUNDS);
  cal_pool_free(pool);
}

static void time_warm(cal_generation *generation, cal_pool_options options) {
  static cal_vm *vms[ROUNDS];
  cal_pool *pool;
  options.target = ROUNDS;
  check(cal_pool_new(&pool, generation, &options));
  while (cal_pool_warm(pool) < ROUNDS) sched_yield();
  uint64_t started = now_ns();
  for (int i = 0; i < ROUNDS; i++) check(cal_pool_take(pool, &vms[i]));
  print_us("taking a warm VM", now_ns() - started, ROUNDS);
  size_t held = cal_chunks_count().taken * CAL_CHUNK_BYTES;
  printf("%-44s %9zu bytes\n", "a warm VM, of Lua", cal_vm_bytes(vms[0]));
  printf("%-44s %9zu bytes\n", "a warm VM, of chunks", held / (ROUNDS + cal_pool_warm(pool)));
  started = now_ns();
  for (int i = 0; i < CAL_POOL_CLOSING / 2; i++) cal_pool_discard(pool, vms[i]);
  print_us("closing a VM, on the script's thread", now_ns() - started, CAL_POOL_CLOSING / 2);
  for (int i = CAL_POOL_CLOSING / 2; i < ROUNDS; i++) cal_pool_discard(pool, vms[i]);
  cal_pool_free(pool);
}

/* The VMs alone; what else a call leaves behind shows in the load generator's own sequence. */
static void measure_sequence(cal_generation *generation, cal_pool_options options) {
  cal_pool *pool;
  options.target = WARM;
  check(cal_pool_new(&pool, generation, &options));
  for (int i = 1; i <= SEQUENCE; i++) {
    cal_vm *vm;
    check(cal_pool_take(pool, &vm));
    check(cal_vm_require(vm, "callisto.menu"));
    cal_pool_discard(pool, vm);
    if (i % SEQUENCE_STEP) continue;
    char what[64];
    snprintf(what, sizeof what, "resident after %d VMs in sequence", i);
    printf("%-44s %9zu KiB\n", what, resident_bytes() / 1024);
  }
  cal_pool_free(pool);
}

int main(void) {
  cal_generation *generation = NULL;
  uint64_t started = now_ns();
  build_generation(&generation);
  print_us("compiling the library", now_ns() - started, 1);
  cal_pool_options options = {.vm = {.kind = CAL_VM_CALL,
                                     .name = "bench",
                                     .entry_budget_ms = CAL_VM_UNLIMITED,
                                     .open = open_libraries},
                              .setup = require_warm_module};
  measure_sequence(generation, options);
  time_cold(generation, &options);
  time_warm(generation, options);
  time_reloads(options);
  cal_unref(generation);
  return 0;
}
