/* The playout against a carrier made of arithmetic: it plays what it was sent in real time, some delay later,
 * echoes marks when it reaches them, and gives all of them back at a clear. What it really played is the
 * truth the ledger is held against. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audio/playout.h"
#include "base/mem.h"

enum { RATE = 8000, FRAME = 160, MOST = 1 << 20 };

typedef struct carrier {
  uint32_t to_us, from_us; /* delays, samples */
  int16_t queue[MOST];     /* arrived or under way */
  uint64_t arrives[MOST / FRAME];
  uint32_t frames, played; /* frames in the queue ever, samples played */
  int16_t heard[MOST];
  uint32_t heard_count;
  struct {
    uint32_t number, after;
    uint64_t echo_at;
    int is_done;
  } marks[512];
  uint32_t mark_count;
  int is_halted; /* plays nothing for a while */
  int tells_dry; /* echoes no marks, but says when it has nothing left */
  int is_dry;
  uint64_t dry_at; /* when that word arrives */
} carrier;

typedef struct world {
  cal_playout playout;
  carrier carrier;
  uint64_t clock;
  cal_playout_end ends[80];
  char texts[80][128];
  uint32_t end_count;
  cal_playout_end paused;
  char paused_text[128];
  uint32_t paused_count;
  char marks[20][CAL_PLAYOUT_NAME_BYTES];
  uint32_t mark_count;
  uint32_t started[80], started_count;
  uint32_t lead; /* frames */
} world;

static world w;

static void on_started(void *context, uint32_t id) { w.started[w.started_count++] = id; }

static void on_ended(void *context, const cal_playout_end *end) {
  w.ends[w.end_count] = *end;
  snprintf(w.texts[w.end_count++], sizeof w.texts[0], "%.*s", (int)end->text_bytes, end->text);
}

static void on_paused(void *context, const cal_playout_end *so_far) {
  w.paused = *so_far;
  w.paused_count++;
  snprintf(w.paused_text, sizeof w.paused_text, "%.*s", (int)so_far->text_bytes, so_far->text);
}

static void on_mark(void *context, uint32_t id, const char *name) { strcpy(w.marks[w.mark_count++], name); }

static int setup(void **state) {
  memset(&w, 0, sizeof w);
  w.clock = 1000;
  w.lead = 5;
  w.carrier.to_us = w.carrier.from_us = 400;
  cal_playout_init(&w.playout, &(cal_playout_options){.rate_hz = RATE,
                                                      .echoes_marks = 1,
                                                      .can_flush = 1,
                                                      .on_started = on_started,
                                                      .on_ended = on_ended,
                                                      .on_paused = on_paused,
                                                      .on_mark = on_mark});
  return 0;
}

static int teardown(void **state) {
  cal_playout_done(&w.playout);
  return 0;
}

/* One sample of the carrier's life. */
static void carrier_step(void) {
  carrier *c = &w.carrier;
  uint32_t frame = c->played / FRAME;
  if (frame < c->frames && c->arrives[frame] <= w.clock && !c->is_halted) {
    c->heard[c->heard_count++] = c->queue[c->played];
    c->played++;
    c->is_dry = 0;
  }
  if (c->tells_dry && !c->is_dry && c->played && c->played == c->frames * FRAME) {
    c->is_dry = 1;
    c->dry_at = w.clock + c->from_us;
  }
  for (uint32_t i = 0; i < c->mark_count; i++)
    if (c->marks[i].after <= c->played && c->marks[i].echo_at == 0)
      c->marks[i].echo_at = w.clock + c->from_us;
}

static void carrier_send(const int16_t *frame, const cal_playout_frame *pulled) {
  carrier *c = &w.carrier;
  if (pulled->samples) {
    memcpy(c->queue + c->frames * FRAME, frame, FRAME * 2);
    c->arrives[c->frames++] = w.clock + c->to_us;
  }
  for (uint32_t i = 0; i < pulled->marks; i++) {
    c->marks[c->mark_count].number = pulled->mark + i;
    c->marks[c->mark_count].echo_at = 0;
    c->marks[c->mark_count++].after = c->frames * FRAME;
  }
}

/* A clear: what was not played is gone, and every pending mark comes back. */
static void carrier_clear(void) {
  carrier *c = &w.carrier;
  c->played = c->frames * FRAME;
  for (uint32_t i = 0; i < c->mark_count; i++)
    if (c->marks[i].echo_at == 0) c->marks[i].echo_at = w.clock + c->to_us + c->from_us;
}

/* Samples of the utterance the caller really heard; tests give each utterance one loudness. */
static uint32_t truly_heard(int16_t value) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < w.carrier.heard_count; i++) count += w.carrier.heard[i] == value;
  return count;
}

static uint32_t ledger_heard(uint32_t id) {
  cal_playout_ledger ledger;
  return cal_playout_heard(&w.playout, id, &ledger) == 0 ? ledger.heard : 0;
}

