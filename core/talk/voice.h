/* voice: what turns a text into sound, as a table of functions: the one in the process (local.h), or a vendor's behind a
 * socket (vendor.h). Who has something to say need not know which. */
#ifndef CAL_TALK_VOICE_H
#define CAL_TALK_VOICE_H

#include <stdint.h>

#include "audio/clip.h"

typedef struct cal_saying {
  uint64_t who;       /* asks, so that each gets as much of a voice as others do; 0: nobody in particular */
  uint32_t utterance; /* its number within the leg that will say it; 0: none will */
  const char *text;
  const char *voice; /* one of this source's; NULL: its first */
  uint32_t rate_hz;  /* of the clips */
} cal_saying;

typedef struct cal_voice_ops {
  /* Borrows the saying for the call. 0: the clips come to on_clip, from now on and on any thread. Else nothing was
   * begun and nothing comes. */
  int (*say)(void *self, const cal_saying *saying, cal_on_clip on_clip, void *context);
  /* A sound file as one clip, in the same way. NULL: it only speaks. */
  int (*play)(void *self, uint64_t who, const char *path, uint32_t rate_hz, cal_on_clip on_clip,
              void *context);
  /* No more clips of this utterance but the last call, -ECANCELED; one that is not being said is passed over. NULL:
   * what comes of it is thrown away by its leg. */
  void (*cancel)(void *self, uint32_t utterance);
} cal_voice_ops;

/* Copied freely; lives as long as what is behind it. */
typedef struct cal_talk_voice {
  const cal_voice_ops *ops; /* NULL: there is none */
  void *self;
} cal_talk_voice;

#endif
