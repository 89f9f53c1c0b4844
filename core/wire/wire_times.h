/* wire_times: the lists of times a voice's message holds (cal_wire_event.times), one entry after the other. What makes
 * no sense ends them. Any thread. */
#ifndef CAL_WIRE_WIRE_TIMES_H
#define CAL_WIRE_WIRE_TIMES_H

#include "wire/wire.h"

#define CAL_WIRE_TIME_BYTES 128 /* of one text, with its final zero; a longer one ends the lists */

typedef struct cal_wire_time {
  char text[CAL_WIRE_TIME_BYTES];
  int64_t end_ms;
} cal_wire_time;

/* 1 and the next entry, or 0: there are no more. `times` is used up. */
int cal_wire_times_next(cal_wire_times *times, cal_wire_time *next);

#endif
