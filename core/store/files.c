#include "store/files.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/nice.h"
#include "base/metrics.h"
#include "store/file.h"
#include "store/folder.h"

#define CLOSE_MS 10000
#define EPISODE (30 * CAL_S) /* so long without trouble ends an episode of it */

typedef enum work_kind { BLOCK, PATCH, FINISH, REMOVE } work_kind;

typedef struct work {
  cal_list node;
  work_kind kind;
  cal_file *file; /* a reference; NULL: REMOVE */
  void *data;     /* owned; REMOVE: the path */
  size_t bytes;
  uint64_t offset;
  cal_file_done on_done;
  void *context;
} work;

struct cal_files {
  int is_inline;
  size_t ceiling_bytes;
  cal_clock *clock;
  uint64_t trouble_ns; /* the writer's: when something last went wrong; 0 = never, or it is over */
  pthread_t thread;
  atomic_int is_abandoned;
  atomic_int is_behind;  /* blocks were refused, and that was logged; until nothing waits any more */
  pthread_mutex_t mutex; /* guards what follows */
  pthread_cond_t changed;
  cal_list queue, open_files;
  size_t waiting_bytes;
  int is_closing, is_done;
  uint32_t open;
  uint64_t lost_bytes, complete, incomplete;
  cal_metric *metric_lost, *metric_incomplete, *metric_waiting;
};

static void destroy_files(void *object) {
  cal_files *files = object;
  pthread_cond_destroy(&files->changed);
  pthread_mutex_destroy(&files->mutex);
}

static void destroy_file(void *object) {
  cal_file *file = object;
  cal_free(file->path);
  cal_free(file->header);
  cal_unref(file->files);
}

/* Writer's thread: logs the first trouble of an episode, and its end. */
static void note_trouble(cal_files *files, const char *path, int code) {
  uint64_t now_ns = cal_clock_now_ns(files->clock);
  int is_new = !files->trouble_ns || now_ns - files->trouble_ns > EPISODE;
  files->trouble_ns = now_ns;
  if (!is_new) return;
  cal_log(CAL_LOG_ERROR, "store", NULL,
          "%s (%s); calls go on, recordings are incomplete until this is repaired", cal_error_text(),
          cal_error_name(code));
}

static void note_success(cal_files *files) {
  if (!files->trouble_ns || cal_clock_now_ns(files->clock) - files->trouble_ns <= EPISODE) return;
  files->trouble_ns = 0;
  cal_log(CAL_LOG_INFO, "store", NULL, "recordings are written again");
}

static void count_lost(cal_files *files, size_t bytes) {
  pthread_mutex_lock(&files->mutex);
  files->lost_bytes += bytes;
  pthread_mutex_unlock(&files->mutex);
  cal_metric_add(files->metric_lost, (int64_t)bytes);
}

static void spoil(cal_file *file, int code, size_t lost_bytes) {
  cal_file_spoil(file, code);
  if (code != -ENOBUFS && code != -ECANCELED) note_trouble(file->files, file->path, code);
  if (lost_bytes) count_lost(file->files, lost_bytes);
}

static void do_block(work *job) {
  cal_file *file = job->file;
  int is_late = atomic_load(&file->files->is_abandoned);
  int code = is_late ? -ECANCELED : cal_file_write_now(file, job->offset, job->data, job->bytes);
  if (job->kind == BLOCK) file->written_to = job->offset + job->bytes;
  if (job->kind == PATCH) atomic_fetch_sub(&file->patches, 1);
  if (code) {
    spoil(file, code, job->bytes);
  } else {
    note_success(file->files);
  }
}

/* The end of a file, asked for or forced. Takes the writer's reference. */
static void do_finish(cal_file *file, cal_file_done on_done, void *context) {
  cal_files *files = file->files;
  int code = cal_file_open_now(file); /* an empty file is a file too */
  if (!code) code = cal_file_close_now(file);
  if (code) spoil(file, code, 0);
  code = atomic_load(&file->code);
  pthread_mutex_lock(&files->mutex);
  cal_list_remove(&file->node);
  files->open--;
  if (code) {
    files->incomplete++;
  } else {
    files->complete++;
  }
  pthread_mutex_unlock(&files->mutex);
  if (code) cal_metric_add(files->metric_incomplete, 1);
  if (on_done) on_done(context, code);
  cal_unref(file);
}

static void free_work(work *job) {
  cal_free(job->data);
  cal_unref(job->file);
  cal_free(job);
}

/* One that is not there is as good as removed. */
static void do_remove(const work *job) {
  const char *path = job->data;
  int code = unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
  if (code) cal_log(CAL_LOG_WARN, "store", NULL, "cannot remove %s: %s", path, strerror(-code));
  if (job->on_done) job->on_done(job->context, code);
}

