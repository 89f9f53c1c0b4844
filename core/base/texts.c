#include "base/texts.h"

#include <stddef.h>

#include "base/mem.h"

const char *const *cal_texts_copy(const char *const *texts) {
  if (!texts) return NULL;
  size_t count = 0;
  while (texts[count]) count++;
  const char **copy = cal_alloc((count + 1) * sizeof *copy);
  for (size_t i = 0; i < count; i++) copy[i] = cal_strdup(texts[i]);
  return copy;
}

void *cal_texts_free(const char *const *texts) {
  for (size_t i = 0; texts && texts[i]; i++) cal_free((char *)texts[i]);
  return cal_free((void *)texts);
}
