/* A background under what a leg says: without a seam, in the pauses too, and nobody mistakes it for speech of
 * the agent. The carrier is played by hand; what it must get is computed with the same mixer. */
#include "io/kit.h"

#include "audio/mix.h"

enum { VOLUME = CAL_GAIN_UNITY / 4 };

static kit k;
static peer p;
static cal_clip *office;
static cal_background expected;

static int setup(void **state) {
  kit_open(&k);
  office = kit_clip(700, NULL, 0);
  expected = (cal_background){0};
  return 0;
}

static int teardown(void **state) {
  cal_background_done(&expected);
  office = cal_unref(office);
  kit_close(&k);
  return 0;
}

static void begin(cal_party_options options) {
  peer_start(&p, &k, kit_call(&k, options));
  p.echoes = 1;
}

static void background(int32_t number, cal_clip *clip, int32_t gain_q12) { /* takes */
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_BACKGROUND,
                                           .code = number,
                                           .flags = CAL_COMMAND_ON,
                                           .background = {.clip = clip, .gain_q12 = gain_q12}});
}

static void background_off(int32_t number) {
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_BACKGROUND, .code = number});
}

static void expect_office(void) {
  cal_background_init(&expected, office, 0);
  cal_background_gain(&expected, VOLUME);
}

/* `count` frames from `from` on are the expected background, with the clip (NULL: none) over it from its own
 * sample `clip_at` on. */
static void assert_frames(size_t from, size_t count, const cal_clip *clip, size_t clip_at) {
  assert_true(p.heard_count >= from + count * FRAME);
  for (size_t n = 0; n < count; n++) {
    int16_t frame[FRAME] = {0};
    for (size_t i = 0; clip && i < FRAME && clip_at + n * FRAME + i < clip->samples; i++)
      frame[i] = clip->data[clip_at + n * FRAME + i];
    cal_background_mix(&expected, frame, FRAME);
    for (size_t i = 0; i < FRAME; i++)
      if (p.heard[from + n * FRAME + i] != kit_mulaw(frame[i]))
        fail_msg("sample %zu of frame %zu differs", i, from / FRAME + n);
  }
}

static void it_plays_without_a_seam_and_on_time(void **state) {
  begin((cal_party_options){0});
  background(1, cal_ref(office), VOLUME);
  expect_office();
  kit_run_ms(&k, 10000); /* fourteen rounds */
  assert_frames(0, p.heard_count / FRAME, NULL, 0);
  assert_in_range(p.heard_count / FRAME, 504, 506); /* ten seconds and the lead */
  assert_int_equal(kit_events(&k, CAL_EVENT_UTTERANCE_STARTED) + kit_events(&k, CAL_EVENT_UTTERANCE_ENDED),
                   0);
  assert_null(peer_said(&p, CAL_WIRE_MARK, 0));
  background_off(2);
  kit_run_ms(&k, 100);
  cal_background_gain(&expected, 0);
  size_t count = p.heard_count;
  assert_true(p.heard[count - 1] < 200); /* it faded */
  kit_run_ms(&k, 1000);
  assert_int_equal(p.heard_count, count); /* and the leg is at rest */
  peer_leave(&p);
}

static void speech_lies_over_it(void **state) {
  begin((cal_party_options){0});
  background(1, cal_ref(office), VOLUME);
  expect_office();
  kit_run_ms(&k, 1000);
  size_t before = p.heard_count;
  assert_frames(0, before / FRAME, NULL, 0);
  cal_clip *clip = kit_clip(1000, "a sentence", 0);
  kit_say(p.call, 1, cal_ref(clip), 0);
  kit_run_ms(&k, 3000);
  assert_frames(before, 50, clip, 0);
  assert_frames(before + 50 * FRAME, 50, NULL, 0);
  seen_event *end = kit_ended(&k, 1);
  assert_int_equal(end->flags, CAL_EVENT_PROVEN);
  assert_int_equal(end->number, 1000);
  assert_string_equal(end->text, "a sentence");
  cal_unref(clip);
  peer_leave(&p);
}

