/* A whole call between two engines in a lab: webhook or REST, media socket, voice, keys, hang-up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "lab/lab.h"

#define WALL_MS INT64_C(1772532900000)
#define SOON (20 * CAL_S)

static const char template_text[] = "local template = require 'callisto.template'\n"
                                    "return template { name = 'greeter', greeting = 'Hello Ann, this is Blue "
                                    "Shop.', on_call = function(call)\n"
                                    "  call:say 'One question only.'\n"
                                    "  call:finish('DONE', 'Thank you and goodbye.')\n"
                                    "end }\n";

static const cal_generation_root sources[] = {
    {.prefix = "templates.greeter", .dir = "templates.greeter", .text = template_text}};

static const char settings_json[] =
    "{\"env\":{\"PUBLIC_BASE_URL\":\"https://app.localhost\",\"TWILIO_ACCOUNT_SID\":\"AC01\","
    "\"TWILIO_AUTH_TOKEN\":\"a-secret\",\"TWILIO_PHONE_NUMBER\":\"+14150000002\",\"TWILIO_API_BASE\":"
    "\"https://exchange.test\"},\"file\":{\"exchange\":{\"cps\":100}},\"cli\":{}}";

typedef struct world {
  cal_lab *lab;
  cal_engine *app, *exchange;
  int status; /* of the last answer */
  char body[512];
} world;

static cal_lab_engine about(const char *host, const char *service, const char *warm) {
  return (cal_lab_engine){.host = host,
                          .service = service,
                          .warm_module = warm,
                          .workspace = CAL_SOURCE_DIR "/tests/bench/workspace",
                          .library = CAL_SOURCE_DIR "/lua",
                          .settings_json = settings_json,
                          .fields = "authorization content-type host user-agent x-twilio-signature",
                          .sources = sources,
                          .source_count = 1};
}

static void open_world(world *w, uint64_t seed) {
  *w = (world){0};
  assert_int_equal(cal_lab_new(&w->lab, &(cal_lab_options){.seed = seed, .wall_ms = WALL_MS}), 0);
  cal_lab_engine exchange =
      about("exchange.test", "callisto.exchange.service", "callisto.exchange.subscriber");
  cal_lab_engine app = about("app.localhost", "callisto.service", "callisto.flow");
  if (cal_lab_add(w->lab, &w->exchange, &exchange) < 0) fail_msg("%s", cal_error_text());
  if (cal_lab_add(w->lab, &w->app, &app) < 0) fail_msg("%s", cal_error_text());
}

static void close_world(world *w) { assert_int_equal(cal_lab_free(w->lab), 0); }

static void on_done(void *context, const cal_http_result *result) {
  world *w = context;
  w->status = result->error ? result->error : result->status;
  snprintf(w->body, sizeof w->body, "%.*s", (int)result->body.bytes,
           result->body.bytes ? result->body.at : "");
  cal_lab_stir(w->lab);
}

static int ask(world *w, const char *method, const char *url, const char *body) {
  static const cal_http_field from_here[] = {{{"content-type", 12}, {"application/json", 16}},
                                             {{"host", 4}, {"localhost", 9}}};
  cal_http_fetch_options options = {.method = method,
                                    .url = url,
                                    .body = cal_span_of(body),
                                    .fields = from_here,
                                    .field_count = 2,
                                    .context = w,
                                    .on_done = on_done};
  cal_id id;
  w->status = 0;
  assert_int_equal(cal_http_fetch(&id, cal_lab_net(w->lab), &options), 0);
  for (int turn = 0; turn < 1000 && !w->status; turn++) cal_lab_move(w->lab, SOON, 1);
  return w->status;
}

static void call_ann(world *w) {
  assert_int_equal(ask(w, "PUT", "https://exchange.test/exchange/puppets/+14150000001", "{}"), 204);
  int status = ask(w, "POST", "https://app.localhost/api/calls/outbound",
                   "{\"agent_name\":\"greeter\",\"to\":\"+14150000001\"}");
  if (status != 201) fail_msg("%d %s", status, w->body);
}

