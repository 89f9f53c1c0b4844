#include "script/admission.h"

#define SHARE 8 /* of the average that each new measurement is */

static uint64_t average(uint64_t so_far_ns, uint64_t sample_ns) {
  int64_t step_ns = ((int64_t)sample_ns - (int64_t)so_far_ns) / SHARE;
  return so_far_ns ? (uint64_t)((int64_t)so_far_ns + step_ns) : sample_ns;
}

void cal_admission_begin(cal_admission *admission, uint64_t now_ns, int is_turn) {
  if (is_turn) {
    if (admission->has_backlog)
      atomic_store(&admission->turn_ns,
                   average(atomic_load(&admission->turn_ns), now_ns - admission->begun_ns));
    admission->begun_ns = now_ns;
  }
  atomic_store(&admission->is_turn, is_turn);
  atomic_store(&admission->under_way_ns, now_ns);
}

static void end_turn(cal_admission *admission, uint64_t took_ns, uint32_t turns_waiting) {
  admission->work_ns = average(admission->work_ns, took_ns);
  if (!turns_waiting || !admission->has_backlog) atomic_store(&admission->turn_ns, admission->work_ns);
  admission->has_backlog = turns_waiting > 0;
}

void cal_admission_end(cal_admission *admission, uint64_t now_ns, uint32_t turns_waiting) {
  uint64_t took_ns = now_ns - atomic_load(&admission->under_way_ns);
  if (atomic_load(&admission->is_turn))
    end_turn(admission, took_ns, turns_waiting);
  else
    atomic_store(&admission->first_ns, average(atomic_load(&admission->first_ns), took_ns));
  atomic_store(&admission->under_way_ns, 0);
}

/* How long the message under way has been worked on; 0: none is. */
static uint64_t elapsed_ns(const cal_admission *admission, uint64_t now_ns) {
  uint64_t since_ns = atomic_load(&admission->under_way_ns);
  return since_ns && now_ns > since_ns ? now_ns - since_ns : 0;
}

/* Of a message that takes longer than usual nothing is known but that it does: it is given as long again. */
static uint64_t overrun_ns(uint64_t busy_ns, uint64_t usual_ns) { return busy_ns > usual_ns ? busy_ns : 0; }

uint64_t cal_admission_first_wait_ns(const cal_admission *admission, uint64_t now_ns, uint32_t first) {
  uint64_t each_ns = atomic_load(&admission->first_ns);
  return first * each_ns + overrun_ns(elapsed_ns(admission, now_ns), each_ns);
}

uint64_t cal_admission_wait_ns(const cal_admission *admission, uint64_t now_ns, cal_queue_ahead ahead) {
  if (!ahead.first && !ahead.turns && !atomic_load(&admission->under_way_ns))
    return 0; /* else one slow measurement would keep all others out that could correct it */
  uint64_t turn_ns = atomic_load(&admission->turn_ns), first_ns = atomic_load(&admission->first_ns);
  uint64_t busy_ns = elapsed_ns(admission, now_ns);
  int is_turn = atomic_load(&admission->is_turn);
  if (is_turn && busy_ns > turn_ns) turn_ns = busy_ns;
  uint64_t wait_ns = ahead.first * first_ns + turn_ns * ((uint64_t)ahead.turns + 1);
  return is_turn ? wait_ns : wait_ns + overrun_ns(busy_ns, first_ns);
}
