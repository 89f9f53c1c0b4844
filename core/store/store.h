/* store: what happened, kept. A database on its own thread.
 *
 * Any thread hands in one SQL statement with its parameters and goes on; the store's thread does everything that
 * waits in one transaction (a grouped commit), each request under its own savepoint, so that a bad
 * statement fails alone. Commits are WAL with synchronous=FULL: what was answered survives kill -9 and a
 * power cut.
 *
 *   any thread ── submit ──► queue ──► store thread: begin · savepoint, run, release · … · commit ──► on_done
 *                          (bounded)        │
 *                                           │ disk full, I/O error, locked by another program
 *                                           └──► kept facts (bounded) ── every second, in order ──► retried
 *
 * A *fact* must not be lost. When the disk is full or broken, or another program holds the lock, that is
 * logged once, calls go on, facts are kept in memory and written in order once the disk is back. Until then
 * other writes are refused with the code of the trouble, at once, and reads are answered.
 *
 * Requests are SELECT, INSERT, UPDATE and DELETE (RETURNING and WITH included), one statement each.
 * Everything else (schema, transactions, PRAGMA, ATTACH) is refused with -EPERM: the schema belongs to
 * migrations.h. Parameters are written $1, $2 … as in PostgreSQL (?1 and ? work too).
 *
 * The inline store (options.is_inline) has no thread: submit runs the request at once and on_done is called
 * before it returns. It is for specs, takes the path ":memory:" as well, and belongs to one thread.
 *
 * Facts behind the numbers: one commit on an honest disk takes 0.1 to 70 ms, so it never happens on a media
 * thread. */
#ifndef CAL_STORE_STORE_H
#define CAL_STORE_STORE_H

#include <stdint.h>

#include "base/clock.h"
#include "store/request.h"

typedef struct cal_store cal_store; /* reference counted (mem.h): a late submit is answered with -ESHUTDOWN */

typedef struct cal_store_options {
  const char *path; /* the database file; its folders are made. ":memory:" with is_inline only */
  const char *node; /* who we are: 1..64 of A-Z a-z 0-9 . _ -; one living process a node id and file. NULL: a
                       visitor (command-line tools), who marks no calls as lost */
  uint32_t queue_ceiling;   /* requests; 0 = 8192 */
  uint32_t kept_ceiling;    /* facts kept while the disk is full; 0 = 10000 */
  uint32_t retry_ms;        /* between two attempts while the disk is full; 0 = 1000 */
  uint32_t close_ms;        /* what waits at close has this long; 0 = 10000 */
  uint32_t busy_timeout_ms; /* 0 = 5000: how long another program may hold the lock before that is trouble */
  int is_inline;
  /* Mends the file of a recording that was being written when an earlier process ended, and says what is in it.
   * A negative code: the file stays as it is. NULL: none is touched. Called by cal_store_open and cal_store_close. */
  int (*mend_recording)(const char *path, int64_t *samples, int64_t *bytes);
  cal_clock *clock; /* borrowed; NULL = the real one. Gives the times the store itself writes */
} cal_store_options;

typedef struct cal_store_stats {
  uint32_t waiting;    /* in the queue */
  uint32_t kept;       /* facts waiting for the disk */
  int trouble;         /* 0, or the code of the trouble that lasts */
  uint64_t refused;    /* -ENOBUFS */
  uint64_t lost;       /* facts that did not fit among the kept */
  uint64_t failed;     /* requests answered with a code, and facts that can never be written */
  uint64_t commits;    /* transactions */
  uint64_t done;       /* requests that went well */
  uint32_t lost_calls; /* found at open */
} cal_store_stats;

/* Opens, checks and migrates the file, then finishes what an earlier process of this node left behind (its
 * calls in progress become FAILED, outcome UNKNOWN unless the agent had chosen a word, ending REAPED, each
 * with a `call.lost` event; its legs end; its recordings are mended and become INCOMPLETE), then starts the thread. Blocks;
 * returns owned. -EACCES, -EROFS, -ENOTDIR: the folder, with the remedy in the sentence. -EBADMSG: not a
 * database, or damaged. -ENOTSUP: written by a newer callisto. -EBUSY: another process of this node lives, or
 * the lock is held. -ENOSPC. */
int cal_store_open(cal_store **result, const cal_store_options *options);

/* Takes one reference; returns NULL. Refuses new requests, does what waits (for close_ms, the rest is
 * answered with -ESHUTDOWN), finishes as lost the calls of this node that are still in progress, checkpoints, joins.
 * Blocks; never from on_done. */
cal_store *cal_store_close(cal_store *store);

/* 0: on_done will be called exactly once. -ENOBUFS, -EMSGSIZE, -EINVAL (too many parameters), -ESHUTDOWN: it
 * will not. Any thread. */
int cal_store_submit(cal_store *store, const cal_store_request *request);

/* Submits (on_done and context are ignored) and blocks for the answer: tools and tests, never a loop or a
 * script. Always gives a result, whose code it returns. */
int cal_store_wait(cal_store *store, cal_store_result **result, const cal_store_request *request);

/* Half of the queue is taken, or of the room for facts that wait for the disk: who could do without should. Any thread. */
int cal_store_is_short(cal_store *store);

void cal_store_stats_now(cal_store *store, cal_store_stats *stats); /* any thread */

#endif
