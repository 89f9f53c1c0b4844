#include "loop/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/metrics.h"

#define DELIVERED_A_TURN_MOST 64

/* What waits, oldest first; the space is made once. */
typedef struct ring {
  char *messages;
  uint32_t first, count, capacity;
} ring;

typedef enum lane { ORDINARY, QUESTIONS, BEGINNINGS, LANES } lane;

/*  post ─┬─> ordinary (CONTROL, RESERVED, TELEMETRY) ──> at most 64 a turn ────────┐
 *        ├─> questions ───┐                                                        ├─> batch ──> deliver
 *        └─> beginnings ──┴─> one by turns, in a turn in which ordinary is empty ──┘
 *            under the lock                                                                      outside it   */
struct cal_mailbox {
  cal_mailbox_options options;
  pthread_mutex_t lock; /* guards everything down to `dropped` */
  ring lanes[LANES];
  uint32_t promised; /* reserved and not yet sent; counts as if it waited in ORDINARY */
  lane last;         /* whose turn it was: QUESTIONS or BEGINNINGS */
  int is_woken;      /* the reader will look without being told again */
  int is_closed;
  uint64_t dropped;

  uv_async_t wake;
  cal_loop *alone; /* the reader, when writers are on its thread too (cal_loop_set_alone): no kernel is needed
                      then */
  char *batch;     /* reader only */
  cal_metric *dropped_metric, *refused_metric;
};

/* The memory is left as it is: nothing is read that was not written. */
static void ring_open(ring *opened, size_t message_bytes) {
  opened->messages = cal_resize(NULL, opened->capacity * message_bytes);
}

static void ring_push(ring *into, const void *message, size_t message_bytes) {
  if (!into->messages) ring_open(into, message_bytes); /* most boxes have one lane only */
  uint32_t at = (uint32_t)(((uint64_t)into->first + into->count) % into->capacity);
  memcpy(into->messages + at * message_bytes, message, message_bytes);
  into->count++;
}

static void ring_pop(ring *from, void *message, size_t message_bytes) {
  memcpy(message, from->messages + from->first * message_bytes, message_bytes);
  from->first = (from->first + 1) % from->capacity;
  from->count--;
  if (!from->count)
    from->first = 0; /* from its beginning again, so that a quiet box never fills all of its pages */
}

static void mailbox_destroy(void *object) {
  cal_mailbox *box = object;
  for (int i = 0; i < LANES; i++) cal_free(box->lanes[i].messages);
  cal_free(box->batch);
  pthread_mutex_destroy(&box->lock);
}

static cal_metric *metric_of(const char *format, const char *name, const char *help) {
  char full[160];
  snprintf(full, sizeof full, format, name);
  return cal_counter(full, help);
}

static void on_wake(uv_async_t *wake);
static void on_turn(void *context);

/* Under the lock. */
static void wake_reader(cal_mailbox *box) {
  if (box->alone)
    cal_loop_defer(box->alone, on_turn, cal_ref(box));
  else
    uv_async_send(&box->wake);
}

int cal_mailbox_new(cal_mailbox **result, cal_loop *reader, const cal_mailbox_options *options) {
  assert(options->deliver && options->capacity > 0);
  assert(options->message_bytes > 0 && options->message_bytes <= CAL_MAIL_BYTES_MOST);
  cal_mailbox *box = cal_ref_new(sizeof *box, mailbox_destroy);
  box->options = *options;
  pthread_mutex_init(&box->lock, NULL);
  int status = uv_async_init(cal_loop_uv(reader), &box->wake, on_wake);
  if (status < 0) {
    cal_unref(box);
    return cal_fail(status, "no mailbox \"%s\": %s", options->name, uv_strerror(status));
  }
  if (cal_loop_is_alone(reader)) box->alone = reader;
  box->wake.data = cal_ref(box); /* given back when the handle has closed */
  for (int i = 0; i < LANES; i++) box->lanes[i].capacity = options->capacity;
  ring_open(&box->lanes[ORDINARY], options->message_bytes);
  box->last = BEGINNINGS;
  box->batch = cal_alloc(DELIVERED_A_TURN_MOST * options->message_bytes);
  box->dropped_metric = metric_of("callisto_mailbox_dropped_total{box=\"%s\"}", options->name,
                                  "Messages dropped because a mailbox was full.");
  box->refused_metric = metric_of("callisto_mailbox_refused_total{box=\"%s\"}", options->name,
                                  "Messages and reservations refused because a mailbox was full.");
  *result = box;
  return 0;
}

static void release(cal_mailbox *box, void *message) {
  if (box->options.drop) box->options.drop(box->options.context, message);
}

/* Under the lock. The lane whose turn it is among those that stand back. */
static lane next_to_stand_back(const cal_mailbox *box) {
  lane other = box->last == QUESTIONS ? BEGINNINGS : QUESTIONS;
  return box->lanes[other].count ? other : box->last;
}

/* Under the lock; something waits. */
static void pop_next(cal_mailbox *box, void *message) {
  lane from = ORDINARY;
  if (!box->lanes[ORDINARY].count) from = box->last = next_to_stand_back(box);
  ring_pop(&box->lanes[from], message, box->options.message_bytes);
}

/* Under the lock. */
static uint32_t waiting(const cal_mailbox *box) {
  uint32_t count = 0;
  for (int i = 0; i < LANES; i++) count += box->lanes[i].count;
  return count;
}

/* Moves a turn's worth into the batch; how many. When more is waiting, the handle is due again in the next
 * turn. */
