/* dictation: an ear that is asked over HTTP, utterance by utterance, as a port (leg/port.h): what is sent to it is cut here, and
 * each piece is posted as a sound file in a form.
 *
 *   sound ──► endpoint (audio/endpoint.h) ──► started
 *                  │ clip
 *                  ▼
 *        POST multipart: the order's form, and "file", a WAV ──► the answer, in the words of the order's wire ──► final
 *
 * One request is under way at a time, so that turns keep their order; CAL_DICTATION_WAITING more utterances wait. What fails
 * ends the port, with the status as its end_code. io thread only. */
#ifndef CAL_TALK_DICTATION_H
#define CAL_TALK_DICTATION_H

#include "leg/host.h"
#include "leg/port.h"
#include "talk/order.h"

#define CAL_DICTATION_WAITING 4
#define CAL_DICTATION_SHORTEST_MS 200 /* of speech: less is a noise, of which recognisers make words up */

/* Takes a reference of the order. Returns owned; the handlers must be set before the loop turns. Fails as cal_endpoint_new. */
int cal_dictation_open(cal_port **result, const cal_host *host, cal_vendor_order *order);

#endif