/* Lets `samples` of time pass: echoes arrive, frames are pulled to keep the lead. */
static void pass(uint32_t samples) {
  for (uint32_t i = 0; i < samples; i++, w.clock++) {
    carrier_step();
    if (w.clock % 40) continue;
    cal_playout_advance(&w.playout, w.clock);
    for (uint32_t m = 0; m < w.carrier.mark_count; m++)
      if (w.carrier.marks[m].echo_at && w.carrier.marks[m].echo_at <= w.clock &&
          !w.carrier.marks[m].is_done && !w.carrier.tells_dry) {
        w.carrier.marks[m].is_done = 1;
        cal_playout_confirm(&w.playout, w.carrier.marks[m].number);
      }
    if (w.carrier.dry_at && w.carrier.dry_at <= w.clock) {
      w.carrier.dry_at = 0;
      cal_playout_dry(&w.playout);
    }
    while (w.playout.tail < w.clock + w.lead * FRAME) {
      int16_t frame[FRAME];
      cal_playout_frame pulled = cal_playout_pull(&w.playout, frame, FRAME);
      assert_true(pulled.samples == 0 || pulled.samples == FRAME);
      carrier_send(frame, &pulled);
      if (pulled.samples == 0) break;
    }
  }
}

static cal_clip *steady(uint32_t samples, int16_t value, const char *text) {
  cal_clip *clip = cal_clip_new(RATE, samples, text, 0);
  for (uint32_t i = 0; i < samples; i++) clip->data[i] = value;
  return clip;
}

static void say(uint32_t id, uint32_t flags, uint32_t samples, int16_t value, const char *text) {
  assert_int_equal(cal_playout_declare(&w.playout, id, flags), 0);
  assert_int_equal(cal_playout_append(&w.playout, id, steady(samples, value, text)), 0);
  assert_int_equal(cal_playout_complete(&w.playout, id), 0);
}

static void what_is_said_is_heard_in_order_and_to_the_sample(void **state) {
  say(1, 0, 4001, 11, "one");
  say(2, 0, 777, 22, "two");
  pass(12000);
  assert_int_equal(truly_heard(11), 4001);
  assert_int_equal(truly_heard(22), 777);
  for (uint32_t i = 0; i < 4778; i++)
    assert_int_equal(w.carrier.heard[i], i < 4001 ? 11 : 22); /* no gap between */
  assert_int_equal(w.end_count, 2);
  assert_int_equal(w.ends[0].id, 1);
  assert_int_equal(w.ends[0].heard_samples, 4001);
  assert_false(w.ends[0].is_interrupted);
  assert_string_equal(w.texts[0], "one");
  assert_int_equal(w.ends[1].total_samples, 777);
  assert_int_equal(w.started_count, 2);
  assert_true(cal_playout_is_drained(&w.playout));
  assert_int_equal(w.playout.underruns, 0);
}

/* Sent is not heard: the utterance ends when the carrier has played the last sample, not when we gave it
 * away. */
static void pitfall_16_last_sentence_is_not_cut(void **state) {
  w.carrier.to_us = 2000; /* a quarter of a second of network and jitter buffer */
  say(1, 0, 8000, 11, "good bye");
  for (int i = 0; i < 400 && !cal_playout_is_drained(&w.playout); i++) {
    if (truly_heard(11) < 8000) assert_int_equal(w.end_count, 0);
    assert_true(cal_playout_remaining(&w.playout) > 0);
    pass(40);
  }
  assert_int_equal(w.end_count, 1);
  assert_int_equal(truly_heard(11), 8000);
  assert_int_equal(cal_playout_remaining(&w.playout), 0);
}

static void tell_dry(void) {
  w.carrier.tells_dry = 1;
  w.playout.options.echoes_marks = 0;
  w.playout.options.tells_dry = 1;
}

static void a_carrier_that_says_when_it_is_dry_is_waited_for(void **state) {
  tell_dry();
  w.carrier.to_us = 4000; /* half a second: no schedule would know */
  say(1, 0, 8000, 11, "good bye");
  for (int i = 0; i < 600 && !cal_playout_is_drained(&w.playout); i++) {
    if (truly_heard(11) < 8000) assert_int_equal(w.end_count, 0);
    pass(40);
  }
  assert_int_equal(w.end_count, 1);
  assert_false(w.ends[0].is_interrupted);
  /* Between two utterances it does not run dry: the first one's end goes by the schedule. */
  say(2, 0, 8000, 22, "two");
  say(3, 0, 24000, 33, "three");
  pass(20000);
  assert_int_equal(w.end_count, 2);
  assert_int_equal(w.ends[1].heard_samples, 8000);
  pass(30000);
  assert_int_equal(w.end_count, 3);
  assert_int_equal(w.playout.lost_marks, 0);
}

