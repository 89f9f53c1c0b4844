#include "vm/kit.h"

#include "base/error.h"

typedef struct told_errors {
  int count;
  int line;
  char path[512];
  char message[512];
} told_errors;

static void note(void *context, const char *path, int line, const char *message) {
  told_errors *told = context;
  told->count++;
  told->line = line;
  snprintf(told->path, sizeof told->path, "%s", path);
  snprintf(told->message, sizeof told->message, "%s", message);
}

static int setup(void **unused) {
  workspace_open();
  return 0;
}

static int teardown(void **unused) {
  workspace_close();
  return 0;
}

static void names_follow_the_folders(void **unused) {
  write_file("lua/callisto/init.lua", "return {}");
  write_file("lua/callisto/task.lua", "return {}");
  write_file("lua/meta/core.lua", "this is not compiled");
  write_file("lua/.hidden.lua", "neither is this");
  write_file("lua/notes.txt", "nor this");
  write_file("templates/order.lua", "return {}");
  write_file("templates/shop/cod-confirm.lua", "return {}");
  told_errors told = {0};
  cal_generation *generation = build_generation(note, &told);
  assert_int_equal(told.count, 0);
  assert_int_equal(cal_generation_count(generation), 4);
  assert_non_null(cal_generation_find(generation, "callisto"));
  assert_non_null(cal_generation_find(generation, "callisto.task"));
  assert_null(cal_generation_find(generation, "callisto.init"));
  assert_null(cal_generation_find(generation, "meta.core"));

  const cal_module *module = cal_generation_next(generation, "templates.", NULL);
  assert_string_equal(module->name, "templates.order");
  module = cal_generation_next(generation, "templates.", module);
  assert_string_equal(module->name, "templates.shop.cod-confirm");
  assert_null(cal_generation_next(generation, "templates.", module));
  int count = 0;
  for (module = NULL; (module = cal_generation_next(generation, "", module)); count++) continue;
  assert_int_equal(count, 4);
  cal_unref(generation);
}

static void a_broken_file_is_told_with_its_line_and_stops_no_other(void **unused) {
  write_file("templates/good.lua", "return {name = 'good'}");
  write_file("templates/order.lua", "local a = 1\nlocal b = = 2\nreturn a");
  told_errors told = {0};
  cal_generation *generation = build_generation(note, &told);
  assert_int_equal(told.count, 1);
  assert_int_equal(told.line, 2);
  assert_non_null(strstr(told.path, "/templates/order.lua"));
  assert_non_null(strstr(told.message, "templates/order.lua:2:"));
  assert_int_equal(cal_generation_broken(generation), 1);

  const cal_module *module = cal_generation_find(generation, "templates.order");
  assert_int_equal(module->error_line, 2);
  cal_vm *vm = new_vm(CAL_VM_CALL, generation);
  assert_int_equal(cal_vm_require(vm, "templates.order"), -EINVAL);
  assert_non_null(strstr(cal_error_text(), "templates/order.lua:2:"));
  assert_int_equal(cal_vm_require(vm, "templates.good"), 0);
  cal_vm_free(vm);
  cal_unref(generation);
}

