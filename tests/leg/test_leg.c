/* The life of a leg on the agent's side: how it starts, what refuses it, how it ends, and that nothing is
 * left. */
#include "io/kit.h"

#include <malloc.h>

#include "leg/leg_private.h"

static kit k;
static peer p;

static int setup(void **state) {
  kit_open(&k);
  return 0;
}

static int teardown(void **state) {
  kit_close(&k);
  return 0;
}

static seen_event *end_of_leg(void) { return kit_event(&k, CAL_EVENT_LEG_ENDED, 0); }

/* The leg has ended for this reason, once, and its socket was closed with that code. */
static void assert_ended(cal_leg_end end, int close_code) {
  kit_run_ms(&k, 4000);
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_ENDED), 1);
  if (end_of_leg()->code != (int)end) fail_msg("%s", end_of_leg()->text);
  assert_int_equal(end_of_leg()->target, 77);
  assert_true(p.is_closed);
  assert_int_equal(p.close_code, close_code);
  assert_int_equal(kit_legs(&k), 0);
  assert_int_equal(cal_loop_timers(k.loop), 0);
}

static void join(cal_party_options options) { peer_join(&p, &k, kit_call(&k, options), 0); }

static void begin(cal_party_options options) {
  peer_start(&p, &k, kit_call(&k, options));
  if (end_of_leg()) fail_msg("%s", end_of_leg()->text);
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_STARTED), 1);
}

/* ---- starting */

static void a_stream_starts_and_says_who_it_is(void **state) {
  begin((cal_party_options){.carrier_call = "CA1"});
  assert_string_equal(kit_event(&k, CAL_EVENT_LEG_STARTED, 0)->text,
                      "{\"stream\":\"MZ1\",\"call\":\"CA1\",\"rate\":8000}");
  peer_send(&p, "{\"event\":\"stop\",\"streamSid\":\"MZ1\"}");
  assert_ended(CAL_LEG_HANGUP, 1000);
  assert_non_null(strstr(end_of_leg()->text, "\"reason\":\"hangup\""));
  peer_leave(&p);
}

static void no_start_within_the_deadline(void **state) {
  join((cal_party_options){.start_deadline_ms = 3000});
  kit_run_ms(&k, 2990);
  assert_null(end_of_leg());
  peer_send(&p, "{\"event\":\"connected\"}"); /* talking is not starting */
  kit_run_ms(&k, 11);
  assert_ended(CAL_LEG_NO_START, 1002);
  peer_leave(&p);
}

static void the_deadline_comes_before_the_socket_is_open(void **state) {
  peer_join(&p, &k, kit_call(&k, (cal_party_options){.start_deadline_ms = 50}), 100);
  kit_run_ms(&k, 60);
  assert_int_equal(end_of_leg()->code, CAL_LEG_NO_START);
  assert_int_equal(kit_legs(&k), 1); /* its socket will tell when it is gone */
  assert_ended(CAL_LEG_NO_START, 1000);
  peer_leave(&p);
}

static void a_foreign_call_is_refused(void **state) {
  join((cal_party_options){.carrier_call = "CA2"});
  kit_run_ms(&k, 1);
  peer_send(&p, kit_start);
  assert_ended(CAL_LEG_WRONG_START, 1003);
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_STARTED), 0);
  peer_leave(&p);
}

static void pitfall_21_wrong_format_is_refused(void **state) {
  static const char *const starts[] = {"{\"event\":\"start\",\"start\":{\"streamSid\":\"MZ1\",\"callSid\":"
                                       "\"CA1\",\"mediaFormat\":{\"encoding\":\"audio/"
                                       "x-l16\",\"sampleRate\":8000}}}",
                                       "{\"event\":\"start\",\"start\":{\"streamSid\":\"MZ1\",\"callSid\":"
                                       "\"CA1\",\"mediaFormat\":{\"encoding\":\"audio/"
                                       "x-mulaw\",\"sampleRate\":16000}}}"};
  for (int i = 0; i < 2; i++) {
    k.count = 0;
    join((cal_party_options){0});
    kit_run_ms(&k, 1);
    peer_send(&p, starts[i]);
    int16_t loud[FRAME];
    for (int n = 0; n < FRAME; n++) loud[n] = 12000;
    peer_audio(&p, loud, FRAME);
    assert_ended(CAL_LEG_WRONG_START, 1003);
    assert_non_null(strstr(end_of_leg()->text, "asked for encoding"));
    peer_leave(&p);
  }
}

