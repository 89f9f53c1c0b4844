#include "base/slots.h"

#include <assert.h>
#include <stddef.h>

#include "base/mem.h"

/* An id, from its top bit 52 down: 8 bits of tag, then the generation, then as many bits of slot number as
 * the ceiling needs. A table of 4,096 slots so has 33 bits of generation: a slot has to be used eight
 * thousand million times before an id returns. Freed slots wait in a queue, not on a stack, so that all of
 * them age alike. */
#define TAG_SHIFT 45
#define CEILING_MOST (UINT32_C(1) << 24)
#define NONE UINT32_MAX

typedef struct slot {
  void *object; /* NULL = free */
  uint64_t generation;
  uint32_t next_free;
} slot;

struct cal_slots {
  slot *slots;
  uint32_t made, room, ceiling; /* of the slots */
  uint32_t live;
  uint32_t first_free, last_free;
  uint32_t tag;
  unsigned number_bits;
};

cal_slots *cal_slots_new(uint32_t ceiling, uint32_t tag) {
  assert(ceiling > 0 && ceiling <= CEILING_MOST && tag <= 255);
  cal_slots *slots = cal_alloc(sizeof *slots);
  slots->ceiling = ceiling;
  slots->tag = tag;
  slots->first_free = slots->last_free = NONE;
  while ((UINT32_C(1) << slots->number_bits) < ceiling) slots->number_bits++;
  return slots;
}

void *cal_slots_free(cal_slots *slots) {
  if (slots) cal_free(slots->slots);
  return cal_free(slots);
}

static uint32_t number_of(const cal_slots *slots, cal_id id) {
  return (uint32_t)(id & ((UINT64_C(1) << slots->number_bits) - 1));
}

static uint64_t generation_most(const cal_slots *slots) {
  return (UINT64_C(1) << (TAG_SHIFT - slots->number_bits)) - 1;
}

static cal_id id_of(const cal_slots *slots, uint32_t number) {
  return ((uint64_t)slots->tag << TAG_SHIFT) | (slots->slots[number].generation << slots->number_bits) |
         number;
}

static uint32_t new_slot(cal_slots *slots) {
  if (slots->made == slots->ceiling) return NONE;
  if (slots->made == slots->room) {
    uint32_t room = slots->room ? slots->room * 2 : 16;
    if (room > slots->ceiling) room = slots->ceiling;
    slots->slots = cal_resize(slots->slots, room * sizeof(slot));
    slots->room = room;
  }
  slots->slots[slots->made] = (slot){.generation = 1, .next_free = NONE};
  return slots->made++;
}

static uint32_t take_free(cal_slots *slots) {
  uint32_t number = slots->first_free;
  if (number == NONE) return new_slot(slots);
  slots->first_free = slots->slots[number].next_free;
  if (slots->first_free == NONE) slots->last_free = NONE;
  return number;
}

cal_id cal_slots_add(cal_slots *slots, void *object) {
  assert(object);
  uint32_t number = take_free(slots);
  if (number == NONE) return 0;
  slots->slots[number].object = object;
  slots->live++;
  return id_of(slots, number);
}

void *cal_slots_get(const cal_slots *slots, cal_id id) {
  uint32_t number = number_of(slots, id);
  if (number >= slots->made || id_of(slots, number) != id) return NULL;
  return slots->slots[number].object;
}

void *cal_slots_remove(cal_slots *slots, cal_id id) {
  void *object = cal_slots_get(slots, id);
  if (!object) return NULL;
  uint32_t number = number_of(slots, id);
  slot *freed = &slots->slots[number];
  uint64_t generation = freed->generation == generation_most(slots) ? 1 : freed->generation + 1;
  *freed = (slot){.generation = generation, .next_free = NONE};
  if (slots->last_free == NONE)
    slots->first_free = number;
  else
    slots->slots[slots->last_free].next_free = number;
  slots->last_free = number;
  slots->live--;
  return object;
}

uint32_t cal_slots_count(const cal_slots *slots) { return slots->live; }

cal_id cal_slots_next(const cal_slots *slots, cal_id after) {
  /* Only the number counts, so the walk goes on when `after` itself was removed in between. */
  for (uint32_t number = after ? number_of(slots, after) + 1 : 0; number < slots->made; number++)
    if (slots->slots[number].object) return id_of(slots, number);
  return 0;
}

uint32_t cal_id_tag(cal_id id) { return (uint32_t)(id >> TAG_SHIFT) & 255; }
