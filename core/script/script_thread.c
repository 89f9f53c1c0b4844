#include "script/script_thread.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "script/backlog.h"
#include "script/context.h"
#include "script/live_call.h"
#include "script/overdue.h"
#include "script/question.h"
#include "script/reload.h"
#include "script/service.h"

#define EVENTS_CAPACITY 65536
#define STARTS_MOST 16 /* of one service: after two it leaves out a file that never ends */

struct cal_script_thread {
  cal_script_host host;
  cal_list services;    /* all that are not freed */
  cal_service *current; /* gets what is new … */
  cal_service *next;    /* … but for the share of a canary, or while it is being prepared */
  uint32_t share;       /* percent of what is new that `next` gets */
  uint32_t turn;
  int is_stopping;
};

/* ---- services */

/* Frees what was told to stop, has stopped, and is owed nothing. Never from inside an entry of its own VM. */
static void sweep_services(cal_script_thread *thread) {
  int running = 0;
  cal_list_each_safe(&thread->services, node, after) {
    cal_service *service = cal_list_entry(node, cal_service, node);
    if (service->is_deserted && !service->calls) service->is_stopped = 1;
    if (!service->is_stopped) {
      running++;
    } else if (!service->calls && !service->asked && service != thread->current && service != thread->next) {
      cal_list_remove(node);
      cal_service_free(service);
    }
  }
  if (thread->is_stopping && !running) {
    thread->is_stopping = 0;
    thread->host.reach->on_done(thread->host.reach->engine);
  }
}

/* A file that never ends while it is loaded costs two tries: the service leaves it out in the next. */
static void start_service(cal_script_thread *thread, const cal_event *event) {
  int code = -ETIMEDOUT;
  for (int tries = 0; code == -ETIMEDOUT && tries < STARTS_MOST; tries++)
    code = cal_service_run(thread->current, event);
  if (code) thread->host.reach->on_failed(thread->host.reach->engine);
}

/* Who takes something new: the present code, or its canary by turns. */
static cal_service *service_for_new(cal_script_thread *thread) {
  if (!thread->next || !thread->share) return thread->current;
  uint32_t turn = thread->turn++;
  return (turn + 1) * thread->share / 100 > turn * thread->share / 100 ? thread->next : thread->current;
}

static void prepare(cal_script_thread *thread, const cal_event *event) {
  cal_service *service = NULL;
  int code = thread->is_stopping ? cal_fail(-ESHUTDOWN, "this node is draining")
                                 : cal_service_new(&service, &thread->host, event->object);
  if (!code) {
    cal_list_append(&thread->services, &service->node);
    cal_event start = {.kind = CAL_EVENT_START};
    code = cal_service_run(service, &start);
    if (code) {
      cal_fail(code, "%s", cal_vm_error(service->vm));
      service->is_stopped = 1;
    } else {
      thread->next = service;
      thread->share = 0;
    }
  }
  cal_reload_prepared(thread->host.reach->reload, code, cal_error_text());
}

static void commit(cal_script_thread *thread, int64_t share) {
  if (!thread->next) return;
  cal_service *old = share >= 100 ? thread->current : share == 0 ? thread->next : NULL;
  if (share >= 100) {
    thread->current = thread->next;
    thread->next = NULL;
  } else if (share == 0) {
    thread->next = NULL;
  }
  thread->share = thread->next ? (uint32_t)share : 0;
  if (old) cal_service_stop(old);
}

static void stop_all(cal_script_thread *thread) {
  thread->is_stopping = 1;
  cal_list_each(&thread->services, node) cal_service_stop(cal_list_entry(node, cal_service, node));
}

/* ---- events of calls: each waits for its call's turn */

/* To its script, its service, or both (event.def). */
static void run_for_call(void *context, cal_event *event) {
  cal_script_thread *thread = context;
  cal_live_call *call = cal_slots_get(thread->host.calls, event->target);
  cal_service *service = call->service;
  unsigned to = cal_event_about_of(event->kind)->to;
  snprintf(event->name, sizeof event->name, "%s", cal_live_call_name(call));
  if (to & (CAL_TO_CALL | CAL_TO_ASKER)) cal_live_call_run(call, event);
  if (to & CAL_TO_SERVICE) cal_service_run(service, event);
  cal_event_drop(event);
  sweep_services(thread);
}

/* Takes the event; a call that is over gets none. */
static void give_to_call(cal_script_thread *thread, cal_event *event) {
  cal_live_call *call = cal_slots_get(thread->host.calls, event->target);
  if (call)
    cal_backlog_add(thread->host.backlog, &call->place, event);
  else
    cal_event_drop(event);
}

/* ---- events */

static void run_for_service(cal_script_thread *thread, cal_service *service, cal_event *event) {
  cal_service_run(service, event);
  cal_event_drop(event);
  sweep_services(thread);
}

static void on_wake(cal_timer *timer) {
  cal_context *context = cal_list_entry(timer, cal_context, wake);
  cal_script_thread *thread = cal_list_entry(context->host, cal_script_thread, host);
  cal_event event = {.kind = CAL_EVENT_WAKE, .target = context->call ? context->call->handle : 0};
  if (context->call)
    give_to_call(thread, &event);
  else
    run_for_service(thread, context->service, &event);
}

