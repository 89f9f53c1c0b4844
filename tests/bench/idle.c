/* Connections that ask once and then say nothing more.
 *
 *   idle PORT COUNT       asks each for /healthz; prints "idle COUNT" when all were answered; holds them until its
 *                         standard input ends, and exits with 1 when one of them was closed meanwhile. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 10000

static const char question[] = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int connect_to(int port) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) fail("idle: no connection");
  return fd;
}

static int ask(int port) {
  char answer[1024];
  int fd = connect_to(port);
  struct pollfd one = {.fd = fd, .events = POLLIN};
  if (write(fd, question, sizeof question - 1) < 0 || poll(&one, 1, PATIENCE_MS) != 1)
    fail("idle: no answer");
  ssize_t bytes = read(fd, answer, sizeof answer - 1);
  if (bytes < 12 || memcmp(answer, "HTTP/1.1 200", 12)) fail("idle: a wrong answer");
  return fd;
}

/* 1: the other side has closed it, or says something. */
static int has_news(int fd) {
  struct pollfd one = {.fd = fd, .events = POLLIN};
  return poll(&one, 1, 0) != 0;
}

int main(int argc, char **argv) {
  int port = argc == 3 ? atoi(argv[1]) : 0, count = argc == 3 ? atoi(argv[2]) : 0, closed = 0;
  if (port <= 0 || count <= 0) {
    fprintf(stderr, "usage: idle PORT COUNT\n");
    return 2;
  }
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  int *connections = calloc((size_t)count, sizeof *connections);
  for (int i = 0; i < count; i++) connections[i] = ask(port);
  printf("idle %d\n", count);
  fflush(stdout);
  while (getchar() != EOF) continue;
  for (int i = 0; i < count; i++) closed += has_news(connections[i]);
  free(connections);
  return closed != 0;
}
