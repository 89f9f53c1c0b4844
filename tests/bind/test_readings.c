/* What files of a workspace are, from one generation of code to the next: on the library as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "bind/init.h"
#include "script/readings.h"

#define TEMPLATE(name, more)                                                                                 \
  more " return require 'callisto.template' { name = '" name "', on_call = function() end }"

static cal_reach reach;

typedef struct text {
  const char *module, *source;
} text;

static int setup(void **unused) {
  reach = (cal_reach){.open = cal_bind_open, .limits = {.entry_budget_ms = 10000}};
  return 0;
}

/* As a reload: takes `before`. */
static cal_readings *read_again(const text *texts, size_t count, cal_readings *before) {
  cal_generation_root *roots = cal_alloc((count + 1) * sizeof *roots);
  for (size_t i = 0; i < count; i++)
    roots[i] =
        (cal_generation_root){.dir = texts[i].module, .prefix = texts[i].module, .text = texts[i].source};
  roots[count] = (cal_generation_root){.dir = CAL_SOURCE_DIR "/lua", .prefix = "", .except = "meta"};
  cal_generation *generation;
  assert_int_equal(cal_generation_build(&generation, roots, count + 1,
                                        before ? cal_readings_generation(before) : NULL, NULL, NULL),
                   0);
  cal_readings *readings = cal_readings_make(&reach, generation, "", before);
  cal_unref(generation);
  cal_unref(before);
  cal_free(roots);
  return readings;
}

static const cal_reading *reading_of(const cal_readings *readings, const char *name) {
  const cal_module *module;
  const cal_reading *reading;
  for (size_t i = 0; (reading = cal_readings_at(readings, i, &module)); i++)
    if (!strcmp(module->name, name)) return reading;
  fail_msg("no file %s was read", name);
  return NULL;
}

static void assert_named(const cal_readings *readings, const char *module, const char *name) {
  cal_value_item item;
  const cal_reading *reading = reading_of(readings, module);
  if (reading->error) fail_msg("%s: %s", module, reading->error);
  assert_true(cal_value_find(reading->value, "name", &item));
  assert_true(cal_span_is(item.text, name));
}

static void what_did_not_change_is_taken_over(void **unused) {
  const text texts[] = {{"templates.a", TEMPLATE("a", "")}, {"templates.b", TEMPLATE("b", "")}};
  cal_readings *readings = read_again(texts, 2, NULL);
  assert_int_equal(cal_readings_taken_over(readings), 0);
  readings = read_again(texts, 2, readings);
  assert_int_equal(cal_readings_taken_over(readings), 2);
  readings = read_again(texts, 1, readings);
  assert_int_equal(cal_readings_taken_over(readings), 1);
  assert_named(readings, "templates.a", "a");
  cal_unref(readings);
}

static void a_file_that_changed_is_read_and_so_are_those_that_asked_for_it(void **unused) {
  text texts[] = {{"menus.words", "return { name = 'old' }"},
                  {"menus.between", "return require 'menus.words'"},
                  {"templates.apart", TEMPLATE("apart", "")},
                  {"templates.far", TEMPLATE("far", "require 'menus.between'")},
                  {"templates.near",
                   "return require 'callisto.template' { name = require('menus.words').name, "
                   "on_call = function() end }"}};
  cal_readings *readings = read_again(texts, 5, NULL);
  assert_named(readings, "templates.near", "old");
  texts[0].source = "return { name = 'new' }";
  readings = read_again(texts, 5, readings);
  assert_named(readings, "templates.near", "new");
  assert_int_equal(cal_readings_taken_over(readings), 1);
  texts[0].source = "error 'on purpose'";
  readings = read_again(texts, 5, readings);
  assert_non_null(strstr(reading_of(readings, "templates.far")->error, "on purpose"));
  assert_named(readings, "templates.apart", "apart");
  cal_unref(readings);
}

static void a_module_that_comes_or_goes_is_a_change(void **unused) {
  text texts[] = {{"templates.a", "local there, words = pcall(require, 'menus.words')\n"
                                  "return require 'callisto.template' { name = there and words or 'without', "
                                  "on_call = function() end }"},
                  {"menus.words", "return 'with'"}};
  cal_readings *readings = read_again(texts, 1, NULL);
  assert_named(readings, "templates.a", "without");
  readings = read_again(texts, 2, readings);
  assert_named(readings, "templates.a", "with");
  readings = read_again(texts, 1, readings);
  assert_named(readings, "templates.a", "without");
  assert_int_equal(cal_readings_taken_over(readings), 0);
  cal_unref(readings);
}

static void what_failed_is_read_again_each_time(void **unused) {
  const text texts[] = {{"templates.a", TEMPLATE("a", "error 'on purpose'")},
                        {"templates.bad", "return return"},
                        {"templates.good", TEMPLATE("good", "")}};
  cal_readings *readings = read_again(texts, 3, NULL);
  readings = read_again(texts, 3, readings);
  assert_int_equal(cal_readings_taken_over(readings), 1);
  assert_non_null(strstr(reading_of(readings, "templates.a")->error, "on purpose"));
  assert_non_null(strstr(reading_of(readings, "templates.bad")->error, "unexpected symbol"));
  cal_unref(readings);
}

static void a_file_that_asks_for_more_than_is_noted_is_read_each_time(void **unused) {
  const text texts[] = {
      {"templates.a", TEMPLATE("a", "for i = 1, 5000 do pcall(require, 'menus.' .. i) end")}};
  cal_readings *readings = read_again(texts, 1, NULL);
  readings = read_again(texts, 1, readings);
  assert_int_equal(cal_readings_taken_over(readings), 0);
  assert_named(readings, "templates.a", "a");
  cal_unref(readings);
}

static void other_limits_are_another_judgement(void **unused) {
  const text texts[] = {
      {"templates.a", TEMPLATE("a", "local t = {} for i = 1, 1e5 do t[i] = i .. ' of many' end")}};
  cal_readings *readings = read_again(texts, 1, NULL);
  assert_named(readings, "templates.a", "a");
  reach.limits.vm_memory_bytes = 2 << 20;
  readings = read_again(texts, 1, readings);
  assert_non_null(strstr(reading_of(readings, "templates.a")->error, "not enough memory"));
  cal_unref(readings);
}

static void many_files_are_read_by_several_threads(void **unused) {
  enum { FILES = 100 };
  static char modules[FILES][32], names[FILES][8], sources[FILES][128];
  text texts[FILES];
  for (int i = 0; i < FILES; i++) {
    snprintf(names[i], sizeof names[i], "n%d", i);
    snprintf(modules[i], sizeof modules[i], "templates.t%03d", i);
    snprintf(sources[i], sizeof sources[i], TEMPLATE("%s", ""), names[i]);
    texts[i] = (text){modules[i], sources[i]};
  }
  cal_readings *readings = read_again(texts, FILES, NULL);
  for (int i = 0; i < FILES; i++) assert_named(readings, modules[i], names[i]);
  cal_unref(readings);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(what_did_not_change_is_taken_over, setup),
      cmocka_unit_test_setup(a_file_that_changed_is_read_and_so_are_those_that_asked_for_it, setup),
      cmocka_unit_test_setup(a_module_that_comes_or_goes_is_a_change, setup),
      cmocka_unit_test_setup(what_failed_is_read_again_each_time, setup),
      cmocka_unit_test_setup(a_file_that_asks_for_more_than_is_noted_is_read_each_time, setup),
      cmocka_unit_test_setup(other_limits_are_another_judgement, setup),
      cmocka_unit_test_setup(many_files_are_read_by_several_threads, setup),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
