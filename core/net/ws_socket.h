/* ws_socket: the transport of a WebSocket that we opened: a connection of libwebsockets. Inside this module
 * only. */
#ifndef CAL_NET_WS_SOCKET_H
#define CAL_NET_WS_SOCKET_H

#include "net/net_private.h"
#include "net/ws_private.h"

struct cal_ws_attempt;

typedef struct cal_ws_socket {
  cal_ws base;
  cal_net *net;
  struct lws *wsi;
  struct cal_ws_attempt *attempt; /* while it is connecting */
  uint64_t proven_ms;             /* when the peer last proved that it lives, by the loop's clock */
} cal_ws_socket;

cal_ws_socket *cal_ws_socket_new(cal_net *net, const cal_ws_handlers *handlers);
/* What lws's callback returns. */
int cal_ws_socket_event(cal_ws_socket *ws, struct lws *wsi, enum lws_callback_reasons reason, void *in,
                        size_t bytes);
void cal_ws_attempt_free(struct cal_ws_attempt *attempt); /* takes; NULL is fine */

#endif
