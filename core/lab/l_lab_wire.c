/* callisto.lab: a carrier's wire in the hand of a spec: what it makes of recorded messages, and what it
 * writes. */
#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "bind/l_core.h"
#include "bind/luax.h"
#include "lab/l_lab.h"
#include "wire/wire_times.h"

#define PEER "callisto.lab.wire"

typedef struct peer {
  cal_wire *wire; /* one reference */
  cal_wire_state state;
} peer;

static const char *const kinds[] = {
    [CAL_WIRE_AUDIO] = "audio",         [CAL_WIRE_START] = "start",
    [CAL_WIRE_MARK] = "mark",           [CAL_WIRE_DTMF] = "dtmf",
    [CAL_WIRE_STOP] = "stop",           [CAL_WIRE_CLEAR] = "clear",
    [CAL_WIRE_PAUSE] = "pause",         [CAL_WIRE_RESUME] = "resume",
    [CAL_WIRE_ERROR] = "error",         [CAL_WIRE_OTHER] = "other",
    [CAL_WIRE_IGNORED] = "ignored",     [CAL_WIRE_OUT_OF_ORDER] = "out of order",
    [CAL_WIRE_MALFORMED] = "malformed", [CAL_WIRE_WRONG_FORMAT] = "wrong format",
    [CAL_WIRE_TOLD] = "words",          [CAL_WIRE_TIMES] = "times",
};

static const char *const word_kinds[CAL_WORDS_KINDS] = {
    [CAL_WORDS_PARTIAL] = "partial", [CAL_WORDS_PIECE] = "piece",     [CAL_WORDS_FINAL] = "final",
    [CAL_WORDS_LIKELY] = "likely",   [CAL_WORDS_RESUMED] = "resumed", [CAL_WORDS_STARTED] = "started",
    [CAL_WORDS_ENDED] = "ended",
};

static int collect(lua_State *L) {
  peer *p = luaL_checkudata(L, 1, PEER);
  p->wire = cal_unref(p->wire);
  return 0;
}

static void put(lua_State *L, const char *name, const char *text) {
  if (!*text) return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

void cal_lab_push_samples(lua_State *L, const int16_t *samples, size_t count) {
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  for (size_t i = 0; i < count; i++) {
    luaL_addchar(&out, (char)(samples[i] & 0xff));
    luaL_addchar(&out, (char)((samples[i] >> 8) & 0xff));
  }
  luaL_pushresult(&out);
}

int16_t *cal_lab_check_samples(lua_State *L, int index, size_t *count) {
  size_t bytes;
  const unsigned char *text = (const unsigned char *)luaL_checklstring(L, index, &bytes);
  int16_t *samples = lua_newuserdata(L, bytes + 2);
  *count = bytes / 2;
  for (size_t i = 0; i < *count; i++) samples[i] = (int16_t)(text[2 * i] | text[2 * i + 1] << 8);
  return samples;
}

/* What is answered at once, as a leg would. */
static void put_reply(lua_State *L, peer *p, int reply) {
  if (reply < 0) return;
  size_t room = cal_wire_control_room(p->wire);
  char *out = lua_newuserdata(L, room);
  ssize_t bytes = cal_wire_write_reply(p->wire, &p->state, reply, out, room);
  if (bytes >= 0) {
    lua_pushlstring(L, out, (size_t)bytes);
    lua_setfield(L, -3, "reply");
  }
  lua_pop(L, 1);
}

static void put_number(lua_State *L, const char *name, double number) {
  if (number < 0) return;
  lua_pushnumber(L, number);
  lua_setfield(L, -2, name);
}

static void put_words(lua_State *L, const cal_wire_event *event) {
  lua_createtable(L, (int)event->word_count, 0);
  for (size_t i = 0; i < event->word_count; i++) {
    const cal_words *words = &event->words[i];
    lua_newtable(L);
    put(L, "kind", word_kinds[words->kind]);
    put(L, "text", words->text);
    put(L, "turn", words->turn);
    put(L, "language", words->language);
    put_number(L, "confidence", words->confidence);
    put_number(L, "from_ms", (double)words->from_ms);
    put_number(L, "until_ms", (double)words->until_ms);
    lua_rawseti(L, -2, (int)i + 1);
  }
  lua_setfield(L, -2, "words");
}

/* times = { { text, end_ms }, … } */
static void put_times(lua_State *L, cal_wire_times times) {
  cal_wire_time time;
  if (!times.texts.bytes) return;
  lua_newtable(L);
  for (int i = 1; cal_wire_times_next(&times, &time); i++) {
    lua_createtable(L, 2, 0);
    lua_pushstring(L, time.text);
    lua_rawseti(L, -2, 1);
    lua_pushnumber(L, (lua_Number)time.end_ms);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, i);
  }
  lua_setfield(L, -2, "times");
}

