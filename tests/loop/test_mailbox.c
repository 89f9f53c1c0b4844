#include "loop/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#define CAPACITY 16

typedef struct letter {
  int kind;
  int writer;
  int number;
  int *owned; /* released by whoever ends up with the letter */
} letter;

typedef struct desk {
  cal_clock *clock;
  cal_loop *loop;
  cal_mailbox *box;
  letter got[4096];
  int got_count;
  atomic_int dropped;
  int closes_at; /* the delivery during which the box is closed; 0 = none */
  int posts_at;  /* the delivery during which another letter is posted; 0 = none */
  letter first_dropped;
} desk;

static void deliver(void *context, void *message) {
  desk *reader = context;
  letter *arrived = message;
  cal_free(arrived->owned);
  assert_in_range(reader->got_count, 0, 4095);
  reader->got[reader->got_count++] = *arrived;
  if (reader->got_count == reader->closes_at) reader->box = cal_mailbox_close(reader->box);
  if (reader->got_count == reader->posts_at)
    cal_mailbox_post(reader->box, &(letter){.number = 12}, CAL_MAIL_CONTROL);
}

static void drop(void *context, void *message) {
  desk *reader = context;
  letter *gone = message;
  cal_free(gone->owned);
  if (atomic_fetch_add(&reader->dropped, 1) == 0) reader->first_dropped = *gone;
}

static int open_desk(void **state, int is_alone) {
  desk *made = cal_alloc(sizeof *made);
  made->clock = cal_clock_simulated(CAL_S, 0);
  if (cal_loop_new(&made->loop, made->clock) < 0) return -1;
  if (is_alone) cal_loop_set_alone(made->loop);
  cal_mailbox_options options = {
      .name = "test",
      .message_bytes = sizeof(letter),
      .capacity = CAPACITY,
      .deliver = deliver,
      .drop = drop,
      .context = made,
  };
  *state = made;
  return cal_mailbox_new(&made->box, made->loop, &options);
}

static int setup(void **state) { return open_desk(state, 0); }
static int setup_alone(void **state) { return open_desk(state, 1); }

static int teardown(void **state) {
  desk *made = *state;
  made->box = cal_mailbox_close(made->box);
  int left = cal_loop_free(made->loop);
  cal_clock_free(made->clock);
  cal_free(made);
  return left;
}

static int post(desk *to, cal_mail kind, int number) {
  letter sent = {.kind = kind, .number = number, .owned = cal_alloc(sizeof(int))};
  int status = cal_mailbox_post(to->box, &sent, kind);
  if (status < 0) cal_free(sent.owned);
  return status;
}

static void letters_come_from_the_loop_in_the_order_of_posting_whatever_their_kind(void **state) {
  desk *at = *state;
  static const cal_mail kinds[] = {CAL_MAIL_CONTROL, CAL_MAIL_TELEMETRY, CAL_MAIL_RESERVED,
                                   CAL_MAIL_TELEMETRY, CAL_MAIL_CONTROL};
  assert_int_equal(cal_mailbox_reserve(at->box), 0);
  for (int i = 0; i < 5; i++) assert_int_equal(post(at, kinds[i], i), 0);
  assert_int_equal(at->got_count, 0);
  assert_int_equal(cal_mailbox_waiting(at->box), 5);
  cal_loop_poll(at->loop);
  assert_int_equal(at->got_count, 5);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(at->got[i].number, i);
    assert_int_equal(at->got[i].kind, kinds[i]);
  }
  assert_int_equal(cal_mailbox_waiting(at->box), 0);
}

static void full_control_is_refused_and_the_writer_keeps_its_letter(void **state) {
  desk *at = *state;
  for (int i = 0; i < CAPACITY; i++) assert_int_equal(post(at, CAL_MAIL_CONTROL, i), 0);
  assert_int_equal(post(at, CAL_MAIL_CONTROL, 99), -ENOBUFS);
  assert_int_equal(cal_mailbox_dropped(at->box), 0);
  assert_int_equal(post(at, CAL_MAIL_BEGINNING, 100), 0); /* it has its own room */
  for (int turn = 0; turn < 3; turn++) cal_loop_poll(at->loop);
  assert_int_equal(at->got_count, CAPACITY + 1);
  assert_int_equal(post(at, CAL_MAIL_CONTROL, 101), 0);
}

