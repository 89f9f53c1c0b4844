/* callisto.core, what a call's VM has: its leg, its ear, its facts.
 *
 * Whatever leaves the VM counts against the call's quota (script/quota.h) before it is done. */
#include <ctype.h>
#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "audio/dtmf.h"
#include "audio/endpoint.h"
#include "audio/mix.h"
#include "audio/tone.h"
#include "base/error.h"
#include "base/mem.h"
#include "bind/l_core.h"
#include "script/live_call.h"
#include "data/json_escape.h"
#include "io/say.h"
#include "store/facts.h"

#define TEXT_CEILING 4000
#define FACT_CEILING 65536
#define MESSAGE_CEILING 65536

static cal_talk_voice voice_of(const cal_live_call *call) { return call->host->reach->voice; }

/* The party whose number is the first argument. */
static cal_live_party *check_party(lua_State *L, cal_live_call *call) {
  cal_live_party *party = cal_live_call_party(call, luaL_checkinteger(L, 1));
  luaL_argcheck(L, party != NULL, 1, "the number of a party of this call: 1 is the caller");
  return party;
}

static uint32_t check_utterance(lua_State *L, cal_live_party *party) {
  lua_Integer number = luaL_checkinteger(L, 2);
  luaL_argcheck(L, number >= 1 && number < 0x70000000, 2, "utterances are numbered from 1 upwards");
  if ((uint32_t)number > party->last_utterance) party->last_utterance = (uint32_t)number;
  return (uint32_t)number;
}

static uint32_t flags_of(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) return 0;
  luaL_checktype(L, index, LUA_TTABLE);
  return (cal_luax_flag(L, index, "interruptible") ? CAL_COMMAND_INTERRUPTIBLE : 0) |
         (cal_luax_flag(L, index, "reversible") ? CAL_COMMAND_REVERSIBLE : 0) |
         (cal_luax_flag(L, index, "digits_stop") ? CAL_COMMAND_DIGITS_STOP : 0);
}

static int done(lua_State *L) {
  lua_pushboolean(L, 1);
  return 1;
}

/* Orders of the script whose text has so many bytes; 0 or a refusal. */
static int take_order(cal_live_call *call, size_t bytes) {
  return cal_live_call_take(call, CAL_QUOTA_ORDERS, bytes);
}

static int take_saying(cal_live_call *call, const cal_live_party *party, uint32_t utterance, size_t letters) {
  return cal_live_call_take_saying(call, cal_party_about(party->call)->party, utterance, (uint32_t)letters);
}

/* For a trace: { party, number, name = text }. */
static void trace(const cal_live_call *call, const cal_live_party *party, const char *kind, uint32_t number,
                  const char *name, const char *text) {
  cal_trace *into = call->host->reach->trace;
  if (!into) return;
  cal_buf json;
  cal_buf_init(&json, 1 << 20);
  cal_buf_format(&json, "{\"party\":%u,\"number\":%u,\"%s\":\"", cal_party_about(party->call)->party, number,
                 name);
  cal_json_escape(&json, cal_span_of(text));
  cal_buf_text(&json, "\"}");
  cal_trace_did(into, cal_live_call_name(call), kind, json.data);
  cal_buf_free(&json);
}

static void trace_fact(cal_live_call *call, const char *kind, const char *data) {
  cal_trace *into = call->host->reach->trace;
  if (!into) return;
  cal_buf json;
  cal_buf_init(&json, 1 << 20);
  cal_buf_text(&json, "{\"kind\":\"");
  cal_json_escape(&json, cal_span_of(kind));
  cal_buf_format(&json, "\",\"data\":%s}", data && *data ? data : "{}");
  cal_trace_did(into, cal_live_call_name(call), "fact", json.data);
  cal_buf_free(&json);
}

/* ---- saying */

