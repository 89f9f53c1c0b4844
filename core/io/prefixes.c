#include "io/prefixes.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

struct cal_prefix {
  char *path;
  size_t bytes;
  cal_prefix_about about; /* under the lock */
  char *lines;            /* the same; owned */
  cal_prefix_place place; /* the same */
  atomic_uint live, unproven;
};

struct cal_prefixes {
  pthread_mutex_t lock;
  cal_holders *holders;
  cal_prefix *all[CAL_PREFIXES];
  uint32_t count;
};

cal_prefixes *cal_prefixes_new(cal_holders *holders) {
  cal_prefixes *prefixes = cal_alloc(sizeof *prefixes);
  prefixes->holders = holders;
  pthread_mutex_init(&prefixes->lock, NULL);
  return prefixes;
}

cal_prefixes *cal_prefixes_free(cal_prefixes *prefixes) {
  if (!prefixes) return NULL;
  for (uint32_t i = 0; i < prefixes->count; i++) {
    cal_free(prefixes->all[i]->path);
    cal_free(prefixes->all[i]->lines);
    cal_free(prefixes->all[i]);
  }
  pthread_mutex_destroy(&prefixes->lock);
  return cal_free(prefixes);
}

static cal_prefix *declared(cal_prefixes *prefixes, const char *path) {
  for (uint32_t i = 0; i < prefixes->count; i++)
    if (!strcmp(prefixes->all[i]->path, path)) return prefixes->all[i];
  if (prefixes->count == CAL_PREFIXES) return NULL;
  cal_prefix *p = cal_alloc(sizeof *p);
  p->path = cal_strdup(path);
  p->bytes = strlen(path);
  return prefixes->all[prefixes->count++] = p;
}

int cal_prefixes_declare(cal_prefixes *prefixes, const char *path, const cal_prefix_about *about) {
  if (*path != '/') return cal_fail(-EINVAL, "the path of sockets begins with '/', \"%s\" does not", path);
  pthread_mutex_lock(&prefixes->lock);
  cal_prefix *p = declared(prefixes, path);
  if (p) {
    cal_free(p->lines);
    p->lines = cal_strdup(about->lines);
    p->about = *about;
    p->place = (cal_prefix_place){.first = about->first};
    snprintf(p->place.sub_protocol, sizeof p->place.sub_protocol, "%s",
             about->sub_protocol ? about->sub_protocol : "");
  }
  pthread_mutex_unlock(&prefixes->lock);
  return p ? 0 : cal_fail(-ENOBUFS, "more than %d paths of sockets", CAL_PREFIXES);
}

static int is_full(const cal_prefixes *prefixes, const cal_prefix *p, uint64_t now_ns) {
  if (atomic_load(&p->live) >= p->about.most) return 1;
  if (!p->lines || !prefixes->holders) return 0;
  return cal_holders_count(prefixes->holders, cal_span_of(p->lines), now_ns) >= p->about.lines_most;
}

cal_prefix *cal_prefixes_enter(cal_prefixes *prefixes, cal_span path, uint64_t now_ns,
                               cal_prefix_place *place, int *code) {
  cal_prefix *best = NULL;
  pthread_mutex_lock(&prefixes->lock);
  for (uint32_t i = 0; i < prefixes->count; i++) {
    cal_prefix *p = prefixes->all[i];
    int fits = path.bytes >= p->bytes && !memcmp(path.at, p->path, p->bytes);
    if (fits && (!best || p->bytes > best->bytes)) best = p;
  }
  *code = !best ? -ENOENT : is_full(prefixes, best, now_ns) ? -EBUSY : 0;
  if (!*code && atomic_load(&best->unproven) >= CAL_PREFIX_UNPROVEN) *code = -EBUSY;
  if (*code) best = NULL;
  if (best) {
    atomic_fetch_add(&best->unproven, 1);
    *place = best->place;
  }
  pthread_mutex_unlock(&prefixes->lock);
  return best;
}

int cal_prefix_prove(cal_prefixes *prefixes, cal_prefix *prefix, uint64_t now_ns) {
  pthread_mutex_lock(&prefixes->lock);
  int code = is_full(prefixes, prefix, now_ns) ? -EBUSY : 0;
  if (!code) {
    atomic_fetch_add(&prefix->live, 1);
    atomic_fetch_sub(&prefix->unproven, 1);
  }
  pthread_mutex_unlock(&prefixes->lock);
  return code;
}

void cal_prefix_leave(cal_prefix *prefix, int is_proven) {
  atomic_fetch_sub(is_proven ? &prefix->live : &prefix->unproven, 1);
}

const char *cal_prefix_path(const cal_prefix *prefix) { return prefix->path; }
