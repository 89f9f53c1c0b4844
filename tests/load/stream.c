#include "load/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

load_tls *load_tls_new(void) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  if (!context) abort();
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return (load_tls *)context;
}

int load_stream_open(load_stream *stream, const struct sockaddr_in *address, load_tls *tls) {
  int on = 1;
  *stream = (load_stream){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (stream->fd < 0) return -errno;
  setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(stream->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  if (connect(stream->fd, (const struct sockaddr *)address, sizeof *address) && errno != EINPROGRESS)
    return -errno;
  if (!tls) return 0;
  stream->session = SSL_new((SSL_CTX *)tls);
  if (!stream->session) abort();
  SSL_set_fd(stream->session, stream->fd);
  SSL_set_connect_state(stream->session);
  return 0;
}

void load_stream_close(load_stream *stream) {
  SSL_free(stream->session);
  if (stream->fd >= 0) close(stream->fd);
  *stream = (load_stream){.fd = -1};
}

/* What TLS asks for as errno: EAGAIN where it waits for the peer. */
static int tls_errno(SSL *session, int code) {
  int why = SSL_get_error(session, code);
  ERR_clear_error();
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return EAGAIN;
  return why == SSL_ERROR_SYSCALL && errno ? errno : EPROTO;
}

int load_stream_establish(load_stream *stream, uint32_t *events) {
  int code = 0;
  socklen_t bytes = sizeof code;
  getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &code, &bytes);
  if (code) return -code;
  if (!stream->session) return 1;
  int done = SSL_do_handshake(stream->session);
  if (done == 1) return 1;
  *events = SSL_want_write(stream->session) ? EPOLLOUT : EPOLLIN;
  code = tls_errno(stream->session, done);
  return code == EAGAIN ? 0 : -code;
}

int load_stream_send(load_stream *stream, const void *data, size_t bytes) {
  ssize_t sent;
  if (stream->session) {
    sent = SSL_write(stream->session, data, (int)bytes);
    if (sent <= 0) errno = tls_errno(stream->session, (int)sent);
  } else {
    sent = send(stream->fd, data, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  if (sent >= 0 && sent != (ssize_t)bytes) errno = EAGAIN;
  return sent == (ssize_t)bytes ? 0 : -1;
}

/* All that is there: epoll does not tell of what lies decrypted already. */
static ssize_t receive_tls(SSL *session, char *into, size_t room) {
  size_t bytes = 0;
  while (bytes < room) {
    int got = SSL_read(session, into + bytes, (int)(room - bytes));
    if (got > 0) {
      bytes += (size_t)got;
      continue;
    }
    if (bytes) break;
    if (SSL_get_error(session, got) == SSL_ERROR_ZERO_RETURN) return 0;
    errno = tls_errno(session, got);
    return -1;
  }
  return (ssize_t)bytes;
}

static uint64_t stamp_of(struct msghdr *message) {
  for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SO_TIMESTAMPNS) continue;
    struct timespec stamp;
    memcpy(&stamp, CMSG_DATA(at), sizeof stamp);
    return (uint64_t)stamp.tv_sec * 1000000000u + (uint64_t)stamp.tv_nsec;
  }
  return 0;
}

ssize_t load_stream_receive(load_stream *stream, void *into, size_t room, uint64_t *arrived_ns) {
  char control[128];
  struct iovec place = {into, room};
  struct msghdr message = {
      .msg_iov = &place, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  *arrived_ns = 0;
  if (stream->session) return receive_tls(stream->session, into, room);
  ssize_t got = recvmsg(stream->fd, &message, MSG_DONTWAIT);
  if (got > 0) *arrived_ns = stamp_of(&message);
  return got;
}