static void a_lane_that_is_full_refuses_and_leaves_the_others_their_room(void **state) {
  desk *at = *state;
  for (int i = 0; i < CAPACITY; i++) assert_int_equal(post(at, CAL_MAIL_BEGINNING, i), 0);
  assert_int_equal(post(at, CAL_MAIL_BEGINNING, 99), -ENOBUFS);
  assert_int_equal(post(at, CAL_MAIL_CONTROL, 100), 0);
  for (int i = 0; i < CAPACITY; i++) assert_int_equal(post(at, CAL_MAIL_QUESTION, i), 0);
  assert_int_equal(post(at, CAL_MAIL_QUESTION, 99), -ENOBUFS);
  cal_mail_waiting waiting = cal_mailbox_waiting_by_lane(at->box);
  assert_int_equal(waiting.ordinary, 1);
  assert_int_equal(waiting.questions, CAPACITY);
  assert_int_equal(waiting.beginnings, CAPACITY);
  assert_int_equal(cal_mailbox_waiting(at->box), 2 * CAPACITY + 1);
  assert_int_equal(at->dropped, 0);
}

static void what_may_wait_comes_one_at_a_time_behind_all_the_rest(void **state) {
  desk *at = *state;
  static const int expected[] = {10, 11, 0, 12, 1, 2};
  for (int i = 0; i < 3; i++) assert_int_equal(post(at, CAL_MAIL_BEGINNING, i), 0);
  for (int i = 10; i < 12; i++) assert_int_equal(post(at, CAL_MAIL_CONTROL, i), 0);
  at->posts_at = 3; /* while one of them is worked on */
  while (cal_mailbox_waiting(at->box)) cal_loop_poll(at->loop);
  assert_int_equal(at->got_count, 6);
  for (int i = 0; i < 6; i++) assert_int_equal(at->got[i].number, expected[i]);
}

static void questions_and_beginnings_take_turns_so_that_neither_keeps_the_other_out(void **state) {
  desk *at = *state;
  static const int expected[] = {0, 10, 1, 11, 12, 13, 14};
  for (int i = 0; i < 2; i++) assert_int_equal(post(at, CAL_MAIL_QUESTION, i), 0);
  for (int i = 10; i < 15; i++) assert_int_equal(post(at, CAL_MAIL_BEGINNING, i), 0);
  while (cal_mailbox_waiting(at->box)) cal_loop_poll(at->loop);
  assert_int_equal(at->got_count, 7);
  for (int i = 0; i < 7; i++) assert_int_equal(at->got[i].number, expected[i]);
}

static void full_telemetry_drops_the_new_one(void **state) {
  desk *at = *state;
  for (int i = 0; i < CAPACITY + 3; i++) assert_int_equal(post(at, CAL_MAIL_TELEMETRY, i), 0);
  assert_int_equal(cal_mailbox_dropped(at->box), 3);
  assert_int_equal(at->dropped, 3);
  assert_int_equal(at->first_dropped.number, CAPACITY);
  cal_loop_poll(at->loop);
  assert_int_equal(at->got_count, CAPACITY);
  assert_int_equal(at->got[CAPACITY - 1].number, CAPACITY - 1);
}

static void a_reserved_answer_always_fits(void **state) {
  desk *at = *state;
  for (int i = 0; i < 4; i++) assert_int_equal(cal_mailbox_reserve(at->box), 0);
  int taken = 0;
  while (post(at, CAL_MAIL_CONTROL, taken) == 0) taken++;
  assert_int_equal(taken, CAPACITY - 4);
  assert_int_equal(cal_mailbox_reserve(at->box), -ENOBUFS);
  for (int i = 0; i < 50; i++) {
    post(at, CAL_MAIL_TELEMETRY, i);
    post(at, CAL_MAIL_BEGINNING, i);
  }
  cal_mailbox_unreserve(at->box); /* one answer will never come: its room is free for others */
  assert_int_equal(post(at, CAL_MAIL_CONTROL, taken), 0);
  assert_int_equal(post(at, CAL_MAIL_CONTROL, 99), -ENOBUFS);
  for (int i = 0; i < 3; i++) assert_int_equal(post(at, CAL_MAIL_RESERVED, 500 + i), 0);
  cal_loop_poll(at->loop);
  int answers = 0, controls = 0;
  for (int i = 0; i < at->got_count; i++) {
    answers += at->got[i].kind == CAL_MAIL_RESERVED;
    controls += at->got[i].kind == CAL_MAIL_CONTROL;
  }
  assert_int_equal(answers, 3);
  assert_int_equal(controls, CAPACITY - 3);
  for (int i = 0; i < CAPACITY; i++) assert_int_equal(cal_mailbox_reserve(at->box), 0);
  assert_int_equal(cal_mailbox_reserve(at->box), -ENOBUFS);
}

