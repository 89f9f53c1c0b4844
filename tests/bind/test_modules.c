/* The C modules as scripts see them: JSON, XML, digests, shared state, metrics, and the declaration of a
 * wire. Most of it runs in a VM of kind TOOL; what happens at the ceiling of memory, in one of a call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "script/context.h"
#include "bind/l_core.h"
#include "bind/init.h"
#include "bind/luax.h"

/* No plane: what the modules tried here need. */
static cal_reach reach;
static cal_vm *tool;

static void open_libraries(lua_State *L, void *context) {
  cal_context_new(L)->reach = context;
  cal_bind_open(L);
}

static int open_tool(void **state) {
  cal_log_setup(CAL_LOG_ERROR, 0);
  reach = (cal_reach){.clock = cal_clock_real(),
                      .ids = cal_ids_real(),
                      .shared = cal_kv_new(1 << 20),
                      .holders = cal_holders_new(),
                      .flow_shared = cal_kv_new(1 << 20)};
  cal_vm_options options = {.kind = CAL_VM_TOOL, .name = "tool", .open = open_libraries, .context = &reach};
  if (cal_vm_new(&tool, NULL, &options)) return -1;
  lua_pushcfunction(cal_vm_state(tool), cal_core_wire);
  lua_setglobal(cal_vm_state(tool), "wire");
  return 0;
}

static int close_tool(void **state) {
  cal_vm_free(tool);
  cal_kv_free(reach.shared);
  cal_holders_free(reach.holders);
  cal_kv_free(reach.flow_shared);
  return 0;
}

static int enter(cal_vm *vm, const char *text) {
  lua_State *L = cal_vm_state(vm);
  if (luaL_loadbuffer(L, text, strlen(text), "=test")) fail_msg("%s", lua_tostring(L, -1));
  return cal_vm_enter(vm, 0, 0);
}

/* The text holds its own assertions. */
static void run(const char *text) {
  if (enter(tool, text) < 0) fail_msg("%s", cal_vm_error(tool));
}

#define JSON "local json = require 'callisto.json' "
#define XML "local xml = require 'callisto.xml' "
#define CRYPTO "local crypto = require 'callisto.crypto' "

/* ---- JSON */

static void json_survives_a_round_trip(void **state) {
  run(JSON "for _, text in ipairs { '{}', '[]', 'null', 'true', '\"\"', '0', '-1.5', '[[],{},[null]]',\n"
           "  '{\"a\":[],\"b\":{},\"c\":[1,2,[3,null]],\"d\":true,\"e\":\"\\\\u0000x\"}', '1e+300', '0.1', "
           "'9007199254740991' } do\n"
           "  assert(json.encode(assert(json.decode(text))) == text, text) end");
}

static void arrays_stay_arrays(void **state) {
  run(JSON "assert(json.encode {} == '{}') assert(json.encode(json.array {}) == '[]')\n"
           "local list = json.decode '[1]' list[1] = nil assert(json.encode(list) == '[]')\n"
           "assert(getmetatable(json.decode '[]') == json.array_mt)\n"
           "assert(json.encode(setmetatable({}, json.array_mt)) == '[]')");
}

static void keys_are_sorted_and_may_be_numbers(void **state) {
  run(JSON "assert(json.encode { b = 1, a = 2, ab = 3, [''] = 4 } == '{\"\":4,\"a\":2,\"ab\":3,\"b\":1}')\n"
           "assert(json.encode { [10] = 'x', a = 1 } == '{\"10\":\"x\",\"a\":1}')\n"
           "local big = {} for i = 1, 50000 do big['key' .. i] = i end\n"
           "local text = json.encode(big) local back = json.decode(text)\n"
           "assert(back.key50000 == 50000 and json.encode(back) == text)");
}

static void what_is_no_json_value_is_an_error(void **state) {
  run(JSON
      "local function wrong(value, why) local ok, text = pcall(json.encode, value)\n"
      "  assert(not ok and text:find(why, 1, true), text) end\n"
      "wrong(0 / 0, 'not a JSON number') wrong(1 / 0, 'not a JSON number') wrong(print, 'function')\n"
      "wrong('\\255', 'UTF-8') wrong({ ['\\255'] = 1 }, 'UTF-8') wrong({ 1, 2, x = 3 }, 'both kinds')\n"
      "wrong({ 1, nil, 3 }, 'holes') wrong({ [true] = 1 }, 'key') wrong({ a = { b = print } }, 'function')\n"
      "wrong(setmetatable({ x = 1 }, json.array_mt), 'array')\n"
      "local cycle = {} cycle[1] = cycle wrong(cycle, 'cycle')");
}

