/* Recorded messages of carriers' media sockets (spec/providers), read and written by the adapters' own
 * declarations, compiled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "base/log.h"
#include "bind/engine.h"
#include "bind/l_core.h"
#include "bind/tool.h"
#include "call/wire.h"

#define SAMPLES 4096
#define ROOM 65536

static cal_engine *engine;
static cal_vm *tool;
static cal_wire_state state;

static const char *const kinds[] = {
    [CAL_WIRE_AUDIO] = "audio",         [CAL_WIRE_START] = "start",
    [CAL_WIRE_MARK] = "mark",           [CAL_WIRE_DTMF] = "dtmf",
    [CAL_WIRE_STOP] = "stop",           [CAL_WIRE_CLEAR] = "clear",
    [CAL_WIRE_OTHER] = "other",         [CAL_WIRE_IGNORED] = "ignored",
    [CAL_WIRE_MALFORMED] = "malformed", [CAL_WIRE_WRONG_FORMAT] = "wrong format"};

/* (wire, text, is_binary) → what it is, name, samples, the first of them, stream, call */
static int read_message(lua_State *L) {
  const cal_wire *wire = cal_core_check_wire(L, 1);
  size_t bytes;
  const char *text = luaL_checklstring(L, 2, &bytes);
  static int16_t samples[SAMPLES];
  cal_wire_event event;
  cal_wire_kind kind =
      cal_wire_read(wire, &state, text, bytes, lua_toboolean(L, 3), &event, samples, SAMPLES);
  lua_pushstring(L, kinds[kind] ? kinds[kind] : "another kind");
  lua_pushstring(L, event.name);
  lua_pushnumber(L, (lua_Number)event.samples);
  lua_pushnumber(L, event.samples ? samples[0] : 0);
  lua_pushstring(L, state.stream);
  lua_pushstring(L, state.call);
  return 6;
}

/* (wire, what, name, samples) → message */
static int write_message(lua_State *L) {
  static const char *const names[] = {"audio", "mark", "clear", "dtmf", "stop", NULL};
  const cal_wire *wire = cal_core_check_wire(L, 1);
  static int16_t silence[SAMPLES];
  static char out[ROOM];
  ssize_t bytes = -1;
  switch (luaL_checkoption(L, 2, NULL, names)) {
  case 0:
    bytes = cal_wire_write_audio(wire, &state, silence, (size_t)luaL_checknumber(L, 4), out, ROOM);
    break;
  case 1:
    bytes = cal_wire_write_mark(wire, &state, luaL_checkstring(L, 3), out, ROOM);
    break;
  case 2:
    bytes = cal_wire_write_clear(wire, &state, out, ROOM);
    break;
  case 3:
    bytes = cal_wire_write_dtmf(wire, &state, luaL_checkstring(L, 3), out, ROOM);
    break;
  case 4:
    bytes = cal_wire_write_stop(wire, &state, out, ROOM);
    break;
  }
  if (bytes < 0) return luaL_error(L, "not written");
  lua_pushlstring(L, out, (size_t)bytes);
  return 1;
}

static int new_connection(lua_State *L) {
  cal_wire_state_init(&state);
  return 0;
}

static int open_tool(void **unused) {
  cal_log_setup(CAL_LOG_ERROR, 0);
  cal_engine_options options = {.is_tool = 1, .workspace = "/nonexistent", .library = CAL_SOURCE_DIR "/lua"};
  if (cal_engine_new(&engine, &options) || cal_bind_tool(&tool, engine)) return -1;
  const luaL_Reg functions[] = {
      {"wire", cal_core_wire}, {"read", read_message}, {"write", write_message}, {"connect", new_connection}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    lua_pushcfunction(cal_vm_state(tool), functions[i].func);
    lua_setglobal(cal_vm_state(tool), functions[i].name);
  }
  lua_pushliteral(cal_vm_state(tool), CAL_SOURCE_DIR "/spec/providers/");
  lua_setglobal(cal_vm_state(tool), "folder");
  return 0;
}

static int close_tool(void **unused) {
  cal_vm_free(tool);
  cal_engine_free(engine);
  return 0;
}

/* A `format` begins another connection. */
static const char replay[] =
    "local carrier, least = ...\n"
    "local adapter = require('providers.carriers.' .. carrier)\n"
    "local crypto = require 'callisto.crypto'\n"
    "local declared, checked\n"
    "local messages = assert(loadfile(folder .. carrier .. '.lua'))()\n"
    "for number, m in ipairs(messages) do\n"
    "  local function equal(expected, value, what)\n"
    "    if expected == nil or expected == value then return end\n"
    "    error(('%s, message %d: %s: expected %s, got %s'):format(carrier, number, what, expected, value), "
    "0)\n"
    "  end\n"
    "  if m.format then\n"
    "    declared = wire(assert(adapter.formats[m.format], m.format))\n"
    "    connect()\n"
    "  end\n"
    "  if m.read then\n"
    "    local is, name, samples, first, stream, call = read(declared, m.read, m.binary)\n"
    "    equal(m.is, is, 'kind') equal(m.name, name, 'name') equal(m.samples, samples, 'samples')\n"
    "    equal(m.first, first, 'first sample') equal(m.stream, stream, 'stream') equal(m.call, call, "
    "'call')\n"
    "  else\n"
    "    local text = write(declared, m.write, m.name, m.samples)\n"
    "    equal(m.text, text, 'text')\n"
    "    if m.bytes then equal(m.bytes, #crypto.unbase64(text:match '\"payload\":\"([^\"]*)\"'), 'bytes of "
    "audio') end\n"
    "  end\n"
    "end\n"
    "assert(#messages >= least)\n";

static void replay_messages_of(const char *carrier, int least) {
  lua_State *L = cal_vm_state(tool);
  if (luaL_loadbuffer(L, replay, strlen(replay), "=replay")) fail_msg("%s", lua_tostring(L, -1));
  lua_pushstring(L, carrier);
  lua_pushinteger(L, least);
  if (cal_vm_enter(tool, 2, 0) < 0) fail_msg("%s", cal_vm_error(tool));
}

static void telnyx(void **unused) { replay_messages_of("telnyx", 18); }
static void twilio(void **unused) { replay_messages_of("twilio", 9); }

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(telnyx), cmocka_unit_test(twilio)};
  return cmocka_run_group_tests(tests, open_tool, close_tool);
}
