/* What a request may say and what its answer looks like; on an inline store in memory. */
#include "store/scratch.h"

#include <errno.h>

#include "base/mem.h"
#include "store/sqlite.h"

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

static void every_type_comes_back(void **state) {
  cal_store_value params[] = {
      cal_store_integer(INT64_MIN),          cal_store_real(0.5), cal_store_text("naïve"),
      cal_store_blob((cal_span){"a\0b", 3}), cal_store_null(),    cal_store_text("")};
  cal_store_request request = {.sql = "SELECT $1 AS i, $2 AS r, $3 AS t, $4 AS b, $5 AS n, $6 AS e",
                               .params = params,
                               .param_count = 6};
  cal_store_result *result = NULL;
  assert_int_equal(0, cal_store_wait(store, &result, &request));
  assert_int_equal(1, result->rows);
  assert_int_equal(6, result->columns);
  assert_string_equal("", result->error);
  assert_true(cal_store_at(result, 0, "i")->integer == INT64_MIN);
  assert_true(cal_store_at(result, 0, "r")->real == 0.5);
  assert_string_equal("naïve", cal_store_at(result, 0, "t")->bytes.at);
  assert_int_equal(3, cal_store_at(result, 0, "b")->bytes.bytes);
  assert_memory_equal("a\0b", cal_store_at(result, 0, "b")->bytes.at, 3);
  assert_int_equal(CAL_STORE_NULL, cal_store_at(result, 0, "n")->type);
  assert_string_equal("", cal_store_at(result, 0, "e")->bytes.at);
  assert_null(cal_store_at(result, 0, "nothing"));
  assert_null(cal_store_at(result, 1, "i"));
  cal_store_result_free(result);
}

static void a_text_that_is_not_utf_8_is_made_so(void **state) {
  cal_store_value params[] = {cal_store_text("Jos\xE9"), cal_store_blob((cal_span){"Jos\xE9", 4})};
  cal_store_request request = {.sql = "SELECT $1 AS t, $2 AS b", .params = params, .param_count = 2};
  cal_store_result *result = NULL;
  assert_int_equal(0, cal_store_wait(store, &result, &request));
  assert_string_equal("Jos\xEF\xBF\xBD", cal_store_at(result, 0, "t")->bytes.at);
  assert_int_equal(6, cal_store_at(result, 0, "t")->bytes.bytes);
  assert_string_equal("Jos\xE9", cal_store_at(result, 0, "b")->bytes.at);
  cal_store_result_free(result);
  scratch_expect(store, "SELECT CAST(X'4AFF' AS TEXT)", "J\xEF\xBF\xBD"); /* of an older callisto */
}

static void parameters_go_by_number(void **state) {
  cal_store_value params[] = {cal_store_text("one"), cal_store_text("two")};
  cal_store_request request = {.sql = "SELECT $2 || $1 || $2 AS t", .params = params, .param_count = 2};
  cal_store_result *result = NULL;
  assert_int_equal(0, cal_store_wait(store, &result, &request));
  assert_string_equal("twoonetwo", cal_store_at(result, 0, "t")->bytes.at);
  cal_store_result_free(result);
}

