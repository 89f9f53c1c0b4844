/* The exchange's side: a CARRIER leg by itself, and joined to an AGENT leg: what one says the other hears. */
#include "io/kit.h"

#include "audio/wav.h"
#include "audio/dtmf.h"

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

static const char *const opening[] = {"{\"event\":\"connected\"}", kit_start, NULL};
static const char closing[] = "{\"event\":\"stop\",\"streamSid\":\"MZ1\"}";

static cal_party *carrier_call(void) {
  cal_party *call =
      kit_call(&k, (cal_party_options){.role = CAL_ROLE_CARRIER, .name = "line-1", .handle = 88});
  cal_party_set_dial(call, &(cal_dial){.url = "ws://127.0.0.1:1/media/x",
                                       .stream = "MZ1",
                                       .carrier_call = "CA1",
                                       .opening = opening,
                                       .closing = closing,
                                       .sequence = 2});
  return call;
}

/* A CARRIER leg on one half, this peer, as the application, on the other. It writes with the agent's wire. */
static void begin(void) {
  peer_join(&p, &k, carrier_call(), 0);
  kit_run_ms(&k, 0);
}

static void media(const int16_t *samples, size_t count) {
  static char out[1 << 16];
  cal_wire_state state = {.stream = "MZ1", .call = "CA1"};
  ssize_t bytes = cal_wire_write_audio(k.wire, &state, samples, count, out, sizeof out);
  assert_true(bytes > 0);
  cal_ws_send_copy(p.ws, out, (size_t)bytes, CAL_WS_TEXT);
}

static void mark(const char *name) {
  char out[256];
  snprintf(out, sizeof out, "{\"event\":\"mark\",\"streamSid\":\"MZ1\",\"mark\":{\"name\":\"%s\"}}", name);
  peer_send(&p, out);
}

static uint32_t count_of(cal_wire_kind kind) {
  uint32_t count = 0;
  while (peer_said(&p, kind, count)) count++;
  return count;
}

static void a_frame_is_sent_every_tick_silence_included(void **state) {
  kit_run_ms(&k, 3); /* somewhere in a slot of the wheel */
  begin();
  kit_run_ms(&k, 10000);
  uint32_t frames = count_of(CAL_WIRE_AUDIO);
  assert_in_range(frames, 500, 501);
  for (uint32_t i = 2; i < frames; i++)
    assert_int_equal(peer_said(&p, CAL_WIRE_AUDIO, i)->at_ns - peer_said(&p, CAL_WIRE_AUDIO, i - 1)->at_ns,
                     20 * CAL_MS);
  for (size_t i = 0; i < p.heard_count; i++) assert_int_equal(p.heard[i], 0);
  assert_true(peer_said(&p, CAL_WIRE_OTHER, 0) <
              peer_said(&p, CAL_WIRE_AUDIO, 0)); /* the opening comes first */
  assert_int_equal(count_of(CAL_WIRE_OTHER), 2);
  kit_end(p.call, CAL_COMMAND_DRAIN);
  kit_run_ms(&k, 10);
  assert_true(p.is_closed);
  assert_string_equal(p.last_text, closing);
  seen_event *end = kit_event(&k, CAL_EVENT_LEG_ENDED, 0);
  assert_int_equal(end->code, CAL_LEG_CLOSED);
  assert_non_null(strstr(end->text, "\"underruns\":0,"));
  peer_leave(&p);
}

static void what_it_says_comes_in_real_time(void **state) {
  begin();
  cal_clip *clip = kit_clip(1000, "hello", 0);
  kit_run_ms(&k, 500);
  size_t from = p.heard_count;
  uint64_t asked = cal_loop_now_ns(k.loop);
  kit_say(p.call, 1, cal_ref(clip), 0);
  kit_run_ms(&k, 1500);
  while (p.heard[from] == 0) from++;
  for (uint32_t i = 0; i < clip->samples; i++) assert_int_equal(p.heard[from + i], kit_mulaw(clip->data[i]));
  assert_int_equal(count_of(CAL_WIRE_AUDIO), 101);
  seen_event *end = kit_ended(&k, 1);
  assert_int_equal(end->number, 1000);
  assert_int_equal(end->flags, 0);
  assert_in_range(end->at_ns - asked, 1000 * CAL_MS,
                  1060 * CAL_MS); /* nothing delays what a carrier passes on */
  cal_unref(clip);
  peer_leave(&p);
}