static void media_before_the_start_is_not_heard(void **state) {
  static int16_t speech[RATE];
  kit_speech(speech, RATE);
  join((cal_party_options){.start_deadline_ms = 60000});
  kit_run_ms(&k, 1);
  for (int i = 0; i < 4; i++) peer_speaks(&p, speech, RATE);
  peer_send(&p, "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"5\"}}");
  peer_send(&p, "{\"event\":\"mark\",\"mark\":{\"name\":\"c1\"}}");
  kit_run_ms(&k, 1);
  assert_int_equal(k.count, 0);
  peer_send(&p, kit_start);
  kit_run_ms(&k, 1);
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_STARTED), 1);
  peer_leave(&p);
}

/* As carriers do that send nothing while nobody speaks. */
static void a_carrier_that_stops_sending_ends_the_callers_turn(void **state) {
  static int16_t speech[RATE];
  kit_speech(speech, RATE);
  begin((cal_party_options){0});
  peer_is_silent(&p, 500);
  peer_speaks(&p, speech, RATE);
  assert_int_equal(kit_events(&k, CAL_EVENT_SPEECH_STARTED), 1);
  kit_run_ms(&k, 1500); /* the network may be slow */
  assert_int_equal(kit_events(&k, CAL_EVENT_SPEECH_STOPPED), 0);
  kit_run_ms(&k, 1500);
  assert_int_equal(kit_events(&k, CAL_EVENT_SPEECH_STOPPED), 1);
  kit_run_ms(&k, 5000);
  peer_speaks(&p, speech, RATE);
  assert_int_equal(kit_events(&k, CAL_EVENT_SPEECH_STARTED), 2);
  peer_leave(&p);
}

static void a_second_start_changes_nothing(void **state) {
  begin((cal_party_options){.carrier_call = "CA1"});
  peer_send(&p,
            "{\"event\":\"start\",\"start\":{\"streamSid\":\"MZ9\",\"callSid\":\"CA9\",\"mediaFormat\":{}}}");
  peer_send(&p, "{\"event\":\"start\",\"start\":{\"streamSid\":\"MZ8\",\"callSid\":\"CA8\",\"mediaFormat\":{"
                "\"sampleRate\":44100}}}");
  kit_run_ms(&k, 1);
  kit_say(p.call, 1, kit_clip(20, "one", 0), 0);
  kit_run_ms(&k, 40);
  assert_null(end_of_leg());
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_STARTED), 1);
  assert_non_null(peer_said(&p, CAL_WIRE_AUDIO, 0));
  assert_non_null(strstr(p.last_text, "\"MZ1\"")); /* our messages still name our stream */
  peer_leave(&p);
}

static void a_wire_without_a_start_message_starts_with_its_socket(void **state) {
  cal_wire *wire = kit_wire((cal_wire_spec){.name = "plain",
                                            .encoding = CAL_L16LE,
                                            .rate_hz = 16000,
                                            .frame_ms = 20,
                                            .is_binary_in = 1,
                                            .is_binary_out = 1});
  join((cal_party_options){.wire = wire});
  kit_run_ms(&k, 1);
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_STARTED), 1);
  cal_unref(wire);
  peer_leave(&p);
}

static void what_was_asked_before_the_start_is_done_with_it(void **state) {
  join((cal_party_options){0});
  kit_say(p.call, 1, kit_clip(200, "hello", 0), 0);
  kit_run_ms(&k, 1000);
  assert_int_equal(p.said_count, 0);
  uint64_t started = cal_loop_now_ns(k.loop);
  peer_send(&p, kit_start);
  kit_run_ms(&k, 0);
  assert_int_equal(peer_said(&p, CAL_WIRE_AUDIO, 0)->at_ns, started); /* in the same tick */
  peer_leave(&p);
}

static void a_script_that_hung_up_before_the_start(void **state) {
  join((cal_party_options){.recording_path = "x.wav"});
  kit_say(p.call, 1, kit_clip(200, "hello", 0), 0);
  kit_end(p.call, 0);
  kit_say(p.call, 2, kit_clip(200, "never", 0), 0);
  kit_run_ms(&k, 10);
  peer_send(&p, kit_start);
  assert_ended(CAL_LEG_CLOSED, 1000);
  assert_non_null(kit_ended(&k, 1));
  assert_null(kit_ended(&k, 2));
  peer_leave(&p);
}

