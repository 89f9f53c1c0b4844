/* stream: a connection to the service, plain or over TLS, that never blocks. */
#ifndef LOAD_STREAM_H
#define LOAD_STREAM_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct load_tls load_tls; /* what all connections of a run share */

typedef struct load_stream {
  int fd;        /* -1: closed */
  void *session; /* of TLS; NULL: plain */
} load_stream;

/* Any certificate will do: the service is a test's own. Ends the program when there is no memory. */
load_tls *load_tls_new(void);

/* Connects. `tls` NULL: plain. 0 or a negative errno. */
int load_stream_open(load_stream *stream, const struct sockaddr_in *address, load_tls *tls);
void load_stream_close(load_stream *stream); /* harmless when it is closed */

/* To be asked whenever the descriptor is ready. 1: bytes can go both ways. 0: not yet; `*events` is what epoll
 * should wait for. Negative: an errno. */
int load_stream_establish(load_stream *stream, uint32_t *events);

int load_stream_send(load_stream *stream, const void *data,
                     size_t bytes); /* 0: all of it; else -1 and errno */

/* As recv, with errno. `*arrived_ns` is the kernel's time of arrival by the wall clock, or 0 where it is not known. */
ssize_t load_stream_receive(load_stream *stream, void *into, size_t room, uint64_t *arrived_ns);

#endif
