/* Disk full and broken: calls go on, facts wait in order, it is shouted once. */
#include "store/scratch.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "store/migrations.h"
#include "store/sqlite.h"
#include "store/writer.h"

static cal_db *db;
static cal_writer *writer;

static int open_writer(void **state) {
  scratch_make(state);
  cal_sqlite_open(&db, &(cal_sqlite_options){.path = scratch("callisto.db"), .busy_timeout_ms = 1});
  cal_migrations_apply(db, "callisto.db", 1);
  writer = cal_alloc(sizeof *writer);
  cal_writer_init(
      writer, &(cal_writer_options){.db = db, .path = "callisto.db", .kept_ceiling = 100, .patience_ms = 1});
  return 0;
}

static int close_writer(void **state) {
  cal_writer_end(writer);
  writer = cal_free(writer);
  db = cal_db_close(db);
  return scratch_remove(state);
}

static void set_pages(const char *pages) {
  char sql[64];
  snprintf(sql, sizeof sql, "PRAGMA max_page_count=%s", pages);
  assert_int_equal(0, cal_db_script(db, sql));
}

static void collect_code(void *context, cal_store_result *result) {
  *(int *)context = result->code;
  cal_store_result_free(result);
}

enum { IS_FACT = 1 };

static void submit(const char *sql, cal_store_value value, int is_fact, int *code) {
  cal_item *item = NULL;
  cal_store_request request = {.sql = sql,
                               .params = &value,
                               .param_count = strstr(sql, "$1") != NULL,
                               .is_fact = is_fact,
                               .on_done = code ? collect_code : NULL,
                               .context = code};
  assert_int_equal(0, cal_item_new(&item, &request));
  cal_list items;
  cal_list_init(&items);
  cal_list_append(&items, &item->node);
  cal_writer_run(writer, &items, 1);
}

#define EVENT "INSERT INTO events (call_id, at_ms, kind, data) VALUES ('c', $1, 'x', hex(zeroblob(3000)))"

static int64_t count(const char *sql) {
  cal_store_result *result = NULL;
  assert_int_equal(0, cal_db_run(db, &result, sql, NULL, 0));
  int64_t number = result->values[0].integer;
  cal_store_result_free(result);
  return number;
}

static void facts_wait_for_a_full_disk_in_order(void **state) {
  set_pages("1"); /* no page more than there are */
  for (int i = 0; i < 20; i++) submit(EVENT, cal_store_integer(i), IS_FACT, NULL);
  assert_int_equal(-ENOSPC, atomic_load(&writer->trouble));
  assert_int_equal(1, scratch_shouts_now());
  uint32_t kept = atomic_load(&writer->kept_count);
  assert_true(kept > 10);
  assert_int_equal(20 - (int)kept, count("SELECT COUNT(*) FROM events"));

  int code = 1;
  submit("SELECT 1", cal_store_null(), 0, &code); /* reading goes on */
  assert_int_equal(0, code);
  submit("INSERT INTO recordings (path, call_id, started_at_ms) VALUES ('a', 'b', 1)", cal_store_null(), 0,
         &code); /* no overtaking */
  assert_int_equal(-ENOSPC, code);
  assert_int_equal(kept, atomic_load(&writer->kept_count));

  set_pages("100000");
  submit("INSERT INTO recordings (path, call_id, started_at_ms) VALUES ('a', 'b', 1)", cal_store_null(), 0,
         &code);
  assert_int_equal(0, code);
  assert_int_equal(0, atomic_load(&writer->trouble));
  assert_int_equal(0, atomic_load(&writer->kept_count));
  assert_int_equal(20, count("SELECT COUNT(*) FROM events"));
  assert_int_equal(
      0,
      count("SELECT COUNT(*) FROM events a JOIN events b ON a.seq + 1 = b.seq AND a.at_ms + 1 <> b.at_ms"));
  assert_int_equal(1, scratch_shouts_now());
}

static void a_second_episode_is_shouted_again(void **state) {
  for (int episode = 1; episode <= 2; episode++) {
    set_pages("1");
    for (int i = 0; i < 10; i++) submit(EVENT, cal_store_integer(i), IS_FACT, NULL);
    assert_int_equal(episode, scratch_shouts_now());
    set_pages("100000");
    submit(EVENT, cal_store_integer(10), IS_FACT, NULL);
    assert_int_equal(0, atomic_load(&writer->trouble));
  }
  assert_int_equal(22, count("SELECT COUNT(*) FROM events"));
}

