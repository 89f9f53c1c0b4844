/* talkers: the vendors that speak (talk/vendor.h, talk/http_voice.h) and listen (talk/listener.h) for one leg. What one
 * understands becomes events of the call. Of those that speak the first says a text; when it fails the next one
 * says what is left of it, at last the voice in the process. io thread only.
 *
 *   CAL_COMMAND_LEG_VENDOR ──► who may      ──► CAL_EVENT_WORDS_…, CAL_EVENT_VENDOR_ENDED
 *   CAL_COMMAND_LEG_SAY    ──► say.h ──► the first voice that is there, not left, and not to be left alone (talk/breaker.h)
 *
 * A socket that ends in the middle is opened once more if it has said a whole text; one that ends while it has nothing to say has
 * not failed. A voice that fails otherwise, or with two texts in a row, is not asked again in the call. */
#ifndef CAL_IO_TALKERS_H
#define CAL_IO_TALKERS_H

#include "io/party.h"
#include "talk/breaker.h"
#include "talk/vendor.h"

#define CAL_TALKERS_VOICES 4 /* of vendors */

typedef struct cal_talkers cal_talkers;

/* All is borrowed until they are freed; the leg is up. */
typedef struct cal_talkers_options {
  const cal_host *host;
  cal_leg *leg;
  cal_party *party;
  cal_id leg_id;          /* source of its events */
  cal_talk_voice voice;   /* the one in the process: the last one that is asked */
  cal_breakers *breakers; /* of the vendors, of all calls */
} cal_talkers_options;

cal_talkers *cal_talkers_new(const cal_talkers_options *options); /* returns owned */
cal_talkers *cal_talkers_free(cal_talkers *talkers); /* takes; before the leg is over; returns NULL */

/* Takes the order. One that cannot be opened, or is one too many, has ended. */
void cal_talkers_open(cal_talkers *talkers, cal_vendor_order *order);
/* It was declared. `name`: of the vendor's voices; NULL: its first. */
void cal_talkers_say(cal_talkers *talkers, uint32_t utterance, const char *text, const char *name);
void cal_talkers_cancel(cal_talkers *talkers, uint32_t utterance); /* its leg plays it no more; harmless */

#endif
