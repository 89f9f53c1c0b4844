/* The libwebsockets context of a net's outgoing WebSockets, from birth to grave.
 *
 * Going away takes turns of the loop: lws_context_destroy() only starts to close handles, and must be called
 * once more when the last close callback has run. An idle handle counts the turns.
 *
 * It also closes the context's eventfd twice, the second time a turn later, when that number may be somebody
 * else's. So in between the number is occupied by us. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/net_private.h"

#define SERVICE_BUFFER_BYTES 16384
#define RECEIVE_BUFFER_BYTES 4096 /* larger frames arrive in pieces; a media frame has some 400 bytes */
#define SEND_AT_ONCE_BYTES (256 * 1024)
#define TURNS_TO_CLOSE 8 /* sockets close in one, lws's own handles in the next; some to spare */

static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
static int tls_is_started;

static void take_log_line(int level, const char *line) {
  size_t bytes = strcspn(line, "\n");
  cal_log(CAL_LOG_DEBUG, "net", NULL, "lws(%d): %.*s", level, (int)bytes, line);
}

static void fill_info(struct lws_context_creation_info *info, cal_lws *lws) {
  const cal_net_options *limits = &lws->net->options;
  lws->protocols[0] = (struct lws_protocols){.name = "callisto",
                                             .callback = cal_ws_client_event,
                                             .rx_buffer_size = RECEIVE_BUFFER_BYTES,
                                             .tx_packet_size = SEND_AT_ONCE_BYTES};
  info->options =
      LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8;
  info->port = CONTEXT_PORT_NO_LISTEN;
  info->gid = (gid_t)-1;
  info->uid = (uid_t)-1;
  info->vhost_name = "callisto";
  info->protocols = lws->protocols;
  info->alpn = "http/1.1";
  info->retry_and_idle_policy = &lws->ping;
  info->http_proxy_address = ""; /* else lws obeys the environment */
  info->max_http_header_data = (unsigned short)limits->header_ceiling_bytes;
  info->pt_serv_buf_size = SERVICE_BUFFER_BYTES;
  info->pcontext = &lws->context;
  /* Ours are the deadlines that count; lws's are in whole seconds and stand behind them. */
  uint32_t longest_ms = limits->handshake_timeout_ms + limits->reply_timeout_ms + limits->idle_timeout_ms;
  info->timeout_secs = longest_ms / 1000 + 60;
  info->keepalive_timeout = (int)(longest_ms / 1000 + 60);
}

static int make_vhost(cal_lws *lws, struct lws_context_creation_info *info) {
  info->options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  info->client_ssl_ca_filepath = lws->net->ca_file;
  lws->vhost = lws_create_vhost(lws->context, info);
  if (!lws->vhost || lws_finalize_startup(lws->context))
    return cal_fail(-EINVAL, "the network library could not be set up for outgoing connections");
  return 0;
}

/* With the lock held: OpenSSL's start-up and lws's global indices do not take two at a time. */
static int make_context(cal_lws *lws) {
  void *loops[1] = {cal_loop_uv(lws->net->loop)};
  struct lws_context_creation_info info = {0};
  fill_info(&info, lws);
  info.foreign_loops = loops;
  if (!tls_is_started) {
    /* Once a process: lws registers new indices each time, and connections made before would not find their
     * own data. */
    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    lws_set_log_level(LLL_ERR | LLL_WARN, take_log_line);
  }
  lws->context = lws_create_context(&info);
  if (!lws->context)
    return cal_fail(-ENOSYS, "libwebsockets does not start: is libwebsockets-evlib-uv installed?");
  tls_is_started = 1;
  return make_vhost(lws, &info);
}

int cal_lws_open(cal_lws **result, cal_net *net) {
  cal_lws *lws = cal_alloc(sizeof *lws);
  lws->net = net;
  lws->ping.secs_since_valid_ping = (uint16_t)net->options.ping_after_s;
  lws->ping.secs_since_valid_hangup = (uint16_t)net->options.dead_after_s;
  pthread_mutex_lock(&making);
  int code = make_context(lws);
  pthread_mutex_unlock(&making);
  if (code && !lws->context) {
    cal_free(lws);
    return code;
  }
  net->lives++;
  if (code) {
    cal_lws_close(lws);
    return code;
  }
  *result = lws;
  return 0;
}

static void on_reaper_closed(uv_handle_t *handle) {
  cal_lws *lws = handle->data;
  lws->net->lives--;
  cal_free(lws);
}

typedef struct eventfds {
  int fds[64];
  int count;
} eventfds;

static void add_eventfd(uv_handle_t *handle, void *context) {
  eventfds *found = context;
  uv_os_fd_t fd;
  char link[64], target[64] = "";
  if (uv_handle_get_type(handle) != UV_POLL || uv_fileno(handle, &fd) || found->count == 64) return;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if (readlink(link, target, sizeof target - 1) < 0 || strcmp(target, "anon_inode:[eventfd]")) return;
  found->fds[found->count++] = fd;
}

/* Whatever lws closed just now it will close again: it gets something of ours to close. */
static void occupy(const eventfds *known) {
  int plug = open("/dev/null", O_RDONLY | O_CLOEXEC);
  for (int i = 0; i < known->count; i++) {
    if (plug == known->fds[i]) plug = fcntl(plug, F_DUPFD_CLOEXEC, 0);
    if (fcntl(known->fds[i], F_GETFD) >= 0) continue;
    int fd = fcntl(plug, F_DUPFD_CLOEXEC, known->fds[i]);
    if (fd != known->fds[i]) close(fd);
  }
  close(plug);
}

static void begin_to_die(cal_lws *lws) {
  eventfds known = {.count = 0};
  uv_walk(cal_loop_uv(lws->net->loop), add_eventfd, &known);
  lws_context_destroy(lws->context);
  occupy(&known);
}

static void on_turn(uv_idle_t *handle) {
  cal_lws *lws = handle->data;
  if (lws->turns++ == 0) return begin_to_die(lws);
  if (lws->turns < TURNS_TO_CLOSE) return;
  if (lws->context) lws_context_destroy(lws->context);
  uv_idle_stop(handle);
  uv_close((uv_handle_t *)handle, on_reaper_closed);
}

void cal_lws_close(cal_lws *lws) {
  uv_idle_init(cal_loop_uv(lws->net->loop), &lws->reaper);
  lws->reaper.data = lws;
  uv_idle_start(&lws->reaper, on_turn);
}
