/* A media declaration in Lua, read into a cal_wire_spec and compiled (wire/wire.h). */
#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "bind/l_core.h"
#include "wire/wire.h"

#define WIRE_TYPE "callisto.wire"

static int release(lua_State *L) {
  cal_wire **wire = luaL_checkudata(L, 1, WIRE_TYPE);
  *wire = cal_unref(*wire);
  return 0;
}

/* ---- names that may be there, each list ended by NULL */

static const char *const media_names[] = {
    "name",      "encoding",       "encoding_out", "rate",       "frame_ms",     "event",
    "binary_in", "binary_out",     "channels",     "chunk_min",  "channels_out", "chunk_multiple",
    "audio_in",  "start_in",       "mark_in",      "dtmf_in",    "stop_in",      "clear_in",
    "pause_in",  "resume_in",      "error_in",     "limit_in",   "sequence_in",  "acknowledged_in",
    "stream_in", "words_in",       "say_out",      "audio_out",  "mark_out",     "clear",
    "dtmf_out",  "stop_out",       "playing_out",  "played_out", "replies",      "bye_out",
    "bye_wait",  "closed_by_peer", "sub_protocol", "cancel_out", "times_in",     "utterance_in",
    NULL};
static const char *const audio_names[] = {"event", "payload", "when", NULL};
static const char *const start_names[] = {"event", "stream", "call", "encoding", "rate", NULL};
static const char *const mark_names[] = {"event", "name", "when", NULL};
static const char *const dtmf_names[] = {"event", "digit", NULL};
static const char *const clear_names[] = {"event", "when", "drops_marks", NULL};
static const char *const event_names[] = {"event", NULL};
static const char *const error_names[] = {"event", "code", "text", "retry_after", NULL};
static const char *const words_names[] = {"event",    "text",    "final",   "from",  "to",   "piece",
                                          "likely",   "resumed", "started", "ended", "turn", "confidence",
                                          "language", "ms",      "deltas",  "list",  NULL};
static const char *const list_names[] = {"at",       "text",       "final", "from", "to",
                                         "language", "confidence", "ends",  NULL};
static const char *const times_names[] = {"event", "texts", "starts",   "ends",
                                          "lasts", "ms",    "relative", NULL};
static const char *const limit_names[] = {"per_second", "burst", "text", NULL};
static const char *const reply_names[] = {"event", "text", "ends", "told", NULL};

static int is_among(const char *const *names, const char *name) {
  while (*names && strcmp(*names, name) != 0) names++;
  return *names != NULL;
}

/* The table on top of the stack may have these names and no others. `what` is "media" or "media.start_in". */
static void check_names(lua_State *L, const char *what, const char *const *names) {
  int table = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    if (name && is_among(names, name)) continue;
    luaL_Buffer known;
    luaL_buffinit(L, &known);
    for (const char *const *each = names; *each; each++) {
      if (each != names) luaL_addstring(&known, ", ");
      luaL_addstring(&known, *each);
    }
    luaL_pushresult(&known);
    luaL_error(L, "%s has no field '%s'; there are: %s", what, name ? name : luaL_typename(L, -3),
               lua_tostring(L, -1));
  }
}

/* Pushes the rule table and returns 1, or nothing and returns 0. The table stays reachable from the
 * declaration. */
static int enter(lua_State *L, const char *rule, const char *const *names) {
  lua_getfield(L, 1, rule);
  if (lua_istable(L, -1)) {
    const char *what = lua_pushfstring(L, "media.%s", rule);
    lua_insert(L, -2);
    check_names(L, what, names);
    lua_remove(L, -2);
    return 1;
  }
  if (!lua_isnil(L, -1)) luaL_error(L, "media.%s must be a table", rule);
  lua_pop(L, 1);
  return 0;
}

/* ---- fields */

/* A field that is a path, or {path, what must be there}: a text or a number, as the field wants it. */
static const char *path_of(lua_State *L, const char *rule, const char *field, const char **text,
                           int64_t *number) {
  lua_getfield(L, -1, field);
  const char *path = NULL;
  if (lua_istable(L, -1)) {
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != (text ? LUA_TSTRING : LUA_TNUMBER))
      luaL_error(L, "media.%s.%s must be { path, %s }", rule, field, text ? "text" : "number");
    path = lua_tostring(L, -2);
    if (text) *text = lua_tostring(L, -1);
    if (number) *number = (int64_t)lua_tonumber(L, -1);
    lua_pop(L, 2);
  } else if (!lua_isnil(L, -1)) {
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "media.%s.%s must be a path", rule, field);
    path = lua_tostring(L, -1);
  }
  lua_pop(L, 1);
  return path;
}

