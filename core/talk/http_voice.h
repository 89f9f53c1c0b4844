/* http_voice: a voice that somebody else runs, over requests: one a text, whose answer's body is the sound of it, raw,
 * with a WAV header, or as base64 in JSON. One a leg; io thread only.
 *
 *   text ──say──► request: say_out ──► the answer's body, as it comes ──► clips (mouth.h) ──► on_clip
 *                 cancel: the request is closed
 *
 * Texts are asked for one after the other, over a connection that is kept between them. Sound that comes quicker
 * than it is heard waits at the vendor: at most CAL_HTTP_VOICE_AHEAD_S of it is taken ahead of real time.
 *
 * What fails is the text, not the voice: a status, an error instead of sound, another format (-EREMOTEIO, -EPROTO), no
 * sound at all (-ENODATA), none in time (-ETIMEDOUT), no connection (as http.h says). A request that finds its kept
 * connection dead is made once more. Ceilings: those of mouth.h, and CAL_HTTP_VOICE_BYTES of JSON. */
#ifndef CAL_TALK_HTTP_VOICE_H
#define CAL_TALK_HTTP_VOICE_H

#include "leg/host.h"
#include "talk/order.h"
#include "talk/voice.h"

#define CAL_HTTP_VOICE_AHEAD_S 30
#define CAL_HTTP_VOICE_BYTES (8 * 1024 * 1024)

typedef struct cal_http_voice cal_http_voice;

typedef struct cal_http_voice_options {
  cal_vendor_order *order; /* one reference is taken */
  uint32_t rate_hz;        /* of the clips */
  /* From the loop, before the text fails: what to think of the vendor. The text holds no secret. */
  void (*on_fault)(void *context, cal_fault fault, const char *text);
  void (*on_worked)(void *context); /* a text was said to its end */
  void *context;
} cal_http_voice_options;

cal_http_voice *cal_http_voice_new(const cal_host *host,
                                   const cal_http_voice_options *options); /* returns owned */
cal_http_voice *
cal_http_voice_free(cal_http_voice *voice); /* takes; what was to be said is told -ECANCELED */

cal_talk_voice cal_http_voice_voice(cal_http_voice *voice);

#endif
