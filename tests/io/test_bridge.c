/* Two calls on two io threads, joined in C: what each hears of the other, how late, and what is recorded. Each
 * thread has its own simulated clock; both are moved by the same steps. */
#include "io/kit.h"

#include "audio/wav.h"
#include "io/bridge.h"

enum { A_HZ = 440, B_HZ = 1200, STEP_MS = 20 };

static kit ka, kb;
static peer pa, pb;
static uint64_t steps;

static int setup(void **state) {
  kit_open(&ka);
  kit_open(&kb);
  steps = 0;
  return 0;
}

static int teardown(void **state) {
  kit_close(&ka);
  kit_close(&kb);
  return 0;
}

static void begin(void) {
  peer_start(&pa, &ka, kit_call(&ka, (cal_party_options){.name = "call-a", .recording_path = "a.wav"}));
  peer_start(&pb, &kb, kit_call(&kb, (cal_party_options){.name = "call-b", .recording_path = "b.wav"}));
}

static void end(void) {
  peer_leave(&pa);
  peer_leave(&pb);
}

static void tone(int16_t *out, double hz) {
  for (int i = 0; i < FRAME; i++)
    out[i] = (int16_t)(8000 * sin(6.283185307 * hz * ((double)(steps * FRAME) + i) / RATE));
}

/* 20 ms of both lines; 0 Hz: that party sends nothing. */
static void step(double a_hz, double b_hz) {
  int16_t frame[FRAME];
  tone(frame, a_hz);
  if (a_hz > 0) peer_audio(&pa, frame, FRAME);
  tone(frame, b_hz);
  if (b_hz > 0) peer_audio(&pb, frame, FRAME);
  kit_run_ms(&ka, STEP_MS);
  kit_run_ms(&kb, STEP_MS);
  steps++;
}

static void forget(void) {
  pa.heard_count = pb.heard_count = 0;
  pa.said_count = pb.said_count = 0;
}

static void both_speak(uint32_t ms) {
  for (uint32_t i = 0; i < ms / STEP_MS; i++) step(A_HZ, B_HZ);
}

/* The next `ms` alone. */
static void hear_for(uint32_t ms) {
  forget();
  both_speak(ms);
}

/* 1 for a tone as it was sent. `stride` 2: one side of a recording. */
static double level(const int16_t *sound, size_t count, double hz, size_t stride) {
  double re = 0, im = 0;
  for (size_t i = 0; i < count; i++) {
    double angle = 6.283185307 * hz * (double)i / RATE;
    re += sound[i * stride] * cos(angle);
    im += sound[i * stride] * sin(angle);
  }
  return count ? 2 * sqrt(re * re + im * im) / (double)count / 8000 : 0;
}

static double heard(const peer *p, double hz) { return level(p->heard, p->heard_count, hz, 1); }

static cal_bridge *join(int ways) {
  cal_bridge *bridge;
  assert_int_equal(cal_bridge_join(&bridge, pa.call, pb.call, ways), 0);
  both_speak(200);
  return bridge;
}

static void each_hears_the_other_and_not_himself(void **state) {
  begin();
  hear_for(1000);
  assert_int_equal(pa.heard_count + pb.heard_count, 0); /* not joined yet */
  cal_bridge *bridge = join(CAL_BRIDGE_BOTH);
  hear_for(2000);
  assert_int_equal(pa.heard_count, 2 * RATE);
  assert_int_equal(pb.heard_count, 2 * RATE);
  assert_true(heard(&pa, B_HZ) > 0.95);
  assert_true(heard(&pb, A_HZ) > 0.95);
  assert_true(heard(&pa, A_HZ) < 0.02);
  assert_true(heard(&pb, B_HZ) < 0.02);
  cal_bridge_hold(bridge, 1);
  both_speak(200);
  hear_for(1000);
  assert_true(heard(&pa, B_HZ) < 0.02);
  assert_true(heard(&pb, A_HZ) < 0.02);
  cal_bridge_hold(bridge, 0);
  both_speak(200);
  hear_for(1000);
  assert_true(heard(&pa, B_HZ) > 0.95);
  cal_bridge_leave(bridge);
  both_speak(100);
  hear_for(1000);
  assert_int_equal(pa.heard_count + pb.heard_count, 0);
  end();
}

static void a_whisper_goes_one_way(void **state) {
  begin();
  cal_bridge *bridge = join(CAL_BRIDGE_B_HEARS);
  hear_for(1000);
  assert_true(heard(&pb, A_HZ) > 0.95);
  assert_int_equal(pa.heard_count, 0);
  cal_bridge_leave(bridge);
  end();
}

static void the_agent_speaks_to_one_of_them_meanwhile(void **state) {
  begin();
  cal_bridge *bridge = join(CAL_BRIDGE_BOTH);
  cal_clip *clip = cal_clip_new(RATE, 2 * RATE, "you are joined now", 0);
  for (uint32_t i = 0; i < clip->samples; i++)
    clip->data[i] = (int16_t)(8000 * sin(6.283185307 * 700 * i / RATE));
  kit_say(pa.call, 1, clip, CAL_COMMAND_INTERRUPTIBLE);
  both_speak(200);
  hear_for(1000);
  assert_true(heard(&pa, 700) > 0.95);
  assert_true(heard(&pa, B_HZ) > 0.95);
  assert_true(heard(&pb, 700) < 0.02);
  assert_true(heard(&pb, A_HZ) > 0.95);
  cal_bridge_leave(bridge);
  end();
}

