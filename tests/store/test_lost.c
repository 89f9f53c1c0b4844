/* kill -9 in the middle of calls: what was said is there, and the calls are finished as lost. */
#include "store/scratch.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define CALL(id)                                                                                             \
  "INSERT INTO calls (id, direction, carrier, carrier_call_id, node, created_at_ms)"                         \
  " VALUES ('" id "', 'INBOUND', 'twilio', '" id "', 'node-1', 1000)"

static void write_fact(cal_store *store, const char *sql) {
  if (cal_store_submit(store, &(cal_store_request){.sql = sql, .is_fact = 1}) != 0) _exit(1);
}

/* A process in the middle of two calls. It is killed, so nothing here is closed. */
static void live_and_wait(int ready) {
  cal_store *store = NULL;
  cal_store_options options = {.path = scratch("callisto.db"), .node = "node-1"};
  if (cal_store_open(&store, &options) != 0) _exit(1);
  write_fact(store, CALL("talking"));
  write_fact(store, CALL("over"));
  write_fact(store, CALL("decided"));
  write_fact(store, "UPDATE calls SET answered_at_ms = 1100 WHERE id = 'talking'");
  write_fact(
      store,
      "INSERT INTO legs (id, call_id, role, started_at_ms) VALUES ('leg-1', 'talking', 'caller', 1100)");
  cal_store_recording_begin(store, "talking", "recordings/talking.wav", 1100);
  cal_store_recording_begin(store, "over", "recordings/over.wav", 1100);
  cal_store_event(store, "talking", 1150, "call.answered", NULL);
  cal_store_line(store, &(cal_line){.call_id = "talking",
                                    .at_ms = 1200,
                                    .who = "agent",
                                    .text = "Shall we bring order 7 tomorrow?",
                                    .heard = "Shall we bring order 7",
                                    .is_interrupted = 1});
  scratch_line(store, "talking", 1900, "caller", "Yes, but after");
  write_fact(store, "UPDATE calls SET agent_outcome = 'CONFIRMED' WHERE id = 'decided'");
  write_fact(store, "UPDATE calls SET state = 'COMPLETED', outcome = 'DECLINED' WHERE id = 'over'");
  cal_store_result *result = NULL; /* the answer comes after the commit of all that was said before */
  if (cal_store_wait(store, &result, &(cal_store_request){.sql = "SELECT 1"}) != 0) _exit(1);
  if (write(ready, "!", 1) != 1) _exit(1);
  for (;;) pause();
}

static void kill_in_mid_call(void) {
  int ready[2];
  char byte;
  assert_int_equal(0, pipe(ready));
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) live_and_wait(ready[1]);
  close(ready[1]);
  assert_int_equal(1, read(ready[0], &byte, 1));
  close(ready[0]);
  assert_int_equal(0, kill(child, SIGKILL));
  assert_int_equal(child, waitpid(child, NULL, 0));
}

static void pitfall_29_everything_said_survives_kill_9_and_the_call_is_lost(void **state) {
  kill_in_mid_call();
  cal_store *store = scratch_store((cal_store_options){.is_inline = 1});
  cal_store_stats stats;
  cal_store_stats_now(store, &stats);
  assert_int_equal(2, stats.lost_calls);

  scratch_expect(store, "SELECT text FROM transcript WHERE call_id = 'talking' AND seq = 1",
                 "Shall we bring order 7 tomorrow?");
  scratch_expect(store, "SELECT heard_text FROM transcript WHERE call_id = 'talking' AND seq = 1",
                 "Shall we bring order 7");
  scratch_expect(store, "SELECT text FROM transcript WHERE call_id = 'talking' AND seq = 2",
                 "Yes, but after");

  scratch_expect(store, "SELECT state FROM calls WHERE id = 'talking'", "FAILED");
  scratch_expect(store, "SELECT outcome FROM calls WHERE id = 'talking'", "UNKNOWN");
  scratch_expect(store, "SELECT session_end_reason FROM calls WHERE id = 'talking'", "REAPED");
  assert_int_equal(1900, scratch_number(store, "SELECT ended_at_ms FROM calls WHERE id = 'talking'"));
  scratch_expect(store, "SELECT outcome FROM calls WHERE id = 'decided'",
                 "CONFIRMED"); /* the word was said */
  assert_int_equal(1000, scratch_number(store, "SELECT ended_at_ms FROM calls WHERE id = 'decided'"));
  scratch_expect(store, "SELECT state FROM calls WHERE id = 'over'", "COMPLETED");
  scratch_expect(store, "SELECT outcome FROM calls WHERE id = 'over'", "DECLINED");

  scratch_expect(store, "SELECT end_reason FROM legs WHERE id = 'leg-1'", "LOST");
  assert_int_equal(2, scratch_number(store, "SELECT COUNT(*) FROM recordings WHERE state = 'INCOMPLETE'"));
  assert_int_equal(2, scratch_number(store, "SELECT COUNT(*) FROM events WHERE kind = 'call.lost'"));
  assert_int_equal(1, scratch_number(store, "SELECT COUNT(*) FROM events WHERE kind = 'call.answered'"));
  cal_store_close(store);

  store = scratch_store((cal_store_options){.is_inline = 1}); /* once is enough */
  cal_store_stats_now(store, &stats);
  assert_int_equal(0, stats.lost_calls);
  assert_int_equal(2, scratch_number(store, "SELECT COUNT(*) FROM events WHERE kind = 'call.lost'"));
  cal_store_close(store);
}

