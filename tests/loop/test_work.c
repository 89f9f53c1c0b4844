/* Work beside the loop: on its own thread, standing back, and its end on the loop's. */
#include "loop/work.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/nice.h"

typedef struct seen {
  cal_loop *loop;
  pthread_t of_run, of_done;
  int nice, runs, was_run_first;
} seen;

static void run(void *context) {
  seen *s = context;
  s->of_run = pthread_self();
  s->nice = getpriority(PRIO_PROCESS, (id_t)gettid());
  s->runs++;
}

static void done(void *context) {
  seen *s = context;
  s->of_done = pthread_self();
  s->was_run_first = s->runs == 1;
  cal_loop_stop(s->loop);
}

static void it_runs_on_a_thread_that_stands_back_and_ends_on_the_loop(void **unused) {
  seen s = {0};
  assert_int_equal(cal_loop_new(&s.loop, cal_clock_real()), 0);
  const cal_work work = {"work", CAL_NICE_BUILDER, run, done, &s};
  assert_int_equal(cal_work_start(s.loop, &work), 0);
  cal_loop_run(s.loop);
  assert_true(s.was_run_first);
  assert_false(pthread_equal(s.of_run, pthread_self()));
  assert_true(pthread_equal(s.of_done, pthread_self()));
  int expected = getpriority(PRIO_PROCESS, (id_t)getpid()) + CAL_NICE_BUILDER;
  assert_int_equal(s.nice, expected < 19 ? expected : 19);
  assert_int_equal(cal_loop_free(s.loop), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_runs_on_a_thread_that_stands_back_and_ends_on_the_loop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
