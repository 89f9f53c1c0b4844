/* What the engine itself writes about a call. */
#include "store/scratch.h"

#include <errno.h>

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

static void lines_are_numbered_per_call(void **state) {
  assert_int_equal(0, scratch_line(store, "a", 1, "agent", "One."));
  assert_int_equal(0, scratch_line(store, "b", 2, "agent", "Uno."));
  assert_int_equal(0, scratch_line(store, "a", 3, "caller", "Two."));
  scratch_expect(store, "SELECT text FROM transcript WHERE call_id = 'a' AND seq = 2", "Two.");
  scratch_expect(store, "SELECT text FROM transcript WHERE call_id = 'b' AND seq = 1", "Uno.");
}

static void what_was_heard_is_noted_on_the_line(void **state) {
  cal_line line = {.call_id = "a",
                   .at_ms = 1,
                   .who = "agent",
                   .text = "One two three.",
                   .heard = "One two",
                   .is_interrupted = 1};
  assert_int_equal(0, cal_store_line(store, &line));
  scratch_expect(store, "SELECT heard_text FROM transcript", "One two");
  assert_int_equal(1, scratch_number(store, "SELECT interrupted FROM transcript"));
}

static void a_recording_ends_once(void **state) {
  assert_int_equal(0, cal_store_recording_begin(store, "c", "c.wav", 1));
  scratch_expect(store, "SELECT state FROM recordings", "RECORDING");
  assert_int_equal(0, cal_store_recording_end(store, "c.wav", 2, 0, 16000, 32044));
  assert_int_equal(0, cal_store_recording_end(store, "c.wav", 3, 1, 0, 0));
  scratch_expect(store, "SELECT state FROM recordings", "INCOMPLETE");
  assert_int_equal(32044, scratch_number(store, "SELECT bytes FROM recordings"));
}

static void texts_are_never_read_as_sql(void **state) {
  const char *evil = "'); DROP TABLE calls; --";
  assert_int_equal(0, scratch_line(store, evil, 1, "caller", evil));
  assert_int_equal(0, cal_store_event(store, evil, 1, evil, evil));
  scratch_expect(store, "SELECT text FROM transcript", evil);
  scratch_expect(store, "SELECT data FROM events", evil);
}

static void nonsense_is_refused(void **state) {
  assert_int_equal(-EINVAL, cal_store_event(store, "", 1, "x", NULL));
  assert_int_equal(-EINVAL, cal_store_event(store, "c", 1, NULL, NULL));
  assert_int_equal(-EINVAL, scratch_line(store, "c", 1, "nobody", "x"));
  assert_int_equal(-EINVAL, scratch_line(store, NULL, 1, "agent", "x"));
}

int main(void) {
#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, open_memory, close_memory)
  const struct CMUnitTest tests[] = {
      IN_MEMORY(lines_are_numbered_per_call), IN_MEMORY(what_was_heard_is_noted_on_the_line),
      IN_MEMORY(a_recording_ends_once),       IN_MEMORY(texts_are_never_read_as_sql),
      IN_MEMORY(nonsense_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