/* ---- ending */

static void a_waiting_socket_that_closes(void **state) {
  join((cal_party_options){0});
  kit_run_ms(&k, 1);
  cal_ws_close(p.ws, 1000, "");
  assert_ended(CAL_LEG_HANGUP, 1000);
  peer_leave(&p);
}

static void a_line_that_breaks(void **state) {
  static const int is_started[] = {0, 1};
  for (int i = 0; i < 2; i++) {
    k.count = 0;
    join((cal_party_options){.recording_path = "x.wav"});
    kit_run_ms(&k, 1);
    if (is_started[i]) peer_send(&p, kit_start);
    kit_say(p.call, 1, kit_clip(2000, "cut off", 0), 0);
    kit_run_ms(&k, 500);
    cal_ws_pair_cut(p.ws);
    assert_ended(CAL_LEG_LOST, 1006);
    if (is_started[i]) assert_int_equal(kit_ended(&k, 1)->flags, CAL_EVENT_INTERRUPTED | CAL_EVENT_WITH_LEG);
    peer_leave(&p);
  }
}

static void stop_and_close_end_it_once(void **state) {
  begin((cal_party_options){0});
  peer_send(&p, "{\"event\":\"stop\"}");
  peer_send(&p, "{\"event\":\"stop\"}");
  cal_ws_close(p.ws, 1000, "");
  assert_ended(CAL_LEG_HANGUP, 1000);
  assert_int_equal(kit_end(p.call, 0), -EPIPE);
  assert_int_equal(kit_say(p.call, 1, kit_clip(20, "late", 0), 0), -EPIPE);
  peer_leave(&p);
}

/* These were posted while the leg lived and find it gone. */
static void commands_that_come_too_late(void **state) {
  begin((cal_party_options){0});
  kit_end(p.call, 0);
  kit_end(p.call, 0);
  kit_say(p.call, 1, kit_clip(20, "late", 0), 0);
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_DIGITS, .text = cal_strdup("1")});
  cal_party_command(
      p.call, &(cal_command){.kind = CAL_COMMAND_LEG_LISTEN, .listen = {.grammar = cal_ref_new(8, NULL)}});
  assert_ended(CAL_LEG_CLOSED, 1000);
  assert_null(kit_ended(&k, 1));
  peer_leave(&p);
}

static void a_close_code_is_one_that_may_be_sent(void **state) {
  static const int asked[] = {0, 1001, 1005, 1006, 70000, -1, 4321},
                   given[] = {1000, 1001, 1000, 1000, 1000, 1000, 4321};
  for (int i = 0; i < 7; i++) {
    k.count = 0;
    begin((cal_party_options){0});
    cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_CLOSE, .code = asked[i]});
    assert_ended(CAL_LEG_CLOSED, given[i]);
    peer_leave(&p);
  }
}

static void the_longest_call(void **state) {
  begin((cal_party_options){.longest_s = 60});
  kit_run_ms(&k, 59990);
  assert_null(end_of_leg());
  kit_run_ms(&k, 10);
  assert_ended(CAL_LEG_TOO_LONG, 1000);
  peer_leave(&p);
}

static void fifty_messages_without_sense_are_borne_and_no_more(void **state) {
  static const char *const rubbish[] = {
      "{", "\xff\xfe", "{\"event\":\"media\",\"media\":{\"payload\":\"%%%\"}}", "{\"event\":\"mark\"}", ""};
  begin((cal_party_options){0});
  for (int i = 0; i < 50; i++) peer_send(&p, rubbish[i % 5]);
  kit_run_ms(&k, 1);
  assert_null(end_of_leg());
  peer_send(&p, "{\"event\":\"unknown\"}"); /* sense again: counted from the beginning */
  for (int i = 0; i < 50; i++) peer_send(&p, rubbish[i % 5]);
  kit_run_ms(&k, 1);
  assert_null(end_of_leg());
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_TEXT), 1);
  peer_send(&p, rubbish[0]);
  for (int i = 0; i < 100; i++) peer_send(&p, rubbish[i % 5]);
  assert_ended(CAL_LEG_MALFORMED, 1007);
  assert_non_null(strstr(end_of_leg()->text, "\"malformed\":101"));
  peer_leave(&p);
}

