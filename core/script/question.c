#include "script/question.h"

#include <errno.h>

#include "base/error.h"
#include "base/mem.h"

/* Who waits for an answer. A call is remembered by handle: it may be gone when the answer comes. */
typedef struct question {
  cal_service *service; /* lives at least as long as it waits for answers */
  cal_id call;          /* 0: the service VM itself */
} question;

int cal_question_ask(cal_context *asker, cal_id *request) {
  cal_script_host *host = asker->host;
  if (asker->call && asker->call->asked >= CAL_CALL_QUESTIONS_CEILING)
    return cal_fail(-ENOBUFS, "a call waits for at most %d answers at a time", CAL_CALL_QUESTIONS_CEILING);
  int code = cal_mailbox_reserve(host->events);
  if (code) return cal_fail(code, "too many requests wait for their answers");
  question *q = cal_alloc(sizeof *q);
  q->call = asker->call ? asker->call->handle : 0;
  q->service = asker->service;
  *request = cal_slots_add(host->questions, q);
  if (*request) {
    q->service->asked++;
    if (asker->call) asker->call->asked++;
    return 0;
  }
  cal_free(q);
  cal_mailbox_unreserve(host->events);
  return cal_fail(-ENOBUFS, "too many requests wait for their answers");
}

void cal_question_forget(cal_context *asker, cal_id request) {
  cal_free(cal_slots_remove(asker->host->questions, request));
  asker->service->asked--;
  if (asker->call) asker->call->asked--;
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
  if (*call) (*call)->asked--;
  return *call || !q.call;
}

void cal_question_drop_all(cal_script_host *host) {
  for (cal_id id = 0; (id = cal_slots_next(host->questions, id));)
    cal_free(cal_slots_remove(host->questions, id));
}
