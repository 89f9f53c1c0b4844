#include "vm/kit.h"

#include "base/error.h"
#include "base/log.h"

static void expect(cal_vm *vm, const char *text, const char *wanted) {
  lua_State *L = cal_vm_state(vm);
  if (run_text(vm, text) != 0) fail_msg("%s: %s", text, cal_vm_error(vm));
  const char *got = lua_tostring(L, -1);
  if (!got || strcmp(got, wanted) != 0)
    fail_msg("%s: '%s' instead of '%s'", text, got ? got : "(none)", wanted);
  lua_settop(L, 0);
}

/* Each text tries to get out, and must raise; or return nothing when it gets no further. */
static const char *const escapes[] = {
    "return io.open('/etc/passwd')",
    "return os.execute('true')",
    "return os.getenv('HOME')",
    "return os.exit(0)",
    "return package.loaded",
    "return package.loadlib('libc.so.6', 'system')",
    "return debug.getregistry()",
    "return debug.sethook()",
    "return jit.on()",
    "return ffi.C",
    "return require 'ffi'",
    "return require 'jit'",
    "return require 'jit.util'",
    "return require 'jit.opt'",
    "return require 'io'",
    "return require 'os'",
    "return require 'debug'",
    "return require 'package'",
    "return require 'string.buffer'",
    "return require 'table.new'",
    "return require 'cjson'",
    "return require '../../etc/passwd'",
    "return require '/etc/passwd'",
    "return require('callisto.vm').traceback(1, 2, 3).x.y",
    "return dofile('/etc/passwd')",
    "return loadfile('/etc/passwd')()",
    "return assert(load(('\\27LJ\\2'), 'x', 'b'))",
    "return assert(load('\\27LJ\\2\\0', 'x', 'bt'))",
    "return assert(load(function() return nil end))",
    "return assert(load(('x'):rep(70000)))",
    "return loadstring('return 1')()",
    "return string.dump(function() end)",
    "return (''):dump()",
    "return getmetatable('').__index.format",
    "return setmetatable(_G, {})",
    "getmetatable(_G).__newindex = nil",
    "return getfenv(0)",
    "return setfenv(1, {})",
    "return newproxy(true)",
    "return module('x')",
    "return gcinfo()",
    "return collectgarbage('stop')",
    "return collectgarbage('setpause', 1)",
    "return collectgarbage() and collectgarbage('collect')",
    "undeclared = 1",
    "function undeclared() end",
    "_G.undeclared = 1",
    "load('undeclared = 1')()",
    "coroutine.wrap(function() undeclared = 1 end)()",
    "return coroutine.running().x",
};

static void no_escape_succeeds(void **unused) {
  static const cal_vm_kind kinds[] = {CAL_VM_CALL, CAL_VM_SERVICE};
  for (size_t k = 0; k < 2; k++) {
    cal_vm *vm = new_vm(kinds[k], NULL);
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
      int code = run_text(vm, escapes[i]);
      if (code != -EINVAL) fail_msg("%s: %d, not an error", escapes[i], code);
      lua_settop(cal_vm_state(vm), 0);
    }
    cal_vm_free(vm);
  }
}

static void valid_bytecode_is_not_loaded(void **unused) {
  static const char *const modes[] = {"t", "b", "bt", NULL};
  lua_State *compiler = luaL_newstate();
  push_bytecode(compiler, "return 1");
  size_t bytes;
  const char *code = lua_tolstring(compiler, -1, &bytes);
  cal_vm *vm = new_vm(CAL_VM_CALL, NULL);
  lua_State *L = cal_vm_state(vm);
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    lua_getglobal(L, "load");
    lua_pushlstring(L, code, bytes);
    lua_pushliteral(L, "=code");
    lua_pushstring(L, modes[i]); /* NULL pushes nil */
    assert_int_equal(cal_vm_enter(vm, 3, 2), 0);
    assert_true(lua_isnil(L, -2));
    assert_non_null(strstr(lua_tostring(L, -1), "attempt to load chunk with wrong mode"));
    lua_settop(L, 0);
  }
  cal_vm_free(vm);
  lua_close(compiler);
}

