#include "script/question.h"

#include <errno.h>

#include "base/error.h"
#include "base/mem.h"

/* Who waits for an answer. A call is remembered by handle: it may be gone when the answer comes. */
typedef struct question {
  cal_service *service; /* lives at least as long as it waits for answers */
  cal_id call;          /* 0: the service VM itself */
  uint32_t bytes;
} question;

static int check_share(const cal_live_call *call, const cal_reach *reach, size_t bytes) {
  int is_short = atomic_load(&reach->asked) > CAL_CALLS_QUESTIONS_CEILING / 2 ||
                 atomic_load(&reach->asked_bytes) > CAL_CALLS_BYTES_CEILING / 2;
  uint32_t most = is_short ? CAL_CALL_QUESTIONS_SHORT : CAL_CALL_QUESTIONS_CEILING;
  size_t most_bytes = is_short ? CAL_CALL_BYTES_SHORT : CAL_CALL_BYTES_CEILING;
  if (call->asked >= most) return cal_fail(-EDQUOT, "a call waits for at most %u answers at a time", most);
  if (call->asked_bytes + bytes > most_bytes)
    return cal_fail(
        -EDQUOT, "what a call sends and the room for what it waits for (answer_ceiling) are at most %u KiB",
        (unsigned)(most_bytes / 1024));
  if (atomic_load(&reach->asked) >= CAL_CALLS_QUESTIONS_CEILING ||
      atomic_load(&reach->asked_bytes) + bytes > CAL_CALLS_BYTES_CEILING)
    return cal_fail(-EDQUOT, "all calls together wait for as many answers as they may");
  return 0;
}

static void note_asked(cal_live_call *call, cal_reach *reach, uint32_t bytes) {
  if (!call) return;
  call->asked++;
  call->asked_bytes += bytes;
  atomic_fetch_add(&reach->asked, 1);
  atomic_fetch_add(&reach->asked_bytes, bytes);
}

/* The question is over; its call may be too. */
static void note_over(cal_live_call *call, cal_reach *reach, const question *q) {
  if (!q->call) return;
  atomic_fetch_sub(&reach->asked, 1);
  atomic_fetch_sub(&reach->asked_bytes, q->bytes);
  if (!call) return;
  call->asked--;
  call->asked_bytes -= q->bytes;
}

int cal_question_ask(cal_context *asker, size_t bytes, cal_id *request) {
  cal_script_host *host = asker->host;
  cal_live_call *call = asker->call;
  int code = call ? check_share(call, host->reach, bytes) : 0;
  if (code)
    return cal_quota_refuse(&call->quota, cal_live_call_name(call), "fetches", code,
                            cal_reach_now_ns(host->reach));
  code = cal_mailbox_reserve(host->events);
  if (code) return cal_fail(code, "too many requests wait for their answers");
  question *q = cal_alloc(sizeof *q);
  *q = (question){.service = asker->service, .call = call ? call->handle : 0, .bytes = (uint32_t)bytes};
  *request = cal_slots_add(host->questions, q);
  if (*request) {
    q->service->asked++;
    note_asked(call, host->reach, q->bytes);
    return 0;
  }
  cal_free(q);
  cal_mailbox_unreserve(host->events);
  return cal_fail(-ENOBUFS, "too many requests wait for their answers");
}

void cal_question_forget(cal_context *asker, cal_id request) {
  question *q = cal_slots_remove(asker->host->questions, request);
  note_over(asker->call, asker->host->reach, q);
  cal_free(q);
  asker->service->asked--;
  cal_mailbox_unreserve(asker->host->events);
}

int cal_question_answered(cal_script_host *host, cal_id request, cal_service **service,
                          cal_live_call **call) {
  question *found = cal_slots_remove(host->questions, request);
  if (!found) return 0;
  question q = *found;
  cal_free(found);
  q.service->asked--;
  *service = q.service;
  *call = q.call ? cal_slots_get(host->calls, q.call) : NULL;
  note_over(*call, host->reach, &q);
  return *call || !q.call;
}

void cal_question_drop_all(cal_script_host *host) {
  for (cal_id id = 0; (id = cal_slots_next(host->questions, id));)
    cal_free(cal_slots_remove(host->questions, id));
}
