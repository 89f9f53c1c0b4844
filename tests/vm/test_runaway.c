/* Scripts that really run away: each is stopped with the right code, and the process and other VMs go on. */
#include "vm/kit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/error.h"

typedef struct runaway_case {
  const char *name;
  const char *text;
  int code;
  int allocates; /* its innermost loop allocates: ThreadSanitizer delivers signals only there */
} runaway_case;

static const runaway_case runaways[] = {
    {"endless loop", "while true do end", -ETIMEDOUT, 0},
    {"numeric loop", "for i = 1, math.huge do end", -ETIMEDOUT, 0},
    {"goto loop", "::again:: goto again", -ETIMEDOUT, 0},
    {"pcall loop", "while true do pcall(error) end", -ETIMEDOUT, 0},
    {"pcall of a loop in a loop", "while true do pcall(function() while true do end end) end", -ETIMEDOUT, 0},
    {"pcall nested in pcall",
     "local function f() while true do pcall(f) end end while true do pcall(pcall, f) end", -ETIMEDOUT, 0},
    {"pcall as the last call", "return pcall(function() while true do end end)", -ETIMEDOUT, 0},
    {"xpcall whose handler loops",
     "xpcall(function() while true do end end, function() while true do end end)", -ETIMEDOUT, 0},
    {"xpcall whose handler loops, from an error", "xpcall(error, function() while true do end end)",
     -ETIMEDOUT, 0},
    {"xpcall loop", "while true do xpcall(function() while true do end end, function(e) return e end) end",
     -ETIMEDOUT, 0},
    {"handler that calls xpcall",
     "local function h(e) while true do xpcall(error, function() end) end end xpcall(error, h)", -ETIMEDOUT,
     1},
    {"loop in a coroutine", "coroutine.wrap(function() while true do end end)()", -ETIMEDOUT, 0},
    {"loop of coroutines",
     "while true do local co = coroutine.create(function() while true do end end) coroutine.resume(co) end",
     -ETIMEDOUT, 0},
    {"two coroutines that yield to each other",
     "local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end",
     -ETIMEDOUT, 0},
    {"pcall in a coroutine",
     "local co = coroutine.create(function() while true do pcall(function() while true do end end) end end)"
     " while true do coroutine.resume(co) end",
     -ETIMEDOUT, 0},
    {"__index that loops",
     "local t = setmetatable({}, {__index = function(t, k) while true do end end}) return t.x", -ETIMEDOUT,
     0},
    {"__tostring that loops", "error(setmetatable({}, {__tostring = function() while true do end end}))",
     -ETIMEDOUT, 0},
    {"__tostring that loops, printed",
     "print(setmetatable({}, {__tostring = function() while true do end end}))", -ETIMEDOUT, 0},
    {"__concat that loops", "return setmetatable({}, {__concat = function() while true do end end}) .. 'x'",
     -ETIMEDOUT, 0},
    {"comparison that loops", "table.sort({3, 2, 1}, function() while true do end end)", -ETIMEDOUT, 0},
    {"sort of a long list",
     "local t = {} for i = 1, 4e5 do t[i] = i % 977 end while true do table.sort(t) end", -ETIMEDOUT, 0},
    {"callback of gsub that loops", "(('x'):rep(10)):gsub('x', function() while true do end end)", -ETIMEDOUT,
     0},
    {"exponential pattern, find", "return ('a'):rep(3000):find(('a-'):rep(12) .. 'b')", -ETIMEDOUT, 0},
    {"exponential pattern, match", "return ('a'):rep(3000):match(('a*'):rep(12) .. 'b')", -ETIMEDOUT, 0},
    {"exponential pattern, gsub", "return ('a'):rep(3000):gsub(('.-'):rep(9) .. 'b', '')", -ETIMEDOUT, 0},
    {"exponential pattern, gmatch", "for w in ('a'):rep(3000):gmatch(('a?a-'):rep(9) .. 'b') do end",
     -ETIMEDOUT, 0},
    {"exponential pattern under pcall",
     "while true do pcall(string.find, ('a'):rep(3000), ('a-'):rep(12) .. 'b') end", -ETIMEDOUT, 0},
    {"insert far before a list begins", "table.insert({}, -2147483648, 1)", -EINVAL, 0},
    {"insert at positions that are not positions",
     "while true do pcall(table.insert, {}, -2147483648, 1) pcall(table.insert, {}, 2 ^ 53, 1)"
     " pcall(table.insert, {}, 0 / 0, 1) end",
     -ETIMEDOUT, 0},
    {"coroutines nested as deep as they go, with a loop in each",
     "local function deep() while true do coroutine.resume(coroutine.create(deep)) end end deep()",
     -ETIMEDOUT, 0},
    {"pcalls nested in coroutines nested",
     "local function deep(n)\n"
     "  while true do\n"
     "    if n % 5000 == 0 then coroutine.wrap(deep)(n + 1) else pcall(deep, n + 1) end\n"
     "  end\n"
     "end\n"
     "deep(1)",
     -ETIMEDOUT, 0},
    {"the same through format",
     "local function deep()\n"
     "  local value = setmetatable({}, {__tostring = function() while true do pcall(deep) end end})\n"
     "  return coroutine.wrap(function() return ('%s'):format(value) end)()\n"
     "end\n"
     "deep()",
     -ETIMEDOUT, 0},
    {"quadratic pattern", "local s = ('('):rep(1e6) while true do s:find('%b()') end", -ETIMEDOUT, 0},
    {"strings made without end", "while true do local s = ('x'):rep(1000) .. math.random() end", -ETIMEDOUT,
     1},
    {"garbage without end", "while true do local t = {{}, {}} end", -ETIMEDOUT, 1},
    {"garbage beside a heap that is nearly full",
     "local keep = {} for i = 1, 12 do keep[i] = ('x'):rep(1e6 - i) end while true do local t = {{}, {}} end",
     -ETIMEDOUT, 1},
    {"tables without end", "local t = {} while true do t = {t} end", -ENOMEM, 1},
    {"list without end", "local t = {} while true do t[#t + 1] = {} end", -ENOMEM, 1},
    {"string that doubles", "local s = 'x' while true do s = s .. s end", -ENOMEM, 1},
    {"concat bomb", "local s, t = ('x'):rep(1e6), {} for i = 1, 1e4 do t[i] = s end return table.concat(t)",
     -ENOMEM, 1},
    {"format bomb", "local s = ('x'):rep(1e6) while true do s = string.format('%s%s', s, s) end", -ENOMEM, 1},
    {"rep bomb", "return ('x'):rep(1e9)", -EINVAL, 1},
    {"rep bomb with a separator", "return (''):rep(1e9, 'x')", -EINVAL, 1},
    {"rep of nothing", "return (''):rep(1e15)", 0, 1},
    {"deep recursion", "local function f() return 1 + f() end return f()", -EINVAL, 1},
    {"deep recursion under pcall", "local function f() return pcall(f), 1 end return f()", 0, 1},
    {"gsub inside gsub without end", "local function f() return (('x'):gsub('x', f)) end return f()", -EINVAL,
     1},
    {"gsub through __index without end",
     "local t = {} setmetatable(t, {__index = function() return (('x'):gsub('x', t)) end}) return "
     "('x'):gsub('x', t)",
     -EINVAL, 1},
    {"sort inside sort without end", "local function f() table.sort({1, 2}, f) end f()", -EINVAL, 1},
    {"coroutine inside coroutine without end", "local function f() coroutine.wrap(f)() end f()", -EINVAL, 1},
    {"print inside print without end",
     "local t = {} setmetatable(t, {__tostring = function() print(t) return '' end}) print(t)", -EINVAL, 1},
    {"__tostring inside format without end",
     "local t = {} setmetatable(t, {__tostring = function() return string.format('%s', t) end}) return "
     "tostring(t)",
     -EINVAL, 1},
    {"handler inside handler without end",
     "local function h() return xpcall(error, h) end return xpcall(error, h)", 0, 1},
    {"error that is a table", "error({code = 'BUSY', message = 'the line is busy'})", -EINVAL, 1},
    {"error that is nil", "error()", -EINVAL, 1},
    {"pattern nested too deep", "return ('x'):rep(300):match(('x?'):rep(300))", -EINVAL, 1},
    {"long plain search", "local n = ('a'):rep(5e5) return (n .. n):find(n .. 'b', 1, true)", 0, 1},
};

