/* callisto test --watch: runs the specs again whenever a file of the workspace changes.
 *
 *     files ──► cal_file_watch ──► specs that changed ──► pass? ──► all specs ──► wait for the next change
 *
 * Each run is a process of its own, so that nothing of the last one is left. What changes during a run is run
 * after it. */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/process.h"
#include "loop/file_watch.h"

#define QUIET_MS 100
#define PATHS_CEILING 64
#define CHANGED_CEILING 64 /* more changed specs than that, and all are run at once */

typedef struct watcher {
  cal_loop *loop;
  cal_file_watch *watch;
  char **words; /* "test" and busted's own; room for the changed specs behind them */
  size_t word_count;
  int names_files; /* the words say what to run: nothing is left to choose */
  char *changed[CHANGED_CEILING];
  size_t changed_count;
  struct timespec since; /* when we last looked for changes */
  pid_t child;           /* 0: none runs */
  int is_part;           /* it runs the changed specs alone */
  int is_stale;          /* files changed while it ran */
  int code;              /* of the last run that ended */
} watcher;

/* ---- which specs changed */

static watcher *looking; /* nftw has no context */

static int is_later(struct timespec a, struct timespec b) {
  return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec >= b.tv_nsec);
}

static int look_at(const char *path, const struct stat *about, int kind, struct FTW *where) {
  static const char ending[] = "_spec.lua";
  size_t bytes = strlen(path), wanted = sizeof ending - 1;
  if (kind != FTW_F || bytes <= wanted || strcmp(path + bytes - wanted, ending)) return 0;
  if (!is_later(about->st_mtim, looking->since)) return 0;
  if (looking->changed_count == CHANGED_CEILING) return 1;
  looking->changed[looking->changed_count++] = cal_strdup(path);
  return 0;
}

static void forget_changed(watcher *w) {
  while (w->changed_count) cal_free(w->changed[--w->changed_count]);
}

/* How many specs have been written since the last look; 0 also when there are too many to name. */
static size_t find_changed(watcher *w) {
  forget_changed(w);
  struct timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now); /* the clock that stamps files */
  looking = w;
  if (nftw("spec", look_at, 16, FTW_PHYS)) forget_changed(w);
  w->since = now;
  return w->changed_count;
}

/* ---- runs */

static void run(watcher *w, int is_part) {
  size_t count = w->word_count;
  for (size_t i = 0; is_part && i < w->changed_count; i++) w->words[count++] = w->changed[i];
  w->words[count] = NULL;
  w->is_part = is_part;
  fprintf(stderr, "\n-- callisto test: %s\n", is_part ? "the specs that changed" : "all specs");
  pid_t child = cal_process_start(w->words, -1, 0);
  if (child < 0)
    w->code = cal_cli_refuse(NULL);
  else
    w->child = child;
}

static void run_what_changed(watcher *w) {
  w->is_stale = 0;
  run(w, find_changed(w) > 0 && !w->names_files);
}

static void on_change(void *context) {
  watcher *w = context;
  if (w->child)
    w->is_stale = 1;
  else
    run_what_changed(w);
}

static void on_run_end(watcher *w, int code) {
  w->child = 0;
  w->code = code;
  if (w->is_stale)
    run_what_changed(w);
  else if (w->is_part && !code)
    run(w, 0);
  else
    fprintf(stderr, "-- exit code %d; waiting for changes, ctrl-C ends\n", code);
}

static void on_signal(uv_signal_t *handle, int number) {
  watcher *w = handle->data;
  if (number != SIGCHLD) {
    cal_loop_stop(w->loop);
    return;
  }
  int status;
  if (w->child && waitpid(w->child, &status, WNOHANG) == w->child) on_run_end(w, cal_process_code(status));
}

/* ---- what is watched */

/* Folders and Lua files of the workspace. What a server, a build or a package manager writes is left out. */
static int is_watched(const struct dirent *entry) {
  const char *name = entry->d_name;
  if (*name == '.' || !strcmp(name, "var") || !strncmp(name, "build", 5) || !strcmp(name, "node_modules"))
    return 0;
  struct stat about;
  if (stat(name, &about)) return 0;
  size_t bytes = strlen(name);
  return S_ISDIR(about.st_mode) || (bytes > 4 && !strcmp(name + bytes - 4, ".lua"));
}

static int start_watch(watcher *w) {
  struct dirent **entries = NULL;
  const char *paths[PATHS_CEILING];
  int count = scandir(".", &entries, is_watched, alphasort), watched = 0;
  for (int i = 0; i < count && watched < PATHS_CEILING; i++) paths[watched++] = entries[i]->d_name;
  int code = watched ? cal_file_watch_new(&w->watch, w->loop, paths, (size_t)watched, QUIET_MS, on_change, w)
                     : cal_fail(-ENOENT, "there is nothing to watch in this folder");
  for (int i = 0; i < count; i++) free(entries[i]);
  free(entries);
  return code;
}

static int watch(watcher *w) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGCHLD};
  enum { SIGNALS = sizeof numbers / sizeof *numbers };
  uv_signal_t signals[SIGNALS];
  for (int i = 0; i < SIGNALS; i++) {
    uv_signal_init(cal_loop_uv(w->loop), &signals[i]);
    signals[i].data = w;
    uv_signal_start(&signals[i], on_signal, numbers[i]);
  }
  int code = start_watch(w);
  if (!code) {
    find_changed(w); /* what was there before now is not a change */
    run(w, 0);
    cal_loop_run(w->loop);
    if (w->child) kill(w->child, SIGTERM);
    if (w->child) waitpid(w->child, NULL, 0);
  }
  cal_file_watch_free(w->watch);
  for (int i = 0; i < SIGNALS; i++) uv_close((uv_handle_t *)&signals[i], NULL);
  return code < 0 ? cal_cli_refuse(NULL) : w->code;
}

int cal_cli_watch(int argc, char **argv) {
  watcher w = {.code = 1, .words = cal_alloc(((size_t)argc + CHANGED_CEILING + 1) * sizeof *w.words)};
  struct stat about;
  for (int i = 0; i < argc; i++) {
    if (!strcmp(argv[i], "--watch")) continue;
    w.words[w.word_count++] = argv[i];
    if (i && argv[i][0] != '-' && !stat(argv[i], &about)) w.names_files = 1;
  }
  int code = cal_loop_new(&w.loop, cal_clock_real()) < 0 ? cal_cli_refuse(NULL) : watch(&w);
  if (w.loop) cal_loop_free(w.loop);
  forget_changed(&w);
  cal_free(w.words);
  return code;
}
