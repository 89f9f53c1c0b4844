#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/nice.h"
#include "store/folder.h"
#include "store/item.h"
#include "store/lock.h"
#include "store/lost.h"
#include "store/migrations.h"
#include "store/sqlite.h"
#include "store/writer.h"

#define QUEUE_BYTES (64 * 1024 * 1024) /* the other ceiling of the queue, for few but large requests */

struct cal_store {
  char *path, *node; /* node: NULL for a visitor */
  cal_clock *clock;
  int (*mend_recording)(const char *path, int64_t *samples, int64_t *bytes);
  int lock; /* -1: none */
  int is_inline;
  uint32_t ceiling, retry_ms, close_ms, lost_calls;
  cal_db *db;
  cal_writer writer;
  pthread_t thread;
  pthread_mutex_t mutex; /* guards what follows */
  pthread_cond_t changed;
  cal_list queue;
  uint32_t waiting;
  size_t waiting_bytes;
  int is_closing, is_done;
  uint64_t refused;
  cal_metric *metric_waiting, *metric_refused;
};

static void destroy(void *object) {
  cal_store *store = object;
  cal_db_close(store->db);
  cal_unlock_node(store->lock);
  pthread_cond_destroy(&store->changed);
  pthread_mutex_destroy(&store->mutex);
  cal_free(store->path);
  cal_free(store->node);
}

static cal_store *make(const cal_store_options *options) {
  cal_store *store = cal_ref_new(sizeof *store, destroy);
  store->path = cal_strdup(options->path);
  store->node = cal_strdup(options->node);
  store->clock = options->clock ? options->clock : cal_clock_real();
  store->mend_recording = options->mend_recording;
  store->lock = -1;
  store->is_inline = options->is_inline;
  store->ceiling = options->queue_ceiling ? options->queue_ceiling : 8192;
  store->retry_ms = options->retry_ms ? options->retry_ms : 1000;
  store->close_ms = options->close_ms ? options->close_ms : 10000;
  store->metric_waiting = cal_gauge("callisto_store_waiting", "requests that wait for the store");
  store->metric_refused =
      cal_counter("callisto_store_refused_total", "requests refused because too many were waiting");
  cal_list_init(&store->queue);
  pthread_mutex_init(&store->mutex, NULL);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&store->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  return store;
}

static uint32_t patience_of(const cal_store_options *options) {
  return options->busy_timeout_ms ? options->busy_timeout_ms : 5000;
}

/* A visitor finishes nobody's calls. */
static int finish_lost_calls(cal_store *store, uint32_t *count, const char *when) {
  if (!store->node) return 0;
  return cal_lost_calls(store->db, count,
                        &(cal_lost_options){.node = store->node,
                                            .now_ms = cal_clock_wall_ms(store->clock),
                                            .when = when,
                                            .mend_recording = store->mend_recording});
}

/* The lock comes first: until we know that no other process of this node lives, its calls are not ours to
 * finish. */
static int open_database(cal_store *store, const cal_store_options *options) {
  int is_memory = strcmp(store->path, ":memory:") == 0;
  if (is_memory && !store->is_inline) return cal_fail(-EINVAL, "a store in memory is inline: set is_inline");
  int code = is_memory ? 0 : cal_folder_of(store->path);
  if (!code && options->node && !is_memory) code = cal_lock_node(&store->lock, store->path, options->node);
  if (code) return code;
  cal_sqlite_options how = {.path = store->path, .busy_timeout_ms = patience_of(options)};
  code = cal_sqlite_open(&store->db, &how);
  if (code) return code;
  code = cal_migrations_apply(store->db, store->path, cal_clock_wall_ms(store->clock));
  if (!code) code = finish_lost_calls(store, &store->lost_calls, "when the last process ended");
  if (code == -ENOSPC)
    cal_fail(code, "cannot prepare the database %s, because the disk is full: free some space", store->path);
  return code;
}

static struct timespec after_ms(uint32_t ms) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  at.tv_sec += ms / 1000;
  at.tv_nsec += (long)(ms % 1000) * 1000000;
  if (at.tv_nsec >= 1000000000) {
    at.tv_sec++;
    at.tv_nsec -= 1000000000;
  }
  return at;
}