static void every_runaway_is_stopped(void **unused) {
  for (size_t i = 0; i < sizeof runaways / sizeof *runaways; i++) {
    const runaway_case *runaway = &runaways[i];
    if (IS_TSAN && !runaway->allocates) continue;
    cal_vm *vm = runaway->code == -ETIMEDOUT ? new_vm(CAL_VM_CALL, NULL) : new_patient_vm();
    int code = run_text(vm, runaway->text);
    if (code != runaway->code)
      fail_msg("%s: %d (%s) instead of %d", runaway->name, code, cal_vm_error(vm), runaway->code);
    if (code < 0 && !*cal_vm_error(vm)) fail_msg("%s: no text", runaway->name);
    assert_int_equal(lua_gettop(cal_vm_state(vm)), code == 0 ? 1 : 0);
    assert_int_equal(cal_vm_is_condemned(vm), code == -ETIMEDOUT);
    cal_vm_free(vm);
  }
}

/* Leaving its pcalls one by one took a second for a few hundred thousand of them. */
static void a_coroutine_is_stopped_in_one_step_whatever_it_is_in(void **unused) {
  cal_vm *vm = new_vm(CAL_VM_CALL, NULL);
  lua_State *L = cal_vm_state(vm), *co = lua_newthread(L);
  assert_int_equal(
      luaL_loadstring(co, "while true do pcall(function() while true do local t = {} end end) end"), 0);
  assert_int_equal(luaL_loadstring(L, "return coroutine.resume(...)"), 0);
  lua_pushvalue(L, 1);
  assert_int_equal(cal_vm_enter(vm, 1, 0), -ETIMEDOUT);
  assert_int_equal(lua_status(co), LUA_YIELD);
  assert_non_null(strstr(cal_vm_error(vm), "time budget of 50 ms used up"));
  cal_vm_free(vm);
}

