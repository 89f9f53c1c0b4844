/* player: what a carrier does with the sound it is sent: plays it in order, gives marks back when what came
 * before them was played, and here also measures how regularly it came.
 *
 * The measure. Within one utterance (it ends with a mark, or a clear) frames are due on a line of one frame's
 * length a frame. The sender may run ahead: what comes in a burst at the beginning is left out. The line is
 * laid through the earliest of the other frames, so every frame lies on it or behind it, and how far behind
 * is its lateness. That over-states it if anything: a clock that runs a little fast makes all frames but the
 * last late.
 *
 * A *gap* is what a caller would hear: a frame that came after everything before it had been played. */
#ifndef LOAD_PLAYER_H
#define LOAD_PLAYER_H

#include <stddef.h>
#include <stdint.h>

#include "load/stats.h"

enum { LOAD_SPURT_FRAMES = 2048, LOAD_MARKS = 32, LOAD_MARK_BYTES = 64 };

typedef struct load_player {
  uint64_t begin_ns, last_ns; /* arrivals of the spurt's first and latest frame */
  uint64_t position_us;       /* length of the sound that came in this spurt */
  uint32_t count, first;      /* frames in it; the first that is not of the burst */
  int32_t behind_us[LOAD_SPURT_FRAMES];
  uint64_t played_ns; /* when all sound that came will have been played */
  struct {
    uint64_t due_ns;
    char name[LOAD_MARK_BYTES];
  } marks[LOAD_MARKS];
  uint32_t mark_count;
  uint64_t gaps;
} load_player;

/* So much sound came. `late` may be NULL: nothing is measured then. */
void load_player_audio(load_player *player, uint64_t at_ns, uint64_t sound_us, load_stats *late);
void load_player_mark(load_player *player, uint64_t at_ns, const char *name, size_t bytes, load_stats *late);
void load_player_clear(load_player *player, uint64_t at_ns, load_stats *late);
void load_player_restart(load_player *player); /* forgets what was measured of the spurt so far */
void load_player_settle(load_player *player, load_stats *late); /* ends the spurt, counts it */

/* The next mark to give back; 0 when none is due. */
int load_player_due_mark(load_player *player, uint64_t now_ns, char name[LOAD_MARK_BYTES]);

#endif
