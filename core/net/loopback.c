#include "net/loopback.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/loopback_private.h"

#define ASKED_CEILING 65536 /* requests doubles have not answered */

/* ---- names */

char *cal_loopback_host_name(const char *host, size_t bytes) {
  static const char *const local[] = {"", "0.0.0.0", "127.0.0.1", "::", "::1"};
  if (bytes >= 2 && host[0] == '[' && host[bytes - 1] == ']') {
    host++;
    bytes -= 2;
  }
  for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
    if (strlen(local[i]) == bytes && !strncmp(local[i], host, bytes)) return cal_strdup(CAL_LOOPBACK_LOCAL);
  char *name = cal_strndup(host, bytes);
  for (char *at = name; *at; at++)
    if (*at >= 'A' && *at <= 'Z') *at += 'a' - 'A';
  return name;
}

static int read_port(const char *text) {
  int port = 0;
  if (!*text || strlen(text) > 5) return -1;
  for (; *text; text++) {
    if (*text < '0' || *text > '9') return -1;
    port = port * 10 + (*text - '0');
  }
  return port > 65535 ? -1 : port;
}

/* "name", "name:port", "[::1]:port", "::1" */
int cal_loopback_split(char **host, int *port, const char *authority) {
  const char *colon = strrchr(authority, ':'), *bracket = strrchr(authority, ']');
  int is_bare_v6 = colon && !bracket && strchr(authority, ':') != colon;
  if (is_bare_v6 || (bracket && colon && colon < bracket)) colon = NULL;
  int said = colon ? read_port(colon + 1) : 0;
  size_t bytes = colon ? (size_t)(colon - authority) : strlen(authority);
  if (!bytes || said < 0 || strcspn(authority, "/ @?#\r\n\t") != strlen(authority))
    return cal_fail(-EINVAL,
                    "a host is named like api.example.com or api.example.com:8443, not like \"%.100s\"",
                    authority);
  *host = cal_loopback_host_name(authority, bytes);
  *port = said;
  return 0;
}

static cal_loopback_name *find(cal_loopback *loopback, const char *host, int port) {
  cal_list_each(&loopback->names, node) {
    cal_loopback_name *name = cal_list_entry(node, cal_loopback_name, node);
    if (name->port == port && !strcmp(name->host, host)) return name;
  }
  return NULL;
}

cal_loopback_name *cal_loopback_name_of(cal_loopback *loopback, const char *host, int port) {
  cal_loopback_name *name = find(loopback, host, port);
  if (name) return name;
  name = cal_alloc(sizeof *name);
  name->host = cal_strdup(host);
  name->port = port;
  cal_list_append(&loopback->names, &name->node);
  return name;
}

static int is_live(const cal_loopback_name *name) { return name && (name->server || name->is_double); }

cal_loopback_name *cal_loopback_listener(cal_loopback *loopback, const char *host, int port) {
  cal_loopback_name *name = find(loopback, host, port);
  if (!is_live(name)) name = find(loopback, host, 0);
  return is_live(name) ? name : NULL;
}

int cal_loopback_missing(cal_loopback *loopback, const char *host) {
  if (!strcmp(host, CAL_LOOPBACK_LOCAL)) return -ECONNREFUSED;
  cal_list_each(&loopback->names, node) {
    cal_loopback_name *name = cal_list_entry(node, cal_loopback_name, node);
    if ((name->exists || is_live(name)) && !strcmp(name->host, host)) return -ECONNREFUSED;
  }
  return -ENOENT;
}

const cal_loopback_fault *cal_loopback_fault_of(cal_loopback *loopback, const char *host, int port) {
  static const cal_loopback_fault none = {0}; /* it has no padding: 32 bits each */
  cal_loopback_name *name = find(loopback, host, port);
  if (!name || !name->has_fault) name = find(loopback, host, 0);
  return name && name->has_fault ? &name->fault : &none;
}

int cal_loopback_is_private(const char *host) {
  struct sockaddr_storage address;
  size_t bytes = strlen(host), suffix = strlen("." CAL_LOOPBACK_LOCAL);
  if (!strcmp(host, CAL_LOOPBACK_LOCAL)) return 1;
  if (bytes > suffix && !strcmp(host + bytes - suffix, "." CAL_LOOPBACK_LOCAL)) return 1;
  return !cal_address_parse(&address, host, 0) && cal_address_is_private((const struct sockaddr *)&address);
}

