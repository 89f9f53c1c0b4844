/* What a leg says: on time, sample by sample, stopped at once when the caller speaks, never cut at the end,
 * and recorded where it was heard. The carrier is played by hand. */
#include "io/kit.h"

#include "audio/wav.h"

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

static void begin(cal_party_options options) {
  peer_start(&p, &k, kit_call(&k, options));
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_STARTED), 1);
}

static void begin_echoing(void) {
  begin((cal_party_options){0});
  p.echoes = 1;
}

/* "one two three …": a word every 250 ms. */
static cal_clip *counting(uint32_t words) {
  static const char *const names[] = {"one", "two", "three", "four", "five", "six", "seven", "eight"};
  char text[256] = "";
  uint32_t ends[8];
  for (uint32_t i = 0; i < words; i++) {
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "", names[i]);
    ends[i] = (uint32_t)strlen(text);
  }
  cal_clip *clip = kit_clip(words * 250, text, words);
  for (uint32_t i = 0; i < words; i++) clip->word[i] = (cal_word){(i + 1) * 250 * RATE / 1000, ends[i]};
  return clip;
}

static void assert_heard_is(size_t from, const cal_clip *clip) {
  assert_true(p.heard_count >= from + clip->samples);
  for (uint32_t i = 0; i < clip->samples; i++)
    if (p.heard[from + i] != kit_mulaw(clip->data[i])) fail_msg("sample %u differs", i);
}

/* ---- sending */

static void what_is_said_arrives_to_the_sample(void **state) {
  begin_echoing();
  cal_clip *first = kit_clip(333, "first", 0), *second = kit_clip(1007, "second", 0);
  kit_declare(p.call, 1, 0);
  kit_audio(p.call, 1, cal_ref(first), 0);
  kit_audio(p.call, 1, cal_ref(second), CAL_COMMAND_LAST); /* pieces of one utterance leave no seam */
  kit_run_ms(&k, 3000);
  assert_heard_is(0, first);
  assert_heard_is(first->samples, second);
  seen_event *end = kit_ended(&k, 1);
  assert_int_equal(end->flags, CAL_EVENT_PROVEN);
  assert_int_equal(end->code, 0);
  assert_int_equal(end->number, 1340);
  assert_string_equal(end->text, "first second");
  assert_int_equal(kit_events(&k, CAL_EVENT_UTTERANCE_STARTED), 1);
  cal_unref(first);
  cal_unref(second);
  peer_leave(&p);
}

static void frames_leave_on_an_absolute_schedule_and_not_far_ahead(void **state) {
  static const uint32_t leads[] = {20, 100, 400};
  for (int i = 0; i < 3; i++) {
    k.count = 0;
    begin((cal_party_options){.lead_ms = leads[i]});
    p.echoes = 1;
    kit_run_ms(&k, 3); /* somewhere in a slot of the wheel */
    kit_say(p.call, 1, kit_clip(10000, "long", 0), 0);
    uint64_t began = cal_loop_now_ns(k.loop);
    kit_run_ms(&k, 11000);
    assert_int_equal(kit_events(&k, CAL_EVENT_UTTERANCE_ENDED), 1);
    for (uint32_t n = 0; n < 500; n++) {
      int64_t due = (int64_t)(began + n * 20 * CAL_MS),
              left = (int64_t)peer_said(&p, CAL_WIRE_AUDIO, n)->at_ns;
      int64_t ahead = (due - left) / (int64_t)CAL_MS;
      if (ahead > leads[i] + 5 || ahead < 0) /* the schedule lies on the wheel's slots of 5 ms */
        fail_msg("lead %u: frame %u is %lld ms ahead", leads[i], n, (long long)ahead);
    }
    assert_null(peer_said(&p, CAL_WIRE_AUDIO, 500));
    peer_leave(&p);
  }
}

