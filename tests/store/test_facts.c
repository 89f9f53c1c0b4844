/* The statements a call may make about itself. */
#include "store/scratch.h"

#include <errno.h>

#include "store/facts.h"

static cal_store *store;

static int open_memory(void **state) {
  cal_log_sink(scratch_sink, NULL);
  return cal_store_open(&store, &(cal_store_options){.path = ":memory:", .node = "spec", .is_inline = 1});
}

static int close_memory(void **state) {
  store = cal_store_close(store);
  cal_log_sink(NULL, NULL);
  return 0;
}

static void a_call_from_ring_to_end(void **state) {
  cal_store_call call = {.id = "c1",
                         .direction = "OUTBOUND",
                         .carrier = "plivo",
                         .template_name = "cod",
                         .to_number = "+15550100",
                         .lead_id = "l1",
                         .created_at_ms = 10};
  assert_int_equal(0, cal_store_call_begin(store, &call));
  assert_int_equal(0, cal_store_call_begin(store, &call));
  scratch_expect(store, "SELECT state FROM calls", "IN_PROGRESS");
  scratch_expect(store, "SELECT node FROM calls", "spec");
  assert_int_equal(0, cal_store_call_set(store, "c1", "carrier_call_id", "uuid-1"));
  assert_int_equal(0, cal_store_call_set(store, "c1", "provider_status", "ANSWERED"));
  assert_int_equal(0, cal_store_call_answered(store, "c1", 20));
  assert_int_equal(0, cal_store_call_answered(store, "c1", 30));
  assert_int_equal(0, cal_store_call_end(store, "c1", 40, "COMPLETED", "CONFIRMED"));
  assert_int_equal(0, cal_store_call_end(store, "c1", 50, "FAILED", "UNKNOWN"));
  scratch_expect(store, "SELECT carrier_call_id FROM calls", "uuid-1");
  scratch_expect(store, "SELECT provider_status FROM calls", "ANSWERED");
  scratch_expect(store, "SELECT state FROM calls", "COMPLETED");
  scratch_expect(store, "SELECT outcome FROM calls", "CONFIRMED");
  assert_int_equal(20, scratch_number(store, "SELECT answered_at_ms FROM calls"));
  assert_int_equal(40, scratch_number(store, "SELECT ended_at_ms FROM calls"));
}

static void lines_are_numbered_per_call(void **state) {
  assert_int_equal(0, cal_store_line(store, "a", 1, "agent", "One.", NULL, 0));
  assert_int_equal(0, cal_store_line(store, "b", 2, "agent", "Uno.", NULL, 0));
  assert_int_equal(0, cal_store_line(store, "a", 3, "caller", "Two.", NULL, 0));
  scratch_expect(store, "SELECT text FROM transcript WHERE call_id = 'a' AND seq = 2", "Two.");
  scratch_expect(store, "SELECT text FROM transcript WHERE call_id = 'b' AND seq = 1", "Uno.");
}

static void what_was_heard_is_noted_on_the_agents_line(void **state) {
  assert_int_equal(0, cal_store_line(store, "a", 1, "agent", "One two three.", NULL, 0));
  assert_int_equal(0, cal_store_line(store, "a", 5, "caller", "Stop.", NULL, 0));
  assert_int_equal(0, cal_store_heard(store, "a", 1, "One two", 1));
  assert_int_equal(0, cal_store_heard(store, "a", 5, "nobody", 1)); /* not the agent's */
  scratch_expect(store, "SELECT heard_text FROM transcript WHERE seq = 1", "One two");
  assert_int_equal(1, scratch_number(store, "SELECT interrupted FROM transcript WHERE seq = 1"));
  assert_int_equal(0, scratch_number(store, "SELECT interrupted FROM transcript WHERE seq = 2"));
}

static void legs_and_recordings_end_once(void **state) {
  cal_store_leg_end_facts facts = {
      .reason = "hangup", .frames_in = 100, .frames_out = 99, .underruns = 1, .late_max_us = 700};
  assert_int_equal(0, cal_store_leg_begin(store, "l", "c", 1, "caller", "twilio", "MZ"));
  assert_int_equal(0, cal_store_leg_end(store, "l", 2, &facts));
  facts.frames_in = 5;
  assert_int_equal(0, cal_store_leg_end(store, "l", 3, &facts));
  assert_int_equal(100, scratch_number(store, "SELECT frames_in FROM legs"));
  assert_int_equal(0, cal_store_recording_begin(store, "c", "c.wav", 1));
  scratch_expect(store, "SELECT state FROM recordings", "RECORDING");
  assert_int_equal(0, cal_store_recording_end(store, "c.wav", 2, 0, 16000, 32044));
  assert_int_equal(0, cal_store_recording_end(store, "c.wav", 3, 1, 0, 0));
  scratch_expect(store, "SELECT state FROM recordings", "INCOMPLETE");
  assert_int_equal(32044, scratch_number(store, "SELECT bytes FROM recordings"));
}

static void texts_are_never_read_as_sql(void **state) {
  const char *evil = "'); DROP TABLE calls; --";
  assert_int_equal(0, cal_store_line(store, evil, 1, "caller", evil, NULL, 0));
  assert_int_equal(0, cal_store_event(store, evil, 1, evil, evil));
  scratch_expect(store, "SELECT text FROM transcript", evil);
  scratch_expect(store, "SELECT data FROM events", evil);
}

static void nonsense_is_refused(void **state) {
  assert_int_equal(-EINVAL, cal_store_event(store, "", 1, "x", NULL));
  assert_int_equal(-EINVAL, cal_store_event(store, "c", 1, NULL, NULL));
  assert_int_equal(-EINVAL, cal_store_line(store, "c", 1, "nobody", "x", NULL, 0));
  assert_int_equal(-EINVAL, cal_store_line(store, NULL, 1, "agent", "x", NULL, 0));
  assert_int_equal(-EINVAL, cal_store_call_set(store, "c", "state", "COMPLETED"));
  assert_int_equal(-EINVAL, cal_store_call_set(store, "c", NULL, "x"));
  assert_int_equal(-EINVAL, cal_store_call_end(store, "c", 1, "IN_PROGRESS", NULL));
  cal_store_call call = {.id = "c", .direction = "SIDEWAYS"};
  assert_int_equal(-EINVAL, cal_store_call_begin(store, &call));
}

int main(void) {
#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, open_memory, close_memory)
  const struct CMUnitTest tests[] = {
      IN_MEMORY(a_call_from_ring_to_end),
      IN_MEMORY(lines_are_numbered_per_call),
      IN_MEMORY(what_was_heard_is_noted_on_the_agents_line),
      IN_MEMORY(legs_and_recordings_end_once),
      IN_MEMORY(texts_are_never_read_as_sql),
      IN_MEMORY(nonsense_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