/* What is reachable from the globals, all the way down, is what this list says. */
static void the_globals_are_these_and_no_others(void **unused) {
  cal_vm *vm = new_vm(CAL_VM_CALL, NULL);
  expect(
      vm,
      "local names = {} for name in pairs(_G) do names[#names + 1] = name end table.sort(names)"
      " return table.concat(names, ' ')",
      "_G _VERSION assert bit collectgarbage coroutine error getmetatable ipairs load math next pairs pcall "
      "print "
      "rawequal rawget rawset require select setmetatable string table tonumber tostring type unpack xpcall");
  expect(vm,
         "local names = {} for name in pairs(string) do names[#names + 1] = name end table.sort(names)"
         " return table.concat(names, ' ')",
         "byte char find format gmatch gsub len lower match rep reverse sub upper");
  cal_vm_free(vm);
}

static void a_global_is_refused_by_name(void **unused) {
  cal_vm *vm = new_vm(CAL_VM_CALL, NULL);
  assert_int_equal(run_text(vm, "local x = 1\ncount = 2"), -EINVAL);
  assert_string_equal(cal_error_text(), "script:2: assignment to global 'count': declare it with 'local'");
  assert_int_equal(lua_gettop(cal_vm_state(vm)), 0);
  cal_vm_free(vm);
}

static void vms_share_nothing(void **unused) {
  cal_vm *one = new_vm(CAL_VM_CALL, NULL), *other = new_vm(CAL_VM_CALL, NULL);
  expect(one, "string.format = function() return 'mine' end return string.format('x')", "mine");
  expect(other, "return string.format('x')", "x");
  cal_vm_free(one);
  cal_vm_free(other);
}

static void what_is_left_works(void **unused) {
  static const char *const cases[][2] = {
      {"return load('return 6 * 7')()", "42"},
      {"return load('return x', 'n', 't', {x = 'given'})()", "given"},
      {"return select(2, load('x ='))", "(load):1: unexpected symbol near '<eof>'"},
      {"local ok, e = xpcall(function(a, b) error(a .. b, 0) end, function(e) return e .. '!' end, 'a', 'b') "
       "return e",
       "ab!"},
      {"return (select(2, xpcall(function(...) return select('#', ...) end, print, nil, nil)))", "2"},
      {"local co = coroutine.wrap(function() xpcall(function() coroutine.yield('through') end, print) end) "
       "return co()",
       "through"},
      {"local co = coroutine.wrap(function(a) local b = coroutine.yield(a) return a + b end) co(1) return "
       "co(2)",
       "3"},
      {"local co = coroutine.create(function() error('x', 0) end) return select(2, coroutine.resume(co))",
       "x"},
      {"local t = {3, 1, 2} table.sort(t) return table.concat(t, ',')", "1,2,3"},
      {"local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) return table.concat(t, ',')",
       "3,2,1"},
      {"local t = {'b'} table.insert(t, 'd') table.insert(t, 2, 'c') table.insert(t, 1, 'a') return "
       "table.concat(t)",
       "abcd"},
      {"local t = {} table.insert(t, 3, 'c') return t[3]", "c"},
      {"return select(2, pcall(table.insert, {}, 0, 1))", "table.insert: the position must be 1 or more"},
      {"return select(2, pcall(table.insert, {}))",
       "table.insert takes a list, perhaps a position, and a value"},
      {"return tostring(collectgarbage('count') > 10)", "true"},
      {"return require('callisto.vm').kind", "call"},
      {"return tostring(require('callisto.vm').memory_bytes() > 1000)", "true"},
      {"local co = coroutine.create(function()\nlocal function inner() local x = nil; x() end\ninner()\nend)"
       " local _, e = coroutine.resume(co) return (require('callisto.vm').traceback(co, e):gsub('\\n', '|'))",
       "script:2: attempt to call local 'x' (a nil value)|  script: in inner|  script:3: in function "
       "<script:1>"},
      {"return tostring(getmetatable(''))", "protected"},
      {"return ('x'):rep(3, ',')", "x,x,x"},
      {"return ('x'):rep(-1)", ""},
      {"return #('x'):rep(1048576)", "1048576"},
  };
  cal_vm *vm = new_vm(CAL_VM_CALL, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) expect(vm, cases[i][0], cases[i][1]);
  cal_vm_free(vm);
}