static void a_wire_of_odd_frames_is_paced_as_well(void **state) {
  static const struct {
    uint32_t rate_hz, frame_ms, chunk;
  } cases[] = {{8000, 20, 3200}, {11025, 20, 0}, {48000, 200, 0}, {8000, 20, 65536}, {24000, 30, 0}};
  for (int i = 0; i < 5; i++) {
    k.count = 0;
    cal_wire_spec spec = twilio_app();
    spec.rate_hz = cases[i].rate_hz;
    spec.frame_ms = cases[i].frame_ms;
    spec.chunk_min_bytes = spec.chunk_multiple_bytes = cases[i].chunk;
    spec.start.rate = NULL;
    cal_wire *wire = kit_wire(spec);
    begin((cal_party_options){.wire = wire, .longest_s = 60});
    cal_clip *clip = cal_clip_new(cases[i].rate_hz, 20 * cases[i].rate_hz, "long", 0);
    kit_say(p.call, 1, clip, 0);
    kit_run_ms(&k, 10000);
    uint64_t frame_ns = cal_wire_frame_samples(wire) * CAL_S / cases[i].rate_hz;
    uint64_t expected = (10 * CAL_S + 100 * CAL_MS) / frame_ns + 1;
    uint64_t frames = p.said_count;
    if (frames > expected || frames + 3 < expected)
      fail_msg("case %d: %d frames, not %d", i, (int)frames, (int)expected);
    kit_end(p.call, 0);
    kit_run_ms(&k, 1);
    cal_unref(wire);
    peer_leave(&p);
  }
}

static void a_voice_that_pauses_starts_again_without_a_burst(void **state) {
  begin_echoing();
  kit_declare(p.call, 1, 0);
  kit_audio(p.call, 1, kit_clip(200, "a", 0), 0);
  kit_run_ms(&k, 5000);
  assert_null(kit_ended(&k, 1));
  uint32_t before = p.said_count;
  kit_audio(p.call, 1, kit_clip(2000, "b", 0), CAL_COMMAND_LAST);
  kit_run_ms(&k, 0);
  assert_int_equal(p.said_count - before, 6); /* the lead and no more */
  kit_run_ms(&k, 3000);
  assert_int_equal(kit_ended(&k, 1)->number, 2200);
  peer_leave(&p);
}

static void a_voice_that_fails_is_told_with_the_end(void **state) {
  begin_echoing();
  kit_declare(p.call, 1, 0);
  kit_audio(p.call, 1, kit_clip(100, "half", 0), 0);
  cal_party_command(
      p.call,
      &(cal_command){.kind = CAL_COMMAND_LEG_AUDIO, .utterance = 1, .flags = CAL_COMMAND_LAST, .code = -EIO});
  kit_declare(p.call, 2, 0);
  cal_party_command(
      p.call, &(cal_command){
                  .kind = CAL_COMMAND_LEG_AUDIO, .utterance = 2, .flags = CAL_COMMAND_LAST, .code = -ENOENT});
  kit_declare(p.call, 3, 0);
  kit_audio(p.call, 3, cal_clip_new(16000, 1600, "wrong rate", 0), CAL_COMMAND_LAST);
  kit_say(p.call, 4, kit_clip(100, "well", 0), 0);
  kit_declare(p.call, 4, 0); /* twice */
  kit_run_ms(&k, 2000);
  assert_int_equal(kit_ended(&k, 1)->code, -EIO);
  assert_int_equal(kit_ended(&k, 2)->code, -ENOENT);
  assert_int_equal(kit_ended(&k, 3)->code, -EINVAL);
  assert_int_equal(kit_ended(&k, 4)->code, -EEXIST); /* told at once; the utterance itself goes on … */
  assert_int_equal(kit_events(&k, CAL_EVENT_UTTERANCE_ENDED), 5); /* … and ends as well */
  assert_int_equal(kit_event(&k, CAL_EVENT_UTTERANCE_ENDED, 4)->code, 0);
  peer_leave(&p);
}

/* ---- being interrupted */

static void pitfall_17_a_caller_who_speaks_stops_the_carrier_in_the_same_frame(void **state) {
  static int16_t speech[RATE];
  kit_speech(speech, RATE);
  begin_echoing();
  peer_is_silent(&p, 1500);
  kit_say(p.call, 1, counting(8), CAL_COMMAND_INTERRUPTIBLE);
  kit_say(p.call, 2, counting(2), CAL_COMMAND_INTERRUPTIBLE); /* waits behind it: goes too */
  peer_is_silent(&p, 800);
  size_t at = 0;
  while (!kit_event(&k, CAL_EVENT_SPEECH_STARTED, 0) && at + FRAME <= RATE) {
    peer_speaks(&p, speech + at, FRAME);
    at += FRAME;
  }
  seen_event *started = kit_event(&k, CAL_EVENT_SPEECH_STARTED, 0);
  assert_non_null(started);
  said *clear = peer_said(&p, CAL_WIRE_CLEAR, 0);
  assert_non_null(clear);
  assert_int_equal(clear->at_ns, started->at_ns); /* in the moment of the decision */
  uint32_t after = p.said_count;
  peer_speaks(&p, speech, RATE / 2);
  assert_int_equal(p.said_count, after); /* and nothing behind it */
  assert_null(peer_said(&p, CAL_WIRE_CLEAR, 1));
  seen_event *end = kit_ended(&k, 1);
  assert_int_equal(end->flags, CAL_EVENT_INTERRUPTED); /* the leg goes on */
  assert_int_equal(kit_ended(&k, 2)->flags, CAL_EVENT_INTERRUPTED);
  assert_int_equal(kit_ended(&k, 2)->number, 0);
  assert_string_equal(kit_ended(&k, 2)->text, "");
  assert_true(end < started); /* told after it was done */
  /* What was really played lies between what is claimed and what was sent; only whole words of it are
   * claimed. */
  uint64_t played_ms = (clear->at_ns - peer_said(&p, CAL_WIRE_AUDIO, 0)->at_ns) / CAL_MS;
  assert_in_range(end->number, played_ms - 220, played_ms);
  char expected[64] = "";
  static const char *const names[] = {"one", "two", "three", "four", "five"};
  for (int i = 0; (i + 1) * 250 <= end->number; i++)
    snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%s", i ? " " : "", names[i]);
  assert_string_equal(end->text, expected);
  peer_leave(&p);
}

