/* wheel: what happens every 20 ms to each of many, spread over the time between.
 *
 * A seat ticks at the phase at which it was taken: the wheel has four slots of 5 ms, one timer moves from slot
 * to slot, and stands still while no seat is taken. Ticks lie on multiples of CAL_WHEEL_SLOT_NS of the loop's
 * clock; after a stall every slot is turned once, no more. How late a slot was is measured
 * (callisto_tick_late_seconds). No allocation; one thread, the loop's. A tick may leave its own seat and take
 * it again, but no other seat's. */
#ifndef CAL_LOOP_WHEEL_H
#define CAL_LOOP_WHEEL_H

#include "base/list.h"
#include "loop/loop.h"

#define CAL_WHEEL_SLOT_NS (5 * CAL_MS)

typedef struct cal_wheel cal_wheel;
typedef struct cal_wheel_seat cal_wheel_seat;

/* Lives in the object that ticks. */
struct cal_wheel_seat {
  cal_list node;
  void (*tick)(cal_wheel_seat *seat, uint64_t now_ns);
};

cal_wheel *cal_wheel_new(cal_loop *loop);    /* borrows the loop; returns owned */
cal_wheel *cal_wheel_free(cal_wheel *wheel); /* takes; no seat may be taken any more; returns NULL */
void cal_wheel_seat_init(cal_wheel_seat *seat, void (*tick)(cal_wheel_seat *seat, uint64_t now_ns));
void cal_wheel_take(cal_wheel *wheel, cal_wheel_seat *seat);  /* harmless when it ticks already */
void cal_wheel_leave(cal_wheel *wheel, cal_wheel_seat *seat); /* harmless when it does not */

#endif
