#include "store/writer.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/result.h"

void cal_writer_init(cal_writer *writer, const cal_writer_options *options) {
  writer->db = options->db;
  writer->path = options->path;
  writer->kept_ceiling = options->kept_ceiling;
  writer->patience_ms = options->patience_ms;
  cal_list_init(&writer->kept);
  writer->metric_commits = cal_counter("callisto_store_commits_total", "transactions committed by the store");
  writer->metric_failed = cal_counter("callisto_store_failed_total", "store requests that failed");
  writer->metric_kept = cal_gauge("callisto_store_kept", "facts kept in memory while the disk refuses them");
  writer->metric_lost =
      cal_counter("callisto_store_lost_total", "facts lost because the disk refused them too long");
}

static const char *remedy(int code) {
  switch (code) {
  case -ENOSPC:
    return "the disk is full: free some space";
  case -EBUSY:
    return "another program holds the lock: close it";
  case -EROFS:
    return "the file system became read-only: check the disk, mount it writable";
  case -EBADMSG:
    return "the file is damaged: stop, and restore a backup";
  default:
    return "the disk reports errors: check it";
  }
}

/* From here on nothing waits for a lock: it is tried again every second, and the others are not held up. */
static void note_trouble(cal_writer *writer, int code) {
  if (atomic_exchange(&writer->trouble, code)) return;
  cal_db_patience(writer->db, 0);
  cal_log(CAL_LOG_ERROR, "store", NULL,
          "cannot write to %s (%s), %s; calls go on, up to %u facts are kept in memory and written later",
          writer->path, cal_error_name(code), remedy(code), writer->kept_ceiling);
}

static void note_recovery(cal_writer *writer) {
  if (!cal_list_is_empty(&writer->kept) || !atomic_exchange(&writer->trouble, 0)) return;
  cal_db_patience(writer->db, writer->patience_ms);
  cal_log(CAL_LOG_INFO, "store", NULL, "%s can be written again; %llu facts were lost since the start",
          writer->path, (unsigned long long)atomic_load(&writer->lost));
}

static void set_kept(cal_writer *writer, int delta) {
  atomic_fetch_add(&writer->kept_count, (unsigned)delta);
  cal_metric_add(writer->metric_kept, delta);
}

static void lose(cal_writer *writer, cal_item *item) {
  if (atomic_fetch_add(&writer->lost, 1) == 0)
    cal_log(CAL_LOG_ERROR, "store", NULL,
            "%s: no room for more facts in memory, new ones are lost from now on", writer->path);
  cal_metric_add(writer->metric_lost, 1);
  cal_free(item);
}

static void keep(cal_writer *writer, cal_item *item) {
  if (atomic_load(&writer->kept_count) >= writer->kept_ceiling) {
    lose(writer, item);
    return;
  }
  cal_list_append(&writer->kept, &item->node);
  set_kept(writer, 1);
}

/* Takes both. The end of every request that is not kept. */
static void finish(cal_writer *writer, cal_item *item, cal_store_result *result) {
  if (result->code == 0) {
    atomic_fetch_add(&writer->done, 1);
  } else {
    atomic_fetch_add(&writer->failed, 1);
    cal_metric_add(writer->metric_failed, 1);
    uint64_t failures = item->is_fact ? ++writer->failures : 0;
    if (failures && (failures & (failures - 1)) == 0)
      cal_log(CAL_LOG_WARN, "store", NULL, "a fact cannot be written (%s: %s), %llu so far: %.200s",
              cal_error_name(result->code), result->error, (unsigned long long)failures, item->sql);
  }
  cal_item_answer(item, result);
}

static void drop_results(cal_list *items) {
  cal_list_each(items, node) {
    cal_item *item = cal_list_entry(node, cal_item, node);
    item->result = cal_store_result_free(item->result);
  }
}

/* One transaction. On failure the database is as before, no item was answered, and all are still in the list.
 */
static int try_group(cal_writer *writer, cal_list *items) {
  int64_t before = cal_db_changes(writer->db);
  int code = cal_db_begin(writer->db);
  if (code) return code;
  cal_list_each(items, node) {
    cal_item *item = cal_list_entry(node, cal_item, node);
    int own = cal_db_run(writer->db, &item->result, item->sql, item->params, item->count);
    if (cal_db_is_trouble(own)) code = own;
    /* Some statements (INSERT OR ROLLBACK) and some errors take the whole transaction with them. */
    if (!code && !cal_db_is_in_transaction(writer->db)) code = -EAGAIN;
    if (!code && atomic_load(&writer->is_abandoned)) code = -ECANCELED;
    if (code) break;
  }
  if (!code) code = cal_db_commit(writer->db);
  if (code) {
    cal_db_rollback(writer->db);
    drop_results(items);
    return code;
  }
  atomic_fetch_add(&writer->commits, 1);
  cal_metric_add(writer->metric_commits, 1);
  if (cal_db_changes(writer->db) == before) return 0; /* reading says nothing about the disk */
  return 1;
}

static void answer_all(cal_writer *writer, cal_list *items) {
  cal_item *item;
  while ((item = cal_item_first(items))) {
    cal_list_remove(&item->node);
    cal_store_result *result = item->result;
    item->result = NULL;
    finish(writer, item, result);
  }
}

/* One request by itself; always gives a result and returns its code. A read needs no write lock and no free
 * page. */
