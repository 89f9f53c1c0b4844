/* Our pattern functions must agree with LuaJIT's own: the same calls in a TOOL (stock) and in a CALL (ours).
 */
#include "vm/kit.h"

static const char *const calls[] = {
    "('hello world'):find('o w')",
    "('hello world'):find('l+')",
    "('hello'):find('l', 4)",
    "('hello'):find('l', -2)",
    "('hello'):find('', 3)",
    "('hello'):find('', 99)",
    "('hello'):find('xyz', -99)",
    "('a.b'):find('.', 1, true)",
    "('a.b'):find('%.')",
    "('hello'):find('(l)(l)')",
    "('hello'):find('()ll()')",
    "('a+b'):find('+', 1, true)",
    "('key = value'):match('^(%w+)%s*=%s*(%w+)$')",
    "('2024-03-09T10:20'):match('(%d+)-(%d+)-(%d+)T(%d+):(%d+)')",
    "('  trim me  '):match('^%s*(.-)%s*$')",
    "('f(a(b)c)d'):match('%b()')",
    "('((('):match('%b()')",
    "('THE (quick) fox'):find('%f[%a]%a+%f[%A]')",
    "('THE (quick) fox'):gsub('%f[%a]%a+', 'x')",
    "('THE END'):find('%f[%z]')",
    "('THE END'):gsub('%f[%z]', '!')",
    "(' x'):find('%f[%c]')",
    "('x=1, y=2'):gsub('(%w+)=(%w+)', '%2=%1')",
    "('hello'):gsub('', '-')",
    "('hello'):gsub('l', '%0%0')",
    "('hello'):gsub('l', '%%')",
    "('hello'):gsub('l', 'L', 1)",
    "('hello'):gsub('l', 'L', 0)",
    "('hello'):gsub('^h', 'H')",
    "('hhh'):gsub('^h', 'H')",
    "('hello'):gsub('.', {h = 'H', e = false, l = 1})",
    "('hello'):gsub('(h)(e)', function(a, b) return b .. a end)",
    "('hello'):gsub('l', function() end)",
    "('abc'):gsub('%w', '%1')",
    "('$name is $age'):gsub('%$(%w+)', {name = 'Ann', age = 7})",
    "('aXbXc'):gsub('X', 5)",
    "('[x]'):match('%[(.)%]')",
    "('a]b'):match('[]]')",
    "('a]b'):match('[^]]+')",
    "('a-z'):match('[a%-]+')",
    "('a-z'):match('[%a-z]+')",
    "('09azAZ_'):match('[0-9a-z]+')",
    "('a^b'):match('[a^]+')",
    "('x$'):match('x$')",
    "('x$y'):match('x$y')",
    "('aa'):match('(a)%1')",
    "('\"it\\'s\"'):match('([\"\\'])(.-)%1')",
    "('a\\0b'):match('a%zb') and 1",
    "('a\\0b'):match('[^%z]+')",
    "#('a\\0b'):match('.+')",
    "('caf\\xc3\\xa9 noir'):match('%a+')",
    "('tab\\there'):match('%c()')",
    "('A1_b2'):gsub('%W', '?')",
    "('A1 b2'):gsub('%u', 'U')",
    "('A1 b2'):gsub('%l', 'l')",
    "('a!b'):gsub('%p', '')",
    "('0xfG'):match('%x+', 3)",
    "('a b'):match('%g+')",
    "('aaa'):match('a-')",
    "('aaab'):match('a-b')",
    "('aaab'):match('a?b')",
    "('ab'):match('a?b?c?')",
    "('ab'):match('()')",
    "('x'):match('y')",
    "string.rep(123, 2)",
    "string.gsub(12321, 2, 'x')",
    "pcall(string.find, 'a', '[a')",
    "pcall(string.find, 'a', '[]')",
    "pcall(string.find, 'a', '[^]')",
    "pcall(string.find, 'a', '[a%')",
    "pcall(string.find, 'a', '%')",
    "pcall(string.find, 'a', '(a')",
    "pcall(string.find, 'a', 'a)')",
    "pcall(string.find, 'a', '%1')",
    "pcall(string.find, 'a', '%f')",
    "pcall(string.gsub, 'a', 'a', '%2')",
    "pcall(string.gsub, 'a', 'a')",
    "pcall(string.gsub, 'a', '(', 'x')",
    "pcall(string.match, 'a', ('()'):rep(33)) and 1",
    "(function() local t = {} for a, b in ('a=1, b=2'):gmatch('(%w)=(%w)') do t[#t+1] = a .. b end return "
    "table.concat(t, '|') end)()",
    "(function() local t = {} for w in ('one two  three'):gmatch('%a*') do t[#t+1] = '<' .. w .. '>' end "
    "return table.concat(t) end)()",
    "(function() local t = {} for p in ('abc'):gmatch('()') do t[#t+1] = p end return table.concat(t, ',') "
    "end)()",
    "(function() local t = {} for w in ('^a^b'):gmatch('^%a') do t[#t+1] = w end return table.concat(t, ',') "
    "end)()",
};

