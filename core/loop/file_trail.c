#include "loop/file_trail.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define LINKS_MOST 40 /* as the kernel counts them */

typedef struct trail {
  char done[PATH_MAX]; /* holds no link; "." and "/" are where a path begins */
  char left[PATH_MAX];
  char name[NAME_MAX + 1]; /* the one that is looked at, not in `left` any more */
  unsigned links;
} trail;

static int too_long(const char *path) { return cal_fail(-ENAMETOOLONG, "the path \"%s\" is too long", path); }

/* Puts a path before what is left. */
static int begin(trail *at, const char *path) {
  char joined[PATH_MAX];
  int bytes = snprintf(joined, sizeof joined, "%s%s%s", path, *at->left ? "/" : "", at->left);
  if (bytes < 0 || (size_t)bytes >= sizeof joined) return too_long(path);
  memcpy(at->left, joined, (size_t)bytes + 1);
  if (*path == '/') strcpy(at->done, "/");
  return 0;
}

/* The next name of what is left; 0 when there is none. */
static int take_name(trail *at) {
  const char *from = at->left + strspn(at->left, "/");
  size_t bytes = strcspn(from, "/");
  if (!bytes) return 0;
  if (bytes >= sizeof at->name) return too_long(at->left);
  memcpy(at->name, from, bytes);
  at->name[bytes] = 0;
  memmove(at->left, from + bytes, strlen(from + bytes) + 1);
  return 1;
}

static int join(const trail *at, char path[PATH_MAX]) {
  const char *folder = !strcmp(at->done, ".") || !strcmp(at->done, "/") ? "" : at->done;
  const char *glue = strcmp(at->done, ".") ? "/" : "";
  int bytes = snprintf(path, PATH_MAX, "%s%s%s", folder, glue, at->name);
  return bytes < 0 || bytes >= PATH_MAX ? too_long(at->done) : 0;
}

static int follow(trail *at, const char *link) {
  char target[PATH_MAX];
  if (++at->links > LINKS_MOST)
    return cal_fail(-ELOOP, "\"%s\" leads through more than %d links", link, LINKS_MOST);
  ssize_t bytes = readlink(link, target, sizeof target - 1);
  if (bytes < 0) return cal_fail(-errno, "cannot read the link \"%s\": %s", link, strerror(errno));
  target[bytes] = 0;
  return begin(at, target);
}

static int look_at(trail *at, cal_file_step step, void *context, int *goes_on) {
  char path[PATH_MAX];
  struct stat found;
  int code = join(at, path);
  if (code < 0) return code;
  int is_there = lstat(path, &found) == 0;
  if (!is_there && errno != ENOENT)
    return cal_fail(-errno, "cannot look at \"%s\": %s", path, strerror(errno));
  int is_link = is_there && S_ISLNK(found.st_mode), is_folder = is_there && S_ISDIR(found.st_mode);
  if (!is_folder) code = step(context, at->done, at->name);
  if (!code && is_link) code = follow(at, path);
  if (is_folder) memcpy(at->done, path, strlen(path) + 1);
  *goes_on = is_link || is_folder;
  return code;
}

int cal_file_trail(const char *path, cal_file_step step, void *context) {
  trail at = {.done = "."};
  int code = begin(&at, path), goes_on = 1;
  while (!code && goes_on) {
    int taken = take_name(&at);
    if (taken <= 0) return taken;
    code = look_at(&at, step, context, &goes_on);
  }
  return code;
}
