/* Live lines to and from other legs. */
#include <errno.h>

#include "base/error.h"
#include "base/mem.h"
#include "leg/leg_private.h"

/* A live line cannot be had ahead of time; so much keeps a late tick from being heard. */
#define LIVE_LEAD_MS 20

/* What the party says, on its way to another leg. */
struct spoken {
  cal_tap tap;
  cal_live *live;
};

static void set_lead(cal_leg *leg, uint32_t most_ms) {
  leg->pace.lead_ns = (leg->lead_ms < most_ms ? leg->lead_ms : most_ms) * CAL_MS;
}

/* ---- what the party says */

static struct spoken *drop_spoken(struct spoken *spoken) {
  cal_tap_remove(&spoken->tap);
  cal_unref(spoken->live);
  return cal_free(spoken);
}

static void on_samples(cal_tap *tap, const int16_t *samples, size_t count) {
  struct spoken *spoken = cal_list_entry(tap, struct spoken, tap);
  cal_live_write(spoken->live, samples, count);
}

/* Closed ones make room. */
static struct spoken **place_to_speak(cal_leg *leg) {
  for (int i = 0; i < CAL_LEG_LINES; i++) {
    struct spoken **place = &leg->spoken[i];
    if (*place && cal_live_is_closed((*place)->live)) *place = drop_spoken(*place);
    if (!*place) return place;
  }
  return NULL;
}

int cal_leg_speak(cal_leg *leg, cal_live *to) {
  struct spoken **place = place_to_speak(leg);
  if (!place) return cal_fail(-ENOBUFS, "a leg speaks to %d others at most", CAL_LEG_LINES);
  struct spoken *spoken = cal_alloc(sizeof *spoken);
  spoken->tap.on_samples = on_samples;
  int code = cal_leg_tap(leg, CAL_TAP_IN, cal_live_rate_hz(to), &spoken->tap);
  if (code < 0) {
    cal_free(spoken);
    return code;
  }
  spoken->live = to;
  *place = spoken;
  return 0;
}

/* ---- what it hears */

int cal_leg_hear(cal_leg *leg, cal_live *from) {
  if (cal_live_rate_hz(from) != leg->rate_hz)
    return cal_fail(-EINVAL, "a line of %u Hz for a leg of %u Hz", cal_live_rate_hz(from), leg->rate_hz);
  if (leg->heard_count == CAL_LEG_LINES)
    return cal_fail(-ENOBUFS, "a leg hears %d others at most", CAL_LEG_LINES);
  leg->heard[leg->heard_count++] = from;
  set_lead(leg, LIVE_LEAD_MS);
  return 0;
}

static void drop_heard(cal_leg *leg, uint32_t i) {
  cal_unref(leg->heard[i]);
  leg->heard[i] = leg->heard[--leg->heard_count];
  if (!leg->heard_count) set_lead(leg, UINT32_MAX);
}

int cal_leg_mix_lines(cal_leg *leg, int16_t *frame) {
  for (uint32_t i = leg->heard_count; i-- > 0;) {
    if (cal_live_is_closed(leg->heard[i]))
      drop_heard(leg, i);
    else
      cal_live_mix(leg->heard[i], frame, leg->frame_samples);
  }
  return leg->heard_count > 0;
}

/* The legs at the other ends notice. */
void cal_leg_lines_close(cal_leg *leg) {
  while (leg->heard_count) {
    cal_live_close(leg->heard[leg->heard_count - 1]);
    drop_heard(leg, leg->heard_count - 1);
  }
  for (int i = 0; i < CAL_LEG_LINES; i++) {
    if (!leg->spoken[i]) continue;
    cal_live_close(leg->spoken[i]->live);
    leg->spoken[i] = drop_spoken(leg->spoken[i]);
  }
}
