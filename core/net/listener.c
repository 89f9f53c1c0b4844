/* The socket that accepts. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/server_private.h"
#include "net/sockets.h"
#include "net/tls.h"

#define ACCEPT_AT_ONCE 64 /* then others of this loop have their turn */
#define BACKLOG 1024
#define REST_MS 100 /* when the process has no descriptor left, asking again at once would only burn time */

struct cal_listener {
  cal_server *server;
  int fd;
  uv_poll_t poll;
  cal_timer rest;
  int is_short; /* of descriptors, and it was said */
};

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_rested(cal_timer *timer) {
  cal_listener *listener = cal_list_entry(timer, cal_listener, rest);
  uv_poll_start(&listener->poll, UV_READABLE, on_readable);
}

static void rest(cal_listener *listener) {
  if (!listener->is_short)
    cal_log(CAL_LOG_WARN, "net", NULL, "cannot accept connections: %s; trying again until it goes",
            cal_error_name(errno));
  listener->is_short = 1;
  uv_poll_stop(&listener->poll);
  cal_net *net = listener->server->net;
  cal_timer_start(net->loop, &listener->rest, cal_net_after(net, REST_MS), on_rested);
}

static void on_readable(uv_poll_t *poll, int status, int events) {
  cal_listener *listener = poll->data;
  for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    int fd = accept4(listener->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
      return rest(listener);
    if (fd < 0) return;
    listener->is_short = 0;
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* without it a TLS connection costs 40 ms */
    cal_conn_take(listener->server, fd, (const struct sockaddr *)&peer);
  }
}

static int refused(int fd, int error, int port) {
  if (fd >= 0) close(fd);
  if (error == EADDRINUSE)
    return cal_fail(-EADDRINUSE, "port %d is in use by another program: choose another with --port", port);
  if (error == EACCES)
    return cal_fail(-EACCES, "port %d needs privileges: choose one above 1023 with --port", port);
  if (error == EADDRNOTAVAIL)
    return cal_fail(-EADDRNOTAVAIL, "this machine does not have the address to listen on");
  return cal_fail(-error, "cannot listen on port %d: %s", port, cal_error_name(error));
}

static int open_socket(const cal_server_options *options, int *result) {
  struct sockaddr_storage address;
  int yes = 1, no = 0;
  int code = cal_address_parse(&address, options->host ? options->host : "0.0.0.0", options->port);
  if (code) return code;
  int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return refused(fd, errno, options->port);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (options->reuse_port) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
  if (address.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  socklen_t size = address.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, BACKLOG))
    return refused(fd, errno, options->port);
  *result = fd;
  return 0;
}

static int port_of(int fd) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &size)) return 0;
  if (address.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)(void *)&address)->sin6_port);
  return ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
}

static int open_listener(cal_server *server) {
  int fd = -1;
  int code = open_socket(&server->options, &fd);
  if (code) return code;
  cal_listener *listener = cal_alloc(sizeof *listener);
  listener->server = server;
  listener->fd = fd;
  listener->poll.data = listener;
  uv_poll_init_socket(cal_loop_uv(server->net->loop), &listener->poll, fd);
  uv_poll_start(&listener->poll, UV_READABLE, on_readable);
  server->port = port_of(fd);
  server->listener = listener;
  return 0;
}

int cal_sockets_listen(cal_server *server) {
  const cal_server_options *options = &server->options;
  int code = options->cert_file ? cal_tls_open(&server->tls, options->cert_file, options->key_file) : 0;
  return code ? code : open_listener(server);
}

static void on_closed(uv_handle_t *handle) { cal_free(handle->data); }

void cal_sockets_stop_listening(cal_server *server) {
  cal_listener *listener = server->listener;
  if (!listener) return;
  server->listener = NULL;
  cal_timer_stop(server->net->loop, &listener->rest);
  uv_poll_stop(&listener->poll);
  close(listener->fd);
  uv_close((uv_handle_t *)&listener->poll, on_closed);
}
