#include "base/turns.h"

static int comes_before(const void *a, const void *b) {
  const cal_turn *left = a, *right = b;
  return left->used != right->used ? left->used < right->used : left->order < right->order;
}

void cal_turns_init(cal_turns *turns) {
  *turns = (cal_turns){0};
  cal_heap_init(&turns->line, offsetof(cal_turn, place), comes_before);
}

void cal_turns_free(cal_turns *turns) { cal_heap_free(&turns->line); }

void cal_turns_want(cal_turns *turns, cal_turn *turn) {
  if (cal_turn_is_in_line(turn)) return;
  if (turn->used < turns->level) turn->used = turns->level;
  turn->order = ++turns->last_order;
  cal_heap_add(&turns->line, turn);
}

void cal_turns_leave(cal_turns *turns, cal_turn *turn) { cal_heap_remove(&turns->line, turn); }

cal_turn *cal_turns_next(cal_turns *turns) {
  cal_turn *first = cal_heap_top(&turns->line);
  if (!first) return NULL;
  cal_heap_remove(&turns->line, first);
  turns->level = first->used;
  return first;
}