/* The next piece comes while the carrier still has something to play: no background must get in between. */
static void a_voice_that_hesitates_is_not_torn_apart(void **state) {
  begin((cal_party_options){.lead_ms = 200});
  background(1, cal_ref(office), VOLUME);
  expect_office();
  kit_run_ms(&k, 400);
  size_t before = p.heard_count;
  assert_frames(0, before / FRAME, NULL, 0);
  cal_clip *first = kit_clip(400, "one", 0), *second = kit_clip(400, "two", 0);
  kit_declare(p.call, 1, 0);
  kit_audio(p.call, 1, cal_ref(first), 0);
  kit_run_ms(&k, 500); /* what was sent will have been played in 100 ms */
  kit_audio(p.call, 1, cal_ref(second), CAL_COMMAND_LAST);
  kit_run_ms(&k, 2000);
  assert_frames(before, 20, first, 0);
  assert_frames(before + 20 * FRAME, 20, second, 0);
  assert_string_equal(kit_ended(&k, 1)->text, "one two");
  cal_unref(first);
  cal_unref(second);
  peer_leave(&p);
}

static void a_voice_that_is_late_leaves_no_hole_in_it(void **state) {
  begin((cal_party_options){0});
  background(1, cal_ref(office), VOLUME);
  kit_run_ms(&k, 200);
  kit_declare(p.call, 1, 0);
  kit_audio(p.call, 1, kit_clip(100, "one", 0), 0);
  kit_run_ms(&k, 3000);
  uint32_t frames = p.said_count;
  assert_in_range(frames, 160, 166); /* one every 20 ms, and the lead */
  kit_audio(p.call, 1, kit_clip(100, "two", 0), CAL_COMMAND_LAST);
  kit_run_ms(&k, 1000);
  assert_string_equal(kit_ended(&k, 1)->text, "one two");
  assert_int_equal(kit_ended(&k, 1)->flags, CAL_EVENT_PROVEN);
  peer_leave(&p);
}

/* The carrier forgets its stock, so it is filled again in the next slot of the wheel, with the same sounds.
 */
static void a_barge_in_costs_it_no_more_than_the_stock(void **state) {
  begin((cal_party_options){0});
  background(1, cal_ref(office), VOLUME);
  expect_office();
  kit_run_ms(&k, 400);
  size_t before = p.heard_count;
  assert_frames(0, before / FRAME, NULL, 0);
  cal_clip *clip = kit_clip(3000, "one two", 2);
  clip->word[0] = (cal_word){RATE / 4, 3};
  clip->word[1] = (cal_word){3 * RATE, 7};
  kit_say(p.call, 1, cal_ref(clip), CAL_COMMAND_INTERRUPTIBLE);
  kit_run_ms(&k, 1000);
  uint64_t stopped = cal_loop_now_ns(k.loop);
  cal_party_command(p.call, &(cal_command){.kind = CAL_COMMAND_LEG_STOP});
  kit_run_ms(&k, 5);
  said *clear = peer_said(&p, CAL_WIRE_CLEAR, 0);
  assert_int_equal(clear->at_ns, stopped);
  uint32_t filled = 0;
  for (uint32_t i = 0; i < p.said_count; i++)
    filled += &p.said[i] > clear && p.said[i].kind == CAL_WIRE_AUDIO;
  assert_int_equal(filled, 6); /* the lead and no more */
  kit_run_ms(&k, 1000);
  size_t played = (clear->at_ns - p.said[0].at_ns) / CAL_MS / 20; /* frames the caller can have heard */
  assert_frames(before, played - before / FRAME, clip, 0);
  assert_frames(clear->heard_before, 50, NULL, 0);
  assert_true(kit_ended(&k, 1)->flags & CAL_EVENT_INTERRUPTED);
  assert_string_equal(kit_ended(&k, 1)->text, "one");
  cal_unref(clip);
  peer_leave(&p);
}

static void a_caller_does_not_interrupt_it(void **state) {
  static int16_t speech[RATE];
  kit_speech(speech, RATE);
  begin((cal_party_options){0});
  background(1, cal_ref(office), VOLUME);
  expect_office();
  peer_is_silent(&p, 1500);
  peer_speaks(&p, speech, RATE);
  assert_non_null(kit_event(&k, CAL_EVENT_SPEECH_STARTED, 0));
  assert_null(peer_said(&p, CAL_WIRE_CLEAR, 0));
  assert_frames(0, 125, NULL, 0);
  cal_party_command(p.call,
                    &(cal_command){.kind = CAL_COMMAND_LEG_STOP}); /* nothing is said: nothing stops */
  kit_run_ms(&k, 100);
  assert_null(peer_said(&p, CAL_WIRE_CLEAR, 0));
  assert_frames(125 * FRAME, 5, NULL, 0);
  peer_leave(&p);
}