static void whoever_waits_for_an_answer_hears_why_and_it_is_shouted_once(void **state) {
  set_pages("1");
  for (int i = 0; i < 5; i++) {
    int code = 0;
    submit("INSERT INTO recordings (path, call_id, started_at_ms) VALUES ('a', hex(zeroblob(9000)), $1)",
           cal_store_integer(i), 0, &code);
    assert_int_equal(-ENOSPC, code);
    submit("SELECT 1", cal_store_null(), 0, &code); /* that this goes well says nothing */
    assert_int_equal(0, code);
    assert_int_equal(-ENOSPC, atomic_load(&writer->trouble));
  }
  assert_int_equal(0, atomic_load(&writer->kept_count));
  assert_int_equal(1, scratch_shouts_now());
  set_pages("100000");
}

static void what_does_not_fit_among_the_kept_is_counted(void **state) {
  set_pages("1");
  for (int i = 0; i < 150; i++) submit(EVENT, cal_store_integer(i), IS_FACT, NULL);
  assert_int_equal(100, atomic_load(&writer->kept_count));
  assert_int_equal(150, 100 + count("SELECT COUNT(*) FROM events") + (int64_t)atomic_load(&writer->lost));
  assert_true(atomic_load(&writer->lost) > 0);
  assert_int_equal(2, scratch_shouts_now()); /* the disk, and the first fact that is lost */
  set_pages("100000");
}

static void a_wrong_fact_does_not_hold_up_the_others(void **state) {
  set_pages("1");
  for (int i = 0; i < 10; i++) submit(EVENT, cal_store_integer(i), IS_FACT, NULL);
  submit("INSERT INTO nowhere VALUES (1)", cal_store_null(), IS_FACT, NULL);
  submit("INSERT OR ROLLBACK INTO calls (id, direction, carrier, created_at_ms) VALUES ('c', 'UP', 'x', 1)",
         cal_store_null(), IS_FACT, NULL);
  submit(EVENT, cal_store_integer(10), IS_FACT, NULL);
  set_pages("100000");
  submit(EVENT, cal_store_integer(11), IS_FACT, NULL);
  assert_int_equal(12, count("SELECT COUNT(*) FROM events"));
  assert_int_equal(0, atomic_load(&writer->kept_count));
  assert_int_equal(2, atomic_load(&writer->failed));
}

static void a_fact_with_an_asker_is_answered_at_once_and_written_later(void **state) {
  set_pages("1");
  for (int i = 0; !atomic_load(&writer->kept_count); i++) submit(EVENT, cal_store_integer(i), IS_FACT, NULL);
  int code = 1;
  submit("INSERT INTO recordings (path, call_id, started_at_ms) VALUES ('a', 'b', $1)", cal_store_integer(7),
         IS_FACT, &code);
  assert_int_equal(-ENOSPC, code);
  /* What is known of it meanwhile is written behind it, so it finds its row. */
  submit("UPDATE recordings SET ended_at_ms = $1 WHERE path = 'a'", cal_store_integer(9), IS_FACT, NULL);
  set_pages("100000");
  code = 1;
  submit(EVENT, cal_store_integer(10), IS_FACT, &code);
  assert_int_equal(0, code);
  assert_int_equal(9, count("SELECT ended_at_ms FROM recordings"));
}

/* Only the first waits for the lock; during trouble the store does not stand still for each of the others. */
static void a_lock_is_waited_for_once(void **state) {
  cal_db *other = NULL;
  assert_int_equal(0, cal_sqlite_open(&other, &(cal_sqlite_options){.path = scratch("callisto.db")}));
  assert_int_equal(0, cal_db_begin(other));
  writer->patience_ms = 50;
  cal_db_patience(db, 50);
  uint64_t before_ns = cal_clock_now_ns(cal_clock_real());
  for (int i = 0; i < 1000; i++) {
    int code = 0;
    submit("UPDATE recordings SET samples = $1", cal_store_integer(i), 0, &code);
    assert_int_equal(-EBUSY, code);
  }
  uint64_t waited_ns = cal_clock_now_ns(cal_clock_real()) - before_ns;
  assert_true(waited_ns >= 50 * CAL_MS);
  assert_true(waited_ns < 1000 * 50 * CAL_MS); /* what waiting for each would take at least */
  cal_db_rollback(other);
  cal_db_close(other);
}

