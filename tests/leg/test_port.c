/* A leg whose port is not a WebSocket (memory_port.h): it hears, speaks, is interrupted, joined and ended as
 * any other; and the taps that listen in. */
#include "leg/memory_port.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "audio/dtmf.h"
#include "audio/playout.h"
#include "base/log.h"
#include "leg/leg.h"

/* ---- a thread, and an owner that writes down what it is told */

static cal_clock *clock_;
static cal_host host;
static cal_scratch samples, message;

typedef struct owner {
  int ups, ended, gone, keys, starts, stops;
  char last_key;
  cal_leg_said said;
  char said_text[64];
  cal_leg_end end;
  uint64_t frames_out;
} owner;

static void on_up(void *o, const char *stream, const char *call, uint32_t rate_hz) { ((owner *)o)->ups++; }
static void on_text(void *o, const char *text, size_t bytes) {}
static void on_key(void *o, char key, int is_in_band) {
  ((owner *)o)->keys++;
  ((owner *)o)->last_key = key;
}
static void on_started(void *o, int64_t ms) { ((owner *)o)->starts++; }
static void on_stopped(void *o, int64_t ms) { ((owner *)o)->stops++; }
static void on_speech(void *o, cal_clip *clip, void *grammar, int64_t ms) { cal_unref(clip); }
static void on_utterance(void *o, uint32_t utterance) {}

static void on_said(void *o, const cal_leg_said *said) {
  ((owner *)o)->said = *said;
  snprintf(((owner *)o)->said_text, 64, "%.*s", (int)said->text_bytes, said->text);
}

static void on_ended(void *o, const cal_leg_report *report) {
  ((owner *)o)->ended++;
  ((owner *)o)->end = report->end;
  ((owner *)o)->frames_out = report->frames_out;
}

static void on_gone(void *o) { ((owner *)o)->gone++; }

static const cal_leg_hooks hooks = {.up = on_up,
                                    .text = on_text,
                                    .key = on_key,
                                    .speech_started = on_started,
                                    .speech_stopped = on_stopped,
                                    .speech = on_speech,
                                    .utterance_started = on_utterance,
                                    .utterance_ended = on_said,
                                    .ended = on_ended,
                                    .gone = on_gone};

typedef struct party {
  memory_port port;
  owner owner;
  cal_leg *leg;
} party;

static int setup(void **state) {
  cal_log_setup(CAL_LOG_ERROR, 0);
  clock_ = cal_clock_simulated(1000 * CAL_S, 0);
  host = (cal_host){.samples = &samples, .message = &message};
  assert_int_equal(cal_loop_new(&host.loop, clock_), 0);
  host.wheel = cal_wheel_new(host.loop);
  return 0;
}

static int teardown(void **state) {
  cal_wheel_free(host.wheel);
  assert_int_equal(cal_loop_timers(host.loop), 0);
  int left = cal_loop_free(host.loop);
  cal_clock_free(clock_);
  samples.memory = cal_free(samples.memory);
  message.memory = cal_free(message.memory);
  samples.room = message.room = 0;
  return left;
}

static void open_party(party *p, uint32_t rate_hz) {
  p->owner = (owner){0};
  cal_port *port = memory_port_init(&p->port, rate_hz);
  p->leg = cal_leg_new(&host,
                       &(cal_leg_options){.role = CAL_ROLE_AGENT,
                                          .name = "call-1",
                                          .lead_ms = 100,
                                          .longest_s = 14400,
                                          .hooks = &hooks,
                                          .owner = &p->owner},
                       port);
  memory_port_up(&p->port);
}

static void close_party(party *p) {
  cal_leg_finish(p->leg, CAL_LEG_CLOSED, "over");
  memory_port_gone(&p->port);
  assert_int_equal(p->owner.ended, 1);
  assert_int_equal(p->owner.gone, 1);
  assert_true(p->port.is_freed);
  memory_port_done(&p->port);
}

static void run_ms(uint64_t ms) { cal_loop_advance(host.loop, cal_loop_now_ns(host.loop) + ms * CAL_MS); }

