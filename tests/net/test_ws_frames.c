/* WebSocket frames as no library would send them, over real sockets: to a server of ours, and to a client of
 * ours. The cases follow the groups of the Autobahn test suite that apply (1 to 7, 9, 10); ours is the peer
 * that echoes. */
#include "net/kit.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

enum { WHOLE, BYTE_BY_BYTE };

/* Ours, whichever side it is, and the raw peer. */
typedef struct line {
  kit k;
  int is_client; /* ours is the client: its peer does not mask */
  cal_server *server;
  int listener;
  cal_ws *ws;
  raw *peer;
  int opened, closed;
  cal_ws_end end;
} line;

/* ---- ours */

static void on_open(void *context, cal_ws *ws) {
  line *l = context;
  l->opened = 1;
  l->ws = ws;
}

static void on_message(void *context, char *data, size_t bytes, int is_binary) {
  line *l = context;
  cal_ws_send_copy(l->ws, data, bytes, is_binary ? CAL_WS_BINARY : CAL_WS_TEXT);
}

static void on_close(void *context, const cal_ws_end *end) {
  line *l = context;
  l->closed = 1;
  l->end = *end;
  l->ws = NULL;
}

static cal_ws_handlers handlers_of(line *l) {
  return (cal_ws_handlers){.context = l, .on_open = on_open, .on_message = on_message, .on_close = on_close};
}

static int on_upgrade(void *context, const cal_http_request *request, cal_upgrade *upgrade) {
  upgrade->handlers = handlers_of(context);
  return 0;
}

static int listen_raw(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(fd, 8), 0);
  return fd;
}

static int port_of(int fd) {
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
  return ntohs(address.sin_port);
}

static void line_open(line *l, int is_client) {
  *l = (line){.is_client = is_client};
  kit_open(&l->k, NULL);
  if (is_client)
    l->listener = listen_raw();
  else
    l->server = kit_serve(&l->k, (cal_server_options){.context = l, .on_upgrade = on_upgrade});
}

static void line_close(line *l) {
  if (l->is_client) close(l->listener);
  kit_close(&l->k);
}

/* ---- the peer joins */

static void join_server(line *l) {
  l->peer = raw_open(cal_server_port(l->server));
  raw_say(l->peer, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  WAIT_FOR(&l->k, raw_has(l->peer, "\r\n\r\n") && l->opened);
}

static void answer_upgrade(raw *peer) {
  char text[128], answer[256];
  unsigned char digest[SHA_DIGEST_LENGTH], accept[32];
  const char *key = strcasestr(peer->data, "sec-websocket-key: ");
  assert_non_null(key);
  snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + 19);
  SHA1((unsigned char *)text, strlen(text), digest);
  EVP_EncodeBlock(accept, digest, sizeof digest);
  snprintf(answer, sizeof answer,
           "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: %s\r\n\r\n",
           (char *)accept);
  raw_say(peer, answer);
}