static int say(lua_State *L) {
  cal_live_call *call = cal_core_check_call(L);
  cal_live_party *party = check_party(L, call);
  uint32_t utterance = check_utterance(L, party);
  size_t bytes;
  const char *text = luaL_checklstring(L, 3, &bytes), *voice = NULL;
  luaL_argcheck(L, bytes <= TEXT_CEILING, 3, "an utterance has at most 4,000 bytes");
  uint32_t flags = flags_of(L, 4);
  if (lua_istable(L, 4)) voice = cal_luax_text(L, 4, "voice");
  int code = take_saying(call, party, utterance, bytes);
  if (code < 0) return cal_luax_refuse(L, code);
  trace(call, party, "say", utterance, "text", text);
  if (party->has_vendor)
    cal_say_by_leg(party->call, utterance, text, voice, flags);
  else
    cal_say_text(voice_of(call), party->call, utterance, text, voice, flags);
  return done(L);
}

enum { PATH_BYTES = 1024 };

static const char *check_path(lua_State *L, int index, const cal_live_call *call, char whole[PATH_BYTES]) {
  const char *path = luaL_checkstring(L, index);
  luaL_argcheck(L, *path && *path != '/' && !strstr(path, ".."), index, "a path inside the workspace");
  snprintf(whole, PATH_BYTES, "%s/%s", call->host->reach->workspace, path);
  return path;
}

static int play(lua_State *L) {
  cal_live_call *call = cal_core_check_call(L);
  cal_live_party *party = check_party(L, call);
  uint32_t utterance = check_utterance(L, party);
  char whole[PATH_BYTES], announced[256];
  const char *path = check_path(L, 3, call, whole);
  uint32_t flags = flags_of(L, 4);
  int code = take_saying(call, party, utterance, 0);
  if (code < 0) return cal_luax_refuse(L, code);
  snprintf(announced, sizeof announced, "[%s]", path);
  trace(call, party, "play", utterance, "path", path);
  cal_say_file(voice_of(call), party->call, utterance, whole, call->host->reach->is_spoken ? announced : NULL,
               flags);
  return 0;
}

/* A file that is not there is told at once; what else is wrong with it shows when it is read, and is logged.
 */
static int background(lua_State *L) {
  cal_live_call *call = cal_core_check_call(L);
  cal_live_party *party = check_party(L, call);
  char whole[PATH_BYTES];
  lua_Number volume = 1;
  const char *path = lua_isnoneornil(L, 2) ? NULL : check_path(L, 2, call, whole);
  if (lua_istable(L, 3)) {
    cal_luax_field(L, 3, "volume");
    volume = luaL_optnumber(L, -1, 1);
  }
  luaL_argcheck(L, volume >= 0 && volume <= 1, 3, "a volume is 0 to 1");
  struct stat about;
  int code = take_order(call, 0);
  if (code < 0) return cal_luax_refuse(L, code);
  if (path && (stat(whole, &about) || !S_ISREG(about.st_mode)))
    return cal_luax_refuse(L, cal_fail(-ENOENT, "there is no sound file %s in the workspace", path));
  cal_say_background(voice_of(call), party->call, ++party->last_background, path ? whole : NULL,
                     (int32_t)lrint(volume * CAL_GAIN_UNITY));
  return done(L);
}

static int repeat_clip(cal_clip **result, cal_clip *once, double seconds) {
  uint32_t wanted = (uint32_t)ceil(seconds * once->rate_hz);
  cal_clip *clip = cal_clip_new(once->rate_hz, wanted, NULL, 0);
  for (uint32_t i = 0; i < wanted; i++) clip->data[i] = once->data[i % once->samples];
  cal_unref(once);
  *result = clip;
  return 0;
}

static int tone(lua_State *L) {
  cal_live_call *call = cal_core_check_call(L);
  cal_live_party *party = check_party(L, call);
  uint32_t utterance = check_utterance(L, party);
  const char *name = luaL_checkstring(L, 3);
  lua_Number seconds = luaL_optnumber(L, 4, 1);
  luaL_argcheck(L, seconds > 0 && seconds <= 60, 4, "0 to 60 seconds");
  uint32_t flags = flags_of(L, 5);
  uint32_t rate_hz = cal_party_rate_hz(party->call);
  cal_clip *clip = NULL;
  int code;
  if (!strncmp(name, "digits:", 7)) {
    code = cal_dtmf_clip(&clip, name + 7, 0, 0, rate_hz);
  } else {
    code = cal_tone_clip(&clip, name, rate_hz);
    if (!code && strcmp(name, "beep") && strcmp(name, "prompt")) code = repeat_clip(&clip, clip, seconds);
  }
  if (code < 0) return luaL_argerror(L, 3, cal_error_text());
  code = take_saying(call, party, utterance, clip->samples * CAL_SAYINGS_LETTERS_A_SECOND / rate_hz);
  if (code < 0) {
    cal_unref(clip);
    return cal_luax_refuse(L, code);
  }
  cal_say_clip(party->call, utterance, clip, flags);
  return done(L);
}