static void a_vm_that_ran_out_of_time_is_not_entered_again(void **unused) {
  cal_vm *vm = new_vm(CAL_VM_CALL, NULL), *other = new_vm(CAL_VM_CALL, NULL);
  assert_int_equal(run_text(vm, "while true do local t = {} end"), -ETIMEDOUT);
  assert_non_null(strstr(cal_error_text(), "time budget of 50 ms used up"));
  assert_int_equal(run_text(vm, "return 1"), -ETIMEDOUT);
  assert_int_equal(lua_gettop(cal_vm_state(vm)), 0);
  assert_int_equal(run_text(other, "return 1"), 0);
  cal_vm_free(vm);
  cal_vm_free(other);
}

/* It serves every call of its thread: only the request that overran fails. */
static void a_service_vm_goes_on_after_its_time_out(void **unused) {
  cal_vm *vm = new_vm(CAL_VM_SERVICE, NULL);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(run_text(vm, "while true do pcall(function() local t = {} end) end"), -ETIMEDOUT);
    assert_false(cal_vm_is_condemned(vm));
    assert_int_equal(run_text(vm, "local n = 0 for i = 1, 1000 do n = n + 1 end return n"), 0);
    assert_int_equal(lua_tointeger(cal_vm_state(vm), -1), 1000);
    lua_settop(cal_vm_state(vm), 0);
  }
  cal_vm_free(vm);
}

static void the_message_says_where_the_time_went(void **unused) {
  cal_vm *vm = new_vm(CAL_VM_CALL, NULL);
  assert_int_equal(
      run_text(vm, "local function spin()\n  while true do\n    local t = {}\n  end\nend\npcall(spin)"),
      -ETIMEDOUT);
  assert_non_null(strstr(cal_vm_error(vm), "script:"));
  assert_non_null(strstr(cal_vm_error(vm), "in function <script:1>"));
  cal_vm_free(vm);
}

static void the_message_says_where_the_memory_went(void **unused) {
  static const char *const texts[] = {
      "local t = {}\nwhile true do t[#t + 1] = {} end",
      "local t = {}\nwhile true do t[#t + 1] = ('x'):rep(1000) .. #t end",
      "local t = 'x'\nwhile true do t = t .. t end",
      /* In a coroutine, as flows run. */
      "local step = coroutine.create(function() local t = {}\nwhile true do t[#t + 1] = {} end end)\n"
      "local ok, why = coroutine.resume(step) error(why, 0)",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    cal_vm *vm = new_patient_vm();
    assert_int_equal(run_text(vm, texts[i]), -ENOMEM);
    const char *text = cal_vm_error(vm);
    if (strncmp(text, "not enough memory: the ceiling is 16777216 bytes;", 49) ||
        !strstr(text, "\n  script:2:"))
      fail_msg("%s", text);
    cal_vm_free(vm);
  }
}

static void a_vm_that_ran_out_of_memory_can_be_used_again(void **unused) {
  cal_vm *vm = new_patient_vm();
  for (int i = 0; i < 3; i++) {
    assert_int_equal(run_text(vm, "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end"),
                     -ENOMEM);
    assert_non_null(strstr(cal_vm_error(vm), "not enough memory"));
    assert_true(cal_vm_peak_bytes(vm) <= 17 * 1024 * 1024);
  }
  assert_int_equal(run_text(vm, "local t = {} for i = 1, 1000 do t[i] = {} end return #t"), 0);
  assert_int_equal(lua_tointeger(cal_vm_state(vm), -1), 1000);
  cal_vm_free(vm);
}