static void it_changes_at_once_and_keeps_its_place(void **state) {
  begin((cal_party_options){0});
  background(1, cal_ref(office), VOLUME);
  expect_office();
  kit_run_ms(&k, 300);
  size_t at = p.heard_count;
  assert_frames(0, at / FRAME, NULL, 0);
  background(2, NULL, VOLUME / 2); /* asked for, not read yet: nothing changes */
  kit_run_ms(&k, 100);
  assert_frames(at, 5, NULL, 0);
  background(2, cal_ref(office), VOLUME / 2);
  kit_run_ms(&k, 100);
  cal_background_gain(&expected, VOLUME / 2); /* the same sound glides */
  assert_frames(at + 5 * FRAME, 5, NULL, 0);
  cal_clip *street = kit_clip(333, NULL, 0);
  background(3, cal_ref(street), VOLUME);
  kit_run_ms(&k, 500);
  cal_background_done(&expected);
  cal_background_init(&expected, street, 0);
  cal_background_gain(&expected, VOLUME);
  assert_frames(at + 10 * FRAME, 25, NULL, 0);
  background(1, cal_ref(office), VOLUME);                     /* read too late: a later one counts */
  background(4, cal_clip_new(16000, 16000, NULL, 0), VOLUME); /* of another rate */
  kit_run_ms(&k, 500);
  assert_frames(at + 35 * FRAME, 25, NULL, 0);
  cal_unref(street);
  peer_leave(&p);
}

static void off_and_on_again_in_one_moment_is_on(void **state) {
  begin((cal_party_options){0});
  background(1, cal_ref(office), VOLUME);
  kit_run_ms(&k, 300);
  background_off(2);
  background(1, cal_ref(office), VOLUME); /* an old one does not bring it back … */
  background(3, cal_ref(office), VOLUME); /* … a new one does */
  kit_run_ms(&k, 1000);
  assert_in_range(p.said_count, 70, 72);
  background_off(4);
  background(3, cal_ref(office), VOLUME);
  kit_run_ms(&k, 1000);
  assert_in_range(p.said_count, 70, 73);
  peer_leave(&p);
}

static void it_may_be_asked_for_before_the_line_is_open_and_does_not_hold_its_end(void **state) {
  peer_join(&p, &k, kit_call(&k, (cal_party_options){0}), 0);
  background(1, cal_ref(office), VOLUME);
  kit_run_ms(&k, 1);
  peer_send(&p, kit_start);
  kit_run_ms(&k, 500);
  assert_true(p.heard_count >= 25 * FRAME);
  kit_end(p.call, CAL_COMMAND_DRAIN);
  kit_run_ms(&k, 10);
  assert_int_equal(kit_events(&k, CAL_EVENT_LEG_ENDED), 1);
  peer_leave(&p);
}

static void it_is_recorded(void **state) {
  begin((cal_party_options){.recording_path = "x.wav"});
  background(1, cal_ref(office), VOLUME);
  kit_run_ms(&k, 2000);
  kit_end(p.call, 0);
  kit_run_ms(&k, 10);
  size_t loud = 0;
  const uint8_t *at = k.file + k.file_bytes - 4 * k.file_samples; /* 16-bit pairs: caller, agent */
  for (size_t i = 0; i < k.file_samples; i++) loud += abs((int16_t)(at[4 * i + 2] | at[4 * i + 3] << 8)) > 50;
  assert_true(loud > 2000 * RATE / 1000 * 9 / 10);
  peer_leave(&p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(it_plays_without_a_seam_and_on_time),
      TEST(speech_lies_over_it),
      TEST(a_voice_that_hesitates_is_not_torn_apart),
      TEST(a_voice_that_is_late_leaves_no_hole_in_it),
      TEST(a_barge_in_costs_it_no_more_than_the_stock),
      TEST(a_caller_does_not_interrupt_it),
      TEST(it_changes_at_once_and_keeps_its_place),
      TEST(off_and_on_again_in_one_moment_is_on),
      TEST(it_may_be_asked_for_before_the_line_is_open_and_does_not_hold_its_end),
      TEST(it_is_recorded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
