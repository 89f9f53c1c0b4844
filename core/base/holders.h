/* holders: who has what there is only so much of: lines of a carrier, places in its queue of requests.
 *
 * Lines in use are the set of their holders, never a counter: a holder that takes twice has one, one that
 * releases twice takes nothing from anybody, and one that died is forgotten when its time is over. A pace is
 * a token bucket that gives out due times instead of refusals. Any thread: one mutex. Time is passed in. */
#ifndef CAL_BASE_HOLDERS_H
#define CAL_BASE_HOLDERS_H

#include <stdint.h>

#include "base/buf.h"

#define CAL_HOLDERS_NAME_BYTES 128 /* of sets, holders and paces; longer is -EMSGSIZE */
#define CAL_HOLDERS_SETS 4096      /* sets and paces that are in use; more is -ENOSPC */

typedef struct cal_holders cal_holders;

cal_holders *cal_holders_new(void);                  /* returns owned */
cal_holders *cal_holders_free(cal_holders *holders); /* takes; returns NULL */

/* 1: holder is one of the set now (its time begins anew if it was already); 0: `most` others have all there
 * is. `count` is how many hold something afterwards. ttl_ms 0 = for ever. */
int cal_holders_take(cal_holders *holders, uint32_t *count, cal_span set, cal_span holder, uint32_t most,
                     uint64_t ttl_ms, uint64_t now_ns);
int cal_holders_release(cal_holders *holders, cal_span set, cal_span holder); /* 1 released, 0 had nothing */
int cal_holders_is_short(cal_holders *holders); /* half of all sets have been used */
uint32_t cal_holders_count(cal_holders *holders, cal_span set, uint64_t now_ns);

/* Reserves the next turn of a pace of so many a second, of which `burst` may come at once: how long to wait
 * for it, through `wait_ns`. -EINVAL: per_second must be above 0, burst at least 1. */
int cal_holders_pace(cal_holders *holders, uint64_t *wait_ns, cal_span pace, double per_second, double burst,
                     uint64_t now_ns);

#endif
