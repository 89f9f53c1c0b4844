/* A leg whose protocol wants answers: opened, pongs and the last word leave from C; audio in few large
 * messages; the carrier says when it has played everything, when it had enough, and when it is over. The
 * other side by hand. */
#include "io/kit.h"
#include "wire/numbered.h"

static kit k;
static peer p;
static int sent;     /* texts of the peer so far */
static int answered; /* of the leg, seen by the peer */

static int setup(void **state) {
  kit_open(&k);
  cal_unref(k.wire);
  cal_unref(k.carrier_wire);
  k.wire = kit_wire(numbered_server());
  cal_wire_spec client = numbered_client();
  client.sequence_path = client.acknowledged_path = NULL; /* a test counts for itself */
  k.carrier_wire = kit_wire(client);
  sent = answered = 0;
  return 0;
}

static int teardown(void **state) {
  kit_close(&k);
  return 0;
}

static void say(const char *type, const char *parameters) {
  char text[512];
  snprintf(
      text, sizeof text,
      "{\"version\":\"2\",\"id\":\"5f5f\",\"type\":\"%s\",\"seq\":%d,\"serverseq\":0,\"position\":\"PT0S\","
      "\"parameters\":%s}",
      type, ++sent, parameters);
  peer_send(&p, text);
  kit_run_ms(&k, 0);
}

static void begin(cal_party_options options) {
  peer_join(&p, &k, kit_call(&k, options), 0);
  kit_run_ms(&k, 1);
  say("open", "{}");
}

static int last_is(const char *type) {
  char wanted[64];
  snprintf(wanted, sizeof wanted, "\"type\":\"%s\"", type);
  return strstr(p.last_text, wanted) != NULL;
}

static uint32_t packets(void) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < p.said_count; i++) count += p.said[i].kind == CAL_WIRE_AUDIO;
  return count;
}

static void an_open_is_answered_before_anything_is_said(void **state) {
  cal_party *call = kit_call(&k, (cal_party_options){0});
  kit_say(call, 1, kit_clip(500, "hello", 0), 0);
  peer_join(&p, &k, call, 0);
  kit_run_ms(&k, 1);
  assert_int_equal(p.said_count, 0);
  say("open", "{}");
  assert_int_equal(p.said[0].kind, CAL_WIRE_START);
  assert_int_equal(p.said[1].kind, CAL_WIRE_AUDIO);
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_STARTED), 1);
  assert_non_null(strstr(kit_event(&k, CAL_EVENT_LEG_STARTED, 0)->text, "\"call\":\"5f5f\""));
  kit_run_ms(&k, 2000);
  say("playback_completed", "{}");
  assert_non_null(kit_ended(&k, 1));
  peer_leave(&p);
}

static void a_ping_is_answered_at_once_and_told_nobody(void **state) {
  begin((cal_party_options){0});
  assert_true(last_is("opened"));
  say("ping", "{}");
  assert_true(last_is("pong"));
  assert_non_null(strstr(p.last_text, "\"seq\":2,\"clientseq\":2"));
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_TEXT), 0);
  say("update", "{\"language\":\"hi-IN\"}");
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_TEXT), 1);
  peer_leave(&p);
}

static void audio_leaves_in_few_large_messages(void **state) {
  begin((cal_party_options){0});
  uint64_t began = cal_loop_now_ns(k.loop);
  kit_say(p.call, 1, kit_clip(20000, "long", 0), 0);
  for (int s = 1; s <= 20; s++) {
    kit_run_ms(&k, 1000);
    if (packets() > 5u * (unsigned)s + 2) fail_msg("%u messages after %d s", packets(), s);
  }
  kit_run_ms(&k, 500);
  assert_int_equal(packets(), 100);
  for (uint32_t n = 0; n < 100; n++) {
    uint64_t due = began + n * 200 * CAL_MS, left = peer_said(&p, CAL_WIRE_AUDIO, n)->at_ns;
    if (left > due || due - left > 110 * CAL_MS) fail_msg("message %u is not on time", n);
  }
  peer_leave(&p);
}