static void another_program_with_the_lock_is_waited_for(void **state) {
  cal_db *other = NULL;
  assert_int_equal(0, cal_sqlite_open(&other, &(cal_sqlite_options){.path = scratch("callisto.db"),
                                                                    .busy_timeout_ms = 1}));
  assert_int_equal(0, cal_db_begin(other));
  submit(EVENT, cal_store_integer(1), IS_FACT, NULL);
  assert_int_equal(-EBUSY, atomic_load(&writer->trouble));
  cal_db_rollback(other);
  submit(EVENT, cal_store_integer(2), IS_FACT, NULL);
  assert_int_equal(0, atomic_load(&writer->trouble));
  assert_int_equal(2, count("SELECT COUNT(*) FROM events"));
  cal_db_close(other);
}

/* The whole store over a disk that really refuses to write: no file may grow beyond the size it has. */
static void set_file_limit(rlim_t bytes) {
  struct rlimit limit;
  assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &limit));
  limit.rlim_cur = bytes;
  assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &limit));
}

static void calls_go_on_while_the_disk_refuses(void **state) {
  cal_store *store = scratch_store((cal_store_options){.retry_ms = 1});
  assert_int_equal(0, scratch_line(store, "c", 1, "agent", "Hello."));
  assert_int_equal(1, scratch_number(store, "SELECT COUNT(*) FROM transcript"));
  struct stat log;
  assert_int_equal(0, stat(scratch("callisto.db-wal"), &log));
  struct rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  set_file_limit((rlim_t)log.st_size);
  for (int i = 2; i <= 500; i++) assert_int_equal(0, scratch_line(store, "c", i, "caller", "Yes, please."));
  assert_int_equal(1, scratch_number(store, "SELECT COUNT(*) FROM transcript"));
  cal_store_stats stats;
  cal_store_stats_now(store, &stats);
  assert_int_equal(499, stats.kept);
  assert_int_not_equal(0, stats.trouble);
  assert_int_equal(1, scratch_shouts_now());
  set_file_limit(before.rlim_cur);
  do {
    assert_int_equal(0, scratch_do(store, "SELECT 1"));
    cal_store_stats_now(store, &stats);
  } while (stats.kept);
  assert_int_equal(500, scratch_number(store, "SELECT COUNT(*) FROM transcript WHERE seq = at_ms"));
  cal_store_stats_now(store, &stats);
  assert_int_equal(0, stats.trouble);
  assert_int_equal(0, stats.lost);
  assert_int_equal(1, scratch_shouts_now());
  cal_store_close(store);
}

static void closing_with_facts_that_cannot_be_written_says_how_many(void **state) {
  cal_store *store = scratch_store((cal_store_options){0});
  assert_int_equal(0, scratch_line(store, "c", 1, "agent", "Hello."));
  assert_int_equal(1, scratch_number(store, "SELECT COUNT(*) FROM transcript"));
  struct rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  set_file_limit(1);
  for (int i = 0; i < 5; i++) scratch_line(store, "c", 2, "caller", "Yes.");
  cal_store *late = cal_ref(store);
  cal_store_close(store);
  set_file_limit(before.rlim_cur);
  cal_store_stats stats;
  cal_store_stats_now(late, &stats);
  assert_int_equal(5, stats.lost);
  cal_unref(late);
  store = scratch_store((cal_store_options){.is_inline = 1}); /* and what was there before is there still */
  assert_int_equal(1, scratch_number(store, "SELECT COUNT(*) FROM transcript"));
  cal_store_close(store);
}

int main(void) {
#define WITH_WRITER(test) cmocka_unit_test_setup_teardown(test, open_writer, close_writer)
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)
  const struct CMUnitTest tests[] = {
      WITH_WRITER(facts_wait_for_a_full_disk_in_order),
      WITH_WRITER(a_second_episode_is_shouted_again),
      WITH_WRITER(whoever_waits_for_an_answer_hears_why_and_it_is_shouted_once),
      WITH_WRITER(what_does_not_fit_among_the_kept_is_counted),
      WITH_WRITER(a_wrong_fact_does_not_hold_up_the_others),
      WITH_WRITER(a_fact_with_an_asker_is_answered_at_once_and_written_later),
      WITH_WRITER(a_lock_is_waited_for_once),
      WITH_WRITER(another_program_with_the_lock_is_waited_for),
      IN_FOLDER(calls_go_on_while_the_disk_refuses),
      IN_FOLDER(closing_with_facts_that_cannot_be_written_says_how_many),
  };
  signal(SIGXFSZ, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
