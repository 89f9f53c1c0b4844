/* ws_socket: the transport of a WebSocket on a real connection, server's or client's side. Inside this module
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
  struct cal_ws_socket **owner;   /* a server connection's pointer to us, cleared when we go */
  struct cal_ws_attempt *attempt; /* a client that is still connecting */
} cal_ws_socket;

cal_ws_socket *cal_ws_socket_new(cal_net *net, const cal_ws_handlers *handlers);
void cal_ws_socket_event(cal_ws_socket *ws, struct lws *wsi, enum lws_callback_reasons reason, void *in,
                         size_t bytes);
void cal_ws_attempt_free(struct cal_ws_attempt *attempt); /* takes; NULL is fine */

#endif
