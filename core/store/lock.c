#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"

static int is_node_id(const char *node) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  size_t bytes = strlen(node);
  return bytes >= 1 && bytes <= 64 && strspn(node, allowed) == bytes;
}

int cal_lock_node(int *fd, const char *path, const char *node) {
  if (!is_node_id(node))
    return cal_fail(-EINVAL, "a node id is 1 to 64 of A-Z a-z 0-9 . _ -, not \"%.80s\"", node);
  char file[PATH_MAX];
  int length = snprintf(file, sizeof file, "%s.%s.lock", path, node);
  if (length < 0 || (size_t)length >= sizeof file)
    return cal_fail(-ENAMETOOLONG, "the path %s is too long", path);
  int lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (lock < 0) {
    int error = errno;
    return cal_fail(-error, "cannot write %s (%s): give it to the user who runs callisto", file,
                    strerror(error));
  }
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    close(lock);
    return cal_fail(-EBUSY, "node %s is running already with %s: stop it, or give this one another node id",
                    node, path);
  }
  *fd = lock;
  return 0;
}

void cal_unlock_node(int fd) {
  if (fd >= 0) close(fd);
}
