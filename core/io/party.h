/* party: what the planes share about one party of a call.
 *
 * A party exists before its media socket does: the webhook opens the call, its script may already speak, the
 * greeting is being synthesised. So the party keeps the commands for its leg until there is one, and hands
 * them over in the moment the stream starts; after that it passes them straight to the leg's io thread. It
 * also holds what the io plane must know without asking a script: the wire, the single-use token's
 * conditions, the recording's path.
 *
 * Reference counted (mem.h). All functions: any thread; one mutex a party, held for a few instructions
 * and never while somebody else's code runs. */
#ifndef CAL_IO_PARTY_H
#define CAL_IO_PARTY_H

#include "base/clock.h"
#include "base/slots.h"
#include "io/command.h"
#include "io/event.h"
#include "wire/wire.h"
#include "loop/mailbox.h"

typedef struct cal_party_options {
  const char *name;    /* our call id; [a-z0-9-], at most 63 characters */
  cal_id handle;       /* the call on its script thread: target of its events */
  uint8_t party;       /* which of the call's parties; 1: the caller; its events carry it */
  cal_mailbox *events; /* that thread's mailbox of cal_event; borrowed; one reference is taken */
  cal_role role;
  cal_wire *wire;   /* borrowed; one reference is taken */
  const char *path; /* agent: the exact path of the media socket; its last segment is the token */
  /* agent: lower-case header the upgrade must carry when present (NULL: none) */
  const char *signature_header;
  const char *const *signatures; /* the values that are right, NULL-terminated */
  int signature_is_required;     /* refuse an upgrade without the header too */
  const char *carrier_call;      /* the carrier's id if known: the stream's start must name the same */
  const char *recording_path;    /* NULL: not recorded */
  uint32_t start_deadline_ms;    /* socket → start message; 0 = 5000 */
  uint32_t longest_s;            /* ends the leg; 0 = 14400 */
  /* how far ahead of real time the carrier is kept, to 5 ms; 0 = 100; more than 400 is 400 */
  uint32_t lead_ms;
  uint64_t token_expires_ns;
  const char *bye; /* JSON: what the wire's last word says unless CAL_COMMAND_LEG_BYE says otherwise */
} cal_party_options;

/* Role CARRIER: the socket to open. */
typedef struct cal_dial {
  const char *url;
  const char *url_headers;           /* "Name: value\n…" for the upgrade */
  const char *stream, *carrier_call; /* ids its messages name */
  const char *const *opening;        /* texts sent when the socket is open, NULL-terminated */
  const char *closing;               /* sent before we close it; NULL: nothing */
  uint64_t sequence;                 /* number of the first message the wire writes; 0 = 1 */
  cal_wire *wire;                    /* borrowed; one reference is taken; NULL: the party's */
} cal_dial;

typedef struct cal_party cal_party;

cal_party *cal_party_new(const cal_party_options *options);       /* returns owned */
const cal_party_options *cal_party_about(const cal_party *party); /* copied; lives as long as the party */

/* Says where CAL_COMMAND_CALL_DIAL leads; copied. A party whose leg has ended may be dialled again. */
void cal_party_set_dial(cal_party *party, const cal_dial *dial);
/* returns owned (cal_unref): what was set last, never changed; NULL: nothing */
cal_dial *cal_party_dial(cal_party *party);
uint32_t cal_party_rate_hz(cal_party *party); /* of the sound its leg takes: the dial's wire, else its own */

/* Posts a command to the leg, or keeps it until there is one. Takes the command. 0; -EPIPE after the leg has
 * ended; -ENOBUFS over 256 waiting commands. */
int cal_party_command(cal_party *party, cal_command *command);
/* Drops what waits for a leg, with the utterances that will not be heard: the script that asked for it is gone. */
void cal_party_forget_waiting(cal_party *party);

/* The three steps of a leg, on its io thread. Begin reserves room for CAL_EVENT_LEG_ENDED, so that the end is
 * never lost, and refuses a second leg: 0; -EBUSY while another lives; -ENOBUFS or -ESHUTDOWN: nobody could
 * be told its end. After 0 that event must be sent once. */
int cal_party_begin(cal_party *party);
/* The leg is up. The kept commands are given to `take` in order, no lock held, so that it may end the leg;
 * later ones are posted to `commands`, that thread's mailbox of cal_command (one reference is taken). */
void cal_party_attach(cal_party *party, cal_id leg, cal_mailbox *commands,
                      void (*take)(void *context, cal_command *command), void *context);
void cal_party_detach(cal_party *party); /* the leg has ended; waiting and later commands are dropped */

/* Posts an event to the call's script thread; takes what it points to.
 * event.def says which class of mail it is. */
void cal_party_event(cal_party *party, cal_event *event);
cal_id cal_party_leg(cal_party *party);

#endif