static void what_is_not_json_is_refused(void **state) {
  run(JSON "for _, text in ipairs { '', '{', '[1,]', 'nul', '[1] 2', '{\"a\"}', '\"\\255\"', '\"\\1\"', "
           "\"'a'\", '01' } do\n"
           "  local value, why = json.decode(text)\n"
           "  assert(value == nil and type(why) == 'string' and not why:find '\\n', text) end\n"
           "assert(not pcall(json.decode, {}))");
}

static void json_is_64_levels_deep_at_most(void **state) {
  run(JSON "local text = ('['):rep(64) .. (']'):rep(64)\n"
           "assert(json.encode(json.decode(text)) == text)\n"
           "local value, why = json.decode('[' .. text .. ']')\n"
           "assert(value == nil and why:find 'deeper')\n"
           "assert(not pcall(json.encode, { json.decode(text) }))");
}

/* core.settings decodes by itself; arrays that were decoded before must be known as arrays afterwards. */
static void opening_json_again_changes_nothing(void **state) {
  lua_State *L = cal_vm_state(tool);
  run(JSON "before = json.decode '[]'");
  cal_lib_json(L);
  lua_setglobal(L, "again");
  run(JSON "assert(json.encode(before) == '[]' and again.array_mt == json.array_mt and again.encode(before) "
           "== '[]')");
}

/* ---- XML */

static void xml_is_built_and_read_back(void **state) {
  run(XML "local text = assert(xml.build { 'Response', { 'Say', { voice = 'a&b', loop = 2, b = true }, "
          "'<hello> & goodbye' },\n"
          "  { 'Stream', { { 'url', 'wss://x' }, { 'name', '\"n\"' } }, { 'Parameter', { name = 'a', value = "
          "'é' } } }, { 'Hangup' } })\n"
          "local tree = assert(xml.parse(text))\n"
          "assert(tree.name == 'Response' and #tree == 3)\n"
          "assert(tree[1].text == '<hello> & goodbye' and tree[1].attrs.voice == 'a&b' and "
          "tree[1].attrs.loop == '2')\n"
          "assert(tree[1].attrs.b == 'true' and tree[2].attrs.name == '\"n\"' and tree[2][1].attrs.value == "
          "'é')\n"
          "assert(text:find 'url=\"wss://x\" name=' and text:find 'b=\"true\" loop=\"2\" voice=')");
}

static void what_is_no_document_is_an_error(void **state) {
  run(XML "local function wrong(node, why) local ok, text = pcall(xml.build, node)\n"
          "  assert(not ok and text:find(why, 1, true), text) end\n"
          "wrong({}, 'begins with its name') wrong({ 'a', 'x', { x = 1 } }, 'come second') wrong({ 'a', "
          "print }, 'function')\n"
          "wrong({ 'a', { x = {} } }, 'attribute') wrong('a', 'table')\n"
          "local many = {} for i = 1, 65 do many['a' .. i] = i end wrong({ 'a', many }, 'more than 64')\n"
          "local deep = { 'a' } for i = 1, 40 do deep = { 'a', deep } end wrong(deep, 'deeper')\n"
          "local text, why, code = xml.build { 'no name' } assert(text == nil and code == 'EINVAL', why)\n"
          "text, why, code = xml.build { 'a', ('x'):rep(200000) } assert(text == nil and code == 'EMSGSIZE', "
          "why)");
}

static void what_is_not_xml_is_refused(void **state) {
  run(XML "for _, text in ipairs { '', '<a>', '<a></b>', '<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>', "
          "('<a>'):rep(40) .. ('</a>'):rep(40) } do\n"
          "  local tree, why, code = xml.parse(text)\n"
          "  assert(tree == nil and why and code, text) end");
}

/* ---- the small ones */