static void an_io_that_ends_with_live_legs(void **state) {
  begin((cal_party_options){.recording_path = "x.wav"});
  kit_say(p.call, 1, kit_clip(2000, "cut off", 0), 0);
  kit_run_ms(&k, 100);
  for (cal_id id = cal_party_leg(p.call); id;
       id = 0) { /* as cal_io_free does it; the pair is closed by the loop */
    cal_leg_finish(p.leg, CAL_LEG_CLOSED, "the engine stops");
    cal_leg_finish(p.leg, CAL_LEG_CLOSED, "the engine stops");
  }
  assert_ended(CAL_LEG_CLOSED, 1000);
  peer_leave(&p);
}

/* ---- keys, texts */

static void keys_arrive_one_by_one(void **state) {
  begin((cal_party_options){0});
  peer_send(&p, "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"5\"}}");
  peer_send(&p, "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"1 x#\"}}"); /* other characters are skipped */
  kit_run_ms(&k, 1);
  assert_int_equal(kit_events(&k, CAL_EVENT_DIGIT), 3);
  static const char keys[] = "51#";
  for (uint32_t i = 0; i < 3; i++) {
    assert_int_equal(kit_event(&k, CAL_EVENT_DIGIT, i)->number, keys[i]);
    assert_int_equal(kit_event(&k, CAL_EVENT_DIGIT, i)->flags, 0);
  }
  peer_leave(&p);
}

/* A wire that declares no keys: they are looked for in the sound, and sent as sound. */
static void keys_in_the_sound_go_both_ways(void **state) {
  cal_wire_spec spec = twilio_app();
  spec.dtmf.event = spec.dtmf.digit = NULL;
  cal_wire *wire = kit_wire(spec);
  begin((cal_party_options){.wire = wire});
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_DIGITS, .text = cal_strdup("42#")});
  kit_run_ms(&k, 2000);
  assert_true(p.heard_count > 3 * 200 * RATE / 1000 - FRAME);
  assert_int_equal(kit_events(&k, CAL_EVENT_UTTERANCE_ENDED), 0); /* nobody declared it */
  peer_speaks(&p, p.heard, p.heard_count);
  peer_is_silent(&p, 200);
  static const char keys[] = "42#";
  assert_int_equal(kit_events(&k, CAL_EVENT_DIGIT), 3);
  for (uint32_t i = 0; i < 3; i++) {
    assert_int_equal(kit_event(&k, CAL_EVENT_DIGIT, i)->number, keys[i]);
    assert_int_equal(kit_event(&k, CAL_EVENT_DIGIT, i)->flags, CAL_EVENT_IN_BAND);
  }
  cal_unref(wire);
  peer_leave(&p);
}

static void texts_pass_both_ways(void **state) {
  begin((cal_party_options){0});
  peer_send(&p, "{\"event\":\"clearedAudio\"}");
  cal_party_command(p.call,
                    &(cal_command){.kind = CAL_COMMAND_LEG_TEXT, .text = cal_strdup("{\"event\":\"hi\"}")});
  kit_run_ms(&k, 1);
  assert_string_equal(kit_event(&k, CAL_EVENT_LEG_TEXT, 0)->text, "{\"event\":\"clearedAudio\"}");
  assert_string_equal(p.last_text, "{\"event\":\"hi\"}");
  peer_leave(&p);
}

/* ---- what it costs */

static void an_idle_leg_has_no_tick(void **state) {
  begin((cal_party_options){0});
  kit_run_ms(&k, 100);
  assert_int_equal(cal_loop_timers(k.loop), 1); /* the longest call */
  uint64_t now = cal_loop_now_ns(k.loop);
  assert_int_equal(cal_loop_advance(k.loop, now + 3600 * CAL_S), 0);
  kit_say(p.call, 1, kit_clip(100, "something", 0), 0);
  p.echoes = 1;
  kit_run_ms(&k, 1000);
  assert_non_null(kit_ended(&k, 1));
  assert_int_equal(cal_loop_timers(k.loop), 1);
  assert_int_equal(cal_loop_advance(k.loop, cal_loop_now_ns(k.loop) + 3600 * CAL_S), 0);
  peer_leave(&p);
}