static void c_may_push_values_into_a_vm_that_is_full(void **unused) {
  cal_vm *vm = NULL;
  cal_vm_options options = {
      .kind = CAL_VM_CALL, .name = "full", .memory_bytes = 1024 * 1024, .entry_budget_ms = CAL_VM_UNLIMITED};
  assert_int_equal(cal_vm_new(&vm, NULL, &options), 0);
  lua_State *L = cal_vm_state(vm);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  int kept = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pop(L, 1);
  assert_int_equal(luaL_loadstring(L, "local t = ... while true do t[#t + 1] = {} end"), 0);
  lua_rawgeti(L, LUA_REGISTRYINDEX, kept);
  assert_int_equal(cal_vm_enter(vm, 1, 0), -ENOMEM);
  for (int i = 0; i < 64; i++) {
    lua_pushfstring(L, "%d", i);
    lua_newtable(L);
  }
  lua_settop(L, 0);
  cal_vm_free(vm);
}

static void garbage_is_collected_before_memory_is_refused(void **unused) {
  cal_vm *vm = new_patient_vm();
  /* 10 MiB are held: left to itself the collector would begin at 20, over the ceiling of 16. */
  int code = run_text(vm, "local keep = {} for i = 1, 10 do keep[i] = ('x'):rep(1e6) .. i end"
                          " for i = 1, 60 do local s = ('y'):rep(5e5) .. i end return #keep");
  if (code != 0) fail_msg("%s", cal_vm_error(vm));
  cal_vm_free(vm);
}

static void a_script_with_much_memory_cannot_overflow_the_c_stack(void **unused) {
  cal_vm *vm = NULL;
  cal_vm_options options = {
      .kind = CAL_VM_CALL, .name = "large", .memory_bytes = 512 << 20, .entry_budget_ms = CAL_VM_UNLIMITED};
  assert_int_equal(cal_vm_new(&vm, NULL, &options), 0);
  assert_int_equal(run_text(vm, "local function f() coroutine.wrap(f)() end f()"), -EINVAL);
  assert_int_equal(run_text(vm, "local function f()\n"
                                "  local ok, text = coroutine.resume(coroutine.create(f))\n"
                                "  if not ok then error(text, 0) end\n"
                                "end\n"
                                "f()"),
                   -EINVAL);
  assert_non_null(strstr(cal_error_text(), "C stack overflow"));
  assert_int_equal(
      run_text(vm, "local function f() return coroutine.resume(coroutine.create(f)) end return f()"), 0);
  cal_vm_free(vm);
}

static void many_short_entries_are_not_one_long_one(void **unused) {
  cal_vm *vm = new_vm(CAL_VM_CALL, NULL);
  for (int i = 0; i < 40; i++) {
    if (run_text(vm, "for i = 1, 2e5 do local t = i * 2 end") != 0) fail_msg("%s", cal_vm_error(vm));
    lua_settop(cal_vm_state(vm), 0);
  }
  cal_vm_free(vm);
}

static uint64_t cpu_ms(void) {
  struct timespec at;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return (uint64_t)at.tv_sec * 1000 + (uint64_t)at.tv_nsec / 1000000;
}

/* Each entry is far too short for the watchdog to see twice. */
static void the_budget_of_a_life_is_kept_over_short_entries(void **unused) {
  cal_vm *vm = NULL;
  cal_vm_options options = {
      .kind = CAL_VM_CALL, .name = "old", .entry_budget_ms = CAL_VM_UNLIMITED, .life_budget_ms = 60};
  assert_int_equal(cal_vm_new(&vm, NULL, &options), 0);
  uint64_t started_ms = cpu_ms();
  int code = 0;
  while (code == 0 && cpu_ms() - started_ms < 600) { /* ten lives of CPU time, not of wall time */
    code = run_text(vm, "for i = 1, 100 do local t = {} end");
    lua_settop(cal_vm_state(vm), 0);
  }
  assert_int_equal(code, -ETIMEDOUT);
  assert_string_equal(cal_error_text(), "time budget of 60 ms used up");
  assert_true(cal_vm_is_condemned(vm));
  cal_vm_free(vm);
}

static void the_budget_of_a_life_stops_one_long_entry(void **unused) {
  cal_vm *vm = NULL;
  cal_vm_options options = {
      .kind = CAL_VM_CALL, .name = "old", .entry_budget_ms = CAL_VM_UNLIMITED, .life_budget_ms = 60};
  assert_int_equal(cal_vm_new(&vm, NULL, &options), 0);
  assert_int_equal(run_text(vm, "while true do local t = {} end"), -ETIMEDOUT);
  assert_non_null(strstr(cal_error_text(), "time budget of 60 ms used up"));
  cal_vm_free(vm);
}

