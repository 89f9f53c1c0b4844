#include "store/sqlite.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/folder.h"
#include "store/rows.h"

#define STATEMENTS 128
#define CHECK_BYTES ((uint64_t)256 * 1024 * 1024)
#define PROGRESS_STEPS 10000 /* of SQLite's machine: well below a millisecond */

/* Our own statements. Kept apart from the cache, where a request with the same text would find them. */
enum own { BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, UNDO, OWN };
static const char *const own_text[OWN] = {"BEGIN IMMEDIATE",   "COMMIT",          "ROLLBACK",
                                          "SAVEPOINT request", "RELEASE request", "ROLLBACK TO request"};

struct statement {
  uint64_t hash;
  uint64_t used; /* tick of the last use; the oldest makes room */
  char *sql;
  sqlite3_stmt *prepared;
};

typedef struct connection {
  cal_db base; /* first: what the rest of the store knows of it */
  sqlite3 *sqlite;
  sqlite3_stmt *own[OWN];
  struct statement statements[STATEMENTS];
  uint32_t statement_count;
  uint64_t tick;
  atomic_int is_stopped;
  int is_serving; /* a request's own text is being compiled or run: only plain statements are allowed */
  cal_rows rows;
} connection;

static connection *of(cal_db *base) { return (connection *)base; }

static int errno_of(sqlite3 *sqlite, int rc) {
  switch (rc & 0xff) {
  case SQLITE_OK:
  case SQLITE_ROW:
  case SQLITE_DONE:
    return 0;
  case SQLITE_FULL:
    return -ENOSPC;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return -EBUSY;
  case SQLITE_READONLY:
    return -EROFS;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return -EBADMSG;
  case SQLITE_CANTOPEN:
    return -EACCES;
  case SQLITE_AUTH:
    return -EPERM;
  case SQLITE_INTERRUPT:
    return -ECANCELED;
  case SQLITE_TOOBIG:
    return -EMSGSIZE;
  case SQLITE_NOMEM:
    return -ENOMEM;
  case SQLITE_IOERR: {
    int error = sqlite ? sqlite3_system_errno(sqlite) : 0;
    return error == ENOSPC || error == EDQUOT ? -ENOSPC : -EIO;
  }
  case SQLITE_CONSTRAINT:
    return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
                   rc == SQLITE_CONSTRAINT_ROWID
               ? -EEXIST
               : -EINVAL;
  default:
    return -EINVAL;
  }
}

static int fail(connection *db, int rc) {
  return cal_fail(errno_of(db->sqlite, rc), "%s", sqlite3_errmsg(db->sqlite));
}

static int is_stopped(void *context) { return atomic_load(&((connection *)context)->is_stopped); }

static int authorize(void *context, int action, const char *a, const char *b, const char *database,
                     const char *trigger) {
  connection *db = context;
  if (!db->is_serving) return SQLITE_OK;
  switch (action) {
  case SQLITE_SELECT:
  case SQLITE_READ:
  case SQLITE_INSERT:
  case SQLITE_UPDATE:
  case SQLITE_DELETE:
  case SQLITE_FUNCTION:
  case SQLITE_RECURSIVE:
    return SQLITE_OK;
  default:
    return SQLITE_DENY;
  }
}

static int run_script(connection *db, const char *sql) {
  int rc = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);
  return rc == SQLITE_OK ? 0 : fail(db, rc);
}

/* What a pragma says in its first row. */
static int ask(connection *db, const char *pragma, char *said, size_t room) {
  sqlite3_stmt *prepared = NULL;
  int rc = sqlite3_prepare_v2(db->sqlite, pragma, -1, &prepared, NULL);
  if (rc == SQLITE_OK) rc = sqlite3_step(prepared);
  int code = rc == SQLITE_ROW ? 0 : fail(db, rc == SQLITE_DONE ? SQLITE_ERROR : rc);
  const char *text = code ? NULL : (const char *)sqlite3_column_text(prepared, 0);
  sqlite3_snprintf((int)room, said, "%s", text ? text : "");
  sqlite3_finalize(prepared);
  return code;
}

static int prepare_own(connection *db) {
  for (int i = 0; i < OWN; i++) {
    int rc = sqlite3_prepare_v3(db->sqlite, own_text[i], -1, SQLITE_PREPARE_PERSISTENT, &db->own[i], NULL);
    if (rc != SQLITE_OK) return fail(db, rc);
  }
  return 0;
}

