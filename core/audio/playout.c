#include "audio/playout.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "audio/utterance.h"
#include "base/error.h"
#include "base/mem.h"

enum {
  ASSUMED_DELAY_MS = 200,   /* a network, a jitter buffer: until an echo tells better */
  MARK_PATIENCE_MS = 2000,  /* an echo later than this after its time is given up */
  LOST_MARKS_MEAN_NONE = 3, /* so many in a row: this carrier does not echo */
  LONGEST_DELAY_MS = 1000,  /* one slow echo must not make the rest of the call look unheard */
  DRY_SLACK_MS = 50,        /* clocks differ, ticks are coarse */
  DELAY_EASE = 8,           /* a faster echo brings the measured delay down by an eighth of the difference */
  LONGEST_TEXT_BYTES = 64 << 10,
  LONGEST_PAUSE_S = 60,
};

static uint32_t samples_of_ms(const cal_playout *playout, uint32_t ms) {
  return (uint32_t)((uint64_t)playout->options.rate_hz * ms / 1000);
}

void cal_playout_init(cal_playout *playout, const cal_playout_options *options) {
  assert(options->rate_hz > 0);
  memset(playout, 0, sizeof *playout);
  playout->options = *options;
  playout->is_delay_measured = options->delay_samples != 0;
  playout->delay = options->delay_samples ? options->delay_samples : samples_of_ms(playout, ASSUMED_DELAY_MS);
  playout->next_mark = 1;
}

void cal_playout_done(cal_playout *playout) {
  for (uint32_t i = 0; i < playout->count; i++) cal_utterance_free(playout->utterances[i]);
  playout->count = 0;
  playout->held_samples = 0;
}

static cal_utterance *find(const cal_playout *playout, uint32_t id, uint32_t *index) {
  for (uint32_t i = 0; i < playout->count; i++) {
    if (playout->utterances[i]->id != id) continue;
    if (index) *index = i;
    return playout->utterances[i];
  }
  return NULL;
}

static int no_utterance(uint32_t id) { return cal_fail(-ENOENT, "utterance %u is not queued", id); }

int cal_playout_declare(cal_playout *playout, uint32_t id, uint32_t flags) {
  if (id == 0) return cal_fail(-EINVAL, "an utterance's id is 1 or more");
  if (find(playout, id, NULL)) return cal_fail(-EEXIST, "utterance %u is already queued", id);
  if (playout->count == CAL_PLAYOUT_UTTERANCES)
    return cal_fail(-ENOBUFS, "%d utterances are queued already", CAL_PLAYOUT_UTTERANCES);
  playout->utterances[playout->count++] = cal_utterance_new(id, flags);
  return 0;
}

int cal_playout_append(cal_playout *playout, uint32_t id, cal_clip *clip) {
  cal_utterance *utterance = find(playout, id, NULL);
  if (!utterance) return no_utterance(id);
  if (utterance->is_complete) return cal_fail(-EPIPE, "utterance %u is complete", id);
  if (clip->rate_hz != playout->options.rate_hz)
    return cal_fail(-EINVAL, "a clip of %u Hz for a leg of %u Hz", clip->rate_hz, playout->options.rate_hz);
  if (clip->samples == 0) {
    cal_unref(clip);
    return 0;
  }
  if (playout->held_samples + clip->samples > (uint64_t)CAL_PLAYOUT_SECONDS * playout->options.rate_hz)
    return cal_fail(-ENOBUFS, "more than %d s of sound is queued", CAL_PLAYOUT_SECONDS);
  int code = cal_utterance_append(utterance, clip);
  if (code < 0) return code;
  playout->held_samples += clip->samples;
  return 0;
}

int cal_playout_complete(cal_playout *playout, uint32_t id) {
  cal_utterance *utterance = find(playout, id, NULL);
  if (!utterance) return no_utterance(id);
  if (utterance->is_complete) return 0;
  utterance->is_complete = 1;
  if (utterance->total > 0) cal_utterance_point(utterance, "");
  return 0;
}

int cal_playout_mark(cal_playout *playout, uint32_t id, const char *name) {
  cal_utterance *utterance = find(playout, id, NULL);
  if (!utterance) return no_utterance(id);
  if (utterance->is_complete) return cal_fail(-EPIPE, "utterance %u is complete", id);
  if (utterance->point_count == CAL_PLAYOUT_MARKS)
    return cal_fail(-ENOBUFS, "an utterance has at most %d marks", CAL_PLAYOUT_MARKS);
  cal_utterance_point(utterance, name);
  return 0;
}

