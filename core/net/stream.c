#include "net/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/mem.h"

#define OUTPUT_CEILING (20 * 1024 * 1024) /* more than the largest answer */
#define KEEP_BYTES 4096                   /* a larger output buffer is given back when it is empty */
#define RECORDS_AT_ONCE 8                 /* of TLS; then others of this loop have their turn */

static void on_poll(uv_poll_t *poll, int status, int events);

/* The poll is touched only when what it should watch for changes: each change costs system calls. */
static void watch(cal_stream *s) {
  int reads = s->reads && !s->has_ended;
  int events = (reads ? UV_READABLE : 0) | (cal_stream_is_busy(s) || s->tls_wants_write ? UV_WRITABLE : 0);
  if (s->fd < 0 || events == s->events) return;
  s->events = (uint8_t)events;
  if (events)
    uv_poll_start(&s->poll, events, on_poll);
  else
    uv_poll_stop(&s->poll);
}

int cal_stream_open(cal_stream *s, cal_net *net, int fd, SSL_CTX *context,
                    const cal_stream_handlers *handlers) {
  int code = uv_poll_init_socket(cal_loop_uv(net->loop), &s->poll, fd);
  if (code) {
    close(fd);
    return code;
  }
  s->net = net;
  s->handlers = handlers;
  s->fd = fd;
  s->reads = 1;
  cal_buf_init(&s->output, OUTPUT_CEILING);
  if (context) {
    s->ssl = SSL_new(context);
    SSL_set_fd(s->ssl, fd);
    SSL_set_accept_state(s->ssl);
  }
  watch(s);
  return 0;
}

int cal_stream_is_secure(const cal_stream *s) { return s->ssl && SSL_is_init_finished(s->ssl); }

/* ---- writing */

/* How many bytes the kernel took, 0 when it takes none now, or -EPIPE. */
static ssize_t push_tls(cal_stream *s, const char *data, size_t bytes) {
  size_t pushed = 0;
  while (pushed < bytes) {
    ERR_clear_error();
    int n = SSL_write(s->ssl, data + pushed, bytes - pushed > INT32_MAX ? INT32_MAX : (int)(bytes - pushed));
    if (n <= 0) {
      int why = SSL_get_error(s->ssl, n);
      return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? (ssize_t)pushed : -EPIPE;
    }
    pushed += (size_t)n;
  }
  return (ssize_t)pushed;
}

static ssize_t push(cal_stream *s, const char *data, size_t bytes) {
  if (s->ssl) return push_tls(s, data, bytes);
  ssize_t n = send(s->fd, data, bytes, MSG_NOSIGNAL);
  if (n >= 0) return n;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -EPIPE;
}

int cal_stream_write(cal_stream *s, const void *data, size_t bytes) {
  if (s->fd < 0 || s->is_shutting) return -EPIPE;
  ssize_t pushed = cal_stream_is_busy(s) ? 0 : push(s, data, bytes);
  if (pushed < 0) return -EPIPE;
  if ((size_t)pushed == bytes) return 0;
  if (cal_buf_append(&s->output, (const char *)data + pushed, bytes - (size_t)pushed)) return -EPIPE;
  watch(s);
  return 0;
}

static void tell_the_end(cal_stream *s) {
  if (s->ssl) SSL_shutdown(s->ssl);
  shutdown(s->fd, SHUT_WR);
}

void cal_stream_shut(cal_stream *s) {
  if (s->fd < 0 || s->is_shutting) return;
  s->is_shutting = 1;
  if (!cal_stream_is_busy(s)) tell_the_end(s);
}

static void end(cal_stream *s, int error) {
  s->has_ended = 1;
  watch(s);
  s->handlers->on_end(s, error);
}

static void flush(cal_stream *s) {
  size_t left = s->output.bytes - s->sent;
  if (!cal_stream_is_busy(s)) return;
  ssize_t pushed = push(s, s->output.data + s->sent, left);
  if (pushed < 0) return end(s, -ECONNRESET);
  s->sent += (size_t)pushed;
  if (s->sent < s->output.bytes) return;
  s->sent = 0;
  if (s->output.room > KEEP_BYTES)
    cal_buf_free(&s->output);
  else
    cal_buf_clear(&s->output);
  watch(s);
  if (s->is_shutting) tell_the_end(s);
  s->handlers->on_drained(s);
}

/* ---- reading */

static void read_plain(cal_stream *s) {
  ssize_t n = recv(s->fd, s->net->input, CAL_NET_INPUT_BYTES, 0);
  if (n > 0) return s->handlers->on_data(s, s->net->input, (size_t)n);
  if (n == 0) return end(s, 0);
  if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) end(s, -ECONNRESET);
}

static void read_again(void *stream);

/* What the library has read ahead makes no socket readable: it must be asked until it has nothing. */
static void read_tls(cal_stream *s) {
  for (int record = 0; s->fd >= 0 && s->reads && !s->has_ended; record++) {
    if (record == RECORDS_AT_ONCE) {
      if (!s->is_asked_again) cal_loop_defer(s->net->loop, read_again, s);
      s->is_asked_again = 1;
      return;
    }
    ERR_clear_error();
    int n = SSL_read(s->ssl, s->net->input, CAL_NET_INPUT_BYTES);
    if (n > 0) {
      s->handlers->on_data(s, s->net->input, (size_t)n);
      continue;
    }
    int why = SSL_get_error(s->ssl, n);
    s->tls_wants_write = why == SSL_ERROR_WANT_WRITE;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return watch(s);
    return end(s, why == SSL_ERROR_ZERO_RETURN ? 0 : -ECONNRESET);
  }
}

static void release(cal_stream *s) {
  if (s->poll.data && !s->is_asked_again) s->handlers->on_closed(s);
}

static void read_again(void *stream) {
  cal_stream *s = stream;
  s->is_asked_again = 0;
  if (s->fd < 0) return release(s);
  read_tls(s);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  cal_stream *s = cal_list_entry(poll, cal_stream, poll);
  if (status < 0) {
    s->events = 0; /* libuv has stopped the poll */
    return end(s, -ECONNRESET);
  }
  if (events & UV_WRITABLE) flush(s);
  if (s->fd < 0 || s->has_ended || !s->reads || !(events & UV_READABLE || s->tls_wants_write)) return;
  if (s->ssl)
    read_tls(s);
  else
    read_plain(s);
}

void cal_stream_read(cal_stream *s, int reads) {
  if (s->reads == reads) return;
  s->reads = (uint8_t)reads;
  watch(s);
  if (reads && s->ssl && !s->is_asked_again) {
    s->is_asked_again = 1;
    cal_loop_defer(s->net->loop, read_again, s);
  }
}

/* ---- the end */

static void on_closed(uv_handle_t *handle) {
  cal_stream *s = cal_list_entry((uv_poll_t *)handle, cal_stream, poll);
  s->poll.data = s; /* the handle is gone */
  release(s);
}

void cal_stream_close(cal_stream *s) {
  if (s->fd < 0) return;
  uv_poll_stop(&s->poll);
  if (s->ssl) {
    ERR_clear_error();
    if (!s->is_shutting && SSL_is_init_finished(s->ssl)) SSL_shutdown(s->ssl);
    SSL_free(s->ssl);
    s->ssl = NULL;
  }
  close(s->fd);
  s->fd = -1;
  cal_buf_free(&s->output);
  uv_close((uv_handle_t *)&s->poll, on_closed);
}
