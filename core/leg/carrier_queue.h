/* carrier_queue: the carrier's play-out buffer, for the exchange.
 *
 * A carrier queues what an application sends and plays it in real time, in order; marks are passed when
 * everything before them was played; a clear empties the queue and passes all pending marks at once (Twilio's
 * "Media Streams - WebSocket messages"). Samples are taken a frame at a time by the leg's tick; a frame has
 * been played when the next one is taken. At most 10 minutes are held (Twilio's own limit); more is dropped
 * and counted. At most 1,024 marks wait; more are dropped. Memory grows in blocks and is given back as it is
 * played. One thread. */
#ifndef CAL_LEG_CARRIER_QUEUE_H
#define CAL_LEG_CARRIER_QUEUE_H

#include <stddef.h>
#include <stdint.h>

typedef struct cal_carrier_queue cal_carrier_queue;
typedef void (*cal_mark_passed)(void *context, const char *name, size_t bytes);

cal_carrier_queue *cal_carrier_queue_new(uint32_t rate_hz, cal_mark_passed on_mark,
                                         void *context); /* returns owned */
cal_carrier_queue *cal_carrier_queue_free(cal_carrier_queue *queue);
void cal_carrier_queue_audio(cal_carrier_queue *queue, const int16_t *samples, size_t count);
void cal_carrier_queue_mark(cal_carrier_queue *queue, const char *name,
                            size_t bytes); /* passed at once when all was played */
void cal_carrier_queue_clear(cal_carrier_queue *queue);
void cal_carrier_queue_drop_marks(cal_carrier_queue *queue); /* those that wait are never passed */
/* Fills the frame with queued samples, the rest with silence; how many were queued ones. Marks behind what
 * the pulls before this one took are passed. */
size_t cal_carrier_queue_pull(cal_carrier_queue *queue, int16_t *frame, size_t count);
uint64_t cal_carrier_queue_waiting(const cal_carrier_queue *queue); /* samples */
uint64_t cal_carrier_queue_dropped(const cal_carrier_queue *queue); /* samples */

#endif