static void closing_drops_what_waits_and_refuses_what_comes(void **state) {
  desk *at = *state;
  cal_mailbox *writers = cal_ref(at->box);
  for (int i = 0; i < 5; i++) post(at, i % 2 ? CAL_MAIL_CONTROL : CAL_MAIL_BEGINNING, i);
  at->box = cal_mailbox_close(at->box);
  assert_null(at->box);
  assert_int_equal(at->dropped, 5);
  assert_int_equal(at->first_dropped.number, 1);
  letter late = {0};
  for (int kind = CAL_MAIL_CONTROL; kind <= CAL_MAIL_TELEMETRY; kind++)
    assert_int_equal(cal_mailbox_post(writers, &late, (cal_mail)kind), -ESHUTDOWN);
  assert_int_equal(cal_mailbox_reserve(writers), -ESHUTDOWN);
  cal_loop_poll(at->loop);
  assert_int_equal(at->got_count, 0);
  assert_int_equal(at->dropped, 5);
  cal_unref(writers);
}

static void closing_from_a_delivery_drops_the_rest(void **state) {
  desk *at = *state;
  at->closes_at = 3;
  for (int i = 0; i < 10; i++) post(at, CAL_MAIL_CONTROL, i);
  cal_loop_poll(at->loop);
  assert_null(at->box);
  assert_int_equal(at->got_count, 3);
  assert_int_equal(at->dropped, 7);
}

typedef struct flood {
  cal_timer timer;
  desk *at;
  int posted;
  int is_over;
} flood;

static void deliver_and_post_again(void *context, void *message) {
  flood *endless = context;
  letter next = {.number = ++endless->posted};
  if (!endless->is_over) cal_mailbox_post(endless->at->box, &next, CAL_MAIL_CONTROL);
}

static void end_flood(cal_timer *timer) { ((flood *)timer)->is_over = 1; }

static void a_flood_cannot_starve_a_timer(void **state) {
  desk at = {.clock = cal_clock_real()};
  flood endless = {.at = &at};
  assert_int_equal(cal_loop_new(&at.loop, at.clock), 0);
  cal_mailbox_options options = {.name = "flood",
                                 .message_bytes = sizeof(letter),
                                 .capacity = 500,
                                 .deliver = deliver_and_post_again,
                                 .context = &endless};
  assert_int_equal(cal_mailbox_new(&at.box, at.loop, &options), 0);
  letter first = {0};
  for (int i = 0; i < 500; i++) assert_int_equal(cal_mailbox_post(at.box, &first, CAL_MAIL_CONTROL), 0);
  cal_timer_start(at.loop, &endless.timer, cal_loop_now_ns(at.loop) + CAL_MS, end_flood);
  while (!endless.is_over) cal_loop_poll(at.loop); /* without a bound a turn this would not return */
  assert_true(endless.posted > 0);
  at.box = cal_mailbox_close(at.box);
  assert_int_equal(cal_loop_free(at.loop), 0);
}

#define WRITERS 4
#define ROUNDS 20000
#define KINDS (CAL_MAIL_TELEMETRY + 1)

/* Counts instead of keeping: what went in has to come out, be dropped or have been refused. */
typedef struct office {
  cal_loop *loop;
  cal_mailbox *box;
  int delivered[KINDS]; /* by kind; reader only */
  int last[WRITERS][KINDS];
  int is_out_of_order;
  atomic_int dropped[KINDS];
  atomic_int writers_left;
} office;

typedef struct writer {
  office *to;
  int index;
  int accepted[KINDS], refused[KINDS], reserve_refused;
  int is_wrong;
} writer;

static void office_deliver(void *context, void *message) {
  office *at = context;
  letter *arrived = message;
  at->delivered[arrived->kind]++;
  int *last = &at->last[arrived->writer][arrived->kind];
  if (arrived->number <= *last) at->is_out_of_order = 1;
  *last = arrived->number;
  cal_free(arrived->owned);
}

static void office_drop(void *context, void *message) {
  letter *gone = message;
  atomic_fetch_add(&((office *)context)->dropped[gone->kind], 1);
  cal_free(gone->owned);
}

static void write_one(writer *from, cal_mail kind, int number) {
  letter sent = {.kind = kind, .writer = from->index, .number = number, .owned = cal_alloc(sizeof(int))};
  *sent.owned = number;
  int status = cal_mailbox_post(from->to->box, &sent, kind);
  if (status == 0) {
    from->accepted[kind]++;
    return;
  }
  cal_free(sent.owned);
  if (kind == CAL_MAIL_RESERVED || kind == CAL_MAIL_TELEMETRY || status != -ENOBUFS) from->is_wrong = 1;
  from->refused[kind]++;
}