/* The start of a large database must not take minutes. */
static int quick_check(connection *db, const cal_sqlite_options *options) {
  struct stat about;
  uint64_t most = options->check_bytes ? options->check_bytes : CHECK_BYTES;
  if (stat(options->path, &about) == 0 && (uint64_t)about.st_size > most) {
    cal_log(CAL_LOG_INFO, "store", NULL,
            "%s has %lld bytes and is not checked at start; check it with: sqlite3 %s 'PRAGMA quick_check'",
            options->path, (long long)about.st_size, options->path);
    return 0;
  }
  char said[256];
  int code = ask(db, "PRAGMA quick_check(1)", said, sizeof said);
  if (code) return code;
  return strcmp(said, "ok") == 0 ? 0 : cal_fail(-EBADMSG, "%s", said);
}

static int set_up(connection *db, const cal_sqlite_options *options) {
  sqlite3_extended_result_codes(db->sqlite, 1);
  sqlite3_busy_timeout(db->sqlite, (int)options->busy_timeout_ms);
  sqlite3_set_authorizer(db->sqlite, authorize, db);
  sqlite3_progress_handler(db->sqlite, PROGRESS_STEPS, is_stopped, db);
  sqlite3_limit(db->sqlite, SQLITE_LIMIT_LENGTH, CAL_STORE_RESULT_BYTES);
  char said[256];
  int code = ask(db, "PRAGMA journal_mode=WAL", said, sizeof said);
  if (code) return code;
  if (strcmp(said, "wal") != 0 && strcmp(said, "memory") != 0)
    cal_log(CAL_LOG_WARN, "store", NULL,
            "%s: the file system allows no write-ahead log (journal: %s), commits are slower", options->path,
            said);
  code =
      run_script(db, "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=67108864;"
                     "PRAGMA trusted_schema=OFF;");
  if (!code) code = prepare_own(db);
  return code ? code : quick_check(db, options);
}

/* SQLite's words are for programmers; an operator needs the file and the remedy. */
static int explain(int code, const char *path) {
  switch (code) {
  case -EBADMSG:
    return cal_fail(code, "%s is not a database, or it is damaged (%s): move it away or restore a backup",
                    path, cal_error_text());
  case -ENOSPC:
    return cal_fail(code, "cannot open the database %s, because the disk is full: free some space", path);
  case -EBUSY:
    return cal_fail(code, "the database %s is locked by another program: close that program first", path);
  case -EROFS:
  case -EACCES:
    return cal_fail(code,
                    "cannot write to the database %s (%s): give its files to the user who runs callisto",
                    path, cal_error_text());
  default:
    return cal_fail(code, "cannot open the database %s: %s", path, cal_error_text());
  }
}

static void forget(struct statement *statement) {
  sqlite3_finalize(statement->prepared);
  statement->sql = cal_free(statement->sql);
}

static uint64_t hash_of(const char *text) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (; *text; text++) hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
  return hash;
}

static sqlite3_stmt *remember(connection *db, sqlite3_stmt *prepared, uint64_t hash, const char *sql) {
  struct statement *place = &db->statements[0];
  if (db->statement_count < STATEMENTS) {
    place = &db->statements[db->statement_count++];
  } else {
    for (uint32_t i = 1; i < STATEMENTS; i++)
      if (db->statements[i].used < place->used) place = &db->statements[i];
    forget(place);
  }
  *place = (struct statement){hash, ++db->tick, cal_strdup(sql), prepared};
  return prepared;
}

static int compile(connection *db, sqlite3_stmt **result, const char *sql) {
  uint64_t hash = hash_of(sql);
  for (uint32_t i = 0; i < db->statement_count; i++) {
    struct statement *known = &db->statements[i];
    if (known->hash != hash || strcmp(known->sql, sql) != 0) continue;
    known->used = ++db->tick;
    *result = known->prepared;
    return 0;
  }
  sqlite3_stmt *prepared = NULL;
  const char *rest = NULL;
  int rc = sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared, &rest);
  if (rc != SQLITE_OK) return fail(db, rc);
  if (!prepared) return cal_fail(-EINVAL, "an empty request");
  if (rest[strspn(rest, " \t\r\n;")]) {
    sqlite3_finalize(prepared);
    return cal_fail(-EINVAL, "a request is one statement, without another one behind it");
  }
  *result = remember(db, prepared, hash, sql);
  return 0;
}

