#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/loopback_private.h"

static const char system_authorities[] = "/etc/ssl/certs/ca-certificates.crt";

#define DESCRIPTORS_TO_START 16 /* what a net opens for itself, and some */

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

static int check(const cal_net_options *options, cal_loop *loop) {
  if (options->ca_file && access(options->ca_file, R_OK))
    return cal_fail(-errno, "cannot read the authorities in %s", options->ca_file);
  if (options->header_ceiling_bytes > 60000) return cal_fail(-EINVAL, "headers have at most 60,000 bytes");
  if (options->loopback && options->loopback->loop != loop)
    return cal_fail(-EINVAL, "a loopback serves the nets of its own loop");
  if (options->dead_after_s <= options->ping_after_s || options->dead_after_s > 3600)
    return cal_fail(-EINVAL, "dead_after_s must be more than ping_after_s and at most 3,600");
  return 0;
}

/* When descriptors run out while libwebsockets starts, it takes its plugin away while the loop still calls into it. */
static int check_descriptors(void) {
  int fds[DESCRIPTORS_TO_START], count = 0;
  while (count < DESCRIPTORS_TO_START && (fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) count++;
  for (int i = 0; i < count; i++) close(fds[i]);
  return count == DESCRIPTORS_TO_START
             ? 0
             : cal_fail(-EMFILE,
                        "too few file descriptors are left to start with: raise the limit (ulimit -n)");
}

int cal_net_new(cal_net **result, cal_loop *loop, const cal_net_options *options) {
  pthread_once(&once, start_libraries);
  cal_net_options filled = options ? *options : (cal_net_options){0};
  fill_defaults(&filled);
  int code = check(&filled, loop);
  if (code) return code;
  cal_net *net = cal_alloc(sizeof *net);
  net->loop = loop;
  net->options = filled;
  cal_list_init(&net->servers);
  cal_list_init(&net->sockets);
  if (filled.loopback) {
    cal_loopback_join(net);
    *result = net;
    return 0;
  }
  if (filled.ca_file)
    net->ca_file = cal_strdup(filled.ca_file);
  else if (!access(system_authorities, R_OK))
    net->ca_file = cal_strdup(system_authorities);
  net->options.ca_file = net->ca_file;
  net->input = cal_alloc(CAL_NET_INPUT_BYTES);
  code = check_descriptors();
  if (!code) code = cal_lws_open(&net->client, net);
  if (!code) code = cal_multi_new(&net->multi, net);
  if (code) {
    cal_net_close(net);
    return code;
  }
  *result = net;
  return 0;
}

cal_loop *cal_net_loop(cal_net *net) { return net->loop; }

static void count_closing(uv_handle_t *handle, void *count) { *(int *)count += uv_is_closing(handle); }

static int closing_handles(cal_net *net) {
  int count = 0;
  uv_walk(cal_loop_uv(net->loop), count_closing, &count);
  return count;
}

/* Close frames are written when the loop next finds the sockets writable; a healthy one is at once. */
static void say_goodbye(cal_net *net) {
  if (cal_list_is_empty(&net->sockets)) return;
  cal_list_each_safe(&net->sockets, node, after) { cal_ws_say_goodbye(cal_list_entry(node, cal_ws, node)); }
  if (net->options.loopback) return;
  for (int turn = 0; turn < 4; turn++) uv_run(cal_loop_uv(net->loop), UV_RUN_NOWAIT);
}

void *cal_net_close(cal_net *net) {
  if (!net) return NULL;
  say_goodbye(net);
  while (!cal_list_is_empty(&net->servers))
    cal_server_free(cal_list_entry(net->servers.next, cal_server, node));
  while (!cal_list_is_empty(&net->sockets))
    cal_ws_kill(cal_list_entry(net->sockets.next, cal_ws, node), 1001);
  if (net->options.loopback) {
    cal_loopback_leave(net);
    return cal_free(net);
  }
  if (net->multi) net->multi = cal_multi_close(net->multi);
  if (net->client) cal_lws_close(net->client);
  net->client = NULL;
  while (net->lives || net->lookups || closing_handles(net))
    uv_run(cal_loop_uv(net->loop), net->lives ? UV_RUN_NOWAIT : UV_RUN_ONCE);
  cal_free(net->ca_file);
  cal_free(net->input);
  return cal_free(net);
}