static void digests_are_known_ones(void **state) {
  run(CRYPTO
      "assert(crypto.hex(crypto.digest('sha1', 'abc')) == 'a9993e364706816aba3e25717850c26c9cd0d89d')\n"
      "assert(crypto.hex(crypto.digest('md5', '')) == 'd41d8cd98f00b204e9800998ecf8427e')\n"
      "assert(crypto.hex(crypto.hmac('sha256', 'key', 'The quick brown fox jumps over the lazy dog'))\n"
      "  == 'f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8')\n"
      "assert(crypto.base64 'a\\0b' == 'YQBi' and crypto.unbase64 'YQBi' == 'a\\0b')\n"
      "local bytes, why, code = crypto.unbase64 '!' assert(bytes == nil and why and code)\n"
      "assert(crypto.equal('a', 'a') and not crypto.equal('a', 'b') and not crypto.equal('a', 'aa'))\n"
      "assert(not pcall(crypto.digest, 'sha3', ''))");
}

static void shared_state_is_shared(void **state) {
  run("local shared = require 'callisto.shared'\n"
      "assert(shared.get 'k' == nil) assert(shared.set('k', 'a\\0b')) assert(shared.get 'k' == 'a\\0b')\n"
      "assert(shared.add('k', 'x') == false and shared.add('new', 'x') == true)\n"
      "assert(shared.increment('n', 5) == 5 and shared.increment 'n' == 6 and shared.increment('n', -2) == "
      "4)\n"
      "assert(shared.remove 'k' == true and shared.remove 'k' == false and shared.get 'k' == nil)\n"
      "assert(shared.set('long', ('x'):rep(60000)) and #shared.get 'long' == 60000)\n"
      "for _, ttl in ipairs { -1, 0 / 0, 1 / 0 } do assert(not pcall(shared.set, 'k', 'v', ttl)) end");
}

static void metrics_have_names_prometheus_can_read(void **state) {
  run("local metrics = require 'callisto.metrics'\n"
      "metrics.count 'tests_total' metrics.count('tests_total{kind=\"a b\"}', 2) metrics.gauge('tests_now', "
      "3)\n"
      "metrics.observe('tests_seconds', 0.5)\n"
      "assert(not pcall(metrics.gauge, 'tests_total', 9) and not pcall(metrics.observe, 'tests_total', 1))\n"
      "assert(not pcall(metrics.count, 'legs') and not pcall(metrics.gauge, 'speech_say_seconds', 1))\n" /* the
                                                                                                            engine's
                                                                                                            own
                                                                                                          */
      "for _, name in ipairs { '', 'A_total', 'a _total', 'a_total\\n', 'a_total{x=\"\\n\"}', 'a_total{', "
      "('a'):rep(200) .. '_total' } do\n"
      "  assert(not pcall(metrics.count, name), name) end");
}

static void times_that_are_none_are_refused(void **state) {
  run("local core = require 'callisto.core'\n"
      "assert(core.date('%Y-%m-%d %H:%M:%S', 86400) == '1970-01-02 00:00:00')\n"
      "for _, at in ipairs { 0 / 0, 1 / 0, -1 / 0, 1e300 } do assert(not pcall(core.date, '%Y', at)) end\n"
      "assert(#core.random(16) == 16 and not pcall(core.random, 0) and not pcall(core.random, 5000))\n"
      "assert(core.id 'c' ~= core.id 'c' and core.kind == 'tool' and core.http_fetch == nil)");
}

/* ---- the declaration of a wire */

static void a_wrong_declaration_is_named(void **state) {
  run("local function wrong(change, why)\n"
      "  local media = { name = 'w', encoding = 'pcmu', rate = 8000, frame_ms = 20, event = 'event',\n"
      "    audio_in = { event = 'media', payload = 'media.payload' }, audio_out = [[{\"a\":\"$audio\"}]] }\n"
      "  for key, value in pairs(change) do if value == 'none' then media[key] = nil else media[key] = value "
      "end end\n"
      "  local ok, text = pcall(wire, media)\n"
      "  assert(not ok, why) assert(text:find(why, 1, true), text)\n"
      "end\n"
      "wrong({ name = 'none' }, 'name') wrong({ name = 7 }, 'name') wrong({ encoding = 'mp3' }, "
      "'media.encoding')\n"
      "wrong({ rate = 'fast' }, 'rate') wrong({ rate = 1 }, 'rate') wrong({ frame_ms = 1 }, 'frame_ms')\n"
      "wrong({ audio_in = 'media' }, 'media.audio_in') wrong({ audio_in = { event = 1 } }, "
      "'media.audio_in.event')\n"
      "wrong({ audio_in = { event = 'media', payload = 'p', when = { 'a', 1 } } }, 'media.audio_in.when')\n"
      "wrong({ audio_in = { event = 'media', payload = 'p', when = { 'a' } } }, 'media.audio_in.when')\n"
      "wrong({ start_in = { event = 's', rate = { 'r', 'fast' } } }, 'media.start_in.rate')\n"
      "wrong({ start_in = { event = 's', encoding = true } }, 'media.start_in.encoding')\n"
      "wrong({ mark_in = { event = {} } }, 'media.mark_in.event') wrong({ audio_out = [[{\"$nonsense\"}]] }, "
      "'audio_out')\n"
      "wrong({ event = 'none' }, 'event') wrong({ chunk_min = -1 }, 'chunk_min')\n"
      "assert(not pcall(wire, 'media'))\n"
      "assert(getmetatable(wire { name = 'w', encoding = 'l16le', binary_in = true, binary_out = true }) == "
      "'callisto.wire')");
}

