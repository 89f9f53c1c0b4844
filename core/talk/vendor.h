/* vendor: a voice, an ear or both that somebody else runs, over a WebSocket in the words of a declared wire
 * (wire/wire.h: say_out, words, mark). One a leg and a socket; io thread only.
 *
 *   text ──cal_vendor_say──► port ──► vendor: say_out
 *                            port ◄── its sound ──► clips at the leg's rate ──► cal_leg_append
 *                            port ◄── its mark: the utterance is complete
 *   the party ──► leg ──► tap IN, at the vendor's rate ──► port ──► vendor
 *                            port ◄── words, partial and final ──► on_words
 *
 * It is a voice if its wire can say, an ear if its wire sends sound. Texts wait until its socket is up, sound
 * does not. Utterances are spoken in the order in which they were asked for, and each must have been declared
 * on the leg before. A vendor gives the mark of each utterance back, of stopped ones too; what it still sends
 * of those is dropped. When its socket ends, what was not spoken fails with -ECONNRESET, and on_end is called.
 *
 * Ceiling: 64 utterances at a time. */
#ifndef CAL_TALK_VENDOR_H
#define CAL_TALK_VENDOR_H

#include "leg/leg.h"
#include "leg/port_ws.h"

typedef struct cal_vendor cal_vendor;

#define CAL_VENDOR_UTTERANCES 64

typedef struct cal_vendor_options {
  const cal_port_ws_options *socket; /* to dial; its texts live as long as it says */
  /* What is borrowed is borrowed for the call; both from the loop, on_end at most once. */
  void (*on_words)(void *context, const cal_words *words); /* NULL: nobody asks */
  void (*on_end)(void *context, const char *text);         /* the vendor is gone; close it */
  void *context;
} cal_vendor_options;

/* Dials, and listens to the leg, which is up and borrowed until the vendor is closed. Returns owned. Fails as
 * cal_port_ws_dial and cal_leg_tap do. */
int cal_vendor_open(cal_vendor **result, const cal_host *host, cal_leg *leg,
                    const cal_vendor_options *options);
/* Takes; before the leg is over. Nothing is told any more; the socket goes later. Returns NULL. */
cal_vendor *cal_vendor_close(cal_vendor *vendor);

/* -ENOTSUP: it is not a voice; -EMSGSIZE over CAL_WIRE_SAY_BYTES; -ENOBUFS; -ECONNRESET: it is gone. Then
 * nothing comes for this utterance. */
int cal_vendor_say(cal_vendor *vendor, uint32_t utterance, const char *text);
void cal_vendor_stop(cal_vendor *vendor, uint32_t utterance); /* no more sound of it; 0: of all */

#endif