static uint32_t take_batch(cal_mailbox *box) {
  uint32_t count = 0;
  pthread_mutex_lock(&box->lock);
  while (count < DELIVERED_A_TURN_MOST && box->lanes[ORDINARY].count)
    pop_next(box, box->batch + count++ * box->options.message_bytes);
  if (!count && waiting(box)) pop_next(box, box->batch + count++ * box->options.message_bytes);
  box->is_woken = waiting(box) > 0;
  if (box->is_woken) wake_reader(box);
  pthread_mutex_unlock(&box->lock);
  return count;
}

static void take_turn(cal_mailbox *box) {
  uint32_t count = take_batch(box);
  for (uint32_t i = 0; i < count; i++) {
    void *message = box->batch + i * box->options.message_bytes;
    if (box->is_closed) /* only the reader's thread writes it */
      release(box, message);
    else
      box->options.deliver(box->options.context, message);
  }
}

static void on_wake(uv_async_t *wake) {
  cal_mailbox *box = cal_ref(wake->data); /* `deliver` may close the box and give up its last reference */
  take_turn(box);
  cal_unref(box);
}

static void on_turn(void *context) { /* the reference came with it */
  take_turn(context);
  cal_unref(context);
}

static void on_wake_closed(uv_handle_t *handle) { cal_unref(handle->data); }

void *cal_mailbox_close(cal_mailbox *box) {
  if (!box) return NULL;
  pthread_mutex_lock(&box->lock);
  assert(!box->is_closed);
  box->is_closed = 1;
  pthread_mutex_unlock(&box->lock);
  /* Nothing is posted any more, so the rings are this thread's alone. */
  alignas(max_align_t) char message[CAL_MAIL_BYTES_MOST];
  while (cal_mailbox_waiting(box) > 0) {
    pthread_mutex_lock(&box->lock);
    pop_next(box, message);
    pthread_mutex_unlock(&box->lock);
    release(box, message);
  }
  uv_close((uv_handle_t *)&box->wake, on_wake_closed);
  return cal_unref(box);
}

static int has_room(const cal_mailbox *box) {
  return box->lanes[ORDINARY].count + box->promised < box->options.capacity;
}

static lane lane_of(cal_mail kind) {
  return kind == CAL_MAIL_QUESTION ? QUESTIONS : kind == CAL_MAIL_BEGINNING ? BEGINNINGS : ORDINARY;
}

/* Under the lock. */
static int admit(cal_mailbox *box, const void *message, cal_mail kind, int *is_dropped) {
  lane to = lane_of(kind);
  ring *into = &box->lanes[to];
  if (box->is_closed) return -ESHUTDOWN;
  if (kind == CAL_MAIL_CONTROL && !has_room(box)) return -ENOBUFS;
  if (to != ORDINARY && into->count == into->capacity) return -ENOBUFS;
  *is_dropped = kind == CAL_MAIL_TELEMETRY && !has_room(box);
  if (*is_dropped) return 0;
  if (kind == CAL_MAIL_RESERVED) {
    assert(box->promised > 0);
    box->promised--;
  }
  ring_push(into, message, box->options.message_bytes);
  if (!box->is_woken) wake_reader(box); /* under the lock, so the handle is not closed meanwhile */
  box->is_woken = 1;
  return 0;
}

static int refuse(cal_mailbox *box, int status) {
  if (status == -ESHUTDOWN) return cal_fail(status, "the mailbox \"%s\" is closed", box->options.name);
  cal_metric_add(box->refused_metric, 1);
  return cal_fail(status, "the mailbox \"%s\" is full: it holds %u messages", box->options.name,
                  box->options.capacity);
}

int cal_mailbox_post(cal_mailbox *box, const void *message, cal_mail kind) {
  int is_dropped = 0;
  pthread_mutex_lock(&box->lock);
  int status = admit(box, message, kind, &is_dropped);
  box->dropped += (uint64_t)is_dropped;
  pthread_mutex_unlock(&box->lock);
  if (is_dropped) {
    alignas(max_align_t) char victim[CAL_MAIL_BYTES_MOST];
    memcpy(victim, message, box->options.message_bytes);
    cal_metric_add(box->dropped_metric, 1);
    release(box, victim);
  }
  return status < 0 ? refuse(box, status) : 0;
}

int cal_mailbox_reserve(cal_mailbox *box) {
  pthread_mutex_lock(&box->lock);
  int status = box->is_closed ? -ESHUTDOWN : has_room(box) ? 0 : -ENOBUFS;
  if (status == 0) box->promised++;
  pthread_mutex_unlock(&box->lock);
  return status < 0 ? refuse(box, status) : 0;
}

void cal_mailbox_unreserve(cal_mailbox *box) {
  pthread_mutex_lock(&box->lock);
  assert(box->promised > 0);
  box->promised--;
  pthread_mutex_unlock(&box->lock);
}

uint64_t cal_mailbox_dropped(cal_mailbox *box) {
  pthread_mutex_lock(&box->lock);
  uint64_t dropped = box->dropped;
  pthread_mutex_unlock(&box->lock);
  return dropped;
}

cal_mail_waiting cal_mailbox_waiting_by_lane(cal_mailbox *box) {
  pthread_mutex_lock(&box->lock);
  cal_mail_waiting now = {.ordinary = box->lanes[ORDINARY].count,
                          .questions = box->lanes[QUESTIONS].count,
                          .beginnings = box->lanes[BEGINNINGS].count};
  pthread_mutex_unlock(&box->lock);
  return now;
}

uint32_t cal_mailbox_waiting(cal_mailbox *box) {
  pthread_mutex_lock(&box->lock);
  uint32_t count = waiting(box);
  pthread_mutex_unlock(&box->lock);
  return count;
}

int cal_mailbox_is_short(cal_mailbox *box) {
  pthread_mutex_lock(&box->lock);
  int is_short = box->lanes[ORDINARY].count + box->promised > box->options.capacity / 2;
  pthread_mutex_unlock(&box->lock);
  return is_short;
}