static void what_is_not_source_is_refused(void **unused) {
  lua_State *L = luaL_newstate();
  push_bytecode(L, "return 1");
  size_t bytes;
  const char *data = lua_tolstring(L, -1, &bytes);
  write_bytes("templates/binary.lua", data, bytes);
  lua_close(L);
  char *large = cal_alloc(CAL_GENERATION_FILE_BYTES + 1);
  memset(large, '\n', CAL_GENERATION_FILE_BYTES + 1);
  write_bytes("templates/large.lua", large, CAL_GENERATION_FILE_BYTES + 1);
  write_bytes("templates/fits.lua", large, CAL_GENERATION_FILE_BYTES);
  cal_free(large);
  write_file("templates/two.words.lua", "return 1");
  write_file("templates/init/x.lua", "return 1");
  write_file("lua/init.lua", "return 1");
  write_file("lua/twice.lua", "return 1");
  write_file("lua/twice/init.lua", "return 1");

  told_errors told = {0};
  cal_generation *generation = build_generation(note, &told);
  const char *broken[] = {"templates.binary", "templates.large", "templates.two.words", "", "twice"};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    const cal_module *module = cal_generation_find(generation, broken[i]);
    if (!module || !module->error) fail_msg("'%s' is not broken", broken[i]);
  }
  assert_int_equal(told.count, 5);
  assert_null(cal_generation_find(generation, "templates.fits")->error);
  assert_null(cal_generation_find(generation, "templates.init.x")->error);
  cal_unref(generation);
}

static void the_earlier_root_wins(void **unused) {
  write_file("mine/order.lua", "return 'mine'");
  write_file("shipped/order.lua", "return 'shipped'");
  write_file("shipped/other.lua", "return 'shipped'");
  char mine[128], shipped[128], missing[128];
  snprintf(mine, sizeof mine, "%s/mine", workspace);
  snprintf(shipped, sizeof shipped, "%s/shipped/", workspace);
  snprintf(missing, sizeof missing, "%s/missing", workspace);
  cal_generation_root roots[] = {
      {.dir = missing, .prefix = "t"}, {.dir = mine, .prefix = "t"}, {.dir = shipped, .prefix = "t"}};
  cal_generation *generation = NULL;
  assert_int_equal(cal_generation_build(&generation, roots, 3, NULL, NULL, NULL), 0);
  assert_int_equal(cal_generation_broken(generation), 0);
  cal_vm *vm = new_vm(CAL_VM_CALL, generation);
  assert_int_equal(run_text(vm, "return require 't.order' .. ' ' .. require 't.other'"), 0);
  assert_string_equal(lua_tostring(cal_vm_state(vm), -1), "mine shipped");
  cal_vm_free(vm);
  cal_unref(generation);
}

static void a_root_may_hold_only_one_file(void **unused) {
  write_file("routing.lua", "return 'routes'");
  write_file("callisto.lua", "this = is not = compiled");
  write_file("spec/routing.lua", "neither is this");
  cal_generation_root root = {.dir = workspace, .prefix = "", .only = "routing.lua"};
  cal_generation *generation = NULL;
  assert_int_equal(cal_generation_build(&generation, &root, 1, NULL, NULL, NULL), 0);
  assert_int_equal(cal_generation_count(generation), 1);
  assert_null(cal_generation_find(generation, "routing")->error);
  cal_unref(generation);
}

/* Whatever else was built in this process, such as by a tool, the author's first code is number 1. */
static void the_first_is_number_one_and_what_follows_counts_on(void **unused) {
  write_file("templates/a.lua", "return 1");
  cal_generation_root root = {.dir = workspace, .prefix = ""};
  cal_generation *tool = build_generation(NULL, NULL), *first = build_generation(NULL, NULL), *second, *third;
  assert_int_equal(cal_generation_build(&second, &root, 1, first, NULL, NULL), 0);
  assert_int_equal(cal_generation_build(&third, &root, 1, first, NULL, NULL), 0); /* after a rollback */
  assert_int_equal(cal_generation_serial(tool), 1);
  assert_int_equal(cal_generation_serial(first), 1);
  assert_true(cal_generation_serial(second) >= 2);
  assert_int_equal(cal_generation_serial(third), cal_generation_serial(second) + 1);
  cal_unref(tool);
  cal_unref(first);
  cal_unref(second);
  cal_unref(third);
}

