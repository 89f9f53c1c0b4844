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

/* { from = "1", secrets = { key = { "a", true } }, list = { { y = 2.5 } } } */
static cal_value *beginning(void) {
  cal_buf packed;
  cal_buf_init(&packed, 4096);
  cal_value_open(&packed, CAL_VALUE_TABLE);
  cal_value_put_text(&packed, "from", "1");
  cal_value_text(&packed, cal_span_of("secrets"));
  cal_value_open(&packed, CAL_VALUE_TABLE);
  cal_value_text(&packed, cal_span_of("key"));
  cal_value_open(&packed, CAL_VALUE_LIST);
  cal_value_text(&packed, cal_span_of("a"));
  cal_value_flag(&packed, 1);
  cal_value_close(&packed);
  cal_value_close(&packed);
  cal_value_text(&packed, cal_span_of("list"));
  cal_value_open(&packed, CAL_VALUE_LIST);
  cal_value_open(&packed, CAL_VALUE_TABLE);
  cal_value_put_number(&packed, "y", 2.5);
  cal_value_close(&packed);
  cal_value_null(&packed);
  cal_value_close(&packed);
  cal_value_close(&packed);
  return cal_value_take(&packed);
}

static void secrets_are_left_out(void **state) {
  desk *d = *state;
  cal_event begin = {.kind = CAL_EVENT_BEGIN, .value = beginning()};
  event(d, begin);
  cal_event_drop(&begin);
  event(d, (cal_event){.kind = CAL_EVENT_BEGIN});
  event(d, (cal_event){.kind = CAL_EVENT_TOLD});
  read_back(d);
  assert_string_equal(
      d->text.data, HEAD
      "\"what\":\"event\",\"kind\":\"begin\",\"data\":{\"from\":\"1\",\"list\":[{\"y\":2.5},null]}}\n" HEAD
      "\"what\":\"event\",\"kind\":\"begin\",\"data\":{}}\n" HEAD
      "\"what\":\"event\",\"kind\":\"told\",\"data\":{\"value\":null}}\n");
}

static void every_kind_is_one_line(void **state) {
  desk *d = *state;
  cal_trace_wire(d->trace, "c1", 0, "{\"a\":\"\n\"}", 9, 0);
  cal_trace_wire(d->trace, "c1", 1, "\0\377", 2, 1);
  cal_trace_did(d->trace, "c1", "say", "{\"number\":1}");
  event(d, (cal_event){.kind = CAL_EVENT_WAKE}); /* not worth a line */
  event(d, (cal_event){.kind = CAL_EVENT_DIGIT, .party = 1, .number = '#'});
  event(d, (cal_event){.kind = CAL_EVENT_UTTERANCE_ENDED,
                       .party = 2,
                       .utterance = 3,
                       .number = 1200,
                       .flags = CAL_EVENT_INTERRUPTED,
                       .text = "Shall \"we\""});
  event(d, (cal_event){.kind = CAL_EVENT_HTTP_RESPONSE, .source = 7, .code = -110});
  read_back(d);
  assert_string_equal(
      d->text.data, HEAD
      "\"what\":\"wire\",\"to\":\"us\",\"text\":\"{\\\"a\\\":\\\"\\n\\\"}\"}\n" HEAD
      "\"what\":\"wire\",\"to\":\"carrier\",\"base64\":\"AP8=\"}\n" HEAD
      "\"what\":\"did\",\"kind\":\"say\",\"data\":{\"number\":1}}\n" HEAD
      "\"what\":\"event\",\"kind\":\"digit\",\"data\":{\"party\":1,\"key\":\"#\",\"in_band\":false}}\n" HEAD
      "\"what\":\"event\",\"kind\":\"utterance_ended\",\"data\":{\"party\":2,\"number\":3,\"heard_ms\":1200,"
      "\"heard\":\"Shall "
      "\\\"we\\\"\",\"interrupted\":true,\"with_leg\":false,\"proven\":false,\"unproven\":false}}\n" HEAD
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
  const struct CMUnitTest tests[] = {ON_DESK(secrets_are_left_out), ON_DESK(every_kind_is_one_line),
                                     ON_DESK(lines_of_several_threads_stay_whole)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