/* ---- the ledger */

static int is_pending(const cal_mark_point *point) {
  return point->number != 0 && point->state == CAL_MARK_OPEN;
}

static int has_pending(const cal_utterance *utterance) {
  for (uint32_t i = 0; i < utterance->points_sent; i++)
    if (is_pending(&utterance->points[i])) return 1;
  return 0;
}

/* A mark behind which more was sent proves nothing: the carrier did not run dry there. */
static int is_awaited(const cal_playout *playout, const cal_mark_point *point) {
  return playout->options.echoes_marks || (playout->options.tells_dry && point->at_clock >= playout->tail);
}

/* How far its marks say that it was heard. */
static uint32_t proven_of(const cal_utterance *utterance) {
  uint32_t proven = 0;
  for (uint32_t i = 0; i < utterance->points_sent; i++) {
    cal_mark_state state = utterance->points[i].state;
    if (state == CAL_MARK_ECHOED || state == CAL_MARK_PASSED) proven = utterance->points[i].offset;
  }
  return proven;
}

/* An echo is owed that did not come. */
static int is_doubted(const cal_playout *playout, const cal_utterance *utterance) {
  for (uint32_t i = 0; i < utterance->points_sent; i++)
    if (utterance->points[i].state == CAL_MARK_LOST) return 1;
  return playout->lost_in_a_row > 0;
}

static uint32_t likely_of(const cal_playout *playout, uint32_t index) {
  const cal_utterance *utterance = playout->utterances[index];
  uint32_t upper = cal_utterance_played_by(utterance, playout->clock), proven = proven_of(utterance);
  if (upper > utterance->sent) upper = utterance->sent;
  for (uint32_t i = 0; i < utterance->points_sent && playout->options.echoes_marks; i++)
    if (is_pending(&utterance->points[i]) && utterance->points[i].offset < upper)
      upper = utterance->points[i].offset;
  for (uint32_t i = 0; i < index && playout->options.echoes_marks; i++)
    if (has_pending(playout->utterances[i])) return 0; /* what comes before it is not over */
  if (is_doubted(playout, utterance)) return proven;
  uint64_t delayed = playout->clock > playout->delay ? playout->clock - playout->delay : 0;
  uint32_t likely = cal_utterance_played_by(utterance, delayed);
  if (proven > likely) likely = proven;
  return likely < upper ? likely : upper;
}

static uint32_t heard_of(const cal_playout *playout, uint32_t index) {
  uint32_t likely = likely_of(playout, index), base = playout->utterances[index]->base;
  return likely > base ? likely : base; /* what was let go cannot be said again */
}

int cal_playout_heard(const cal_playout *playout, uint32_t id, cal_playout_ledger *ledger) {
  uint32_t index;
  const cal_utterance *utterance = find(playout, id, &index);
  if (!utterance) return no_utterance(id);
  *ledger = (cal_playout_ledger){.heard = heard_of(playout, index),
                                 .sent = utterance->sent,
                                 .total = utterance->total,
                                 .flags = utterance->flags,
                                 .is_complete = utterance->is_complete};
  return 0;
}

static cal_proof proof_of(const cal_playout *playout, const cal_utterance *utterance, uint32_t heard) {
  for (uint32_t i = 0; i < utterance->points_sent; i++)
    if (utterance->points[i].state == CAL_MARK_ECHOED && utterance->points[i].offset == heard)
      return CAL_PROOF_MARK;
  return is_doubted(playout, utterance) ? CAL_PROOF_NONE : CAL_PROOF_CLOCK;
}

/* What was `heard`, as far as that is believed. Of words that were let go, all were or none. */
static cal_playout_end account_of(const cal_playout *playout, const cal_utterance *utterance, uint32_t heard,
                                  cal_buf *text) {
  int is_interrupted = heard < utterance->total || !utterance->is_complete;
  cal_proof proof = proof_of(playout, utterance, heard);
  if (proof == CAL_PROOF_NONE) heard = proven_of(utterance);
  cal_buf_init(text, LONGEST_TEXT_BYTES);
  if (heard >= utterance->base) cal_utterance_text(utterance, heard, text);
  return (cal_playout_end){.id = utterance->id,
                           .flags = utterance->flags,
                           .heard_samples = heard,
                           .total_samples = utterance->total,
                           .is_interrupted = is_interrupted,
                           .proof = proof,
                           .text = text->data ? text->data : "",
                           .text_bytes = text->bytes};
}