static void tone(int16_t *out, size_t count, double hz, uint32_t rate_hz, size_t from) {
  for (size_t i = 0; i < count; i++)
    out[i] = (int16_t)(8000 * sin(2 * M_PI * hz * (double)(from + i) / rate_hz));
}

static void speaks(party *p, double hz, uint32_t ms) {
  int16_t frame[960];
  uint32_t rate_hz = p->port.port.rate_hz, count = rate_hz / 50;
  for (uint32_t at = 0; at < ms / 20; at++) {
    tone(frame, count, hz, rate_hz, at * count);
    p->port.port.handlers->on_sound(p->port.port.context, frame, count);
    run_ms(20);
  }
}

/* How loud that tone is among the samples, 1 for a full one of `tone`. */
static double level(const int16_t *sound, size_t count, double hz, uint32_t rate_hz) {
  double re = 0, im = 0;
  for (size_t i = 0; i < count; i++) {
    double angle = 2 * M_PI * hz * (double)i / rate_hz;
    re += sound[i] * cos(angle);
    im += sound[i] * sin(angle);
  }
  return count ? 2 * sqrt(re * re + im * im) / (double)count / 8000 : 0;
}

static cal_clip *clip_of(uint32_t rate_hz, uint32_t ms) {
  cal_clip *clip = cal_clip_new(rate_hz, rate_hz * ms / 1000, "good morning", 0);
  tone(clip->data, clip->samples, 700, rate_hz, 0);
  return clip;
}

static void says(party *p, uint32_t utterance, cal_clip *clip, uint32_t flags) {
  cal_leg_advance(p->leg);
  cal_leg_declare(p->leg, utterance, flags);
  cal_leg_append(p->leg, utterance, clip, 1, 0);
  cal_leg_tick(p->leg);
}

/* ---- the leg */

static party a, b;

static void it_speaks_in_real_time_with_a_lead_and_knows_what_was_heard(void **state) {
  open_party(&a, 16000);
  assert_int_equal(a.owner.ups, 1);
  says(&a, 1, clip_of(16000, 400), 0);
  assert_int_equal(a.port.sent_count, 6 * 320); /* a frame and a lead of 100 ms */
  run_ms(1000);
  assert_int_equal(a.port.sent_count, 6400);
  assert_true(level(a.port.sent, 6400, 700, 16000) > 0.99);
  assert_int_equal(a.port.mark_count, 1);
  assert_string_equal(a.port.marks[0], "c1");
  assert_int_equal(a.owner.said.utterance, 0); /* until the mark comes back */
  a.port.port.handlers->on_mark(a.port.port.context, "c1");
  assert_int_equal(a.owner.said.utterance, 1);
  assert_int_equal(a.owner.said.heard_ms, 400);
  assert_string_equal(a.owner.said_text, "good morning");
  close_party(&a);
}

static void a_key_in_the_sound_is_found_and_interrupts(void **state) {
  open_party(&a, 8000);
  says(&a, 1, clip_of(8000, 3000), CAL_UTTERANCE_DIGITS_STOP);
  cal_clip *five;
  assert_int_equal(cal_dtmf_clip(&five, "5", 0, 0, 8000), 0);
  for (uint32_t at = 0; at + 160 <= five->samples; at += 160) {
    a.port.port.handlers->on_sound(a.port.port.context, five->data + at, 160);
    run_ms(20);
  }
  cal_unref(five);
  assert_int_equal(a.owner.keys, 1);
  assert_int_equal(a.owner.last_key, '5');
  assert_int_equal(a.port.clears, 1);
  assert_true(a.owner.said.is_interrupted);
  cal_leg_press(a.leg, "12#");
  cal_leg_text(a.leg, "hello", 0);
  assert_string_equal(a.port.keys, "12#");
  assert_string_equal(a.port.text, "hello");
  close_party(&a);
}

static void the_other_side_may_end_it(void **state) {
  open_party(&a, 8000);
  a.port.port.handlers->on_end(a.port.port.context, CAL_LEG_LOST, "no more of it", NULL);
  assert_true(a.port.is_parting);
  assert_false(a.port.parting.is_ours);
  assert_int_equal(a.owner.end, CAL_LEG_LOST);
  close_party(&a); /* harmless, but for what it gives back */
}

