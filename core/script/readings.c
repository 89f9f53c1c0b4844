#include "script/readings.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "script/apart.h"

#define ASKED_BYTES (16u << 10) /* a file that asks for more names is read each time */
#define THREADS 4               /* at most, ours with them */
#define FILES_OF_A_THREAD 16    /* at least: for fewer it is not worth starting one */

/* Templates name voices and share menus, routes name templates. */
static const char *const kinds[] = {"providers.", "menus.", "templates.", "exchange.", "routing"};

typedef struct file {
  const cal_module *module; /* of the generation */
  cal_reading *reading;     /* one reference */
} file;

struct cal_readings {
  cal_generation *generation; /* one reference */
  uint32_t entry_budget_ms, vm_memory_bytes;
  size_t count, taken_over;
  file files[];
};

static void destroy_reading(void *object) {
  cal_reading *reading = object;
  cal_free(reading->value);
  cal_free(reading->error);
  cal_free(reading->trace);
  cal_free(reading->asked);
}

static void destroy(void *object) {
  cal_readings *readings = object;
  for (size_t i = 0; i < readings->count; i++) cal_unref(readings->files[i].reading);
  cal_unref(readings->generation);
}

/* ---- reading */

static void fail(cal_reading *reading, const char *error, const char *trace) {
  reading->error = cal_strdup(error);
  reading->trace = cal_strdup(trace);
}

static void read_apart(cal_reading *reading, cal_reach *reach, cal_generation *generation, const char *name) {
  cal_vm *vm;
  cal_buf asked;
  cal_buf_init(&asked, ASKED_BYTES);
  if (cal_apart_new(&vm, reach, generation, name, &asked)) {
    fail(reading, cal_error_text(), "");
    cal_buf_free(&asked);
    return;
  }
  if (cal_apart_read(vm, name, &reading->value)) fail(reading, cal_error_text(), cal_vm_error(vm));
  cal_vm_free(vm);
  if (!asked.ceiling || reading->error) {
    cal_buf_free(&asked);
    return;
  }
  reading->asked_bytes = asked.bytes;
  reading->asked = cal_buf_take(&asked);
}

static cal_reading *new_reading(cal_reach *reach, cal_generation *generation, const cal_module *module) {
  cal_reading *reading = cal_ref_new(sizeof *reading, destroy_reading);
  if (module->error)
    fail(reading, module->error, "");
  else
    read_apart(reading, reach, generation, module->name);
  return reading;
}

/* ---- several threads */

typedef struct work {
  cal_reach *reach;
  cal_readings *readings;
  atomic_size_t next;
} work;

/* Each takes the next file that was not taken over. */
static void *read_files(void *context) {
  work *w = context;
  cal_readings *readings = w->readings;
  for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < readings->count;) {
    file *each = &readings->files[i];
    if (!each->reading) each->reading = new_reading(w->reach, readings->generation, each->module);
  }
  return NULL;
}

/* A spec reads its files in one order, as it does everything. */
static size_t threads_for(const cal_reach *reach, size_t files) {
  cpu_set_t cores;
  if (reach->is_simulated || sched_getaffinity(0, sizeof cores, &cores)) return 1;
  size_t most = (size_t)CPU_COUNT(&cores), worthwhile = files / FILES_OF_A_THREAD;
  if (most > THREADS) most = THREADS;
  return worthwhile < most ? worthwhile : most;
}

/* The threads have the niceness of this one, which reads too. */
static void read_the_rest(cal_readings *readings, cal_reach *reach) {
  pthread_t threads[THREADS];
  work w = {.reach = reach, .readings = readings};
  size_t started = 0, wanted = threads_for(reach, readings->count - readings->taken_over);
  while (started + 1 < wanted && !pthread_create(&threads[started], NULL, read_files, &w)) started++;
  read_files(&w);
  while (started) pthread_join(threads[--started], NULL);
}

/* ---- what is taken over */

static int is_same_module(const cal_generation *a, const cal_generation *b, const char *name) {
  const cal_module *in_a = cal_generation_find(a, name), *in_b = cal_generation_find(b, name);
  return in_a && in_b ? cal_module_is_same(in_a, in_b) : in_a == in_b;
}

static int still_holds(const cal_reading *reading, const cal_generation *then, const cal_generation *now) {
  if (!reading->asked) return 0;
  const char *end = reading->asked + reading->asked_bytes;
  for (const char *name = reading->asked; name < end; name += strlen(name) + 1)
    if (!is_same_module(then, now, name)) return 0;
  return 1;
}

static cal_reading *reading_of(const cal_readings *readings, const char *name) {
  for (size_t i = 0; i < readings->count; i++)
    if (!strcmp(readings->files[i].module->name, name)) return readings->files[i].reading;
  return NULL;
}

static int has_the_limits_of(const cal_readings *a, const cal_readings *b) {
  return a->entry_budget_ms == b->entry_budget_ms && a->vm_memory_bytes == b->vm_memory_bytes;
}

static void take_over(cal_readings *readings, const cal_readings *before) {
  if (!before || !has_the_limits_of(readings, before)) return;
  for (size_t i = 0; i < readings->count; i++) {
    file *each = &readings->files[i];
    cal_reading *reading = reading_of(before, each->module->name);
    if (!reading || !still_holds(reading, before->generation, readings->generation)) continue;
    each->reading = cal_ref(reading);
    readings->taken_over++;
  }
}

/* ---- all of it */

/* Modules that are judged, into `files`, or NULL to count them. */
static size_t find_files(const cal_generation *generation, const char *prefix, file *files) {
  size_t count = 0, bytes = strlen(prefix);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    for (const cal_module *module = NULL; (module = cal_generation_next(generation, kinds[i], module));) {
      if (strncmp(module->name, prefix, bytes)) continue;
      if (files) files[count].module = module;
      count++;
    }
  return count;
}

cal_readings *cal_readings_make(cal_reach *reach, cal_generation *generation, const char *prefix,
                                const cal_readings *before) {
  size_t count = find_files(generation, prefix, NULL);
  cal_readings *readings = cal_ref_new(sizeof *readings + count * sizeof *readings->files, destroy);
  readings->generation = cal_ref(generation);
  readings->entry_budget_ms = reach->limits.entry_budget_ms;
  readings->vm_memory_bytes = reach->limits.vm_memory_bytes;
  readings->count = find_files(generation, prefix, readings->files);
  take_over(readings, before);
  read_the_rest(readings, reach);
  return readings;
}

cal_generation *cal_readings_generation(const cal_readings *readings) { return readings->generation; }
size_t cal_readings_taken_over(const cal_readings *readings) { return readings->taken_over; }

const cal_reading *cal_readings_at(const cal_readings *readings, size_t index, const cal_module **module) {
  if (index >= readings->count) return NULL;
  *module = readings->files[index].module;
  return readings->files[index].reading;
}