static void end_utterance(cal_playout *playout, uint32_t index, uint32_t heard) {
  cal_utterance *utterance = playout->utterances[index];
  cal_buf text;
  cal_playout_end end = account_of(playout, utterance, heard, &text);
  playout->count--;
  if (playout->count == 0) playout->paused_until = 0;
  memmove(&playout->utterances[index], &playout->utterances[index + 1],
          (playout->count - index) * sizeof(cal_utterance *));
  playout->held_samples -= utterance->total - utterance->base;
  if (playout->options.on_ended) playout->options.on_ended(playout->options.context, &end);
  cal_buf_free(&text);
  cal_utterance_free(utterance);
}

static void settle(cal_playout *playout, cal_utterance *utterance, cal_mark_point *point,
                   cal_mark_state state) {
  point->state = state;
  if (point->name[0] && playout->options.on_mark)
    playout->options.on_mark(playout->options.context, utterance->id, point->name);
}

static void give_up(cal_playout *playout, cal_utterance *utterance, cal_mark_point *point) {
  playout->lost_marks++;
  playout->lost_in_a_row++;
  settle(playout, utterance, point, CAL_MARK_LOST);
}

/* Marks that time settles: all of them when the carrier echoes none, else those whose echo is overdue. From one that
 * has stopped to echo none is waited for. */
static void settle_by_time(cal_playout *playout, cal_utterance *utterance) {
  uint32_t patience =
      playout->lost_in_a_row < LOST_MARKS_MEAN_NONE ? samples_of_ms(playout, MARK_PATIENCE_MS) : 0;
  for (uint32_t i = 0; i < utterance->points_sent; i++) {
    cal_mark_point *point = &utterance->points[i];
    if (!is_pending(point) || playout->clock < point->at_clock + playout->delay) continue;
    if (!is_awaited(playout, point))
      settle(playout, utterance, point, CAL_MARK_PASSED);
    else if (playout->clock >= point->at_clock + playout->delay + patience)
      give_up(playout, utterance, point);
  }
}

void cal_playout_advance(cal_playout *playout, uint64_t clock_samples) {
  if (clock_samples > playout->clock) playout->clock = clock_samples;
  if (playout->clock >= playout->paused_until) playout->paused_until = 0;
  for (uint32_t i = 0; i < playout->count; i++) settle_by_time(playout, playout->utterances[i]);
  while (playout->count > 0) {
    cal_utterance *oldest = playout->utterances[0];
    if (!cal_utterance_is_sent(oldest) || has_pending(oldest)) return;
    if (playout->clock < cal_utterance_end_clock(oldest)) return;
    end_utterance(playout, 0, oldest->total);
  }
}

/* The delay is what an echo needs beyond the earliest possible time. It follows slower echoes at once and
 * faster ones slowly, because a delay taken too small would over-state what was heard. */
static void learn_delay(cal_playout *playout, const cal_mark_point *point) {
  if (playout->clock < point->at_clock) {
    playout->early_marks++;
    return;
  }
  uint64_t delay = playout->clock - point->at_clock, longest = samples_of_ms(playout, LONGEST_DELAY_MS);
  if (delay > longest) delay = longest;
  if (delay >= playout->delay || !playout->is_delay_measured)
    playout->delay = (uint32_t)delay;
  else
    playout->delay -= (playout->delay - (uint32_t)delay) / DELAY_EASE;
  playout->is_delay_measured = 1;
}

int cal_playout_confirm(cal_playout *playout, uint32_t mark) {
  cal_mark_point *found = NULL;
  if (mark && mark < playout->next_mark) playout->lost_in_a_row = 0; /* late or not, it echoes */
  for (uint32_t i = 0; i < playout->count && !found; i++)
    for (uint32_t k = 0; k < playout->utterances[i]->points_sent; k++)
      if (playout->utterances[i]->points[k].number == mark && is_pending(&playout->utterances[i]->points[k]))
        found = &playout->utterances[i]->points[k];
  if (!found || mark == 0) return cal_fail(-ENOENT, "mark %u is not pending", mark);
  learn_delay(playout, found);
  /* Carriers play in order: an echo also settles the marks before it. */
  for (uint32_t i = 0; i < playout->count; i++) {
    cal_utterance *utterance = playout->utterances[i];
    for (uint32_t k = 0; k < utterance->points_sent; k++)
      if (is_pending(&utterance->points[k]) && utterance->points[k].number <= mark)
        settle(playout, utterance, &utterance->points[k], CAL_MARK_ECHOED);
  }
  cal_playout_advance(playout, playout->clock);
  return 0;
}

