/* The first uses of XML in a process may come on several threads at once. libxml2 sets itself up then, once a process, so every
 * try is a process of its own, and nothing here uses XML before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "data/xml.h"

#define TRIES 100
#define THREADS 6

static pthread_barrier_t start;

static int write_one(void) {
  cal_buf into;
  cal_buf_init(&into, 1000);
  cal_xml_writer *writer = cal_xml_writer_new(&into);
  cal_xml_open(writer, "Response");
  cal_xml_put_text(writer, (cal_span){"Hello", 5});
  cal_xml_close(writer);
  int code = cal_xml_writer_end(writer);
  cal_buf_free(&into);
  return code;
}

static int read_one(void) {
  static const char text[] = "<Response>Hello</Response>";
  cal_xml *root = NULL;
  int code = cal_xml_parse(&root, text, strlen(text));
  cal_unref(root);
  return code;
}

static void *use(void *is_writer) {
  pthread_barrier_wait(&start);
  return (void *)(intptr_t)(is_writer ? write_one() : read_one());
}

/* Returns 0 if all went well. */
static int use_on_all(void) {
  pthread_t threads[THREADS];
  int failed = 0;
  pthread_barrier_init(&start, NULL, THREADS);
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, use, i % 2 ? &start : NULL);
  for (int i = 0; i < THREADS; i++) {
    void *code;
    pthread_join(threads[i], &code);
    if (code) failed = 1;
  }
  return failed;
}

static void its_first_uses_may_be_at_once(void **state) {
  for (int i = 0; i < TRIES; i++) {
    pid_t child = fork();
    if (child == 0) _exit(use_on_all());
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(its_first_uses_may_be_at_once)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