static void do_work(work *job) {
  if (job->kind == REMOVE) {
    do_remove(job);
  } else if (job->kind == FINISH) {
    job->file->written_to = job->offset;
    do_finish(job->file, job->on_done, job->context);
  } else {
    do_block(job);
  }
  free_work(job);
}

static void *run(void *object) {
  cal_files *files = object;
  cal_thread_nice(CAL_NICE_FILES);
  pthread_mutex_lock(&files->mutex);
  for (;;) {
    while (cal_list_is_empty(&files->queue) && !files->is_closing)
      pthread_cond_wait(&files->changed, &files->mutex);
    if (cal_list_is_empty(&files->queue)) break;
    if (files->queue.next->next == &files->queue) atomic_store(&files->is_behind, 0);
    work *job = cal_list_entry(files->queue.next, work, node);
    cal_list_remove(&job->node);
    files->waiting_bytes -= job->bytes;
    cal_metric_set(files->metric_waiting, (int64_t)files->waiting_bytes);
    pthread_mutex_unlock(&files->mutex);
    do_work(job);
    pthread_mutex_lock(&files->mutex);
  }
  files->is_done = 1;
  pthread_cond_broadcast(&files->changed);
  pthread_mutex_unlock(&files->mutex);
  return NULL;
}

int cal_files_open(cal_files **result, const cal_files_options *options) {
  int code = options->folder ? cal_folder_prepare(options->folder) : 0;
  if (code) return code;
  cal_files *files = cal_ref_new(sizeof *files, destroy_files);
  files->is_inline = options->is_inline;
  files->ceiling_bytes = options->ceiling_bytes ? options->ceiling_bytes : (size_t)64 * 1024 * 1024;
  files->clock = options->clock ? options->clock : cal_clock_real();
  files->metric_lost =
      cal_counter("callisto_files_lost_bytes_total", "bytes of recordings that were not written");
  files->metric_incomplete =
      cal_counter("callisto_files_incomplete_total", "recordings that ended incomplete");
  files->metric_waiting =
      cal_gauge("callisto_files_waiting_bytes", "bytes of recordings that wait for the disk");
  cal_list_init(&files->queue);
  cal_list_init(&files->open_files);
  pthread_mutex_init(&files->mutex, NULL);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&files->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  int error = files->is_inline ? 0 : pthread_create(&files->thread, NULL, run, files);
  if (error) {
    cal_unref(files);
    return cal_fail(-error, "cannot start the thread that writes recordings: %s", strerror(error));
  }
  if (!files->is_inline) pthread_setname_np(files->thread, "files");
  *result = files;
  return 0;
}

static void join(cal_files *files) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += CLOSE_MS / 1000;
  pthread_mutex_lock(&files->mutex);
  files->is_closing = 1;
  pthread_cond_broadcast(&files->changed);
  int error = 0;
  while (!files->is_done && error != ETIMEDOUT)
    error = pthread_cond_timedwait(&files->changed, &files->mutex, &until);
  int is_late = !files->is_done;
  pthread_mutex_unlock(&files->mutex);
  if (is_late) {
    cal_log(CAL_LOG_ERROR, "store", NULL, "%d ms were not enough to write the recordings that were waiting",
            CLOSE_MS);
    atomic_store(&files->is_abandoned, 1);
  }
  pthread_join(files->thread, NULL);
}

cal_files *cal_files_close(cal_files *files) {
  if (!files) return NULL;
  if (files->is_inline) {
    files->is_closing = 1;
  } else {
    join(files);
  }
  /* Nothing is admitted any more, so the list can only shrink, and only here. */
  while (!cal_list_is_empty(&files->open_files)) {
    cal_file *file = cal_list_entry(files->open_files.next, cal_file, node);
    cal_file_spoil(file, -ECANCELED);
    do_finish(file, NULL, NULL);
  }
  return cal_unref(files);
}

void cal_files_stats_now(cal_files *files, cal_files_stats *stats) {
  pthread_mutex_lock(&files->mutex);
  *stats = (cal_files_stats){.waiting_bytes = files->waiting_bytes,
                             .open = files->open,
                             .lost_bytes = files->lost_bytes,
                             .incomplete = files->incomplete,
                             .complete = files->complete};
  pthread_mutex_unlock(&files->mutex);
}

