/* A WebSocket echo server of nothing but libwebsockets: the yardstick for the engine's own sockets. It does
 * what the engine does (own accept, TCP_NODELAY, an answer written at once unless something still waits) and
 * nothing else.
 *
 *   echo_lws PORT          prints "ready PORT"; ends with SIGTERM or SIGINT and prints its CPU time as JSON.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libwebsockets.h>
#include <uv.h>

#define MESSAGE_CEILING 65536

typedef struct session {
  unsigned char *waiting; /* one message that could not leave; the client of this bench never makes it two */
  size_t bytes;
  int is_binary;
} session;

static uint64_t messages, lost;
static struct lws_context *context;
static struct lws_vhost *vhost;
static uv_poll_t listener;

static int send_now(struct lws *wsi, session *s, unsigned char *data, size_t bytes, int is_binary) {
  enum lws_write_protocol kind = is_binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
  if (!s->waiting && !lws_partial_buffered(wsi))
    return lws_write(wsi, data, bytes, kind) < (int)bytes ? -1 : 0;
  if (s->waiting) {
    lost++;
    return 0;
  }
  s->waiting = malloc(LWS_PRE + bytes);
  memcpy(s->waiting + LWS_PRE, data, bytes);
  s->bytes = bytes;
  s->is_binary = is_binary;
  lws_callback_on_writable(wsi);
  return 0;
}

static int drain(struct lws *wsi, session *s) {
  if (!s->waiting || lws_partial_buffered(wsi)) return 0;
  unsigned char *data = s->waiting;
  s->waiting = NULL;
  int code = send_now(wsi, s, data + LWS_PRE, s->bytes, s->is_binary);
  free(data);
  return code;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t bytes) {
  session *s = user;
  unsigned char room[LWS_PRE + 4096];
  switch (reason) {
  case LWS_CALLBACK_RECEIVE:
    messages += lws_is_final_fragment(wsi) ? 1 : 0;
    memcpy(room + LWS_PRE, in, bytes); /* frames of this bench are smaller than the receive buffer */
    return send_now(wsi, s, room + LWS_PRE, bytes, lws_frame_is_binary(wsi));
  case LWS_CALLBACK_SERVER_WRITEABLE:
    return drain(wsi, s);
  case LWS_CALLBACK_CLOSED:
    free(s->waiting);
    s->waiting = NULL;
    return 0;
  default:
    return 0;
  }
}

static void on_accept(uv_poll_t *poll, int status, int events) {
  int fd, yes = 1;
  uv_os_fd_t own;
  uv_fileno((uv_handle_t *)poll, &own);
  while ((fd = accept4(own, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    lws_adopt_socket_vhost(vhost, fd);
  }
}

static int listen_on(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 1024)) {
    perror("listen");
    exit(1);
  }
  return fd;
}

static void on_signal(uv_signal_t *handle, int number) { uv_stop(handle->loop); }

static void print_cpu(void) {
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  double user = (double)use.ru_utime.tv_sec + (double)use.ru_utime.tv_usec / 1e6;
  double sys = (double)use.ru_stime.tv_sec + (double)use.ru_stime.tv_usec / 1e6;
  printf("{\"messages\":%llu,\"lost\":%llu,\"user_s\":%.3f,\"system_s\":%.3f,\"us_per_message\":%.2f}\n",
         (unsigned long long)messages, (unsigned long long)lost, user, sys,
         messages ? (user + sys) * 1e6 / (double)messages : 0.0);
}

int main(int count, char **arguments) {
  static const struct lws_protocols protocols[] = {
      {"echo", on_event, sizeof(session), 4096, 0, NULL, MESSAGE_CEILING}, {NULL, NULL, 0, 0, 0, NULL, 0}};
  int port = count > 1 ? atoi(arguments[1]) : 9001;
  uv_loop_t *loop = uv_default_loop();
  void *loops[1] = {loop};
  struct lws_context_creation_info info = {0};
  info.foreign_loops = loops;
  info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
  info.gid = (gid_t)-1;
  info.uid = (uid_t)-1;
  info.protocols = protocols;
  info.pt_serv_buf_size = 16384;
  lws_set_log_level(LLL_ERR, NULL);
  context = lws_create_context(&info);
  vhost = context ? lws_create_vhost(context, &info) : NULL;
  if (!vhost || lws_finalize_startup(context)) return 1;
  uv_poll_init_socket(loop, &listener, listen_on(port));
  uv_poll_start(&listener, UV_READABLE, on_accept);
  uv_signal_t term, interrupt;
  uv_signal_init(loop, &term);
  uv_signal_init(loop, &interrupt);
  uv_signal_start(&term, on_signal, SIGTERM);
  uv_signal_start(&interrupt, on_signal, SIGINT);
  printf("ready %d\n", port);
  fflush(stdout);
  uv_run(loop, UV_RUN_DEFAULT);
  print_cpu();
  return 0;
}
