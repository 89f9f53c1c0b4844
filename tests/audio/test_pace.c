#include "harness.h"

#include "audio/pace.h"

#define MS UINT64_C(1000000)

/* Sends what is due and returns how much that was. */
static uint32_t tick(cal_pace *pace, uint64_t now_ms) {
  uint32_t due = cal_pace_due(pace, now_ms * MS);
  cal_pace_sent(pace, due);
  return due;
}

static void the_lead_goes_out_at_once_and_then_one_frame_at_a_time(void **state) {
  cal_pace pace;
  cal_pace_init(&pace, 20, 100, 0);
  assert_int_equal(cal_pace_next_ns(&pace), 0);
  assert_int_equal(tick(&pace, 1000), 6);
  assert_int_equal(cal_pace_next_ns(&pace), 1020 * MS);
  assert_int_equal(tick(&pace, 1019), 0);
  for (uint64_t ms = 1020; ms < 3000; ms += 20) assert_int_equal(tick(&pace, ms), 1);
  assert_int_equal(pace.underruns, 0);
}

/* Always 7 ms late: over an hour not one frame is lost, because nothing is re-armed from now. */
static void lateness_never_becomes_drift(void **state) {
  cal_pace pace;
  cal_pace_init(&pace, 20, 0, 0);
  uint64_t sent = tick(&pace, 1000), now = 1000;
  while (now < 1000 + 3600000) {
    now = (cal_pace_next_ns(&pace) / MS) + 7;
    sent += tick(&pace, now);
  }
  assert_int_equal(sent, (now - 1000) / 20 + 1);
  assert_int_equal(pace.stalls, 0);
  assert_int_equal(pace.late_ns, 7 * MS);
}

static void a_short_delay_is_caught_up(void **state) {
  cal_pace pace;
  cal_pace_init(&pace, 20, 100, 0);
  assert_int_equal(tick(&pace, 1000), 6);
  assert_int_equal(tick(&pace, 1180), 9); /* dry since 1120: 60 ms late */
  assert_int_equal(pace.underruns, 1);
  assert_int_equal(pace.late_ns, 60 * MS);
  assert_int_equal(pace.stalls, 0);
  assert_int_equal(tick(&pace, 1200), 1);
}

static void a_stall_is_counted_and_not_made_into_a_burst(void **state) {
  cal_pace pace;
  cal_pace_init(&pace, 20, 100, 200);
  assert_int_equal(tick(&pace, 1000), 6);
  assert_int_equal(tick(&pace, 6000), 6); /* as at a start, not 250 frames */
  assert_int_equal(pace.stalls, 1);
  assert_int_equal(tick(&pace, 6020), 1);
}

static void silence_on_purpose_is_nobodys_fault(void **state) {
  cal_pace pace;
  cal_pace_init(&pace, 20, 40, 0);
  assert_int_equal(tick(&pace, 1000), 3);
  assert_int_equal(cal_pace_due(&pace, 1020 * MS), 1);
  cal_pace_idle(&pace);
  assert_int_equal(tick(&pace, 9000), 3); /* begins anew, with its whole lead */
  assert_int_equal(pace.underruns, 0);
  assert_int_equal(pace.stalls, 0);
}

/* A gap shorter than what the carrier still holds does not make it hold more. */
static void a_gap_within_the_lead_keeps_the_schedule(void **state) {
  cal_pace pace;
  cal_pace_init(&pace, 20, 100, 0);
  assert_int_equal(tick(&pace, 1000), 6);
  cal_pace_due(&pace, 1020 * MS);
  cal_pace_idle(&pace);
  assert_int_equal(tick(&pace, 1060), 3);
  assert_int_equal(tick(&pace, 1080), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_lead_goes_out_at_once_and_then_one_frame_at_a_time),
      cmocka_unit_test(lateness_never_becomes_drift),
      cmocka_unit_test(a_short_delay_is_caught_up),
      cmocka_unit_test(a_stall_is_counted_and_not_made_into_a_burst),
      cmocka_unit_test(silence_on_purpose_is_nobodys_fault),
      cmocka_unit_test(a_gap_within_the_lead_keeps_the_schedule),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
