#include "loop/wheel.h"

#include <stddef.h>

#include "base/mem.h"
#include "base/metrics.h"

#define SLOTS 4

struct cal_wheel {
  cal_loop *loop;
  cal_timer timer;
  cal_list slots[SLOTS];
  uint32_t taken;
  uint64_t next; /* number of the slot that is due next, since the clock's zero */
  cal_metric *late;
};

cal_wheel *cal_wheel_new(cal_loop *loop) {
  cal_wheel *wheel = cal_alloc(sizeof *wheel);
  wheel->loop = loop;
  for (int i = 0; i < SLOTS; i++) cal_list_init(&wheel->slots[i]);
  wheel->late = cal_histogram("callisto_tick_late_seconds", "how late the tick that sends frames ran");
  return wheel;
}

cal_wheel *cal_wheel_free(cal_wheel *wheel) { return cal_free(wheel); }

void cal_wheel_seat_init(cal_wheel_seat *seat, void (*tick)(cal_wheel_seat *seat, uint64_t now_ns)) {
  cal_list_init(&seat->node);
  seat->tick = tick;
}

static void tick_all(cal_list *slot, uint64_t now_ns) {
  cal_list_each_safe(slot, node, after) {
    cal_wheel_seat *seat = cal_list_entry(node, cal_wheel_seat, node);
    seat->tick(seat, now_ns);
  }
}

static void turn(cal_timer *timer) {
  cal_wheel *wheel = cal_list_entry(timer, cal_wheel, timer);
  uint64_t now_ns = cal_loop_now_ns(wheel->loop);
  uint64_t last = now_ns / CAL_WHEEL_SLOT_NS; /* at least `next`: timers are never early */
  cal_metric_observe(wheel->late, (double)(now_ns - wheel->next * CAL_WHEEL_SLOT_NS) / 1e9);
  if (last - wheel->next >= SLOTS) wheel->next = last - SLOTS + 1;
  for (; wheel->next <= last; wheel->next++) tick_all(&wheel->slots[wheel->next % SLOTS], now_ns);
  if (wheel->taken) cal_timer_start(wheel->loop, timer, wheel->next * CAL_WHEEL_SLOT_NS, turn);
}

void cal_wheel_take(cal_wheel *wheel, cal_wheel_seat *seat) {
  if (!cal_list_is_empty(&seat->node)) return;
  uint64_t slot = cal_loop_now_ns(wheel->loop) / CAL_WHEEL_SLOT_NS;
  cal_list_append(&wheel->slots[slot % SLOTS], &seat->node);
  if (wheel->taken++) return;
  wheel->next = slot + 1;
  cal_timer_start(wheel->loop, &wheel->timer, wheel->next * CAL_WHEEL_SLOT_NS, turn);
}

void cal_wheel_leave(cal_wheel *wheel, cal_wheel_seat *seat) {
  if (cal_list_is_empty(&seat->node)) return;
  cal_list_remove(&seat->node);
  if (--wheel->taken == 0) cal_timer_stop(wheel->loop, &wheel->timer);
}