static void pause_saying(int is_on) {
  cal_party_command(p.call,
                    &(cal_command){.kind = CAL_COMMAND_LEG_PAUSE, .flags = is_on ? CAL_COMMAND_ON : 0});
  kit_run_ms(&k, 0);
}

/* The caller speaks until that is noticed. */
static seen_event *speak_up(void) {
  static int16_t speech[RATE];
  kit_speech(speech, RATE);
  for (size_t at = 0; !kit_event(&k, CAL_EVENT_SPEECH_STARTED, 0) && at + FRAME <= RATE; at += FRAME)
    peer_speaks(&p, speech + at, FRAME);
  return kit_event(&k, CAL_EVENT_SPEECH_STARTED, 0);
}

static void what_is_reversible_is_paused_in_the_same_frame_and_goes_on(void **state) {
  begin_echoing();
  peer_is_silent(&p, 1500);
  cal_clip *clip = counting(8);
  kit_say(p.call, 1, cal_ref(clip), CAL_COMMAND_INTERRUPTIBLE | CAL_COMMAND_REVERSIBLE);
  kit_say(p.call, 2, kit_clip(300, "and more", 0), CAL_COMMAND_INTERRUPTIBLE | CAL_COMMAND_REVERSIBLE);
  peer_is_silent(&p, 800);
  seen_event *started = speak_up();
  assert_non_null(started);
  said *clear = peer_said(&p, CAL_WIRE_CLEAR, 0);
  assert_non_null(clear);
  assert_int_equal(clear->at_ns, started->at_ns);
  seen_event *paused = kit_event(&k, CAL_EVENT_UTTERANCE_PAUSED, 0);
  assert_non_null(paused);
  assert_true(paused < started);
  assert_int_equal(paused->utterance, 1);
  assert_string_equal(paused->text, "one two");
  uint32_t after = p.said_count;
  size_t heard = p.heard_count;
  peer_is_silent(&p, 3000);
  assert_int_equal(p.said_count, after);
  assert_int_equal(kit_events(&k, CAL_EVENT_UTTERANCE_ENDED), 0);
  pause_saying(0);
  peer_is_silent(&p, 4000);
  for (uint32_t i = 0, from = 500 * RATE / 1000; from + i < clip->samples; i++) /* from "three" */
    if (p.heard[heard + i] != kit_mulaw(clip->data[from + i])) fail_msg("sample %u differs", i);
  assert_int_equal(kit_ended(&k, 1)->flags, CAL_EVENT_PROVEN);
  assert_string_equal(kit_ended(&k, 1)->text, "one two three four five six seven eight");
  assert_string_equal(kit_ended(&k, 2)->text, "and more");
  assert_int_equal(kit_events(&k, CAL_EVENT_UTTERANCE_PAUSED), 1);
  cal_unref(clip);
  peer_leave(&p);
}

