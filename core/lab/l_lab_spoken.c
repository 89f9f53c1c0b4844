/* callisto.lab: the voice and the ear of specs (speech/spoken.h) in the hand of a spec, for doubles that speak and
 * listen. Samples are texts: 16 bit, little-endian. */
#include <lauxlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "bind/luax.h"
#include "lab/l_lab.h"
#include "speech/spoken.h"

#define EAR "callisto.lab.ear"

typedef struct spoken_ear {
  cal_spoken_ear *ear;
  lua_State *L; /* while it is given samples: the list of words is on top */
} spoken_ear;

/* spoken(text, rate) → samples */
int cal_lab_spoken(lua_State *L) {
  const char *text = luaL_checkstring(L, 1);
  lua_Integer rate_hz = luaL_checkinteger(L, 2);
  luaL_argcheck(L, rate_hz >= 8000 && rate_hz <= 48000, 2, "8000 to 48000");
  cal_clip *clip = cal_spoken_say(text, (uint32_t)rate_hz);
  luaL_argcheck(L, clip != NULL, 1, "there is nothing to say, or too much");
  cal_lab_push_samples(L, clip->data, clip->samples);
  cal_unref(clip);
  return 1;
}

static void on_word(void *context, const char *word, uint64_t begin_ms, uint64_t end_ms) {
  lua_State *L = ((spoken_ear *)context)->L;
  lua_pushstring(L, word);
  lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
}

/* ear:put(samples) → the words that are over with them */
static int put(lua_State *L) {
  spoken_ear *e = luaL_checkudata(L, 1, EAR);
  size_t count;
  const int16_t *samples = cal_lab_check_samples(L, 2, &count);
  lua_newtable(L);
  e->L = L;
  cal_spoken_ear_put(e->ear, samples, count);
  return 1;
}

static int collect(lua_State *L) {
  spoken_ear *e = luaL_checkudata(L, 1, EAR);
  e->ear = cal_spoken_ear_free(e->ear);
  return 0;
}

/* ear(rate) */
int cal_lab_ear(lua_State *L) {
  lua_Integer rate_hz = luaL_checkinteger(L, 1);
  luaL_argcheck(L, rate_hz >= 8000 && rate_hz <= 48000, 1, "8000 to 48000");
  spoken_ear *e = lua_newuserdata(L, sizeof *e);
  e->ear = NULL;
  if (luaL_newmetatable(L, EAR)) {
    lua_createtable(L, 0, 1);
    cal_luax_set(L, "put", put);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  e->ear = cal_spoken_ear_new((uint32_t)rate_hz, on_word, e);
  return 1;
}
