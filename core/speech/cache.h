/* cache: clips that were made before, by a key of text. The ones used longest ago go when the ceiling in
 * bytes is reached; a clip larger than a quarter of the ceiling is not kept. Any thread: one mutex, held for
 * a look-up. */
#ifndef CAL_SPEECH_CACHE_H
#define CAL_SPEECH_CACHE_H

#include <stddef.h>

#include "audio/clip.h"

typedef struct cal_cache cal_cache;

cal_cache *cal_cache_new(size_t ceiling_bytes);             /* returns owned; 0 keeps nothing */
void *cal_cache_free(cal_cache *cache);                     /* takes; returns NULL */
cal_clip *cal_cache_get(cal_cache *cache, const char *key); /* returns owned (a reference), or NULL */
void cal_cache_put(cal_cache *cache, const char *key, cal_clip *clip); /* keeps a reference of its own */
size_t cal_cache_bytes(cal_cache *cache);

#endif
