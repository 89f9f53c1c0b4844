/* trim: gives memory that the C library keeps for later back to the system.
 *
 * After a flood the heap is mostly holes, and the C library returns what lies at its end only. malloc_trim returns
 * the rest: about 1 ms for each MiB, in which other threads that want memory of the same arena wait. So it is done
 * when the process has grown and has become quiet. Frames hardly care: they take no memory.
 *
 *   cal_trim trim = {0};
 *   every few seconds: cal_trim_look(&trim);
 *
 * One thread at a time; the heap is the whole process's. */
#ifndef CAL_BASE_TRIM_H
#define CAL_BASE_TRIM_H

#include <stddef.h>
#include <stdint.h>

#define CAL_TRIM_GROWTH_BYTES ((size_t)32 << 20) /* less is not worth it */
#define CAL_TRIM_QUIET_PERCENT 25 /* of all cores: above it, since the last look, the process is busy */

/* What the process has used. */
typedef struct cal_trim_sight {
  uint64_t wall_ns, cpu_ns; /* since some moment */
  size_t resident_bytes;
  uint32_t cores;
} cal_trim_sight;

typedef struct cal_trim {
  cal_trim_sight last;
  size_t least_bytes; /* resident, since it was trimmed last; 0: not looked at yet */
} cal_trim;

/* Whether it has grown and is quiet, by what was seen now and at the last look. For tests; no effects on the heap. */
int cal_trim_is_due(cal_trim *trim, const cal_trim_sight *now);

int cal_trim_look(cal_trim *trim); /* 1 when memory was given back */

#endif
