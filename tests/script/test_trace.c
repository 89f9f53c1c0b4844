/* A trace: one JSON object a line, whatever is in it, and no secret. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "script/trace.h"

#define WALL_MS 1772532900000
#define HEAD "{\"at_ms\":1772532900000,\"call\":\"c1\","

typedef struct desk {
  cal_files *files;
  cal_clock *clock;
  cal_trace *trace;
  char path[64];
  cal_buf text; /* of the file, once it is closed */
} desk;

static int setup(void **state) {
  desk *d = cal_alloc(sizeof *d);
  cal_log_setup(CAL_LOG_ERROR, 0);
  strcpy(d->path, "/tmp/callisto-trace-XXXXXX");
  close(mkstemp(d->path));
  d->clock = cal_clock_simulated(CAL_S, WALL_MS);
  cal_buf_init(&d->text, 64 << 20);
  *state = d;
  if (cal_files_open(&d->files, &(cal_files_options){.clock = d->clock})) return -1;
  return cal_trace_open(&d->trace, d->files, d->path, d->clock);
}

static void read_back(desk *d) {
  char piece[4096];
  d->trace = cal_trace_close(d->trace);
  d->files = cal_files_close(d->files);
  FILE *file = fopen(d->path, "rb");
  for (size_t got; (got = fread(piece, 1, sizeof piece, file)) > 0;) cal_buf_append(&d->text, piece, got);
  fclose(file);
  cal_buf_append(&d->text, "", 1);
}

static int teardown(void **state) {
  desk *d = *state;
  cal_trace_close(d->trace);
  cal_files_close(d->files);
  cal_clock_free(d->clock);
  cal_buf_free(&d->text);
  unlink(d->path);
  cal_free(d);
  return 0;
}

static void event(desk *d, cal_event e) { cal_trace_event(d->trace, "c1", &e); }

static void secrets_are_left_out_wherever_they_stand(void **state) {
  desk *d = *state;
  static const struct {
    const char *begin, *written;
  } cases[] = {
      {"{\"secrets\":{\"key\":\"a}b\\\"c,\",\"x\":[1,{\"y\":2}]},\"from\":\"1\"}", "{\"from\":\"1\"}"},
      {"{\"a\":[1,2,{\"b\":\"}\"}],\"secrets\":{},\"c\":true}", "{\"a\":[1,2,{\"b\":\"}\"}],\"c\":true}"},
      {"{\"a\":{\"secrets\":{\"key\":1}},\"secrets\":{\"k\":\"v\"}}", "{\"a\":{\"secrets\":{\"key\":1}}}"},
      {"{\"a\":\"\\\\\",\"secrets\":null}", "{\"a\":\"\\\\\"}"},
      {"{}", "{}"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    event(d, (cal_event){.kind = CAL_EVENT_BEGIN, .text = (char *)cases[i].begin});
  read_back(d);
  const char *at = d->text.data;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char line[256];
    int bytes = snprintf(line, sizeof line, HEAD "\"what\":\"event\",\"kind\":\"begin\",\"data\":%s}\n",
                         cases[i].written);
    assert_memory_equal(at, line, (size_t)bytes);
    at += bytes;
  }
  assert_int_equal(*at, 0);
}

static void every_kind_is_one_line(void **state) {
  desk *d = *state;
  cal_trace_wire(d->trace, "c1", 0, "{\"a\":\"\n\"}", 9, 0);
  cal_trace_wire(d->trace, "c1", 1, "\0\377", 2, 1);
  cal_trace_did(d->trace, "c1", "say", "{\"number\":1}");
  event(d, (cal_event){.kind = CAL_EVENT_WAKE}); /* not worth a line */
  event(d, (cal_event){.kind = CAL_EVENT_DIGIT, .number = '#'});
  event(d, (cal_event){.kind = CAL_EVENT_UTTERANCE_ENDED,
                       .utterance = 3,
                       .number = 1200,
                       .flags = CAL_EVENT_INTERRUPTED,
                       .text = "Shall \"we\""});
  event(d, (cal_event){.kind = CAL_EVENT_HTTP_RESPONSE, .source = 7, .code = -110});
  read_back(d);
  assert_string_equal(
      d->text.data,
      HEAD "\"what\":\"wire\",\"to\":\"us\",\"text\":\"{\\\"a\\\":\\\"\\n\\\"}\"}\n" HEAD
           "\"what\":\"wire\",\"to\":\"carrier\",\"base64\":\"AP8=\"}\n" HEAD
           "\"what\":\"did\",\"kind\":\"say\",\"data\":{\"number\":1}}\n" HEAD
           "\"what\":\"event\",\"kind\":\"digit\",\"data\":{\"key\":\"#\"}}\n" HEAD
           "\"what\":\"event\",\"kind\":\"utterance_ended\",\"data\":{\"number\":3,\"heard_ms\":1200,"
           "\"interrupted\":true,\"heard\":\"Shall \\\"we\\\"\"}}\n" HEAD
           "\"what\":\"event\",\"kind\":\"response\",\"data\":{\"number\":7,\"error\":\"ETIMEDOUT\"}}\n");
}

static void *write_many(void *trace) {
  for (int i = 0; i < 5000; i++) cal_trace_wire(trace, "c1", i & 1, "0123456789", 10, 0);
  return NULL;
}

static void lines_of_several_threads_stay_whole(void **state) {
  desk *d = *state;
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, write_many, d->trace), 0);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  read_back(d);
  int count = 0;
  for (char *rest = d->text.data, *line; (line = strsep(&rest, "\n")) && rest; count++) {
    assert_memory_equal(line, HEAD, strlen(HEAD));
    assert_non_null(strstr(line, "\"0123456789\"}"));
  }
  assert_int_equal(count, 20000);
}

#define ON_DESK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {ON_DESK(secrets_are_left_out_wherever_they_stand),
                                     ON_DESK(every_kind_is_one_line),
                                     ON_DESK(lines_of_several_threads_stay_whole)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
