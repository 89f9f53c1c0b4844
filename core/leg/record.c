#include <errno.h>
#include <string.h>

#include "leg/leg_private.h"

#define SLACK_MS 300      /* a side may be so far off the clock before its position is set anew */
#define LONGEST_GAP_S 540 /* the recorder refuses to be ten minutes ahead of itself */

static uint64_t clock_now(const cal_leg *leg) { return cal_leg_clock(leg, cal_leg_now_ns(leg)); }

/* A line on which nobody made a sound for ten minutes is real; it is recorded as what it was. */
static void write_at(cal_leg *leg, cal_recorder_side side, uint64_t position, const int16_t *samples,
                     size_t count) {
  static const int16_t silence[1];
  uint64_t longest = (uint64_t)LONGEST_GAP_S * leg->rate_hz;
  while (position > leg->recorded_to + longest) {
    leg->recorded_to += longest;
    cal_recorder_write(leg->recorder, side, leg->recorded_to, silence, 1);
  }
  cal_recorder_write(leg->recorder, side, position, samples, count);
  if (position + count > leg->recorded_to) leg->recorded_to = position + count;
}

/* Samples arrive when they have been spoken, so the last one lies at the clock. They follow each other
 * without a seam while the line only jitters; a hole in what arrives is a hole in the recording too, and a
 * burst is brought back. */
static void on_in(cal_tap *tap, const int16_t *samples, size_t count) {
  cal_leg *leg = cal_list_entry(tap, cal_leg, record_in);
  uint64_t clock = clock_now(leg), slack = (uint64_t)leg->rate_hz * SLACK_MS / 1000;
  uint64_t expected = clock > count ? clock - count : 0;
  int is_first = leg->in_position == 0;
  if (is_first || leg->in_position + slack < expected || leg->in_position > expected + slack)
    leg->in_position = expected;
  write_at(leg, CAL_SIDE_CALLER, leg->in_position, samples, count);
  leg->in_position += count;
}

/* What is sent is played after what was sent before, or now. */
static void on_out(cal_tap *tap, const int16_t *samples, size_t count) {
  cal_leg *leg = cal_list_entry(tap, cal_leg, record_out);
  uint64_t clock = clock_now(leg);
  if (leg->out_position + leg->frame_samples <= clock)
    leg->out_position = clock; /* less is a late tick, not a hole */
  write_at(leg, CAL_SIDE_AGENT, leg->out_position, samples, count);
  leg->out_position += count;
}

static void on_cut(cal_tap *tap) {
  static const int16_t silence[160];
  cal_leg *leg = cal_list_entry(tap, cal_leg, record_out);
  uint64_t clock = clock_now(leg);
  for (uint64_t at = clock; at < leg->out_position;) {
    size_t count = leg->out_position - at < 160 ? (size_t)(leg->out_position - at) : 160;
    write_at(leg, CAL_SIDE_AGENT, at, silence, count);
    at += count;
  }
  if (leg->out_position > clock) leg->out_position = clock;
}

/* ---- the file */

static void write_block(void *context, uint8_t *block, size_t bytes) {
  cal_leg *leg = context;
  const cal_recordings *files = &leg->host->recordings;
  files->write(files->context, leg->recording, block, bytes);
}

/* The file comes first: a recorder hands out its header in the moment it is made. */
void cal_leg_record_open(cal_leg *leg) {
  const cal_recordings *files = &leg->host->recordings;
  if (!leg->options.recording_path || !leg->role->is_recorded) return;
  leg->recording = files->open(files->context, leg->options.recording_path, leg->options.name);
  if (!leg->recording) return;
  leg->recorder = cal_recorder_new(
      &(cal_recorder_options){.rate_hz = leg->rate_hz, .on_block = write_block, .context = leg});
  leg->record_in.on_samples = on_in;
  leg->record_out.on_samples = on_out;
  leg->record_out.on_cut = on_cut;
  cal_leg_tap(leg, CAL_TAP_IN, leg->rate_hz, &leg->record_in);
  cal_leg_tap(leg, CAL_TAP_OUT, leg->rate_hz, &leg->record_out);
}

void cal_leg_record_close(cal_leg *leg) {
  if (!leg->recorder) return;
  const cal_recordings *files = &leg->host->recordings;
  cal_recorder_end end;
  cal_recorder_finish(leg->recorder, &end);
  files->close(files->context, leg->recording, end.header, sizeof end.header, end.frames);
  leg->recording = NULL;
  leg->recorder = cal_recorder_free(leg->recorder);
}

void cal_leg_record(cal_leg *leg, int is_on) {
  if (leg->recorder) cal_recorder_pause(leg->recorder, !is_on);
}