static void what_was_paused_may_be_cut(void **state) {
  begin_echoing();
  peer_is_silent(&p, 1500);
  kit_say(p.call, 1, counting(8), CAL_COMMAND_INTERRUPTIBLE | CAL_COMMAND_REVERSIBLE);
  kit_say(p.call, 2, kit_clip(300, "terms", 0), CAL_COMMAND_INTERRUPTIBLE | CAL_COMMAND_REVERSIBLE);
  peer_is_silent(&p, 800);
  assert_non_null(speak_up());
  peer_is_silent(&p, 1000);
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_STOP, .utterance = 1});
  kit_run_ms(&k, 1000);
  assert_int_equal(kit_ended(&k, 1)->flags, CAL_EVENT_INTERRUPTED);
  assert_string_equal(kit_ended(&k, 1)->text, "one two");
  assert_null(kit_ended(&k, 2)); /* one after the other, and nothing of the next one between */
  assert_null(peer_said(&p, CAL_WIRE_CLEAR, 1));
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_STOP, .utterance = 2});
  kit_run_ms(&k, 1000);
  assert_string_equal(kit_ended(&k, 2)->text, "");
  kit_say(p.call, 3, kit_clip(300, "well", 0), 0);
  kit_run_ms(&k, 1000);
  assert_string_equal(kit_ended(&k, 3)->text, "well");
  peer_leave(&p);
}

static void a_script_pauses_what_speech_does_not(void **state) {
  begin_echoing();
  kit_say(p.call, 1, counting(4), CAL_COMMAND_REVERSIBLE);
  peer_is_silent(&p, 400);
  pause_saying(1);
  assert_non_null(peer_said(&p, CAL_WIRE_CLEAR, 0));
  pause_saying(1); /* again is harmless */
  pause_saying(0);
  kit_run_ms(&k, 3000);
  assert_null(peer_said(&p, CAL_WIRE_CLEAR, 1));
  assert_string_equal(kit_ended(&k, 1)->text, "one two three four");
  assert_int_equal(kit_events(&k, CAL_EVENT_UTTERANCE_PAUSED), 1);
  pause_saying(1); /* of nothing */
  kit_say(p.call, 2, counting(1), 0);
  kit_run_ms(&k, 1000);
  assert_non_null(kit_ended(&k, 2));
  peer_leave(&p);
}

static void a_pause_does_not_outlive_a_drain(void **state) {
  begin_echoing();
  kit_say(p.call, 1, counting(4), CAL_COMMAND_REVERSIBLE);
  peer_is_silent(&p, 400);
  pause_saying(1);
  kit_end(p.call, CAL_COMMAND_DRAIN);
  kit_run_ms(&k, 2000);
  assert_string_equal(kit_ended(&k, 1)->text, "one two three four");
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_ENDED), 1);
  peer_leave(&p);
}

static void who_may_not_be_interrupted_is_not(void **state) {
  static int16_t speech[RATE];
  kit_speech(speech, RATE);
  begin_echoing();
  peer_is_silent(&p, 1500);
  cal_clip *greeting = counting(8);
  kit_say(p.call, 1, cal_ref(greeting), 0);
  kit_say(p.call, 2, counting(1), CAL_COMMAND_INTERRUPTIBLE);
  peer_is_silent(&p, 300);
  peer_speaks(&p, speech, RATE);
  assert_int_equal(kit_events(&k, CAL_EVENT_SPEECH_STARTED), 1);
  peer_is_silent(&p, 3000);
  assert_null(peer_said(&p, CAL_WIRE_CLEAR, 0));
  assert_int_equal(kit_ended(&k, 1)->flags, CAL_EVENT_PROVEN);
  assert_int_equal(kit_ended(&k, 2)->flags, CAL_EVENT_PROVEN);
  assert_heard_is(0, greeting);
  cal_unref(greeting);
  peer_leave(&p);
}

static void a_key_stops_what_says_so(void **state) {
  begin_echoing();
  kit_say(p.call, 1, counting(8), CAL_COMMAND_DIGITS_STOP);
  kit_run_ms(&k, 500);
  peer_send(&p, "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"1\"}}");
  kit_run_ms(&k, 0);
  assert_non_null(peer_said(&p, CAL_WIRE_CLEAR, 0));
  assert_true(kit_ended(&k, 1) < kit_event(&k, CAL_EVENT_DIGIT, 0));
  kit_say(p.call, 2, counting(8), CAL_COMMAND_INTERRUPTIBLE);
  kit_run_ms(&k, 500);
  peer_send(&p, "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"1\"}}");
  kit_run_ms(&k, 3000);
  assert_int_equal(kit_ended(&k, 2)->flags, CAL_EVENT_PROVEN);
  peer_leave(&p);
}