static void marks_come_back_in_order_with_the_sound(void **state) {
  static int16_t sound[RATE];
  begin();
  kit_run_ms(&k, 200);
  mark("now");
  kit_run_ms(&k, 0);
  assert_int_equal(count_of(CAL_WIRE_MARK), 1);
  uint64_t sent = cal_loop_now_ns(k.loop);
  media(sound, RATE / 2);
  mark("half");
  media(sound, RATE / 2);
  mark("whole");
  kit_run_ms(&k, 3000);
  assert_int_equal(count_of(CAL_WIRE_MARK), 3);
  assert_string_equal(peer_said(&p, CAL_WIRE_MARK, 1)->name, "half");
  assert_string_equal(peer_said(&p, CAL_WIRE_MARK, 2)->name, "whole");
  /* Not before it was played, and not more than a frame later than the first frame could begin. */
  assert_in_range(peer_said(&p, CAL_WIRE_MARK, 1)->at_ns - sent, 500 * CAL_MS, 520 * CAL_MS);
  assert_in_range(peer_said(&p, CAL_WIRE_MARK, 2)->at_ns - sent, 1000 * CAL_MS, 1020 * CAL_MS);
  peer_leave(&p);
}

static void a_clear_silences_and_gives_all_marks_back(void **state) {
  static int16_t speech[4 * RATE];
  kit_speech(speech, 4 * RATE);
  begin();
  kit_run_ms(&k, 1500);
  media(speech, 3 * RATE);
  mark("a");
  mark("b");
  kit_run_ms(&k, 1000);
  assert_int_equal(kit_events(&k, CAL_EVENT_SPEECH_STARTED), 1); /* the subscriber hears it */
  assert_int_equal(count_of(CAL_WIRE_MARK), 0);
  peer_send(&p, "{\"event\":\"clear\",\"streamSid\":\"MZ1\"}");
  kit_run_ms(&k, 0);
  assert_int_equal(count_of(CAL_WIRE_MARK), 2);
  kit_run_ms(&k, 600);
  assert_int_equal(kit_events(&k, CAL_EVENT_SPEECH_STOPPED), 1);
  peer_leave(&p);
}

static void keys_are_told_as_the_wire_says(void **state) {
  begin();
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_DIGITS, .text = cal_strdup("17")});
  kit_run_ms(&k, 100);
  uint32_t keys = 0;
  for (uint32_t i = 0; i < p.said_count; i++) keys += p.said[i].kind == CAL_WIRE_OTHER;
  assert_int_equal(keys, 4); /* two of the opening, two keys */
  peer_leave(&p);
}

static void an_application_that_goes_away(void **state) {
  begin();
  kit_run_ms(&k, 100);
  cal_ws_close(p.ws, 1000, "");
  kit_run_ms(&k, 5000);
  assert_int_equal(kit_event(&k, CAL_EVENT_LEG_ENDED, 0)->code, CAL_LEG_HANGUP);
  assert_int_equal(cal_loop_timers(k.loop), 0);
  peer_leave(&p);
}

/* ---- joined */

typedef struct joined {
  cal_party *agent, *carrier;
} joined;

static joined j;

static void join(uint32_t latency_ms, cal_party_options agent) {
  cal_ws_pair_options options = {.latency_ms = latency_ms};
  cal_ws *a, *b;
  agent.handle = 77;
  agent.carrier_call = "CA1";
  j.agent = kit_call(&k, agent);
  j.carrier = carrier_call();
  assert_non_null(cal_legs_accept(cal_io_legs(k.io), cal_ref(j.agent), &options.a));
  assert_non_null(cal_legs_accept(cal_io_legs(k.io), cal_ref(j.carrier), &options.b));
  assert_int_equal(cal_ws_pair_new(&a, &b, k.loop, &options), 0);
  kit_run_ms(&k, 2 * latency_ms + 1);
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_STARTED), 2);
}

static void part(void) {
  kit_run_ms(&k, 5000);
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_ENDED), 2);
  assert_int_equal(kit_legs(&k), 0);
  cal_unref(j.agent);
  cal_unref(j.carrier);
}

static seen_event *event_for(cal_id target, cal_event_kind kind) {
  for (uint32_t i = 0; i < k.count; i++)
    if (k.seen[i].target == target && k.seen[i].kind == kind) return &k.seen[i];
  return NULL;
}

/* The sound a leg hears, as its recorder writes it down: the agent's left side. */
static void what_one_says_the_other_hears_to_the_sample(void **state) {
  join(40, (cal_party_options){.recording_path = "x.wav"});
  cal_clip *clip = kit_clip(2000, "hello", 0);
  kit_say(j.carrier, 1, cal_ref(clip), 0);
  kit_run_ms(&k, 3000);
  kit_end(j.agent, 0);
  part();
  const int16_t *both = (const int16_t *)(const void *)(k.file + CAL_WAV_HEADER_BYTES);
  size_t at = 0;
  while (at < k.file_samples && !both[2 * at]) at++;
  assert_true(at + clip->samples <= k.file_samples);
  for (uint32_t i = 0; i < clip->samples; i++)
    if (both[2 * (at + i)] != kit_mulaw(clip->data[i])) fail_msg("sample %u differs", i);
  cal_unref(clip);
}

