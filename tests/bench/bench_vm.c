/* What a VM costs: building one cold, taking a warm one, entering it, and its bytes; and what a reload means
 * for the next call, which finds a pool that was made a moment ago. The code is 20 modules of 200 lines,
 * about what a call's runtime and its template come to. */
#include <ftw.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lua.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "vm/pool.h"

#define MODULES 20
#define FUNCTIONS 40 /* of five lines */
#define ROUNDS 500
#define RELOADS 30
#define WARM 8 /* VMs that are kept ready */

static char folder[] = "/tmp/callisto-bench-XXXXXX";

static void check(int code) {
  if (code == 0) return;
  fprintf(stderr, "%s\n", cal_error_text());
  exit(1);
}

static void write_modules(void) {
  if (!mkdtemp(folder)) exit(1);
  for (int i = 0; i < MODULES; i++) {
    char path[128];
    snprintf(path, sizeof path, "%s/m%d.lua", folder, i);
    FILE *file = fopen(path, "w");
    if (!file) exit(1);
    fprintf(file, "local M = {}\n");
    for (int k = 0; k < FUNCTIONS; k++)
      fprintf(file,
              "function M.step_%d(call, options)\n  local text = options.text or 'what number %d says'\n"
              "  if call.state == 'open' then call:say(text:gsub('{(%%w+)}', call.payload)) end\n"
              "  return {kind = 'step', number = %d, text = text}\nend\n",
              k, k, k);
    fprintf(file, "return M\n");
    fclose(file);
  }
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *walk) {
  return remove(path);
}

static int require_all(cal_vm *vm, void *context) {
  for (int i = 0; i < MODULES; i++) {
    char name[16];
    snprintf(name, sizeof name, "m%d", i);
    int code = cal_vm_require(vm, name);
    if (code < 0) return code;
    lua_settop(cal_vm_state(vm), 0);
  }
  return 0;
}

static uint64_t now_ns(void) { return cal_clock_now_ns(cal_clock_real()); }

static void print_us(const char *what, uint64_t total_ns, int rounds) {
  printf("%-44s %9.2f us\n", what, (double)total_ns / 1e3 / rounds);
}

static int nothing(lua_State *L) { return 0; }

static void build_generation(cal_generation **generation) {
  cal_generation_root roots[] = {{.dir = folder, .prefix = ""}};
  check(cal_generation_build(generation, roots, 1, NULL, NULL));
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

int main(void) {
  write_modules();
  cal_generation *generation = NULL;
  uint64_t started = now_ns();
  build_generation(&generation);
  print_us("compiling a generation of 20 modules", now_ns() - started, 1);

  cal_pool_options options = {.vm = {.kind = CAL_VM_CALL, .name = "bench"}, .setup = require_all};
  cal_vm *vms[ROUNDS];
  cal_pool *cold = NULL, *warm = NULL;
  check(cal_pool_new(&cold, generation, &options));
  started = now_ns();
  size_t before = mallinfo2().uordblks;
  for (int i = 0; i < ROUNDS; i++) check(cal_pool_take(cold, &vms[i]));
  size_t after = mallinfo2().uordblks;
  print_us("building a VM with all modules (cold)", now_ns() - started, ROUNDS);
  printf("%-44s %9zu bytes of Lua, %zu of the allocator\n", "memory of a VM", cal_vm_bytes(vms[0]),
         (after - before) / ROUNDS);

  lua_State *L = cal_vm_state(vms[0]);
  started = now_ns();
  for (int i = 0; i < 1000 * ROUNDS; i++) {
    lua_pushcfunction(L, nothing);
    check(cal_vm_enter(vms[0], 0, 0));
  }
  print_us("entering a VM", now_ns() - started, 1000 * ROUNDS);
  started = now_ns();
  for (int i = 0; i < ROUNDS; i++) cal_vm_free(vms[i]);
  print_us("closing a VM", now_ns() - started, ROUNDS);
  cal_pool_free(cold);

  options.target = ROUNDS;
  check(cal_pool_new(&warm, generation, &options));
  while (cal_pool_warm(warm) < ROUNDS) sched_yield();
  started = now_ns();
  for (int i = 0; i < ROUNDS; i++) check(cal_pool_take(warm, &vms[i]));
  print_us("taking a warm VM", now_ns() - started, ROUNDS);
  printf("%-44s %9zu bytes of Lua\n", "memory of a warm VM", cal_vm_bytes(vms[0]));
  printf("%-44s %9llu of %d\n", "of those were cold", (unsigned long long)cal_pool_cold_takes(warm), ROUNDS);
  for (int i = 0; i < ROUNDS; i++) cal_pool_discard(warm, vms[i]);
  cal_pool_free(warm);

  time_reloads(options);

  cal_unref(generation);
  nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  return 0;
}
