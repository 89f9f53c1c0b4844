/* pace: when the next frame must leave.
 *
 * The schedule is absolute: frame n is due at t0 + n · frame, and the carrier is kept `lead_ms` ahead of it,
 * no more, so that a barge-in is heard at once. A late wake-up therefore sends what is overdue and is back on
 * the schedule; it never moves the schedule, or every delay would add up for the rest of the call.
 *
 *      t0        due 1      due 2      due 3        each frame leaves lead_ms before it is due,
 *       |----------|----------|----------|--->      so `1 + lead / frame` of them leave at t0
 *
 * Two things do move t0. When there was nothing to send (cal_pace_idle) the schedule begins anew with the
 * next frame. And after a stall longer than `stall_ms` the caller has heard the hole already: sending a burst
 * would only make every later word late, so t0 is moved once and the stall is counted.
 *
 * Times are nanoseconds of one monotonic clock, passed in. Plain memory, no allocation; one thread. */
#ifndef CAL_AUDIO_PACE_H
#define CAL_AUDIO_PACE_H

#include <stdint.h>

typedef struct cal_pace {
  uint64_t frame_ns, lead_ns, stall_ns;
  uint64_t t0_ns;     /* 0: not anchored; the next cal_pace_due anchors */
  uint64_t frames;    /* sent since t0 */
  int is_idle;        /* nothing was there to send when last asked */
  uint64_t late_ns;   /* the longest a frame was late (after it was due, lead included) */
  uint64_t underruns; /* times the carrier ran dry because we were late */
  uint64_t stalls;    /* of them, those after which t0 was moved */
} cal_pace;

enum { CAL_PACE_STALL_MS = 200 }; /* a usual value for stall_ms: longer holes are not caught up */

/* frame_ms 1..1000, lead_ms 0..1000, stall_ms at least lead_ms (0 = CAL_PACE_STALL_MS or lead_ms). */
void cal_pace_init(cal_pace *pace, uint32_t frame_ms, uint32_t lead_ms, uint32_t stall_ms);

/* How many frames are to be sent now; at most 1 + (lead + stall) / frame. */
uint32_t cal_pace_due(cal_pace *pace, uint64_t now_ns);
void cal_pace_sent(cal_pace *pace, uint32_t frames);

/* There was nothing to send: from here on late frames are not counted as late. Harmless to repeat. */
void cal_pace_idle(cal_pace *pace);

/* The next moment cal_pace_due will be above 0; 0 when not anchored (ask at once). */
uint64_t cal_pace_next_ns(const cal_pace *pace);

#endif