static int mend(const char *path, int64_t *samples, int64_t *bytes) {
  if (strcmp(path, "recordings/over.wav") == 0) return -EINVAL;
  assert_string_equal("recordings/talking.wav", path);
  *samples = 4000;
  *bytes = 16000;
  return 0;
}

static void recordings_that_were_cut_off_are_mended(void **state) {
  kill_in_mid_call();
  cal_store *store = scratch_store((cal_store_options){.is_inline = 1, .mend_recording = mend});
  scratch_expect(store,
                 "SELECT GROUP_CONCAT(samples || ' ' || bytes || ' ' || state) FROM"
                 " (SELECT * FROM recordings ORDER BY path)",
                 "0 0 INCOMPLETE,4000 16000 INCOMPLETE");
  cal_store_close(store);
  store = scratch_store((cal_store_options){.is_inline = 1, .mend_recording = mend}); /* once is enough */
  cal_store_close(store);
}

static void calls_in_progress_at_an_orderly_end_are_finished_by_it(void **state) {
  for (int is_inline = 0; is_inline < 2; is_inline++) {
    cal_store *store = scratch_store((cal_store_options){.is_inline = is_inline});
    write_fact(store, is_inline ? CALL("inline") : CALL("threaded"));
    cal_store_close(store);
  }
  cal_store_options visitor = {.path = scratch("callisto.db"), .is_inline = 1};
  cal_store *store = NULL;
  assert_int_equal(0, cal_store_open(&store, &visitor));
  scratch_expect(store, "SELECT GROUP_CONCAT(id || ' ' || state || ' ' || session_end_reason) FROM calls",
                 "threaded FAILED REAPED,inline FAILED REAPED");
  assert_int_equal(2, scratch_number(store, "SELECT COUNT(*) FROM events WHERE kind = 'call.lost'"));
  cal_store_close(store);
}

static void calls_of_other_nodes_are_left_alone(void **state) {
  kill_in_mid_call();
  cal_store_stats stats;
  cal_store *store = scratch_store((cal_store_options){.is_inline = 1, .node = "node-2"});
  cal_store_stats_now(store, &stats);
  assert_int_equal(0, stats.lost_calls);
  assert_int_equal(2, scratch_number(store, "SELECT COUNT(*) FROM calls WHERE state = 'IN_PROGRESS'"));
  cal_store_close(store);
  cal_store_options visitor = {.path = scratch("callisto.db"), .is_inline = 1};
  assert_int_equal(0, cal_store_open(&store, &visitor));
  assert_int_equal(2, scratch_number(store, "SELECT COUNT(*) FROM calls WHERE state = 'IN_PROGRESS'"));
  cal_store_close(store);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)
  const struct CMUnitTest tests[] = {
      IN_FOLDER(pitfall_29_everything_said_survives_kill_9_and_the_call_is_lost),
      IN_FOLDER(recordings_that_were_cut_off_are_mended),
      IN_FOLDER(calls_in_progress_at_an_orderly_end_are_finished_by_it),
      IN_FOLDER(calls_of_other_nodes_are_left_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
