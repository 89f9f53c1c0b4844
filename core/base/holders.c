#include "base/holders.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"

typedef struct holder {
  uint64_t hash;       /* of the name: names are compared only when it fits */
  uint64_t expires_ns; /* 0 = never */
  char *name;          /* owned */
} holder;

typedef struct set {
  char *name; /* owned */
  holder *list;
  uint32_t count, room;
  uint64_t first_ns; /* no holder expires before */
  uint64_t turn_ns;  /* of a pace: when the bucket would be full again */
} set;

struct cal_holders {
  pthread_mutex_t lock;
  set *sets;
  uint32_t count, room;
};

cal_holders *cal_holders_new(void) {
  cal_holders *holders = cal_alloc(sizeof *holders);
  pthread_mutex_init(&holders->lock, NULL);
  return holders;
}

cal_holders *cal_holders_free(cal_holders *holders) {
  if (!holders) return NULL;
  for (uint32_t i = 0; i < holders->count; i++) {
    set *at = &holders->sets[i];
    for (uint32_t k = 0; k < at->count; k++) cal_free(at->list[k].name);
    cal_free(at->list);
    cal_free(at->name);
  }
  cal_free(holders->sets);
  pthread_mutex_destroy(&holders->lock);
  return cal_free(holders);
}

static int is_named(const char *name, cal_span wanted) {
  return strlen(name) == wanted.bytes && !memcmp(name, wanted.at, wanted.bytes);
}

static uint64_t hash_of(cal_span name) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < name.bytes; i++) hash = (hash ^ (unsigned char)name.at[i]) * UINT64_C(0x100000001b3);
  return hash;
}

static char *copy_of(cal_span name) {
  char *copy = cal_alloc(name.bytes + 1);
  memcpy(copy, name.at, name.bytes);
  return copy;
}

static int check_name(cal_span name) {
  if (!name.bytes || name.bytes > CAL_HOLDERS_NAME_BYTES || memchr(name.at, 0, name.bytes))
    return cal_fail(-EMSGSIZE, "a name has 1 to %d bytes", CAL_HOLDERS_NAME_BYTES);
  return 0;
}

static void *grown(void *list, uint32_t count, uint32_t *room, size_t each) {
  if (count < *room) return list;
  *room = *room ? *room * 2 : 8;
  return cal_resize(list, *room * each);
}

static set *find_set(cal_holders *holders, cal_span name) {
  for (uint32_t i = 0; i < holders->count; i++)
    if (is_named(holders->sets[i].name, name)) return &holders->sets[i];
  return NULL;
}

static void drop(set *from, uint32_t at) {
  cal_free(from->list[at].name);
  from->list[at] = from->list[--from->count];
}

static void drop_expired(set *from, uint64_t now_ns) {
  if (from->first_ns > now_ns) return;
  uint64_t first_ns = UINT64_MAX;
  for (uint32_t i = from->count; i--;) {
    uint64_t expires_ns = from->list[i].expires_ns;
    if (expires_ns && expires_ns <= now_ns)
      drop(from, i);
    else if (expires_ns && expires_ns < first_ns)
      first_ns = expires_ns;
  }
  from->first_ns = first_ns;
}

/* One that nobody holds and whose pace has been kept: its name may be forgotten. */
static set *unused(cal_holders *holders, uint64_t now_ns) {
  for (uint32_t i = 0; i < holders->count; i++) {
    set *at = &holders->sets[i];
    drop_expired(at, now_ns);
    if (!at->count && at->turn_ns <= now_ns) return at;
  }
  return NULL;
}

static set *room_for_one(cal_holders *holders, uint64_t now_ns) {
  if (holders->count == CAL_HOLDERS_SETS) {
    set *again = unused(holders, now_ns);
    if (!again) return NULL;
    cal_free(again->name);
    cal_free(again->list);
    return again;
  }
  holders->sets = grown(holders->sets, holders->count, &holders->room, sizeof(set));
  return &holders->sets[holders->count++];
}

