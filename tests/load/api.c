/* The carrier's REST interface, as much of it as a service needs to end its calls: whatever it asks, the call
 * it names has ended. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load/run.h"

enum { REQUEST_CEILING = 16384 };

typedef struct listener {
  load_source source;
  load_run *run;
  int fd;
} listener;

typedef struct client {
  load_source source;
  int fd;
  size_t bytes;
  char input[REQUEST_CEILING + 1];
} client;

static void forget(client *c) {
  close(c->fd);
  free(c);
}

/* The length of the complete request at the beginning of the input; 0 while something is missing. */
static size_t request_bytes(client *c) {
  c->input[c->bytes] = 0;
  char *end = strstr(c->input, "\r\n\r\n");
  if (!end) return 0;
  char *length = strcasestr(c->input, "\r\ncontent-length:");
  size_t whole = (size_t)(end + 4 - c->input) + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
  return whole <= c->bytes ? whole : 0;
}

static int answer(client *c) {
  char body[256], text[512], call[48] = "";
  const char *name = strstr(c->input, "/Calls/");
  if (name) sscanf(name + 7, "%40[A-Za-z0-9]", call);
  int bytes =
      snprintf(body, sizeof body, "{\"sid\":\"%s\",\"status\":\"completed\",\"duration\":\"12\"}", call);
  bytes = snprintf(text, sizeof text,
                   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", bytes,
                   body);
  return send(c->fd, text, (size_t)bytes, MSG_NOSIGNAL | MSG_DONTWAIT) == bytes;
}

static void on_client(load_source *source, uint32_t events) {
  client *c = (client *)source;
  ssize_t got = recv(c->fd, c->input + c->bytes, REQUEST_CEILING - c->bytes, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    forget(c);
    return;
  }
  c->bytes += (size_t)got;
  for (size_t used; (used = request_bytes(c));) {
    if (!answer(c)) {
      forget(c);
      return;
    }
    c->bytes -= used;
    memmove(c->input, c->input + used, c->bytes);
  }
}

static void on_listener(load_source *source, uint32_t events) {
  listener *l = (listener *)source;
  int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  client *c = malloc(sizeof *c);
  if (!c) abort();
  *c = (client){.source.on_ready = on_client, .fd = fd};
  load_run_watch(l->run, fd, &c->source, EPOLLIN);
}

int load_api_open(load_run *run) {
  static listener l;
  int on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)run->options.api_port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  l = (listener){.source.on_ready = on_listener, .run = run};
  l.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(l.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(l.fd, (struct sockaddr *)&address, sizeof address) || listen(l.fd, 128)) {
    load_run_complain(run, "the REST interface cannot listen on %d: %s", run->options.api_port,
                      strerror(errno));
    return -errno;
  }
  load_run_watch(run, l.fd, &l.source, EPOLLIN);
  return 0;
}
