/* callisto.core, for services that play vendors: the voice of the process in their hands. */
#include <errno.h>
#include <lauxlib.h>

#include "audio/codec.h"
#include "base/error.h"
#include "base/mem.h"
#include "bind/l_core.h"
#include "net/message.h"
#include "script/question.h"

#define TEXT_CEILING 4096
#define SOUND_CEILING (16u << 20)

/* A text that is being made. Its clips come one after the other, on any thread. */
typedef struct making {
  cal_reach *reach;
  uint8_t script;
  cal_id asked;
  cal_encoding encoding;
  cal_buf sound;
  int code;
} making;

static void add(making *m, const cal_clip *clip) {
  size_t bytes = clip->samples * cal_encoding_bytes(m->encoding);
  uint8_t *encoded = cal_alloc(bytes + 1);
  cal_encode(m->encoding, clip->data, clip->samples, encoded);
  if (cal_buf_append(&m->sound, encoded, bytes)) m->code = -EMSGSIZE;
  cal_free(encoded);
}

static void answer(making *m) {
  cal_event event = {.kind = CAL_EVENT_HTTP_RESPONSE, .source = m->asked, .code = m->code};
  if (m->code) {
    event.text = cal_strdup(m->code == -EMSGSIZE ? "the sound is too long" : cal_error_text());
  } else {
    event.message = cal_http_message_new();
    cal_http_message_set_body(event.message, m->sound.data ? m->sound.data : "", m->sound.bytes);
  }
  cal_reach_event(m->reach, m->script, &event, CAL_MAIL_RESERVED);
  cal_buf_free(&m->sound);
  cal_free(m);
}

static void on_clip(void *context, cal_clip *clip, int is_last, int code) {
  making *m = context;
  if (clip && !m->code) add(m, clip);
  cal_unref(clip);
  if (!is_last) return;
  if (code) m->code = code;
  answer(m);
}

/* spoken(text, rate, encoding) → a question; its answer's body is the sound */
static int spoken(lua_State *L) {
  cal_context *context = cal_context_of(L);
  size_t bytes;
  const char *text = luaL_checklstring(L, 1, &bytes), *name = luaL_checkstring(L, 3);
  lua_Integer rate_hz = luaL_checkinteger(L, 2);
  cal_encoding encoding;
  luaL_argcheck(L, bytes > 0 && bytes <= TEXT_CEILING, 1, "a text of 1 to 4096 bytes");
  luaL_argcheck(L, rate_hz >= 8000 && rate_hz <= 48000, 2, "8000 to 48000");
  luaL_argcheck(L, cal_encoding_named(&encoding, name) == 0, 3, "pcmu, pcma or l16le");
  making *m = cal_alloc(sizeof *m);
  *m = (making){.reach = context->reach, .script = context->host->index, .encoding = encoding};
  cal_buf_init(&m->sound, SOUND_CEILING);
  int code = cal_question_ask(context, 0, &m->asked);
  if (code < 0) {
    cal_free(m);
    return cal_luax_refuse(L, code);
  }
  cal_id asked = m->asked;
  cal_talk_voice voice = context->reach->voice;
  code = voice.ops->say(voice.self, &(cal_saying){.text = text, .rate_hz = (uint32_t)rate_hz}, on_clip, m);
  if (code < 0) {
    cal_question_forget(context, asked);
    cal_free(m);
    return cal_luax_refuse(L, code);
  }
  lua_pushnumber(L, (lua_Number)asked);
  return 1;
}

void cal_core_add_spoken(lua_State *L) { cal_luax_set(L, "spoken", spoken); }