static void a_word_about_what_was_cleared_proves_nothing(void **state) {
  tell_dry();
  say(1, CAL_UTTERANCE_INTERRUPTIBLE, 16000, 11, "one");
  pass(4000);
  cal_playout_cleared cleared = cal_playout_clear(&w.playout, 0, CAL_UTTERANCE_INTERRUPTIBLE);
  assert_int_equal(cleared.flush, 1);
  carrier_clear(); /* and it says that it is dry, some time later */
  say(2, 0, 3200, 22, "two");
  for (int i = 0; i < 400 && !cal_playout_is_drained(&w.playout); i++) {
    if (truly_heard(22) < 3200) assert_int_equal(w.end_count, 1);
    pass(40);
  }
  assert_int_equal(w.end_count, 2);
  assert_int_equal(truly_heard(22), 3200);
}

static void a_carrier_that_never_says_it_is_not_waited_for_any_more(void **state) {
  tell_dry();
  w.carrier.from_us = MOST; /* what it says never arrives */
  for (uint32_t n = 1; n <= 4; n++) {
    say(n, 0, 1600, 11, "x");
    pass(n < 4 ? 24000 : 4000);
    assert_int_equal(w.end_count, n);
    assert_int_equal(w.ends[n - 1].proof, CAL_PROOF_NONE);
  }
  assert_int_equal(w.playout.lost_marks, 4);
}

/* Chunks of odd sizes, each late by a little: nothing is lost, repeated or cut up by padding. */
static void pitfall_20_odd_chunk_sizes_make_whole_frames(void **state) {
  assert_int_equal(cal_playout_declare(&w.playout, 1, 0), 0);
  uint32_t given = 0;
  for (int i = 0; given < 16000; i++) {
    uint32_t samples = 1 + (uint32_t)(i * 37) % 401;
    cal_clip *clip = cal_clip_new(RATE, samples, NULL, 0);
    for (uint32_t k = 0; k < samples; k++) clip->data[k] = (int16_t)(given + k + 1);
    assert_int_equal(cal_playout_append(&w.playout, 1, clip), 0);
    given += samples;
    pass(120);
  }
  assert_int_equal(cal_playout_append(&w.playout, 1, cal_clip_new(RATE, 0, NULL, 0)), 0); /* empty: let go */
  cal_playout_complete(&w.playout, 1);
  pass(40000);
  for (uint32_t i = 0; i < given; i++) assert_int_equal(w.carrier.heard[i], (int16_t)(i + 1));
  assert_int_equal(w.ends[0].heard_samples, given);
  assert_int_equal(w.playout.held_samples, 0);
}

static cal_clip *sentence(int16_t value) {
  cal_clip *clip = cal_clip_new(RATE, 8000, "Your order will arrive today", 5);
  static const uint32_t bytes[] = {4, 10, 15, 22, 28};
  for (uint32_t i = 0; i < 5; i++) clip->word[i] = (cal_word){1600 * (i + 1), bytes[i]};
  for (uint32_t i = 0; i < 8000; i++) clip->data[i] = value;
  return clip;
}

static void pitfall_17_barge_in_flushes_at_once_and_keeps_only_played_words(void **state) {
  /* A first utterance teaches the delay. */
  say(1, 0, 1600, 5, NULL);
  pass(8000);
  cal_playout_declare(&w.playout, 2, CAL_UTTERANCE_INTERRUPTIBLE);
  cal_playout_append(&w.playout, 2, sentence(11));
  cal_playout_complete(&w.playout, 2);
  pass(4400);
  uint32_t before = truly_heard(11);
  cal_playout_cleared cleared = cal_playout_clear(&w.playout, 0, CAL_UTTERANCE_INTERRUPTIBLE);
  assert_int_equal(cleared.utterances, 1);
  assert_true(cleared.flush);
  carrier_clear();
  pass(8000);
  assert_true(truly_heard(11) <= before + FRAME); /* within one chunk */
  assert_int_equal(w.ends[1].id, 2);
  assert_true(w.ends[1].is_interrupted);
  assert_true(w.ends[1].heard_samples <= before);
  assert_true(w.ends[1].heard_samples + 2000 >= before); /* and not absurdly little */
  assert_string_equal(w.texts[1], "Your order");
  assert_true(cal_playout_is_drained(&w.playout));
}

/* Whenever one looks, whatever the delays, and also after underruns: never more than was really played. */
static void heard_is_never_over_stated(void **state) {
  static const uint32_t delays[] = {1, 400, 1600, 4000};
  for (int d = 0; d < 4; d++) {
    setup(NULL);
    w.carrier.to_us = w.carrier.from_us = delays[d];
    if (d == 3) w.playout.delay = 4000; /* so far away that it has to be known beforehand */
    uint32_t id = 0;
    for (int round = 0; round < 12; round++) {
      cal_playout_declare(&w.playout, ++id, CAL_UTTERANCE_INTERRUPTIBLE);
      int16_t value = (int16_t)id;
      for (int chunk = 0; chunk < 6; chunk++) {
        cal_playout_append(&w.playout, id, steady(500 + (uint32_t)chunk * 211, value, NULL));
        if (chunk % 3 == 1) cal_playout_mark(&w.playout, id, "here");
        for (int i = 0; i < 20 + round * 3; i++) {
          pass(40);
          assert_true(ledger_heard(id) <= truly_heard(value));
        }
      }
      if (round % 3 == 2) {
        uint32_t before = truly_heard(value);
        if (cal_playout_clear(&w.playout, id, 0).flush) carrier_clear();
        assert_true(w.ends[w.end_count - 1].heard_samples <= before);
      } else {
        cal_playout_complete(&w.playout, id);
      }
      w.mark_count = 0;
      if (w.end_count > 60) w.end_count = 0;
    }
    pass(60000);
    assert_true(cal_playout_is_drained(&w.playout));
    assert_int_equal(w.playout.lost_marks, 0);
    teardown(NULL);
  }
}