static void a_stop_of_one_keeps_the_other_whole(void **state) {
  begin_echoing();
  cal_clip *stays = kit_clip(700, "stays", 0);
  kit_say(p.call, 1, counting(8), 0);
  kit_say(p.call, 2, cal_ref(stays), 0);
  kit_run_ms(&k, 100);
  uint64_t stopped = cal_loop_now_ns(k.loop);
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_STOP, .utterance = 1});
  kit_run_ms(&k, 0);
  said *clear = peer_said(&p, CAL_WIRE_CLEAR, 0);
  assert_int_equal(clear->at_ns, stopped);
  size_t from = clear->heard_before, lead = 0;
  for (uint32_t i = 0; i < p.said_count; i++) lead += p.said[i].kind == CAL_WIRE_AUDIO && &p.said[i] > clear;
  assert_int_equal(lead, 6); /* the carrier is empty: it is filled anew, not frame by frame */
  kit_run_ms(&k, 3000);
  assert_heard_is(from, stays);
  assert_int_equal(kit_ended(&k, 2)->flags, CAL_EVENT_PROVEN);
  assert_int_equal(kit_ended(&k, 2)->number, 700);
  cal_unref(stays);
  peer_leave(&p);
}

/* Marks that a clear gives back prove nothing. */
static void echoes_after_a_clear_are_not_believed(void **state) {
  begin((cal_party_options){0});
  kit_say(p.call, 1, counting(1), 0);
  kit_run_ms(&k, 160); /* all sent, its mark too; 160 ms were played at best */
  assert_non_null(peer_said(&p, CAL_WIRE_MARK, 0));
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_STOP});
  kit_run_ms(&k, 0);
  peer_mark(&p, peer_said(&p, CAL_WIRE_MARK, 0)->name);
  peer_mark(&p, "c99999999999999999999");
  peer_mark(&p, "not ours");
  kit_run_ms(&k, 1000);
  assert_int_equal(kit_events(&k, CAL_EVENT_UTTERANCE_ENDED), 1);
  assert_true(kit_ended(&k, 1)->flags & CAL_EVENT_INTERRUPTED);
  assert_true(kit_ended(&k, 1)->number <= 160);
  assert_string_equal(kit_ended(&k, 1)->text, "");
  peer_leave(&p);
}

/* ---- a peer that reads slowly: our own queue fills */

static void begin_narrow(void) {
  peer_join_through(&p, &k, kit_call(&k, (cal_party_options){0}), (cal_ws_pair_options){.window_bytes = 600});
  kit_run_ms(&k, 1);
  peer_send(&p, kit_start);
  kit_run_ms(&k, 0);
}

static void pitfall_17_a_backlog_of_our_own_is_forgotten_too(void **state) {
  begin_narrow();
  cal_ws_pause(p.ws, 1);
  kit_say(p.call, 1, kit_clip(2000, "into a full pipe", 0), 0);
  kit_run_ms(&k, 600);
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_STOP});
  kit_run_ms(&k, 0);
  cal_ws_pause(p.ws, 0);
  kit_run_ms(&k, 1000);
  said *clear = peer_said(&p, CAL_WIRE_CLEAR, 0);
  assert_non_null(clear);
  assert_true(p.heard_count <= 3 * FRAME); /* what was in the pipe */
  assert_int_equal(clear->heard_before, p.heard_count);
  peer_leave(&p);
}

static void a_stop_of_what_was_not_sent_leaves_the_rest_alone(void **state) {
  begin_narrow();
  cal_ws_pause(p.ws, 1);
  cal_clip *stays = kit_clip(700, "stays", 0);
  kit_say(p.call, 1, cal_ref(stays), 0);
  kit_say(p.call, 2, kit_clip(700, "waits", 0), 0);
  kit_run_ms(&k, 400);
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_STOP, .utterance = 2});
  kit_run_ms(&k, 0);
  cal_ws_pause(p.ws, 0);
  kit_run_ms(&k, 1000);
  assert_null(peer_said(&p, CAL_WIRE_CLEAR, 0));
  assert_heard_is(0, stays);
  assert_int_equal(p.heard_count, stays->samples);
  cal_unref(stays);
  peer_leave(&p);
}

/* ---- the end */

static void pitfall_16_last_sentence_is_not_cut(void **state) {
  begin((cal_party_options){0});
  cal_clip *goodbye = kit_clip(1500, "thank you goodbye", 0);
  kit_say(p.call, 1, cal_ref(goodbye), 0);
  kit_end(p.call, CAL_COMMAND_DRAIN);
  kit_run_ms(&k, 2000); /* all was sent long ago, but this carrier is slow: no echo yet */
  assert_heard_is(0, goodbye);
  assert_false(p.is_closed);
  peer_mark(&p, peer_said(&p, CAL_WIRE_MARK, 0)->name);
  kit_run_ms(&k, 10);
  assert_true(p.is_closed);
  assert_int_equal(kit_event(&k, CAL_EVENT_LEG_ENDED, 0)->code, CAL_LEG_CLOSED);
  assert_int_equal(kit_ended(&k, 1)->flags, CAL_EVENT_PROVEN);
  assert_string_equal(kit_ended(&k, 1)->text, "thank you goodbye");
  cal_unref(goodbye);
  peer_leave(&p);
}

