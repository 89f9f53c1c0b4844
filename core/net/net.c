#include "net/net.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/net_private.h"
#include "net/server_private.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* TLS writes with write(2), which knows no MSG_NOSIGNAL. */
static void start_libraries(void) {
  signal(SIGPIPE, SIG_IGN);
  curl_global_init(CURL_GLOBAL_DEFAULT);
}

#define OR_ELSE(field, value)                                                                                \
  if (!options->field) options->field = (value)

static void fill_defaults(cal_net_options *options) {
  OR_ELSE(ping_after_s, 20);
  OR_ELSE(dead_after_s, 45);
  OR_ELSE(handshake_timeout_ms, 10000);
  OR_ELSE(idle_timeout_ms, 15000);
  OR_ELSE(reply_timeout_ms, 15000);
  OR_ELSE(connection_ceiling, 20000);
  OR_ELSE(header_ceiling_bytes, 8 * 1024);
  OR_ELSE(body_ceiling_bytes, 1024 * 1024);
  OR_ELSE(message_ceiling_bytes, 256 * 1024);
  OR_ELSE(fetch_ceiling, 1024);
}

static int check(const cal_net_options *options) {
  if (options->ca_file && access(options->ca_file, R_OK))
    return cal_fail(-errno, "cannot read the authorities in %s", options->ca_file);
  if (options->header_ceiling_bytes > 60000) return cal_fail(-EINVAL, "headers have at most 60,000 bytes");
  if (options->dead_after_s <= options->ping_after_s || options->dead_after_s > 3600)
    return cal_fail(-EINVAL, "dead_after_s must be more than ping_after_s and at most 3,600");
  return 0;
}

int cal_net_new(cal_net **result, cal_loop *loop, const cal_net_options *options) {
  pthread_once(&once, start_libraries);
  cal_net_options filled = options ? *options : (cal_net_options){0};
  fill_defaults(&filled);
  int code = check(&filled);
  if (code) return code;
  cal_net *net = cal_alloc(sizeof *net);
  net->loop = loop;
  net->options = filled;
  cal_list_init(&net->servers);
  cal_list_init(&net->sockets);
  net->fetches = cal_slots_new(filled.fetch_ceiling, filled.tag);
  net->driver = filled.loopback ? &cal_loopback_driver : &cal_sockets_driver;
  code = net->driver->open(net);
  if (code) {
    cal_slots_free(net->fetches);
    cal_free(net);
    return code;
  }
  *result = net;
  return 0;
}

cal_loop *cal_net_loop(cal_net *net) { return net->loop; }

static void say_goodbye(cal_net *net) {
  if (cal_list_is_empty(&net->sockets)) return;
  cal_list_each_safe(&net->sockets, node, after) { cal_ws_say_goodbye(cal_list_entry(node, cal_ws, node)); }
  net->driver->flush(net);
}

void *cal_net_close(cal_net *net) {
  if (!net) return NULL;
  say_goodbye(net);
  while (!cal_list_is_empty(&net->servers))
    cal_server_free(cal_list_entry(net->servers.next, cal_server, node));
  while (!cal_list_is_empty(&net->sockets))
    cal_ws_kill(cal_list_entry(net->sockets.next, cal_ws, node), 1001);
  net->driver->close(net);
  cal_slots_free(net->fetches);
  return cal_free(net);
}