void cal_playout_dry(cal_playout *playout) {
  uint64_t latest = playout->clock + samples_of_ms(playout, DRY_SLACK_MS);
  cal_mark_point *last = NULL;
  for (uint32_t i = 0; i < playout->count; i++) {
    cal_utterance *utterance = playout->utterances[i];
    for (uint32_t k = 0; k < utterance->points_sent; k++)
      if (is_pending(&utterance->points[k]) && utterance->points[k].at_clock <= latest)
        last = &utterance->points[k];
  }
  if (last) cal_playout_confirm(playout, last->number);
}

/* ---- pulling */

static cal_utterance *first_unsent(const cal_playout *playout, uint32_t *index) {
  if (cal_playout_is_paused(playout)) return NULL;
  for (uint32_t i = 0; i < playout->count; i++) {
    if (cal_utterance_is_sent(playout->utterances[i])) continue;
    *index = i;
    return playout->utterances[i];
  }
  return NULL;
}

static void take_marks(cal_playout *playout, cal_utterance *utterance, cal_playout_frame *result) {
  while (utterance->points_sent < utterance->point_count) {
    cal_mark_point *point = &utterance->points[utterance->points_sent];
    if (point->offset > utterance->sent) return;
    point->number = playout->next_mark++;
    if (result->marks++ == 0) result->mark = point->number;
    utterance->points_sent++;
  }
}

/* The pulled frame's marks are sent after it, so that is where they are in time. */
static void date_marks(cal_playout *playout, const cal_playout_frame *result) {
  uint64_t at = playout->tail > playout->clock ? playout->tail : playout->clock;
  for (uint32_t i = 0; i < playout->count && result->marks; i++)
    for (uint32_t k = 0; k < playout->utterances[i]->points_sent; k++)
      if (playout->utterances[i]->points[k].number >= result->mark)
        playout->utterances[i]->points[k].at_clock = at;
}

static void read_some(cal_playout *playout, uint32_t index, int16_t *frame, uint32_t samples,
                      uint64_t earliest) {
  cal_utterance *utterance = playout->utterances[index];
  int is_first = !utterance->is_started;
  uint32_t clip = utterance->cursor;
  cal_utterance_read(utterance, frame, samples, earliest);
  utterance->is_starving = 0;
  utterance->is_started = 1;
  if (is_first && playout->options.on_started)
    playout->options.on_started(playout->options.context, utterance->id);
  if (utterance->cursor != clip)
    playout->held_samples -= cal_utterance_let_go(utterance, heard_of(playout, index));
}

/* Sound is missing inside an utterance. Whether anybody hears that depends on what the carrier still holds.
 */
static uint32_t starve(cal_playout *playout, uint32_t index, int16_t *frame, uint32_t samples,
                       uint64_t start) {
  cal_utterance *utterance = playout->utterances[index];
  if (!utterance->is_started || playout->tail > playout->clock) return 0;
  if (!utterance->is_starving) playout->underruns++;
  uint32_t rest = utterance->total - utterance->sent;
  if (playout->options.silence_on_underrun && rest) read_some(playout, index, frame, rest, start);
  utterance->is_starving = 1;
  return playout->options.silence_on_underrun ? samples : 0;
}

cal_playout_frame cal_playout_pull(cal_playout *playout, int16_t *frame, uint32_t samples) {
  cal_playout_frame result = {0};
  uint64_t start = playout->tail > playout->clock ? playout->tail : playout->clock;
  uint32_t index = 0;
  cal_utterance *utterance;
  while ((utterance = first_unsent(playout, &index))) {
    uint32_t rest = utterance->total - utterance->sent, wanted = samples - result.real;
    if (wanted == 0 && rest > 0) break;
    if (!utterance->is_complete && rest < wanted) {
      take_marks(playout, utterance, &result);
      if (result.real > 0) break;
      result.samples = starve(playout, index, frame, samples, start);
      result.real = utterance->total == utterance->sent ? rest : 0;
      take_marks(playout, utterance, &result);
      break;
    }
    uint32_t piece = rest < wanted ? rest : wanted;
    if (piece) read_some(playout, index, frame + result.real, piece, start + result.real);
    result.real += piece;
    take_marks(playout, utterance, &result);
    if (!cal_utterance_is_sent(utterance)) break; /* the frame is full */
  }
  if (result.real > 0) result.samples = samples;
  if (result.samples) playout->tail = start + samples;
  memset(frame + result.real, 0, (samples - result.real) * sizeof *frame);
  date_marks(playout, &result);
  return result;
}

void cal_playout_filler(cal_playout *playout, uint32_t samples) {
  uint64_t start = playout->tail > playout->clock ? playout->tail : playout->clock;
  playout->tail = start + samples;
}

