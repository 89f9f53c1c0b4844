#include "engine/mend.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/wav.h"
#include "base/error.h"

#define FRAME_BYTES 4 /* two sides of 16 bits: audio/recorder.h */

static int refuse(const char *path) {
  int error = errno;
  return cal_fail(-error, "cannot mend %s: %s", path, strerror(error));
}

static int mend_open_file(int fd, const char *path, int64_t *bytes) {
  uint8_t header[CAL_WAV_HEADER_BYTES];
  struct stat about;
  if (fstat(fd, &about) != 0) return refuse(path);
  ssize_t got = pread(fd, header, sizeof header, 0);
  if (got < 0) return refuse(path);
  if (got < (ssize_t)sizeof header) return cal_fail(-EINVAL, "%s ends before its header does", path);
  int code = cal_wav_repair(header, (uint64_t)about.st_size);
  if (code < 0) return code;
  if (code && pwrite(fd, header, sizeof header, 0) != (ssize_t)sizeof header) return refuse(path);
  *bytes = about.st_size - CAL_WAV_HEADER_BYTES;
  return 0;
}

int cal_mend_recording(const char *path, int64_t *samples, int64_t *bytes) {
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return refuse(path);
  int64_t sound = 0;
  int code = mend_open_file(fd, path, &sound);
  close(fd);
  if (code) return code;
  *samples = sound / FRAME_BYTES;
  *bytes = *samples * FRAME_BYTES;
  return 0;
}
