#include "vm/pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/nice.h"
#include "vm/state.h"

/* after a VM could not be built: the code is probably broken and stays so until it is reloaded */
#define RETRY_SECONDS 1

struct cal_pool {
  cal_pool_options options;
  char *name;
  pthread_t builder;
  pthread_mutex_t lock;
  pthread_cond_t work;
  cal_generation *generation; /* one reference; the same for ever */
  cal_vm **warm;              /* a stack: the most recently built is likeliest to be in the caches */
  uint32_t warm_count;
  cal_vm *closing; /* list through cal_vm.next */
  uint32_t closing_count;
  uint64_t cold_takes;
  uint32_t taken;
  int is_failing; /* the last VM could not be built */
  int is_retired; /* keeps none warm any more */
  int is_stopping;
  cal_metric *warm_gauge, *cold_counter, *failure_counter;
};

static int build(cal_pool *pool, cal_vm **result) {
  cal_vm *vm = NULL;
  int code = cal_vm_new(&vm, pool->generation, &pool->options.vm);
  if (code == 0) {
    lua_State *L = cal_vm_state(vm);
    lua_gc(L, LUA_GCSTOP, 0); /* nearly all that is loaded stays: collecting on the way is for nothing */
    if (pool->options.setup) code = pool->options.setup(vm, pool->options.context);
    lua_gc(L, LUA_GCRESTART, 0);
  }
  if (code < 0) {
    cal_metric_add(pool->failure_counter, 1);
    cal_vm_free(vm);
    return code;
  }
  *result = vm;
  return 0;
}

static void push_closing(cal_pool *pool, cal_vm *vm) {
  vm->next = pool->closing;
  pool->closing = vm;
  pool->closing_count++;
}

/* Closes one VM, with the lock released meanwhile. */
static void close_one(cal_pool *pool) {
  cal_vm *vm = pool->closing;
  if (!vm) return;
  pool->closing = vm->next;
  pool->closing_count--;
  pthread_mutex_unlock(&pool->lock);
  cal_vm_free(vm);
  pthread_mutex_lock(&pool->lock);
}

/* Builds one warm VM, with the lock released meanwhile. */
static void build_one(cal_pool *pool) {
  cal_vm *vm = NULL;
  pthread_mutex_unlock(&pool->lock);
  int code = build(pool, &vm);
  if (code == 0)
    cal_vm_collect(vm, cal_vm_state(vm)); /* what loading left behind; here it costs no call anything */
  if (code < 0) cal_log(CAL_LOG_ERROR, "vm", NULL, "%s: no warm VM: %s", pool->name, cal_error_text());
  pthread_mutex_lock(&pool->lock);
  if (code < 0) {
    pool->is_failing = 1;
  } else if (pool->is_retired || pool->is_stopping) {
    push_closing(pool, vm);
  } else {
    pool->warm[pool->warm_count++] = vm;
    cal_metric_add(pool->warm_gauge, 1);
  }
}

static void wait_for_work(cal_pool *pool) {
  if (!pool->is_failing) {
    pthread_cond_wait(&pool->work, &pool->lock);
    return;
  }
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += RETRY_SECONDS;
  if (pthread_cond_timedwait(&pool->work, &pool->lock, &until) == ETIMEDOUT) pool->is_failing = 0;
}

static int is_short(const cal_pool *pool) {
  return pool->warm_count < pool->options.target && !pool->is_failing && !pool->is_retired;
}

static void *run_builder(void *context) {
  cal_pool *pool = context;
  pthread_setname_np(pthread_self(), "vm-builder");
  cal_thread_nice(CAL_NICE_BUILDER);
  pthread_mutex_lock(&pool->lock);
  while (!pool->is_stopping) {
    if (!is_short(pool) && !pool->closing)
      wait_for_work(pool);
    else if (is_short(pool) && pool->closing_count < CAL_POOL_CLOSING / 2)
      build_one(pool);
    close_one(pool); /* one for one, unless many wait: what they hold is memory for the next */
  }
  while (pool->closing) close_one(pool);
  pthread_mutex_unlock(&pool->lock);
  return NULL;
}

