/* event: what the other planes tell the script plane. With command.h this is the engine's real API; event.def lists the
 * kinds with their fields.
 *
 * An event is a small struct, copied into the mailbox of the script thread that owns its target: a call (its
 * VM), or a request of that thread's service VM. The receiver releases what it points to (cal_event_drop does
 * so for one that finds no receiver). Events are decided facts: when CAL_EVENT_SPEECH_STARTED arrives, the io
 * plane has already stopped what was to be stopped. Answers to requests arrive in room that was reserved when
 * the request was accepted. */
#ifndef CAL_IO_EVENT_H
#define CAL_IO_EVENT_H

#include <stdint.h>

#include "base/slots.h"
#include "base/value.h"
#include "loop/mailbox.h"

typedef enum cal_event_kind {
  CAL_EVENT_NONE,
#define EVENT(kind, lua, trace, to, mail, fields) CAL_EVENT_##kind,
#include "io/event.def"
#undef EVENT
  CAL_EVENT_KINDS
} cal_event_kind;

enum {
  CAL_EVENT_SENT = 1,        /* the failed request may have reached the peer */
  CAL_EVENT_INTERRUPTED = 2, /* stopped before its end */
  CAL_EVENT_IN_BAND = 4,     /* the key was found in the audio */
  CAL_EVENT_WITH_LEG = 8,    /* an utterance that ended with its leg: CAL_EVENT_LEG_ENDED follows */
  CAL_EVENT_TURN = 16,       /* it came through a lane of the mailbox that stands back */
  CAL_EVENT_NEWS = 32,       /* a request that has to be worked on, even when its asker has gone */
  CAL_EVENT_PROVEN = 64,     /* what was heard of an utterance is known by an echo … */
  CAL_EVENT_UNPROVEN = 128,  /* … an echo was due and did not come; neither: by the clock */
};

struct cal_http_message;

typedef struct cal_event {
  cal_event_kind kind;
  uint8_t party; /* of the call, from 1: whose leg it is about */
  uint32_t utterance;
  uint32_t flags;
  int32_t code;
  /* The key's character, milliseconds, or for COMMIT the percent of what is new; 0: thrown away. */
  int64_t number;
  uint64_t came_ns;                 /* of a request or a socket: when it arrived … */
  uint64_t deadline_ns;             /* … and until when it may be begun; 0: at any time */
  cal_id target;                    /* call handle; 0: the service VM */
  cal_id source;                    /* what is answered, or who to answer */
  char name[64];                    /* the call it is about, where the target does not say it */
  uint8_t asks;                     /* of a SOCKET: a cal_lobby_asks */
  struct cal_http_message *message; /* taken; of a SOCKET: the first texts are its body, each with its zero */
  cal_value *value;                 /* taken */
  char *text;                       /* taken */
  void *object; /* taken, released with `release`: cal_store_result of STORED, cal_edition of RELOAD */
  void (*release)(void *object);
} cal_event;

/* Releases what the event points to. Any thread. */
void cal_event_drop(cal_event *event);

/* A text as a member of the table that is open, for an event's value; NULL: left out. Scripts, the store and traces
 * take what the other side said for UTF-8: what is not is replaced. */
void cal_event_put_said(cal_buf *value, const char *name, const char *text);

/* ---- the table */

enum { CAL_TO_CALL = 1, CAL_TO_SERVICE = 2, CAL_TO_ASKER = 4, CAL_TO_THREAD = 8 };

typedef enum cal_event_field_kind {
  CAL_FIELD_END,
  CAL_FIELD_CALL,
  CAL_FIELD_SOURCE,
  CAL_FIELD_PARTY,
  CAL_FIELD_UTTERANCE,
  CAL_FIELD_WORD,
  CAL_FIELD_NUMBER,
  CAL_FIELD_KEY,
  CAL_FIELD_TEXT,
  CAL_FIELD_FLAG,
  CAL_FIELD_ERROR,
  CAL_FIELD_VALUE,
  CAL_FIELD_TABLE,
  CAL_FIELD_REQUEST,
  CAL_FIELD_UPGRADE,
  CAL_FIELD_ANSWER,
  CAL_FIELD_ROWS,
} cal_event_field_kind;

typedef struct cal_event_field {
  cal_event_field_kind kind;
  const char *name;
  uint32_t flag;
} cal_event_field;

typedef struct cal_event_about {
  const char *lua, *trace; /* trace NULL: not in a trace */
  unsigned to;
  cal_mail mail;
  cal_event_field fields[12]; /* up to CAL_FIELD_END */
} cal_event_about;

const cal_event_about *cal_event_about_of(cal_event_kind kind);

#endif