/* A carrier gives all pending marks back at a clear. They prove nothing. */
static void marks_that_come_back_after_a_clear_prove_nothing(void **state) {
  say(1, CAL_UTTERANCE_INTERRUPTIBLE, 800, 11, "first");
  say(2, CAL_UTTERANCE_KEEP, 16000, 22, "second");
  pass(400); /* both are at the carrier, nothing was played: it takes 400 samples to get there */
  assert_int_equal(w.carrier.mark_count, 1);
  cal_playout_cleared cleared = cal_playout_clear(&w.playout, 1, 0);
  assert_true(cleared.flush);
  assert_int_equal(cal_playout_confirm(&w.playout, w.carrier.marks[0].number), -ENOENT);
  assert_int_equal(w.end_count, 1);
  assert_string_equal(w.texts[0], "");
  assert_int_equal(cal_playout_confirm(&w.playout, 0), -ENOENT);
  assert_int_equal(cal_playout_confirm(&w.playout, 9999), -ENOENT);
}

/* The carrier throws the uninterruptible one away too; it is sent again from where it was heard. */
static void what_may_not_be_interrupted_loses_nothing_in_a_flush(void **state) {
  say(9, 0, 1600, 5, NULL); /* teaches the delay */
  pass(8000);
  w.carrier.heard_count = 0;
  say(1, 0, 2400, 11, "terms and conditions");
  say(2, CAL_UTTERANCE_INTERRUPTIBLE, 8000, 22, "a question");
  pass(2200); /* the tail of the first and the head of the second are under way */
  cal_playout_cleared cleared = cal_playout_clear(&w.playout, 0, CAL_UTTERANCE_INTERRUPTIBLE);
  assert_true(cleared.flush);
  carrier_clear();
  pass(12000);
  assert_true(truly_heard(11) >= 2400);        /* a little may be said twice … */
  assert_true(truly_heard(11) <= 2400 + 1600); /* … about the delay */
  assert_int_equal(w.ends[2].id, 1);
  assert_false(w.ends[2].is_interrupted);
  assert_string_equal(w.texts[2], "terms and conditions");
}

static void a_carrier_that_cannot_flush_is_not_asked_to(void **state) {
  w.playout.options.can_flush = 0;
  say(1, CAL_UTTERANCE_INTERRUPTIBLE, 8000, 11, NULL);
  pass(2000);
  assert_false(cal_playout_clear(&w.playout, 0, 0).flush);
  pass(4000);
  assert_true(truly_heard(11) <= 2000 + (w.lead + 1) * FRAME);
}

static void nothing_sent_needs_no_flush(void **state) {
  say(1, 0, 8000, 11, NULL);
  cal_playout_cleared cleared = cal_playout_clear(&w.playout, 0, 0);
  assert_int_equal(cleared.utterances, 1);
  assert_false(cleared.flush);
  assert_int_equal(w.ends[0].heard_samples, 0);
  assert_true(w.ends[0].is_interrupted);
}

static void which_is_cleared_goes_by_flags_and_id(void **state) {
  say(1, CAL_UTTERANCE_INTERRUPTIBLE, 800, 1, NULL);
  say(2, CAL_UTTERANCE_DIGITS_STOP, 800, 2, NULL);
  say(3, CAL_UTTERANCE_KEEP, 800, 3, NULL);
  say(4, 0, 800, 4, NULL);
  assert_int_equal(cal_playout_clear(&w.playout, 0, CAL_UTTERANCE_DIGITS_STOP).utterances, 1);
  assert_int_equal(w.ends[0].id, 2);
  assert_int_equal(cal_playout_clear(&w.playout, 7, 0).utterances, 0);
  assert_int_equal(cal_playout_clear(&w.playout, 0, 0).utterances, 2); /* 3 is kept */
  assert_int_equal(cal_playout_clear(&w.playout, 3, 0).utterances, 1);
  assert_int_equal(w.end_count, 4);
  say(5, CAL_UTTERANCE_KEEP, 800, 5, NULL);
  cal_playout_finish(&w.playout);
  assert_int_equal(w.ends[4].id, 5);
}

/* ---- pausing */

