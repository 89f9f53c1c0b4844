/* kv: the one way scripts on different VMs share state.
 *
 * Keys and values are bytes. Each entry may have a time to live; increments are atomic; the whole store has a
 * ceiling in bytes and refuses what does not fit (-ENOSPC), it never evicts what somebody still counts on.
 * Any thread: one mutex, held for the length of a hash look-up. Time is passed in, so specs own it. */
#ifndef CAL_BASE_KV_H
#define CAL_BASE_KV_H

#include <stdint.h>

#include "base/buf.h"

typedef struct cal_kv cal_kv;

cal_kv *cal_kv_new(size_t ceiling_bytes); /* returns owned */
cal_kv *cal_kv_free(cal_kv *kv);          /* takes; returns NULL */

/* ttl_ms 0 = for ever. -ENOSPC over the ceiling, -EMSGSIZE for a key over 512 bytes or a value over 64 KiB.
 */
int cal_kv_set(cal_kv *kv, cal_span key, cal_span value, uint64_t ttl_ms, uint64_t now_ns);
/* Sets only when absent (1 = set, 0 = somebody has it): locks, latches, replay windows. */
int cal_kv_add(cal_kv *kv, cal_span key, cal_span value, uint64_t ttl_ms, uint64_t now_ns);
/* Appends the value to `into`; 1 found, 0 absent. */
int cal_kv_get(cal_kv *kv, cal_span key, cal_buf *into, uint64_t now_ns);
/* Adds to a decimal integer (absent = 0); the new value through `result`. A ttl is set only when the entry is
 * created. -EINVAL: not a number. */
int cal_kv_increment(cal_kv *kv, int64_t *result, cal_span key, int64_t by, uint64_t ttl_ms, uint64_t now_ns);
int cal_kv_remove(cal_kv *kv, cal_span key, uint64_t now_ns); /* 1 removed, 0 absent */
size_t cal_kv_bytes(cal_kv *kv);
int cal_kv_is_short(cal_kv *kv); /* half of the ceiling is used */
size_t cal_kv_count(cal_kv *kv, uint64_t now_ns);

#endif
