/* endpoint: cuts what the caller says into utterances.
 *
 *   quiet ──60 ms voiced──► speaking ──500 ms unvoiced──► quiet
 *            STARTED           CONTINUING, twice a second     STOPPED, with the sound
 *
 * The caller's samples come in chunks of any size; the detector (vad.h) decides on each 20 ms. The last 300
 * ms before the start are kept in a ring and become the beginning of the utterance's clip, so that soft first
 * consonants are not cut; the silence that ended it is part of the clip as well. STARTED is reported in the
 * frame in which it is decided: that is the moment to stop talking.
 *
 * An utterance is at most 30 s (or as set): then it is STOPPED as cut, and if the voice goes on, the next one
 * STARTS with the following frames; no sample is lost in between. The detector needs about a second of the
 * line to settle: keep one endpoint for the whole call and push everything, also while the agent speaks.
 *
 * Memory: one buffer a leg, taken with the first utterance, grown in blocks of two seconds up to the ceiling
 * (480 KiB at 8 kHz and 30 s), and kept. No allocation a frame; a clip an utterance. One thread; events are
 * made from inside push and must not push. */
#ifndef CAL_AUDIO_ENDPOINT_H
#define CAL_AUDIO_ENDPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "audio/clip.h"
#include "audio/vad.h"

typedef enum cal_endpoint_kind {
  CAL_SPEECH_STARTED,
  CAL_SPEECH_CONTINUING,
  CAL_SPEECH_STOPPED
} cal_endpoint_kind;

typedef struct cal_endpoint_event {
  cal_endpoint_kind kind;
  uint64_t at_sample;      /* STARTED: where the voice began; STOPPED: where it ended; CONTINUING: now */
  uint32_t speech_samples; /* from where it began until at_sample */
  int is_cut;              /* STOPPED at the ceiling or by cal_endpoint_finish, not by silence */
  cal_clip *clip;          /* STOPPED: taken by the receiver, NULL unless sound is kept; else NULL */
} cal_endpoint_event;

typedef struct cal_endpoint_options {
  cal_vad_options vad;
  uint32_t onset_ms;    /* 0: 60; 20..1000 */
  uint32_t hangover_ms; /* 0: CAL_ENDPOINT_HANGOVER_MS; 100..5000 */
  uint32_t preroll_ms;  /* 0: 300; at most 1000 */
  uint32_t longest_ms;  /* 0: 30,000; 1000..60,000 */
  int no_sound;         /* report events only: no buffer, no clips */
  void (*on_event)(void *context, const cal_endpoint_event *event);
  void *context;
} cal_endpoint_options;

enum { CAL_ENDPOINT_HANGOVER_MS = 500 }; /* the usual silence that ends an utterance */

typedef struct cal_endpoint cal_endpoint;

/* returns owned; -EINVAL, or an error of cal_vad_new */
int cal_endpoint_new(cal_endpoint **result, const cal_endpoint_options *options);
cal_endpoint *
cal_endpoint_free(cal_endpoint *endpoint); /* takes; drops an utterance under way; returns NULL */
void cal_endpoint_push(cal_endpoint *endpoint, const int16_t *samples, size_t count);
void cal_endpoint_finish(cal_endpoint *endpoint); /* the line is over: STOPPED for an utterance under way */
int cal_endpoint_set_hangover(cal_endpoint *endpoint,
                              uint32_t wanted_ms); /* at any time, 0: the usual; -EINVAL out of range */
int cal_endpoint_is_speaking(const cal_endpoint *endpoint);

#endif