static void *write_all(void *context) {
  writer *from = context;
  for (int i = 1; i <= ROUNDS; i++) {
    int is_reserved = i % 4 == 0 && cal_mailbox_reserve(from->to->box) == 0;
    if (i % 4 == 0 && !is_reserved) from->reserve_refused++;
    write_one(from, CAL_MAIL_CONTROL, i);
    write_one(from, CAL_MAIL_QUESTION, i);
    write_one(from, CAL_MAIL_BEGINNING, i);
    write_one(from, CAL_MAIL_TELEMETRY, i);
    if (is_reserved && i % 8 == 0) cal_mailbox_unreserve(from->to->box);
    if (is_reserved && i % 8 != 0) write_one(from, CAL_MAIL_RESERVED, i);
  }
  if (atomic_fetch_sub(&from->to->writers_left, 1) == 1) cal_loop_stop(from->to->loop);
  return NULL;
}

static void four_writers_overflow_every_class_and_nothing_is_lost_unseen(void **state) {
  static office at;
  at.writers_left = WRITERS;
  assert_int_equal(cal_loop_new(&at.loop, cal_clock_real()), 0);
  cal_mailbox_options options = {.name = "office",
                                 .message_bytes = sizeof(letter),
                                 .capacity = CAPACITY,
                                 .deliver = office_deliver,
                                 .drop = office_drop,
                                 .context = &at};
  assert_int_equal(cal_mailbox_new(&at.box, at.loop, &options), 0);
  pthread_t threads[WRITERS];
  writer writers[WRITERS] = {{0}};
  for (int i = 0; i < WRITERS; i++) {
    writers[i] = (writer){.to = &at, .index = i};
    assert_int_equal(pthread_create(&threads[i], NULL, write_all, &writers[i]), 0);
  }
  cal_loop_run(at.loop);
  for (int i = 0; i < WRITERS; i++) pthread_join(threads[i], NULL);
  while (cal_mailbox_waiting(at.box) > 0) cal_loop_poll(at.loop);

  int accepted[KINDS] = {0}, refused[KINDS] = {0}, dropped = 0;
  for (int i = 0; i < WRITERS; i++) {
    assert_false(writers[i].is_wrong);
    for (int kind = 0; kind < KINDS; kind++) {
      accepted[kind] += writers[i].accepted[kind];
      refused[kind] += writers[i].refused[kind];
    }
  }
  for (int kind = 0; kind < KINDS; kind++) {
    assert_int_equal(accepted[kind], at.delivered[kind] + at.dropped[kind]);
    dropped += at.dropped[kind];
  }
  assert_int_equal(accepted[CAL_MAIL_CONTROL] + refused[CAL_MAIL_CONTROL], WRITERS * ROUNDS);
  assert_int_equal(accepted[CAL_MAIL_QUESTION] + refused[CAL_MAIL_QUESTION], WRITERS * ROUNDS);
  assert_int_equal(accepted[CAL_MAIL_BEGINNING] + refused[CAL_MAIL_BEGINNING], WRITERS * ROUNDS);
  assert_int_equal(accepted[CAL_MAIL_TELEMETRY], WRITERS * ROUNDS);
  assert_int_equal(at.dropped[CAL_MAIL_CONTROL], 0);
  assert_int_equal(at.dropped[CAL_MAIL_RESERVED], 0);
  assert_int_equal(at.dropped[CAL_MAIL_QUESTION], 0);
  assert_int_equal(at.dropped[CAL_MAIL_BEGINNING], 0);
  assert_int_equal(cal_mailbox_dropped(at.box), dropped);
  assert_false(at.is_out_of_order);
  /* Every promise was kept or given back. */
  for (int i = 0; i < CAPACITY; i++) assert_int_equal(cal_mailbox_reserve(at.box), 0);
  at.box = cal_mailbox_close(at.box);
  assert_int_equal(cal_loop_free(at.loop), 0);
}

static void more_than_one_turn_takes_comes_in_the_turns_after(void **state) {
  static desk kept; /* too large for the stack's taste */
  kept.clock = cal_clock_real();
  assert_int_equal(cal_loop_new(&kept.loop, kept.clock), 0);
  cal_mailbox_options options = {
      .name = "many", .message_bytes = sizeof(letter), .capacity = 500, .deliver = deliver, .context = &kept};
  assert_int_equal(cal_mailbox_new(&kept.box, kept.loop, &options), 0);
  for (int i = 0; i < 500; i++) assert_int_equal(post(&kept, CAL_MAIL_CONTROL, i), 0);
  cal_loop_poll(kept.loop);
  assert_in_range(kept.got_count, 1, 499);
  for (int turn = 0; turn < 500; turn++) cal_loop_poll(kept.loop);
  assert_int_equal(kept.got_count, 500);
  for (int i = 0; i < 500; i++) assert_int_equal(kept.got[i].number, i);
  kept.box = cal_mailbox_close(kept.box);
  assert_int_equal(cal_loop_free(kept.loop), 0);
}