/* $3 and ?3 are the third parameter; a bare ? is the next one. */
static int number_of(sqlite3_stmt *prepared, int index) {
  const char *name = sqlite3_bind_parameter_name(prepared, index);
  if (!name || name[0] == '?') return index;
  return name[0] == '$' ? atoi(name + 1) : 0;
}

static int bind_one(sqlite3_stmt *prepared, int index, const cal_store_value *value) {
  const char *at = value->bytes.at ? value->bytes.at : "";
  switch (value->type) {
  case CAL_STORE_INTEGER:
    return sqlite3_bind_int64(prepared, index, value->integer);
  case CAL_STORE_REAL:
    return sqlite3_bind_double(prepared, index, value->real);
  case CAL_STORE_TEXT:
    return sqlite3_bind_text64(prepared, index, at, value->bytes.bytes, SQLITE_STATIC, SQLITE_UTF8);
  case CAL_STORE_BLOB:
    return sqlite3_bind_blob64(prepared, index, at, value->bytes.bytes, SQLITE_STATIC);
  default:
    return sqlite3_bind_null(prepared, index);
  }
}

static int bind_all(connection *db, sqlite3_stmt *prepared, const cal_store_value *params, uint32_t count) {
  int wanted = sqlite3_bind_parameter_count(prepared);
  uint32_t highest = 0;
  for (int index = 1; index <= wanted; index++) {
    int number = number_of(prepared, index);
    if (number < 1 || (uint32_t)number > count)
      return cal_fail(-EINVAL, "the statement wants parameter %s, and %u were given: number them $1, $2 …",
                      number < 1 ? sqlite3_bind_parameter_name(prepared, index) : "beyond the last", count);
    if ((uint32_t)number > highest) highest = (uint32_t)number;
    int rc = bind_one(prepared, index, &params[number - 1]);
    if (rc != SQLITE_OK) return fail(db, rc);
  }
  if (highest == count) return 0;
  return cal_fail(-EINVAL, "the statement has %u parameters, and %u were given", highest, count);
}

static cal_store_value value_at(sqlite3_stmt *prepared, int column) {
  switch (sqlite3_column_type(prepared, column)) {
  case SQLITE_INTEGER:
    return cal_store_integer(sqlite3_column_int64(prepared, column));
  case SQLITE_FLOAT:
    return cal_store_real(sqlite3_column_double(prepared, column));
  case SQLITE_NULL:
    return cal_store_null();
  case SQLITE_TEXT: {
    const char *at = (const char *)sqlite3_column_text(prepared, column);
    cal_span bytes = {at, (size_t)sqlite3_column_bytes(prepared, column)};
    return (cal_store_value){.type = CAL_STORE_TEXT, .bytes = bytes};
  }
  default: {
    const char *at = sqlite3_column_blob(prepared, column);
    return cal_store_blob((cal_span){at, (size_t)sqlite3_column_bytes(prepared, column)});
  }
  }
}

static int collect_row(connection *db, sqlite3_stmt *prepared, int columns) {
  for (int column = 0; column < columns; column++) {
    cal_store_value value = value_at(prepared, column);
    int code = cal_rows_add(&db->rows, &value);
    if (code) return code;
  }
  return 0;
}

/* To the very end: a change with RETURNING is only made when the last row was taken. */
static int collect(connection *db, sqlite3_stmt *prepared) {
  int columns = sqlite3_column_count(prepared);
  cal_rows_start(&db->rows, (uint32_t)columns);
  for (int column = 0; column < columns; column++) {
    cal_store_value name = cal_store_text(sqlite3_column_name(prepared, column));
    int code = cal_rows_add(&db->rows, &name);
    if (code) return code;
  }
  for (;;) {
    int rc = sqlite3_step(prepared);
    if (rc == SQLITE_DONE) return 0;
    int code = rc == SQLITE_ROW ? collect_row(db, prepared, columns) : fail(db, rc);
    if (code) return code;
  }
}

