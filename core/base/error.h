/* error: the one way to fail.
 *
 * A function that can be refused by the world returns 0, or a negative errno (the same numbers libuv uses),
 * and leaves a sentence for people in a text of its own thread. Results come through the first parameter and
 * are written only on success. Programmer's mistakes are asserted. Any thread. */
#ifndef CAL_BASE_ERROR_H
#define CAL_BASE_ERROR_H

/* Stores the sentence (at most 511 bytes, cut beyond) and returns `code`, so that `return cal_fail(-EINVAL,
 * "…")` reads well. */
int cal_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The sentence of the last cal_fail of this thread; never NULL; borrowed until the next failure on this
 * thread. */
const char *cal_error_text(void);

/* "ETIMEDOUT" for -ETIMEDOUT (or ETIMEDOUT); "EUNKNOWN" for what has no name. Static. */
const char *cal_error_name(int code);

#endif