/* A field of the rule on top of the stack. */
static const char *rule_text(lua_State *L, const char *rule, const char *field) {
  lua_getfield(L, -1, field);
  int type = lua_type(L, -1);
  if (type != LUA_TNIL && type != LUA_TSTRING)
    luaL_error(L, "media.%s.%s must be a string, not a %s", rule, field, lua_typename(L, type));
  const char *text = lua_tostring(L, -1);
  lua_pop(L, 1);
  return text;
}

static cal_encoding check_encoding(lua_State *L, const char *field, int *was_given) {
  const char *name = cal_luax_text(L, 1, field);
  cal_encoding encoding = CAL_PCMU;
  if (was_given) *was_given = name != NULL;
  if (!name) return encoding;
  int found = cal_encoding_named(&encoding, name);
  if (found < 0) luaL_error(L, "media.%s is \"%s\"; pcmu, pcma, l16le and l16be are known", field, name);
  return encoding;
}

/* replies = { { event = "ping", text = "…", ends = true, told = true }, … }. Texts are borrowed from the
 * declaration. */
static void read_replies(lua_State *L, cal_wire_spec *spec) {
  lua_getfield(L, 1, "replies");
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  if (!lua_istable(L, -1)) luaL_error(L, "media.replies must be a list of tables");
  size_t count = lua_objlen(L, -1);
  if (count > CAL_WIRE_REPLIES) luaL_error(L, "media.replies has more than %d replies", CAL_WIRE_REPLIES);
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, -1, (int)i + 1);
    if (!lua_istable(L, -1)) luaL_error(L, "media.replies must be a list of tables");
    check_names(L, "media.replies", reply_names);
    int reply = lua_gettop(L);
    spec->replies[i].event = rule_text(L, "replies", "event");
    spec->replies[i].text = rule_text(L, "replies", "text");
    spec->replies[i].ends = cal_luax_flag(L, reply, "ends");
    spec->replies[i].is_told = cal_luax_flag(L, reply, "told");
    lua_pop(L, 1);
  }
  spec->reply_count = count;
  lua_pop(L, 1);
}

/* ---- rules: what arrives */

static void read_audio_rules(lua_State *L, cal_wire_spec *spec) {
  if (enter(L, "audio_in", audio_names)) {
    spec->audio.event = rule_text(L, "audio_in", "event");
    spec->audio.payload = rule_text(L, "audio_in", "payload");
    spec->audio.when_path = path_of(L, "audio_in", "when", &spec->audio.when_text, NULL);
    lua_pop(L, 1);
  }
  if (enter(L, "mark_in", mark_names)) {
    spec->mark.event = rule_text(L, "mark_in", "event");
    spec->mark.name = rule_text(L, "mark_in", "name");
    spec->mark.when_path = path_of(L, "mark_in", "when", &spec->mark.when_text, NULL);
    lua_pop(L, 1);
  }
  if (enter(L, "dtmf_in", dtmf_names)) {
    spec->dtmf.event = rule_text(L, "dtmf_in", "event");
    spec->dtmf.digit = rule_text(L, "dtmf_in", "digit");
    lua_pop(L, 1);
  }
  if (enter(L, "clear_in", clear_names)) {
    spec->clear.drops_marks = cal_luax_flag(L, lua_gettop(L), "drops_marks");
    spec->clear.event = rule_text(L, "clear_in", "event");
    spec->clear.when_path = path_of(L, "clear_in", "when", &spec->clear.when_text, NULL);
    lua_pop(L, 1);
  }
  if (enter(L, "pause_in", event_names)) {
    spec->pause.event = rule_text(L, "pause_in", "event");
    lua_pop(L, 1);
  }
  if (enter(L, "resume_in", event_names)) {
    spec->resume.event = rule_text(L, "resume_in", "event");
    lua_pop(L, 1);
  }
}

