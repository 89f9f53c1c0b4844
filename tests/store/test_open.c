/* Opening a store: folders, what is in the file, who else has it. */
#include "store/scratch.h"

#include <errno.h>
#include <sys/file.h>

#include "base/error.h"
#include "base/mem.h"
#include "store/migrations.h"
#include "store/sqlite.h"

static void opens_an_empty_place_and_again(void **state) {
  for (int round = 0; round < 2; round++) {
    cal_store *store = scratch_store((cal_store_options){.path = scratch("a/b/callisto.db"), .is_inline = 1});
    assert_int_equal(cal_migrations_latest(),
                     scratch_number(store, "SELECT COUNT(*) FROM schema_migrations"));
    assert_int_equal(
        0, scratch_number(store, "SELECT COUNT(*) FROM calls, legs, events, transcript, recordings"));
    cal_store_close(store);
  }
  assert_int_not_equal(0, access(scratch("a/b/callisto.db-wal"), F_OK)); /* closing checkpoints */
}

static char *read_text(const char *path) {
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  char *text = cal_alloc(64 * 1024);
  size_t bytes = fread(text, 1, 64 * 1024 - 1, file);
  text[bytes] = 0;
  fclose(file);
  return text;
}

/* A file as a callisto of schema 3 left it. */
static void lay_down_schema_3(const char *path) {
  cal_db *db = NULL;
  char *dump = read_text(CAL_SOURCE_DIR "/tests/store/data/schema_3.sql");
  assert_int_equal(0, cal_sqlite_open(&db, &(cal_sqlite_options){.path = path}));
  assert_int_equal(0, cal_db_script(db, dump));
  assert_null(cal_db_close(db));
  cal_free(dump);
}

static void an_older_database_is_carried_over_without_loss(void **state) {
  lay_down_schema_3(scratch("callisto.db"));
  cal_store *store = scratch_store((cal_store_options){.is_inline = 1});
  assert_int_equal(cal_migrations_latest(),
                   scratch_number(store, "SELECT MAX(version) FROM schema_migrations"));
  const struct {
    const char *sql, *text;
  } facts[] = {
      {"SELECT COUNT(*) || ' ' || SUM(created_at_ms % 1000) || ' ' || GROUP_CONCAT(outcome) FROM"
       " (SELECT * FROM calls ORDER BY created_at_ms)",
       "3 1447 CONFIRMED,DECLINED,NO_ANSWER"},
      {"SELECT carrier || ' ' || direction || ' ' || provider_hangup_cause || ' ' || payload FROM calls"
       " WHERE outcome = 'NO_ANSWER'",
       "twilio OUTBOUND SIP 486"
       " {\"address\":\"twelve Lake Road\",\"customer_name\":\"Chloe\",\"order_id\":\"4711\"}"},
      {"SELECT COUNT(*) || ' ' || MAX(seq) || ' ' || SUM(LENGTH(data)) FROM events", "27 55 1705"},
      {"SELECT COUNT(*) || ' ' || SUM(LENGTH(text)) || ' ' || SUM(LENGTH(heard_text)) FROM transcript",
       "9 257 161"},
      {"SELECT GROUP_CONCAT(state || ' ' || samples || ' ' || bytes) FROM recordings ORDER BY path",
       "COMPLETE 101920 407680,COMPLETE 61920 247680"},
  };
  for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
    scratch_expect(store, facts[i].sql, facts[i].text);
  /* What had no writer is gone, and numbers of events go on where they were. */
  assert_int_equal(-EINVAL, scratch_do(store, "SELECT 1 FROM leads"));
  assert_int_equal(-EINVAL, scratch_do(store, "SELECT 1 FROM settings"));
  assert_int_equal(68, scratch_number(store, "INSERT INTO events (call_id, at_ms, kind) VALUES ('c', 1, 'x')"
                                             " RETURNING seq"));
  cal_store_close(store);
}

static void a_newer_schema_is_refused(void **state) {
  cal_store *store = scratch_store((cal_store_options){.is_inline = 1});
  assert_int_equal(0, scratch_do(store, "INSERT INTO schema_migrations VALUES (99, 'later', 1)"));
  cal_store_close(store);
  cal_store_options options = {.path = scratch("callisto.db"), .node = "node-1", .is_inline = 1};
  assert_int_equal(-ENOTSUP, cal_store_open(&store, &options));
  assert_non_null(strstr(cal_error_text(), "schema 99"));
  assert_non_null(strstr(cal_error_text(), "newer callisto"));
}

static void fill(const char *path, size_t bytes) {
  FILE *file = fopen(path, "r+");
  if (!file) file = fopen(path, "w");
  assert_non_null(file);
  for (size_t i = 0; i < bytes; i++) fputc("not a database "[i % 15], file);
  fclose(file);
}

