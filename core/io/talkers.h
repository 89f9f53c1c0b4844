/* talkers: the vendors that speak (talk/vendor.h) and listen (talk/listener.h) for one leg. What one understands becomes events of the
 * call; what one fails to say is said by the voice in the process. io thread only.
 *
 *   CAL_COMMAND_LEG_VENDOR ──► a socket   ──► CAL_EVENT_WORDS_…, CAL_EVENT_VENDOR_ENDED
 *   CAL_COMMAND_LEG_SAY    ──► the vendor that is a voice, else the voice in the process ──► say.h */
#ifndef CAL_IO_TALKERS_H
#define CAL_IO_TALKERS_H

#include "io/party.h"
#include "talk/vendor.h"

typedef struct cal_talkers cal_talkers;

/* All is borrowed until they are freed; the leg is up. */
typedef struct cal_talkers_options {
  const cal_host *host;
  cal_leg *leg;
  cal_party *party;
  cal_id leg_id;        /* source of its events */
  cal_talk_voice voice; /* the one in the process */
} cal_talkers_options;

cal_talkers *cal_talkers_new(const cal_talkers_options *options); /* returns owned */
cal_talkers *cal_talkers_free(cal_talkers *talkers); /* takes; before the leg is over; returns NULL */

/* Takes the order. One that cannot be opened, or is one too many, has ended. */
void cal_talkers_open(cal_talkers *talkers, cal_vendor_order *order);
/* It was declared. `name`: of the vendor's voices; NULL: its first. */
void cal_talkers_say(cal_talkers *talkers, uint32_t utterance, const char *text, const char *name);
void cal_talkers_cancel(cal_talkers *talkers, uint32_t utterance); /* its leg plays it no more; harmless */

#endif
