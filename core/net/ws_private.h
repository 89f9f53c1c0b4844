/* ws_private: a WebSocket above its transport. ws.c owns queue, assembly and the way to the end; a transport
 * moves bytes.
 *
 *   CONNECTING ──► OPEN ──► CLOSING ──► (on_close) gone
 *        └────────────────────┘
 *
 * CLOSING lasts from the wish to close (ours or the peer's) to the transport's word that it is over. */
#ifndef CAL_NET_WS_PRIVATE_H
#define CAL_NET_WS_PRIVATE_H

#include "base/list.h"
#include "net/ws.h"

typedef enum cal_ws_state { CAL_WS_CONNECTING, CAL_WS_OPEN, CAL_WS_CLOSING, CAL_WS_CLOSED } cal_ws_state;

typedef struct cal_ws_transport {
  /* 0; -EAGAIN: later, when writable (call cal_ws_flush then); anything else: the connection is dead. */
  int (*write)(cal_ws *ws, char *payload, size_t bytes, int is_binary);
  void (*want_write)(cal_ws *ws);
  int (*is_busy)(cal_ws *ws); /* something of ours is still below */
  void (*close)(cal_ws *ws, int code, const char *reason,
                size_t bytes); /* politely; cal_ws_finish follows, later */
  void (*pause)(cal_ws *ws, int is_paused);
  void (*release)(cal_ws *ws); /* drops the connection at once; no event of it reaches `ws` any more */
} cal_ws_transport;

struct cal_ws {
  const cal_ws_transport *transport;
  cal_loop *loop;
  cal_ws_handlers handlers;
  cal_list node; /* in the net's sockets; unused in a pair */
  cal_ws_state state;

  cal_list queue;
  uint32_t audio_waiting, waiting;
  size_t control_bytes;
  uint64_t dropped;

  cal_buf message; /* being assembled */

  int code; /* of the close frame, ours or the peer's */
  char reason[124];
  int close_asked, close_sent, close_seen; /* by us, on the wire, from the peer */
  int error, status;
  uint64_t give_up_ns;
  cal_timer timer;
};

void cal_ws_init(cal_ws *ws, const cal_ws_transport *transport, cal_loop *loop,
                 const cal_ws_handlers *handlers, size_t message_ceiling_bytes);

/* From the transport, never while one of its functions is running for a caller. */
void cal_ws_opened(cal_ws *ws);
void cal_ws_received(cal_ws *ws, char *data, size_t bytes, int is_first, int is_last, int is_binary);
void cal_ws_flush(cal_ws *ws);
void cal_ws_peer_closes(cal_ws *ws, int code, const char *reason, size_t bytes);
void cal_ws_reject(cal_ws *ws, int code,
                   const char *why); /* it broke the rules, or a ceiling; counted, closed */
void cal_ws_fail(cal_ws *ws, int error, const char *text); /* remembers why; cal_ws_finish follows */
void cal_ws_finish(cal_ws *ws);                            /* takes: on_close, then the memory goes */

/* For a net that is going away. */
void cal_ws_say_goodbye(cal_ws *ws);
void cal_ws_kill(cal_ws *ws, int code); /* takes */

#endif
