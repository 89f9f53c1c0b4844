/* Whether files have changed is asked of their times: reading and compiling them takes fifty times as long.
 */
#include <fts.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "vm/generation.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the two */
static cal_generation *last;
static uint64_t last_stamp;

static uint64_t hash(uint64_t seed, const void *data, size_t bytes) {
  const unsigned char *at = data;
  for (size_t i = 0; i < bytes; i++) seed = (seed ^ at[i]) * UINT64_C(0x100000001b3);
  return seed;
}

static uint64_t hash_text(uint64_t seed, const char *text) {
  return hash(seed, text ? text : "", text ? strlen(text) + 1 : 0);
}

/* A sum, because folders are listed in any order. */
static uint64_t stamp_of_folder(uint64_t seed, const char *dir) {
  char *paths[] = {(char *)dir, NULL};
  FTS *walk = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, NULL);
  uint64_t sum = 0;
  for (FTSENT *entry; walk && (entry = fts_read(walk));) {
    if (entry->fts_info == FTS_DP || entry->fts_info == FTS_NS) continue;
    const struct stat *about = entry->fts_statp;
    uint64_t one = hash(hash_text(seed, entry->fts_path), &about->st_mtim, sizeof about->st_mtim);
    sum += hash(one, &about->st_size, sizeof about->st_size);
  }
  if (walk) fts_close(walk);
  return sum;
}

static uint64_t stamp_of(const cal_generation_root *roots, size_t count) {
  uint64_t stamp = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < count; i++) {
    stamp = hash_text(hash_text(hash_text(stamp, roots[i].dir), roots[i].prefix), roots[i].only);
    stamp = hash_text(hash_text(stamp, roots[i].except), roots[i].text);
    char file[4096];
    snprintf(file, sizeof file, "%s/%s", roots[i].dir, roots[i].only ? roots[i].only : "");
    uint64_t folder = roots[i].text ? 0 : stamp_of_folder(stamp, roots[i].only ? file : roots[i].dir);
    stamp = hash(stamp, &folder, sizeof folder);
  }
  return stamp;
}

static void report_broken(const cal_generation *generation, cal_generation_report report, void *context) {
  if (!report || !cal_generation_broken(generation)) return;
  for (const cal_module *module = NULL; (module = cal_generation_next(generation, "", module));)
    if (module->error) report(context, module->path, module->error_line, module->error);
}

int cal_generation_again(cal_generation **result, const cal_generation_root *roots, size_t root_count,
                         cal_generation_report report, void *context) {
  uint64_t stamp =
      stamp_of(roots, root_count); /* before the files are read: a later change is seen next time */
  pthread_mutex_lock(&lock);
  cal_generation *known = cal_ref(last);
  int is_same = known && last_stamp == stamp;
  pthread_mutex_unlock(&lock);
  if (is_same) {
    report_broken(known, report, context);
    *result = known;
    return 0;
  }
  int code = cal_generation_build(result, roots, root_count, known, report, context);
  cal_unref(known);
  if (code < 0) return code;
  pthread_mutex_lock(&lock);
  cal_generation *old = last;
  last = cal_ref(*result);
  last_stamp = stamp;
  pthread_mutex_unlock(&lock);
  cal_unref(old);
  return 0;
}