/* ---- taps */

typedef struct meter {
  cal_tap tap;
  size_t count, calls;
  int16_t *heard;
  int leaves_after;
} meter;

static void on_metered(cal_tap *tap, const int16_t *sound, size_t count) {
  meter *m = cal_list_entry(tap, meter, tap);
  memcpy(m->heard + m->count, sound, count * sizeof *sound);
  m->count += count;
  if ((int)++m->calls == m->leaves_after) cal_tap_remove(tap);
}

static meter meter_of(int leaves_after) {
  return (meter){.tap = {.on_samples = on_metered},
                 .heard = calloc(MEMORY_SAMPLES, sizeof(int16_t)),
                 .leaves_after = leaves_after};
}

static void taps_hear_either_side_at_the_rate_they_ask_for(void **state) {
  open_party(&a, 8000);
  meter in = meter_of(0), wide = meter_of(0), out = meter_of(0);
  assert_int_equal(cal_leg_tap(a.leg, CAL_TAP_IN, 8000, &in.tap), 0);
  assert_int_equal(cal_leg_tap(a.leg, CAL_TAP_IN, 48000, &wide.tap), 0);
  assert_int_equal(cal_leg_tap(a.leg, CAL_TAP_OUT, 8000, &out.tap), 0);
  assert_int_equal(cal_leg_tap(a.leg, CAL_TAP_IN, 7999, &(cal_tap){.on_samples = on_metered}), -EINVAL);
  says(&a, 1, clip_of(8000, 500), 0);
  speaks(&a, 440, 1000);
  assert_int_equal(in.count, 8000);
  assert_true(wide.count > 47500 && wide.count <= 48000);
  assert_int_equal(out.count, 4000);
  assert_true(level(in.heard, in.count, 440, 8000) > 0.99);
  assert_true(level(wide.heard, wide.count, 440, 48000) > 0.98);
  assert_true(level(out.heard, out.count, 700, 8000) > 0.99);
  assert_true(level(out.heard, out.count, 440, 8000) < 0.02);
  close_party(&a);
  cal_tap_remove(&in.tap); /* after its leg: harmless */
  free(in.heard);
  free(wide.heard);
  free(out.heard);
}

static void a_tap_comes_and_goes_while_the_call_runs(void **state) {
  open_party(&a, 8000);
  meter brief = meter_of(5), late = meter_of(0), stays = meter_of(0);
  cal_leg_tap(a.leg, CAL_TAP_IN, 8000, &brief.tap);
  cal_leg_tap(a.leg, CAL_TAP_IN, 8000, &stays.tap);
  speaks(&a, 440, 400);
  assert_int_equal(brief.count, 5 * 160); /* it left by itself */
  cal_leg_tap(a.leg, CAL_TAP_IN, 24000, &late.tap);
  speaks(&a, 440, 200);
  cal_tap_remove(&late.tap);
  speaks(&a, 440, 200);
  assert_true(late.count > 4300 && late.count <= 4800);
  cal_leg_tap(a.leg, CAL_TAP_IN, 24000, &late.tap); /* again, by the resampler that is there */
  speaks(&a, 440, 200);
  assert_true(late.count > 8600 && late.count <= 9600);
  assert_int_equal(stays.count, 8000);
  close_party(&a);
  free(brief.heard);
  free(late.heard);
  free(stays.heard);
}

/* ---- lines */

static cal_live *way(party *from, party *to) {
  cal_live *live = cal_live_new(to->port.port.rate_hz);
  assert_int_equal(cal_leg_speak(from->leg, cal_ref(live)), 0);
  assert_int_equal(cal_leg_hear(to->leg, cal_ref(live)), 0);
  cal_leg_tick(to->leg);
  return live;
}