/* ---- at the ceiling of memory */

/* Whatever C held when "not enough memory" jumped out of it must be given back: the leak checker sees what is
 * not. */
static void nothing_leaks_when_memory_runs_out(void **state) {
  static const char *const texts[] = {
      "local json = require 'callisto.json' local text = '[' .. ('{\"a\":[1,2]},'):rep(3000) .. '0]'\n"
      "local all = {} for i = 1, 1e6 do all[i] = json.decode(text) end",
      "local json = require 'callisto.json' local value = { ('x'):rep(100000) }\n"
      "local all = {} for i = 1, 1e6 do all[i] = json.encode { i, value } end",
      "local xml = require 'callisto.xml' local all = {}\n"
      "for i = 1, 1e6 do all[i] = xml.build { 'a', { b = i }, ('x'):rep(20000) .. i } end",
      "local xml = require 'callisto.xml' local all, text = {}, '<a>' .. ('<b c=\"d\"/>'):rep(2000) .. "
      "'</a>'\n"
      "for i = 1, 1e6 do all[i] = xml.parse(text) end",
      "local shared, all = require 'callisto.shared', {}\n"
      "for i = 1, 1e6 do all[i] = shared.get 'big' .. i end",
      "local crypto = require 'callisto.crypto' local all, text = {}, ('x'):rep(50000)\n"
      "for i = 1, 1e6 do all[i] = crypto.base64(text .. i) .. crypto.hex(text) end"};
  static const char big[60000];
  assert_int_equal(cal_kv_set(reach.flow_shared, cal_span_of("big"), (cal_span){big, sizeof big}, 0, 1), 0);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    cal_vm *vm;
    cal_vm_options options = {.kind = CAL_VM_CALL,
                              .name = "small",
                              .memory_bytes = 3u << 20,
                              .entry_budget_ms = CAL_VM_UNLIMITED,
                              .open = open_libraries,
                              .context = &reach};
    assert_int_equal(cal_vm_new(&vm, NULL, &options), 0);
    assert_int_equal(enter(vm, texts[i]), -ENOMEM);
    assert_int_equal(enter(vm, texts[i]), -ENOMEM); /* usable again, and full again */
    cal_vm_free(vm);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(json_survives_a_round_trip),
      cmocka_unit_test(arrays_stay_arrays),
      cmocka_unit_test(keys_are_sorted_and_may_be_numbers),
      cmocka_unit_test(what_is_no_json_value_is_an_error),
      cmocka_unit_test(what_is_not_json_is_refused),
      cmocka_unit_test(json_is_64_levels_deep_at_most),
      cmocka_unit_test(opening_json_again_changes_nothing),
      cmocka_unit_test(xml_is_built_and_read_back),
      cmocka_unit_test(what_is_no_document_is_an_error),
      cmocka_unit_test(what_is_not_xml_is_refused),
      cmocka_unit_test(digests_are_known_ones),
      cmocka_unit_test(shared_state_is_shared),
      cmocka_unit_test(metrics_have_names_prometheus_can_read),
      cmocka_unit_test(times_that_are_none_are_refused),
      cmocka_unit_test(a_wrong_declaration_is_named),
      cmocka_unit_test(nothing_leaks_when_memory_runs_out),
  };
  return cmocka_run_group_tests(tests, open_tool, close_tool);
}
