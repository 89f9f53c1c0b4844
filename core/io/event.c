#include "io/event.h"

#include <string.h>

#include "base/mem.h"
#include "data/utf8.h"
#include "net/message.h"

void cal_event_drop(cal_event *event) {
  event->message = cal_http_message_free(event->message);
  event->value = cal_free(event->value);
  event->text = cal_free(event->text);
  if (event->object && event->release) event->release(event->object);
  event->object = NULL;
}

void cal_event_put_said(cal_buf *value, const char *name, const char *text) {
  if (!text) return;
  size_t bytes = cal_utf8_mend(NULL, text, strlen(text));
  char *mended = cal_alloc(bytes + 1);
  cal_utf8_mend(mended, text, strlen(text));
  cal_value_put_text(value, name, mended);
  cal_free(mended);
}

#define TO_CALL CAL_TO_CALL
#define TO_SERVICE CAL_TO_SERVICE
#define TO_ASKER CAL_TO_ASKER
#define TO_THREAD CAL_TO_THREAD
#define CALL {CAL_FIELD_CALL, "call", 0},
#define SOURCE {CAL_FIELD_SOURCE, "number", 0},
#define PARTY {CAL_FIELD_PARTY, "party", 0},
#define UTTERANCE {CAL_FIELD_UTTERANCE, "number", 0},
#define WORD(word) {CAL_FIELD_WORD, word, 0},
#define NUMBER(name) {CAL_FIELD_NUMBER, name, 0},
#define KEY(name) {CAL_FIELD_KEY, name, 0},
#define TEXT(name) {CAL_FIELD_TEXT, name, 0},
#define FLAG(name, bit) {CAL_FIELD_FLAG, name, CAL_EVENT_##bit},
#define ERROR(name) {CAL_FIELD_ERROR, name, 0},
#define VALUE(name) {CAL_FIELD_VALUE, name, 0},
#define TABLE {CAL_FIELD_TABLE, NULL, 0},
#define REQUEST {CAL_FIELD_REQUEST, NULL, 0},
#define UPGRADE {CAL_FIELD_UPGRADE, NULL, 0},
#define ANSWER {CAL_FIELD_ANSWER, NULL, 0},
#define ROWS {CAL_FIELD_ROWS, NULL, 0},
#define EVENT(kind, lua, trace, to, mail, fields)                                                            \
  [CAL_EVENT_##kind] = {lua, trace, to, CAL_MAIL_##mail, {fields}},

static const cal_event_about table[CAL_EVENT_KINDS] = {
#include "io/event.def"
};

const cal_event_about *cal_event_about_of(cal_event_kind kind) { return &table[kind]; }