/* ---- clearing */

static int is_meant(const cal_utterance *utterance, uint32_t id, uint32_t flags) {
  if (id) return utterance->id == id;
  if (flags) return (utterance->flags & flags) != 0;
  return !(utterance->flags & CAL_UTTERANCE_KEEP);
}

/* The carrier forgets everything it holds. What stays is sent again from where it was heard. */
static void rewind_survivors(cal_playout *playout, uint32_t id, uint32_t flags, const uint32_t *heard) {
  for (uint32_t i = 0; i < playout->count; i++)
    if (!is_meant(playout->utterances[i], id, flags)) cal_utterance_rewind(playout->utterances[i], heard[i]);
  playout->tail = playout->clock;
}

cal_playout_cleared cal_playout_clear(cal_playout *playout, uint32_t id, uint32_t flags) {
  cal_playout_cleared result = {0};
  if (!id) playout->paused_until = 0;
  uint32_t heard[CAL_PLAYOUT_UTTERANCES], count = playout->count;
  for (uint32_t i = 0; i < count; i++) {
    const cal_utterance *utterance = playout->utterances[i];
    heard[i] = heard_of(playout, i);
    if (is_meant(utterance, id, flags) && utterance->sent > heard[i])
      result.flush = playout->options.can_flush;
  }
  if (result.flush) rewind_survivors(playout, id, flags, heard);
  for (uint32_t i = 0, index = 0; i < count; i++) {
    if (!is_meant(playout->utterances[index], id, flags)) {
      index++;
      continue;
    }
    end_utterance(playout, index, heard[i]);
    result.utterances++;
  }
  return result;
}

/* ---- pausing */

static void tell_paused(const cal_playout *playout, uint32_t heard) {
  cal_buf text;
  cal_playout_end so_far = account_of(playout, playout->utterances[0], heard, &text);
  if (playout->options.on_paused) playout->options.on_paused(playout->options.context, &so_far);
  cal_buf_free(&text);
}

/* A carrier that cannot forget plays what it holds, so nothing of that is sent again. */
cal_playout_cleared cal_playout_pause(cal_playout *playout, uint32_t flags) {
  cal_playout_cleared result = {0};
  flags |= CAL_UTTERANCE_REVERSIBLE;
  if (cal_playout_is_paused(playout) || playout->count == 0) return result;
  if ((playout->utterances[0]->flags & flags) != flags) return result;
  uint32_t heard[CAL_PLAYOUT_UTTERANCES];
  for (uint32_t i = 0; i < playout->count; i++) {
    heard[i] = heard_of(playout, i);
    if (playout->utterances[i]->sent > heard[i]) result.flush = playout->options.can_flush;
  }
  playout->paused_until = playout->clock + (uint64_t)LONGEST_PAUSE_S * playout->options.rate_hz;
  tell_paused(playout, heard[0]);
  if (!result.flush) return result;
  for (uint32_t i = 0; i < playout->count; i++)
    cal_utterance_rewind(playout->utterances[i], cal_utterance_word_start(playout->utterances[i], heard[i]));
  playout->tail = playout->clock;
  return result;
}

void cal_playout_resume(cal_playout *playout) { playout->paused_until = 0; }

void cal_playout_finish(cal_playout *playout) {
  uint32_t heard[CAL_PLAYOUT_UTTERANCES], count = playout->count;
  for (uint32_t i = 0; i < count; i++) heard[i] = heard_of(playout, i);
  for (uint32_t i = 0; i < count; i++) end_utterance(playout, 0, heard[i]);
}

/* ---- questions */

uint32_t cal_playout_speaking(const cal_playout *playout, uint32_t *flags) {
  if (playout->count == 0 || !playout->utterances[0]->is_started) return 0;
  if (flags) *flags = playout->utterances[0]->flags;
  return playout->utterances[0]->id;
}

int cal_playout_is_drained(const cal_playout *playout) { return playout->count == 0; }

uint32_t cal_playout_ahead(const cal_playout *playout) {
  return playout->tail > playout->clock ? (uint32_t)(playout->tail - playout->clock) : 0;
}

uint64_t cal_playout_remaining(const cal_playout *playout) {
  if (playout->count == 0) return 0;
  uint64_t samples = playout->delay + (playout->tail > playout->clock ? playout->tail - playout->clock : 0);
  for (uint32_t i = 0; i < playout->count; i++)
    samples += playout->utterances[i]->total - playout->utterances[i]->sent;
  return samples ? samples : 1;
}