/* All results as one text; an error message without its position, which differs by design. */
static char *result_of(cal_vm *vm, const char *call) {
  char text[1024];
  snprintf(text, sizeof text,
           "local function all(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, "
           "...))) end"
           " return table.concat(t, ' ; ') end return all(%s)",
           call);
  if (run_text(vm, text) != 0) fail_msg("%s: %s", call, cal_vm_error(vm));
  char *result = cal_strdup(lua_tostring(cal_vm_state(vm), -1));
  lua_settop(cal_vm_state(vm), 0);
  return result;
}

static void ours_agree_with_the_stock_ones(void **unused) {
  cal_vm *stock = new_vm(CAL_VM_TOOL, NULL), *ours = new_vm(CAL_VM_CALL, NULL);
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    char *expected = result_of(stock, calls[i]), *got = result_of(ours, calls[i]);
    /* Of a refusal only the fact is compared: LuaJIT words a few of them differently. */
    if (strncmp(expected, "false", 5) == 0) expected[5] = '\0';
    if (strncmp(got, "false", 5) == 0) got[5] = '\0';
    if (strcmp(expected, got) != 0) fail_msg("%s: '%s' instead of '%s'", calls[i], got, expected);
    cal_free(expected);
    cal_free(got);
  }
  cal_vm_free(stock);
  cal_vm_free(ours);
}

/* The same for patterns nobody would write: small random ones over small random subjects. */
static void random_patterns_agree_too(void **unused) {
  static const char pieces[][6] = {"a",  "b",  ".",    "%a", "%A", "[ab]", "[^a]",  "*",     "+",   "-",
                                   "?",  "(",  ")",    "()", "^",  "$",    "%1",    "%b",    "[a",  "]",
                                   "%f", "%d", "[%a]", "a-", "x",  "%",    "[a-c]", "%f[a]", "%bab"};
  cal_vm *stock = new_vm(CAL_VM_TOOL, NULL), *ours = new_vm(CAL_VM_CALL, NULL);
  unsigned seed = 12345;
  for (int i = 0; i < (IS_TSAN ? 500 : 5000); i++) {
    char pattern[64] = "", subject[16], call[256];
    for (int n = 1 + rand_r(&seed) % 5; n > 0; n--)
      strcat(pattern, pieces[(size_t)rand_r(&seed) % (sizeof pieces / sizeof *pieces)]);
    int length = rand_r(&seed) % 9;
    for (int n = 0; n < length; n++) subject[n] = "abxc"[rand_r(&seed) % 4];
    subject[length] = '\0';
    snprintf(call, sizeof call, "pcall(string.%s, '%s', '%s'%s)", i % 2 ? "find" : "gsub", subject, pattern,
             i % 2 ? "" : ", '<%0>'");
    char *expected = result_of(stock, call), *got = result_of(ours, call);
    if (strncmp(expected, "false", 5) == 0) expected[5] = '\0';
    if (strncmp(got, "false", 5) == 0) got[5] = '\0';
    if (strcmp(expected, got) != 0) fail_msg("%s: '%s' instead of '%s'", call, got, expected);
    cal_free(expected);
    cal_free(got);
  }
  cal_vm_free(stock);
  cal_vm_free(ours);
}

static void long_patterns_are_refused(void **unused) {
  cal_vm *vm = new_vm(CAL_VM_CALL, NULL);
  assert_int_equal(run_text(vm, "return ('x'):match(('x?'):rep(600))"), -EINVAL);
  assert_non_null(strstr(cal_vm_error(vm), "a pattern has at most 1024 bytes"));
  cal_vm_free(vm);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ours_agree_with_the_stock_ones),
      cmocka_unit_test(random_patterns_agree_too),
      cmocka_unit_test(long_patterns_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