static void what_was_said_is_over_when_the_carrier_has_played_it(void **state) {
  begin((cal_party_options){0});
  kit_say(p.call, 1, kit_clip(1000, "one", 0), 0);
  kit_run_ms(&k, 1500);
  assert_null(kit_ended(&k, 1)); /* by the schedule it would be */
  say("playback_completed", "{}");
  assert_int_equal(kit_ended(&k, 1)->flags, CAL_EVENT_PROVEN);
  assert_int_equal(kit_ended(&k, 1)->number, 1000);
  kit_say(p.call, 2, kit_clip(1000, "two", 0), 0);
  kit_say(p.call, 3, kit_clip(1000, "three", 0), 0);
  kit_run_ms(&k, 1900);
  assert_non_null(kit_ended(&k, 2)); /* the carrier does not run dry between them */
  kit_run_ms(&k, 1000);
  assert_null(kit_ended(&k, 3));
  kit_run_ms(&k, 2500); /* it is not waited for for ever */
  assert_non_null(kit_ended(&k, 3));
  peer_leave(&p);
}

static void an_old_word_ends_no_new_sentence(void **state) {
  begin((cal_party_options){0});
  kit_say(p.call, 1, kit_clip(3000, "one", 0), 0);
  kit_run_ms(&k, 1000);
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_STOP});
  kit_run_ms(&k, 0);
  assert_true(last_is("event"));
  assert_non_null(strstr(p.last_text, "barge_in"));
  kit_say(p.call, 2, kit_clip(400, "two", 0), 0);
  kit_run_ms(&k, 100);
  say("playback_completed", "{}"); /* of the first */
  kit_run_ms(&k, 500);
  assert_null(kit_ended(&k, 2));
  say("playback_completed", "{}");
  kit_run_ms(&k, 0);
  assert_int_equal(kit_ended(&k, 2)->flags, CAL_EVENT_PROVEN);
  peer_leave(&p);
}

static void the_last_word_comes_after_what_was_said(void **state) {
  begin((cal_party_options){.bye = "{\"reason\":\"error\"}"});
  kit_say(p.call, 1, kit_clip(1000, "one", 0), 0);
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_BYE,
                                           .text = cal_strdup("{\"reason\":\"completed\",\"outputVariables\":"
                                                              "{\"outcome\":\"agent\"}}")});
  kit_end(p.call, CAL_COMMAND_DRAIN);
  kit_run_ms(&k, 1500);
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_ENDED), 0);
  say("playback_completed", "{}");
  assert_true(last_is("disconnect"));
  assert_non_null(strstr(p.last_text, "\"outputVariables\":{\"outcome\":\"agent\"}"));
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_ENDED), 1);
  say("ping", "{}"); /* until it closes it is answered */
  assert_true(last_is("pong"));
  say("close", "{\"reason\":\"disconnect\"}");
  assert_true(last_is("closed"));
  say("ping", "{}"); /* and then no more */
  assert_true(last_is("closed"));
  kit_run_ms(&k, 9000);
  assert_false(p.is_closed);
  assert_int_equal(kit_legs(&k), 1);
  peer_leave(&p); /* the other side closes the socket */
  assert_int_equal(kit_legs(&k), 0);
}

static void nobody_is_waited_for_for_ever(void **state) {
  begin((cal_party_options){.bye = "{\"reason\":\"error\"}"});
  kit_end(p.call, 0);
  kit_run_ms(&k, 0);
  assert_true(last_is("disconnect"));
  assert_non_null(strstr(p.last_text, "{\"reason\":\"error\"}")); /* nobody said anything else */
  kit_run_ms(&k, 9900);
  assert_false(p.is_closed);
  kit_run_ms(&k, 200);
  assert_true(p.is_closed);
  assert_int_equal(p.close_code, 1000);
  peer_leave(&p);
}

static void the_carriers_last_word_is_answered_and_reported(void **state) {
  begin((cal_party_options){0});
  kit_say(p.call, 1, kit_clip(3000, "one", 0), 0);
  kit_run_ms(&k, 1000);
  say("close", "{\"reason\":\"end\"}");
  assert_true(last_is("closed"));
  seen_event *end = kit_event(&k, CAL_EVENT_LEG_ENDED, 0);
  assert_int_equal(end->code, CAL_LEG_HANGUP);
  assert_non_null(strstr(end->text, "\\\"reason\\\":\\\"end\\\""));
  uint32_t before = p.said_count;
  kit_run_ms(&k, 9000);
  assert_int_equal(p.said_count, before);
  assert_false(p.is_closed);
  kit_run_ms(&k, 1100);
  assert_true(p.is_closed);
  peer_leave(&p);
}

static void a_gap_in_the_numbers_ends_it_with_a_word(void **state) {
  begin((cal_party_options){.bye = "{\"reason\":\"error\"}"});
  sent += 3;
  say("ping", "{}");
  assert_true(last_is("disconnect"));
  seen_event *end = kit_event(&k, CAL_EVENT_LEG_ENDED, 0);
  assert_int_equal(end->code, CAL_LEG_MALFORMED);
  assert_non_null(strstr(end->text, "seq of message 2"));
  peer_leave(&p);
}

