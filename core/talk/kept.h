/* kept: the last seconds of a sound, by their place in it, so that they can be sent again. Positions count samples from the
 * beginning of the sound. One thread; nothing is allocated while it is used. */
#ifndef CAL_TALK_KEPT_H
#define CAL_TALK_KEPT_H

#include <stddef.h>
#include <stdint.h>

typedef struct cal_kept {
  int16_t *samples; /* owned */
  uint32_t room;
  uint64_t end; /* of the sound so far */
} cal_kept;

void cal_kept_open(cal_kept *kept, uint32_t rate_hz, uint32_t seconds);
void cal_kept_close(cal_kept *kept);
void cal_kept_put(cal_kept *kept, const int16_t *samples, size_t count); /* NULL: silence */
uint64_t cal_kept_begin(const cal_kept *kept);                           /* the oldest that is left */
/* `count` of them from there on must be left. */
void cal_kept_get(const cal_kept *kept, uint64_t from, int16_t *into, size_t count);
/* The same sound at another rate; 0, or -EINVAL and nothing is changed. */
int cal_kept_resample(cal_kept *kept, uint32_t from_hz, uint32_t to_hz);

#endif