static char printed[512];
static void keep_line(void *context, const char *line) { snprintf(printed, sizeof printed, "%s", line); }

static void print_goes_to_the_log(void **unused) {
  cal_vm *vm = new_vm(CAL_VM_CALL, NULL);
  cal_vm_set_name(vm, "call-7");
  cal_log_sink(keep_line, NULL);
  int code = run_text(vm, "print('hello', 1, nil)");
  cal_log_sink(NULL, NULL);
  assert_int_equal(code, 0);
  assert_non_null(strstr(printed, "hello 1 nil"));
  assert_non_null(strstr(printed, "call-7"));
  cal_vm_free(vm);
}

static void errors_are_described(void **unused) {
  static const char *const cases[][2] = {
      {"error('plain', 0)", "plain"},
      {"error({code = 'BUSY', message = 'the line is busy'})", "the line is busy"},
      {"error(setmetatable({}, {__tostring = function() return 'told' end}))", "told"},
      {"error({})", "(the error is a table value)"},
      {"error()", "(the error is a nil value)"},
      {"error(7, 0)", "7"},
      {"error(setmetatable({}, {__tostring = function() error('no') end}))", "error in error handling"},
  };
  cal_vm *vm = new_vm(CAL_VM_CALL, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(run_text(vm, cases[i][0]), -EINVAL);
    if (strcmp(cal_error_text(), cases[i][1]) != 0) fail_msg("%s: '%s'", cases[i][0], cal_error_text());
  }
  cal_vm_free(vm);
}

/* Errors whose text is LuaJIT's say what to do. */
static void errors_name_their_remedy(void **unused) {
  static const char *const cases[][2] = {
      {"io.open('x')",
       "script:1: attempt to index global 'io' (a nil value); scripts read and write no files: "},
      {"os.time()", "script:1: attempt to index global 'os' (a nil value); scripts start no processes"},
      {"local function f() return 1 + f() end coroutine.wrap(f)()",
       "stack overflow; a function calls itself without end"},
      {"coroutine.wrap(function() ('x'):gsub('x', coroutine.yield) end)()", "callbacks of gsub and sort, "},
      {"require 'ffi'", "script:1: module 'ffi' is not there: scripts call no C"},
      {"require '../x'", "script:1: module '../x' is not there: a module's name is not a path: "},
      {"nobody.x = 1", "script:1: attempt to index global 'nobody' (a nil value)"},
  };
  cal_vm *vm = new_vm(CAL_VM_CALL, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(run_text(vm, cases[i][0]), -EINVAL);
    if (!strstr(cal_error_text(), cases[i][1])) fail_msg("%s: '%s'", cases[i][0], cal_error_text());
  }
  assert_null(strchr(cal_error_text(), ';')); /* of a name nobody knows there is nothing to say */
  cal_vm_free(vm);
}

static void a_tool_has_everything(void **unused) {
  cal_vm *vm = new_vm(CAL_VM_TOOL, NULL);
  expect(vm,
         "a_global = 1 return type(io.open) .. type(os.exit) .. type(require 'ffi') .. type(debug.sethook)",
         "functionfunctiontablefunction");
  expect(vm, "return tostring((jit.status()))", "false");
  expect(vm, "return require('callisto.vm').kind", "tool");
  cal_vm_free(vm);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_escape_succeeds),
      cmocka_unit_test(valid_bytecode_is_not_loaded),
      cmocka_unit_test(the_globals_are_these_and_no_others),
      cmocka_unit_test(a_global_is_refused_by_name),
      cmocka_unit_test(vms_share_nothing),
      cmocka_unit_test(what_is_left_works),
      cmocka_unit_test(print_goes_to_the_log),
      cmocka_unit_test(errors_are_described),
      cmocka_unit_test(errors_name_their_remedy),
      cmocka_unit_test(a_tool_has_everything),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
