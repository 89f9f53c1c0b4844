#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static int refuse(const char *folder, int error) {
  switch (error) {
  case EACCES:
  case EPERM:
    return cal_fail(
        -EACCES, "cannot write to the folder %s: give it to user %u (chown %u '%s') or configure another one",
        folder, (unsigned)geteuid(), (unsigned)geteuid(), folder);
  case EROFS:
    return cal_fail(-EROFS,
                    "the folder %s is on a read-only file system: mount it writable or configure another one",
                    folder);
  case ENOTDIR:
    return cal_fail(-ENOTDIR,
                    "%s cannot be a folder, because a part of it is a file: remove that file or configure "
                    "another folder",
                    folder);
  case ENOSPC:
  case EDQUOT:
    return cal_fail(-ENOSPC, "cannot make the folder %s, because the disk is full: free some space", folder);
  default:
    return cal_fail(-error, "cannot use the folder %s (%s): configure another one", folder, strerror(error));
  }
}

static int make(const char *folder) {
  if (mkdir(folder, 0750) == 0) return 0;
  int error = errno;
  struct stat found;
  /* A read-only parent says EROFS or EACCES even for a folder that is there. */
  if (stat(folder, &found) != 0) return -error;
  return S_ISDIR(found.st_mode) ? 0 : -ENOTDIR;
}

int cal_folder_prepare(const char *folder) {
  char path[PATH_MAX];
  size_t bytes = strlen(folder);
  if (bytes == 0 || bytes >= sizeof path) return refuse(folder, bytes ? ENAMETOOLONG : EINVAL);
  memcpy(path, folder, bytes + 1);
  for (char *at = path + 1; *at; at++) {
    if (*at != '/') continue;
    *at = 0;
    int code = make(path);
    *at = '/';
    if (code) return refuse(folder, -code);
  }
  int code = make(path);
  if (code) return refuse(folder, -code);
  if (faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) != 0) return refuse(folder, errno);
  return 0;
}

int cal_folder_of(const char *path) {
  char folder[PATH_MAX];
  const char *slash = strrchr(path, '/');
  if (!slash) return cal_folder_prepare(".");
  size_t bytes = slash == path ? 1 : (size_t)(slash - path);
  if (bytes >= sizeof folder) return refuse(path, ENAMETOOLONG);
  memcpy(folder, path, bytes);
  folder[bytes] = 0;
  return cal_folder_prepare(folder);
}
