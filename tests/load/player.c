#include "load/player.h"

#include <string.h>

enum { BURST_MS = 10 }; /* frames closer together than this are of the burst at the beginning */

void load_player_restart(load_player *player) { player->count = player->first = 0; }

void load_player_settle(load_player *player, load_stats *late) {
  if (late && player->first) {
    int32_t earliest = INT32_MAX;
    for (uint32_t i = player->first; i < player->count; i++)
      if (player->behind_us[i] < earliest) earliest = player->behind_us[i];
    for (uint32_t i = player->first; i < player->count; i++)
      load_stats_add(late, player->behind_us[i] - earliest);
  }
  load_player_restart(player);
}

void load_player_audio(load_player *player, uint64_t at_ns, uint64_t sound_us, load_stats *late) {
  if (player->count == LOAD_SPURT_FRAMES) load_player_settle(player, late);
  if (!player->count) {
    player->begin_ns = at_ns;
    player->position_us = 0;
  } else {
    if (!player->first && at_ns - player->last_ns >= (uint64_t)BURST_MS * 1000000)
      player->first = player->count;
    if (at_ns > player->played_ns) player->gaps++;
  }
  int64_t since_us = (int64_t)(at_ns - player->begin_ns) / 1000;
  player->behind_us[player->count++] = (int32_t)(since_us - (int64_t)player->position_us);
  player->position_us += sound_us;
  player->last_ns = at_ns;
  if (player->played_ns < at_ns) player->played_ns = at_ns;
  player->played_ns += sound_us * 1000;
}

void load_player_mark(load_player *player, uint64_t at_ns, const char *name, size_t bytes, load_stats *late) {
  load_player_settle(player, late);
  if (player->mark_count == LOAD_MARKS || bytes >= LOAD_MARK_BYTES) return;
  uint32_t i = player->mark_count++;
  player->marks[i].due_ns = player->played_ns > at_ns ? player->played_ns : at_ns;
  memcpy(player->marks[i].name, name, bytes);
  player->marks[i].name[bytes] = 0;
}

void load_player_clear(load_player *player, uint64_t at_ns, load_stats *late) {
  load_player_settle(player, late);
  player->played_ns = at_ns;
  for (uint32_t i = 0; i < player->mark_count; i++) player->marks[i].due_ns = at_ns;
}

int load_player_due_mark(load_player *player, uint64_t now_ns, char name[LOAD_MARK_BYTES]) {
  if (!player->mark_count || player->marks[0].due_ns > now_ns) return 0;
  memcpy(name, player->marks[0].name, LOAD_MARK_BYTES);
  memmove(player->marks, player->marks + 1, --player->mark_count * sizeof *player->marks);
  return 1;
}
