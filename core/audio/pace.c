#include "audio/pace.h"

#include <assert.h>

#define NS_PER_MS UINT64_C(1000000)

void cal_pace_init(cal_pace *pace, uint32_t frame_ms, uint32_t lead_ms, uint32_t stall_ms) {
  assert(frame_ms >= 1 && frame_ms <= 1000 && lead_ms <= 1000);
  if (stall_ms == 0) stall_ms = CAL_PACE_STALL_MS;
  if (stall_ms < lead_ms) stall_ms = lead_ms;
  *pace = (cal_pace){
      .frame_ns = frame_ms * NS_PER_MS, .lead_ns = lead_ms * NS_PER_MS, .stall_ns = stall_ms * NS_PER_MS};
}

static void anchor(cal_pace *pace, uint64_t now_ns) {
  pace->t0_ns = now_ns;
  pace->frames = 0;
}

/* Looks at how late the next frame is and decides whether the schedule still holds. */
static void account_lateness(cal_pace *pace, uint64_t now_ns) {
  uint64_t due_ns = pace->t0_ns + pace->frames * pace->frame_ns;
  if (now_ns <= due_ns) return;
  if (pace->is_idle) {
    anchor(pace, now_ns);
    return;
  }
  uint64_t late_ns = now_ns - due_ns;
  if (pace->frames > 0) pace->underruns++;
  if (late_ns > pace->late_ns) pace->late_ns = late_ns;
  if (late_ns <= pace->stall_ns) return;
  pace->stalls++;
  anchor(pace, now_ns);
}

uint32_t cal_pace_due(cal_pace *pace, uint64_t now_ns) {
  if (pace->t0_ns == 0)
    anchor(pace, now_ns);
  else
    account_lateness(pace, now_ns);
  if (now_ns < pace->t0_ns) return 0;
  uint64_t wanted = (now_ns - pace->t0_ns + pace->lead_ns) / pace->frame_ns + 1;
  return wanted > pace->frames ? (uint32_t)(wanted - pace->frames) : 0;
}

void cal_pace_sent(cal_pace *pace, uint32_t frames) {
  pace->frames += frames;
  if (frames) pace->is_idle = 0;
}

void cal_pace_idle(cal_pace *pace) { pace->is_idle = 1; }

uint64_t cal_pace_next_ns(const cal_pace *pace) {
  if (pace->t0_ns == 0) return 0;
  uint64_t due_ns = pace->t0_ns + pace->frames * pace->frame_ns;
  uint64_t earliest_ns = due_ns > pace->lead_ns ? due_ns - pace->lead_ns : 1;
  return earliest_ns > pace->t0_ns ? earliest_ns : pace->t0_ns;
}