static int is_past(struct timespec at) {
  struct timespec now = after_ms(0);
  return now.tv_sec > at.tv_sec || (now.tv_sec == at.tv_sec && now.tv_nsec >= at.tv_nsec);
}

/* Mutex held. Waits for requests, the end, or (with facts kept) the time to try the disk again. */
static void wait_for_work(cal_store *store, struct timespec retry_at) {
  while (cal_list_is_empty(&store->queue) && !store->is_closing) {
    if (!atomic_load(&store->writer.kept_count)) {
      pthread_cond_wait(&store->changed, &store->mutex);
    } else if (pthread_cond_timedwait(&store->changed, &store->mutex, &retry_at) == ETIMEDOUT) {
      return;
    }
  }
}

/* Mutex held. */
static void take_group(cal_store *store, cal_list *items) {
  for (uint32_t i = 0; i < CAL_WRITER_GROUP && !cal_list_is_empty(&store->queue); i++) {
    cal_item *item = cal_item_first(&store->queue);
    cal_list_remove(&item->node);
    cal_list_append(items, &item->node);
    store->waiting--;
    store->waiting_bytes -= item->bytes;
  }
  cal_metric_set(store->metric_waiting, store->waiting);
}

/* The last that is written. What cannot be is done by the next process of this node. */
static void end_writing(cal_store *store) {
  uint32_t count;
  cal_writer_end(&store->writer);
  if (!atomic_load(&store->writer.is_abandoned) &&
      finish_lost_calls(store, &count, "at the end of this process") < 0)
    cal_log(CAL_LOG_WARN, "store", NULL, "%s", cal_error_text());
}

static void *run(void *object) {
  cal_store *store = object;
  struct timespec retry_at = after_ms(0);
  cal_thread_nice(CAL_NICE_STORE);
  pthread_mutex_lock(&store->mutex);
  for (;;) {
    wait_for_work(store, retry_at);
    if (store->is_closing && cal_list_is_empty(&store->queue)) break;
    cal_list items;
    cal_list_init(&items);
    take_group(store, &items);
    pthread_mutex_unlock(&store->mutex);
    int retry = is_past(retry_at);
    cal_writer_run(&store->writer, &items, retry);
    if (retry) retry_at = after_ms(store->retry_ms);
    pthread_mutex_lock(&store->mutex);
  }
  pthread_mutex_unlock(&store->mutex);
  end_writing(store);
  pthread_mutex_lock(&store->mutex);
  store->is_done = 1;
  pthread_cond_broadcast(&store->changed);
  pthread_mutex_unlock(&store->mutex);
  return NULL;
}

int cal_store_open(cal_store **result, const cal_store_options *options) {
  if (!options->path || !*options->path)
    return cal_fail(-EINVAL, "the store needs the path of its database file");
  cal_store *store = make(options);
  int code = open_database(store, options);
  if (!code) {
    cal_writer_init(&store->writer, &(cal_writer_options){
                                        .db = store->db,
                                        .path = store->path,
                                        .kept_ceiling = options->kept_ceiling ? options->kept_ceiling : 10000,
                                        .patience_ms = patience_of(options)});
    int error = store->is_inline ? 0 : pthread_create(&store->thread, NULL, run, store);
    if (error) code = cal_fail(-error, "cannot start the store's thread: %s", strerror(error));
  }
  if (code) {
    cal_unref(store);
    return code;
  }
  if (!store->is_inline) pthread_setname_np(store->thread, "store");
  *result = store;
  return 0;
}

/* When the time is up, what still runs is interrupted and what still waits is answered without being done. */
static void join(cal_store *store) {
  struct timespec until = after_ms(store->close_ms);
  pthread_mutex_lock(&store->mutex);
  store->is_closing = 1;
  pthread_cond_broadcast(&store->changed);
  int error = 0;
  while (!store->is_done && error != ETIMEDOUT)
    error = pthread_cond_timedwait(&store->changed, &store->mutex, &until);
  int is_late = !store->is_done;
  pthread_mutex_unlock(&store->mutex);
  if (is_late) {
    cal_log(CAL_LOG_ERROR, "store", NULL, "%s: %u ms were not enough to write what was waiting", store->path,
            store->close_ms);
    atomic_store(&store->writer.is_abandoned, 1);
    cal_db_stop(store->db);
  }
  pthread_join(store->thread, NULL);
}