static void *write_until_closed(void *context) {
  cal_mailbox *box = context;
  letter sent = {0};
  int status;
  do {
    sent.owned = cal_alloc(sizeof(int));
    status = cal_mailbox_post(box, &sent, CAL_MAIL_TELEMETRY); /* which is never refused */
  } while (status == 0);
  cal_free(sent.owned);
  cal_unref(box);
  return status == -ESHUTDOWN ? NULL : box;
}

static void a_box_may_be_closed_while_others_write(void **state) {
  desk *at = *state;
  pthread_t threads[WRITERS];
  at->closes_at = 100; /* from a delivery: writers that never pause would fill a turn of any length */
  for (int i = 0; i < WRITERS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, write_until_closed, cal_ref(at->box)), 0);
  while (at->box) cal_loop_poll(at->loop);
  assert_int_equal(at->got_count, 100);
  for (int i = 0; i < WRITERS; i++) {
    void *wrong = NULL;
    pthread_join(threads[i], &wrong);
    assert_null(wrong);
  }
}

#define ALONE(test) cmocka_unit_test_setup_teardown(test, setup_alone, teardown)
#define ON_DESK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

typedef struct page {
  char bytes[CAL_MAIL_BYTES_MOST];
} page;

static void count_page(void *context, void *message) { ++*(uint32_t *)context; }

static size_t resident_bytes(void) {
  unsigned long total = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
  fclose(file);
  return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* Its space is there for a flood; memory it never needed it must not take. */
static void a_large_box_that_is_read_at_once_takes_few_pages(void **unused) {
  enum { ROOM = 65536 };
  cal_clock *clock = cal_clock_simulated(CAL_S, 0);
  cal_loop *loop;
  cal_mailbox *box;
  uint32_t delivered = 0;
  assert_int_equal(cal_loop_new(&loop, clock), 0);
  assert_int_equal(cal_mailbox_new(&box, loop,
                                   &(cal_mailbox_options){.name = "large",
                                                          .message_bytes = sizeof(page),
                                                          .capacity = ROOM,
                                                          .deliver = count_page,
                                                          .context = &delivered}),
                   0);
  size_t before = resident_bytes();
  page message = {{0}};
  for (uint32_t i = 0; i < ROOM; i++) {
    assert_int_equal(cal_mailbox_post(box, &message, CAL_MAIL_CONTROL), 0);
    while (delivered <= i) cal_loop_poll(loop);
  }
  assert_true(resident_bytes() - before < ROOM * sizeof(page) / 4);
  cal_mailbox_close(box);
  assert_int_equal(cal_loop_free(loop), 0);
  cal_clock_free(clock);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_DESK(letters_come_from_the_loop_in_the_order_of_posting_whatever_their_kind),
      ON_DESK(full_control_is_refused_and_the_writer_keeps_its_letter),
      ON_DESK(a_lane_that_is_full_refuses_and_leaves_the_others_their_room),
      ON_DESK(what_may_wait_comes_one_at_a_time_behind_all_the_rest),
      ON_DESK(questions_and_beginnings_take_turns_so_that_neither_keeps_the_other_out),
      ON_DESK(full_telemetry_drops_the_new_one),
      ON_DESK(a_reserved_answer_always_fits),
      ON_DESK(closing_drops_what_waits_and_refuses_what_comes),
      ON_DESK(closing_from_a_delivery_drops_the_rest),
      cmocka_unit_test(a_flood_cannot_starve_a_timer),
      cmocka_unit_test(a_large_box_that_is_read_at_once_takes_few_pages),
      cmocka_unit_test(four_writers_overflow_every_class_and_nothing_is_lost_unseen),
      cmocka_unit_test(more_than_one_turn_takes_comes_in_the_turns_after),
      ON_DESK(a_box_may_be_closed_while_others_write),
      ALONE(letters_come_from_the_loop_in_the_order_of_posting_whatever_their_kind),
      ALONE(what_may_wait_comes_one_at_a_time_behind_all_the_rest),
      ALONE(questions_and_beginnings_take_turns_so_that_neither_keeps_the_other_out),
      ALONE(a_reserved_answer_always_fits),
      ALONE(closing_drops_what_waits_and_refuses_what_comes),
      ALONE(closing_from_a_delivery_drops_the_rest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
