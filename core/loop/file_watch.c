#include "loop/file_watch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/list.h"
#include "base/mem.h"
#include "loop/file_trail.h"

#define POLL_MS 2000
#define SCAN_MS 10000 /* the kernel does not tell of a folder further up that is replaced */
#define FOLDERS_MOST 4096
#define ENTRIES_MOST 100000
#define DEPTH_MOST 32

/* One watched folder. Lives until libuv has closed its handle, which may be after the watch itself. */
typedef struct folder {
  uv_fs_event_t handle;
  cal_list node;
  cal_file_watch *watch; /* NULL once closing */
  char *path;
  char *only; /* the one file for whose sake the folder is watched; NULL = all of it */
} folder;

struct cal_file_watch {
  cal_loop *loop;
  char **paths;
  size_t path_count;
  uint64_t quiet_ns;
  void (*on_change)(void *context);
  void *context;

  cal_list folders;
  size_t folder_count;
  int is_stale; /* names came or went, so the folders are to be looked for again */

  cal_timer quiet; /* started by a change, moved by the next */
  cal_timer poll;  /* every POLL_MS while polling, else every SCAN_MS */
  int is_polling;
  uint64_t print; /* of names, sizes and times when last looked at */
};

/* A walk over everything watched. It sums up what is there and, when asked to, watches each folder it comes
 * through. */
typedef struct walk {
  cal_file_watch *watch;
  int is_watching;
  uint64_t print;
  size_t entries;
  char path[PATH_MAX];
} walk;

static void on_event(uv_fs_event_t *handle, const char *name, int events, int status);

static void on_folder_closed(uv_handle_t *handle) {
  folder *gone = handle->data;
  cal_free(gone->path);
  cal_free(gone->only);
  cal_free(gone);
}

static void close_folder(folder *gone) {
  cal_list_remove(&gone->node);
  gone->watch = NULL;
  uv_close((uv_handle_t *)&gone->handle, on_folder_closed);
}

static void close_folders(cal_list *folders) {
  cal_list_each_safe(folders, node, after) close_folder(cal_list_entry(node, folder, node));
}

static int add_folder(cal_file_watch *watch, const char *path, const char *only) {
  if (watch->folder_count >= FOLDERS_MOST)
    return cal_fail(-EMFILE, "more than %d folders to watch", FOLDERS_MOST);
  folder *added = cal_alloc(sizeof *added);
  int status = uv_fs_event_init(cal_loop_uv(watch->loop), &added->handle);
  if (status < 0) {
    cal_free(added);
    return cal_fail(status, "cannot watch \"%s\": %s", path, uv_strerror(status));
  }
  added->handle.data = added;
  added->path = cal_strdup(path);
  added->only = cal_strdup(only);
  cal_list_init(&added->node);
  status = uv_fs_event_start(&added->handle, on_event, path, 0);
  if (status < 0) {
    close_folder(added);
    return cal_fail(status, "cannot watch \"%s\": %s", path, uv_strerror(status));
  }
  added->watch = watch;
  cal_list_append(&watch->folders, &added->node);
  watch->folder_count++;
  return 0;
}

/* Whether a change of this name is noticed already. */
static int is_noticed(const cal_file_watch *watch, const char *path, const char *name) {
  cal_list_each(&watch->folders, node) {
    const folder *each = cal_list_entry(node, folder, node);
    int is_seen = each->only ? !strcmp(each->only, name) : *name != '.';
    if (is_seen && !strcmp(each->path, path)) return 1;
  }
  return 0;
}

static int add_step(void *watch, const char *path, const char *name) {
  return is_noticed(watch, path, name) ? 0 : add_folder(watch, path, name);
}

static uint64_t mix(uint64_t print, const void *data, size_t bytes) {
  const unsigned char *at = data;
  for (size_t i = 0; i < bytes; i++) print = (print ^ at[i]) * UINT64_C(0x100000001b3);
  return print;
}