static int serve(connection *db, const char *sql, const cal_store_value *params, uint32_t count) {
  sqlite3_stmt *prepared = NULL;
  db->is_serving = 1;
  int code = compile(db, &prepared, sql);
  if (!code) code = bind_all(db, prepared, params, count);
  if (!code) code = collect(db, prepared);
  if (prepared) {
    sqlite3_reset(prepared);
    sqlite3_clear_bindings(prepared); /* they pointed into the request */
  }
  db->is_serving = 0;
  if (code == -EPERM)
    return cal_fail(code, "a request may only SELECT, INSERT, UPDATE or DELETE: %.200s", sql);
  return code;
}

static int step_own(connection *db, enum own which) {
  int rc = sqlite3_step(db->own[which]);
  int code = rc == SQLITE_DONE ? 0 : fail(db, rc);
  sqlite3_reset(db->own[which]);
  return code;
}

static int64_t changes_of(connection *db) { return sqlite3_total_changes64(db->sqlite); }
static int is_inside(connection *db) { return !sqlite3_get_autocommit(db->sqlite); }

/* ---- the engine */

static int begin(cal_db *base) { return step_own(of(base), BEGIN); }
static int commit(cal_db *base) { return step_own(of(base), COMMIT); }
static int is_in_transaction(cal_db *base) { return is_inside(of(base)); }
static int script(cal_db *base, const char *sql) { return run_script(of(base), sql); }
static int64_t changes(cal_db *base) { return changes_of(of(base)); }
static void patience(cal_db *base, uint32_t ms) { sqlite3_busy_timeout(of(base)->sqlite, (int)ms); }
static void stop(cal_db *base) { atomic_store(&of(base)->is_stopped, 1); }

static void rollback(cal_db *base) {
  if (is_inside(of(base))) step_own(of(base), ROLLBACK);
}

static int run(cal_db *base, cal_store_result **result, const char *sql, const cal_store_value *params,
               uint32_t count) {
  connection *db = of(base);
  int has_neighbours = is_inside(db);
  int code = has_neighbours ? step_own(db, SAVEPOINT) : 0;
  int64_t before = changes_of(db);
  if (!code) code = serve(db, sql, params, count);
  if (!code && has_neighbours) code = step_own(db, RELEASE);
  if (!code) {
    *result = cal_rows_pack(&db->rows, changes_of(db) - before);
    return 0;
  }
  *result = cal_result_error(code, cal_error_text());
  if (has_neighbours && is_inside(db)) {
    step_own(db, UNDO);
    step_own(db, RELEASE);
  }
  return code;
}

static int reads_only(cal_db *base, const char *sql) {
  connection *db = of(base);
  sqlite3_stmt *prepared = NULL;
  db->is_serving = 1;
  int code = compile(db, &prepared, sql);
  db->is_serving = 0;
  return code == 0 && sqlite3_stmt_readonly(prepared);
}

static void close_connection(cal_db *base) {
  connection *db = of(base);
  for (int i = 0; i < OWN; i++) sqlite3_finalize(db->own[i]);
  for (uint32_t i = 0; i < db->statement_count; i++) forget(&db->statements[i]);
  sqlite3_close(db->sqlite); /* the last connection checkpoints the log and removes it */
  cal_rows_free(&db->rows);
  cal_free(db);
}

static const cal_db_engine engine = {.begin = begin,
                                     .commit = commit,
                                     .rollback = rollback,
                                     .is_in_transaction = is_in_transaction,
                                     .run = run,
                                     .script = script,
                                     .reads_only = reads_only,
                                     .changes = changes,
                                     .patience = patience,
                                     .stop = stop,
                                     .close = close_connection};

int cal_sqlite_open(cal_db **result, const cal_sqlite_options *options) {
  int code = strcmp(options->path, ":memory:") == 0 ? 0 : cal_folder_of(options->path);
  if (code) return code;
  connection *db = cal_alloc(sizeof *db);
  db->base.engine = &engine;
  cal_rows_init(&db->rows);
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  int rc = sqlite3_open_v2(options->path, &db->sqlite, flags, NULL);
  code = rc == SQLITE_OK ? set_up(db, options) : fail(db, rc);
  if (code) {
    code = explain(code, options->path);
    cal_db_close(&db->base);
    return code;
  }
  *result = &db->base;
  return 0;
}

uint32_t cal_sqlite_statements(cal_db *db) { return of(db)->statement_count; }