static void print_words(world *w, cal_buf *into, int with_times) {
  size_t count;
  const cal_lab_word *words = cal_lab_words(w->lab, &count);
  cal_buf_init(into, 1 << 20);
  for (size_t i = 0; i < count; i++) {
    cal_buf_format(into, "%s%s", i ? " " : "", words[i].word);
    if (with_times) cal_buf_format(into, " %llu", (unsigned long long)words[i].begin_ns);
  }
}

static void test_caller_hears_every_word(void **state) {
  world w;
  cal_buf heard;
  open_world(&w, 7);
  call_ann(&w);
  cal_lab_move(w.lab, SOON, 0);
  print_words(&w, &heard, 0);
  assert_string_equal(heard.data, "Hello Ann, this is Blue Shop. One question only. Thank you and goodbye.");
  cal_buf_free(&heard);
  close_world(&w);
}

static void test_nothing_is_left(void **state) {
  world w;
  cal_lab_left before, after;
  open_world(&w, 7);
  cal_lab_count(w.lab, &before);
  call_ann(&w);
  cal_lab_count(w.lab, &after);
  assert_int_equal(after.calls, 1); /* of the application; the telephone rings */
  assert_int_equal(after.vms, 1);
  cal_lab_move(w.lab, 60 * CAL_S, 0);
  cal_lab_count(w.lab, &after);
  assert_int_equal(after.calls + after.vms + after.legs + after.events + after.commands + after.speech, 0);
  assert_int_equal(after.sockets, 0);
  assert_int_equal(after.timers, before.timers);
  assert_int_equal(after.tasks, before.tasks);
  close_world(&w);
}

static void run_once(uint64_t seed, cal_buf *heard) {
  world w;
  open_world(&w, seed);
  call_ann(&w);
  cal_lab_move(w.lab, SOON, 0);
  print_words(&w, heard, 1);
  close_world(&w);
}

static void test_same_seed_is_the_same_call(void **state) {
  cal_buf one, other;
  run_once(3, &one);
  run_once(3, &other);
  assert_true(one.bytes > 100);
  assert_string_equal(one.data, other.data);
  cal_buf_free(&one);
  cal_buf_free(&other);
}

static void test_requests_are_recorded(void **state) {
  world w;
  size_t count, placed = 0;
  open_world(&w, 7);
  call_ann(&w);
  const cal_lab_request *requests = cal_lab_requests(w.lab, &count);
  for (size_t i = 0; i < count; i++)
    if (!strcmp(requests[i].authority, "exchange.test") && strstr(requests[i].path, "/Calls.json")) {
      placed++;
      assert_string_equal(requests[i].method, "POST");
      assert_int_equal(requests[i].status, 201);
      assert_non_null(strstr(requests[i].body, "To=%2B14150000001"));
    }
  assert_int_equal(placed, 1);
  cal_lab_move(w.lab, 60 * CAL_S, 0);
  close_world(&w);
}

/* In the middle of a call, and before anything. */
static void test_closed_at_any_time(void **state) {
  world w;
  for (int ms = 0; ms < 6000; ms += 700) {
    open_world(&w, 7);
    call_ann(&w);
    cal_lab_move(w.lab, (uint64_t)ms * CAL_MS, 0);
    close_world(&w);
  }
}

static void test_says_why_it_does_not_start(void **state) {
  cal_lab *lab;
  cal_engine *engine;
  cal_lab_engine broken = about("exchange.test", "callisto.exchange.service", "callisto.exchange.subscriber");
  static const cal_generation_root bad[] = {
      {.prefix = "exchange.subscribers", .dir = "exchange.subscribers", .text = "return return"}};
  broken.sources = bad;
  assert_int_equal(cal_lab_new(&lab, &(cal_lab_options){.seed = 1, .wall_ms = WALL_MS}), 0);
  assert_int_equal(cal_lab_add(lab, &engine, &broken), -EIO);
  assert_non_null(strstr(cal_error_text(), "exchange.subscribers"));
  assert_int_equal(cal_lab_free(lab), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_caller_hears_every_word),    cmocka_unit_test(test_nothing_is_left),
      cmocka_unit_test(test_same_seed_is_the_same_call), cmocka_unit_test(test_requests_are_recorded),
      cmocka_unit_test(test_closed_at_any_time),         cmocka_unit_test(test_says_why_it_does_not_start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