/* Gives the order, whose text has so many bytes; true, or a refusal. */
static int command(lua_State *L, const cal_live_party *party, cal_command order, size_t bytes) {
  int code = take_order(cal_core_check_call(L), bytes);
  if (code < 0) {
    cal_command_drop(&order);
    return cal_luax_refuse(L, code);
  }
  cal_party_command(party->call, &order);
  return done(L);
}

static int stop(lua_State *L) {
  const cal_live_party *party = check_party(L, cal_core_check_call(L));
  lua_Integer number = luaL_optinteger(L, 2, 0);
  return command(L, party, (cal_command){.kind = CAL_COMMAND_LEG_STOP, .utterance = (uint32_t)number}, 0);
}

static int pause_saying(lua_State *L) {
  const cal_live_party *party = check_party(L, cal_core_check_call(L));
  luaL_checktype(L, 2, LUA_TBOOLEAN);
  return command(
      L, party,
      (cal_command){.kind = CAL_COMMAND_LEG_PAUSE, .flags = lua_toboolean(L, 2) ? CAL_COMMAND_ON : 0}, 0);
}

static int send_digits(lua_State *L) {
  const cal_live_party *party = check_party(L, cal_core_check_call(L));
  const char *keys = luaL_checkstring(L, 2);
  luaL_argcheck(
      L, *keys && strlen(keys) <= CAL_DTMF_MAX_KEYS && strspn(keys, "0123456789*#ABCD") == strlen(keys), 2,
      "1 to 64 keys of 0-9*#ABCD");
  return command(L, party, (cal_command){.kind = CAL_COMMAND_LEG_DIGITS, .text = cal_strdup(keys)}, 0);
}

static int send_text(lua_State *L) {
  const cal_live_party *party = check_party(L, cal_core_check_call(L));
  size_t bytes;
  const char *text = luaL_checklstring(L, 2, &bytes);
  luaL_argcheck(L, bytes <= MESSAGE_CEILING, 2, "a message has at most 64 KiB");
  return command(L, party, (cal_command){.kind = CAL_COMMAND_LEG_TEXT, .text = cal_strdup(text)}, bytes);
}

static int recording(lua_State *L) {
  const cal_live_party *party = check_party(L, cal_core_check_call(L));
  return command(
      L, party,
      (cal_command){.kind = CAL_COMMAND_LEG_RECORDING, .flags = lua_toboolean(L, 2) ? CAL_COMMAND_ON : 0}, 0);
}

/* party_close(party, drain, code) */
static int party_close(lua_State *L) {
  const cal_live_party *party = check_party(L, cal_core_check_call(L));
  int drain = lua_toboolean(L, 2), code = (int)luaL_optinteger(L, 3, 1000);
  return command(
      L, party,
      (cal_command){.kind = CAL_COMMAND_LEG_CLOSE, .flags = drain ? CAL_COMMAND_DRAIN : 0, .code = code}, 0);
}

/* ---- joining */

static uint8_t check_number(lua_State *L, int index, cal_live_call *call) {
  lua_Integer number = luaL_checkinteger(L, index);
  luaL_argcheck(L, cal_live_call_party(call, number), index,
                "the number of a party of this call: 1 is the caller");
  return (uint8_t)number;
}