static void pitfall_15_a_drain_ends_though_no_mark_comes(void **state) {
  begin((cal_party_options){0});
  kit_say(p.call, 1, kit_clip(1000, "bye", 0), 0);
  kit_end(p.call, CAL_COMMAND_DRAIN);
  kit_run_ms(&k, 900);
  assert_false(p.is_closed);
  kit_run_ms(&k, 4000);
  assert_true(p.is_closed);
  assert_int_equal(kit_ended(&k, 1)->flags, CAL_EVENT_UNPROVEN);
  peer_leave(&p);
}

static void pitfall_15_a_drain_ends_though_the_voice_dies(void **state) {
  begin_echoing();
  kit_declare(p.call, 1, 0);
  kit_end(p.call, CAL_COMMAND_DRAIN);
  kit_run_ms(&k, 3000);
  kit_audio(p.call, 1, kit_clip(500, "slow but alive", 0), 0);
  kit_run_ms(&k, 4000);
  assert_false(p.is_closed);
  kit_run_ms(&k, 6000);
  assert_true(p.is_closed);
  assert_int_equal(kit_ended(&k, 1)->number, 500);
  assert_int_equal(kit_event(&k, CAL_EVENT_LEG_ENDED, 0)->code, CAL_LEG_CLOSED);
  peer_leave(&p);
}

static void pitfall_15_a_drain_ends_though_the_voice_never_began(void **state) {
  begin_echoing();
  kit_declare(p.call, 1, 0);
  kit_end(p.call, CAL_COMMAND_DRAIN);
  kit_run_ms(&k, 10000);
  assert_true(p.is_closed);
  assert_true(kit_ended(&k, 1)->flags & CAL_EVENT_INTERRUPTED);
  peer_leave(&p);
}

static void a_drain_of_nothing_is_at_once(void **state) {
  begin_echoing();
  kit_end(p.call, CAL_COMMAND_DRAIN);
  kit_run_ms(&k, 1);
  assert_true(p.is_closed);
  peer_leave(&p);
}

/* ---- the ear */

static void speech_is_cut_out_for_the_recogniser(void **state) {
  static int16_t speech[RATE];
  kit_speech(speech, RATE);
  begin_echoing();
  peer_is_silent(&p, 1500);
  peer_speaks(&p, speech, RATE);
  peer_is_silent(&p, 1000);
  assert_int_equal(k.speeches, 0); /* nobody asked */
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_LISTEN,
                                           .listen = {.endpoint_ms = 300, .grammar = cal_ref_new(8, NULL)}});
  kit_run_ms(&k, 1);
  peer_speaks(&p, speech, RATE);
  peer_is_silent(&p, 1000);
  assert_int_equal(k.speeches, 1);
  assert_in_range(k.speech_samples, RATE, RATE * 17 / 10);
  assert_int_equal(kit_events(&k, CAL_EVENT_SPEECH_STARTED), 2);
  assert_int_equal(kit_events(&k, CAL_EVENT_SPEECH_STOPPED), 2);
  assert_in_range(kit_event(&k, CAL_EVENT_SPEECH_STOPPED, 1)->number, 700, 1300);
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_LISTEN, .listen = {.free_text = 1}});
  kit_run_ms(&k, 1);
  peer_speaks(&p, speech, RATE);
  peer_is_silent(&p, 1000);
  assert_int_equal(k.speeches, 2); /* any words, so no grammar */
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_LISTEN});
  kit_run_ms(&k, 1);
  peer_speaks(&p, speech, RATE);
  peer_is_silent(&p, 1000);
  assert_int_equal(k.speeches, 2);
  peer_leave(&p);
}

