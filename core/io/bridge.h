/* bridge: the legs of two calls joined, so that their parties hear each other; also one way, for a supervisor
 * who listens, or whispers to one of two.
 *
 *   leg of a ──tap──► cal_live, at b's rate ──► mixed into all that b is sent
 *            ◄────────── cal_live, at a's rate ──tap── leg of b
 *
 * What one says is on its way in the tick in which it arrives, whatever the scripts do; the legs may live on
 * different io threads. Each is recorded apart, with what it said on the left and what it heard on the right;
 * utterances and background go on beside it, and may be interrupted as always. A call whose leg has not come
 * yet is joined when it does. The bridge ends by itself with either leg; who has it must still leave it.
 *
 * Any thread, one at a time for each bridge. */
#ifndef CAL_IO_BRIDGE_H
#define CAL_IO_BRIDGE_H

#include "io/party.h"

typedef struct cal_bridge cal_bridge;

enum { CAL_BRIDGE_A_HEARS = 1, CAL_BRIDGE_B_HEARS = 2, CAL_BRIDGE_BOTH = 3 };

/* Borrows the calls for the length of it; returns owned. -EINVAL: no way at all, or a call with itself;
 * -EPIPE, -ENOBUFS as cal_party_command, and then nothing is joined. */
int cal_bridge_join(cal_bridge **result, cal_party *a, cal_party *b, int ways);
/* Nobody hears anybody until it is taken back; what was said meanwhile is lost. Music is the background. */
void cal_bridge_hold(cal_bridge *bridge, int is_held);
cal_bridge *cal_bridge_leave(cal_bridge *bridge); /* takes; returns NULL */

#endif