static void join_client(line *l) {
  char url[64];
  cal_ws *ws;
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/", port_of(l->listener));
  assert_int_equal(
      cal_ws_connect(&ws, l->k.net, &(cal_ws_connect_options){.url = url, .handlers = handlers_of(l)}), 0);
  l->peer = calloc(1, sizeof *l->peer);
  WAIT_FOR(&l->k, (l->peer->fd = accept4(l->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
  WAIT_FOR(&l->k, raw_has(l->peer, "\r\n\r\n"));
  answer_upgrade(l->peer);
  WAIT_FOR(&l->k, l->opened);
}

static void join(line *l) {
  l->opened = l->closed = 0;
  if (l->is_client)
    join_client(l);
  else
    join_server(l);
  l->peer->bytes = 0;
  l->peer->data[0] = 0;
}

static void leave(line *l) {
  raw_close(l->peer);
  WAIT_FOR(&l->k, l->closed);
}

/* ---- frames */

static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};

/* `first` is the first byte as RFC 6455 draws it. */
static size_t write_frame(unsigned char *to, int first, const char *payload, size_t bytes, int is_masked) {
  size_t at = 0, more = bytes < 126 ? 0 : bytes < 65536 ? 2 : 8;
  to[at++] = (unsigned char)first;
  to[at++] = (unsigned char)((is_masked ? 0x80 : 0) | (more == 0 ? bytes : more == 2 ? 126 : 127));
  for (size_t i = 0; i < more; i++) to[at++] = (unsigned char)(bytes >> 8 * (more - 1 - i));
  if (is_masked) memcpy(to + at, mask, 4), at += 4;
  for (size_t i = 0; i < bytes; i++) to[at++] = (unsigned char)payload[i] ^ (is_masked ? mask[i & 3] : 0);
  return at;
}

static void push(line *l, const unsigned char *data, size_t bytes, int way) {
  size_t piece = way == BYTE_BY_BYTE ? 1 : bytes, sent = 0;
  while (sent < bytes) {
    ssize_t n = send(l->peer->fd, data + sent, bytes - sent < piece ? bytes - sent : piece, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return; /* it was hung up on, which the case is about */
    if (n > 0) sent += (size_t)n;
    uv_run(cal_loop_uv(l->k.loop), UV_RUN_NOWAIT);
    raw_read(l->peer);
  }
}

static void say(line *l, int first, const char *payload, size_t bytes, int way) {
  unsigned char *frame = malloc(bytes + 16);
  push(l, frame, write_frame(frame, first, payload, bytes, !l->is_client), way);
  free(frame);
}

/* One frame of ours, taken from the front of what the peer has read. */
typedef struct heard {
  int opcode;
  size_t bytes;
  char *payload; /* NULL: none */
} heard;

static int next_frame(line *l, heard *h) {
  raw *r = l->peer;
  const unsigned char *at = (const unsigned char *)r->data;
  raw_read(r);
  if (r->bytes < 2) return 0;
  size_t length = at[1] & 0x7f, more = length == 126 ? 2 : length == 127 ? 8 : 0;
  size_t head = 2 + more + (l->is_client ? 4 : 0);
  if (r->bytes < head) return 0;
  if (more) length = 0;
  for (size_t i = 0; i < more; i++) length = length << 8 | at[2 + i];
  if (r->bytes < head + length) return 0;
  assert_int_equal(at[1] >> 7, l->is_client); /* ours masks when it is the client */
  h->opcode = at[0] & 15;
  h->bytes = length;
  h->payload = calloc(1, length + 1);
  for (size_t i = 0; i < length; i++)
    h->payload[i] = (char)(at[head + i] ^ (l->is_client ? at[2 + more + (i & 3)] : 0));
  r->bytes -= head + length;
  memmove(r->data, r->data + head + length, r->bytes);
  return 1;
}

/* None when it hangs up. */
static heard await_frame(line *l, const char *name) {
  heard h = {0};
  WAIT_FOR(&l->k, next_frame(l, &h) || raw_is_closed(l->peer));
  if (!h.payload) next_frame(l, &h);
  return h;
}

static void expect_frame(line *l, const char *name, int opcode, const char *payload, size_t bytes) {
  heard h = await_frame(l, name);
  while (h.payload && l->is_client && h.opcode == 10) {
    free(h.payload);
    h = await_frame(l, name);
  }
  if (!h.payload) fail_msg("%s: hung up", name);
  if (h.opcode != opcode || h.bytes != bytes || memcmp(h.payload, payload, bytes))
    fail_msg("%s: opcode %d with %zu bytes came: %.60s", name, h.opcode, h.bytes, h.payload);
  free(h.payload);
}

/* Whatever else comes first: a close frame with this code (1005: without one), and then the end. Ours as a
 * client is libwebsockets, which hangs up on some breaches without a word. */
static void expect_close(line *l, const char *name, int code) {
  heard h = await_frame(l, name);
  while (h.payload && h.opcode != 8) {
    free(h.payload);
    h = await_frame(l, name);
  }
  if (!h.payload && l->is_client && code != 1000) return;
  if (!h.payload) fail_msg("%s: hung up without a close frame", name);
  int said = h.bytes < 2 ? 1005 : (unsigned char)h.payload[0] << 8 | (unsigned char)h.payload[1];
  free(h.payload);
  if (said != code) fail_msg("%s: closed with %d, not with %d", name, said, code);
}

/* ---- cases */

typedef struct frame {
  int first;
  const char *payload;
  size_t bytes;
} frame;

#define F(first, text)                                                                                       \
  { first, text, sizeof text - 1 }
#define TEXT 0x81
#define TEXT_ON 0x01
#define BINARY 0x82
#define MORE 0x00
#define LAST 0x80
#define CLOSE 0x88
#define PING 0x89
#define PONG 0x8a

/* What is sent, and how it ends: an echo of `echo` (and then a polite close), or a close with a code. */
static const struct {
  const char *name;
  frame frames[9];
  int code; /* 0: echo */
  const char *echo;
} cases[] = {
    {"1.1 empty text", {F(TEXT, "")}, 0, ""},
    {"1.2 empty binary", {F(BINARY, "")}, 0, ""},
    {"2.1 unasked pong", {F(PONG, "what?"), F(TEXT, "a")}, 0, "a"},
    {"2.5 long ping",
     {F(PING, "0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
              "234567890123456789012345678901234567890123456")},
     1002,
     NULL},
    {"3.1 first reserved bit", {F(0xc1, "a")}, 1002, NULL},
    {"3.2 second, after a good one", {F(TEXT, "a"), F(0xa1, "b")}, 1002, NULL},
    {"3.3 third", {F(0x91, "a")}, 1002, NULL},
    {"3.4 reserved bit of a ping", {F(0xc9, "")}, 1002, NULL},
    {"3.5 reserved bit of a close", {F(0xa8, "")}, 1002, NULL},
    {"3.6 reserved bit of a continuation", {F(TEXT_ON, "a"), F(0xc0, "b")}, 1002, NULL},
    {"4.1 opcode 3", {F(0x83, "")}, 1002, NULL},
    {"4.1 opcode 7", {F(0x87, "a")}, 1002, NULL},
    {"4.2 opcode 11", {F(0x8b, "")}, 1002, NULL},
    {"4.2 opcode 15", {F(TEXT, "a"), F(0x8f, "a")}, 1002, NULL},
    {"5.1 ping in two", {F(0x09, "a"), F(LAST, "b")}, 1002, NULL},
    {"5.2 pong in two", {F(0x0a, "a"), F(LAST, "b")}, 1002, NULL},
    {"5.3 text in two", {F(TEXT_ON, "a"), F(LAST, "b")}, 0, "ab"},
    {"5.6 ping in between", {F(TEXT_ON, "a"), F(PING, ""), F(LAST, "b")}, 0, "ab"},
    {"5.9 continuation of nothing", {F(LAST, "a")}, 1002, NULL},
    {"5.10 unfinished continuation of nothing", {F(MORE, "a"), F(TEXT, "b")}, 1002, NULL},
    {"5.15 continuation after the last",
     {F(TEXT_ON, "a"), F(LAST, "b"), F(MORE, "c"), F(TEXT, "d")},
     1002,
     NULL},
    {"5.18 text within a text", {F(TEXT_ON, "a"), F(TEXT, "b")}, 1002, NULL},
    {"5.18 binary within a text", {F(TEXT_ON, "a"), F(0x02, "b")}, 1002, NULL},
    {"5.19 five pieces, pings in between",
     {F(TEXT_ON, "a"), F(MORE, "b"), F(PING, ""), F(MORE, "c"), F(MORE, ""), F(PING, ""), F(LAST, "d")},
     0,
     "abcd"},
    {"6.1 three empty pieces", {F(TEXT_ON, ""), F(MORE, ""), F(LAST, "")}, 0, ""},
    {"6.2 a character over two pieces",
     {F(TEXT_ON, "\xce\xba\xe1"), F(LAST, "\xbd\xb9")},
     0,
     "\xce\xba\xe1\xbd\xb9"},
    {"6.4 wrong in the middle of a message", {F(TEXT_ON, "\xf4\x90")}, 1007, NULL},
    {"6.4 wrong only together", {F(TEXT_ON, "\xf4"), F(MORE, "\x90")}, 1007, NULL},
    {"6 ends within a character", {F(TEXT_ON, "a\xe1\xbd"), F(LAST, "")}, 1007, NULL},
    {"6 a control frame within a character",
     {F(TEXT_ON, "\xe1"), F(PING, "x"), F(LAST, "\xbd\xb9")},
     0,
     "\xe1\xbd\xb9"},
    {"6 binary may be anything", {F(BINARY, "\xff\xfe")}, 0, "\xff\xfe"},
    {"7.1.3 ping after close", {F(CLOSE, "\x03\xe8"), F(PING, "")}, 1000, NULL},
    {"7.1.4 text after close", {F(CLOSE, "\x03\xe8"), F(TEXT, "a")}, 1000, NULL},
    {"7.1.5 close within a message", {F(TEXT_ON, "a"), F(CLOSE, "\x03\xe8")}, 1000, NULL},
    {"7.3.1 close without a code", {F(CLOSE, "")}, 1005, NULL},
    {"7.3.2 half a code", {F(CLOSE, "a")}, 1002, NULL},
    {"7.3.4 a reason", {F(CLOSE, "\x03\xe8 bye")}, 1000, NULL},
    {"7.5.1 a reason that is not UTF-8", {F(CLOSE, "\x03\xe8\xce\xba\xff")}, 1007, NULL},
    {"7.5.1 a reason that ends too early", {F(CLOSE, "\x03\xe8\xce")}, 1007, NULL},
    {"close in two", {F(0x08, "\x03\xe8"), F(LAST, "")}, 1002, NULL},
};

static void part(line *l, const char *name) {
  say(l, CLOSE, "\x03\xe8", 2, WHOLE);
  expect_close(l, name, 1000);
  leave(l);
}

static void run_case(line *l, size_t i, int way) {
  int opcode = cases[i].frames[0].first & 15;
  join(l);
  for (const frame *f = cases[i].frames; f->payload; f++) {
    say(l, f->first, f->payload, f->bytes, way);
    if (!(f->first & 8) && f->first & 15) opcode = f->first & 15;
  }
  if (cases[i].code) {
    expect_close(l, cases[i].name, cases[i].code);
    return leave(l);
  }
  /* Several pings at once may be answered by the last one's pong (RFC 6455, 5.5.3), as libwebsockets does. */
  for (const frame *f = cases[i].frames; f->payload && !l->is_client; f++)
    if (f->first == PING) expect_frame(l, cases[i].name, 10, f->payload, f->bytes);
  expect_frame(l, cases[i].name, opcode, cases[i].echo, strlen(cases[i].echo));
  part(l, cases[i].name);
}

static void run_cases(int is_client) {
  line l;
  line_open(&l, is_client);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    for (int way = WHOLE; way <= BYTE_BY_BYTE; way++) run_case(&l, i, way);
  line_close(&l);
}

/* ---- bytes that are not even a frame */

/* Only a server of ours is so strict. libwebsockets, which is our client, does not look at a mask, and waits for what
 * an absurd length announces; what comes of it meets the ceiling of messages. */
static void a_server_refuses_what_is_no_frame(void **state) {
  static const struct {
    const char *name;
    frame bytes;
    int code;
  } raws[] = {{"no mask", F(0, "\x81\x01x"), 1002},
              {"length 2^63", F(0, "\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0"), 1002},
              {"length beyond the ceiling", F(0, "\x82\xff\0\0\x7f\xff\xff\xff\xff\xff\0\0\0\0"), 1009},
              {"125 in two bytes", F(0, "\x82\xfe\0\x7d\0\0\0\0"), 1002},
              {"65535 in eight bytes", F(0, "\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0"), 1002}};
  line l;
  line_open(&l, 0);
  for (size_t i = 0; i < sizeof raws / sizeof raws[0]; i++) {
    join(&l);
    push(&l, (const unsigned char *)raws[i].bytes.payload, raws[i].bytes.bytes, WHOLE);
    expect_close(&l, raws[i].name, raws[i].code);
    leave(&l);
  }
  line_close(&l);
}

/* ---- sizes, characters, codes */

static void run_sizes(int is_client) {
  static const size_t sizes[] = {125, 126, 127, 128, 65535, 65536, 100000};
  char *payload = malloc(100000);
  line l;
  for (size_t i = 0; i < 100000; i++) payload[i] = (char)('a' + i % 26);
  line_open(&l, is_client);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
    for (int first = TEXT; first <= BINARY; first++) {
      join(&l);
      say(&l, first, payload, sizes[i], WHOLE);
      expect_frame(&l, "a size", first & 15, payload, sizes[i]);
      for (size_t at = 0; at < sizes[i]; at += 1300)
        say(&l, (at ? 0 : first & 15) | (at + 1300 >= sizes[i] ? 0x80 : 0), payload + at,
            sizes[i] - at < 1300 ? sizes[i] - at : 1300, WHOLE);
      expect_frame(&l, "a size in pieces", first & 15, payload, sizes[i]);
      part(&l, "a size");
    }
  line_close(&l);
  free(payload);
}

static const struct {
  const char *text;
  int is_good;
} texts[] = {
    {"Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!", 1},
    {"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", 1},
    {"\xc2\x80", 1},
    {"\xdf\xbf", 1},
    {"\xe0\xa0\x80", 1},
    {"\xed\x9f\xbf", 1},
    {"\xee\x80\x80", 1},
    {"\xef\xbf\xbd", 1},
    {"\xef\xbf\xbf", 1},
    {"\xf0\x90\x80\x80", 1},
    {"\xf4\x8f\xbf\xbf", 1},
    {"\x7f", 1},
    {"eight ascii bytes and \xe2\x82\xac", 1},
    {"\x80", 0},
    {"\xbf", 0},
    {"a\x80\xbf", 0},
    {"\xc0\xaf", 0},
    {"\xc1\xbf", 0},
    {"\xe0\x80\xaf", 0},
    {"\xe0\x9f\xbf", 0},
    {"\xf0\x8f\xbf\xbf", 0},
    {"\xed\xa0\x80", 0},
    {"\xed\xbf\xbf", 0},
    {"\xf4\x90\x80\x80", 0},
    {"\xf5\x80\x80\x80", 0},
    {"\xf8\x88\x80\x80\x80", 0},
    {"\xfe", 0},
    {"\xff", 0},
    {"\xc3", 0},
    {"\xe1\xbd", 0},
    {"\xf0\x9f\x98", 0},
    {"eight ascii bytes and \xc3(", 0},
    {"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80"
     "edited",
     0},
};

static void run_texts(int is_client) {
  line l;
  line_open(&l, is_client);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    for (int in_pieces = 0; in_pieces < 2; in_pieces++) {
      size_t bytes = strlen(texts[i].text), piece = in_pieces ? 1 : bytes;
      join(&l);
      for (size_t at = 0; at < bytes; at += piece)
        say(&l, (at ? 0 : 1) | (at + piece >= bytes ? 0x80 : 0), texts[i].text + at, piece, WHOLE);
      if (texts[i].is_good) {
        expect_frame(&l, texts[i].text, 1, texts[i].text, bytes);
        part(&l, texts[i].text);
      } else {
        expect_close(&l, texts[i].text, 1007);
        leave(&l);
      }
    }
  line_close(&l);
}

static void run_codes(int is_client) {
  static const struct {
    int code, is_good;
  } codes[] = {{1000, 1}, {1001, 1}, {1002, 1}, {1003, 1}, {1007, 1}, {1008, 1}, {1009, 1},
               {1010, 1}, {1011, 1}, {1012, 1}, {1013, 1}, {1014, 1}, {3000, 1}, {3999, 1},
               {4000, 1}, {4999, 1}, {0, 0},    {999, 0},  {1004, 0}, {1005, 0}, {1006, 0},
               {1015, 0}, {1016, 0}, {1100, 0}, {2000, 0}, {2999, 0}, {5000, 0}, {65535, 0}};
  line l;
  line_open(&l, is_client);
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    int is_newer = codes[i].code >= 1012 && codes[i].code <= 1014; /* than libwebsockets */
    if (is_client && is_newer) continue;
    char name[16], payload[2] = {(char)(codes[i].code >> 8), (char)codes[i].code};
    snprintf(name, sizeof name, "code %d", codes[i].code);
    join(&l);
    say(&l, CLOSE, payload, 2, WHOLE);
    expect_close(&l, name, codes[i].is_good ? codes[i].code : 1002);
    leave(&l);
    if (codes[i].is_good) assert_int_equal(l.end.code, codes[i].code);
  }
  line_close(&l);
}

/* ---- who is alive */

/* A peer that answers no ping, but sends, lives; so does one that answers and sends nothing else. */
static void run_life(int is_client, int answers) {
  line l = {.is_client = is_client};
  kit_open(&l.k, &(cal_net_options){.ping_after_s = 1, .dead_after_s = 2});
  if (is_client)
    l.listener = listen_raw();
  else
    l.server = kit_serve(&l.k, (cal_server_options){.context = &l, .on_upgrade = on_upgrade});
  join(&l);
  uint64_t until_ns = cal_loop_now_ns(l.k.loop) + 3 * CAL_S, sent_ns = 0;
  while (cal_loop_now_ns(l.k.loop) < until_ns) {
    heard h = {0};
    uint64_t now_ns = cal_loop_now_ns(l.k.loop);
    kit_turn(&l.k, now_ns);
    if (l.closed) fail_msg("a living peer was cut: %d %s", l.end.code, l.end.text);
    if (!answers && now_ns - sent_ns > 100 * CAL_MS) {
      say(&l, TEXT, "x", 1, WHOLE);
      sent_ns = now_ns;
    }
    if (!next_frame(&l, &h)) continue;
    if (answers && h.opcode == 9) say(&l, PONG, h.payload, h.bytes, WHOLE);
    free(h.payload);
  }
  leave(&l);
  line_close(&l);
}

static void a_peer_that_sends_lives(void **state) {
  run_life(0, 0);
  run_life(1, 0);
}

static void a_peer_that_answers_pings_lives(void **state) {
  run_life(0, 1);
  run_life(1, 1);
}

/* One that pings and pings without reading its pongs is not given memory for them. */
static void pongs_nobody_reads_are_bounded(void **state) {
  unsigned char frames[64 * 131];
  size_t bytes = 0;
  char payload[125] = {0};
  line l;
  line_open(&l, 0);
  join(&l);
  while (bytes + 131 <= sizeof frames) bytes += write_frame(frames + bytes, PING, payload, sizeof payload, 1);
  for (int i = 0; i < 2000; i++) {
    send(l.peer->fd, frames, bytes, MSG_NOSIGNAL);
    uv_run(cal_loop_uv(l.k.loop), UV_RUN_NOWAIT);
  }
  assert_int_equal(l.closed, 0);
  leave(&l);
  line_close(&l);
}

/* ---- both sides */

static void a_server_takes_and_refuses_frames_as_it_should(void **state) { run_cases(0); }
static void a_client_takes_and_refuses_frames_as_it_should(void **state) { run_cases(1); }
static void messages_of_every_size_reach_a_server(void **state) { run_sizes(0); }
static void messages_of_every_size_reach_a_client(void **state) { run_sizes(1); }
static void a_server_checks_text(void **state) { run_texts(0); }
static void a_client_checks_text(void **state) { run_texts(1); }
static void a_server_checks_close_codes(void **state) { run_codes(0); }
static void a_client_checks_close_codes(void **state) { run_codes(1); }

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_server_takes_and_refuses_frames_as_it_should),
      cmocka_unit_test(a_client_takes_and_refuses_frames_as_it_should),
      cmocka_unit_test(a_server_refuses_what_is_no_frame),
      cmocka_unit_test(messages_of_every_size_reach_a_server),
      cmocka_unit_test(messages_of_every_size_reach_a_client),
      cmocka_unit_test(a_server_checks_text),
      cmocka_unit_test(a_client_checks_text),
      cmocka_unit_test(a_server_checks_close_codes),
      cmocka_unit_test(a_client_checks_close_codes),
      cmocka_unit_test(a_peer_that_sends_lives),
      cmocka_unit_test(a_peer_that_answers_pings_lives),
      cmocka_unit_test(pongs_nobody_reads_are_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
