/* A WebSocket echo server of nothing but epoll and the frames of RFC 6455, written out by hand: as cheap as
 * it gets, the floor under every other figure. It believes its clients (loopback, small frames) and is fit
 * for nothing but measuring.
 *
 *   echo_epoll PORT        prints "ready PORT"; ends with SIGTERM or SIGINT and prints its CPU time as JSON.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 16384

typedef struct peer {
  int fd, is_open;
  size_t bytes;
  unsigned char data[ROOM];
} peer;

static uint64_t messages, lost;
static volatile sig_atomic_t is_over;

static void on_signal(int number) { is_over = 1; }

static void hang_up(peer *p) {
  close(p->fd);
  free(p);
}

/* ---- the upgrade: SHA-1 and base64, once a connection */

static uint32_t turn(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }

static void sha1_block(uint32_t state[5], const unsigned char *block) {
  static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
  uint32_t w[80], v[5];
  memcpy(v, state, sizeof v);
  for (int i = 0; i < 16; i++)
    w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
           block[4 * i + 3];
  for (int i = 16; i < 80; i++) w[i] = turn(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  for (int i = 0; i < 80; i++) {
    uint32_t choose = (v[1] & v[2]) | (~v[1] & v[3]), parity = v[1] ^ v[2] ^ v[3];
    uint32_t majority = (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]);
    uint32_t f = i < 20 ? choose : i >= 40 && i < 60 ? majority : parity;
    uint32_t next = turn(v[0], 5) + f + v[4] + constants[i / 20] + w[i];
    v[4] = v[3];
    v[3] = v[2];
    v[2] = turn(v[1], 30);
    v[1] = v[0];
    v[0] = next;
  }
  for (int i = 0; i < 5; i++) state[i] += v[i];
}

/* Of the 60 bytes of key and GUID: two blocks, the second with nothing but the length. */
static void accept_of(const char *text, char *accept) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  unsigned char blocks[128] = {0}, digest[21] = {0};
  memcpy(blocks, text, 60);
  blocks[60] = 0x80;
  blocks[126] = 60 * 8 >> 8;
  blocks[127] = 60 * 8 & 0xff;
  sha1_block(state, blocks);
  sha1_block(state, blocks + 64);
  for (int i = 0; i < 20; i++) digest[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
  for (int i = 0; i < 7; i++) {
    uint32_t three = (uint32_t)digest[3 * i] << 16 | (uint32_t)digest[3 * i + 1] << 8 | digest[3 * i + 2];
    for (int k = 0; k < 4; k++) accept[4 * i + k] = letters[three >> (18 - 6 * k) & 63];
  }
  strcpy(accept + 27, "=");
}

static int open_socket(peer *p) {
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  char text[128], answer[256], accept[32];
  p->data[p->bytes] = 0;
  char *end = strstr((char *)p->data, "\r\n\r\n"), *key = strcasestr((char *)p->data, "sec-websocket-key: ");
  if (!end) return 0;
  if (!key || key + 19 + 24 > end) return -1;
  snprintf(text, sizeof text, "%.24s%s", key + 19, guid);
  accept_of(text, accept);
  int bytes = snprintf(answer, sizeof answer,
                       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: %s\r\n\r\n",
                       accept);
  if (send(p->fd, answer, (size_t)bytes, MSG_NOSIGNAL) != bytes) return -1;
  size_t used = (size_t)(end + 4 - (char *)p->data);
  memmove(p->data, p->data + used, p->bytes - used);
  p->bytes -= used;
  p->is_open = 1;
  return 0;
}

/* ---- frames */

static size_t write_frame(unsigned char *to, int first, const unsigned char *payload, size_t bytes) {
  size_t at = 0;
  to[at++] = (unsigned char)first;
  if (bytes < 126) {
    to[at++] = (unsigned char)bytes;
  } else {
    to[at++] = 126;
    to[at++] = (unsigned char)(bytes >> 8);
    to[at++] = (unsigned char)bytes;
  }
  memcpy(to + at, payload, bytes);
  return at + bytes;
}

static void unmask(unsigned char *payload, size_t bytes, const unsigned char *mask) {
  for (size_t i = 0; i < bytes; i++) payload[i] ^= mask[i & 3];
}

/* The bytes one frame took, 0 when it is not whole yet, -1 for a close or what is not understood. */
static ssize_t take_frame(unsigned char *at, size_t left, unsigned char *out, size_t *out_bytes) {
  if (left < 6) return 0;
  size_t bytes = at[1] & 0x7f, head = 6;
  if (bytes == 126) {
    if (left < 8) return 0;
    bytes = (size_t)at[2] << 8 | at[3];
    head = 8;
  }
  int opcode = at[0] & 0x0f;
  if (bytes == 127 || bytes + head + 4 > ROOM || opcode == 8) return -1;
  if (left < head + bytes) return 0;
  unmask(at + head, bytes, at + head - 4);
  if (opcode == 9) *out_bytes += write_frame(out + *out_bytes, 0x8a, at + head, bytes);
  if (opcode <= 2) {
    *out_bytes += write_frame(out + *out_bytes, at[0], at + head, bytes);
    messages++;
  }
  return (ssize_t)(head + bytes);
}

static int echo(peer *p) {
  unsigned char out[ROOM + 64];
  size_t out_bytes = 0, at = 0;
  ssize_t used;
  while ((used = take_frame(p->data + at, p->bytes - at, out, &out_bytes)) > 0) at += (size_t)used;
  memmove(p->data, p->data + at, p->bytes - at);
  p->bytes -= at;
  if (out_bytes && send(p->fd, out, out_bytes, MSG_NOSIGNAL) != (ssize_t)out_bytes) {
    lost++;
    return -1;
  }
  return used < 0 ? -1 : 0;
}

static void on_readable(peer *p) {
  ssize_t got = recv(p->fd, p->data + p->bytes, ROOM - 1 - p->bytes, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return hang_up(p);
  p->bytes += (size_t)got;
  if (!p->is_open && open_socket(p)) return hang_up(p);
  if (p->is_open && p->bytes && echo(p)) hang_up(p);
}

/* ---- the rest */

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

static void accept_all(int epoll, int listener) {
  int fd, yes = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    peer *p = calloc(1, sizeof *p);
    p->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = p});
  }
}

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
  int port = count > 1 ? atoi(arguments[1]) : 9002;
  int listener = listen_on(port), epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event events[256];
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN});
  printf("ready %d\n", port);
  fflush(stdout);
  while (!is_over) {
    int ready = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      if (events[i].data.ptr)
        on_readable(events[i].data.ptr);
      else
        accept_all(epoll, listener);
    }
  }
  print_cpu();
  return 0;
}