cal_store *cal_store_close(cal_store *store) {
  if (!store) return NULL;
  if (store->is_inline) {
    store->is_closing = 1;
    end_writing(store);
  } else {
    join(store);
  }
  store->db = cal_db_close(store->db);
  cal_unlock_node(store->lock);
  store->lock = -1;
  return cal_unref(store);
}

static int submit_inline(cal_store *store, cal_item *item) {
  if (store->is_closing) {
    cal_free(item);
    return cal_fail(-ESHUTDOWN, "the store is closed");
  }
  cal_list items;
  cal_list_init(&items);
  cal_list_append(&items, &item->node);
  cal_writer_run(&store->writer, &items, 1);
  return 0;
}

/* Mutex held. */
static int admit(cal_store *store, const cal_item *item) {
  if (store->is_closing) return -ESHUTDOWN;
  if (store->waiting < store->ceiling && store->waiting_bytes + item->bytes <= QUEUE_BYTES) return 0;
  store->refused++;
  cal_metric_add(store->metric_refused, 1);
  return -ENOBUFS;
}

int cal_store_submit(cal_store *store, const cal_store_request *request) {
  cal_item *item = NULL;
  int code = cal_item_new(&item, request);
  if (code) return code;
  if (store->is_inline) return submit_inline(store, item);
  pthread_mutex_lock(&store->mutex);
  code = admit(store, item);
  if (!code) {
    cal_list_append(&store->queue, &item->node);
    store->waiting_bytes += item->bytes;
    if (store->waiting++ == 0) pthread_cond_broadcast(&store->changed);
  }
  pthread_mutex_unlock(&store->mutex);
  if (!code) return 0;
  cal_free(item);
  if (code == -ESHUTDOWN) return cal_fail(code, "the store is closed");
  return cal_fail(code, "the store is too busy: %u requests are waiting", store->ceiling);
}

struct answer {
  pthread_mutex_t mutex;
  pthread_cond_t came;
  cal_store_result *result;
};

static void on_answer(void *context, cal_store_result *result) {
  struct answer *answer = context;
  pthread_mutex_lock(&answer->mutex);
  answer->result = result;
  pthread_cond_signal(&answer->came);
  pthread_mutex_unlock(&answer->mutex);
}

int cal_store_wait(cal_store *store, cal_store_result **result, const cal_store_request *request) {
  struct answer answer = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL};
  cal_store_request own = *request;
  own.on_done = on_answer;
  own.context = &answer;
  int code = cal_store_submit(store, &own);
  if (code) {
    *result = cal_result_error(code, cal_error_text());
    return code;
  }
  pthread_mutex_lock(&answer.mutex);
  while (!answer.result) pthread_cond_wait(&answer.came, &answer.mutex);
  pthread_mutex_unlock(&answer.mutex);
  pthread_cond_destroy(&answer.came);
  pthread_mutex_destroy(&answer.mutex);
  *result = answer.result;
  return answer.result->code;
}

int cal_store_is_short(cal_store *store) {
  pthread_mutex_lock(&store->mutex);
  int is_short = store->waiting > store->ceiling / 2;
  pthread_mutex_unlock(&store->mutex);
  const cal_writer *writer = &store->writer;
  return is_short || atomic_load(&writer->kept_count) > writer->kept_ceiling / 2;
}

void cal_store_stats_now(cal_store *store, cal_store_stats *stats) {
  cal_writer *writer = &store->writer;
  pthread_mutex_lock(&store->mutex);
  *stats = (cal_store_stats){
      .waiting = store->waiting, .refused = store->refused, .lost_calls = store->lost_calls};
  pthread_mutex_unlock(&store->mutex);
  stats->kept = atomic_load(&writer->kept_count);
  stats->trouble = atomic_load(&writer->trouble);
  stats->lost = atomic_load(&writer->lost);
  stats->failed = atomic_load(&writer->failed);
  stats->commits = atomic_load(&writer->commits);
  stats->done = atomic_load(&writer->done);
}
