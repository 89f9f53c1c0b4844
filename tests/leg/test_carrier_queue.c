/* The carrier's play-out buffer: sound in order, marks where they belong, a ceiling. */
#include "io/kit.h"

#include <malloc.h>

#include "leg/carrier_queue.h"

typedef struct passed {
  char names[2000][16];
  uint32_t count;
} passed;

static passed marks;

static void on_mark(void *context, const char *name, size_t bytes) {
  passed *p = context;
  assert_int_equal(strlen(name), bytes);
  snprintf(p->names[p->count++ % 2000], sizeof p->names[0], "%s", name);
}

static cal_carrier_queue *fresh(void) {
  memset(&marks, 0, sizeof marks);
  return cal_carrier_queue_new(RATE, on_mark, &marks);
}

static void fill(cal_carrier_queue *queue, int16_t first, size_t count) {
  int16_t samples[1000];
  for (size_t i = 0; i < count; i++) samples[i] = (int16_t)(first + (int)i);
  cal_carrier_queue_audio(queue, samples, count);
}

static void mark(cal_carrier_queue *queue, const char *name) {
  cal_carrier_queue_mark(queue, name, strlen(name));
}

static void sound_comes_out_as_it_went_in(void **state) {
  cal_carrier_queue *queue = fresh();
  static const size_t sizes[] = {1, 159, 160, 161, 999, 320, 7};
  int16_t next = 1, expected = 1, frame[160];
  for (int round = 0; round < 40; round++) {
    size_t count = sizes[round % 7];
    fill(queue, next, count);
    next = (int16_t)(next + (int)count);
    size_t got = cal_carrier_queue_pull(queue, frame, 160);
    for (size_t i = 0; i < 160; i++) {
      if (i < got)
        assert_int_equal(frame[i], expected++);
      else
        assert_int_equal(frame[i], 0);
    }
  }
  uint64_t waiting = cal_carrier_queue_waiting(queue);
  assert_int_equal(waiting, (uint64_t)(next - expected));
  while (waiting) {
    size_t got = cal_carrier_queue_pull(queue, frame, 160);
    for (size_t i = 0; i < got; i++) assert_int_equal(frame[i], expected++);
    waiting -= got;
  }
  assert_int_equal(cal_carrier_queue_pull(queue, frame, 160), 0);
  cal_carrier_queue_free(queue);
}

static void a_mark_passes_when_what_is_before_it_was_played(void **state) {
  cal_carrier_queue *queue = fresh();
  int16_t frame[160];
  mark(queue, "first"); /* nothing queued: at once */
  assert_int_equal(marks.count, 1);
  fill(queue, 1, 200);
  mark(queue, "middle");
  fill(queue, 1, 120);
  mark(queue, "end");
  cal_carrier_queue_pull(queue, frame, 160);
  assert_int_equal(marks.count, 1);
  assert_int_equal(cal_carrier_queue_pull(queue, frame, 160), 160);
  assert_int_equal(marks.count, 1); /* 160 of 200 were played; the rest sounds now */
  mark(queue, "late");              /* the last frame is still sounding */
  assert_int_equal(marks.count, 1);
  assert_int_equal(cal_carrier_queue_pull(queue, frame, 160), 0);
  assert_int_equal(marks.count, 4);
  assert_string_equal(marks.names[1], "middle");
  assert_string_equal(marks.names[2], "end");
  assert_string_equal(marks.names[3], "late");
  cal_carrier_queue_free(queue);
}

static void a_clear_gives_all_marks_back_and_leaves_silence(void **state) {
  cal_carrier_queue *queue = fresh();
  int16_t frame[160];
  fill(queue, 1, 500);
  mark(queue, "a");
  fill(queue, 1, 500);
  mark(queue, "b");
  cal_carrier_queue_pull(queue, frame, 160);
  assert_int_equal(marks.count, 0);
  cal_carrier_queue_clear(queue);
  assert_int_equal(marks.count, 2);
  assert_string_equal(marks.names[0], "a");
  assert_int_equal(cal_carrier_queue_waiting(queue), 0);
  assert_int_equal(cal_carrier_queue_pull(queue, frame, 160), 0);
  cal_carrier_queue_clear(queue);
  assert_int_equal(marks.count, 2);
  fill(queue, 5, 10);
  assert_int_equal(cal_carrier_queue_pull(queue, frame, 160), 10);
  assert_int_equal(frame[0], 5);
  cal_carrier_queue_free(queue);
}

static void marks_may_be_forgotten_at_a_clear(void **state) {
  cal_carrier_queue *queue = fresh();
  int16_t second[RATE] = {0};
  cal_carrier_queue_audio(queue, second, RATE);
  mark(queue, "lost");
  cal_carrier_queue_drop_marks(queue);
  cal_carrier_queue_clear(queue);
  assert_int_equal(marks.count, 0);
  mark(queue, "next");
  assert_int_equal(marks.count, 1);
  cal_carrier_queue_free(queue);
}

static void ten_minutes_are_held_and_more_is_counted(void **state) {
  cal_carrier_queue *queue = fresh();
  int16_t second[RATE] = {0}, frame[160];
  for (int i = 0; i < 605; i++) cal_carrier_queue_audio(queue, second, RATE);
  assert_int_equal(cal_carrier_queue_waiting(queue), 600u * RATE);
  assert_int_equal(cal_carrier_queue_dropped(queue), 5u * RATE);
  cal_carrier_queue_pull(queue, frame, 160);
  cal_carrier_queue_audio(queue, second, 200);
  assert_int_equal(cal_carrier_queue_waiting(queue), 600u * RATE);
  assert_int_equal(cal_carrier_queue_dropped(queue), 5u * RATE + 40);
  for (int i = 0; i < 3000; i++) mark(queue, "m"); /* these have a ceiling too */
  cal_carrier_queue_clear(queue);
  assert_int_equal(marks.count, 1024);
  cal_carrier_queue_free(queue);
}

static void what_was_played_is_given_back(void **state) {
  cal_carrier_queue *queue = fresh();
  int16_t second[RATE] = {0}, frame[160];
  size_t most = 0, before = mallinfo2().uordblks;
  for (int i = 0; i < 50 * 600; i++) {
    if (i % 50 == 0) cal_carrier_queue_audio(queue, second, RATE);
    cal_carrier_queue_pull(queue, frame, 160);
    size_t now = mallinfo2().uordblks;
    if (now > before && now - before > most) most = now - before;
  }
  assert_true(most < 64 * 1024);
  cal_carrier_queue_free(queue);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sound_comes_out_as_it_went_in),
      cmocka_unit_test(a_mark_passes_when_what_is_before_it_was_played),
      cmocka_unit_test(a_clear_gives_all_marks_back_and_leaves_silence),
      cmocka_unit_test(marks_may_be_forgotten_at_a_clear),
      cmocka_unit_test(ten_minutes_are_held_and_more_is_counted),
      cmocka_unit_test(what_was_played_is_given_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
