/* The store's thread: groups, order, ceilings, many writers, the end. */
#include "store/scratch.h"

#include <errno.h>
#include <semaphore.h>

#include "base/mem.h"

/* Holds the store's thread in an answer, so that what is submitted meanwhile waits. */
struct gate {
  sem_t entered, may_leave;
};

static void hold(void *context, cal_store_result *result) {
  struct gate *gate = context;
  cal_store_result_free(result);
  sem_post(&gate->entered);
  sem_wait(&gate->may_leave);
}

static void close_gate(struct gate *gate, cal_store *store) {
  sem_init(&gate->entered, 0, 0);
  sem_init(&gate->may_leave, 0, 0);
  cal_store_request request = {.sql = "SELECT 1", .on_done = hold, .context = gate};
  assert_int_equal(0, cal_store_submit(store, &request));
  sem_wait(&gate->entered);
}

static void open_gate(struct gate *gate) { sem_post(&gate->may_leave); }

struct answers {
  int codes[16];
  int count;
};

static void collect(void *context, cal_store_result *result) {
  struct answers *answers = context;
  answers->codes[answers->count++] = result->code;
  cal_store_result_free(result);
}

static void one_bad_statement_fails_alone(void **state) {
  cal_store *store = scratch_store((cal_store_options){0});
  struct gate gate;
  struct answers answers = {0};
  close_gate(&gate, store);
  cal_store_stats before, after;
  cal_store_stats_now(store, &before);
  const char *sql[] = {"INSERT INTO recordings (path, call_id, started_at_ms) VALUES ('a', '1', 1)",
                       "INSERT INTO recordings (path, call_id, started_at_ms) VALUES ('a', '2', 1)",
                       "INSERT INTO nowhere VALUES (1)",
                       "INSERT INTO recordings (path, call_id, started_at_ms) VALUES ('b', '1', 1)",
                       "SELECT COUNT(*) FROM recordings"};
  for (int i = 0; i < 5; i++) {
    cal_store_request request = {.sql = sql[i], .on_done = collect, .context = &answers};
    assert_int_equal(0, cal_store_submit(store, &request));
  }
  open_gate(&gate);
  assert_int_equal(2, scratch_number(store, "SELECT COUNT(*) FROM recordings"));
  cal_store_stats_now(store, &after);
  const int expected[] = {0, -EEXIST, -EINVAL, 0, 0};
  assert_int_equal(5, answers.count);
  for (int i = 0; i < 5; i++) assert_int_equal(expected[i], answers.codes[i]);
  assert_int_equal(2, after.failed - before.failed);
  cal_store_close(store);
}

static void what_waits_together_is_committed_together(void **state) {
  cal_store *store = scratch_store((cal_store_options){0});
  struct gate gate;
  cal_store_stats before, after;
  close_gate(&gate, store);
  cal_store_stats_now(store, &before);
  for (int i = 0; i < 200; i++) {
    cal_store_request request = {.sql = "INSERT INTO events (call_id, at_ms, kind) VALUES ('c', 1, 'x')"};
    assert_int_equal(0, cal_store_submit(store, &request));
  }
  open_gate(&gate);
  assert_int_equal(200, scratch_number(store, "SELECT COUNT(*) FROM events"));
  cal_store_stats_now(store, &after);
  assert_true(after.commits - before.commits <= 2); /* the question may have come late for the first */
  cal_store_close(store);
}

static void a_group_survives_a_statement_that_rolls_everything_back(void **state) {
  cal_store *store = scratch_store((cal_store_options){0});
  assert_int_equal(
      0, scratch_do(store, "INSERT INTO recordings (path, call_id, started_at_ms) VALUES ('taken', '', 1)"));
  struct gate gate;
  struct answers answers = {0};
  close_gate(&gate, store);
  const char *sql[] = {
      "INSERT INTO recordings (path, call_id, started_at_ms) VALUES ('a', '1', 1)",
      "INSERT OR ROLLBACK INTO recordings (path, call_id, started_at_ms) VALUES ('taken', '', 1)",
      "INSERT INTO recordings (path, call_id, started_at_ms) VALUES ('b', '1', 1)"};
  for (int i = 0; i < 3; i++) {
    cal_store_request request = {.sql = sql[i], .on_done = collect, .context = &answers};
    assert_int_equal(0, cal_store_submit(store, &request));
  }
  open_gate(&gate);
  assert_int_equal(3, scratch_number(store, "SELECT COUNT(*) FROM recordings"));
  assert_int_equal(0, answers.codes[0]);
  assert_int_equal(-EEXIST, answers.codes[1]);
  assert_int_equal(0, answers.codes[2]);
  cal_store_close(store);
}