/* The same second of speech, in messages of any size and at rates the detector does not know. */
static void pitfall_20_odd_chunks_and_rates_are_heard(void **state) {
  static const struct {
    uint32_t rate_hz;
    size_t chunk;
  } cases[] = {{8000, 1},  {8000, 77},   {8000, 8000},   {16000, 333},
               {24000, 1}, {24000, 479}, {48000, 20000}, {11025, 13}};
  static int16_t speech[RATE], line[4 * 48000];
  kit_speech(speech, RATE);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    k.count = 0;
    cal_wire *wire = kit_wire((cal_wire_spec){.name = "plain",
                                              .encoding = CAL_L16LE,
                                              .rate_hz = cases[i].rate_hz,
                                              .frame_ms = 20,
                                              .is_binary_in = 1,
                                              .is_binary_out = 1});
    peer_join(&p, &k, kit_call(&k, (cal_party_options){.wire = wire, .name = "odd"}), 0);
    kit_run_ms(&k, 1);
    size_t rate = cases[i].rate_hz, count = 4 * rate;
    for (size_t n = 0; n < count; n++) {
      double t = (double)n / (double)rate - 1.5; /* speech from 1.5 s to 2.5 s */
      line[n] = t >= 0 && t < 1 ? speech[(size_t)(t * RATE)] : 0;
    }
    for (size_t at = 0; at < count; at += cases[i].chunk) {
      size_t left = count - at, piece = left < cases[i].chunk ? left : cases[i].chunk;
      cal_ws_send_copy(p.ws, line + at, piece * 2, CAL_WS_BINARY);
      if (at / cases[i].chunk % 64 == 0) kit_run_ms(&k, 1);
    }
    cal_ws_send_copy(p.ws, line, 0, CAL_WS_BINARY); /* no samples at all */
    kit_run_ms(&k, 10);
    if (kit_events(&k, CAL_EVENT_SPEECH_STARTED) != 1 || kit_events(&k, CAL_EVENT_SPEECH_STOPPED) != 1)
      fail_msg("deaf at %u Hz in pieces of %zu", cases[i].rate_hz, cases[i].chunk);
    assert_in_range(kit_event(&k, CAL_EVENT_SPEECH_STOPPED, 0)->number, 600, 1400);
    cal_unref(wire);
    peer_leave(&p);
  }
}

/* ---- the recording */

static int16_t recorded(size_t position, int side) {
  int16_t sample;
  memcpy(&sample, k.file + CAL_WAV_HEADER_BYTES + (position * 2 + (size_t)side) * 2, 2);
  return sample;
}

static size_t first_sound(int side) {
  for (size_t i = 0; i < k.file_samples; i++)
    if (abs(recorded(i, side)) > 100) return i;
  return SIZE_MAX;
}

static void pitfall_19_both_sides_are_recorded_where_they_were_heard(void **state) {
  begin((cal_party_options){.recording_path = "x.wav"});
  p.echoes = 1;
  uint64_t born = cal_loop_now_ns(k.loop) - CAL_MS; /* joined a millisecond ago */
  cal_clip *clip = kit_clip(3000, "long", 0);
  peer_is_silent(&p, 200);
  kit_say(p.call, 1, cal_ref(clip), 0);
  uint64_t asked = cal_loop_now_ns(k.loop);
  peer_is_silent(&p, 1000);
  int16_t tone[FRAME];
  for (int i = 0; i < FRAME; i++) tone[i] = 8000;
  uint64_t spoke = cal_loop_now_ns(k.loop);
  peer_speaks(&p, tone, FRAME);
  peer_is_silent(&p, 4000);
  size_t in_memory = k.blocks;
  assert_true(in_memory >= 5); /* handed out as it comes, not at the end */
  kit_end(p.call, 0);
  kit_run_ms(&k, 10);
  assert_int_equal(k.files_open, 0);
  assert_int_equal(k.odd_blocks, 0);
  assert_int_equal(k.file_bytes, CAL_WAV_HEADER_BYTES + k.file_samples * 4);
  assert_true(k.file_samples > 5 * RATE);
  size_t agent = first_sound(1), caller = first_sound(0);
  assert_in_range(agent, (asked - born) * RATE / CAL_S - 8, (asked - born) * RATE / CAL_S + 8);
  assert_in_range(caller, (spoke - born) * RATE / CAL_S - FRAME - 8, (spoke - born) * RATE / CAL_S + 8);
  for (uint32_t i = 0; i < clip->samples; i++)
    if (recorded(agent + i, 1) != clip->data[i]) fail_msg("sample %u differs", i);
  cal_unref(clip);
  peer_leave(&p);
}

