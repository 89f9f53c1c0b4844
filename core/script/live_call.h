/* live_call: one call as its script thread knows it: its VM, its parties, and what the caller hears when its script
 * fails. A party has a leg (io/party.h); the caller is party 1, others are those the call is joined with.
 *
 * A call whose script fails or overruns is condemned: its VM is thrown away, its leg plays the fallback from C and
 * closes, and its service is told (CAL_EVENT_BROKEN). The script's own thread. */
#ifndef CAL_SCRIPT_LIVE_CALL_H
#define CAL_SCRIPT_LIVE_CALL_H

#include "io/bridge.h"
#include "base/log.h"
#include "io/party.h"
#include "script/quota.h"
#include "script/sayings.h"
#include "script/service.h"
#include "talk/order.h"

#define CAL_CALLS_CEILING 20000 /* of a script thread */

#define CAL_PARTIES 8 /* of a call, in the whole of its life */

typedef struct cal_live_party {
  cal_party *call; /* what the planes share about it; one reference */
  int has_token;   /* minted */
  int has_vendor;  /* a vendor's voice was asked for; its leg knows whether it is there */
  uint32_t last_utterance;
  int32_t last_background; /* numbers what the script said about it */
} cal_live_party;

/* Two parties that hear each other. */
typedef struct cal_live_join {
  uint8_t a, b; /* the smaller number first; 0: free */
  int ways;
  cal_bridge *bridge;
} cal_live_join;

typedef struct cal_live_call {
  cal_script_host *host;
  cal_backlog_place place; /* its events, and its turn of the thread */
  cal_service *service;    /* the code it was opened by and runs on */
  cal_id handle;
  cal_live_party parties[CAL_PARTIES]; /* by number less one */
  uint8_t party_count;                 /* numbers given out */
  cal_live_join joins[CAL_PARTIES];
  cal_vm *vm;          /* NULL after it was condemned or closed */
  char *fallback_text; /* NULL: just hang up */
  char *fallback_voice;
  char *carrier_call; /* registered as another name of this call; NULL: none */
  int has_name;       /* registered */
  int has_room;       /* in the mailbox, for the news that its script is broken */
  uint32_t asked;     /* answers its script waits for */
  size_t asked_bytes; /* with what was sent for them */
  cal_quota quota;
  cal_sayings sayings;
  int has_said_last; /* cal_live_call_report, with is_last */
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
int cal_live_call_open(cal_service *service, cal_party_options *options, const cal_opening *opening);
/* Another name for it, which a carrier gave, instead of the one before. -EEXIST. */
int cal_live_call_alias(cal_live_call *call, const char *carrier_call);
void cal_live_call_close(cal_live_call *call,
                         int close_code);               /* takes; its leg closes with this WebSocket code */
cal_live_call *cal_live_call_free(cal_live_call *call); /* takes; its leg is not told */

/* Another party of the call, whose leg comes with a token or is dialled (options->path, cal_party_set_dial). What the
 * planes call it and where its events go is filled in here. Its number is from 2. -ENOBUFS over CAL_PARTIES. */
int cal_live_call_add_party(cal_live_call *call, cal_party_options *options, uint8_t *number);
/* A vendor speaks or listens for a party from when its leg is up (talk/vendor.h). Takes the order. -EPIPE, -ENOBUFS. */
int cal_live_call_vendor(cal_live_party *party, cal_vendor_order *order);
cal_live_party *cal_live_call_party(cal_live_call *call, lua_Integer number); /* NULL: there is none */

/* Joins the legs of two parties: each hears the other, in C, whatever the script does. Joining again says anew who hears
 * (CAL_BRIDGE_A_HEARS …). -EINVAL, -ENOBUFS, or what the bridge says. Parting twice is harmless. */
int cal_live_call_join(cal_live_call *call, uint8_t a, uint8_t b, int ways, int is_held);
void cal_live_call_part(cal_live_call *call, uint8_t a, uint8_t b);

cal_live_call *cal_live_call_named(cal_script_host *host, const char *name); /* NULL: not on this thread */
const char *cal_live_call_name(const cal_live_call *call);                   /* our id */

void cal_live_call_run(cal_live_call *call,
                       const cal_event *event); /* its VM's handler; breaks it when that fails */
/* Messages, which come as events: of the service to the script, of the script to its service. They take the value, also
 * when they fail. -ENOBUFS; -EDQUOT beyond its quota, except once for the last one, that it has ended. */
int cal_live_call_tell(cal_live_call *call, cal_value *message);
int cal_live_call_report(cal_live_call *call, cal_value *message, int is_last);

/* What its script causes is counted before it is done (quota.h): 0 or -EDQUOT. */
int cal_live_call_take(cal_live_call *call, cal_quota_kind kind, size_t bytes);
/* The same of an order to say so many letters. It ends when the leg says so. */
int cal_live_call_take_saying(cal_live_call *call, uint8_t party, uint32_t utterance, uint32_t letters);
int cal_live_call_log(cal_live_call *call, cal_log_level level, const char *text); /* a line of its script */

#endif
