#include "load/stats.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void load_stats_add(load_stats *stats, int64_t us) {
  if (!stats->buckets) stats->buckets = calloc(LOAD_BUCKETS, sizeof *stats->buckets);
  if (!stats->buckets) abort();
  if (us < 0) us = 0;
  int64_t bucket = us / LOAD_BUCKET_US;
  stats->buckets[bucket < LOAD_BUCKETS ? bucket : LOAD_BUCKETS - 1]++;
  stats->count++;
  if (us > stats->longest_us) stats->longest_us = us;
}

double load_stats_ms(const load_stats *stats, double share) {
  if (!stats->count) return 0;
  uint64_t wanted = (uint64_t)(share * (double)stats->count), seen = 0;
  if (wanted >= stats->count) wanted = stats->count - 1;
  for (int i = 0; i < LOAD_BUCKETS; i++) {
    seen += stats->buckets[i];
    if (seen > wanted) return (i + 1) * LOAD_BUCKET_US / 1000.0;
  }
  return load_stats_longest_ms(stats);
}

double load_stats_longest_ms(const load_stats *stats) { return (double)stats->longest_us / 1000; }

static uint64_t clock_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t load_now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

static size_t read_file(const char *path, char *into, size_t room) {
  FILE *file = fopen(path, "r");
  size_t bytes = file ? fread(into, 1, room - 1, file) : 0;
  into[bytes] = 0;
  if (file) fclose(file);
  return bytes;
}

/* user and system time; the name may hold spaces, so the fields are counted from its closing bracket. */
static uint64_t cpu_of_stat(const char *path, char *name, size_t room) {
  char text[1024];
  unsigned long user = 0, kernel = 0;
  if (!read_file(path, text, sizeof text)) return 0;
  char *open = strchr(text, '('), *close = strrchr(text, ')');
  if (!open || !close) return 0;
  snprintf(name, room, "%.*s", (int)(close - open - 1), open + 1);
  if (sscanf(close + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) != 2) return 0;
  return (uint64_t)(user + kernel) * 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
}

static uint64_t switches_of(pid_t pid, int thread) {
  char path[64], text[128];
  unsigned long long count = 0;
  snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)pid, thread);
  if (read_file(path, text, sizeof text)) sscanf(text, "%*u %*u %llu", &count);
  return count;
}

static void take_threads(load_usage *usage, pid_t pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
  DIR *folder = opendir(path);
  for (struct dirent *entry; folder && (entry = readdir(folder));) {
    int id = atoi(entry->d_name);
    if (id <= 0 || usage->thread_count == LOAD_THREADS) continue;
    load_thread *thread = &usage->threads[usage->thread_count++];
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, id);
    thread->id = id;
    thread->cpu_ns = cpu_of_stat(path, thread->name, sizeof thread->name);
    usage->switches += switches_of(pid, id);
  }
  if (folder) closedir(folder);
}

uint64_t load_pss_kb(pid_t pid) {
  char path[64], text[4096];
  unsigned long long kb = 0;
  snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
  read_file(path, text, sizeof text);
  const char *line = strstr(text, "\nPss:");
  if (line) sscanf(line + 5, "%llu", &kb);
  return kb;
}

/* Everything but idle and waiting for disks. */
static uint64_t core_busy_ns(int core) {
  char text[8192], name[16];
  unsigned long user = 0, nice = 0, kernel = 0, irq = 0, softirq = 0, steal = 0;
  snprintf(name, sizeof name, "\ncpu%d ", core);
  read_file("/proc/stat", text, sizeof text);
  const char *line = strstr(text, name);
  if (line)
    sscanf(line, " %*s %lu %lu %lu %*u %*u %lu %lu %lu", &user, &nice, &kernel, &irq, &softirq, &steal);
  return (uint64_t)(user + nice + kernel + irq + softirq + steal) * 1000000000u /
         (uint64_t)sysconf(_SC_CLK_TCK);
}

void load_usage_take(load_usage *usage, pid_t pid, int core) {
  *usage = (load_usage){.at_ns = load_now_ns(), .own_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID)};
  if (!pid) return;
  char path[64], name[64];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  usage->cpu_ns = cpu_of_stat(path, name, sizeof name);
  take_threads(usage, pid);
  usage->core_ns = core_busy_ns(core);
  usage->pss_kb = load_pss_kb(pid);
}
