#include "script/backlog.h"

#include "base/mem.h"

typedef struct waiting {
  cal_list node; /* in its call's place */
  cal_event event;
} waiting;

/* Counted: what was deferred may run when the thread is gone. */
struct cal_backlog {
  cal_loop *loop; /* NULL: closed */
  void (*run)(void *context, cal_event *event);
  void *context;
  cal_turns turns;
  uint32_t count;
  uint64_t spent_ns; /* of this slice */
  int is_running;
  int is_deferred;            /* goes on in the loop's next turn */
  cal_backlog_place *current; /* whose event runs; NULL when it was forgotten meanwhile */
};

static void destroy(void *object) { cal_turns_free(&((cal_backlog *)object)->turns); }

cal_backlog *cal_backlog_new(cal_loop *loop, void (*run)(void *context, cal_event *event), void *context) {
  cal_backlog *backlog = cal_ref_new(sizeof *backlog, destroy);
  backlog->loop = loop;
  backlog->run = run;
  backlog->context = context;
  cal_turns_init(&backlog->turns);
  return backlog;
}

void *cal_backlog_free(cal_backlog *backlog) {
  if (backlog) backlog->loop = NULL;
  return cal_unref(backlog);
}

void cal_backlog_open(cal_backlog_place *place) {
  *place = (cal_backlog_place){0};
  cal_list_init(&place->events);
}

static waiting *take_first(cal_backlog *backlog, cal_backlog_place *place) {
  waiting *first = cal_list_entry(place->events.next, waiting, node);
  cal_list_remove(&first->node);
  backlog->count--;
  return first;
}

static void run_next(cal_backlog *backlog, cal_turn *turn) {
  cal_backlog_place *place = cal_list_entry(turn, cal_backlog_place, turn);
  waiting *first = take_first(backlog, place);
  uint64_t started_ns = cal_loop_now_ns(backlog->loop);
  backlog->current = place;
  backlog->run(backlog->context, &first->event);
  cal_free(first);
  uint64_t used_ns = cal_loop_now_ns(backlog->loop) - started_ns;
  backlog->spent_ns += used_ns;
  if (!backlog->current) return;
  backlog->current = NULL;
  cal_turn_used(turn, used_ns);
  if (!cal_list_is_empty(&place->events)) cal_turns_want(&backlog->turns, turn);
}

static void on_turn(void *context);

/* Runs what waits for a slice, and for longer while too much does. */
static void go_on(cal_backlog *backlog) {
  backlog->is_running = 1;
  while (backlog->count > CAL_BACKLOG_EVENTS || (!backlog->is_deferred && backlog->count)) {
    run_next(backlog, cal_turns_next(&backlog->turns));
    if (backlog->spent_ns < CAL_BACKLOG_SLICE_NS || backlog->is_deferred) continue;
    backlog->is_deferred = 1;
    cal_loop_defer(backlog->loop, on_turn, cal_ref(backlog));
  }
  backlog->is_running = 0;
}

static void on_turn(void *context) { /* the reference came with it */
  cal_backlog *backlog = context;
  backlog->is_deferred = 0;
  backlog->spent_ns = 0;
  if (backlog->loop) go_on(backlog);
  cal_unref(backlog);
}

void cal_backlog_add(cal_backlog *backlog, cal_backlog_place *place, const cal_event *event) {
  waiting *last = cal_alloc(sizeof *last);
  last->event = *event;
  cal_list_append(&place->events, &last->node);
  backlog->count++;
  /* One whose event runs just now is in line again when that has ended. */
  if (place != backlog->current) cal_turns_want(&backlog->turns, &place->turn);
  if (!backlog->is_running) go_on(backlog);
}

void cal_backlog_forget(cal_backlog *backlog, cal_backlog_place *place) {
  if (backlog->current == place) backlog->current = NULL;
  cal_turns_leave(&backlog->turns, &place->turn);
  while (!cal_list_is_empty(&place->events)) {
    waiting *first = take_first(backlog, place);
    cal_event_drop(&first->event);
    cal_free(first);
  }
}

uint32_t cal_backlog_waiting(const cal_backlog *backlog) { return backlog->count; }
