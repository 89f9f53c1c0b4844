/* slots: objects known by an id instead of a pointer.
 *
 * An id is a slot number and the generation of that slot, never 0. Freeing a slot moves its generation on, so
 * an id kept too long finds nothing: a stale handle is answered politely, never followed. Ids are 53 bits
 * wide, so a Lua number holds one exactly. One thread; guard it yourself when two need it. */
#ifndef CAL_BASE_SLOTS_H
#define CAL_BASE_SLOTS_H

#include <stdint.h>

typedef uint64_t cal_id; /* 0 = none */
typedef struct cal_slots cal_slots;

cal_slots *cal_slots_new(uint32_t ceiling,
                         uint32_t tag); /* returns owned; tag (0..255) is stored in every id */
void *cal_slots_free(cal_slots *slots); /* takes; does not touch what the slots point to; returns NULL */
cal_id cal_slots_add(cal_slots *slots, void *object);   /* borrows; 0 when the ceiling is reached */
void *cal_slots_get(const cal_slots *slots, cal_id id); /* NULL for a stale or foreign id */
void *cal_slots_remove(cal_slots *slots, cal_id id);    /* what was there, or NULL */
uint32_t cal_slots_count(const cal_slots *slots);
cal_id cal_slots_next(const cal_slots *slots,
                      cal_id after); /* walks the live ids; start with 0; 0 at the end */
uint32_t cal_id_tag(cal_id id);

#endif
