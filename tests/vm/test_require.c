#include "vm/kit.h"

#include "base/error.h"

static int setup(void **unused) {
  workspace_open();
  return 0;
}

static int teardown(void **unused) {
  workspace_close();
  return 0;
}

static int opened;

static int open_clock(lua_State *L) {
  opened++;
  lua_newtable(L);
  lua_pushstring(L, "c");
  lua_setfield(L, -2, "from");
  return 1;
}

static void install(lua_State *L, void *context) {
  cal_vm_provide(L, "callisto.clock", open_clock);
  cal_vm_provide(L, "callisto.both", open_clock);
}

static cal_vm *vm_with_c(cal_vm_kind kind) {
  cal_generation *generation = build_generation(NULL, NULL);
  cal_vm *vm = NULL;
  cal_vm_options options = {.kind = kind, .name = "require", .open = install};
  assert_int_equal(cal_vm_new(&vm, generation, &options), 0);
  cal_unref(generation);
  return vm;
}

static void expect(cal_vm *vm, const char *text, const char *wanted) {
  if (run_text(vm, text) != 0) fail_msg("%s: %s", text, cal_vm_error(vm));
  assert_string_equal(lua_tostring(cal_vm_state(vm), -1), wanted);
  lua_settop(cal_vm_state(vm), 0);
}

static void a_module_is_loaded_once_and_told_its_name(void **unused) {
  write_file("lua/list.lua", "return {name = ...}");
  write_file("lua/empty.lua", "");
  cal_vm *vm = vm_with_c(CAL_VM_CALL);
  expect(vm, "assert(require 'list' == require 'list') return require 'list'.name", "list");
  expect(vm, "return tostring(require 'empty')", "true");
  cal_vm_free(vm);
}

static void lua_comes_before_c_and_c_is_opened_when_needed(void **unused) {
  write_file("lua/callisto/both.lua", "return {from = 'lua'}");
  for (int kind = CAL_VM_CALL; kind <= CAL_VM_TOOL; kind++) {
    opened = 0;
    cal_vm *vm = vm_with_c((cal_vm_kind)kind);
    assert_int_equal(opened, 0);
    expect(vm, "return require 'callisto.both'.from", "lua");
    expect(vm, "return require 'callisto.clock'.from", "c");
    expect(vm, "return require 'callisto.clock'.from", "c");
    assert_int_equal(opened, 1);
    cal_vm_free(vm);
  }
}

static void what_is_not_there_is_named(void **unused) {
  cal_vm *vm = vm_with_c(CAL_VM_CALL);
  assert_int_equal(cal_vm_require(vm, "callisto.tsak"), -EINVAL);
  assert_non_null(strstr(cal_error_text(), "module 'callisto.tsak' is not there"));
  assert_int_equal(run_text(vm, "return require(nil)"), -EINVAL);
  cal_vm_free(vm);
}

static void a_circle_is_drawn(void **unused) {
  write_file("lua/a.lua", "return require 'b'");
  write_file("lua/b.lua", "return require 'c'");
  write_file("lua/c.lua", "return require 'a'");
  write_file("lua/self.lua", "return require 'self'");
  cal_vm *vm = vm_with_c(CAL_VM_CALL);
  assert_int_equal(cal_vm_require(vm, "a"), -EINVAL);
  assert_non_null(strstr(cal_error_text(), "in a circle: 'a' needs 'b' needs 'c' needs 'a'"));
  assert_int_equal(cal_vm_require(vm, "self"), -EINVAL);
  assert_non_null(strstr(cal_error_text(), "'self' needs 'self'"));
  /* Nothing of the failed attempt stays: the same question gets the same answer. */
  assert_int_equal(cal_vm_require(vm, "b"), -EINVAL);
  assert_non_null(strstr(cal_error_text(), "'b' needs 'c' needs 'a' needs 'b'"));
  cal_vm_free(vm);
}

static void a_module_that_raises_names_file_and_line_each_time(void **unused) {
  write_file("lua/callisto/bad.lua", "local x\nreturn x.y");
  write_file("lua/user.lua", "return require 'callisto.bad'");
  cal_vm *vm = vm_with_c(CAL_VM_CALL);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(cal_vm_require(vm, "user"), -EINVAL);
    assert_non_null(strstr(cal_error_text(), "lua/callisto/bad.lua:2:"));
  }
  cal_vm_free(vm);
}

static void a_module_that_never_ends_is_stopped(void **unused) {
  write_file("lua/spin.lua", "while true do local t = {} end");
  cal_vm *vm = vm_with_c(CAL_VM_CALL);
  assert_int_equal(run_text(vm, "while true do pcall(require, 'spin') end"), -ETIMEDOUT);
  assert_non_null(strstr(cal_vm_error(vm), "lua/spin.lua:1"));
  cal_vm_free(vm);
}

static void refuse(lua_State *L, void *context) { luaL_error(L, "no %s today", (const char *)context); }

static void an_open_that_raises_leaves_no_trace(void **unused) {
  cal_vm *vm = NULL;
  cal_vm_options options = {.kind = CAL_VM_CALL, .name = "bad", .open = refuse, .context = "modules"};
  assert_int_equal(cal_vm_new(&vm, NULL, &options), -EINVAL);
  assert_null(vm);
  assert_non_null(strstr(cal_error_text(), "no modules today"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_module_is_loaded_once_and_told_its_name, setup, teardown),
      cmocka_unit_test_setup_teardown(lua_comes_before_c_and_c_is_opened_when_needed, setup, teardown),
      cmocka_unit_test_setup_teardown(what_is_not_there_is_named, setup, teardown),
      cmocka_unit_test_setup_teardown(a_circle_is_drawn, setup, teardown),
      cmocka_unit_test_setup_teardown(a_module_that_raises_names_file_and_line_each_time, setup, teardown),
      cmocka_unit_test_setup_teardown(a_module_that_never_ends_is_stopped, setup, teardown),
      cmocka_unit_test(an_open_that_raises_leaves_no_trace),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