static void wrong_requests_are_refused_with_a_reason(void **state) {
  cal_store_value two[] = {cal_store_integer(1), cal_store_integer(2)};
  const struct {
    const char *what, *sql;
    uint32_t params;
    int code;
  } cases[] = {
      {"too many parameters", "SELECT $1", 2, -EINVAL},
      {"too few parameters", "SELECT $1, $2", 1, -EINVAL},
      {"a named parameter", "SELECT :name", 1, -EINVAL},
      {"no SQL", "hello", 0, -EINVAL},
      {"nothing", "  ", 0, -EINVAL},
      {"a comment", "-- nothing", 0, -EINVAL},
      {"two statements", "SELECT 1; DELETE FROM calls", 0, -EINVAL},
      {"a comment behind it", "SELECT 1; -- and so on", 0, -EINVAL},
      {"the end of our transaction", "COMMIT", 0, -EPERM},
      {"a transaction", "BEGIN IMMEDIATE", 0, -EPERM},
      {"our savepoint", "RELEASE request", 0, -EPERM},
      {"another file", "ATTACH 'x.db' AS x", 0, -EPERM},
      {"a pragma", "PRAGMA synchronous=OFF", 0, -EPERM},
      {"a table", "CREATE TABLE mine (a)", 0, -EPERM},
      {"the guard of the events", "DROP TRIGGER events_are_not_deleted", 0, -EPERM},
      {"a vacuum", "VACUUM", 0, -EINVAL},
      {"the check of a column",
       "INSERT INTO calls (id, direction, carrier, created_at_ms) VALUES ('a', 'UP', 'x', 1)", 0, -EINVAL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cal_store_request request = {.sql = cases[i].sql, .params = two, .param_count = cases[i].params};
    cal_store_result *result = NULL;
    int code = cal_store_wait(store, &result, &request);
    if (code != cases[i].code) fail_msg("%s: %d (%s)", cases[i].what, code, result->error);
    assert_true(strlen(result->error) > 0);
    cal_store_result_free(result);
  }
  assert_int_equal(0, scratch_number(store, "SELECT COUNT(*) FROM calls")); /* and the store still works */
}

#define CALL(id, at)                                                                                         \
  "INSERT INTO calls (id, direction, carrier, created_at_ms) VALUES ('" id "', 'INBOUND', 'x', " #at ")"

static void a_claim_is_one_statement(void **state) {
  assert_int_equal(0, scratch_do(store, CALL("late", 200)));
  assert_int_equal(0, scratch_do(store, CALL("early", 100)));
  const char *claim = "UPDATE calls SET node = 'me' WHERE id = (SELECT id FROM calls WHERE node = ''"
                      " ORDER BY created_at_ms LIMIT 1) RETURNING id";
  scratch_expect(store, claim, "early");
  scratch_expect(store, claim, "late");
  cal_store_result *none = scratch_ask(store, claim);
  assert_int_equal(0, none->code);
  assert_int_equal(0, none->rows);
  assert_int_equal(0, none->changes);
  cal_store_result_free(none);
}

static void a_second_key_is_told_from_other_mistakes(void **state) {
  assert_int_equal(0, scratch_do(store, CALL("a", 1)));
  assert_int_equal(-EEXIST, scratch_do(store, CALL("a", 1)));
  const char *call = "INSERT INTO calls (id, direction, carrier, carrier_call_id, created_at_ms)"
                     " VALUES (hex(randomblob(4)), 'INBOUND', 'twilio', 'CA1', 1)";
  assert_int_equal(0, scratch_do(store, call));
  assert_int_equal(-EEXIST, scratch_do(store, call)); /* one call of a carrier is one call of ours */
}

#define NUMBERS(n) "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " #n ") "

static void an_answer_too_large_is_undone(void **state) {
  assert_int_equal(-EMSGSIZE, scratch_do(store, NUMBERS(100001) "SELECT i FROM n"));
  assert_int_equal(0, scratch_do(store, NUMBERS(100000) "SELECT i FROM n"));
  assert_int_equal(-EMSGSIZE, scratch_do(store, NUMBERS(20) "SELECT hex(zeroblob(500000)) FROM n"));
  assert_int_equal(-EMSGSIZE,
                   scratch_do(store, NUMBERS(100001) "INSERT INTO recordings (path, call_id, started_at_ms) "
                                                     "SELECT i, '', 1 FROM n RETURNING path"));
  assert_int_equal(0, scratch_number(store, "SELECT COUNT(*) FROM recordings"));
}

static void a_request_too_large_is_refused(void **state) {
  char *text = cal_alloc(CAL_STORE_REQUEST_BYTES + 1);
  memset(text, 'x', CAL_STORE_REQUEST_BYTES);
  cal_store_value large = cal_store_text(text);
  assert_int_equal(-EMSGSIZE,
                   cal_store_submit(store, &(cal_store_request){"SELECT $1", &large, 1, 0, NULL, NULL}));
  cal_store_value many[CAL_STORE_PARAMS + 1] = {0};
  cal_store_request request = {.sql = "SELECT 1", .params = many, .param_count = CAL_STORE_PARAMS + 1};
  assert_int_equal(-EINVAL, cal_store_submit(store, &request));
  cal_free(text);
}

static void events_are_only_appended(void **state) {
  assert_int_equal(0, scratch_do(store, CALL("c", 1)));
  assert_int_equal(
      0, scratch_do(store, "INSERT INTO events (call_id, at_ms, kind) VALUES ('c', 1, 'call.started')"));
  assert_int_equal(-EINVAL, scratch_do(store, "UPDATE events SET kind = 'x'"));
  assert_int_equal(-EINVAL, scratch_do(store, "DELETE FROM events"));
  assert_int_equal(
      -EINVAL,
      scratch_do(store, "INSERT OR REPLACE INTO events (seq, call_id, at_ms, kind) VALUES (1, 'c', 2, 'x')"));
  assert_int_equal(-EINVAL,
                   scratch_do(store, "INSERT INTO events (seq, call_id, at_ms, kind) VALUES (1, 'c', 2, 'x')"
                                     " ON CONFLICT (seq) DO UPDATE SET kind = 'x'"));
  scratch_expect(store, "SELECT kind FROM events", "call.started");
  assert_int_equal(1, scratch_number(store, "SELECT COUNT(*) FROM events"));
}

static void a_call_is_deleted_whole(void **state) {
  static const char *const tables[] = {"calls", "legs", "events", "transcript", "recordings"};
  char sql[100];
  for (int i = 0; i < 2; i++) {
    const char *id = i ? "stays" : "goes";
    assert_int_equal(0, scratch_do(store, i ? CALL("stays", 1) : CALL("goes", 1)));
    snprintf(sql, sizeof sql,
             "INSERT INTO legs (id, call_id, role, started_at_ms) VALUES ('%s', '%s', 'caller', 1)", id, id);
    assert_int_equal(0, scratch_do(store, sql));
    scratch_line(store, id, 2, "caller", "hello");
    assert_int_equal(0, cal_store_event(store, id, 3, "call.answered", NULL));
    assert_int_equal(0, cal_store_recording_begin(store, id, id, 4));
  }
  assert_int_equal(0, scratch_do(store, "DELETE FROM calls WHERE id = 'goes'"));
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM %s", tables[i]);
    assert_int_equal(1, scratch_number(store, sql));
  }
}

