/* address: numeric addresses, and which of them scripts must not reach. Pure; any thread. */
#ifndef CAL_NET_ADDRESS_H
#define CAL_NET_ADDRESS_H

#include <sys/socket.h>

/* Loopback, private, link-local (the metadata services of clouds among them), shared, multicast, reserved and
 * unspecified addresses, of both families, also when an IPv4 address hides in an IPv6 one (mapped, 6to4,
 * NAT64). RFC 6890. */
int cal_address_is_private(const struct sockaddr *address);
int cal_address_is_private_text(const char *numeric); /* what is not an address counts as private */

int cal_address_is_loopback_text(const char *numeric); /* also when it hides in an IPv6 one (mapped) */

int cal_address_parse(struct sockaddr_storage *result, const char *numeric, int port); /* -EINVAL */
void cal_address_text(const struct sockaddr *address, char *text, size_t room); /* "" for other families */

#endif