static uint64_t print_of(const char *path, const struct stat *status) {
  uint64_t print = mix(UINT64_C(0xcbf29ce484222325), path, strlen(path));
  if (S_ISDIR(status->st_mode)) return print; /* its time changes for names that are passed over, too */
  print = mix(print, &status->st_mtim.tv_sec, sizeof status->st_mtim.tv_sec);
  print = mix(print, &status->st_mtim.tv_nsec, sizeof status->st_mtim.tv_nsec);
  print = mix(print, &status->st_ino, sizeof status->st_ino);
  return mix(print, &status->st_size, sizeof status->st_size);
}

static int visit(walk *at, size_t length, int depth);

static int visit_below(walk *at, size_t length, int depth) {
  DIR *opened = opendir(at->path);
  if (!opened) return 0; /* gone since it was seen, or not for us */
  int status = 0;
  for (struct dirent *entry; status == 0 && (entry = readdir(opened));) {
    size_t bytes = strlen(entry->d_name);
    if (entry->d_name[0] == '.' || length + 1 + bytes >= sizeof at->path) continue;
    at->path[length] = '/';
    memcpy(at->path + length + 1, entry->d_name, bytes + 1);
    status = visit(at, length + 1 + bytes, depth + 1);
    at->path[length] = 0;
  }
  closedir(opened);
  return status;
}

static int is_passing(int status) { return status == -ENOENT || status == -ENOTDIR || status == -EACCES; }

/* The names on the way of a path: links, the file at its end, or the first that is not there yet. */
static int watch_way(walk *at) { return at->is_watching ? cal_file_trail(at->path, add_step, at->watch) : 0; }

/* A link below a folder. One to a file counts with what it leads to; one to a folder is not followed. */
static int visit_link(walk *at) {
  struct stat target;
  if (stat(at->path, &target) == 0 && !S_ISDIR(target.st_mode)) at->print += print_of(at->path, &target);
  int status = watch_way(at);
  return is_passing(status) || status == -ELOOP ? 0 : status;
}

/* What `at->path` names, and below. Depth 0 is a path the user gave: there may be links on its way. */
static int visit(walk *at, size_t length, int depth) {
  struct stat found;
  int status = depth == 0 ? watch_way(at) : 0;
  if (status < 0) return status;
  if ((depth ? lstat(at->path, &found) : stat(at->path, &found)) < 0) return 0;
  if (at->entries++ >= ENTRIES_MOST) return 0;
  at->print +=
      print_of(at->path, &found); /* a sum: the order in which a folder gives its names does not matter */
  if (S_ISLNK(found.st_mode)) return visit_link(at);
  if (!S_ISDIR(found.st_mode)) return 0;
  /* Watched first and read afterwards, so that what is made in between is seen by one or the other. */
  status = at->is_watching ? add_folder(at->watch, at->path, NULL) : 0;
  if (status < 0 && !(depth && is_passing(status))) return status;
  return depth < DEPTH_MOST ? visit_below(at, length, depth) : 0;
}

static int visit_path(walk *at, const char *path, int depth) {
  int length = snprintf(at->path, sizeof at->path, "%s", path);
  if (length < 0 || (size_t)length >= sizeof at->path)
    return cal_fail(-ENAMETOOLONG, "a path of %d bytes", length);
  return visit(at, (size_t)length, depth);
}

static uint64_t look(cal_file_watch *watch) {
  walk all = {.watch = watch};
  for (size_t i = 0; i < watch->path_count; i++)
    (void)visit_path(&all, watch->paths[i], 0); /* absent is a state, too */
  return all.print;
}

static void on_poll(cal_timer *timer);

static void look_again_later(cal_file_watch *watch) {
  uint64_t pause_ms = watch->is_polling ? POLL_MS : SCAN_MS;
  cal_timer_start(watch->loop, &watch->poll, cal_loop_now_ns(watch->loop) + pause_ms * CAL_MS, on_poll);
}

static void start_polling(cal_file_watch *watch) {
  close_folders(&watch->folders);
  watch->folder_count = 0;
  if (watch->is_polling) return;
  watch->is_polling = 1;
  watch->print = look(watch);
  look_again_later(watch);
}

/* Watches every folder anew and then lets the old handles go: a folder that was removed and made again under
 * its name would otherwise keep a handle that never speaks. */
