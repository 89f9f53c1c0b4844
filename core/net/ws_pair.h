/* ws_pair: the halves of a WebSocket in memory, one by one, for a network in memory (loopback.h): there a
 * half is made when somebody starts to connect and finds its other half a latency later, or never. Inside
 * this module only. */
#ifndef CAL_NET_WS_PAIR_H
#define CAL_NET_WS_PAIR_H

#include "net/ws_private.h"

/* What is under way between halves, with one timer for all of it. */
typedef struct cal_ws_line cal_ws_line;

cal_ws_line *cal_ws_line_new(cal_loop *loop); /* returns owned; borrows the loop */
cal_ws_line *
cal_ws_line_release(cal_ws_line *line); /* takes; goes with its last half; NULL is fine; returns NULL */

typedef struct cal_ws_half_options {
  uint32_t latency_ms;                                     /* of what comes to it */
  size_t window_bytes, piece_bytes, message_ceiling_bytes; /* as in cal_ws_pair_options */
  cal_ws_handlers handlers;
  void *owner;
  void (*on_gone)(void *owner, cal_ws *half); /* once, before its on_close; may be NULL */
} cal_ws_half_options;

cal_ws *cal_ws_half_new(cal_ws_line *line,
                        const cal_ws_half_options *options); /* connecting, without a peer */
/* Opens the second as soon as the loop turns, the first after its latency. */
void cal_ws_half_join(cal_ws *client, cal_ws *accepted);

#endif
