/* What the planes share about a call: commands wait for the leg, keep their order, and nobody waits for a
 * lock twice. */
#include "io/kit.h"

#include <pthread.h>
#include <stdatomic.h>

static kit k;
static cal_mailbox *commands;
static uint32_t order[4096], order_count;
static cal_party *party;

static void on_command(void *context, void *message) {
  cal_command *command = message;
  if (order_count < 4096) order[order_count++] = command->utterance;
  cal_command_drop(command);
}

static void drop(void *context, void *message) { cal_command_drop(message); }

static int setup(void **state) {
  kit_open(&k);
  order_count = 0;
  assert_int_equal(cal_mailbox_new(&commands, k.loop,
                                   &(cal_mailbox_options){.name = "commands",
                                                          .message_bytes = sizeof(cal_command),
                                                          .capacity = 8192,
                                                          .deliver = on_command,
                                                          .drop = drop}),
                   0);
  party = kit_call(&k, (cal_party_options){.carrier_call = "CA1", .lead_ms = 5000});
  return 0;
}

static int teardown(void **state) {
  cal_mailbox_close(commands);
  cal_unref(party);
  kit_close(&k);
  return 0;
}

static int stop(uint32_t utterance) {
  return cal_party_command(party, &(cal_command){.kind = CAL_COMMAND_LEG_STOP, .utterance = utterance});
}

static void ended(void) {
  cal_party_detach(party);
  cal_party_event(party, &(cal_event){.kind = CAL_EVENT_LEG_ENDED, .text = cal_strdup("{}")});
}

static void take(void *context, cal_command *command) { on_command(NULL, command); }

static void options_are_copied_and_made_sane(void **state) {
  const cal_party_options *about = cal_party_about(party);
  assert_string_equal(about->carrier_call, "CA1");
  assert_int_equal(about->start_deadline_ms, 5000);
  assert_int_equal(about->longest_s, 14400);
  assert_int_equal(about->lead_ms, 400);
}

static void commands_wait_for_the_leg_in_order(void **state) {
  for (uint32_t i = 1; i <= 256; i++) assert_int_equal(stop(i), 0);
  char *text = cal_strdup("taken even when refused");
  assert_int_equal(cal_party_command(party, &(cal_command){.kind = CAL_COMMAND_LEG_TEXT, .text = text}),
                   -ENOBUFS);
  assert_int_equal(cal_party_begin(party), 0);
  cal_party_attach(party, 5, commands, take, NULL);
  assert_int_equal(order_count, 256);
  assert_int_equal(cal_party_leg(party), 5);
  assert_int_equal(stop(257), 0);
  assert_int_equal(order_count, 256);
  kit_run_ms(&k, 0);
  assert_int_equal(order_count, 257);
  for (uint32_t i = 0; i < 257; i++) assert_int_equal(order[i], i + 1);
  ended();
  assert_int_equal(cal_party_leg(party), 0);
  assert_int_equal(stop(258), -EPIPE);
}

static void a_call_dies_with_what_waits_in_it(void **state) { /* seen by the leak checker */
  kit_say(party, 1, kit_clip(100, "gone", 0), 0);
  cal_party_command(party, &(cal_command){.kind = CAL_COMMAND_LEG_DIGITS, .text = cal_strdup("123")});
  cal_party_command(
      party, &(cal_command){.kind = CAL_COMMAND_LEG_LISTEN, .listen = {.grammar = cal_ref_new(8, NULL)}});
}

/* What a leg does when a waiting command closes it: it ends from inside the hand-over. */
static void take_and_end(void *context, cal_command *command) {
  on_command(NULL, command);
  if (order_count != 3) return;
  ended();
  stop(99);
}

static void a_command_may_end_the_leg_while_it_is_handed_over(void **state) {
  for (uint32_t i = 1; i <= 5; i++) stop(i);
  assert_int_equal(cal_party_begin(party), 0);
  cal_party_attach(party, 5, commands, take_and_end, NULL);
  assert_int_equal(cal_party_leg(party), 0);
  assert_int_equal(order_count, 5);
  assert_int_equal(stop(6), -EPIPE);
  kit_run_ms(&k, 0);
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_ENDED), 1);
}

/* The script may hear of the end and dial again before the hand-over is done: the dead leg must not be
 * attached. */
static void take_end_and_dial(void *context, cal_command *command) {
  on_command(NULL, command);
  ended();
  cal_party_set_dial(party, &(cal_dial){.url = "ws://127.0.0.1:1/"});
  stop(50);
}

static void a_call_that_is_dialled_again_keeps_its_commands_for_the_next_leg(void **state) {
  stop(1);
  assert_int_equal(cal_party_begin(party), 0);
  cal_party_attach(party, 5, commands, take_end_and_dial, NULL);
  assert_int_equal(cal_party_leg(party), 0);
  assert_int_equal(order_count, 1);
  assert_int_equal(cal_party_begin(party), 0);
  cal_party_attach(party, 6, commands, take, NULL);
  assert_int_equal(cal_party_leg(party), 6);
  assert_int_equal(order[1], 50);
  ended();
}

