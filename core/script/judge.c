#include "script/judge.h"

#include <lauxlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "script/context.h"
#include "script/lua_value.h"

#define BUDGET_MS 20000 /* of our own code over what all files say */
#define VERDICT_BYTES (64u << 20)

static void open_libraries(lua_State *L, void *context) {
  cal_reach *reach = context;
  cal_context_new(L)->reach = reach;
  reach->open(L);
}

static int new_judge(cal_vm **vm, cal_reach *reach, cal_generation *generation) {
  cal_vm_options options = {.kind = CAL_VM_TOOL, /* it looks into compiled code */
                            .name = "judge",
                            .entry_budget_ms = BUDGET_MS,
                            .open = open_libraries,
                            .context = reach};
  return cal_vm_new(vm, generation, &options);
}

static void put_text(lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

/* A file as the judge gets it (callisto.JudgedFile). */
static void push_file(lua_State *L, const cal_module *module, const cal_reading *reading) {
  lua_newtable(L);
  put_text(L, "module", module->name);
  put_text(L, "path", module->path);
  if (!module->error && !luaL_loadbufferx(L, module->bytecode, module->bytes, module->name, "b"))
    lua_setfield(L, -2, "chunk");
  if (reading->error) {
    put_text(L, "error", reading->error);
    put_text(L, "trace", reading->trace);
  } else {
    cal_lua_push_value(L, reading->value);
    lua_setfield(L, -2, "value");
  }
}

static void push_files(lua_State *L, const cal_readings *readings) {
  const cal_module *module;
  const cal_reading *reading;
  lua_newtable(L);
  for (size_t i = 0; (reading = cal_readings_at(readings, i, &module)); i++) {
    push_file(L, module, reading);
    lua_rawseti(L, -2, (int)i + 1);
  }
}

/* verdict(files, library, into): inside the entry, so that packing may raise. */
static int judge_and_pack(lua_State *L) {
  cal_buf *into = lua_touserdata(L, 3);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "callisto.judge");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "verdict");
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_call(L, 2, 1);
  cal_lua_pack(L, -1, "the verdict", into);
  if (!into->ceiling)
    return luaL_error(L, "the files of this workspace say more than %d bytes", VERDICT_BYTES);
  return 0;
}

static int judge(cal_vm *vm, cal_buf *packed, cal_reach *reach, const cal_readings *readings) {
  lua_State *L = cal_vm_state(vm);
  lua_pushcfunction(L, judge_and_pack);
  push_files(L, readings);
  lua_pushstring(L, reach->library);
  lua_pushlightuserdata(L, packed);
  int code = cal_vm_enter(vm, 3, 0);
  return code ? cal_fail(code, "%s", cal_vm_error(vm)) : 0;
}

int cal_judge(cal_value **verdict, cal_reach *reach, const cal_readings *readings) {
  cal_vm *vm;
  cal_buf packed;
  int code = new_judge(&vm, reach, cal_readings_generation(readings));
  if (code) return code;
  cal_buf_init(&packed, VERDICT_BYTES);
  code = judge(vm, &packed, reach, readings);
  if (!code) *verdict = cal_value_take(&packed);
  cal_buf_free(&packed);
  cal_vm_free(vm);
  return code;
}

/* ---- what it says */

/* One { file, line, message }, whose table has been opened. */
static void tell_one(cal_value_reader *reader, int is_warning, cal_judge_report report, void *context) {
  cal_value_item key, item;
  char *file = NULL, *message = NULL;
  int line = 0;
  while (cal_value_next(reader, &key) && key.kind != CAL_VALUE_END && cal_value_next(reader, &item)) {
    if (cal_span_is(key.text, "line")) line = (int)item.number;
    if (cal_span_is(key.text, "file")) file = cal_strndup(item.text.at, item.text.bytes);
    if (cal_span_is(key.text, "message")) message = cal_strndup(item.text.at, item.text.bytes);
  }
  report(context, is_warning, file, line, message);
  cal_free(file);
  cal_free(message);
}

static void tell(const cal_value *verdict, const char *list, int is_warning, cal_judge_report report,
                 void *context) {
  cal_value_item key, item;
  cal_value_reader reader = cal_value_read(verdict);
  cal_value_next(&reader, &item);
  while (cal_value_next(&reader, &key) && key.kind != CAL_VALUE_END && cal_value_next(&reader, &item)) {
    if (!cal_span_is(key.text, list)) {
      cal_value_skip(&reader, &item);
      continue;
    }
    while (cal_value_next(&reader, &item) && item.kind == CAL_VALUE_TABLE)
      tell_one(&reader, is_warning, report, context);
    return;
  }
}

void cal_judge_tell(const cal_value *verdict, cal_judge_report report, void *context) {
  tell(verdict, "warnings", 1, report, context);
  tell(verdict, "problems", 0, report, context);
}