static void declare_sentence(uint32_t id, uint32_t flags, int16_t value) {
  cal_playout_declare(&w.playout, id, flags | CAL_UTTERANCE_REVERSIBLE);
  cal_playout_append(&w.playout, id, sentence(value));
  cal_playout_complete(&w.playout, id);
}

static void what_was_paused_goes_on_with_the_first_unheard_word(void **state) {
  say(1, 0, 1600, 5, NULL); /* teaches the delay */
  pass(8000);
  w.carrier.heard_count = 0;
  declare_sentence(2, 0, 11);
  pass(4400);
  uint32_t before = truly_heard(11);
  cal_playout_cleared cleared = cal_playout_pause(&w.playout, 0);
  assert_int_equal(cleared.utterances, 0);
  assert_true(cleared.flush);
  carrier_clear();
  assert_int_equal(w.paused_count, 1);
  assert_string_equal(w.paused_text, "Your order");
  assert_in_range(w.paused.heard_samples, 3200, before);
  pass(16000);
  assert_int_equal(w.end_count, 1); /* all marks came back, and proved nothing */
  assert_true(truly_heard(11) <= before + FRAME);
  uint32_t silent = truly_heard(11);
  cal_playout_resume(&w.playout);
  pass(16000);
  assert_int_equal(truly_heard(11), silent + 8000 - 3200); /* "will arrive today" */
  assert_int_equal(w.end_count, 2);
  assert_false(w.ends[1].is_interrupted);
  assert_int_equal(w.ends[1].proof, CAL_PROOF_MARK);
  assert_string_equal(w.texts[1], "Your order will arrive today");
}

/* At every moment, and again and again. */
static void a_pause_never_over_states_and_loses_no_word(void **state) {
  for (uint32_t first = 40; first < 9000; first += 520) {
    teardown(NULL);
    setup(NULL);
    declare_sentence(1, 0, 11);
    pass(first);
    for (int times = 0; times < 3; times++) {
      uint32_t before = truly_heard(11);
      if (cal_playout_pause(&w.playout, 0).flush) carrier_clear();
      assert_true(ledger_heard(1) <= before);
      pass(2000);
      cal_playout_resume(&w.playout);
      pass(600);
    }
    pass(24000);
    assert_int_equal(w.end_count, 1);
    assert_false(w.ends[0].is_interrupted);
    assert_true(truly_heard(11) >= 8000);
    assert_true(cal_playout_is_drained(&w.playout));
  }
}

static void what_is_cut_in_a_pause_was_heard_as_far_as_the_pause(void **state) {
  say(1, 0, 1600, 5, NULL);
  pass(8000);
  declare_sentence(2, CAL_UTTERANCE_INTERRUPTIBLE, 11);
  pass(4400);
  uint32_t before = truly_heard(11);
  if (cal_playout_pause(&w.playout, CAL_UTTERANCE_INTERRUPTIBLE).flush) carrier_clear();
  pass(20000);
  cal_playout_cleared cleared = cal_playout_clear(&w.playout, 2, 0);
  assert_int_equal(cleared.utterances, 1);
  assert_false(cleared.flush); /* it was done */
  assert_true(w.ends[1].is_interrupted);
  assert_in_range(w.ends[1].heard_samples, 3200, before);
  assert_string_equal(w.texts[1], "Your order");
  assert_false(cal_playout_is_paused(&w.playout)); /* nothing is left to be paused */
  say(3, 0, 800, 33, "three");
  pass(8000);
  assert_string_equal(w.texts[2], "three");
}

static void a_carrier_that_cannot_forget_plays_on_and_hears_nothing_twice(void **state) {
  w.playout.options.can_flush = 0;
  w.playout.options.echoes_marks = 0;
  w.playout.delay = 800;
  declare_sentence(1, 0, 11);
  pass(4000);
  uint32_t sent = w.carrier.frames * FRAME;
  assert_false(cal_playout_pause(&w.playout, 0).flush);
  pass(16000);
  assert_int_equal(truly_heard(11), sent);
  cal_playout_resume(&w.playout);
  pass(16000);
  assert_int_equal(truly_heard(11), 8000);
  assert_int_equal(w.end_count, 1);
  assert_string_equal(w.texts[0], "Your order will arrive today");
}

static void what_waits_behind_a_pause_waits(void **state) {
  declare_sentence(1, CAL_UTTERANCE_INTERRUPTIBLE, 11);
  say(2, 0, 1600, 22, "terms");
  if (cal_playout_pause(&w.playout, 0).flush) carrier_clear(); /* before it has begun */
  pass(8000);
  assert_int_equal(w.carrier.heard_count, 0);
  cal_playout_clear(&w.playout, 1, 0);
  pass(4000);
  assert_int_equal(w.carrier.heard_count, 0); /* by id: the pause stays */
  cal_playout_resume(&w.playout);
  pass(8000);
  assert_int_equal(truly_heard(22), 1600);
  declare_sentence(3, 0, 33);
  cal_playout_pause(&w.playout, 0);
  say(4, 0, 1600, 44, "all");
  cal_playout_clear(&w.playout, 3, 0);
  cal_playout_clear(&w.playout, 0, CAL_UTTERANCE_DIGITS_STOP); /* ends no utterance, but the pause */
  pass(8000);
  assert_int_equal(truly_heard(44), 1600);
}

