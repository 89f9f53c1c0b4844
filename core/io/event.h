/* event: what the other planes tell the script plane. With command.h this is the engine's real API.
 *
 * An event is a small struct, copied into the mailbox of the script thread that owns its target: a call (its
 * VM), or a request of that thread's service VM. The receiver releases what it points to (cal_event_drop does
 * so for one that finds nobody). Events are decided facts: when CAL_EVENT_SPEECH_STARTED arrives, the io
 * plane has already stopped what was to be stopped. Answers to requests arrive in room that was reserved when
 * the request was accepted. */
#ifndef CAL_IO_EVENT_H
#define CAL_IO_EVENT_H

#include <stdint.h>

#include "base/slots.h"

typedef enum cal_event_kind {
  CAL_EVENT_HTTP_REQUEST = 1, /* message; source: the request to reply to */
  CAL_EVENT_SOCKET, /* message, whose body are the first texts; source: a held socket that asks for a call */
  CAL_EVENT_HTTP_RESPONSE, /* message (NULL on failure: code, text, flags CAL_EVENT_SENT); source: the fetch
                            */
  CAL_EVENT_STORED,        /* object: cal_store_result; source: the store request */
  CAL_EVENT_TOLD,        /* text: a message from another VM; target 0: to the service VM, from call `name` */
  CAL_EVENT_LEG_STARTED, /* text: JSON with stream, call, format as the carrier gave them */
  CAL_EVENT_LEG_TEXT,    /* text: a message the wire does not declare */
  CAL_EVENT_LEG_ENDED,   /* code: cal_leg_end; text: JSON with reason and statistics */
  CAL_EVENT_SPEECH_STARTED, /* at_ms */
  CAL_EVENT_SPEECH_STOPPED, /* at_ms; number: milliseconds of speech */
  CAL_EVENT_HEARD,          /* text: JSON with text, choice, rejected, milliseconds; after SPEECH_STOPPED */
  CAL_EVENT_DIGIT,          /* number: the key's character; flags CAL_EVENT_IN_BAND when found in the audio */
  CAL_EVENT_UTTERANCE_STARTED, /* utterance: its first frame was sent */
  CAL_EVENT_UTTERANCE_ENDED,   /* utterance; number: ms heard; flags CAL_EVENT_INTERRUPTED; text: words heard;
                                  code: failure */
  /* The script plane's own: */
  CAL_EVENT_START,  /* to a service VM: the engine is up */
  CAL_EVENT_STOP,   /* to a service VM: refuse new calls */
  CAL_EVENT_BEGIN,  /* text: JSON; the first event of a call's VM */
  CAL_EVENT_WAKE,   /* the time a VM asked for has come */
  CAL_EVENT_RELOAD, /* to a script thread: object: a cal_generation to prepare beside the present one */
  CAL_EVENT_COMMIT, /* to a script thread: what was prepared takes `number` percent of what is new; 0: it is
                       thrown away */
  CAL_EVENT_REPORT, /* to the service of the call `target`: text: what its script tells */
  CAL_EVENT_BROKEN, /* to a service VM: name, code, text: the script of that call was stopped or failed */
} cal_event_kind;

enum {
  CAL_EVENT_SENT = 1,        /* the failed request may have reached the peer */
  CAL_EVENT_INTERRUPTED = 2, /* stopped before its end */
  CAL_EVENT_IN_BAND = 4,
  CAL_EVENT_WITH_LEG = 8, /* an utterance that ended with its leg: CAL_EVENT_LEG_ENDED follows */
};

struct cal_http_message;

typedef struct cal_event {
  cal_event_kind kind;
  uint32_t utterance;
  uint32_t flags;
  int32_t code;
  int64_t number;
  cal_id target;                    /* call handle; 0: the service VM */
  cal_id source;                    /* what is answered, or who to answer */
  char name[64];                    /* the call it is about, where the target does not say it */
  struct cal_http_message *message; /* taken */
  char *text;                       /* taken */
  void *object;                     /* taken; CAL_EVENT_STORED: released with `release` */
  void (*release)(void *object);
} cal_event;

/* Releases what the event points to. Any thread. */
void cal_event_drop(cal_event *event);

#endif