int cal_pool_new(cal_pool **result, cal_generation *generation, const cal_pool_options *options) {
  assert(options->target <= CAL_POOL_TARGET);
  cal_pool *pool = cal_alloc(sizeof *pool);
  pool->options = *options;
  pool->name = cal_strdup(options->vm.name ? options->vm.name : "vm");
  pool->options.vm.name = pool->name;
  pool->generation = cal_ref(generation);
  pool->warm = options->target ? cal_alloc(options->target * sizeof *pool->warm) : NULL;
  pool->warm_gauge = cal_gauge("callisto_vm_pool_warm", "VMs ready for a call");
  pool->cold_counter =
      cal_counter("callisto_vm_pool_cold_takes_total", "Calls whose VM had to be built in place");
  pool->failure_counter = cal_counter("callisto_vm_pool_failures_total", "VMs that could not be built");
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->work, NULL);
  if (options->is_inline) pool->options.target = 0;
  int code = options->is_inline ? 0 : pthread_create(&pool->builder, NULL, run_builder, pool);
  if (code != 0) {
    cal_unref(pool->generation);
    cal_free(pool->warm);
    cal_free(pool->name);
    cal_free(pool);
    return cal_fail(-code, "the thread that builds VMs could not be started: %s", strerror(code));
  }
  *result = pool;
  return 0;
}

static void drop_warm(cal_pool *pool) {
  cal_metric_add(pool->warm_gauge, -(int64_t)pool->warm_count);
  while (pool->warm_count) push_closing(pool, pool->warm[--pool->warm_count]);
}

cal_pool *cal_pool_free(cal_pool *pool) {
  if (!pool) return NULL;
  pthread_mutex_lock(&pool->lock);
  pool->is_stopping = 1;
  drop_warm(pool);
  pthread_cond_signal(&pool->work);
  pthread_mutex_unlock(&pool->lock);
  if (!pool->options.is_inline) pthread_join(pool->builder, NULL);
  pthread_cond_destroy(&pool->work);
  pthread_mutex_destroy(&pool->lock);
  cal_unref(pool->generation);
  cal_free(pool->warm);
  cal_free(pool->name);
  cal_free(pool);
  return NULL;
}

static void count_taken(cal_pool *pool, int by) {
  pthread_mutex_lock(&pool->lock);
  pool->taken += (uint32_t)by;
  pthread_mutex_unlock(&pool->lock);
}

int cal_pool_take(cal_pool *pool, cal_vm **result) {
  cal_vm *vm = NULL;
  pthread_mutex_lock(&pool->lock);
  if (pool->warm_count)
    vm = pool->warm[--pool->warm_count];
  else if (!pool->options.is_inline)
    pool->cold_takes++;
  pool->taken++;
  pthread_cond_signal(&pool->work);
  pthread_mutex_unlock(&pool->lock);
  if (vm) {
    cal_metric_add(pool->warm_gauge, -1);
    *result = vm;
    return 0;
  }
  if (!pool->options.is_inline) cal_metric_add(pool->cold_counter, 1);
  int code = build(pool, result);
  if (code < 0) count_taken(pool, -1);
  return code;
}

cal_vm *cal_pool_discard(cal_pool *pool, cal_vm *vm) {
  if (!vm) return NULL;
  pthread_mutex_lock(&pool->lock);
  pool->taken--;
  int is_full = pool->options.is_inline || pool->closing_count >= CAL_POOL_CLOSING;
  if (!is_full) {
    push_closing(pool, vm);
    pthread_cond_signal(&pool->work);
  }
  pthread_mutex_unlock(&pool->lock);
  return is_full ? cal_vm_free(vm) : NULL;
}

void cal_pool_retire(cal_pool *pool) {
  pthread_mutex_lock(&pool->lock);
  pool->is_retired = 1;
  drop_warm(pool);
  pthread_cond_signal(&pool->work);
  pthread_mutex_unlock(&pool->lock);
}

uint32_t cal_pool_warm(cal_pool *pool) {
  pthread_mutex_lock(&pool->lock);
  uint32_t count = pool->warm_count;
  pthread_mutex_unlock(&pool->lock);
  return count;
}

uint64_t cal_pool_cold_takes(cal_pool *pool) {
  pthread_mutex_lock(&pool->lock);
  uint64_t count = pool->cold_takes;
  pthread_mutex_unlock(&pool->lock);
  return count;
}

uint32_t cal_pool_taken(cal_pool *pool) {
  pthread_mutex_lock(&pool->lock);
  uint32_t count = pool->taken;
  pthread_mutex_unlock(&pool->lock);
  return count;
}
