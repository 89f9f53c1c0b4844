/* ear: what understands a piece of speech once it is cut, as a table of functions: the one in the process (local.h). An
 * ear that gets all the sound as it comes, and cuts it itself, is a vendor (vendor.h). Any thread. */
#ifndef CAL_TALK_EAR_H
#define CAL_TALK_EAR_H

#include "audio/clip.h"
#include "speech/ear.h"
#include "speech/grammar.h"

typedef struct cal_ear_ops {
  /* How to be told what is expected. Returns owned. */
  int (*expect)(void *self, cal_grammar **result, const cal_grammar_options *options);
  int (*hears_free_text)(void *self); /* may the grammar be NULL? */
  /* References what it is given. 0, or nothing was begun and nothing comes. */
  int (*hear)(void *self, cal_clip *piece, cal_grammar *grammar, cal_on_heard on_heard, void *context);
} cal_ear_ops;

/* Copied freely; lives as long as what is behind it. */
typedef struct cal_talk_ear {
  const cal_ear_ops *ops;
  void *self;
} cal_talk_ear;

#endif