static void what_is_not_reversible_is_not_paused(void **state) {
  say(1, CAL_UTTERANCE_INTERRUPTIBLE, 8000, 11, NULL);
  pass(1000);
  assert_false(cal_playout_pause(&w.playout, CAL_UTTERANCE_INTERRUPTIBLE).flush);
  assert_false(cal_playout_is_paused(&w.playout));
  cal_playout_finish(&w.playout);
  declare_sentence(2, 0, 22);
  cal_playout_pause(&w.playout, CAL_UTTERANCE_INTERRUPTIBLE);
  assert_false(cal_playout_is_paused(&w.playout));
  assert_int_equal(w.paused_count, 0);
}

static void a_pause_that_nobody_ends_is_over_after_a_minute(void **state) {
  declare_sentence(1, 0, 11);
  pass(2000);
  if (cal_playout_pause(&w.playout, 0).flush) carrier_clear();
  pass(59 * RATE);
  assert_int_equal(w.end_count, 0);
  pass(3 * RATE);
  assert_int_equal(w.end_count, 1);
  assert_string_equal(w.texts[0], "Your order will arrive today");
}

static void late_chunks_are_counted_as_one_underrun_each(void **state) {
  cal_playout_declare(&w.playout, 1, 0);
  pass(4000);
  assert_int_equal(w.playout.underruns, 0); /* before the first chunk it only waits */
  for (int i = 0; i < 3; i++) {
    cal_playout_append(&w.playout, 1, steady(1600, 11, NULL));
    pass(4000);
  }
  cal_playout_complete(&w.playout, 1);
  pass(4000);
  assert_int_equal(w.playout.underruns, 3);
  assert_int_equal(truly_heard(11), 4800);
  assert_int_equal(w.carrier.heard_count, 4800); /* no silence was sent */
  assert_int_equal(w.end_count, 1);
}

static void holes_are_filled_with_silence_when_asked_for(void **state) {
  w.playout.options.silence_on_underrun = 1;
  cal_playout_declare(&w.playout, 1, 0);
  cal_playout_append(&w.playout, 1, steady(1650, 11, NULL));
  pass(4000);
  assert_int_equal(truly_heard(11), 1650); /* the part of a frame is sent before the silence */
  assert_true(w.carrier.heard_count > 3000);
  assert_true(ledger_heard(1) <= 1650);
  cal_playout_append(&w.playout, 1, steady(1600, 11, NULL));
  cal_playout_complete(&w.playout, 1);
  pass(6000);
  assert_int_equal(truly_heard(11), 3250);
  assert_int_equal(w.playout.underruns, 1);
  assert_int_equal(w.ends[0].heard_samples, 3250);
}

static void a_named_mark_is_told_when_it_was_played(void **state) {
  cal_playout_declare(&w.playout, 1, 0);
  cal_playout_append(&w.playout, 1, steady(1600, 11, NULL));
  cal_playout_mark(&w.playout, 1, "half");
  cal_playout_append(&w.playout, 1, steady(1600, 11, NULL));
  cal_playout_complete(&w.playout, 1);
  assert_int_equal(cal_playout_mark(&w.playout, 1, "late"), -EPIPE);
  for (int i = 0; i < 200 && w.mark_count == 0; i++) pass(40);
  assert_int_equal(w.mark_count, 1);
  assert_string_equal(w.marks[0], "half");
  assert_in_range(truly_heard(11), 1600, 2400);
  pass(8000);
  assert_int_equal(w.end_count, 1);
}

static void a_lost_mark_is_given_up_and_a_mute_carrier_has_proven_nothing(void **state) {
  w.carrier.from_us = 1 << 30;
  for (uint32_t id = 1; id <= 5; id++) {
    say(id, 0, 1600, (int16_t)id, "words");
    pass(id <= 3 ? 24000 : 4000);
    assert_int_equal(w.end_count, id); /* the first three wait two seconds; then none is waited for */
    assert_int_equal(w.ends[id - 1].proof, CAL_PROOF_NONE);
    assert_int_equal(w.ends[id - 1].heard_samples, 0);
    assert_string_equal(w.texts[id - 1], "");
    assert_false(w.ends[id - 1].is_interrupted);
  }
  assert_int_equal(w.playout.lost_marks, 5);
}

static void what_an_echo_proves_before_a_lost_mark_was_heard(void **state) {
  cal_playout_declare(&w.playout, 1, 0);
  cal_playout_append(&w.playout, 1, steady(1600, 11, "first "));
  cal_playout_mark(&w.playout, 1, "half");
  cal_playout_append(&w.playout, 1, steady(1600, 11, "second"));
  cal_playout_complete(&w.playout, 1);
  for (int i = 0; i < 200 && w.mark_count == 0; i++) pass(40);
  w.carrier.from_us = 1 << 30; /* from here on nothing comes back */
  pass(32000);
  assert_int_equal(w.end_count, 1);
  assert_int_equal(w.ends[0].proof, CAL_PROOF_NONE);
  assert_int_equal(w.ends[0].heard_samples, 1600);
  assert_string_equal(w.texts[0], "first ");
}