/* The files: left is what the party said, right what it heard. */
static double recorded(const kit *k, int side, double hz) {
  const int16_t *samples = (const int16_t *)(k->file + CAL_WAV_HEADER_BYTES);
  size_t frames = (k->file_bytes - CAL_WAV_HEADER_BYTES) / 4, skip = RATE / 2; /* until they were joined */
  return level(samples + 2 * skip + side, frames - skip, hz, 2);
}

static void each_is_recorded_apart(void **state) {
  begin();
  cal_bridge *bridge = join(CAL_BRIDGE_BOTH);
  both_speak(5000);
  cal_bridge_leave(bridge);
  end();
  assert_int_equal(ka.files_ever, 1);
  assert_int_equal(kb.files_ever, 1);
  assert_true(recorded(&ka, 0, A_HZ) > 0.9);
  assert_true(recorded(&ka, 1, B_HZ) > 0.9);
  assert_true(recorded(&kb, 0, B_HZ) > 0.9);
  assert_true(recorded(&kb, 1, A_HZ) > 0.9);
  assert_true(recorded(&ka, 0, B_HZ) < 0.05);
  assert_true(recorded(&kb, 0, A_HZ) < 0.05);
}

/* How long a knock of one takes to the other, in milliseconds. */
static uint32_t delay_ms(void) {
  forget();
  int16_t knock[FRAME] = {[0] = 20000, [1] = 20000, [2] = 20000};
  peer_audio(&pa, knock, FRAME);
  for (uint32_t ms = 0; ms < 1000; ms += STEP_MS) {
    kit_run_ms(&ka, STEP_MS);
    kit_run_ms(&kb, STEP_MS);
    steps++;
    for (size_t i = 0; i < pb.heard_count; i++)
      if (pb.heard[i] > 10000) return ms + STEP_MS;
    int16_t quiet[FRAME] = {0};
    peer_audio(&pa, quiet, FRAME);
  }
  fail_msg("nothing was heard within a second");
  return 0;
}

/* A's carrier has a clock that is fast by 0.02 %: a frame more every 100 seconds. */
static void the_delay_does_not_grow_in_ten_minutes(void **state) {
  begin();
  cal_bridge *bridge = join(CAL_BRIDGE_BOTH);
  uint32_t first = delay_ms();
  for (int minute = 0; minute < 10; minute++) {
    for (int second = 0; second < 60; second++) {
      both_speak(1000);
      forget();
    }
    int16_t more[FRAME] = {0};
    if (minute % 2) peer_audio(&pa, more, FRAME);
  }
  uint32_t last = delay_ms();
  print_message("from one to the other: %u ms at first, %u ms after ten minutes\n", first, last);
  assert_true(first <= 60);
  assert_true(last <= 60);
  hear_for(1000);
  assert_true(heard(&pb, A_HZ) > 0.95);
  cal_bridge_leave(bridge);
  end();
}

static void the_end_of_one_leaves_the_other_alone(void **state) {
  begin();
  cal_bridge *bridge = join(CAL_BRIDGE_BOTH);
  peer_leave(&pa);
  kit_run_ms(&kb, 100);
  forget();
  kit_run_ms(&kb, 1000);
  assert_int_equal(pb.heard_count, 0);
  cal_bridge *again;
  assert_int_equal(cal_bridge_join(&again, pb.call, pb.call, CAL_BRIDGE_BOTH), -EINVAL);
  cal_bridge_leave(bridge);
  peer_leave(&pb);
}

static void a_call_without_a_leg_is_joined_when_it_comes_and_an_ended_one_never(void **state) {
  cal_party *a = kit_call(&ka, (cal_party_options){.name = "call-a"});
  cal_party *b = kit_call(&kb, (cal_party_options){.name = "call-b"});
  cal_bridge *bridge, *late;
  assert_int_equal(cal_bridge_join(&bridge, a, b, 0), -EINVAL);
  assert_int_equal(cal_bridge_join(&bridge, a, b, CAL_BRIDGE_BOTH), 0);
  peer_start(&pa, &ka, cal_ref(a));
  both_speak(0);
  peer_start(&pb, &kb, cal_ref(b));
  both_speak(200);
  hear_for(1000);
  assert_true(heard(&pa, B_HZ) > 0.95);
  assert_true(heard(&pb, A_HZ) > 0.95);
  end();
  assert_int_equal(cal_bridge_join(&late, a, b, CAL_BRIDGE_BOTH), -EPIPE);
  cal_bridge_leave(bridge);
  cal_unref(a);
  cal_unref(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(each_hears_the_other_and_not_himself),
      TEST(a_whisper_goes_one_way),
      TEST(the_agent_speaks_to_one_of_them_meanwhile),
      TEST(each_is_recorded_apart),
      TEST(the_delay_does_not_grow_in_ten_minutes),
      TEST(the_end_of_one_leaves_the_other_alone),
      TEST(a_call_without_a_leg_is_joined_when_it_comes_and_an_ended_one_never),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