static void a_statement_cannot_roll_back_its_neighbours(void **state) {
  assert_int_equal(
      0, scratch_do(store, "INSERT INTO recordings (path, call_id, started_at_ms) VALUES ('a', '1', 1)"));
  assert_int_equal(
      -EEXIST,
      scratch_do(store,
                 "INSERT OR ROLLBACK INTO recordings (path, call_id, started_at_ms) VALUES ('a', '2', 1)"));
  assert_int_equal(
      0, scratch_do(store, "INSERT INTO recordings (path, call_id, started_at_ms) VALUES ('b', '1', 1)"));
  assert_int_equal(2, scratch_number(store, "SELECT COUNT(*) FROM recordings"));
}

static void statements_are_kept_up_to_a_ceiling(void **state) {
  cal_db *db = NULL;
  assert_int_equal(0, cal_sqlite_open(&db, &(cal_sqlite_options){.path = ":memory:"}));
  char sql[64];
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < 300; i++) {
      snprintf(sql, sizeof sql, "SELECT %d AS n", i);
      cal_store_result *result = NULL;
      assert_int_equal(0, cal_db_run(db, &result, sql, NULL, 0));
      assert_int_equal(i, cal_store_at(result, 0, "n")->integer);
      cal_store_result_free(result);
    }
  assert_int_equal(128, cal_sqlite_statements(db));
  cal_db_close(db);
}

static void chain(void *context, cal_store_result *result) {
  int *left = context;
  cal_store_result_free(result);
  if (--*left == 0) return;
  cal_store_request next = {.sql = "INSERT INTO events (call_id, at_ms, kind) VALUES ('c', 1, 'x')",
                            .on_done = chain,
                            .context = left};
  assert_int_equal(0, cal_store_submit(store, &next));
}

static void an_answer_may_ask_again(void **state) {
  int left = 5;
  assert_int_equal(0, cal_store_submit(store, &(cal_store_request){
                                                  .sql = "SELECT 1", .on_done = chain, .context = &left}));
  assert_int_equal(0, left); /* inline: all of it has happened */
  assert_int_equal(4, scratch_number(store, "SELECT COUNT(*) FROM events"));
}

static void a_closed_store_answers_politely(void **state) {
  cal_store *late = cal_ref(store);
  store = cal_store_close(store);
  assert_int_equal(-ESHUTDOWN, cal_store_submit(late, &(cal_store_request){.sql = "SELECT 1"}));
  cal_unref(late);
}

int main(void) {
#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, open_memory, close_memory)
  const struct CMUnitTest tests[] = {
      IN_MEMORY(every_type_comes_back),
      IN_MEMORY(a_text_that_is_not_utf_8_is_made_so),
      IN_MEMORY(parameters_go_by_number),
      IN_MEMORY(wrong_requests_are_refused_with_a_reason),
      IN_MEMORY(a_claim_is_one_statement),
      IN_MEMORY(a_second_key_is_told_from_other_mistakes),
      IN_MEMORY(an_answer_too_large_is_undone),
      IN_MEMORY(a_request_too_large_is_refused),
      IN_MEMORY(events_are_only_appended),
      IN_MEMORY(a_call_is_deleted_whole),
      IN_MEMORY(a_statement_cannot_roll_back_its_neighbours),
      IN_MEMORY(statements_are_kept_up_to_a_ceiling),
      IN_MEMORY(an_answer_may_ask_again),
      IN_MEMORY(a_closed_store_answers_politely),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
