/* sockets: the driver of real nets, each function where its matter is.
 *
 *   sockets.c       what a net opens: libwebsockets, libcurl, room to read into
 *   http.c          requests of ours
 *   listener.c      a server listens; server_conn.c, server_http.c, server_pieces.c: its connections
 *   ws_connect.c    WebSockets of ours */
#ifndef CAL_NET_SOCKETS_H
#define CAL_NET_SOCKETS_H

#include "net/net_private.h"

int cal_sockets_fetch(cal_id *result, cal_net *net, const char *method,
                      const cal_http_fetch_options *options);
int cal_sockets_cancel(cal_net *net, cal_id fetch);
int cal_sockets_resume(cal_net *net, cal_id fetch);
int cal_sockets_listen(cal_server *server);
void cal_sockets_stop_listening(cal_server *server);
void cal_sockets_cut(cal_server *server);
int cal_sockets_reply(cal_server *server, cal_id request, const cal_http_answer *answer);
int cal_sockets_piece(cal_server *server, cal_id request, cal_span piece, cal_piece_end end);
int cal_sockets_connect(cal_ws **result, cal_net *net, const cal_ws_connect_options *options,
                        cal_ws_target *target);

#endif