static void what_is_no_database_is_refused(void **state) {
  cal_store *store = NULL;
  cal_store_options options = {.path = scratch("callisto.db"), .is_inline = 1};
  fill(options.path, 10000);
  assert_int_equal(-EBADMSG, cal_store_open(&store, &options));
  assert_non_null(strstr(cal_error_text(), options.path));
  assert_non_null(strstr(cal_error_text(), "restore a backup"));
  assert_null(store);
}

/* The first page stays, so it is a database still. */
static const char *lay_down_damaged(void) {
  cal_store_close(scratch_store((cal_store_options){.is_inline = 1}));
  const char *path = scratch("callisto.db");
  FILE *file = fopen(path, "r+");
  fseek(file, 4096, SEEK_SET);
  for (int i = 0; i < 8192; i++) fputc(0x5a, file);
  fclose(file);
  return path;
}

static void a_damaged_database_is_refused(void **state) {
  cal_store *store = NULL;
  cal_store_options options = {.path = lay_down_damaged(), .is_inline = 1};
  assert_int_equal(-EBADMSG, cal_store_open(&store, &options));
}

static void damage_in_a_large_database_shows_when_it_is_read(void **state) {
  cal_db *db = NULL;
  cal_store_result *result = NULL;
  cal_sqlite_options options = {.path = lay_down_damaged(), .check_bytes = 4096};
  assert_int_equal(0, cal_sqlite_open(&db, &options));
  int code = cal_db_run(db, &result, "SELECT * FROM schema_migrations", NULL, 0);
  assert_int_equal(-EBADMSG, code);
  assert_true(cal_db_is_trouble(code));
  cal_store_result_free(result);
  cal_db_close(db);
}

static void an_unwritable_folder_says_what_to_do(void **state) {
  mkdir(scratch("closed"), 0500);
  cal_store *store = NULL;
  cal_store_options options = {.path = scratch("closed/callisto.db"), .node = "node-1"};
  int is_root = geteuid() == 0;
  if (is_root) {
    assert_int_equal(0, chmod(scratch_folder, 0755));
    assert_int_equal(0, seteuid(65534));
  }
  int code = cal_store_open(&store, &options);
  options.path = scratch("closed/deeper/callisto.db");
  int deeper = cal_store_open(&store, &options);
  if (is_root) assert_int_equal(0, seteuid(0));
  assert_int_equal(-EACCES, code);
  assert_int_equal(-EACCES, deeper);
  assert_non_null(strstr(cal_error_text(), "chown"));
  assert_null(strchr(cal_error_text(), '\n'));
}

static void a_file_in_the_way_says_what_to_do(void **state) {
  fill(scratch("file"), 3);
  cal_store *store = NULL;
  cal_store_options options = {.path = scratch("file/callisto.db"), .node = "node-1"};
  assert_int_equal(-ENOTDIR, cal_store_open(&store, &options));
  assert_non_null(strstr(cal_error_text(), "remove that file"));
}

static void a_node_that_lives_keeps_its_calls(void **state) {
  cal_store *first = scratch_store((cal_store_options){.is_inline = 1});
  cal_store *second = NULL;
  cal_store_options options = {.path = scratch("callisto.db"), .node = "node-1", .is_inline = 1};
  assert_int_equal(-EBUSY, cal_store_open(&second, &options));
  assert_non_null(strstr(cal_error_text(), "node-1"));
  options.node = "node-2";
  assert_int_equal(0, cal_store_open(&second, &options));
  cal_store_close(second);
  options.node = NULL; /* a visitor is always welcome */
  assert_int_equal(0, cal_store_open(&second, &options));
  cal_store_close(second);
  cal_store_close(first);
}

static void bad_options_are_named(void **state) {
  cal_store *store = NULL;
  assert_int_equal(-EINVAL, cal_store_open(&store, &(cal_store_options){0}));
  assert_int_equal(-EINVAL, cal_store_open(&store, &(cal_store_options){.path = ":memory:"}));
  assert_int_equal(-EINVAL,
                   cal_store_open(&store, &(cal_store_options){.path = scratch("x.db"), .node = "a/b"}));
  assert_int_equal(-EINVAL,
                   cal_store_open(&store, &(cal_store_options){.path = scratch("x.db"), .node = ""}));
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)
  const struct CMUnitTest tests[] = {
      IN_FOLDER(opens_an_empty_place_and_again),
      IN_FOLDER(an_older_database_is_carried_over_without_loss),
      IN_FOLDER(a_newer_schema_is_refused),
      IN_FOLDER(what_is_no_database_is_refused),
      IN_FOLDER(a_damaged_database_is_refused),
      IN_FOLDER(damage_in_a_large_database_shows_when_it_is_read),
      IN_FOLDER(an_unwritable_folder_says_what_to_do),
      IN_FOLDER(a_file_in_the_way_says_what_to_do),
      IN_FOLDER(a_node_that_lives_keeps_its_calls),
      IN_FOLDER(bad_options_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
