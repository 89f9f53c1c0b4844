/* vendor: a voice that somebody else runs, over a WebSocket in the words of a declared wire (wire/wire.h: say_out,
 * mark). One a leg and a socket; io thread only.
 *
 *   text ──say──► port ──► vendor: say_out
 *                 port ◄── its sound ──► clips at the leg's rate, with the words they surely hold ──► on_clip
 *                 port ◄── its mark: the utterance is complete
 *
 * Texts wait until its socket is up. Utterances are spoken in the order in which they were asked for, and sent one at a
 * time. A vendor gives the mark of each utterance back, of cancelled ones too unless it says that it has forgotten
 * them (clear_in), or names the utterance in its messages (utterance_in); what it still sends of those is dropped.
 *
 * What fails: an utterance the vendor tells an error about (-EREMOTEIO), marks without any sound (-ENODATA) or
 * does not end (-EMSGSIZE); all of them, and the vendor with them, when its socket ends (-ECONNRESET) or it owes
 * sound and sends none (-ETIMEDOUT).
 *
 * Ceilings: those of mouth.h. */
#ifndef CAL_TALK_VENDOR_H
#define CAL_TALK_VENDOR_H

#include "leg/leg.h"
#include "leg/port_ws.h"
#include "talk/order.h"
#include "talk/voice.h"

typedef struct cal_vendor cal_vendor;

typedef struct cal_vendor_options {
  cal_vendor_order *order; /* one reference is taken */
  /* From the loop, at most once; what is borrowed is borrowed for the call. The vendor is gone, and frees itself; what
   * it owes is told next. `code`: why, or 0: it had nothing to do, and may be opened again when it has. The text holds
   * no secret. */
  void (*on_end)(void *context, cal_vendor *vendor, int code, cal_fault fault, const char *text);
  /* A text has failed, and is told so next; a text was said to its end. */
  void (*on_fault)(void *context, cal_fault fault, const char *text);
  void (*on_worked)(void *context);
  void *context;
} cal_vendor_options;

/* Dials, for a leg that is up and borrowed until the vendor is closed. Returns owned. Fails as cal_port_ws_dial
 * does. */
int cal_vendor_open(cal_vendor **result, const cal_host *host, cal_leg *leg,
                    const cal_vendor_options *options);
/* Takes; before the leg is over. What was to be said is told -ECANCELED; the socket goes later. Returns NULL. */
cal_vendor *cal_vendor_close(cal_vendor *vendor);

/* Saying fails with -EMSGSIZE over CAL_WIRE_SAY_BYTES, -ENOBUFS, or -ECONNRESET: it
 * is gone. */
cal_talk_voice cal_vendor_voice(cal_vendor *vendor);
const cal_vendor_order *cal_vendor_about(const cal_vendor *vendor); /* borrowed */

#endif