static void read_words_list(lua_State *L, cal_wire_spec *spec) {
  lua_getfield(L, -1, "list");
  if (!lua_istable(L, -1)) {
    if (!lua_isnil(L, -1)) luaL_error(L, "media.words_in.list must be a table");
    lua_pop(L, 1);
    return;
  }
  lua_pushliteral(L, "media.words_in.list");
  lua_insert(L, -2);
  check_names(L, lua_tostring(L, -2), list_names);
  lua_remove(L, -2);
  spec->words.list.at = rule_text(L, "words_in.list", "at");
  spec->words.list.text = rule_text(L, "words_in.list", "text");
  spec->words.list.final = rule_text(L, "words_in.list", "final");
  spec->words.list.from = rule_text(L, "words_in.list", "from");
  spec->words.list.until = rule_text(L, "words_in.list", "to");
  spec->words.list.language = rule_text(L, "words_in.list", "language");
  spec->words.list.confidence = rule_text(L, "words_in.list", "confidence");
  spec->words.list.ends = rule_text(L, "words_in.list", "ends");
  lua_pop(L, 1);
}

static void read_words_rule(lua_State *L, cal_wire_spec *spec) {
  static const char *const kinds[CAL_WORDS_KINDS] = {
      [CAL_WORDS_PIECE] = "piece",     [CAL_WORDS_FINAL] = "final",     [CAL_WORDS_LIKELY] = "likely",
      [CAL_WORDS_RESUMED] = "resumed", [CAL_WORDS_STARTED] = "started", [CAL_WORDS_ENDED] = "ended"};
  if (!enter(L, "words_in", words_names)) return;
  spec->words.event = rule_text(L, "words_in", "event");
  spec->words.text = rule_text(L, "words_in", "text");
  spec->words.turn = rule_text(L, "words_in", "turn");
  spec->words.language = rule_text(L, "words_in", "language");
  spec->words.confidence = rule_text(L, "words_in", "confidence");
  spec->words.from = rule_text(L, "words_in", "from");
  spec->words.until = rule_text(L, "words_in", "to");
  spec->words.is_ms = cal_luax_flag(L, lua_gettop(L), "ms");
  spec->words.has_deltas = cal_luax_flag(L, lua_gettop(L), "deltas");
  for (int kind = CAL_WORDS_PARTIAL + 1; kind < CAL_WORDS_KINDS; kind++)
    spec->words.kinds[kind].path = path_of(L, "words_in", kinds[kind], &spec->words.kinds[kind].text, NULL);
  read_words_list(L, spec);
  lua_pop(L, 1);
}

static void read_times_rule(lua_State *L, cal_wire_spec *spec) {
  if (!enter(L, "times_in", times_names)) return;
  spec->times.event = rule_text(L, "times_in", "event");
  spec->times.texts = rule_text(L, "times_in", "texts");
  spec->times.starts = rule_text(L, "times_in", "starts");
  spec->times.ends = rule_text(L, "times_in", "ends");
  spec->times.lasts = rule_text(L, "times_in", "lasts");
  spec->times.is_ms = cal_luax_flag(L, lua_gettop(L), "ms");
  spec->times.is_relative = cal_luax_flag(L, lua_gettop(L), "relative");
  lua_pop(L, 1);
}

static void read_stream_rules(lua_State *L, cal_wire_spec *spec) {
  if (enter(L, "start_in", start_names)) {
    spec->start.event = rule_text(L, "start_in", "event");
    spec->start.stream = rule_text(L, "start_in", "stream");
    spec->start.call = rule_text(L, "start_in", "call");
    spec->start.encoding = path_of(L, "start_in", "encoding", &spec->start.encoding_text, NULL);
    spec->start.rate = path_of(L, "start_in", "rate", NULL, &spec->start.rate_expected);
    lua_pop(L, 1);
  }
  if (enter(L, "stop_in", event_names)) {
    spec->stop.event = rule_text(L, "stop_in", "event");
    lua_pop(L, 1);
  }
  if (enter(L, "error_in", error_names)) {
    spec->error.event = rule_text(L, "error_in", "event");
    spec->error.code = rule_text(L, "error_in", "code");
    spec->error.text = rule_text(L, "error_in", "text");
    spec->error.retry_after = rule_text(L, "error_in", "retry_after");
    lua_pop(L, 1);
  }
  read_words_rule(L, spec);
  if (enter(L, "limit_in", limit_names)) {
    int limit = lua_gettop(L);
    spec->limit.per_second = (uint32_t)cal_luax_number(L, limit, "per_second", 0, 1, 1000);
    spec->limit.burst = (uint32_t)cal_luax_number(L, limit, "burst", 0, 1, 1000);
    spec->limit.text = rule_text(L, "limit_in", "text");
    lua_pop(L, 1);
  }
}

