/* breaker: which vendors are left alone for a while, because they failed several times in a row, in whichever calls.
 *
 * Three failures in a row, and the vendor is not asked for 10 s, then for twice as long each time until it has worked
 * again; at most for a minute. One that has no room is left alone for two seconds, and has not failed. Any thread: one mutex. Time is
 * passed in. */
#ifndef CAL_TALK_BREAKER_H
#define CAL_TALK_BREAKER_H

#include <stdint.h>

#include "talk/order.h"

#define CAL_BREAKERS 64 /* vendors; further ones are always asked */
#define CAL_BREAKER_FAILURES 3
#define CAL_BREAKER_PAUSE_MS 10000
#define CAL_BREAKER_LONGEST_MS 60000
#define CAL_BREAKER_BUSY_MS 2000

typedef struct cal_breakers cal_breakers;

cal_breakers *cal_breakers_new(void);                    /* returns owned */
cal_breakers *cal_breakers_free(cal_breakers *breakers); /* takes; returns NULL */

int cal_breaker_is_open(cal_breakers *breakers, const char *vendor,
                        uint64_t now_ns); /* it is not to be asked */
void cal_breaker_failed(cal_breakers *breakers, const char *vendor, cal_fault fault, uint64_t now_ns);
void cal_breaker_worked(cal_breakers *breakers, const char *vendor);

#endif