static void the_digest_follows_names_and_sources(void **unused) {
  write_file("templates/a.lua", "return 1");
  cal_generation *first = build_generation(NULL, NULL), *same = build_generation(NULL, NULL);
  write_file("templates/a.lua", "return 2");
  cal_generation *edited = build_generation(NULL, NULL);
  write_file("templates/a.lua", "return 1");
  write_file("templates/b.lua", "");
  cal_generation *longer = build_generation(NULL, NULL);
  assert_int_equal(strlen(cal_generation_digest(first)), 32);
  assert_string_equal(cal_generation_digest(first), cal_generation_digest(same));
  assert_string_not_equal(cal_generation_digest(first), cal_generation_digest(edited));
  assert_string_not_equal(cal_generation_digest(first), cal_generation_digest(longer));
  cal_unref(first);
  cal_unref(same);
  cal_unref(edited);
  cal_unref(longer);
}

static void a_vm_keeps_the_code_it_began_with(void **unused) {
  write_file("templates/order.lua", "return 'old'");
  cal_generation *old = build_generation(NULL, NULL);
  cal_vm *vm = new_vm(CAL_VM_CALL, old);
  cal_unref(old);
  write_file("templates/order.lua", "return 'new'");
  cal_generation *next = build_generation(NULL, NULL);
  cal_vm *newer = new_vm(CAL_VM_CALL, next);
  cal_unref(next);
  assert_int_equal(cal_vm_require(vm, "templates.order"), 0);
  assert_string_equal(lua_tostring(cal_vm_state(vm), -1), "old");
  assert_int_equal(cal_vm_require(newer, "templates.order"), 0);
  assert_string_equal(lua_tostring(cal_vm_state(newer), -1), "new");
  cal_vm_free(vm);
  cal_vm_free(newer);
}

static const void *bytecode_of(const cal_generation *generation, const char *name) {
  return cal_generation_find(generation, name)->bytecode;
}

static void files_that_are_the_same_are_not_compiled_again(void **unused) {
  char lua[128];
  write_file("lua/kept.lua", "return 'kept'");
  write_file("lua/edited.lua", "return 1");
  write_file("lua/bad.lua", "return return");
  snprintf(lua, sizeof lua, "%s/lua", workspace);
  cal_generation_root root = {.dir = lua, .prefix = ""};
  cal_generation *before, *after;
  assert_int_equal(cal_generation_build(&before, &root, 1, NULL, NULL, NULL), 0);
  write_file("lua/edited.lua", "return 2");
  write_file("lua/more.lua", "return 3");
  assert_int_equal(cal_generation_build(&after, &root, 1, before, NULL, NULL), 0);
  assert_ptr_equal(bytecode_of(before, "kept"), bytecode_of(after, "kept"));
  assert_ptr_not_equal(bytecode_of(before, "edited"), bytecode_of(after, "edited"));
  assert_int_equal(cal_generation_find(after, "bad")->error_line, 1);
  cal_unref(before);
  cal_vm *vm = new_vm(CAL_VM_CALL, after);
  cal_unref(after);
  assert_int_equal(run_text(vm, "return require 'kept' .. require 'edited' .. require 'more'"), 0);
  assert_string_equal(lua_tostring(cal_vm_state(vm), -1), "kept23");
  cal_vm_free(vm);
}

static void a_file_of_the_same_text_at_another_place_is_compiled(void **unused) {
  char mine[128], shipped[128];
  write_file("mine/order.lua", "error 'here'");
  write_file("shipped/order.lua", "error 'here'");
  snprintf(mine, sizeof mine, "%s/mine", workspace);
  snprintf(shipped, sizeof shipped, "%s/shipped", workspace);
  cal_generation_root roots[] = {{.dir = mine, .prefix = "t"}, {.dir = shipped, .prefix = "t"}};
  cal_generation *before, *after;
  assert_int_equal(cal_generation_build(&before, &roots[1], 1, NULL, NULL, NULL), 0);
  assert_int_equal(cal_generation_build(&after, roots, 2, before, NULL, NULL), 0);
  cal_vm *vm = new_vm(CAL_VM_CALL, after);
  assert_int_equal(cal_vm_require(vm, "t.order"), -EINVAL);
  assert_non_null(strstr(cal_vm_error(vm), "mine/order.lua:1: here"));
  cal_vm_free(vm);
  cal_unref(before);
  cal_unref(after);
}

