/* ids: the one source of randomness and of made-up names.
 *
 * Real ids come from the kernel's generator and may be used as secrets. Simulated ones follow from their
 * seed, so that a spec sees the same ids every time; they are not secret. Real: any thread. Simulated: one
 * thread. */
#ifndef CAL_BASE_IDS_H
#define CAL_BASE_IDS_H

#include <stddef.h>
#include <stdint.h>

typedef struct cal_ids cal_ids;

cal_ids *cal_ids_real(void);               /* static */
cal_ids *cal_ids_simulated(uint64_t seed); /* returns owned */
cal_ids *cal_ids_free(cal_ids *ids);       /* takes; the real one is left alone; returns NULL */
void cal_ids_bytes(cal_ids *ids, void *out, size_t bytes);

/* Writes `prefix` (NULL = none), then `random_bytes` random bytes as lower-case base32 (a-z2-7, no padding),
 * then a zero. -EMSGSIZE when `room` is too small; then nothing is written. */
int cal_ids_text(cal_ids *ids, char *out, size_t room, const char *prefix, size_t random_bytes);

/* The room cal_ids_text needs for that many random bytes, without the prefix, with the zero. */
#define CAL_IDS_TEXT_ROOM(random_bytes) (((random_bytes)*8 + 4) / 5 + 1)

#endif