static void what_a_clear_took_back_is_not_in_the_recording(void **state) {
  begin((cal_party_options){.recording_path = "x.wav", .lead_ms = 400});
  kit_run_ms(&k, 19);
  kit_say(p.call, 1, kit_clip(3000, "long", 0), 0);
  kit_run_ms(&k, 500);
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_STOP});
  kit_run_ms(&k, 1000);
  cal_clip *clip = kit_clip(500, "next", 0);
  kit_say(p.call, 2, cal_ref(clip), 0);
  kit_run_ms(&k, 2000);
  kit_end(p.call, 0);
  kit_run_ms(&k, 10);
  size_t first = 20 * RATE / 1000, stopped = first + 500 * RATE / 1000, next = stopped + RATE;
  assert_true(abs(recorded(stopped - 200, 1)) > 100);
  for (size_t i = stopped + 8; i + 8 < next; i++) assert_int_equal(recorded(i, 1), 0);
  size_t at = next - 16;
  while (!recorded(at, 1)) at++;
  assert_in_range(at, next - 8, next + 8);
  for (uint32_t i = 0; i < clip->samples; i++) assert_int_equal(recorded(at + i, 1), clip->data[i]);
  cal_unref(clip);
  peer_leave(&p);
}

static void a_paused_recording_is_silent_and_a_hole_of_minutes_is_kept(void **state) {
  begin((cal_party_options){.recording_path = "x.wav"});
  int16_t tone[FRAME];
  for (int i = 0; i < FRAME; i++) tone[i] = 8000;
  for (int i = 0; i < 10; i++) peer_speaks(&p, tone, FRAME);
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_RECORDING});
  kit_run_ms(&k, 0);
  for (int i = 0; i < 10; i++) peer_speaks(&p, tone, FRAME);
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_RECORDING, .flags = CAL_COMMAND_ON});
  kit_run_ms(&k, 0);
  for (int i = 0; i < 10; i++) peer_speaks(&p, tone, FRAME);
  kit_run_ms(&k, 25 * 60 * 1000);
  for (int i = 0; i < 10; i++) peer_speaks(&p, tone, FRAME);
  kit_end(p.call, 0);
  kit_run_ms(&k, 10);
  size_t loud = 0;
  for (size_t i = 0; i < k.file_samples; i++) loud += recorded(i, 0) > 7000;
  assert_int_equal(loud, 30 * FRAME);
  assert_in_range(k.file_samples, 25 * 60 * RATE, (25 * 60 + 1) * RATE);
  assert_true(recorded(k.file_samples - 10, 0) > 7000);
  peer_leave(&p);
}

static void a_recording_that_cannot_be_made_is_not_tried_again(void **state) {
  k.refuse_file = 1;
  begin((cal_party_options){.recording_path = "x.wav"});
  peer_is_silent(&p, 5000);
  assert_int_equal(k.files_ever, 1);
  assert_int_equal(k.blocks, 0);
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_RECORDING});
  kit_run_ms(&k, 10);
  peer_leave(&p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(what_is_said_arrives_to_the_sample),
      TEST(frames_leave_on_an_absolute_schedule_and_not_far_ahead),
      TEST(a_wire_of_odd_frames_is_paced_as_well),
      TEST(a_voice_that_pauses_starts_again_without_a_burst),
      TEST(a_voice_that_fails_is_told_with_the_end),
      TEST(pitfall_17_a_caller_who_speaks_stops_the_carrier_in_the_same_frame),
      TEST(what_is_reversible_is_paused_in_the_same_frame_and_goes_on),
      TEST(what_was_paused_may_be_cut),
      TEST(a_script_pauses_what_speech_does_not),
      TEST(a_pause_does_not_outlive_a_drain),
      TEST(who_may_not_be_interrupted_is_not),
      TEST(a_key_stops_what_says_so),
      TEST(a_stop_of_one_keeps_the_other_whole),
      TEST(echoes_after_a_clear_are_not_believed),
      TEST(pitfall_17_a_backlog_of_our_own_is_forgotten_too),
      TEST(a_stop_of_what_was_not_sent_leaves_the_rest_alone),
      TEST(pitfall_16_last_sentence_is_not_cut),
      TEST(pitfall_15_a_drain_ends_though_no_mark_comes),
      TEST(pitfall_15_a_drain_ends_though_the_voice_dies),
      TEST(pitfall_15_a_drain_ends_though_the_voice_never_began),
      TEST(a_drain_of_nothing_is_at_once),
      TEST(speech_is_cut_out_for_the_recogniser),
      TEST(pitfall_20_odd_chunks_and_rates_are_heard),
      TEST(pitfall_19_both_sides_are_recorded_where_they_were_heard),
      TEST(what_a_clear_took_back_is_not_in_the_recording),
      TEST(a_paused_recording_is_silent_and_a_hole_of_minutes_is_kept),
      TEST(a_recording_that_cannot_be_made_is_not_tried_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
