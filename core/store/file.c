#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "store/folder.h"

void cal_file_spoil(cal_file *file, int code) {
  int none = 0;
  atomic_compare_exchange_strong(&file->code, &none, code);
}

int cal_file_open_now(cal_file *file) {
  if (file->fd >= 0) return 0;
  int code = cal_folder_of(file->path);
  if (code) return code;
  file->fd = open(file->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (file->fd >= 0) return 0;
  int error = errno;
  return cal_fail(-error, "cannot write %s: %s", file->path, strerror(error));
}

static int write_at(cal_file *file, uint64_t offset, const void *data, size_t bytes) {
  for (const char *at = data; bytes;) {
    ssize_t done = pwrite(file->fd, at, bytes, (off_t)offset);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) {
      int error = errno == EDQUOT ? ENOSPC : errno;
      return cal_fail(-error, "cannot write %s: %s", file->path, strerror(error));
    }
    at += done;
    offset += (uint64_t)done;
    bytes -= (size_t)done;
  }
  return 0;
}

/* A file without its header is not a sound file at all, so the header is owed until it is there. */
static int write_header(cal_file *file) {
  if (!file->header) return 0;
  int code = write_at(file, 0, file->header, file->header_bytes);
  if (!code) file->header = cal_free(file->header);
  return code;
}

int cal_file_write_now(cal_file *file, uint64_t offset, const void *data, size_t bytes) {
  int code = cal_file_open_now(file);
  if (!code) code = write_header(file);
  return code ? code : write_at(file, offset, data, bytes);
}

int cal_file_close_now(cal_file *file) {
  if (file->fd < 0) return 0;
  int error = 0;
  /* A hole at the very end needs no space on the disk, and the header already counts it. */
  off_t end = lseek(file->fd, 0, SEEK_END);
  if (end >= 0 && (uint64_t)end < file->written_to && ftruncate(file->fd, (off_t)file->written_to) != 0)
    error = errno;
  if (fsync(file->fd) != 0 && errno != EINVAL && errno != EROFS) error = errno;
  if (close(file->fd) != 0 && !error && errno != EINTR) error = errno;
  file->fd = -1;
  return error ? cal_fail(-error, "cannot finish %s: %s", file->path, strerror(error)) : 0;
}