static int enter_inner(lua_State *L) {
  cal_vm *inner = lua_touserdata(L, lua_upvalueindex(1));
  lua_pushinteger(L, run_text(inner, "while true do local t = {} end"));
  return 1;
}

static void an_inner_vm_is_stopped_and_the_outer_goes_on(void **unused) {
  cal_vm *tool = new_vm(CAL_VM_TOOL, NULL), *call = new_vm(CAL_VM_CALL, NULL);
  lua_State *L = cal_vm_state(tool);
  lua_pushlightuserdata(L, call);
  lua_pushcclosure(L, enter_inner, 1);
  lua_setglobal(L, "enter_inner");
  assert_int_equal(
      run_text(tool, "local code = enter_inner() for i = 1, 1e5 do local t = {} end return code"), 0);
  assert_int_equal(lua_tointeger(L, -1), -ETIMEDOUT);
  cal_vm_free(call);
  cal_vm_free(tool);
}

/* One sort that lasts for seconds is stopped inside, in the comparison, not when it is over. */
#if !IS_TSAN
static void a_long_sort_is_stopped_in_the_middle(void **unused) {
  cal_vm *vm = new_vm(CAL_VM_CALL, NULL);
  assert_int_equal(run_text(vm, "string.list = {}"), 0);
  for (int i = 0; i < 90; i++) /* in portions, each far below the budget */
    assert_int_equal(
        run_text(vm, "local t = string.list for i = #t + 1, #t + 10000 do t[i] = math.random() end"), 0);
  lua_settop(cal_vm_state(vm), 0);
  assert_int_equal(run_text(vm, "table.sort(string.list)"), -ETIMEDOUT);
  assert_non_null(strstr(cal_vm_error(vm), "in sort"));
  cal_vm_free(vm);
}
#endif

/* Two threads of scripts: one only runs away, the other only works. */
static atomic_int are_done;

static void *run_away(void *unused) {
  for (int i = 0; i < 8; i++) {
    cal_vm *vm = new_vm(CAL_VM_CALL, NULL);
    assert_int_equal(run_text(vm, "while true do pcall(function() while true do local t = {} end end) end"),
                     -ETIMEDOUT);
    cal_vm_free(vm);
  }
  atomic_store(&are_done, 1);
  return NULL;
}

static void a_runaway_on_one_thread_does_not_touch_another(void **unused) {
  pthread_t thread;
  atomic_store(&are_done, 0);
  assert_int_equal(pthread_create(&thread, NULL, run_away, NULL), 0);
  cal_vm *vm = new_vm(CAL_VM_CALL, NULL);
  while (!atomic_load(&are_done)) {
    if (run_text(vm, "local s = 0 for i = 1, 100 do s = s + i end return s") != 0)
      fail_msg("%s", cal_vm_error(vm));
    assert_int_equal(lua_tointeger(cal_vm_state(vm), -1), 5050);
    lua_settop(cal_vm_state(vm), 0);
  }
  pthread_join(thread, NULL);
  cal_vm_free(vm);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_runaway_is_stopped),
    cmocka_unit_test(a_coroutine_is_stopped_in_one_step_whatever_it_is_in),
    cmocka_unit_test(a_vm_that_ran_out_of_time_is_not_entered_again),
    cmocka_unit_test(a_service_vm_goes_on_after_its_time_out),
    cmocka_unit_test(the_message_says_where_the_time_went),
    cmocka_unit_test(the_message_says_where_the_memory_went),
    cmocka_unit_test(a_vm_that_ran_out_of_memory_can_be_used_again),
    cmocka_unit_test(c_may_push_values_into_a_vm_that_is_full),
    cmocka_unit_test(garbage_is_collected_before_memory_is_refused),
    cmocka_unit_test(a_script_with_much_memory_cannot_overflow_the_c_stack),
    cmocka_unit_test(many_short_entries_are_not_one_long_one),
    cmocka_unit_test(the_budget_of_a_life_is_kept_over_short_entries),
    cmocka_unit_test(the_budget_of_a_life_stops_one_long_entry),
#if !IS_TSAN /* the sort does not allocate: no signal would reach it */
    cmocka_unit_test(a_long_sort_is_stopped_in_the_middle),
#endif
    cmocka_unit_test(an_inner_vm_is_stopped_and_the_outer_goes_on),
    cmocka_unit_test(a_runaway_on_one_thread_does_not_touch_another),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
