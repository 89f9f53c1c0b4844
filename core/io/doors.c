#include "io/doors.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define PATIENCE_MS 10000

typedef struct entry {
  char *method, *path; /* method NULL: any */
  cal_door door;
} entry;

struct cal_doors {
  pthread_mutex_t lock;
  entry all[CAL_DOORS];
  uint32_t count;
};

cal_doors *cal_doors_new(void) {
  cal_doors *doors = cal_alloc(sizeof *doors);
  pthread_mutex_init(&doors->lock, NULL);
  return doors;
}

cal_doors *cal_doors_free(cal_doors *doors) {
  if (!doors) return NULL;
  for (uint32_t i = 0; i < doors->count; i++) {
    cal_free(doors->all[i].method);
    cal_free(doors->all[i].path);
  }
  pthread_mutex_destroy(&doors->lock);
  return cal_free(doors);
}

static int is_same(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

/* Under the lock; NULL: there are too many. */
static entry *declared(cal_doors *doors, const char *method, const char *path) {
  for (uint32_t i = 0; i < doors->count; i++) {
    entry *e = &doors->all[i];
    if (is_same(e->method, method) && !strcmp(e->path, path)) return e;
  }
  if (doors->count == CAL_DOORS) return NULL;
  entry *e = &doors->all[doors->count++];
  e->method = cal_strdup(method);
  e->path = cal_strdup(path);
  return e;
}

int cal_doors_declare(cal_doors *doors, const char *method, const char *path, const cal_door *door) {
  if (*path != '/') return cal_fail(-EINVAL, "a path begins with '/', \"%s\" does not", path);
  pthread_mutex_lock(&doors->lock);
  entry *e = declared(doors, method, path);
  if (e) e->door = *door;
  pthread_mutex_unlock(&doors->lock);
  return e ? 0 : cal_fail(-ENOBUFS, "at most %d paths can be declared", CAL_DOORS);
}

static int fits(const char *pattern, const char *path) {
  while (*pattern) {
    if (*pattern != '{') {
      if (*pattern++ != *path++) return 0;
      continue;
    }
    size_t bytes = strcspn(path, "/");
    if (!bytes) return 0;
    path += bytes;
    pattern += strcspn(pattern, "/");
  }
  return !*path || !strcmp(path, "/");
}

static int holds(const char *text, size_t bytes, const char *wanted) {
  return text && memmem(text, bytes, wanted, strlen(wanted)) != NULL;
}

static int is_news(const cal_door *door, const cal_http_message *request) {
  for (int i = 0; i < CAL_DOOR_NEWS && door->news[i][0]; i++) {
    const char *mark = door->news[i];
    if (holds(request->body, request->body_bytes, mark)) return 1;
    if (request->query && strstr(request->query, mark)) return 1;
  }
  return 0;
}

static void open_to_questions(cal_door *door) {
  static const char body[] = "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
                             "\"detail\":\"this node is overloaded: ask again\"}";
  *door = (cal_door){.kind = CAL_DOOR_ASKS, .patience_ms = PATIENCE_MS, .status = 503};
  snprintf(door->content_type, sizeof door->content_type, "application/problem+json");
  memcpy(door->body, body, sizeof body);
  door->body_bytes = sizeof body - 1;
}

void cal_doors_find(cal_doors *doors, const cal_http_message *request, cal_door *door) {
  const entry *found = NULL;
  pthread_mutex_lock(&doors->lock);
  for (uint32_t i = 0; i < doors->count && !found; i++) {
    const entry *e = &doors->all[i];
    if ((!e->method || !strcmp(e->method, request->method)) && fits(e->path, request->path)) found = e;
  }
  if (found) *door = found->door;
  pthread_mutex_unlock(&doors->lock);
  if (!found) open_to_questions(door);
  if (is_news(door, request)) door->kind = CAL_DOOR_TELLS;
}
