#include "store/item.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "data/utf8.h"

static int has_bytes(const cal_store_value *value) {
  return value->type == CAL_STORE_TEXT || value->type == CAL_STORE_BLOB;
}

static size_t weigh(const cal_store_request *request) {
  size_t bytes = strlen(request->sql) + 1;
  for (uint32_t i = 0; i < request->param_count; i++) {
    const cal_store_value *value = &request->params[i];
    if (!has_bytes(value) || !value->bytes.bytes) continue;
    if (value->bytes.bytes > CAL_STORE_REQUEST_BYTES) return value->bytes.bytes;
    bytes += value->type == CAL_STORE_TEXT ? cal_utf8_mend(NULL, value->bytes.at, value->bytes.bytes)
                                           : value->bytes.bytes;
  }
  return bytes;
}

/* Gives the value its bytes at `at`; returns where the next ones go. */
static char *copy_bytes(cal_store_value *value, char *at) {
  cal_span given = value->bytes;
  value->bytes.at = at;
  if (!given.bytes) return at;
  if (value->type == CAL_STORE_TEXT) {
    value->bytes.bytes = cal_utf8_mend(at, given.at, given.bytes);
  } else {
    memcpy(at, given.at, given.bytes);
  }
  return at + value->bytes.bytes;
}

int cal_item_new(cal_item **result, const cal_store_request *request) {
  if (request->param_count > CAL_STORE_PARAMS)
    return cal_fail(-EINVAL, "a request has at most %d parameters, not %u", CAL_STORE_PARAMS,
                    request->param_count);
  size_t payload = weigh(request);
  if (payload > CAL_STORE_REQUEST_BYTES)
    return cal_fail(-EMSGSIZE, "a request has at most %d bytes: keep large things in files",
                    CAL_STORE_REQUEST_BYTES);
  size_t values = request->param_count * sizeof(cal_store_value);
  cal_item *item = cal_alloc(sizeof *item + values + payload);
  char *at = (char *)item + sizeof *item + values;
  cal_list_init(&item->node);
  item->is_fact = request->is_fact;
  item->on_done = request->on_done;
  item->context = request->context;
  item->bytes = sizeof *item + values + payload;
  item->count = request->param_count;
  for (uint32_t i = 0; i < request->param_count; i++) {
    item->params[i] = request->params[i];
    if (has_bytes(&item->params[i])) at = copy_bytes(&item->params[i], at);
  }
  memcpy(at, request->sql, strlen(request->sql) + 1);
  item->sql = at;
  *result = item;
  return 0;
}

void cal_item_tell(cal_item *item, cal_store_result *result) {
  cal_store_done on_done = item->on_done;
  item->on_done = NULL;
  if (on_done) {
    on_done(item->context, result);
  } else {
    cal_store_result_free(result);
  }
}

void cal_item_answer(cal_item *item, cal_store_result *result) {
  cal_item_tell(item, result);
  cal_free(item);
}
