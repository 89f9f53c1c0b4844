/* tap: who else gets a leg's samples, in the same tick: the recorder, the detector of speech, the one of keys,
 * the other leg of a bridge, a vendor's ear, a meter.
 *
 *   IN, what the party says     ─┬─► taps at the leg's own rate, in the order in which they were added
 *   OUT, what it is sent        ─┴─► one resampler a rate ──► the taps at that rate
 *
 * A tap lives in its owner's memory. It may be added and removed while the leg is up. From its own on_samples
 * it may remove itself, but no other one, and must not end the leg. Nothing is allocated per frame. One
 * thread, the leg's. */
#ifndef CAL_LEG_TAP_H
#define CAL_LEG_TAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

typedef enum cal_tap_side { CAL_TAP_IN, CAL_TAP_OUT, CAL_TAP_SIDES } cal_tap_side;

typedef struct cal_tap cal_tap;

/* All zeros but the functions before it is added. */
struct cal_tap {
  cal_list node;
  /* As many as there were; borrowed. At another rate than the leg's, at most 3,200 at once. */
  void (*on_samples)(cal_tap *tap, const int16_t *samples, size_t count);
  void (*on_cut)(cal_tap *tap); /* OUT: the party will not hear what it has not played yet; may be NULL */
};

/* The taps of one side. */
typedef struct cal_taps {
  uint32_t rate_hz; /* of what is pushed */
  cal_list own;     /* taps at that rate */
  cal_list others;  /* other rates, each with its taps */
} cal_taps;

void cal_taps_open(cal_taps *taps, uint32_t rate_hz);
void cal_taps_close(cal_taps *taps); /* lets go of every tap */
/* -EINVAL for a rate out of range (8,000 to 48,000). */
int cal_taps_add(cal_taps *taps, uint32_t rate_hz, cal_tap *tap);
void cal_tap_remove(cal_tap *tap); /* harmless when it was removed, or its leg is over */
static inline int cal_taps_are_empty(const cal_taps *taps) {
  return cal_list_is_empty(&taps->own) && cal_list_is_empty(&taps->others);
}
void cal_taps_push(const cal_taps *taps, const int16_t *samples, size_t count);
void cal_taps_cut(cal_taps *taps);

#endif