/* Takes the job's data on success. `is_urgent`: small and rare, taken whatever is waiting. */
static int hand_over(cal_files *files, const work *job, int is_urgent) {
  work *copy = cal_memdup(job, sizeof *job);
  cal_ref(copy->file);
  cal_list_init(&copy->node);
  pthread_mutex_lock(&files->mutex);
  int code = files->is_closing ? -ESHUTDOWN : 0;
  if (!code && !is_urgent && files->waiting_bytes + job->bytes > files->ceiling_bytes) code = -ENOBUFS;
  if (!code && !files->is_inline) {
    if (cal_list_is_empty(&files->queue)) pthread_cond_broadcast(&files->changed);
    cal_list_append(&files->queue, &copy->node);
    files->waiting_bytes += job->bytes;
  }
  pthread_mutex_unlock(&files->mutex);
  if (code) {
    copy->data = NULL;
    free_work(copy);
  } else if (files->is_inline) {
    do_work(copy);
  }
  return code;
}

int cal_file_create(cal_file **result, cal_files *files, const char *path, const void *header, size_t bytes) {
  if (bytes > CAL_FILE_HEADER_BYTES)
    return cal_fail(-EMSGSIZE, "a header has at most %d bytes", CAL_FILE_HEADER_BYTES);
  cal_file *file = cal_ref_new(sizeof *file, destroy_file);
  file->files = cal_ref(files);
  file->path = cal_strdup(path);
  file->header = cal_memdup(header, bytes);
  file->header_bytes = bytes;
  file->length = bytes;
  file->fd = -1;
  cal_list_init(&file->node);
  pthread_mutex_lock(&files->mutex);
  int is_closing = files->is_closing;
  if (!is_closing) {
    cal_list_append(&files->open_files, &((cal_file *)cal_ref(file))->node);
    files->open++;
  }
  pthread_mutex_unlock(&files->mutex);
  /* Nothing to write yet, but the file should be there as soon as the call is. */
  work job = {.kind = BLOCK, .file = file, .offset = bytes};
  if (is_closing || hand_over(files, &job, 1) != 0) {
    cal_unref(file);
    return cal_fail(-ESHUTDOWN, "recordings are closed");
  }
  *result = file;
  return 0;
}

int cal_file_append(cal_file *file, void *block, size_t bytes) {
  work job = {.kind = BLOCK, .file = file, .data = block, .bytes = bytes, .offset = file->length};
  file->length += bytes;
  int code = hand_over(file->files, &job, 0);
  if (!code) return 0;
  cal_free(block);
  cal_file_spoil(file, code == -ESHUTDOWN ? -ECANCELED : code);
  count_lost(file->files, bytes);
  if (code == -ESHUTDOWN) return cal_fail(code, "recordings are closed");
  if (!atomic_exchange(&file->files->is_behind, 1))
    cal_log(CAL_LOG_ERROR, "store", NULL,
            "recordings come faster than they are written (a slow disk, or no processor time), %zu bytes "
            "wait: parts are lost",
            file->files->ceiling_bytes);
  return cal_fail(code, "more than %zu bytes of recordings wait for the disk", file->files->ceiling_bytes);
}

int cal_file_patch(cal_file *file, uint64_t offset, const void *data, size_t bytes) {
  if (bytes > CAL_FILE_PATCH_BYTES)
    return cal_fail(-EMSGSIZE, "a patch has at most %d bytes", CAL_FILE_PATCH_BYTES);
  if (offset > file->length || bytes > file->length - offset)
    return cal_fail(-EINVAL, "a patch replaces what was appended before");
  if (atomic_fetch_add(&file->patches, 1) >= CAL_FILE_PATCHES) {
    atomic_fetch_sub(&file->patches, 1);
    return cal_fail(-ENOBUFS, "more than %d patches are waiting", CAL_FILE_PATCHES);
  }
  work job = {.kind = PATCH, .file = file, .data = cal_memdup(data, bytes), .bytes = bytes, .offset = offset};
  int code = hand_over(file->files, &job, 1);
  if (!code) return 0;
  cal_free(job.data);
  atomic_fetch_sub(&file->patches, 1);
  return cal_fail(code, "recordings are closed");
}

void cal_file_finish(cal_file **file, cal_file_done on_done, void *context) {
  cal_file *ended = *file;
  *file = NULL;
  work job = {.kind = FINISH, .file = ended, .offset = ended->length, .on_done = on_done, .context = context};
  if (hand_over(ended->files, &job, 1) != 0) {
    cal_file_spoil(ended, -ECANCELED);
    if (on_done) on_done(context, atomic_load(&ended->code));
  }
  cal_unref(ended);
}

int cal_files_remove(cal_files *files, const char *path, cal_file_done on_done, void *context) {
  work job = {.kind = REMOVE, .data = cal_strdup(path), .on_done = on_done, .context = context};
  int code = hand_over(files, &job, 1);
  if (!code) return 0;
  cal_free(job.data);
  return cal_fail(code, "recordings are closed");
}

uint64_t cal_file_bytes(const cal_file *file) { return file->length; }
int cal_file_code(cal_file *file) { return atomic_load(&file->code); }
