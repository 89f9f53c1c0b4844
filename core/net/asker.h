/* asker: whether the sender of a request still waits for its answer. The connection that has the request says so, and
 * who is to work on it asks before beginning: other threads cannot see connections.
 *
 *   WAITS ──► SENDS_NO_MORE ──► LEFT      never back
 *
 * Closing a connection and saying "I send no more, but read" look the same at first; only an answer shows which it was.
 * LEFT is certain: the connection broke, or the request has its answer already (a time-out's, too).
 *
 * Reference counted (mem.h). Any thread. */
#ifndef CAL_NET_ASKER_H
#define CAL_NET_ASKER_H

typedef struct cal_asker cal_asker;
typedef enum cal_asker_state {
  CAL_ASKER_WAITS,
  CAL_ASKER_SENDS_NO_MORE,
  CAL_ASKER_LEFT,
} cal_asker_state;

cal_asker *cal_asker_new(void);                              /* returns owned; it waits */
void cal_asker_set(cal_asker *asker, cal_asker_state state); /* NULL is fine */
cal_asker_state cal_asker_state_of(const cal_asker *asker);  /* NULL: waits */
cal_asker *
cal_asker_leave(cal_asker *asker); /* it has left; takes the reference; NULL is fine; returns NULL */

#endif
