/* live_call: one call as its script thread knows it: its VM, what the planes share about it (io/call.h), and what the
 * caller hears when its script fails.
 *
 * A call whose script fails or overruns is condemned: its VM is thrown away, its leg plays the fallback from C and
 * closes, and its service is told (CAL_EVENT_BROKEN). The script's own thread. */
#ifndef CAL_SCRIPT_LIVE_CALL_H
#define CAL_SCRIPT_LIVE_CALL_H

#include "io/call.h"
#include "script/service.h"

#define CAL_CALLS_CEILING 20000 /* of a script thread */

typedef struct cal_live_call {
  cal_script_host *host;
  cal_service *service; /* the code it was opened by and runs on */
  cal_id handle;
  cal_call *call;      /* one reference */
  cal_vm *vm;          /* NULL after it was condemned or closed */
  char *fallback_text; /* NULL: just hang up */
  char *fallback_voice;
  char *carrier_call;      /* registered as another name of this call; NULL: none */
  int has_name, has_token; /* registered, minted */
  int has_room;            /* in the mailbox, for the news that its script is broken */
  uint32_t last_utterance;
  int32_t last_background; /* numbers what the script said about it */
  uint32_t asked;          /* answers its script waits for */
} cal_live_call;

/* How a call begins. Borrowed, but for `begin`. */
typedef struct cal_opening {
  const char *entry;         /* module its VM loads */
  cal_value *begin;          /* taken, also when it fails: what its handler gets first (CAL_EVENT_BEGIN) */
  const char *fallback_text; /* what the caller hears when the script fails; NULL: nothing */
  const char *fallback_voice;
} cal_opening;

/* Takes a VM, loads the entry in it, lets the media token in. `options->handle` and `->events` are filled in here.
 * -ESHUTDOWN while draining, -EBUSY, -ENOBUFS over a ceiling, -EEXIST when the name is taken, or what the entry said. */
int cal_live_call_open(cal_service *service, cal_call_options *options, const cal_opening *opening);
/* Another name for it, which a carrier gave, instead of the one before. -EEXIST. */
int cal_live_call_alias(cal_live_call *call, const char *carrier_call);
void cal_live_call_close(cal_live_call *call,
                         int close_code);               /* takes; its leg closes with this WebSocket code */
cal_live_call *cal_live_call_free(cal_live_call *call); /* takes; its leg is not told */

cal_live_call *cal_live_call_named(cal_script_host *host, const char *name); /* NULL: not on this thread */
const char *cal_live_call_name(const cal_live_call *call);                   /* our id */

void cal_live_call_run(cal_live_call *call,
                       const cal_event *event); /* its VM's handler; breaks it when that fails */
/* Messages, which come as events: of the service to the script, of the script to its service. They take the value, also
 * when they fail. -ENOBUFS. */
int cal_live_call_tell(cal_live_call *call, cal_value *message);
int cal_live_call_report(cal_live_call *call, cal_value *message);

#endif
