/* mouth: what a vendor's voice was asked to say, in order, the first being said; and how its sound becomes clips at the
 * leg's rate with the words they surely hold (pace.h). What voices over sockets (vendor.h) and over requests
 * (http_voice.h) have in common. io thread only.
 *
 * Ceilings: CAL_SAYINGS at a time, each of CAL_MOUTH_SOUND_S of sound. */
#ifndef CAL_TALK_MOUTH_H
#define CAL_TALK_MOUTH_H

#include "audio/resample.h"
#include "base/list.h"
#include "talk/pace.h"
#include "talk/voice.h"

#define CAL_MOUTH_TEXTS 64
#define CAL_MOUTH_SOUND_S 400

typedef struct cal_asked {
  cal_list node;
  uint32_t utterance;
  char *text, *voice;
  cal_pace pace; /* of the text */
  int is_sent;
  uint64_t samples;     /* of its sound so far, at the leg's rate */
  uint64_t told_end_ms; /* of what the voice has said about its times */
  cal_on_clip on_clip;  /* NULL: it was cancelled, or failed; what still comes of it is dropped */
  void *context;
} cal_asked;

typedef struct cal_mouth {
  const char *name; /* of the voice, for messages; borrowed */
  uint32_t rate_hz; /* of the clips */
  cal_list list;
  uint32_t count;
  cal_resampler *resampler; /* NULL: equal rates so far */
  uint32_t from_hz;
  uint32_t slowest_percent, pace_percent; /* of the slow clock: the slowest utterance; what is used */
} cal_mouth;

void cal_mouth_init(cal_mouth *mouth, const char *name, uint32_t rate_hz);
void cal_mouth_free(cal_mouth *mouth); /* what is left is dropped without a word */

/* -EINVAL another rate, -EMSGSIZE, -ENOBUFS. */
int cal_mouth_add(cal_asked **result, cal_mouth *mouth, const cal_saying *saying, cal_on_clip on_clip,
                  void *context);
cal_asked *cal_mouth_first(const cal_mouth *mouth);                    /* NULL: there is none */
cal_asked *cal_mouth_find(const cal_mouth *mouth, uint32_t utterance); /* NULL: there is none */
void cal_mouth_drop(cal_mouth *mouth, cal_asked *asked);               /* frees it; nothing is told */
int cal_mouth_owes(const cal_mouth *mouth);                            /* one is wanted: its sound is due */
void cal_mouth_begin(cal_mouth *mouth, cal_asked *asked);              /* it is sent now */

/* Its sound, at any rate. An endless one fails. The callee of a clip may cancel it. */
void cal_mouth_sound(cal_mouth *mouth, cal_asked *asked, uint32_t from_hz, const int16_t *samples,
                     size_t count);
/* All its sound is there; told, with the words that are left. None at all: -ENODATA. Not dropped. */
void cal_mouth_complete(cal_mouth *mouth, cal_asked *asked);
void cal_asked_end(cal_asked *asked,
                   int code); /* the last call; nothing comes of it from now on; harmless twice */
/* Every one ends so, and is dropped. */
void cal_mouth_end_all(cal_mouth *mouth, int code, const char *text);

#endif