static void pitfall_18_thousands_of_legs_come_and_go_in_flat_memory(void **state) {
  static int16_t speech[2 * RATE];
  kit_speech(speech, 2 * RATE);
  size_t after_warm_up = 0;
  for (int i = 0; i < 5000; i++) {
    k.count = 0;
    begin((cal_party_options){.recording_path = i % 2 ? "x.wav" : NULL});
    kit_say(p.call, 1, kit_clip(300, "hangs up while we speak", 0), CAL_COMMAND_INTERRUPTIBLE);
    kit_say(p.call, 2, kit_clip(300, "and this was waiting", 0), 0);
    kit_run_ms(&k, 100);
    if (i % 50 == 0) peer_speaks(&p, speech, 2 * RATE);
    if (i % 3 == 0)
      cal_ws_pair_cut(p.ws);
    else if (i % 3 == 1)
      peer_send(&p, "{\"event\":\"stop\"}");
    else
      kit_end(p.call, CAL_COMMAND_DRAIN);
    kit_run_ms(&k, 10000);
    assert_int_equal(kit_events(&k, CAL_EVENT_LEG_ENDED), 1);
    assert_int_equal(kit_legs(&k), 0);
    peer_leave(&p);
    if (i == 599) after_warm_up = mallinfo2().uordblks;
  }
  assert_true(mallinfo2().uordblks < after_warm_up + 64 * 1024);
}

/* The rest of a held call's half megabyte is the script's. */
static void a_leg_is_small(void **state) {
  enum { LEGS = 40 };
  static peer peers[LEGS];
  static int16_t speech[2 * RATE];
  size_t used[4], peers_own = 0;
  kit_speech(speech, 2 * RATE);
  mallopt(M_MMAP_THRESHOLD, 64 << 20); /* so that everything is counted in one place */
  used[0] = mallinfo2().uordblks;
  for (int i = 0; i < LEGS; i++) {
    peer_start(&peers[i], &k, kit_call(&k, (cal_party_options){.recording_path = "x.wav"}));
    peers_own += MOST_HEARD * sizeof(int16_t) + MOST_SAID * sizeof(said);
  }
  used[1] = mallinfo2().uordblks;
  for (int i = 0; i < LEGS; i++) kit_say(peers[i].call, 1, cal_clip_new(RATE, RATE / 10, "hello", 0), 0);
  kit_run_ms(&k, 1);
  used[2] = mallinfo2().uordblks;
  for (size_t at = 0; at + FRAME <= 2 * RATE; at += FRAME) {
    for (int i = 0; i < LEGS; i++) peer_audio(&peers[i], speech + at, FRAME);
    kit_run_ms(&k, 20);
  }
  used[3] = mallinfo2().uordblks;
  if (used[3]) { /* a sanitizer's allocator does not count */
    size_t idle = (used[1] - used[0] - peers_own) / LEGS, most = (used[3] - used[0] - peers_own) / LEGS;
    print_message("a leg: %zu bytes of struct; %zu with socket, detector and recorder; %zu after two seconds "
                  "of speech\n",
                  sizeof(cal_leg), idle, most);
    assert_true(idle < 64 * 1024);
    assert_true(most < 160 * 1024);
  }
  for (int i = 0; i < LEGS; i++) peer_leave(&peers[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_stream_starts_and_says_who_it_is),
      TEST(no_start_within_the_deadline),
      TEST(the_deadline_comes_before_the_socket_is_open),
      TEST(a_foreign_call_is_refused),
      TEST(pitfall_21_wrong_format_is_refused),
      TEST(media_before_the_start_is_not_heard),
      TEST(a_carrier_that_stops_sending_ends_the_callers_turn),
      TEST(a_second_start_changes_nothing),
      TEST(a_wire_without_a_start_message_starts_with_its_socket),
      TEST(what_was_asked_before_the_start_is_done_with_it),
      TEST(a_script_that_hung_up_before_the_start),
      TEST(a_waiting_socket_that_closes),
      TEST(a_line_that_breaks),
      TEST(stop_and_close_end_it_once),
      TEST(commands_that_come_too_late),
      TEST(a_close_code_is_one_that_may_be_sent),
      TEST(the_longest_call),
      TEST(fifty_messages_without_sense_are_borne_and_no_more),
      TEST(an_io_that_ends_with_live_legs),
      TEST(keys_arrive_one_by_one),
      TEST(keys_in_the_sound_go_both_ways),
      TEST(texts_pass_both_ways),
      TEST(an_idle_leg_has_no_tick),
      TEST(a_leg_is_small),
      TEST(pitfall_18_thousands_of_legs_come_and_go_in_flat_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