static void give_answer(cal_script_thread *thread, cal_event *event) {
  cal_service *service;
  cal_live_call *call;
  if (!cal_question_answered(&thread->host, event->source, &service, &call)) {
    cal_event_drop(event);
  } else if (call) {
    event->target = call->handle;
    give_to_call(thread, event);
  } else {
    run_for_service(thread, service, event);
  }
}

static void give_request(cal_script_thread *thread, cal_event *event) {
  if (event->target && cal_slots_get(thread->host.calls, event->target))
    give_to_call(thread, event);
  else
    run_for_service(thread, service_for_new(thread), event);
}

/* What the thread itself is told. */
static void act(cal_script_thread *thread, cal_event *event) {
  switch (event->kind) {
  case CAL_EVENT_RELOAD:
    prepare(thread, event);
    break;
  case CAL_EVENT_COMMIT:
    commit(thread, event->number);
    break;
  case CAL_EVENT_STOP:
    stop_all(thread);
    break;
  default:
    start_service(thread, event);
  }
  cal_event_drop(event);
  sweep_services(thread);
}

/* Takes the event. */
static void give(cal_script_thread *thread, cal_event *event) {
  switch (event->kind) {
  case CAL_EVENT_HTTP_RESPONSE:
  case CAL_EVENT_STORED:
    give_answer(thread, event);
    break;
  case CAL_EVENT_SOCKET:
    run_for_service(thread, service_for_new(thread), event);
    break;
  case CAL_EVENT_HTTP_REQUEST:
    give_request(thread, event);
    break;
  case CAL_EVENT_RELOAD:
  case CAL_EVENT_COMMIT:
  case CAL_EVENT_STOP:
  case CAL_EVENT_START:
    act(thread, event);
    break;
  default:
    give_to_call(thread, event);
  }
}

/* Takes the event, and measures what it costs. */
static void work(cal_script_thread *thread, cal_event *event, uint64_t now_ns) {
  cal_reach *reach = thread->host.reach;
  cal_admission *admission = &reach->admissions[thread->host.index - 1];
  cal_admission_begin(admission, now_ns, (event->flags & CAL_EVENT_TURN) != 0);
  give(thread, event);
  cal_mail_waiting waiting = cal_mailbox_waiting_by_lane(thread->host.events);
  cal_admission_end(admission, cal_reach_now_ns(reach), waiting.questions + waiting.beginnings);
}

static void deliver(void *context, void *message) {
  cal_script_thread *thread = context;
  cal_event *event = message;
  uint64_t now_ns = cal_reach_now_ns(thread->host.reach);
  if (cal_overdue(thread->host.reach, event, now_ns))
    cal_event_drop(event);
  else
    work(thread, event, now_ns);
}

static void drop(void *context, void *message) { cal_event_drop(message); }

/* ---- life */

int cal_script_thread_new(cal_script_thread **result, cal_reach *reach, uint8_t index, cal_loop *loop) {
  cal_script_thread *thread = cal_alloc(sizeof *thread);
  thread->host = (cal_script_host){.reach = reach,
                                   .loop = loop,
                                   .index = index,
                                   .calls = cal_slots_new(CAL_CALLS_CEILING, index),
                                   .questions = cal_slots_new(CAL_QUESTIONS_CEILING, index),
                                   .on_wake = on_wake};
  cal_list_init(&thread->services);
  thread->host.backlog = cal_backlog_new(loop, run_for_call, thread);
  int code = cal_mailbox_new(&thread->host.events, loop,
                             &(cal_mailbox_options){.name = "events",
                                                    .message_bytes = sizeof(cal_event),
                                                    .capacity = EVENTS_CAPACITY,
                                                    .deliver = deliver,
                                                    .drop = drop,
                                                    .context = thread});
  if (code) {
    cal_script_thread_free(thread);
    return code;
  }
  *result = thread;
  return 0;
}

int cal_script_thread_start(cal_script_thread *thread) {
  cal_edition *edition = cal_reload_edition(thread->host.reach->reload);
  int code = cal_service_new(&thread->current, &thread->host, edition);
  cal_unref(edition);
  if (code) return code;
  cal_list_append(&thread->services, &thread->current->node);
  cal_event event = {.kind = CAL_EVENT_START};
  return cal_mailbox_post(thread->host.events, &event, CAL_MAIL_CONTROL);
}

cal_script_thread *cal_script_thread_free(cal_script_thread *thread) {
  if (!thread) return NULL;
  cal_slots *calls = thread->host.calls;
  for (cal_id id = 0; (id = cal_slots_next(calls, id));) cal_live_call_free(cal_slots_get(calls, id));
  cal_list_each_safe(&thread->services, node, after)
      cal_service_free(cal_list_entry(node, cal_service, node));
  cal_question_drop_all(&thread->host);
  cal_mailbox_close(thread->host.events);
  cal_backlog_free(thread->host.backlog);
  cal_slots_free(calls);
  cal_slots_free(thread->host.questions);
  return cal_free(thread);
}

cal_script_host *cal_script_thread_host(cal_script_thread *thread) { return &thread->host; }

uint32_t cal_script_thread_vms(const cal_script_thread *thread) {
  uint32_t count = 0;
  cal_list_each((cal_list *)&thread->services, node) count +=
      cal_pool_taken(cal_list_entry(node, cal_service, node)->pool);
  return count;
}

cal_vm *cal_script_thread_service_vm(const cal_script_thread *thread) {
  return thread->current ? thread->current->vm : NULL;
}
