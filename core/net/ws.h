/* ws: a WebSocket connection, however it was opened: accepted by a server (server.h), connected by us, or one
 * half of a pair in memory, which is the wire of simulated calls. All three behave alike; tests run one table
 * over them.
 *
 * Sending goes straight to the wire when nothing waits. When the peer reads too slowly, messages queue up
 * here:
 *
 *   audio     at most 50 (a second of 20 ms frames); then the oldest audio message is dropped and counted
 *   the rest  never dropped; but a peer that lets more than 1 MiB of it pile up is closed with 1008, counted
 *
 * Order is kept between both. cal_ws_clear_audio forgets queued audio: a barge-in must not wait behind it.
 * What is already in the kernel cannot be had back, so little is put there.
 *
 * Receiving: on_message gets whole messages. One that came in one piece is handed over where it lies, without
 * a copy; others are assembled up to the ceiling, and beyond it the connection is closed with 1009. Pings are
 * answered below.
 *
 * A connection is valid until its on_close returns, and on_close comes exactly once, never from inside a
 * function called here. Loop thread only. RFC 6455. */
#ifndef CAL_NET_WS_H
#define CAL_NET_WS_H

#include "net/net.h"

typedef struct cal_ws cal_ws;

#define CAL_WS_PAD 16 /* bytes of head-room a sender leaves before the payload */
#define CAL_WS_AUDIO_CEILING 50
#define CAL_WS_QUEUE_CEILING (1024 * 1024)

enum cal_ws_kind {
  CAL_WS_TEXT = 0,
  CAL_WS_BINARY = 1,
  CAL_WS_AUDIO = 2
}; /* AUDIO is or-ed: may be dropped */

/* How it ended. */
typedef struct cal_ws_end {
  int code; /* close code: the peer's when it closed, ours when we did; 1006 when the connection was just gone
             */
  int is_clean;     /* a close frame was sent or seen */
  int error;        /* 0, or a negative errno: never opened, or broke */
  int status;       /* HTTP status by which a server refused to open; else 0 */
  const char *text; /* the peer's reason, or a sentence for people; never NULL; borrowed */
} cal_ws_end;

typedef struct cal_ws_handlers {
  void *context;
  void (*on_open)(void *context, cal_ws *ws);
  /* Borrowed until it returns; the bytes may be written over. No zero follows the last one. */
  void (*on_message)(void *context, char *data, size_t bytes, int is_binary);
  void (*on_drain)(void *context); /* the queue, having been in use, is empty again; may be NULL */
  void (*on_close)(void *context, const cal_ws_end *end);
} cal_ws_handlers;

typedef struct cal_ws_connect_options {
  const char *url;              /* ws://host[:port]/path?query or wss://…; at most 4 KiB */
  const cal_http_field *fields; /* extra request headers; at most 4 KiB together; copied */
  size_t field_count;
  const char *subprotocol; /* or NULL */
  uint32_t timeout_ms;     /* for name, connection, TLS and upgrade together; 0: 10,000 */
  int deny_private;        /* refuse private, loopback, link-local and metadata addresses (-EACCES) */
  cal_ws_handlers handlers;
} cal_ws_connect_options;

/* Starts to connect. What is wrong with the options fails here (-EINVAL, no on_close); everything later comes
 * as on_close with error and text: -ECONNREFUSED, -ETIMEDOUT, -ENOTFOUND-like (-ENOENT: no such name),
 * -EPROTO (status says what the server answered), -EKEYREJECTED (TLS). Redirects are not followed. Addresses
 * of a name are tried one after the other. */
int cal_ws_connect(cal_ws **result, cal_net *net, const cal_ws_connect_options *options);

typedef struct cal_ws_pair_options {
  uint32_t latency_ms;          /* each way; 0: as soon as the loop turns */
  size_t window_bytes;          /* under way at most, each way; more waits in the sender's queue; 0: 64 KiB */
  size_t piece_bytes;           /* messages arrive in pieces of this size and are assembled; 0: in one */
  size_t message_ceiling_bytes; /* 0: 256 KiB */
  cal_ws_handlers a, b;
} cal_ws_pair_options;

/* Both halves open after the latency, on the loop's clock. No descriptor, no thread: simulated time moves it.
 */
int cal_ws_pair_new(cal_ws **a, cal_ws **b, cal_loop *loop, const cal_ws_pair_options *options);
void cal_ws_pair_cut(cal_ws *either); /* the line breaks: both halves end with 1006, nothing more arrives */

/* `payload` has CAL_WS_PAD writable bytes before it; payload and head-room are spoilt afterwards and the
 * caller's again. 0: sent or queued. -ENOTCONN: not open (yet, any more). -ENOBUFS: the peer is hopelessly
 * slow, the connection is being closed. */
int cal_ws_send(cal_ws *ws, char *payload, size_t bytes, int kind);
int cal_ws_send_copy(cal_ws *ws, const void *payload, size_t bytes, int kind); /* the same, from anywhere */
uint32_t cal_ws_clear_audio(cal_ws *ws); /* how many queued audio messages were forgotten */

/* 1: read no more, so that the peer feels it; 0: go on. While paused neither pongs nor a close are seen: keep
 * it short. */
void cal_ws_pause(cal_ws *ws, int is_paused);

/* From anywhere, on_message included; done soon after. Queued audio is forgotten, the rest is sent first if
 * the peer takes it within a second. `reason` is cut at 123 bytes. Nothing is received any more. Closing
 * twice is harmless; before it is open it gives up. */
void cal_ws_close(cal_ws *ws, int code, const char *reason);

int cal_ws_is_open(const cal_ws *ws);
uint64_t cal_ws_dropped(const cal_ws *ws); /* audio messages dropped because the peer was slow */
uint32_t cal_ws_waiting(const cal_ws *ws); /* messages in the queue */

#endif