static void scan(cal_file_watch *watch) {
  cal_list old;
  cal_list_init(&old);
  cal_list_each_safe(&watch->folders, node, after) {
    cal_list_remove(node);
    cal_list_append(&old, node);
  }
  watch->folder_count = 0;
  watch->is_stale = 0;
  walk all = {.watch = watch, .is_watching = 1};
  int status = 0;
  for (size_t i = 0; i < watch->path_count && status == 0; i++) status = visit_path(&all, watch->paths[i], 0);
  close_folders(&old);
  if (status < 0) {
    start_polling(watch);
    return;
  }
  watch->is_polling = 0;
  watch->print = all.print;
  look_again_later(watch);
}

static void on_quiet(cal_timer *timer) {
  cal_file_watch *watch = cal_list_entry(timer, cal_file_watch, quiet);
  if (watch->is_stale || watch->is_polling)
    scan(watch);
  else
    watch->print = look(watch);
  watch->on_change(watch->context); /* may free the watch */
}

static void changed(cal_file_watch *watch) {
  cal_timer_start(watch->loop, &watch->quiet, cal_loop_now_ns(watch->loop) + watch->quiet_ns, on_quiet);
}

static void on_poll(cal_timer *timer) {
  cal_file_watch *watch = cal_list_entry(timer, cal_file_watch, poll);
  look_again_later(watch);
  uint64_t print = look(watch);
  if (print == watch->print) return;
  watch->print = print;
  watch->is_stale = 1;
  changed(watch);
}

static int is_passed_over(const folder *in, const char *name) {
  if (in->only) return strcmp(name, in->only) != 0;
  const char *slash = strrchr(in->path, '/');
  int is_itself = strcmp(name, slash ? slash + 1 : in->path) == 0;
  return name[0] == '.' && !is_itself;
}

/* A new folder is watched at once, not only when all is quiet, or a long copy would look quiet too early. */
static int add_new_folder(folder *in, const char *name) {
  walk below = {.watch = in->watch, .is_watching = 1};
  int length = snprintf(below.path, sizeof below.path, "%s/%s", in->path, name);
  if (length < 0 || (size_t)length >= sizeof below.path) return 0;
  return visit(&below, (size_t)length, 1);
}

static void on_event(uv_fs_event_t *handle, const char *name, int events, int status) {
  folder *in = handle->data;
  cal_file_watch *watch = in->watch;
  if (!watch || (name && is_passed_over(in, name))) return;
  if (status == 0 && (events & UV_RENAME)) {
    watch->is_stale = 1;
    if (name && !in->only) status = add_new_folder(in, name);
  }
  if (status < 0) start_polling(watch);
  changed(watch);
}

static char *without_last_slash(const char *path) {
  size_t bytes = strlen(path);
  while (bytes > 1 && path[bytes - 1] == '/') bytes--;
  return cal_strndup(path, bytes);
}

int cal_file_watch_new(cal_file_watch **result, cal_loop *loop, const char *const *paths, size_t count,
                       uint32_t quiet_ms, void (*on_change)(void *context), void *context) {
  if (count == 0 || quiet_ms == 0) return cal_fail(-EINVAL, "a watch needs a path and a quiet time");
  cal_file_watch *watch = cal_alloc(sizeof *watch);
  watch->loop = loop;
  watch->paths = cal_alloc(count * sizeof(char *));
  watch->path_count = count;
  for (size_t i = 0; i < count; i++) watch->paths[i] = without_last_slash(paths[i]);
  watch->quiet_ns = quiet_ms * CAL_MS;
  watch->on_change = on_change;
  watch->context = context;
  cal_list_init(&watch->folders);
  scan(watch);
  *result = watch;
  return 0;
}

cal_file_watch *cal_file_watch_free(cal_file_watch *watch) {
  if (!watch) return NULL;
  close_folders(&watch->folders);
  cal_timer_stop(watch->loop, &watch->quiet);
  cal_timer_stop(watch->loop, &watch->poll);
  for (size_t i = 0; i < watch->path_count; i++) cal_free(watch->paths[i]);
  cal_free(watch->paths);
  return cal_free(watch);
}

int cal_file_watch_is_polling(const cal_file_watch *watch) { return watch->is_polling; }
