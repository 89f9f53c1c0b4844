#include "script/adapters.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"
#include "base/mem.h"
#include "script/apart.h"

typedef struct adapter {
  cal_list node;
  char *module;
  cal_vm *vm; /* NULL: it is made when it is needed */
} adapter;

struct cal_adapters {
  cal_reach *reach;
  cal_generation *generation;
  cal_list list;
};

cal_adapters *cal_adapters_new(cal_reach *reach, cal_generation *generation) {
  cal_adapters *adapters = cal_alloc(sizeof *adapters);
  adapters->reach = reach;
  adapters->generation = generation;
  cal_list_init(&adapters->list);
  return adapters;
}

cal_adapters *cal_adapters_free(cal_adapters *adapters) {
  if (!adapters) return NULL;
  cal_list_each_safe(&adapters->list, node, after) {
    adapter *a = cal_list_entry(node, adapter, node);
    cal_vm_free(a->vm);
    cal_free(a->module);
    cal_free(a);
  }
  return cal_free(adapters);
}

static adapter *adapter_in(cal_adapters *adapters, const char *module) {
  cal_list_each(&adapters->list, node) {
    adapter *a = cal_list_entry(node, adapter, node);
    if (!strcmp(a->module, module)) return a;
  }
  adapter *a = cal_alloc(sizeof *a);
  a->module = cal_strdup(module);
  cal_list_append(&adapters->list, &a->node);
  return a;
}

/* The file was good when it was judged; it may still fail for want of memory. */
static int open_vm(cal_adapters *adapters, adapter *a) {
  cal_value *value = NULL;
  int code = cal_apart_new(&a->vm, adapters->reach, adapters->generation, a->module, NULL);
  if (code) return code;
  code = cal_apart_read(a->vm, a->module, &value);
  cal_free(value);
  if (code) a->vm = cal_vm_free(a->vm);
  return code;
}

int cal_adapters_call(cal_adapters *adapters, const char *module, const char *place,
                      const cal_value *arguments, cal_value **results) {
  adapter *a = adapter_in(adapters, module);
  int code = a->vm ? 0 : open_vm(adapters, a);
  if (!code) code = cal_apart_call(a->vm, place, arguments, results);
  if (!code) return 0;
  if (a->vm) cal_fail(code, "%s", cal_vm_error(a->vm));
  if (code == -ETIMEDOUT || code == -ENOMEM) a->vm = cal_vm_free(a->vm);
  return code;
}
