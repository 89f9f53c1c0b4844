/* scratch: a folder for one test, and the lines that were logged meanwhile. */
#ifndef CAL_TESTS_STORE_SCRATCH_H
#define CAL_TESTS_STORE_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "store/facts.h"
#include "store/store.h"

static char scratch_folder[64];
static pthread_mutex_t scratch_mutex = PTHREAD_MUTEX_INITIALIZER;
static int scratch_shouts; /* lines at ERROR */

static void scratch_sink(void *context, const char *line) {
  pthread_mutex_lock(&scratch_mutex);
  scratch_shouts += strstr(line, " error store") != NULL;
  pthread_mutex_unlock(&scratch_mutex);
}

static inline int scratch_shouts_now(void) {
  pthread_mutex_lock(&scratch_mutex);
  int shouts = scratch_shouts;
  pthread_mutex_unlock(&scratch_mutex);
  return shouts;
}

static inline int scratch_make(void **state) {
  const char *base = getenv("TMPDIR");
  snprintf(scratch_folder, sizeof scratch_folder, "%.40s/callisto-XXXXXX", base && *base ? base : P_tmpdir);
  scratch_shouts = 0;
  cal_log_sink(scratch_sink, NULL);
  return mkdtemp(scratch_folder) ? 0 : -1;
}

static inline int scratch_unlink(const char *path, const struct stat *about, int flag, struct FTW *walk) {
  return remove(path);
}

static inline int scratch_remove(void **state) {
  cal_log_sink(NULL, NULL);
  return nftw(scratch_folder, scratch_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* A path in the folder; four at a time. */
static inline const char *scratch(const char *name) {
  static char paths[4][PATH_MAX];
  static unsigned next;
  char *path = paths[next++ % 4];
  snprintf(path, PATH_MAX, "%s/%s", scratch_folder, name);
  return path;
}

static inline cal_store *scratch_store(cal_store_options options) {
  cal_store *store = NULL;
  if (!options.path) options.path = scratch("callisto.db");
  if (!options.node) options.node = "node-1";
  assert_int_equal(0, cal_store_open(&store, &options));
  return store;
}

static inline cal_store_result *scratch_ask(cal_store *store, const char *sql) {
  cal_store_result *result = NULL;
  cal_store_wait(store, &result, &(cal_store_request){.sql = sql});
  return result;
}

/* The code of a statement. */
static inline int scratch_do(cal_store *store, const char *sql) {
  cal_store_result *result = scratch_ask(store, sql);
  int code = result->code;
  cal_store_result_free(result);
  return code;
}

static inline int scratch_line(cal_store *store, const char *call, int64_t at_ms, const char *who,
                               const char *text) {
  return cal_store_line(store, &(cal_line){.call_id = call, .at_ms = at_ms, .who = who, .text = text});
}

/* The number in the first column of the first row. */
static inline int64_t scratch_number(cal_store *store, const char *sql) {
  cal_store_result *result = scratch_ask(store, sql);
  if (result->code) fail_msg("%s: %s", sql, result->error);
  assert_true(result->rows > 0);
  int64_t number = result->values[0].integer;
  cal_store_result_free(result);
  return number;
}

static inline void scratch_expect(cal_store *store, const char *sql, const char *text) {
  cal_store_result *result = scratch_ask(store, sql);
  if (result->code) fail_msg("%s: %s", sql, result->error);
  assert_true(result->rows > 0);
  assert_int_equal(CAL_STORE_TEXT, result->values[0].type);
  assert_string_equal(text, result->values[0].bytes.at);
  cal_store_result_free(result);
}

#endif