/* peer:read(message, is_binary) → kind, { name, reason, samples, stream, call, reply, words = { { kind, text, turn, language,
 * confidence, from_ms, until_ms }, … }, utterance, times, is_mark } */
static int read_message(lua_State *L) {
  peer *p = luaL_checkudata(L, 1, PEER);
  size_t bytes;
  const char *message = luaL_checklstring(L, 2, &bytes);
  int is_binary = lua_toboolean(L, 3);
  size_t room = cal_wire_samples_bound(p->wire, bytes);
  int16_t *samples = lua_newuserdata(L, (room + 1) * sizeof *samples);
  cal_wire_event event;
  cal_wire_kind kind = cal_wire_read(p->wire, &p->state, message, bytes, is_binary, &event, samples, room);
  lua_pushstring(L, kinds[kind]);
  lua_newtable(L);
  put(L, "name", event.name);
  put(L, "reason", event.reason);
  put(L, "stream", p->state.stream);
  put(L, "call", p->state.call);
  if (kind == CAL_WIRE_TOLD) put_words(L, &event);
  put(L, "utterance", event.utterance);
  put_times(L, event.times);
  if (event.is_mark) {
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "is_mark");
  }
  if (kind == CAL_WIRE_AUDIO) {
    cal_lab_push_samples(L, samples, event.samples);
    lua_setfield(L, -2, "samples");
  }
  put_reply(L, p, event.reply);
  return 2;
}

static ssize_t write_audio(lua_State *L, peer *p, char *out, size_t room) {
  size_t count;
  const int16_t *samples = cal_lab_check_samples(L, 3, &count);
  return cal_wire_write_audio(p->wire, &p->state, samples, count, out, room);
}

static ssize_t write_say(lua_State *L, peer *p, char *out, size_t room) {
  return cal_wire_write_say(p->wire, &p->state, (int)luaL_optinteger(L, 6, 1) - 1, luaL_checkstring(L, 3),
                            luaL_checkstring(L, 4), luaL_optstring(L, 5, NULL), out, room);
}

/* peer:write("audio", samples), ("mark", name), ("dtmf", keys), ("clear"), ("stop"), ("bye", json), ("say", text,
 * mark, voice, part), ("cancel", mark) → message, or nil and why not */
static int write_message(lua_State *L) {
  static const char *const names[] = {"audio", "mark", "dtmf", "clear", "stop", "bye", "say", "cancel", NULL};
  peer *p = luaL_checkudata(L, 1, PEER);
  lua_settop(L, 6);
  int what = luaL_checkoption(L, 2, NULL, names);
  const char *value = what == 1 || what == 2 || what == 5 || what == 7 ? luaL_checkstring(L, 3) : NULL;
  size_t room = cal_wire_control_room(p->wire);
  if (what == 0) room = cal_wire_audio_room(p->wire, lua_objlen(L, 3) / 2);
  if (what == 6) room = cal_wire_say_room(p->wire);
  char *out = lua_newuserdata(L, room);
  ssize_t got = what == 0   ? write_audio(L, p, out, room)
                : what == 1 ? cal_wire_write_mark(p->wire, &p->state, value, out, room)
                : what == 2 ? cal_wire_write_dtmf(p->wire, &p->state, value, out, room)
                : what == 3 ? cal_wire_write_clear(p->wire, &p->state, out, room)
                : what == 4 ? cal_wire_write_stop(p->wire, &p->state, out, room)
                : what == 5 ? cal_wire_write_bye(p->wire, &p->state, value, out, room)
                : what == 7 ? cal_wire_write_cancel(p->wire, &p->state, value, out, room)
                            : write_say(L, p, out, room);
  if (got < 0) {
    lua_pushnil(L);
    lua_pushstring(L, cal_error_name((int)got));
    return 2;
  }
  lua_pushlstring(L, out, (size_t)got);
  return 1;
}

int cal_lab_wire(lua_State *L) {
  cal_core_wire(L);
  cal_wire *wire = cal_core_check_wire(L, -1);
  peer *p = lua_newuserdata(L, sizeof *p);
  p->wire = NULL;
  cal_wire_state_init(&p->state);
  if (luaL_newmetatable(L, PEER)) {
    lua_createtable(L, 0, 2);
    cal_luax_set(L, "read", read_message);
    cal_luax_set(L, "write", write_message);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  p->wire = cal_ref(wire);
  return 1;
}