static int run_alone(cal_writer *writer, cal_item *item, cal_store_result **result, int reads) {
  if (reads) return cal_db_run(writer->db, result, item->sql, item->params, item->count);
  int code = cal_db_begin(writer->db);
  if (!code) {
    code = cal_db_run(writer->db, result, item->sql, item->params, item->count);
    if (code) {
      cal_db_rollback(writer->db);
      return code;
    }
    code = cal_db_commit(writer->db);
    if (!code) {
      atomic_fetch_add(&writer->commits, 1);
      return 0;
    }
    cal_store_result_free(*result);
  }
  *result = cal_result_error(code, cal_error_text());
  cal_db_rollback(writer->db);
  return code;
}

/* The disk refused this one: a fact is kept, the others hear why. Takes both. */
static void refuse(cal_writer *writer, cal_item *item, cal_store_result *result) {
  if (item->is_fact) {
    cal_item_tell(item, result);
    keep(writer, item);
  } else {
    finish(writer, item, result);
  }
}

/* Closing takes too long: what still waits is answered instead of done. Takes the item. */
static void abandon(cal_writer *writer, cal_item *item) {
  cal_store_result *result = cal_result_error(-ESHUTDOWN, "the store was closed before this request's turn");
  if (item->is_fact) {
    cal_item_tell(item, result);
    lose(writer, item);
  } else {
    finish(writer, item, result);
  }
}

/* Takes the item. While facts are kept no write may overtake them. */
static void do_alone(cal_writer *writer, cal_item *item) {
  cal_store_result *result = NULL;
  if (atomic_load(&writer->is_abandoned)) {
    abandon(writer, item);
    return;
  }
  int reads = cal_db_reads_only(writer->db, item->sql);
  if (!reads && !cal_list_is_empty(&writer->kept)) {
    int trouble = atomic_load(&writer->trouble);
    refuse(writer, item, cal_result_error(trouble, remedy(trouble)));
    return;
  }
  int64_t before = cal_db_changes(writer->db);
  int code = run_alone(writer, item, &result, reads);
  if (cal_db_is_trouble(code)) {
    note_trouble(writer, code);
    refuse(writer, item, result);
    return;
  }
  if (cal_db_changes(writer->db) != before) note_recovery(writer);
  finish(writer, item, result);
}

/* A list of kept facts: 0 when all were written or will never be. */
static int write_kept(cal_writer *writer, cal_list *items) {
  int code = try_group(writer, items);
  if (code >= 0) {
    answer_all(writer, items);
    return 0;
  }
  if (cal_db_is_trouble(code)) return code;
  cal_item *item;
  while ((item = cal_item_first(items))) {
    cal_store_result *result = NULL;
    code = run_alone(writer, item, &result, 0);
    if (cal_db_is_trouble(code)) {
      cal_store_result_free(result);
      return code;
    }
    cal_list_remove(&item->node);
    finish(writer, item, result);
  }
  return 0;
}

static void put_back(cal_list *kept, cal_list *items) {
  while (!cal_list_is_empty(items)) {
    cal_list *last = items->prev;
    cal_list_remove(last);
    cal_list_append(kept->next, last);
  }
}

static uint32_t take(cal_list *from, cal_list *into, uint32_t ceiling) {
  uint32_t count = 0;
  for (; count < ceiling && !cal_list_is_empty(from); count++) {
    cal_list *node = from->next;
    cal_list_remove(node);
    cal_list_append(into, node);
  }
  return count;
}

static uint32_t length(const cal_list *list) {
  uint32_t count = 0;
  cal_list_each(list, node) count++;
  return count;
}

static void retry_kept(cal_writer *writer) {
  while (!cal_list_is_empty(&writer->kept)) {
    cal_list items;
    cal_list_init(&items);
    uint32_t count = take(&writer->kept, &items, CAL_WRITER_GROUP);
    int code = write_kept(writer, &items);
    set_kept(writer, (int)length(&items) - (int)count);
    put_back(&writer->kept, &items);
    if (code) return;
  }
  note_recovery(writer);
}

static void run_group(cal_writer *writer, cal_list *items) {
  int may_group = cal_list_is_empty(&writer->kept) && !atomic_load(&writer->is_abandoned);
  int code = may_group && !cal_list_is_empty(items) ? try_group(writer, items) : -EAGAIN;
  if (code >= 0) {
    if (code > 0) note_recovery(writer);
    answer_all(writer, items);
    return;
  }
  if (cal_db_is_trouble(code)) note_trouble(writer, code); /* waited for once, not again for each */
  cal_item *item;
  while ((item = cal_item_first(items))) {
    cal_list_remove(&item->node);
    do_alone(writer, item);
  }
}

void cal_writer_run(cal_writer *writer, cal_list *items, int retry) {
  if (retry && !cal_list_is_empty(&writer->kept)) retry_kept(writer);
  while (!cal_list_is_empty(items)) {
    cal_list group;
    cal_list_init(&group);
    take(items, &group, CAL_WRITER_GROUP);
    run_group(writer, &group);
  }
}

void cal_writer_end(cal_writer *writer) {
  if (!cal_list_is_empty(&writer->kept)) retry_kept(writer);
  uint32_t lost = length(&writer->kept);
  if (lost)
    cal_log(CAL_LOG_ERROR, "store", NULL, "%s: %u facts could not be written before the end and are lost",
            writer->path, lost);
  set_kept(writer, -(int)lost);
  cal_item *item;
  while ((item = cal_item_first(&writer->kept))) {
    cal_list_remove(&item->node);
    lose(writer, item);
  }
}