static void marks_close_the_loop(void **state) {
  static const uint32_t latencies[] = {0, 5, 60, 250};
  for (int i = 0; i < 4; i++) {
    k.count = 0;
    join(latencies[i], (cal_party_options){0});
    kit_say(j.agent, 1, kit_clip(1000, "first", 0), 0);
    kit_say(j.agent, 2, kit_clip(1000, "second", 0), 0);
    uint64_t began = cal_loop_now_ns(k.loop);
    kit_run_ms(&k, 5000);
    uint64_t first = kit_ended(&k, 1)->at_ns - began, second = kit_ended(&k, 2)->at_ns - began;
    /* There, a frame of the carrier's own clock, and back. */
    assert_in_range(first, 1000 * CAL_MS, (1000 + 2 * latencies[i] + 40) * CAL_MS);
    assert_in_range(second, 2000 * CAL_MS, (2000 + 2 * latencies[i] + 40) * CAL_MS);
    assert_int_equal(kit_ended(&k, 1)->flags | kit_ended(&k, 2)->flags, CAL_EVENT_PROVEN);
    kit_end(j.carrier, 0);
    part();
    seen_event *end = event_for(77, CAL_EVENT_LEG_ENDED);
    assert_int_equal(end->code, CAL_LEG_HANGUP); /* the closing text says stop */
    assert_non_null(strstr(end->text, "\"lost_marks\":0"));
  }
}

static void pitfall_17_a_subscriber_talks_over_the_agent(void **state) {
  join(30, (cal_party_options){0});
  kit_run_ms(&k, 1500);
  kit_say(j.agent, 1, kit_clip(6000, "a long story", 0), CAL_COMMAND_INTERRUPTIBLE);
  kit_run_ms(&k, 2000);
  cal_clip *speech = cal_clip_new(RATE, 2 * RATE, "wait", 0);
  kit_speech(speech->data, speech->samples);
  uint64_t spoke = cal_loop_now_ns(k.loop);
  kit_say(j.carrier, 1, speech, 0);
  kit_run_ms(&k, 1000);
  seen_event *started = event_for(77, CAL_EVENT_SPEECH_STARTED), *end = kit_ended(&k, 1);
  assert_non_null(started);
  assert_int_equal(end->target, 77);
  assert_int_equal(end->at_ns, started->at_ns);
  assert_true(end->flags & CAL_EVENT_INTERRUPTED);
  assert_string_equal(end->text, "");
  assert_in_range(end->at_ns - spoke, 60 * CAL_MS, 300 * CAL_MS);
  assert_in_range(end->number, 1700, 2300);
  /* Silence at the subscriber's ear: what he hears ends within the way there and a frame. */
  kit_run_ms(&k, 1000);
  kit_end(j.agent, 0);
  part();
}

static void pitfall_16_goodbye_is_heard_before_the_line_closes(void **state) {
  join(80, (cal_party_options){0});
  kit_run_ms(&k, 1000);
  cal_clip *bye = cal_clip_new(RATE, RATE, "goodbye", 0);
  kit_speech(bye->data, bye->samples);
  kit_say(j.agent, 1, bye, 0);
  kit_end(j.agent, CAL_COMMAND_DRAIN);
  kit_run_ms(&k, 1080);
  assert_null(event_for(88, CAL_EVENT_LEG_ENDED));
  kit_run_ms(&k, 300);
  assert_int_equal(event_for(77, CAL_EVENT_LEG_ENDED)->code, CAL_LEG_CLOSED);
  assert_int_equal(event_for(88, CAL_EVENT_LEG_ENDED)->code, CAL_LEG_HANGUP);
  assert_int_equal(kit_ended(&k, 1)->flags, CAL_EVENT_PROVEN);
  assert_string_equal(kit_ended(&k, 1)->text, "goodbye");
  part();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_frame_is_sent_every_tick_silence_included),
      TEST(what_it_says_comes_in_real_time),
      TEST(marks_come_back_in_order_with_the_sound),
      TEST(a_clear_silences_and_gives_all_marks_back),
      TEST(keys_are_told_as_the_wire_says),
      TEST(an_application_that_goes_away),
      TEST(what_one_says_the_other_hears_to_the_sample),
      TEST(marks_close_the_loop),
      TEST(pitfall_17_a_subscriber_talks_over_the_agent),
      TEST(pitfall_16_goodbye_is_heard_before_the_line_closes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
