/* A peer that reads slowly, or not at all, beside others on the same thread: it loses its own sound, and theirs comes to the
 * sample and to the moment as if it were not there. */
#include "io/kit.h"

enum { OTHERS = 3, SECONDS = 20, FRAMES = SECONDS * 50 };

/* When each frame of another call came, after it was said. */
typedef struct course {
  uint64_t at_ns[OTHERS][FRAMES];
  size_t heard_by_the_slow_one;
} course;

static kit k;
static peer slow, others[OTHERS];

static int setup(void **state) {
  kit_open(&k);
  return 0;
}

static int teardown(void **state) {
  kit_close(&k);
  return 0;
}

static void join_all(void) {
  peer_join_through(&slow, &k, kit_call(&k, (cal_party_options){0}),
                    (cal_ws_pair_options){.window_bytes = 600});
  kit_run_ms(&k, 1);
  peer_send(&slow, kit_start);
  for (int i = 0; i < OTHERS; i++) {
    peer_start(&others[i], &k, kit_call(&k, (cal_party_options){0}));
    others[i].echoes = 1;
  }
  kit_run_ms(&k, 1);
}

static void note_frames(const peer *other, uint64_t at_ns[FRAMES], uint64_t began_ns) {
  int count = 0;
  for (uint32_t i = 0; i < other->said_count; i++)
    if (other->said[i].kind == CAL_WIRE_AUDIO && count < FRAMES)
      at_ns[count++] = other->said[i].at_ns - began_ns;
  assert_int_equal(count, FRAMES);
}

static void assert_heard(const peer *other, const cal_clip *clip) {
  assert_int_equal(other->heard_count, clip->samples);
  for (uint32_t i = 0; i < clip->samples; i++)
    if (other->heard[i] != kit_mulaw(clip->data[i])) fail_msg("sample %u differs", i);
}

/* The slow one reads nothing from the second `from` to the second `to`. */
static void take_course(course *c, int from, int to) {
  cal_clip *clip = kit_clip(SECONDS * 1000, "all of it", 0);
  join_all();
  uint64_t began_ns = cal_loop_now_ns(k.loop);
  kit_say(slow.call, 1, cal_ref(clip), 0);
  for (int i = 0; i < OTHERS; i++) kit_say(others[i].call, 1, cal_ref(clip), 0);
  for (int second = 0; second < SECONDS + 1; second++) {
    if (second == from || second == to) cal_ws_pause(slow.ws, second == from);
    kit_run_ms(&k, 1000);
  }
  for (int i = 0; i < OTHERS; i++) {
    assert_heard(&others[i], clip);
    note_frames(&others[i], c->at_ns[i], began_ns);
    peer_leave(&others[i]);
  }
  c->heard_by_the_slow_one = slow.heard_count;
  peer_leave(&slow);
  cal_unref(clip);
}

static void others_lose_no_frame_and_no_moment(void **state) {
  static course alone, beside;
  take_course(&alone, -1, -1);
  take_course(&beside, 2, SECONDS - 2);
  assert_memory_equal(alone.at_ns, beside.at_ns, sizeof alone.at_ns);
  assert_int_equal(alone.heard_by_the_slow_one, SECONDS * RATE);
  /* It heard the beginning and the end. Of what was between, the newest that its queue held. */
  assert_in_range(beside.heard_by_the_slow_one, 2 * RATE, SECONDS * RATE - 1);
}

static void one_that_never_reads_again_is_no_matter(void **state) {
  static course alone, beside;
  take_course(&alone, -1, -1);
  take_course(&beside, 2, -1);
  assert_memory_equal(alone.at_ns, beside.at_ns, sizeof alone.at_ns);
  assert_true(beside.heard_by_the_slow_one < 4 * RATE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(others_lose_no_frame_and_no_moment, setup, teardown),
      cmocka_unit_test_setup_teardown(one_that_never_reads_again_is_no_matter, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
