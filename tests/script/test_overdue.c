/* What is done about requests nobody waits for any more; commands to the io thread are only collected. */
#include "script/overdue.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "io/doors.h"
#include "io/lobby.h"
#include "net/message.h"

#define CAME (1000 * CAL_S)
#define BUSY "<Response><Reject reason=\"busy\"/></Response>"

typedef struct desk {
  cal_clock *clock;
  cal_loop *loop;
  cal_reach reach;
  cal_asker *asker;
  cal_slots *slots;
  cal_id source; /* of an io thread */
  /* what the io thread was told last */
  int told, status;
  cal_command_kind kind;
  char body[1100], retry_after[8];
} desk;

static void on_command(void *context, void *message) {
  desk *at = context;
  cal_command *command = message;
  at->told++;
  at->kind = command->kind;
  if (command->kind == CAL_COMMAND_SOCKET_REFUSE) {
    at->status = ((cal_refusal *)command->object)->code;
  } else {
    at->status = command->message->status;
    snprintf(at->body, sizeof at->body, "%s", command->message->body);
    for (size_t i = 0; i < command->message->header_count; i++)
      if (!strcmp(command->message->headers[i].name, "retry-after"))
        snprintf(at->retry_after, sizeof at->retry_after, "%s", command->message->headers[i].value);
  }
  cal_command_drop(command);
}

static void drop_command(void *context, void *message) { cal_command_drop(message); }

static int setup(void **state) {
  desk *at = cal_alloc(sizeof *at);
  at->clock = cal_clock_simulated(CAL_S, 0);
  assert_int_equal(cal_loop_new(&at->loop, at->clock), 0);
  at->reach.io_threads = 1;
  at->reach.doors = cal_doors_new();
  cal_door door = {.kind = CAL_DOOR_BEGINS, .patience_ms = 15000, .status = 200, .content_type = "text/xml"};
  door.body_bytes = (uint32_t)snprintf(door.body, sizeof door.body, "%s", BUSY);
  assert_int_equal(cal_doors_declare(at->reach.doors, NULL, "/in", &door), 0);
  at->asker = cal_asker_new();
  at->slots = cal_slots_new(1, 1);
  at->source = cal_slots_add(at->slots, at);
  *state = at;
  return cal_mailbox_new(&at->reach.commands[0], at->loop,
                         &(cal_mailbox_options){.name = "commands",
                                                .message_bytes = sizeof(cal_command),
                                                .capacity = 16,
                                                .deliver = on_command,
                                                .drop = drop_command,
                                                .context = at});
}

static int teardown(void **state) {
  desk *at = *state;
  cal_mailbox_close(at->reach.commands[0]);
  int left = cal_loop_free(at->loop);
  cal_clock_free(at->clock);
  cal_doors_free(at->reach.doors);
  cal_slots_free(at->slots);
  cal_unref(at->asker);
  cal_free(at);
  return left;
}

/* Whether a request is overdue that came at CAME and may be begun for two seconds. */
static int is_overdue(desk *at, const char *path, uint32_t flags, uint64_t now_ns) {
  cal_event event = {.kind = CAL_EVENT_HTTP_REQUEST,
                     .source = at->source,
                     .flags = flags,
                     .came_ns = CAME,
                     .deadline_ns = CAME + 2 * CAL_S,
                     .message = cal_http_message_new()};
  event.message->method = cal_strdup("POST");
  event.message->path = cal_strdup(path);
  event.message->query = cal_strdup("");
  event.message->asker = cal_ref(at->asker);
  int is = cal_overdue(&at->reach, &event, now_ns);
  cal_event_drop(&event);
  cal_loop_poll(at->loop);
  return is;
}

static void what_is_begun_in_time_is_worked_on(void **state) {
  desk *at = *state;
  assert_false(is_overdue(at, "/in", 0, CAME));
  assert_false(is_overdue(at, "/in", 0, CAME + 2 * CAL_S));
  assert_int_equal(at->told, 0);
}

static void a_call_that_waited_too_long_gets_the_words_of_its_door(void **state) {
  desk *at = *state;
  assert_true(is_overdue(at, "/in", 0, CAME + 2 * CAL_S + 1));
  assert_int_equal(at->kind, CAL_COMMAND_HTTP_REPLY);
  assert_int_equal(at->status, 200);
  assert_string_equal(at->body, BUSY);
}

static void a_question_that_waited_too_long_is_to_be_asked_again(void **state) {
  desk *at = *state;
  assert_true(is_overdue(at, "/api/calls", 0, CAME + 3 * CAL_S));
  assert_int_equal(at->status, 503);
  assert_string_equal(at->retry_after, CAL_DOOR_RETRY_AFTER_S);
}

static void nothing_is_done_for_an_asker_that_has_left(void **state) {
  desk *at = *state;
  cal_asker_set(at->asker, CAL_ASKER_LEFT);
  assert_true(is_overdue(at, "/in", 0, CAME));
}

static void an_asker_that_sends_no_more_is_given_a_moment(void **state) {
  desk *at = *state;
  cal_asker_set(at->asker, CAL_ASKER_SENDS_NO_MORE);
  assert_false(is_overdue(at, "/in", 0, CAME + CAL_OVERDUE_DOUBT_NS));
  assert_true(is_overdue(at, "/in", 0, CAME + CAL_OVERDUE_DOUBT_NS + 1));
  assert_string_equal(at->body, BUSY); /* it may still read */
}

static void news_is_worked_on_whoever_has_left(void **state) {
  desk *at = *state;
  cal_asker_set(at->asker, CAL_ASKER_LEFT);
  assert_false(is_overdue(at, "/in", CAL_EVENT_NEWS, CAME + 3600 * CAL_S));
  assert_int_equal(at->told, 0);
}

static void a_socket_is_closed_instead(void **state) {
  desk *at = *state;
  cal_event event = {.kind = CAL_EVENT_SOCKET,
                     .source = at->source,
                     .came_ns = CAME,
                     .deadline_ns = CAME + 2 * CAL_S,
                     .message = cal_http_message_new()};
  assert_true(cal_overdue(&at->reach, &event, CAME + 3 * CAL_S));
  cal_event_drop(&event);
  cal_loop_poll(at->loop);
  assert_int_equal(at->kind, CAL_COMMAND_SOCKET_REFUSE);
  assert_int_equal(at->status, 1011);
}

static void other_events_are_never_overdue(void **state) {
  desk *at = *state;
  cal_event event = {.kind = CAL_EVENT_LEG_ENDED};
  assert_false(cal_overdue(&at->reach, &event, CAME));
}

#define ON_DESK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_DESK(what_is_begun_in_time_is_worked_on),
      ON_DESK(a_call_that_waited_too_long_gets_the_words_of_its_door),
      ON_DESK(a_question_that_waited_too_long_is_to_be_asked_again),
      ON_DESK(nothing_is_done_for_an_asker_that_has_left),
      ON_DESK(an_asker_that_sends_no_more_is_given_a_moment),
      ON_DESK(news_is_worked_on_whoever_has_left),
      ON_DESK(a_socket_is_closed_instead),
      ON_DESK(other_events_are_never_overdue),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