static void a_carrier_that_echoes_again_is_believed_again(void **state) {
  w.carrier.from_us = 1 << 30;
  for (uint32_t id = 1; id <= 4; id++) {
    say(id, 0, 1600, (int16_t)id, NULL);
    pass(24000);
  }
  w.carrier.from_us = 0;
  say(5, 0, 1600, 5, "five");
  pass(8000); /* its echo is late for a carrier that is not waited for, and shows that it echoes */
  say(6, 0, 1600, 6, "six");
  pass(8000);
  assert_int_equal(w.end_count, 6);
  assert_int_equal(w.ends[5].proof, CAL_PROOF_MARK);
  assert_string_equal(w.texts[5], "six");
}

static void an_interruption_of_a_mute_carrier_is_not_reckoned_by_the_clock(void **state) {
  w.carrier.from_us = 1 << 30;
  say(1, 0, 1600, 1, NULL);
  pass(24000);
  say(2, CAL_UTTERANCE_INTERRUPTIBLE, 16000, 2, "so many words");
  pass(8000);
  cal_playout_clear(&w.playout, 0, CAL_UTTERANCE_INTERRUPTIBLE);
  assert_int_equal(w.end_count, 2);
  assert_true(w.ends[1].is_interrupted);
  assert_int_equal(w.ends[1].proof, CAL_PROOF_NONE);
  assert_int_equal(w.ends[1].heard_samples, 0);
}

static void without_marks_the_schedule_and_the_known_delay_decide(void **state) {
  w.playout.options.echoes_marks = 0;
  w.playout.delay = 800;
  say(1, 0, 4000, 11, "hello");
  for (int i = 0; i < 200 && w.end_count == 0; i++) {
    assert_true(ledger_heard(1) <= truly_heard(11));
    pass(40);
  }
  assert_int_equal(truly_heard(11), 4000);
  assert_string_equal(w.texts[0], "hello");
}

/* Some carriers echo a mark when it arrives. The schedule does not believe them. */
static void an_echo_that_comes_too_early_is_not_believed(void **state) {
  say(1, 0, 8000, 11, NULL);
  int16_t frame[FRAME];
  cal_playout_advance(&w.playout, 5000);
  cal_playout_frame pulled = {0};
  while (pulled.marks == 0) pulled = cal_playout_pull(&w.playout, frame, FRAME); /* all at once */
  assert_int_equal(cal_playout_confirm(&w.playout, pulled.mark), 0);
  assert_int_equal(w.end_count, 0);
  assert_int_equal(ledger_heard(1), 0);
  cal_playout_advance(&w.playout, 5000 + 4000);
  assert_int_equal(ledger_heard(1), 4000);
  assert_int_equal(w.playout.early_marks, 1);
  cal_playout_advance(&w.playout, 5000 + 8000);
  assert_int_equal(w.end_count, 1);
}

/* The schedule knows nothing of a carrier that stops playing; the mark that does not come back does. */
static void a_carrier_that_stops_is_noticed_at_the_next_mark(void **state) {
  cal_playout_declare(&w.playout, 1, 0);
  cal_playout_append(&w.playout, 1, steady(800, 11, NULL));
  cal_playout_mark(&w.playout, 1, "here");
  cal_playout_append(&w.playout, 1, steady(1600, 11, NULL));
  cal_playout_complete(&w.playout, 1);
  say(2, 0, 1600, 22, "never heard");
  pass(1000);
  w.carrier.is_halted = 1;
  pass(12000);
  assert_in_range(truly_heard(11), 1, 799);
  assert_int_equal(ledger_heard(1), 800);
  assert_int_equal(ledger_heard(2), 0);
  cal_playout_finish(&w.playout);
  assert_int_equal(w.ends[1].heard_samples, 0);
  assert_string_equal(w.texts[1], "");
}

static void what_ends_late_or_empty_ends_too(void **state) {
  cal_playout_declare(&w.playout, 1, 0);
  cal_playout_append(&w.playout, 1, steady(1600, 11, NULL));
  cal_playout_declare(&w.playout, 2, 0); /* its voice fails: no sound at all */
  pass(4000);
  cal_playout_complete(&w.playout, 1); /* after everything was sent: the mark goes out alone */
  cal_playout_complete(&w.playout, 2);
  pass(4000);
  assert_int_equal(w.end_count, 2);
  assert_int_equal(w.ends[1].total_samples, 0);
  assert_false(w.ends[1].is_interrupted);
  assert_int_equal(w.playout.count, 0);
}