static void both_speak(uint32_t ms) {
  int16_t frame[960];
  for (uint32_t at = 0; at < ms / 20; at++) {
    tone(frame, 160, 440, 8000, at * 160);
    a.port.port.handlers->on_sound(a.port.port.context, frame, 160);
    tone(frame, 320, 1200, 16000, at * 320);
    b.port.port.handlers->on_sound(b.port.port.context, frame, 320);
    run_ms(20);
  }
}

static void forget_sent(void) { a.port.sent_count = b.port.sent_count = 0; }

static void two_legs_of_different_rates_hear_each_other(void **state) {
  open_party(&a, 8000);
  open_party(&b, 16000);
  cal_live *there = way(&a, &b), *back = way(&b, &a);
  both_speak(200);
  forget_sent();
  both_speak(2000);
  assert_int_equal(a.port.sent_count, 16000); /* in real time, a frame a tick */
  assert_int_equal(b.port.sent_count, 32000);
  assert_true(level(b.port.sent, 32000, 440, 16000) > 0.97);
  assert_true(level(a.port.sent, 16000, 1200, 8000) > 0.97);
  assert_true(level(a.port.sent, 16000, 440, 8000) < 0.02); /* nobody hears himself */
  says(&a, 1, clip_of(8000, 1000), 0);
  forget_sent();
  both_speak(1000);
  assert_true(level(a.port.sent, 8000, 700, 8000) > 0.95); /* the agent's words and the other's, both */
  assert_true(level(a.port.sent, 8000, 1200, 8000) > 0.95);
  cal_live_mute(there, 1);
  both_speak(200);
  forget_sent();
  both_speak(1000);
  assert_true(level(b.port.sent, 16000, 440, 16000) < 0.02);
  assert_true(level(a.port.sent, 8000, 1200, 8000) > 0.95);
  cal_live_close(there);
  cal_live_close(back);
  both_speak(100);
  forget_sent();
  both_speak(1000);
  assert_int_equal(a.port.sent_count + b.port.sent_count, 0); /* as before they were joined */
  cal_unref(there);
  cal_unref(back);
  close_party(&a);
  close_party(&b);
}

static void the_end_of_one_is_seen_by_the_other(void **state) {
  open_party(&a, 8000);
  open_party(&b, 16000);
  cal_live *there = way(&a, &b), *back = way(&b, &a);
  both_speak(200);
  close_party(&a);
  assert_true(cal_live_is_closed(there));
  assert_true(cal_live_is_closed(back));
  run_ms(100);
  forget_sent();
  run_ms(1000);
  assert_int_equal(b.port.sent_count, 0);
  cal_unref(there);
  cal_unref(back);
  close_party(&b);
}

static void a_leg_has_so_many_lines_and_no_more(void **state) {
  open_party(&a, 8000);
  cal_live *live = cal_live_new(8000), *wide = cal_live_new(16000);
  for (int i = 0; i < CAL_LEG_LINES; i++) {
    assert_int_equal(cal_leg_speak(a.leg, cal_ref(live)), 0);
    assert_int_equal(cal_leg_hear(a.leg, cal_ref(live)), 0);
  }
  assert_int_equal(cal_leg_speak(a.leg, live), -ENOBUFS);
  assert_int_equal(cal_leg_hear(a.leg, live), -ENOBUFS);
  cal_live_close(live);
  run_ms(100);
  cal_leg_tick(a.leg);
  assert_int_equal(cal_leg_hear(a.leg, wide), -EINVAL);     /* it is 8,000 Hz here */
  assert_int_equal(cal_leg_speak(a.leg, cal_ref(wide)), 0); /* closed ones have made room */
  cal_unref(live);
  cal_unref(wide);
  close_party(&a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(it_speaks_in_real_time_with_a_lead_and_knows_what_was_heard),
      TEST(a_key_in_the_sound_is_found_and_interrupts),
      TEST(the_other_side_may_end_it),
      TEST(taps_hear_either_side_at_the_rate_they_ask_for),
      TEST(a_tap_comes_and_goes_while_the_call_runs),
      TEST(two_legs_of_different_rates_hear_each_other),
      TEST(the_end_of_one_is_seen_by_the_other),
      TEST(a_leg_has_so_many_lines_and_no_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
