#include "store/item.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

static size_t weigh(const cal_store_request *request) {
  size_t bytes = strlen(request->sql) + 1;
  for (uint32_t i = 0; i < request->param_count; i++) {
    cal_store_type type = request->params[i].type;
    if (type == CAL_STORE_TEXT || type == CAL_STORE_BLOB) bytes += request->params[i].bytes.bytes;
    if (bytes > CAL_STORE_REQUEST_BYTES) break; /* before the sum can overflow */
  }
  return bytes;
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
  item->kind = request->kind;
  item->on_done = request->on_done;
  item->context = request->context;
  item->bytes = sizeof *item + values + payload;
  item->count = request->param_count;
  for (uint32_t i = 0; i < request->param_count; i++) {
    cal_store_value *value = &item->params[i];
    *value = request->params[i];
    if (value->type != CAL_STORE_TEXT && value->type != CAL_STORE_BLOB) continue;
    if (value->bytes.bytes) memcpy(at, value->bytes.at, value->bytes.bytes);
    value->bytes.at = at;
    at += value->bytes.bytes;
  }
  memcpy(at, request->sql, strlen(request->sql) + 1);
  item->sql = at;
  *result = item;
  return 0;
}

void cal_item_answer(cal_item *item, cal_store_result *result) {
  if (item->on_done) {
    item->on_done(item->context, result);
  } else {
    cal_store_result_free(result);
  }
  cal_free(item);
}
