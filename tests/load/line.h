/* line: one telephone call as the carrier sees it.
 *
 *   ask (webhook) ─► the answer ─► open its media socket ─► opening messages ─► sound both ways
 *                                  └► the first step of carriers whose socket comes first
 *   stop ─► tell the final status (webhook)
 *
 * In echo mode a line is a socket that sends the same frames and nothing else. Lines are taken from the run's
 * spare ones and go back there when they are over. */
#ifndef LOAD_LINE_H
#define LOAD_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "load/player.h"
#include "load/run.h"
#include "load/stream.h"

enum { LOAD_INPUT_BYTES = 65536 };

typedef enum load_state {
  LOAD_IDLE,
  LOAD_ASKING,    /* the webhook is on its way */
  LOAD_UPGRADING, /* the media socket is being opened */
  LOAD_UP,
  LOAD_WAITING, /* answered, without a socket: there is no media, or not yet a final status */
  LOAD_TELLING, /* the final status is on its way */
} load_state;

typedef struct load_line {
  load_source source;
  load_run *run;
  struct load_line *next; /* in its slot, or among the spare ones */
  load_stream stream;
  int is_established;
  load_state state;
  load_agent *agent;
  uint32_t slot;
  uint64_t asked_ns, started_ns, sent_ns, tell_ns, told_ns;
  int has_spoken, was_measured, step; /* of a flood */
  char call[40], stream_id[40], path[512];
  char *request; /* what is sent when the connection stands */
  size_t request_bytes;
  char *input; /* LOAD_INPUT_BYTES and a final zero */
  size_t input_bytes;
  uint32_t turns, chunk;
  int is_ready, is_playing;
  uint64_t sequence, peer_sequence;
  load_player player;
} load_line;

void load_line_open(load_run *run, load_agent *agent);
/* One turn of 20 ms: sends a frame, gives marks back. */
void load_line_turn(load_line *line, uint64_t now_ns);
void load_line_hang_up(load_line *line); /* stop, close, and the final status unless the run is abrupt */

/* For the media half (media.h). */
load_values load_line_values(const load_line *line);
void load_line_fail(load_line *line, const char *what, const char *about);
void load_line_tell_final_status(load_line *line); /* the media socket is done with */

#endif