/* The set of this name, new if need be; NULL with an error text when there are too many. */
static set *set_named(cal_holders *holders, cal_span name, uint64_t now_ns) {
  set *found = find_set(holders, name);
  if (found) return found;
  found = room_for_one(holders, now_ns);
  if (!found) {
    cal_fail(-ENOSPC, "there are %d sets of holders already", CAL_HOLDERS_SETS);
    return NULL;
  }
  *found = (set){.name = copy_of(name)};
  return found;
}

static holder *find_holder(set *in, cal_span name) {
  uint64_t hash = hash_of(name);
  for (uint32_t i = 0; i < in->count; i++)
    if (in->list[i].hash == hash && is_named(in->list[i].name, name)) return &in->list[i];
  return NULL;
}

static int take(set *from, cal_span name, uint32_t most, uint64_t expires_ns) {
  holder *found = find_holder(from, name);
  if (!found) {
    if (from->count >= most) return 0;
    from->list = grown(from->list, from->count, &from->room, sizeof(holder));
    found = &from->list[from->count++];
    *found = (holder){.hash = hash_of(name), .name = copy_of(name)};
  }
  found->expires_ns = expires_ns;
  if (expires_ns && expires_ns < from->first_ns) from->first_ns = expires_ns;
  return 1;
}

int cal_holders_take(cal_holders *holders, uint32_t *count, cal_span set_name, cal_span holder_name,
                     uint32_t most, uint64_t ttl_ms, uint64_t now_ns) {
  int code = check_name(set_name);
  if (!code) code = check_name(holder_name);
  if (code) return code;
  pthread_mutex_lock(&holders->lock);
  set *from = set_named(holders, set_name, now_ns);
  code = from ? 0 : -ENOSPC;
  if (from) {
    drop_expired(from, now_ns);
    code = take(from, holder_name, most, ttl_ms ? now_ns + ttl_ms * CAL_MS : 0);
    *count = from->count;
  }
  pthread_mutex_unlock(&holders->lock);
  return code;
}

int cal_holders_release(cal_holders *holders, cal_span set_name, cal_span holder_name) {
  pthread_mutex_lock(&holders->lock);
  set *from = find_set(holders, set_name);
  holder *found = from ? find_holder(from, holder_name) : NULL;
  if (found) drop(from, (uint32_t)(found - from->list));
  pthread_mutex_unlock(&holders->lock);
  return found != NULL;
}

int cal_holders_is_short(cal_holders *holders) {
  pthread_mutex_lock(&holders->lock);
  int is_short = holders->count > CAL_HOLDERS_SETS / 2;
  pthread_mutex_unlock(&holders->lock);
  return is_short;
}

uint32_t cal_holders_count(cal_holders *holders, cal_span set_name, uint64_t now_ns) {
  pthread_mutex_lock(&holders->lock);
  set *from = find_set(holders, set_name);
  if (from) drop_expired(from, now_ns);
  uint32_t count = from ? from->count : 0;
  pthread_mutex_unlock(&holders->lock);
  return count;
}

/* The generic cell rate algorithm: one number says how full the bucket is. */
static uint64_t next_turn(set *pace, double per_second, double burst, uint64_t now_ns) {
  uint64_t each_ns = (uint64_t)((double)CAL_S / per_second),
           slack_ns = (uint64_t)((burst - 1) * (double)each_ns);
  uint64_t full_ns = pace->turn_ns > now_ns ? pace->turn_ns : now_ns;
  pace->turn_ns = full_ns + each_ns;
  return full_ns > now_ns + slack_ns ? full_ns - slack_ns - now_ns : 0;
}

int cal_holders_pace(cal_holders *holders, uint64_t *wait_ns, cal_span name, double per_second, double burst,
                     uint64_t now_ns) {
  int code = check_name(name);
  if (code) return code;
  if (!(per_second > 1e-6 && per_second <= 1e6) || !(burst >= 1 && burst <= 1e6))
    return cal_fail(-EINVAL, "a pace is more than 0 a second, with a burst of at least 1");
  pthread_mutex_lock(&holders->lock);
  set *pace = set_named(holders, name, now_ns);
  if (pace) *wait_ns = next_turn(pace, per_second, burst, now_ns);
  pthread_mutex_unlock(&holders->lock);
  return pace ? 0 : -ENOSPC;
}