static void a_full_queue_refuses_what_comes_and_does_what_it_took(void **state) {
  cal_store *store = scratch_store((cal_store_options){.queue_ceiling = 8});
  struct gate gate;
  close_gate(&gate, store);
  cal_store_request request = {.sql = "INSERT INTO events (call_id, at_ms, kind) VALUES ('c', 1, 'x')"};
  for (int i = 0; i < 8; i++) {
    request.is_fact = i % 2;
    assert_int_equal(0, cal_store_submit(store, &request));
  }
  assert_int_equal(-ENOBUFS, cal_store_submit(store, &request));
  cal_store_stats stats;
  cal_store_stats_now(store, &stats);
  assert_int_equal(8, stats.waiting);
  assert_int_equal(1, stats.refused);
  open_gate(&gate);
  cal_store_close(store);
  store = scratch_store((cal_store_options){.is_inline = 1});
  assert_int_equal(8, scratch_number(store, "SELECT COUNT(*) FROM events"));
  cal_store_close(store);
}

static void closing_does_what_waits(void **state) {
  cal_store *store = scratch_store((cal_store_options){.close_ms = 60000});
  struct gate gate;
  close_gate(&gate, store);
  for (int i = 0; i < 3000; i++) {
    cal_store_request request = {.sql = "INSERT INTO events (call_id, at_ms, kind) VALUES ('c', 1, 'x')"};
    assert_int_equal(0, cal_store_submit(store, &request));
  }
  open_gate(&gate);
  cal_store *late = cal_ref(store);
  assert_null(cal_store_close(store));
  assert_int_equal(-ESHUTDOWN, cal_store_submit(late, &(cal_store_request){.sql = "SELECT 1"}));
  cal_unref(late);
  store = scratch_store((cal_store_options){.is_inline = 1});
  assert_int_equal(3000, scratch_number(store, "SELECT COUNT(*) FROM events"));
  cal_store_close(store);
}

static void closing_does_not_wait_for_ever(void **state) {
  cal_store *store = scratch_store((cal_store_options){.close_ms = 1});
  struct answers answers = {0};
  const char *sql[] = {
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n",
      "INSERT INTO recordings (path, call_id, started_at_ms) VALUES ('a', '1', 1)"};
  for (int i = 0; i < 2; i++) {
    cal_store_request request = {.sql = sql[i], .on_done = collect, .context = &answers};
    assert_int_equal(0, cal_store_submit(store, &request));
  }
  cal_store_close(store);
  assert_int_equal(2, answers.count);
  for (int i = 0; i < 2; i++) assert_true(answers.codes[i] == -ESHUTDOWN || answers.codes[i] == -ECANCELED);
}

#define WRITERS 4
#define EACH 1000

struct writer {
  cal_store *store;
  pthread_t thread;
  int number;
  int answered; /* the store's thread writes it, and only it */
};

static void count(void *context, cal_store_result *result) {
  struct writer *writer = context;
  writer->answered += result->code == 0;
  cal_store_result_free(result);
}

static void *write_many(void *context) {
  struct writer *writer = context;
  for (int i = 0; i < EACH; i++) {
    cal_store_value params[] = {cal_store_integer(writer->number), cal_store_integer(i)};
    cal_store_request request = {.sql = "INSERT INTO events (call_id, at_ms, kind) VALUES ($1, $2, 'x')",
                                 .params = params,
                                 .param_count = 2,
                                 .on_done = count,
                                 .context = writer};
    while (cal_store_submit(writer->store, &request) == -ENOBUFS) sched_yield();
  }
  return NULL;
}

static void many_writers_keep_their_order(void **state) {
  cal_store *store = scratch_store((cal_store_options){.queue_ceiling = 256});
  struct writer writers[WRITERS];
  for (int i = 0; i < WRITERS; i++) {
    writers[i] = (struct writer){.store = store, .number = i};
    assert_int_equal(0, pthread_create(&writers[i].thread, NULL, write_many, &writers[i]));
  }
  for (int i = 0; i < WRITERS; i++) pthread_join(writers[i].thread, NULL);
  assert_int_equal(WRITERS * EACH, scratch_number(store, "SELECT COUNT(*) FROM events"));
  assert_int_equal(
      0, scratch_number(store, "SELECT COUNT(*) FROM events a JOIN events b"
                               " ON a.call_id = b.call_id AND a.at_ms + 1 = b.at_ms AND a.seq > b.seq"));
  cal_store_close(store);
  for (int i = 0; i < WRITERS; i++) assert_int_equal(EACH, writers[i].answered);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)
  const struct CMUnitTest tests[] = {
      IN_FOLDER(one_bad_statement_fails_alone),
      IN_FOLDER(what_waits_together_is_committed_together),
      IN_FOLDER(a_group_survives_a_statement_that_rolls_everything_back),
      IN_FOLDER(a_full_queue_refuses_what_comes_and_does_what_it_took),
      IN_FOLDER(closing_does_what_waits),
      IN_FOLDER(closing_does_not_wait_for_ever),
      IN_FOLDER(many_writers_keep_their_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