static void a_socket_that_breaks_needs_no_word(void **state) {
  begin((cal_party_options){0});
  uint32_t before = p.said_count;
  cal_ws_pair_cut(p.ws);
  kit_run_ms(&k, 1);
  assert_int_equal(kit_event(&k, CAL_EVENT_LEG_ENDED, 0)->code, CAL_LEG_LOST);
  assert_int_equal(p.said_count, before);
  assert_int_equal(kit_legs(&k), 0);
  peer_leave(&p);
}

static void too_much_is_held_back_for_as_long_as_the_carrier_says(void **state) {
  begin((cal_party_options){0});
  kit_say(p.call, 1, kit_clip(2000, "one", 0), 0);
  kit_run_ms(&k, 500);
  uint32_t before = packets();
  say("error", "{\"code\":429,\"message\":\"slow\",\"retryAfter\":\"PT3S\"}");
  kit_run_ms(&k, 2950);
  assert_int_equal(packets(), before);
  kit_run_ms(&k, 3000);
  assert_int_equal(packets(), 10);
  before = packets();
  kit_say(p.call, 2, kit_clip(2000, "two", 0), 0);
  kit_run_ms(&k, 100);
  say("error", "{\"code\":500,\"message\":\"something else\"}");
  kit_run_ms(&k, 1000);
  assert_true(packets() >= before + 5);
  peer_leave(&p);
}

/* One that says the same thing a thousand times is heard for a while. */
static void errors_of_the_other_side_are_told_and_counted(void **state) {
  begin((cal_party_options){0});
  say("error", "{\"code\":408,\"message\":\"no pong\"}");
  kit_run_ms(&k, 1);
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_ERROR), 1);
  assert_string_equal(kit_event(&k, CAL_EVENT_LEG_ERROR, 0)->text, "{\"code\":\"408\",\"text\":\"no pong\"}");
  for (int i = 0; i < 99; i++) say("error", "{}");
  kit_run_ms(&k, 1);
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_ERROR), 16);
  peer_leave(&p);
  assert_non_null(strstr(kit_event(&k, CAL_EVENT_LEG_ENDED, 0)->text, "\"errors\":100"));
}

static void a_pause_ends_what_is_being_said(void **state) {
  static int16_t speech[RATE];
  begin((cal_party_options){0});
  kit_speech(speech, RATE);
  peer_is_silent(&p, 500);
  peer_speaks(&p, speech, RATE);
  assert_int_equal(kit_events(&k, CAL_EVENT_SPEECH_STARTED), 1);
  assert_int_equal(kit_events(&k, CAL_EVENT_SPEECH_STOPPED), 0);
  say("paused", "{}");
  assert_int_equal(kit_events(&k, CAL_EVENT_SPEECH_STOPPED), 1);
  say("resumed", "{\"start\":\"PT9S\",\"discarded\":\"PT2S\"}");
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_TEXT), 0);
  peer_leave(&p);
}

/* ---- the carrier's own side */

static const char *const opening[] = {"{\"version\":\"2\",\"id\":\"5f5f\",\"type\":\"open\",\"seq\":1}",
                                      NULL};

static void play_carrier(void) {
  cal_unref(k.carrier_wire);
  k.carrier_wire = kit_wire(numbered_client());
  cal_party *call =
      kit_call(&k, (cal_party_options){.role = CAL_ROLE_CARRIER, .bye = "{\"reason\":\"end\"}"});
  cal_party_set_dial(call, &(cal_dial){.url = "ws://x", .stream = "5f5f", .opening = opening, .sequence = 2});
  cal_unref(k.carrier_wire);
  cal_wire_spec s = numbered_server(); /* what the peer reads with */
  s.sequence_path = s.acknowledged_path = s.stream_path = NULL;
  k.carrier_wire = kit_wire(s);
  peer_join(&p, &k, call, 0);
  kit_run_ms(&k, 1);
}

static void answer(const char *type, const char *parameters) {
  char text[512];
  snprintf(text, sizeof text,
           "{\"version\":\"2\",\"id\":\"5f5f\",\"type\":\"%s\",\"seq\":%d,\"clientseq\":1,\"parameters\":%s}",
           type, ++answered, parameters);
  peer_send(&p, text);
  kit_run_ms(&k, 0);
}

