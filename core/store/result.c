#include "store/result.h"

#include <string.h>

#include "base/mem.h"

cal_store_result *cal_result_error(int code, const char *sentence) {
  size_t bytes = strlen(sentence) + 1;
  cal_store_result *result = cal_alloc(sizeof *result + bytes);
  memcpy(result + 1, sentence, bytes);
  result->code = code;
  result->error = (const char *)(result + 1);
  return result;
}

cal_store_result *cal_store_result_free(cal_store_result *result) { return cal_free(result); }

const cal_store_value *cal_store_at(const cal_store_result *result, uint32_t row, const char *column) {
  if (row >= result->rows) return NULL;
  for (uint32_t i = 0; i < result->columns; i++)
    if (strcmp(result->names[i], column) == 0) return &result->values[(size_t)row * result->columns + i];
  return NULL;
}