/* join(a, b, {hold, whisper}) */
static int join(lua_State *L) {
  cal_live_call *call = cal_core_check_call(L);
  uint8_t a = check_number(L, 1, call), b = check_number(L, 2, call);
  int ways = CAL_BRIDGE_BOTH, is_held = 0;
  luaL_argcheck(L, a != b, 2, "two parties are joined, not one with itself");
  if (!lua_isnoneornil(L, 3)) {
    luaL_checktype(L, 3, LUA_TTABLE);
    is_held = cal_luax_flag(L, 3, "hold");
    lua_Number whisper = cal_luax_number(L, 3, "whisper", 0, 1, CAL_PARTIES);
    luaL_argcheck(L, !whisper || whisper == a || whisper == b, 3,
                  "`whisper` is the one of the two who hears the other");
    if (whisper) ways = whisper == a ? CAL_BRIDGE_A_HEARS : CAL_BRIDGE_B_HEARS;
  }
  int code = take_order(call, 0);
  if (!code) code = cal_live_call_join(call, a, b, ways, is_held);
  if (code < 0) return cal_luax_refuse(L, code);
  return done(L);
}

static int part(lua_State *L) {
  cal_live_call *call = cal_core_check_call(L);
  uint8_t a = check_number(L, 1, call), b = check_number(L, 2, call);
  int code = take_order(call, 0);
  if (code < 0) return cal_luax_refuse(L, code);
  cal_live_call_part(call, a, b);
  return done(L);
}

/* ---- listening */

#define PHRASES_CEILING CAL_GRAMMAR_PHRASES

typedef struct answers {
  cal_choice choices[CAL_GRAMMAR_CHOICES];
  const char *phrases[PHRASES_CEILING];
  size_t choice_count, phrase_count;
} answers;

/* choices = { yes = {"yes", "sure"}, no = {} }: everything is borrowed from the Lua table at `index`. */
static void read_choices(lua_State *L, int index, answers *into) {
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || !lua_istable(L, -1))
      luaL_error(L, "`choices` must be { name = { phrase, … }, … }");
    if (into->choice_count == CAL_GRAMMAR_CHOICES) luaL_error(L, "more than %d choices", CAL_GRAMMAR_CHOICES);
    cal_choice *choice = &into->choices[into->choice_count++];
    choice->id = lua_tostring(L, -2);
    choice->phrases = &into->phrases[into->phrase_count];
    for (int i = 1; i <= (int)lua_objlen(L, -1); i++) {
      lua_rawgeti(L, -1, i);
      if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "a phrase of choice %s is not a string", choice->id);
      if (into->phrase_count == PHRASES_CEILING) luaL_error(L, "more than %d phrases", PHRASES_CEILING);
      into->phrases[into->phrase_count++] = lua_tostring(L, -1);
      choice->phrase_count++;
      lua_pop(L, 1);
    }
  }
}

static int grammar_of(lua_State *L, cal_live_call *call, cal_grammar **result) {
  *result = NULL;
  cal_grammar_options options = {0};
  answers *a = lua_newuserdata(L, sizeof *a);
  memset(a, 0, sizeof *a);
  cal_luax_field(L, 2, "choices");
  if (lua_istable(L, -1)) read_choices(L, lua_gettop(L), a);
  options.choices = a->choices;
  options.choice_count = a->choice_count;
  cal_luax_field(L, 2, "digits");
  if (lua_istable(L, -1)) {
    options.digits_min = (uint32_t)cal_luax_number(L, lua_gettop(L), "min", 1, 1, CAL_GRAMMAR_DIGITS);
    options.digits_max =
        (uint32_t)cal_luax_number(L, lua_gettop(L), "max", CAL_GRAMMAR_DIGITS, 1, CAL_GRAMMAR_DIGITS);
  }
  cal_luax_field(L, 2, "numbers");
  if (lua_istable(L, -1)) {
    int at = lua_gettop(L);
    options.number_max = (uint32_t)cal_luax_number(L, at, "max", CAL_GRAMMAR_NUMBER, 1, CAL_GRAMMAR_NUMBER);
    options.has_fraction = cal_luax_flag(L, at, "fraction");
    options.has_minus = cal_luax_flag(L, at, "minus");
  } else if (lua_toboolean(L, -1)) {
    options.number_max = CAL_GRAMMAR_NUMBER;
  }
  if (!options.choice_count && !options.digits_max && !options.number_max) return 0;
  cal_talk_ear ear = call->host->reach->ear;
  return ear.ops->expect(ear.self, result, &options);
}

