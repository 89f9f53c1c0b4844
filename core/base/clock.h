/* clock: the one notion of now.
 *
 * A clock is real or simulated. The simulated one stands still until somebody moves it, starts at a time that
 * is not zero, and only moves forward. Everything that needs the time is given a clock. Real clock: any
 * thread. Simulated clock: one thread. */
#ifndef CAL_BASE_CLOCK_H
#define CAL_BASE_CLOCK_H

#include <stdint.h>

#define CAL_MS UINT64_C(1000000) /* nanoseconds */
#define CAL_S UINT64_C(1000000000)

typedef struct cal_clock cal_clock;

cal_clock *cal_clock_real(void);                                    /* static */
cal_clock *cal_clock_simulated(uint64_t start_ns, int64_t wall_ms); /* returns owned */
cal_clock *cal_clock_free(cal_clock *clock);       /* takes; the real one is left alone; returns NULL */
uint64_t cal_clock_now_ns(const cal_clock *clock); /* monotonic, never 0 */
int64_t cal_clock_wall_ms(const cal_clock *clock); /* milliseconds since 1970, UTC */
int cal_clock_is_simulated(const cal_clock *clock);
void cal_clock_advance_to(cal_clock *clock, uint64_t now_ns); /* simulated only; going back is a mistake */

#endif
