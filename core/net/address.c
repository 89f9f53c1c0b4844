#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <uv.h>

#include "base/error.h"

static const struct {
  uint32_t net;
  int bits;
} private_v4[] = {
    {0x00000000, 8},  /* this network */
    {0x0a000000, 8},  /* private */
    {0x64400000, 10}, /* shared by carriers */
    {0x7f000000, 8},  /* loopback */
    {0xa9fe0000, 16}, /* link-local: 169.254.169.254 is where clouds keep credentials */
    {0xac100000, 12}, /* private */
    {0xc0000000, 24}, /* protocol assignments */
    {0xc0a80000, 16}, /* private */
    {0xc6120000, 15}, /* benchmarks */
    {0xe0000000, 4},  /* multicast */
    {0xf0000000, 4},  /* reserved, broadcast */
};

static int is_private_v4(uint32_t address) {
  for (size_t i = 0; i < sizeof private_v4 / sizeof private_v4[0]; i++)
    if ((address ^ private_v4[i].net) >> (32 - private_v4[i].bits) == 0) return 1;
  return 0;
}

static uint32_t v4_at(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int is_private_v6(const uint8_t *a) {
  static const uint8_t zeros[12] = {0};
  static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
  if (!memcmp(a, zeros, 12)) return 1; /* unspecified, loopback, and the old way of writing IPv4 */
  if (!memcmp(a, zeros, 10) && a[10] == 0xff && a[11] == 0xff) return is_private_v4(v4_at(a + 12));
  if (!memcmp(a, nat64, 12)) return is_private_v4(v4_at(a + 12));
  if (a[0] == 0x20 && a[1] == 0x02) return is_private_v4(v4_at(a + 2)); /* 6to4 */
  if ((a[0] & 0xfe) == 0xfc) return 1;                                  /* unique local */
  if (a[0] == 0xfe && (a[1] & 0x80)) return 1;                          /* link-local, site-local */
  return a[0] == 0xff || (a[0] & 0xe0) != 0x20;                         /* multicast; not global unicast */
}

int cal_address_is_private(const struct sockaddr *address) {
  if (address->sa_family == AF_INET)
    return is_private_v4(ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
  if (address->sa_family == AF_INET6)
    return is_private_v6(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
  return 1;
}

int cal_address_parse(struct sockaddr_storage *result, const char *numeric, int port) {
  memset(result, 0, sizeof *result);
  if (!uv_ip4_addr(numeric, port, (struct sockaddr_in *)(void *)result)) return 0;
  if (!uv_ip6_addr(numeric, port, (struct sockaddr_in6 *)(void *)result)) return 0;
  return cal_fail(-EINVAL, "%s is not a numeric address", numeric);
}

int cal_address_is_private_text(const char *numeric) {
  struct sockaddr_storage address;
  if (cal_address_parse(&address, numeric, 0)) return 1;
  return cal_address_is_private((const struct sockaddr *)&address);
}

int cal_address_is_loopback_text(const char *numeric) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  struct sockaddr_storage address;
  if (cal_address_parse(&address, numeric, 0)) return 0;
  if (address.ss_family == AF_INET)
    return ntohl(((struct sockaddr_in *)(void *)&address)->sin_addr.s_addr) >> 24 == 127;
  const struct in6_addr *v6 = &((struct sockaddr_in6 *)(void *)&address)->sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(v6) || (!memcmp(v6->s6_addr, mapped, 12) && v6->s6_addr[12] == 127);
}

void cal_address_text(const struct sockaddr *address, char *text, size_t room) {
  text[0] = 0;
  if (address->sa_family == AF_INET)
    uv_ip4_name((const struct sockaddr_in *)(const void *)address, text, room);
  if (address->sa_family == AF_INET6)
    uv_ip6_name((const struct sockaddr_in6 *)(const void *)address, text, room);
}
