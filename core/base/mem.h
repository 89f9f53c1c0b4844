/* mem: the one way to own memory.
 *
 * An allocation is zeroed and never NULL: when the machine has none left the process says so and aborts,
 * because a telephone engine that limps on without memory loses calls in worse ways. What grows from outside
 * input has a ceiling of its own (see buf.h) and is refused long before that.
 *
 * What two sides need is reference counted, with a destructor. Release functions accept NULL and return NULL,
 * so the caller clears its pointer in the same line: `x = cal_unref(x);`. Any thread; counts are atomic. */
#ifndef CAL_BASE_MEM_H
#define CAL_BASE_MEM_H

#include <stddef.h>

void *cal_alloc(size_t bytes);                     /* returns owned */
void *cal_resize(void *memory, size_t bytes);      /* takes memory, returns owned; new bytes are not zeroed */
void *cal_free(void *memory);                      /* takes; returns NULL */
char *cal_strdup(const char *text);                /* returns owned; NULL stays NULL */
char *cal_strndup(const char *text, size_t bytes); /* returns owned, with a final zero */
void *cal_memdup(const void *memory, size_t bytes); /* returns owned; NULL when bytes is 0 */

typedef void (*cal_destructor)(void *object);

void *cal_ref_new(size_t bytes,
                  cal_destructor destroy); /* returns owned with one reference; destroy may be NULL */
void *cal_ref(void *object);               /* one more reference; returns object; NULL stays NULL */
void *cal_unref(void *object);             /* one less; the last one destroys; returns NULL */

#endif
