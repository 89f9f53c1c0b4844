#include "talk/breaker.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

typedef struct breaker {
  char *vendor;
  uint32_t failures; /* in a row */
  uint32_t pause_ms; /* of the last time it was left alone; 0: not since it worked */
  uint64_t open_until_ns;
} breaker;

struct cal_breakers {
  pthread_mutex_t mutex;
  breaker list[CAL_BREAKERS];
  uint32_t count;
};

cal_breakers *cal_breakers_new(void) {
  cal_breakers *b = cal_alloc(sizeof *b);
  pthread_mutex_init(&b->mutex, NULL);
  return b;
}

cal_breakers *cal_breakers_free(cal_breakers *b) {
  if (!b) return NULL;
  for (uint32_t i = 0; i < b->count; i++) cal_free(b->list[i].vendor);
  pthread_mutex_destroy(&b->mutex);
  return cal_free(b);
}

/* NULL: there is no room for another one. */
static breaker *find(cal_breakers *b, const char *vendor, int makes) {
  for (uint32_t i = 0; i < b->count; i++)
    if (!strcmp(b->list[i].vendor, vendor)) return &b->list[i];
  if (!makes || b->count == CAL_BREAKERS) return NULL;
  breaker *made = &b->list[b->count++];
  made->vendor = cal_strdup(vendor);
  return made;
}

int cal_breaker_is_open(cal_breakers *b, const char *vendor, uint64_t now_ns) {
  pthread_mutex_lock(&b->mutex);
  const breaker *found = find(b, vendor, 0);
  int is_open = found && now_ns < found->open_until_ns;
  pthread_mutex_unlock(&b->mutex);
  return is_open;
}

static void leave_alone(breaker *found, uint64_t ms, uint64_t now_ns) {
  uint64_t until_ns = now_ns + ms * CAL_MS;
  if (until_ns > found->open_until_ns) found->open_until_ns = until_ns;
}

static void count(breaker *found, cal_fault fault, uint64_t now_ns) {
  if (fault == CAL_FAULT_BUSY) {
    leave_alone(found, CAL_BREAKER_BUSY_MS, now_ns);
    return;
  }
  if (++found->failures < CAL_BREAKER_FAILURES) return;
  found->failures = 0;
  found->pause_ms = found->pause_ms ? 2 * found->pause_ms : CAL_BREAKER_PAUSE_MS;
  if (found->pause_ms > CAL_BREAKER_LONGEST_MS) found->pause_ms = CAL_BREAKER_LONGEST_MS;
  leave_alone(found, found->pause_ms, now_ns);
}

void cal_breaker_failed(cal_breakers *b, const char *vendor, cal_fault fault, uint64_t now_ns) {
  pthread_mutex_lock(&b->mutex);
  breaker *found = find(b, vendor, 1);
  if (found) count(found, fault, now_ns);
  pthread_mutex_unlock(&b->mutex);
}

void cal_breaker_worked(cal_breakers *b, const char *vendor) {
  pthread_mutex_lock(&b->mutex);
  breaker *found = find(b, vendor, 0);
  if (found) found->failures = found->pause_ms = 0;
  pthread_mutex_unlock(&b->mutex);
}