static int check_free_text(const cal_live_call *call) {
  cal_talk_ear ear = call->host->reach->ear;
  if (ear.ops->hears_free_text(ear.self)) return 0;
  return cal_fail(-ENOTSUP, "the built-in ear does not listen to free text unless the server is started with "
                            "--free-text; expect choices, a number or a date, or ask for keys");
}

/* Free text is text: what among it is a choice, a number or a date is the script's to find. */
static int set_listening(lua_State *L) {
  cal_live_call *call = cal_core_check_call(L);
  cal_live_party *party = check_party(L, call);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  cal_listen how = {.endpoint_ms =
                        (uint32_t)cal_luax_number(L, 2, "endpoint_ms", CAL_ENDPOINT_HANGOVER_MS, 100, 5000),
                    .free_text = cal_luax_flag(L, 2, "free_text")};
  cal_grammar *grammar = NULL;
  int code = how.free_text ? check_free_text(call) : grammar_of(L, call, &grammar);
  if (code < 0) return cal_luax_refuse(L, code);
  how.grammar = grammar;
  return command(L, party, (cal_command){.kind = CAL_COMMAND_LEG_LISTEN, .listen = how}, 0);
}

/* ---- facts */

static int64_t wall_ms(const cal_live_call *call) { return cal_reach_wall_ms(call->host->reach); }

static cal_store *store_of(const cal_live_call *call) { return call->host->reach->store; }

static int fact(lua_State *L) {
  cal_live_call *call = cal_core_check_call(L);
  const char *kind = luaL_checkstring(L, 1), *data = luaL_optstring(L, 2, NULL);
  size_t bytes = strlen(kind) + (data ? strlen(data) : 0);
  luaL_argcheck(L, bytes <= FACT_CEILING, 2, "a fact has at most 64 KiB");
  int code = cal_live_call_take(call, CAL_QUOTA_RECORD, bytes);
  if (code < 0) return cal_luax_refuse(L, code);
  trace_fact(call, kind, data);
  code = cal_store_event(store_of(call), cal_live_call_name(call), wall_ms(call), kind, data);
  if (code < 0) return cal_luax_refuse(L, code);
  return done(L);
}

static int line(lua_State *L) {
  cal_live_call *call = cal_core_check_call(L);
  cal_line said = {.call_id = cal_live_call_name(call),
                   .at_ms = wall_ms(call),
                   .who = luaL_checkstring(L, 1),
                   .text = luaL_checkstring(L, 2),
                   .heard = luaL_optstring(L, 3, NULL),
                   .is_interrupted = lua_toboolean(L, 4),
                   .known_by = luaL_optstring(L, 5, NULL)};
  size_t bytes = strlen(said.text) + (said.heard ? strlen(said.heard) : 0);
  luaL_argcheck(L, bytes <= FACT_CEILING, 2, "a line has at most 64 KiB");
  int code = cal_live_call_take(call, CAL_QUOTA_RECORD, bytes);
  if (!code) code = cal_store_line(store_of(call), &said);
  if (code < 0) return cal_luax_refuse(L, code);
  return done(L);
}

void cal_core_add_call(lua_State *L) {
  cal_luax_set(L, "say", say);
  cal_luax_set(L, "play", play);
  cal_luax_set(L, "background", background);
  cal_luax_set(L, "tone", tone);
  cal_luax_set(L, "stop", stop);
  cal_luax_set(L, "pause", pause_saying);
  cal_luax_set(L, "listen", set_listening);
  cal_luax_set(L, "send_digits", send_digits);
  cal_luax_set(L, "send_text", send_text);
  cal_luax_set(L, "recording", recording);
  cal_luax_set(L, "party_close", party_close);
  cal_luax_set(L, "join", join);
  cal_luax_set(L, "part", part);
  cal_luax_set(L, "fact", fact);
  cal_luax_set(L, "line", line);
}