static void take_and_post(void *context, cal_command *command) {
  on_command(NULL, command);
  if (command->utterance < 10) stop(command->utterance + 10); /* posted while earlier ones are handed over */
}

static void what_is_posted_meanwhile_overtakes_nothing(void **state) {
  for (uint32_t i = 1; i <= 3; i++) stop(i);
  assert_int_equal(cal_party_begin(party), 0);
  cal_party_attach(party, 5, commands, take_and_post, NULL);
  static const uint32_t expected[] = {1, 2, 3, 11, 12, 13};
  assert_int_equal(order_count, 6);
  assert_memory_equal(order, expected, sizeof expected);
  ended();
}

static void a_call_has_one_leg(void **state) {
  assert_int_equal(cal_party_begin(party), 0);
  assert_int_equal(cal_party_begin(party), -EBUSY);
  ended();
  assert_int_equal(cal_party_begin(party), 0);
  ended();
}

static void a_dial_lives_as_long_as_somebody_uses_it(void **state) {
  assert_null(cal_party_dial(party));
  cal_party_set_dial(party,
                     &(cal_dial){.url = "ws://one/", .opening = (const char *const[]){"a", "b", NULL}});
  cal_dial *one = cal_party_dial(party);
  cal_party_set_dial(party, &(cal_dial){.url = "ws://two/", .closing = "bye"});
  assert_string_equal(one->url, "ws://one/");
  assert_string_equal(one->opening[1], "b");
  assert_null(one->opening[2]);
  cal_dial *two = cal_party_dial(party);
  assert_string_equal(two->closing, "bye");
  cal_unref(one);
  cal_unref(two);
}

static void a_dial_may_bring_a_wire_of_its_own(void **state) {
  const cal_wire_spec wide = {
      .name = "wide", .encoding = CAL_L16BE, .rate_hz = 16000, .frame_ms = 20, .is_binary_out = 1};
  cal_wire *wire;
  assert_int_equal(cal_wire_compile(&wire, &wide), 0);
  uint32_t own_hz = cal_party_rate_hz(party);
  assert_int_not_equal(own_hz, 16000);
  cal_party_set_dial(party, &(cal_dial){.url = "ws://one/", .wire = wire});
  cal_unref(wire); /* the dial keeps it */
  assert_int_equal(cal_party_rate_hz(party), 16000);
  cal_party_set_dial(party, &(cal_dial){.url = "ws://two/"});
  assert_int_equal(cal_party_rate_hz(party), own_hz);
}

static void pitfall_15_the_end_finds_room_in_a_full_mailbox(void **state) {
  assert_int_equal(cal_party_begin(party), 0);
  uint32_t posted = 0;
  while (cal_mailbox_waiting(k.events) < 4095) {
    cal_party_event(party, &(cal_event){.kind = CAL_EVENT_DIGIT, .number = '1'});
    posted++;
  }
  cal_party_event(party, &(cal_event){.kind = CAL_EVENT_LEG_TEXT, .text = cal_strdup("dropped")});
  assert_int_equal(cal_mailbox_waiting(k.events), 4095);
  ended();
  kit_run_ms(&k, 0);
  assert_int_equal(kit_events(&k, CAL_EVENT_DIGIT), posted);
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_ENDED), 1);
  assert_int_equal(kit_event(&k, CAL_EVENT_LEG_ENDED, 0)->target, 77);
}

/* A script thread posts while the io thread attaches and detaches: no deadlock, order kept, nothing lost or
 * doubled while the leg is up. */
enum { POSTS = 3000 };
static atomic_int is_posting;

static void *post_many(void *context) {
  for (uint32_t i = 1; i <= POSTS; i++)
    while (stop(i) < 0) continue;
  atomic_store(&is_posting, 0);
  return NULL;
}

static void a_script_thread_and_an_io_thread_do_not_trip_over_each_other(void **state) {
  pthread_t script;
  atomic_store(&is_posting, 1);
  pthread_create(&script, NULL, post_many, NULL);
  assert_int_equal(cal_party_begin(party), 0);
  cal_party_attach(party, 5, commands, take, NULL);
  while (atomic_load(&is_posting)) kit_run_ms(&k, 0);
  pthread_join(script, NULL);
  kit_run_ms(&k, 0);
  kit_run_ms(&k, 0);
  assert_int_equal(order_count, POSTS);
  for (uint32_t i = 0; i < POSTS; i++) assert_int_equal(order[i], i + 1);
  ended();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(options_are_copied_and_made_sane),
      TEST(commands_wait_for_the_leg_in_order),
      TEST(a_call_dies_with_what_waits_in_it),
      TEST(a_command_may_end_the_leg_while_it_is_handed_over),
      TEST(a_call_that_is_dialled_again_keeps_its_commands_for_the_next_leg),
      TEST(what_is_posted_meanwhile_overtakes_nothing),
      TEST(a_call_has_one_leg),
      TEST(a_dial_lives_as_long_as_somebody_uses_it),
      TEST(a_dial_may_bring_a_wire_of_its_own),
      TEST(pitfall_15_the_end_finds_room_in_a_full_mailbox),
      TEST(a_script_thread_and_an_io_thread_do_not_trip_over_each_other),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
