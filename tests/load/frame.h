/* frame: RFC 6455 framing, the client's half, no more than a load generator needs. */
#ifndef LOAD_FRAME_H
#define LOAD_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { LOAD_TEXT = 1, LOAD_BINARY = 2, LOAD_CLOSE = 8, LOAD_PING = 9, LOAD_PONG = 10 };

#define LOAD_FRAME_PAD 8 /* room a sender leaves before the payload */

/* Masks `payload` in place and writes the header right before it. Returns where the frame begins;
 * `*frame_bytes` is its length. One key a frame, cheaply made: a mask protects proxies, not secrets. Payloads
 * have at most 65,535 bytes. */
char *load_frame_write(char *payload, size_t bytes, int opcode, uint32_t key, size_t *frame_bytes);

typedef struct load_frame {
  int opcode;
  int is_last;
  const char *payload;
  size_t bytes;
} load_frame;

/* Reads one frame of a server. Returns its length on the wire, 0 when it is not complete, -1 when it is
 * masked. */
ssize_t load_frame_read(const char *data, size_t bytes, load_frame *frame);

#endif