static void clips_are_let_go_while_a_long_utterance_goes_on(void **state) {
  cal_playout_declare(&w.playout, 1, 0);
  for (int i = 0; i < 100; i++) {
    char text[8];
    snprintf(text, sizeof text, "%d,", i % 10);
    assert_int_equal(cal_playout_append(&w.playout, 1, steady(1600, 11, text)), 0);
    cal_playout_mark(&w.playout, 1, "m");
    pass(1600);
    assert_true(w.playout.held_samples <= 3 * 1600 + 2 * 4000);
    w.mark_count = 0;
  }
  cal_playout_complete(&w.playout, 1);
  pass(8000);
  assert_int_equal(w.ends[0].heard_samples, 160000);
  assert_int_equal(w.ends[0].text_bytes, 299); /* "0, 1, …": a blank between clips */
}

static void ceilings_are_kept(void **state) {
  for (uint32_t id = 1; id <= CAL_PLAYOUT_UTTERANCES; id++)
    assert_int_equal(cal_playout_declare(&w.playout, id, 0), 0);
  assert_int_equal(cal_playout_declare(&w.playout, 1000, 0), -ENOBUFS);
  assert_int_equal(cal_playout_declare(&w.playout, 5, 0), -EEXIST);
  assert_int_equal(cal_playout_declare(&w.playout, 0, 0), -EINVAL);
  cal_clip *minute = steady(60 * RATE, 1, NULL);
  for (int i = 0; i < 10; i++) assert_int_equal(cal_playout_append(&w.playout, 1, cal_ref(minute)), 0);
  assert_int_equal(cal_playout_append(&w.playout, 1, minute), -ENOBUFS);
  assert_int_equal(cal_playout_append(&w.playout, 777, minute), -ENOENT);
  cal_unref(minute);
  cal_clip *other = cal_clip_new(16000, 10, NULL, 0);
  assert_int_equal(cal_playout_append(&w.playout, 2, other), -EINVAL);
  cal_playout_complete(&w.playout, 2);
  assert_int_equal(cal_playout_complete(&w.playout, 2), 0);
  assert_int_equal(cal_playout_append(&w.playout, 2, other), -EPIPE);
  cal_unref(other);
  for (int i = 0; i < CAL_PLAYOUT_MARKS; i++)
    assert_int_equal(cal_playout_mark(&w.playout, 3, "a name that is much too long to be kept whole"), 0);
  assert_int_equal(cal_playout_mark(&w.playout, 3, "x"), -ENOBUFS);
  assert_int_equal(cal_playout_complete(&w.playout, 3), 0);
}

int main(void) {
#define with_world(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
  const struct CMUnitTest tests[] = {
      with_world(what_is_said_is_heard_in_order_and_to_the_sample),
      with_world(pitfall_16_last_sentence_is_not_cut),
      with_world(pitfall_20_odd_chunk_sizes_make_whole_frames),
      with_world(pitfall_17_barge_in_flushes_at_once_and_keeps_only_played_words),
      with_world(heard_is_never_over_stated),
      with_world(marks_that_come_back_after_a_clear_prove_nothing),
      with_world(what_may_not_be_interrupted_loses_nothing_in_a_flush),
      with_world(a_carrier_that_cannot_flush_is_not_asked_to),
      with_world(nothing_sent_needs_no_flush),
      with_world(which_is_cleared_goes_by_flags_and_id),
      with_world(what_was_paused_goes_on_with_the_first_unheard_word),
      with_world(a_pause_never_over_states_and_loses_no_word),
      with_world(what_is_cut_in_a_pause_was_heard_as_far_as_the_pause),
      with_world(a_carrier_that_cannot_forget_plays_on_and_hears_nothing_twice),
      with_world(what_waits_behind_a_pause_waits),
      with_world(what_is_not_reversible_is_not_paused),
      with_world(a_pause_that_nobody_ends_is_over_after_a_minute),
      with_world(late_chunks_are_counted_as_one_underrun_each),
      with_world(holes_are_filled_with_silence_when_asked_for),
      with_world(a_named_mark_is_told_when_it_was_played),
      with_world(a_lost_mark_is_given_up_and_a_mute_carrier_has_proven_nothing),
      with_world(what_an_echo_proves_before_a_lost_mark_was_heard),
      with_world(a_carrier_that_echoes_again_is_believed_again),
      with_world(an_interruption_of_a_mute_carrier_is_not_reckoned_by_the_clock),
      with_world(without_marks_the_schedule_and_the_known_delay_decide),
      with_world(an_echo_that_comes_too_early_is_not_believed),
      with_world(a_carrier_that_stops_is_noticed_at_the_next_mark),
      with_world(a_carrier_that_says_when_it_is_dry_is_waited_for),
      with_world(a_word_about_what_was_cleared_proves_nothing),
      with_world(a_carrier_that_never_says_it_is_not_waited_for_any_more),
      with_world(what_ends_late_or_empty_ends_too),
      with_world(clips_are_let_go_while_a_long_utterance_goes_on),
      with_world(ceilings_are_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