static void the_carrier_waits_to_be_let_in(void **state) {
  play_carrier();
  kit_run_ms(&k, 1000);
  assert_int_equal(p.said_count, 1); /* its open, no audio */
  answer("opened", "{\"media\":" PCMU_MEDIA "}");
  kit_run_ms(&k, 1000);
  assert_true(packets() >= 49);
  peer_leave(&p);
}

static void the_carrier_does_not_wait_for_ever(void **state) {
  play_carrier();
  kit_run_ms(&k, 5100);
  assert_int_equal(kit_event(&k, CAL_EVENT_LEG_ENDED, 0)->code, CAL_LEG_NO_START);
  peer_leave(&p);
}

static void the_carrier_says_when_it_plays_and_when_it_has_played(void **state) {
  play_carrier();
  answer("opened", "{}");
  static char sound[1600];
  memset(sound, 0x31, sizeof sound);
  cal_ws_send_copy(p.ws, sound, sizeof sound, CAL_WS_BINARY);
  kit_run_ms(&k, 60);
  assert_int_equal(p.said[1].kind, CAL_WIRE_AUDIO);
  uint32_t others = 0, done = 0;
  kit_run_ms(&k, 1000);
  for (uint32_t i = 0; i < p.said_count; i++) {
    others += p.said[i].kind == CAL_WIRE_OTHER; /* playback_started */
    done += p.said[i].kind == CAL_WIRE_MARK;
  }
  assert_int_equal(others, 1);
  assert_int_equal(done, 1);
  answer("disconnect", "{\"reason\":\"completed\",\"outputVariables\":{\"outcome\":\"agent\"}}");
  assert_true(last_is("close"));
  seen_event *end = kit_event(&k, CAL_EVENT_LEG_ENDED, 0);
  assert_int_equal(end->code, CAL_LEG_HANGUP);
  assert_non_null(strstr(end->text, "outputVariables"));
  assert_false(p.is_closed);
  answer("closed", "{}");
  kit_run_ms(&k, 10);
  assert_true(p.is_closed);
  peer_leave(&p);
}

static void the_carrier_refuses_too_much(void **state) {
  play_carrier();
  answer("opened", "{}");
  static char sound[160];
  for (int i = 0; i < 25; i++) cal_ws_send_copy(p.ws, sound, sizeof sound, CAL_WS_BINARY);
  kit_run_ms(&k, 1);
  uint32_t errors = 0;
  for (uint32_t i = 0; i < p.said_count; i++) errors += p.said[i].kind == CAL_WIRE_ERROR;
  assert_int_equal(errors, 5);
  kit_run_ms(&k, 1000);
  for (int i = 0; i < 10; i++) cal_ws_send_copy(p.ws, sound, sizeof sound, CAL_WS_BINARY);
  kit_run_ms(&k, 1);
  uint32_t later = 0;
  for (uint32_t i = 0; i < p.said_count; i++) later += p.said[i].kind == CAL_WIRE_ERROR;
  assert_int_equal(later, errors);
  kit_end(p.call, 0);
  kit_run_ms(&k, 0);
  assert_true(last_is("close"));
  assert_non_null(strstr(p.last_text, "\"reason\":\"end\""));
  assert_non_null(strstr(kit_event(&k, CAL_EVENT_LEG_ENDED, 0)->text, "\"too_much\":5"));
  answer("closed", "{}");
  peer_leave(&p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(an_open_is_answered_before_anything_is_said),
      TEST(a_ping_is_answered_at_once_and_told_nobody),
      TEST(audio_leaves_in_few_large_messages),
      TEST(what_was_said_is_over_when_the_carrier_has_played_it),
      TEST(an_old_word_ends_no_new_sentence),
      TEST(the_last_word_comes_after_what_was_said),
      TEST(nobody_is_waited_for_for_ever),
      TEST(the_carriers_last_word_is_answered_and_reported),
      TEST(a_gap_in_the_numbers_ends_it_with_a_word),
      TEST(a_socket_that_breaks_needs_no_word),
      TEST(too_much_is_held_back_for_as_long_as_the_carrier_says),
      TEST(errors_of_the_other_side_are_told_and_counted),
      TEST(a_pause_ends_what_is_being_said),
      TEST(the_carrier_waits_to_be_let_in),
      TEST(the_carrier_does_not_wait_for_ever),
      TEST(the_carrier_says_when_it_plays_and_when_it_has_played),
      TEST(the_carrier_refuses_too_much),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
