/* The inside of a compiled wire, shared by wire.c (compile), wire_read.c and wire_write.c, and by nobody
 * else. */
#ifndef CAL_CALL_WIRE_PRIVATE_H
#define CAL_CALL_WIRE_PRIVATE_H

#include "call/wire.h"
#include "call/wire_template.h"
#include "data/jscan.h"

/* Audio passes between base64 and samples in pieces that stay in the nearest cache: whole groups of three
 * bytes, whole samples. */
#define WIRE_PIECE_BYTES 768
#define WIRE_PIECE_LETTERS 1024

/* The paths a media message is asked for come first: one walk looks for those and no more. */
enum { PATH_EVENT, PATH_PAYLOAD, PATH_WHEN, MEDIA_PATHS };
enum { PATH_STREAM = MEDIA_PATHS, PATH_CALL, PATH_ENCODING, PATH_RATE, PATH_MARK, PATH_DIGIT, WIRE_PATHS };
enum { START_PATHS = PATH_MARK - PATH_STREAM };

enum { EVENT_AUDIO, EVENT_START, EVENT_MARK, EVENT_DTMF, EVENT_STOP, EVENT_CLEAR, WIRE_EVENTS };
enum { OUT_AUDIO, OUT_MARK, OUT_CLEAR, OUT_DTMF, OUT_STOP, WIRE_OUTS };

struct cal_wire {
  char *name;
  cal_encoding encoding_in, encoding_out;
  unsigned shift_in, shift_out; /* a sample has 1 << shift bytes: a division is dear at this rate */
  uint32_t rate_hz, frame_ms;
  int is_binary_in, is_binary_out;
  size_t chunk_min_bytes, chunk_multiple_bytes;
  cal_jpath paths[WIRE_PATHS];  /* one without parts was not declared */
  cal_span events[WIRE_EVENTS]; /* owned; at == NULL: no such rule */
  cal_span when_text;           /* owned */
  cal_span encoding_text;       /* owned */
  int64_t rate_expected;
  cal_wire_template out[WIRE_OUTS];
};

/* Bytes of encoded audio a message will have for so many samples, with the portion rules obeyed. */
size_t cal_wire_portion_bytes(const cal_wire *wire, size_t samples);

#endif
