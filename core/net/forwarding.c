#include "net/forwarding.h"

#include <string.h>

#include "net/address.h"

const char *const cal_forwarding_fields[] = {"forwarded",
                                             "via",
                                             "x-forwarded*",
                                             "x-original-forwarded-for",
                                             "x-original-host",
                                             "x-real-ip",
                                             "x-client-ip",
                                             "x-cluster-client-ip",
                                             "x-proxyuser-ip",
                                             "true-client-ip",
                                             "fastly-client-ip",
                                             "fly-client-ip",
                                             "x-azure-clientip",
                                             "x-envoy-external-address",
                                             "cf-*",
                                             "cdn-loop",
                                             NULL};

static int is_of_a_proxy(const char *name) {
  for (const char *const *field = cal_forwarding_fields; *field; field++) {
    size_t bytes = strlen(*field);
    int fits = (*field)[bytes - 1] == '*' ? !strncmp(name, *field, bytes - 1) : !strcmp(name, *field);
    if (fits) return 1;
  }
  return 0;
}

int cal_forwarding_is_direct(const cal_http_message *message) {
  if (!message->peer || !cal_address_is_loopback_text(message->peer)) return 0;
  for (size_t i = 0; i < message->header_count; i++)
    if (is_of_a_proxy(message->headers[i].name)) return 0;
  return 1;
}