static void a_root_may_be_a_text_and_wins_over_later_files(void **unused) {
  char templates[128];
  write_file("templates/order.lua", "return 'file'");
  snprintf(templates, sizeof templates, "%s/templates", workspace);
  cal_generation_root roots[] = {{.dir = "given", .prefix = "templates.order", .text = "return 'text'"},
                                 {.dir = "given", .prefix = "templates.bad", .text = "return return"},
                                 {.dir = templates, .prefix = "templates"}};
  cal_generation *generation = NULL;
  assert_int_equal(cal_generation_build(&generation, roots, 3, NULL, NULL, NULL), 0);
  assert_int_equal(cal_generation_count(generation), 2);
  assert_int_equal(cal_generation_broken(generation), 1);
  assert_int_equal(cal_generation_find(generation, "templates.bad")->error_line, 1);
  cal_vm *vm = new_vm(CAL_VM_CALL, generation);
  assert_int_equal(cal_vm_require(vm, "templates.order"), 0);
  assert_string_equal(lua_tostring(cal_vm_state(vm), -1), "text");
  cal_vm_free(vm);
  cal_unref(generation);
}

static void count_problem(void *context, const char *path, int line, const char *message) {
  ++*(int *)context;
}

static void it_is_given_again_until_a_file_changes(void **unused) {
  char lua[128];
  int problems = 0;
  write_file("lua/one.lua", "return 1");
  write_file("lua/bad.lua", "return return");
  snprintf(lua, sizeof lua, "%s/lua", workspace);
  cal_generation_root roots[] = {{.dir = lua, .prefix = ""},
                                 {.dir = "given", .prefix = "two", .text = "return 2"}};
  cal_generation *first, *second, *third, *fourth;
  assert_int_equal(cal_generation_again(&first, roots, 2, count_problem, &problems), 0);
  assert_int_equal(cal_generation_again(&second, roots, 2, count_problem, &problems), 0);
  assert_ptr_equal(first, second);
  assert_int_equal(problems, 2); /* each time */
  write_file("lua/one.lua", "return 11");
  assert_int_equal(cal_generation_again(&third, roots, 2, NULL, NULL), 0);
  assert_ptr_not_equal(first, third);
  roots[1].text = "return 3";
  assert_int_equal(cal_generation_again(&fourth, roots, 2, NULL, NULL), 0);
  assert_ptr_not_equal(third, fourth);
  cal_unref(first);
  cal_unref(second);
  cal_unref(third);
  cal_unref(fourth);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(names_follow_the_folders, setup, teardown),
      cmocka_unit_test_setup_teardown(a_broken_file_is_told_with_its_line_and_stops_no_other, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(what_is_not_source_is_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(the_earlier_root_wins, setup, teardown),
      cmocka_unit_test_setup_teardown(a_root_may_hold_only_one_file, setup, teardown),
      cmocka_unit_test_setup_teardown(the_first_is_number_one_and_what_follows_counts_on, setup, teardown),
      cmocka_unit_test_setup_teardown(the_digest_follows_names_and_sources, setup, teardown),
      cmocka_unit_test_setup_teardown(it_is_given_again_until_a_file_changes, setup, teardown),
      cmocka_unit_test_setup_teardown(files_that_are_the_same_are_not_compiled_again, setup, teardown),
      cmocka_unit_test_setup_teardown(a_file_of_the_same_text_at_another_place_is_compiled, setup, teardown),
      cmocka_unit_test_setup_teardown(a_root_may_be_a_text_and_wins_over_later_files, setup, teardown),
      cmocka_unit_test_setup_teardown(a_vm_keeps_the_code_it_began_with, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
