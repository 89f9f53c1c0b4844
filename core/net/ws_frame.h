/* ws_frame: WebSocket frames as a server reads and writes them (RFC 6455, 5). Pure.
 *
 * Bytes go in as they arrive, in pieces of any size; what comes out are pieces of messages, unmasked where they
 * lie, and control frames, whole. Everything the RFC forbids ends the reading with the close code it asks for:
 * frames without a mask, reserved bits and opcodes, fragments out of order, long or fragmented control frames,
 * lengths that are not written as short as they could be, text and reasons that are not UTF-8, close codes that
 * must not be sent (1002, 1007), and messages over the ceiling (1009), at the announcement, before a byte of
 * them is read. */
#ifndef CAL_NET_WS_FRAME_H
#define CAL_NET_WS_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "net/ws_text.h"

#define CAL_FRAME_CONTROL_CEILING 125
#define CAL_FRAME_HEAD_CEILING 10 /* bytes before the payload of a frame we write */

enum cal_frame_opcode {
  CAL_FRAME_CONTINUATION = 0,
  CAL_FRAME_TEXT = 1,
  CAL_FRAME_BINARY = 2,
  CAL_FRAME_CLOSE = 8,
  CAL_FRAME_PING = 9,
  CAL_FRAME_PONG = 10
};

typedef enum cal_frame_kind {
  CAL_FRAME_NOTHING, /* more bytes are needed */
  CAL_FRAME_PIECE,   /* of a message */
  CAL_FRAME_PINGED,
  CAL_FRAME_PONGED,
  CAL_FRAME_CLOSED,
  CAL_FRAME_BAD /* nothing after it is read any more */
} cal_frame_kind;

typedef struct cal_frame_event {
  cal_frame_kind kind;
  char *data; /* of the piece, the ping, the pong, or the reason of the close; borrowed */
  size_t bytes;
  int is_first, is_last, is_binary; /* of the piece */
  int code;                         /* of the close (1005: it had none), or to close with */
  const char *why;                  /* BAD: static */
} cal_frame_event;

typedef struct cal_frame_reader {
  size_t ceiling; /* of a message */
  uint64_t left;  /* bytes of the payload to come */
  size_t message_bytes;
  unsigned char head[14], mask[4];
  uint8_t head_bytes, mask_at, opcode;
  uint8_t is_in_payload, is_final, is_bad;
  uint8_t message;  /* opcode of the message that has begun; 0: none */
  uint8_t is_begun; /* a piece of it was given */
  uint8_t control_bytes;
  cal_ws_text text;
  char control[CAL_FRAME_CONTROL_CEILING];
} cal_frame_reader;

void cal_frame_reader_init(cal_frame_reader *reader, size_t message_ceiling_bytes);
/* Reads up to the next event; how many bytes were used. Call it again with the rest until the event is
 * CAL_FRAME_NOTHING. */
size_t cal_frame_read(cal_frame_reader *reader, char *data, size_t bytes, cal_frame_event *event);

/* Writes the head of an unmasked frame right before its payload; how many bytes it has. */
size_t cal_frame_write_head(char *payload, int opcode, size_t bytes);

int cal_close_code_is_sound(int code); /* may it stand in a close frame? */

#endif