uint32_t cal_loopback_latency_ms(cal_loopback *loopback, const char *host, int port) {
  uint32_t latency_ms = cal_loopback_fault_of(loopback, host, port)->latency_ms;
  return latency_ms ? latency_ms : 1;
}

/* ---- doubles */

int cal_loopback_host(cal_loopback *loopback, const char *authority, const cal_loopback_double *host) {
  char *known = NULL;
  int port = 0;
  int code = cal_loopback_split(&known, &port, authority);
  if (code) return code;
  cal_loopback_name *name = cal_loopback_name_of(loopback, known, port);
  cal_free(known);
  if (name->server) return cal_fail(-EEXIST, "%s is one of our own servers", authority);
  name->is_double = host != NULL;
  name->handlers = host ? *host : (cal_loopback_double){0};
  return 0;
}

void cal_loopback_answer(cal_loopback *loopback, cal_id request, const cal_http_answer *answer) {
  cal_trip *trip = cal_slots_get(loopback->asked, request);
  if (trip) cal_trip_answer(trip, answer);
}

int cal_loopback_piece(cal_loopback *loopback, cal_id request, cal_span piece, cal_piece_end end) {
  return cal_trip_piece(cal_slots_get(loopback->asked, request), piece, end);
}

/* ---- faults */

static void cut_trips(cal_loopback *loopback) {
  cal_list_each_safe(&loopback->trips, node, after) {
    cal_trip *trip = cal_list_entry(node, cal_trip, node);
    if (trip->asked && cal_loopback_fault_of(loopback, trip->sent->host, trip->sent->port)->is_cut)
      cal_trip_break(trip);
  }
}

int cal_loopback_set_fault(cal_loopback *loopback, const char *authority, const cal_loopback_fault *fault) {
  static const cal_loopback_fault none = {0}; /* it has no padding: 32 bits each */
  char *host = NULL;
  int port = 0;
  if (fault->refuse > 0) return cal_fail(-EINVAL, "refuse is a negative errno, not %d", fault->refuse);
  int code = cal_loopback_split(&host, &port, authority);
  if (code) return code;
  cal_loopback_name *name = cal_loopback_name_of(loopback, host, port);
  cal_free(host);
  name->fault = *fault;
  name->has_fault = memcmp(fault, &none, sizeof none) != 0;
  if (!fault->is_cut) return 0;
  cut_trips(loopback);
  cal_loopback_cut_links(loopback);
  return 0;
}

/* ---- life */

void cal_loopback_watch(cal_loopback *loopback, cal_loopback_seen seen, void *context) {
  loopback->seen = seen;
  loopback->seen_context = context;
}

uint32_t cal_loopback_open(const cal_loopback *loopback) { return loopback->open; }

static int join(cal_net *net) {
  if (net->options.loopback->loop != net->loop)
    return cal_fail(-EINVAL, "a loopback serves the nets of its own loop");
  net->options.loopback->nets++;
  return 0;
}

static void flush(cal_net *net) {} /* the loop's clock moves what is said */

static void leave(cal_net *net) {
  cal_loopback_drop_trips(net);
  net->options.loopback->nets--;
}

const cal_net_driver cal_loopback_driver = {
    .open = join,
    .flush = flush,
    .close = leave,
    .fetch = cal_loopback_fetch,
    .cancel = cal_loopback_cancel,
    .resume = cal_loopback_resume,
    .listen = cal_loopback_listen,
    .stop_listening = cal_loopback_stop_listening,
    .cut = cal_loopback_cut_server,
    .reply = cal_loopback_reply,
    .piece = cal_loopback_piece_of,
    .connect = cal_loopback_connect,
};

cal_loopback *cal_loopback_new(cal_loop *loop) {
  cal_loopback *loopback = cal_alloc(sizeof *loopback);
  loopback->loop = loop;
  loopback->line = cal_ws_line_new(loop);
  loopback->asked = cal_slots_new(ASKED_CEILING, 0);
  cal_list_init(&loopback->names);
  cal_list_init(&loopback->trips);
  cal_list_init(&loopback->links);
  return loopback;
}

cal_loopback *cal_loopback_free(cal_loopback *loopback) {
  if (!loopback) return NULL;
  assert(!loopback->nets);
  loopback->seen = NULL;
  cal_loopback_end_links(loopback, NULL);
  cal_list_each_safe(&loopback->names, node, after) {
    cal_loopback_name *name = cal_list_entry(node, cal_loopback_name, node);
    cal_free(name->host);
    cal_free(name);
  }
  cal_slots_free(loopback->asked);
  cal_ws_line_release(loopback->line);
  return cal_free(loopback);
}
