/* texts: a list of texts that ends with NULL, as options have them. Any thread. */
#ifndef CAL_BASE_TEXTS_H
#define CAL_BASE_TEXTS_H

const char *const *cal_texts_copy(const char *const *texts); /* returns owned; NULL of NULL */
void *cal_texts_free(const char *const *texts);              /* takes, with the texts; returns NULL */

#endif