/* ---- texts: what is sent */

/* One text, or a list of them: borrowed from the declaration. */
static void read_says(lua_State *L, cal_wire_spec *spec) {
  lua_getfield(L, 1, "say_out");
  int is_list = lua_istable(L, -1);
  size_t count = is_list ? lua_objlen(L, -1) : 0;
  if (count > CAL_WIRE_SAYS) luaL_error(L, "media.say_out has more than %d texts", CAL_WIRE_SAYS);
  if (!is_list) spec->say_out[0] = cal_luax_text(L, 1, "say_out");
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, -1, (int)i + 1);
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "media.say_out must be a text or a list of texts");
    spec->say_out[i] = lua_tostring(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static void read_texts(lua_State *L, cal_wire_spec *spec) {
  read_says(L, spec);
  spec->audio_out = cal_luax_text(L, 1, "audio_out");
  spec->mark_out = cal_luax_text(L, 1, "mark_out");
  spec->cancel_out = cal_luax_text(L, 1, "cancel_out");
  spec->clear_out = cal_luax_text(L, 1, "clear");
  spec->dtmf_out = cal_luax_text(L, 1, "dtmf_out");
  spec->stop_out = cal_luax_text(L, 1, "stop_out");
  spec->playing_out = cal_luax_text(L, 1, "playing_out");
  spec->played_out = cal_luax_text(L, 1, "played_out");
  spec->bye_out = cal_luax_text(L, 1, "bye_out");
}

static cal_wire **push_userdata(lua_State *L) {
  cal_wire **wire = lua_newuserdata(L, sizeof *wire);
  *wire = NULL;
  if (luaL_newmetatable(L, WIRE_TYPE)) {
    lua_pushcfunction(L, release);
    lua_setfield(L, -2, "__gc");
    lua_pushliteral(L, WIRE_TYPE); /* what getmetatable gives scripts, instead of our destructor */
    lua_setfield(L, -2, "__metatable");
  }
  lua_setmetatable(L, -2);
  return wire;
}

int cal_core_wire(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  check_names(L, "media", media_names);
  cal_wire_spec spec = {.name = cal_luax_text_needed(L, 1, "name")};
  spec.encoding = check_encoding(L, "encoding", NULL);
  spec.encoding_out = check_encoding(L, "encoding_out", &spec.has_encoding_out);
  spec.rate_hz = (uint32_t)cal_luax_number(L, 1, "rate", 8000, 8000, 48000);
  spec.frame_ms = (uint32_t)cal_luax_number(L, 1, "frame_ms", 20, 10, 200);
  spec.is_binary_in = cal_luax_flag(L, 1, "binary_in");
  spec.is_binary_out = cal_luax_flag(L, 1, "binary_out");
  spec.event_path = cal_luax_text(L, 1, "event");
  spec.sub_protocol = cal_luax_text(L, 1, "sub_protocol");
  spec.chunk_min_bytes = (uint32_t)cal_luax_number(L, 1, "chunk_min", 0, 0, 65536);
  spec.chunk_multiple_bytes = (uint32_t)cal_luax_number(L, 1, "chunk_multiple", 0, 0, 65536);
  read_texts(L, &spec);
  spec.bye_wait_ms = (uint32_t)(1000 * cal_luax_number(L, 1, "bye_wait", 0, 0, 60));
  spec.is_closed_by_peer = cal_luax_flag(L, 1, "closed_by_peer");
  spec.channels = (uint32_t)cal_luax_number(L, 1, "channels", 1, 1, 2);
  spec.channels_out = (uint32_t)cal_luax_number(L, 1, "channels_out", 1, 1, 2);
  spec.sequence_path = cal_luax_text(L, 1, "sequence_in");
  spec.acknowledged_path = cal_luax_text(L, 1, "acknowledged_in");
  spec.stream_path = cal_luax_text(L, 1, "stream_in");
  spec.utterance_path = cal_luax_text(L, 1, "utterance_in");
  read_audio_rules(L, &spec);
  read_times_rule(L, &spec);
  read_stream_rules(L, &spec);
  read_replies(L, &spec);
  cal_wire **wire = push_userdata(L);
  if (cal_wire_compile(wire, &spec) < 0) return luaL_error(L, "%s", cal_error_text());
  return 1;
}

cal_wire *cal_core_check_wire(lua_State *L, int index) {
  cal_wire **wire = luaL_checkudata(L, index, WIRE_TYPE);
  return *wire;
}
