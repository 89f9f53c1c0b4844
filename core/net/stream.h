/* stream: bytes of one accepted connection, plain or TLS, both ways. Inside this module; loop thread only.
 *
 *   kernel ──► [ the net's read buffer ] ──► on_data
 *   write ──► kernel, at once; what it does not take waits in `output` and leaves when the socket is writable
 *
 * Reading uses one buffer for all connections of a net, so an idle connection holds none. A write is one system
 * call and asks the loop for nothing unless the peer is slow. */
#ifndef CAL_NET_STREAM_H
#define CAL_NET_STREAM_H

#include <openssl/ssl.h>

#include "net/net_private.h"

typedef struct cal_stream cal_stream;

typedef struct cal_stream_handlers {
  /* Borrowed until it returns; the bytes may be written over. The stream may be closed by it. */
  void (*on_data)(cal_stream *stream, char *data, size_t bytes);
  void (*on_end)(cal_stream *stream, int error); /* 0: the peer sends no more; else the connection is gone */
  void (*on_drained)(cal_stream *stream);        /* what had to wait has left */
  void (*on_closed)(cal_stream *stream);         /* after cal_stream_close: its memory may go */
} cal_stream_handlers;

struct cal_stream {
  cal_net *net;
  const cal_stream_handlers *handlers;
  int fd; /* -1: closed */
  SSL *ssl;
  uint8_t reads, has_ended, is_shutting, tls_wants_write, is_asked_again;
  uint8_t events; /* the poll watches for */
  cal_buf output;
  size_t sent; /* bytes of it */
  uv_poll_t poll;
};

/* Takes fd; begins to read. `context` NULL: plain. -ENOMEM when the loop cannot watch it: fd is closed, the
 * stream was not opened. */
int cal_stream_open(cal_stream *stream, cal_net *net, int fd, SSL_CTX *context,
                    const cal_stream_handlers *handlers);
/* 0: it left, or waits to; -EPIPE: the connection is dead. */
int cal_stream_write(cal_stream *stream, const void *data, size_t bytes);
static inline int cal_stream_is_busy(const cal_stream *stream) { return stream->output.bytes > 0; }
void cal_stream_read(cal_stream *stream, int reads); /* 0: nothing more for now; 1: go on */
/* Nothing more will be written: once all has left, the peer is told. */
void cal_stream_shut(cal_stream *stream);
void cal_stream_close(cal_stream *stream);          /* at once; only on_closed follows. Twice is harmless. */
int cal_stream_is_secure(const cal_stream *stream); /* 1: TLS that is set up */

#endif
