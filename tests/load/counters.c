#include "load/counters.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/perf_event.h>

static int open_on_thread(int thread, uint32_t type, uint64_t event) {
  struct perf_event_attr about = {
      .type = type, .size = sizeof about, .config = event, .exclude_kernel = 1, .exclude_hv = 1};
  return (int)syscall(SYS_perf_event_open, &about, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

void load_counter_open(load_counter *counter, pid_t pid, uint32_t type, uint64_t event) {
  char path[64];
  counter->count = 0;
  snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
  DIR *folder = opendir(path);
  for (struct dirent *entry; folder && (entry = readdir(folder));) {
    int thread = atoi(entry->d_name);
    if (thread <= 0 || counter->count == LOAD_COUNTED_THREADS) continue;
    int fd = open_on_thread(thread, type, event);
    if (fd >= 0) counter->fds[counter->count++] = fd;
  }
  if (folder) closedir(folder);
}

uint64_t load_counter_read(const load_counter *counter) {
  uint64_t total = 0, value;
  for (int i = 0; i < counter->count; i++)
    if (read(counter->fds[i], &value, sizeof value) == sizeof value) total += value;
  return total;
}

void load_counter_close(load_counter *counter) {
  while (counter->count) close(counter->fds[--counter->count]);
}
