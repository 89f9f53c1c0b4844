/* forwarding: what a request says of the way it came. A service that trusts programs on this machine must know that a
 * proxy on this machine brings the requests of everybody else. Pure; any thread. */
#ifndef CAL_NET_FORWARDING_H
#define CAL_NET_FORWARDING_H

#include "net/message.h"

/* Header fields that proxies add, lower case, NULL at the end. One that ends with `*` stands for all that begin so. A
 * server has to be asked for them (cal_server_options). */
extern const char *const cal_forwarding_fields[];

/* A program on this machine sent it, and no proxy: the peer is a loopback address, and none of these fields is there, not
 * even an empty one. */
int cal_forwarding_is_direct(const cal_http_message *message);

#endif
