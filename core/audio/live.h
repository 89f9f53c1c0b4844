/* live: sound under way from one leg to another, while both go on at their own clocks.
 *
 *   the writer's thread ──► [ ring, one second ] ──► the reader's thread, a frame every tick
 *
 * The reader waits until there is enough to last, then takes a frame a tick. What jitters is evened out by what
 * waits; how much that is follows the line: a frame that came too late makes the wait 20 ms longer, up to
 * CAL_LIVE_WAIT_MS, and what was never needed for a whole second is skipped. So the delay is at most what the
 * jitter asks for, however long the call lasts and however the two clocks drift, and a pause of the writer
 * costs nothing. A ring that is full refuses what is new; the reader that comes back goes on at the end.
 *
 * Reference counted (cal_ref, cal_unref). One thread writes, one reads, without a lock; muting and closing:
 * any thread. No allocation a frame. */
#ifndef CAL_AUDIO_LIVE_H
#define CAL_AUDIO_LIVE_H

#include <stddef.h>
#include <stdint.h>

#define CAL_LIVE_WAIT_MS 120

typedef struct cal_live cal_live;

cal_live *cal_live_new(uint32_t rate_hz); /* returns owned, one reference */
uint32_t cal_live_rate_hz(const cal_live *live);

void cal_live_write(cal_live *live, const int16_t *samples, size_t count);
/* Adds the next samples to the frame, saturating; how many there were (0: the writer is silent, or muted). */
size_t cal_live_mix(cal_live *live, int16_t *frame, size_t count);

void cal_live_mute(cal_live *live, int is_muted); /* while muted what is written is dropped */
void cal_live_close(cal_live *live);              /* each side lets go of it when it next looks */
int cal_live_is_closed(const cal_live *live);

uint32_t cal_live_waiting(const cal_live *live); /* samples written and not read; any thread, a snapshot */
uint64_t cal_live_skipped(const cal_live *live); /* samples that nobody heard, because they were too many */

#endif
