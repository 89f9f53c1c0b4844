#include "io/doors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

static int setup(void **state) {
  *state = cal_doors_new();
  return 0;
}

static int teardown(void **state) {
  cal_doors_free(*state);
  return 0;
}

static cal_door busy(uint32_t patience_ms, const char *body) {
  cal_door door = {
      .kind = CAL_DOOR_BEGINS, .patience_ms = patience_ms, .status = 200, .content_type = "text/xml"};
  door.body_bytes = (uint32_t)snprintf(door.body, sizeof door.body, "%s", body);
  return door;
}

/* The door of a request with these words. */
static cal_door at(cal_doors *doors, const char *method, const char *path, const char *query,
                   const char *body) {
  cal_door door;
  cal_http_message request = {.method = (char *)(uintptr_t)method,
                              .path = (char *)(uintptr_t)path,
                              .query = (char *)(uintptr_t)query,
                              .body = (char *)(uintptr_t)body,
                              .body_bytes = body ? strlen(body) : 0};
  cal_doors_find(doors, &request, &door);
  return door;
}

static void a_path_is_found_by_its_segments(void **state) {
  static const struct {
    const char *method, *path;
    int is_found;
  } cases[] = {{"POST", "/telephony/twilio/inbound/shop", 1},
               {"GET", "/telephony/twilio/inbound/shop/", 1},
               {"POST", "/telephony/twilio/inbound", 0},
               {"POST", "/telephony/twilio/inbound/", 0},
               {"POST", "/telephony/twilio/inbound/shop/x", 0},
               {"POST", "/telephony/twilio/inboundx/shop", 0},
               {"POST", "/twilio/answer", 1},
               {"POST", "/twilio/answers", 0},
               {"POST", "/api/calls/outbound", 1},
               {"GET", "/api/calls/outbound", 0},
               {"POST", "/", 0},
               {"POST", "", 0}};
  cal_door door = busy(1000, "");
  assert_int_equal(cal_doors_declare(*state, NULL, "/telephony/twilio/inbound/{agent}", &door), 0);
  assert_int_equal(cal_doors_declare(*state, NULL, "/twilio/answer", &door), 0);
  assert_int_equal(cal_doors_declare(*state, "POST", "/api/calls/outbound", &door), 0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(at(*state, cases[i].method, cases[i].path, "", NULL).kind,
                     cases[i].is_found ? CAL_DOOR_BEGINS : CAL_DOOR_ASKS);
}

static void what_is_said_again_replaces(void **state) {
  cal_door first = busy(1000, "<Reject/>"), second = busy(2000, "<Hangup/>");
  for (int i = 0; i < 3; i++) assert_int_equal(cal_doors_declare(*state, NULL, "/in", &first), 0);
  assert_int_equal(cal_doors_declare(*state, NULL, "/in", &second), 0);
  cal_door found = at(*state, "POST", "/in", "", NULL);
  assert_int_equal(found.patience_ms, 2000);
  assert_string_equal(found.body, "<Hangup/>");
}

static void where_nothing_was_declared_questions_come_in_and_are_refused_with_a_problem(void **state) {
  cal_door door = at(*state, "GET", "/api/calls", "", NULL);
  assert_int_equal(door.kind, CAL_DOOR_ASKS);
  assert_int_equal(door.status, 503);
  assert_string_equal(door.content_type, "application/problem+json");
  assert_int_equal(door.body_bytes, strlen(door.body));
  assert_non_null(strstr(door.body, "overloaded"));
}

static void the_end_of_a_call_is_news_also_where_calls_begin(void **state) {
  cal_door door = busy(1000, "");
  snprintf(door.news[0], sizeof door.news[0], "CallStatus=completed");
  snprintf(door.news[1], sizeof door.news[1], "CallStatus=busy");
  assert_int_equal(cal_doors_declare(*state, NULL, "/in", &door), 0);
  assert_int_equal(at(*state, "POST", "/in", "", "CallUUID=1&CallStatus=busy&To=2").kind, CAL_DOOR_TELLS);
  assert_int_equal(at(*state, "GET", "/in", "CallUUID=1&CallStatus=completed", "").kind, CAL_DOOR_TELLS);
  assert_int_equal(at(*state, "POST", "/in", "", "CallUUID=1&CallStatus=ringing").kind, CAL_DOOR_BEGINS);
  assert_int_equal(at(*state, "POST", "/in", "", NULL).kind, CAL_DOOR_BEGINS);
  assert_int_equal(at(*state, "POST", "/elsewhere", "", "CallStatus=completed").kind, CAL_DOOR_ASKS);
}

static void too_many_are_refused_and_those_before_stay(void **state) {
  char path[32];
  cal_door door = busy(1, "");
  for (int i = 0; i < CAL_DOORS; i++) {
    snprintf(path, sizeof path, "/in/%d", i);
    assert_int_equal(cal_doors_declare(*state, NULL, path, &door), 0);
  }
  assert_int_equal(cal_doors_declare(*state, NULL, "/one/more", &door), -ENOBUFS);
  assert_int_equal(cal_doors_declare(*state, NULL, "in", &door), -EINVAL);
  assert_int_equal(at(*state, "GET", path, "", NULL).kind, CAL_DOOR_BEGINS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_path_is_found_by_its_segments, setup, teardown),
      cmocka_unit_test_setup_teardown(what_is_said_again_replaces, setup, teardown),
      cmocka_unit_test_setup_teardown(
          where_nothing_was_declared_questions_come_in_and_are_refused_with_a_problem, setup, teardown),
      cmocka_unit_test_setup_teardown(the_end_of_a_call_is_news_also_where_calls_begin, setup, teardown),
      cmocka_unit_test_setup_teardown(too_many_are_refused_and_those_before_stay, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
