/* media: the media socket of a line once it is open: the wire's messages both ways. */
#ifndef LOAD_MEDIA_H
#define LOAD_MEDIA_H

#include "load/line.h"

void load_media_begin(load_line *line); /* connected, start */
void load_media_turn(load_line *line, uint64_t now_ns);
void load_media_goodbye(load_line *line); /* stop, and a close frame */
void load_media_receive(load_line *line);

#endif
