/* ear: the local recogniser: a whole utterance and the answers that are expected in, the answer out.
 *
 * pocketsphinx with its 16 kHz US English model, as measured in docs/local-speech.md: the utterance is
 * decoded at once after the end-pointer closed it; 8 kHz speech is brought to 16 kHz by zero-stuffing (the
 * mirror image stands in for the missing band; a clean resampler is worse). 2 s of speech cost 20 to 60 ms.
 *
 * One decoder (7 ms to make, 6 to 16 MiB) serves all grammars: it starts without a dictionary, learns words
 * as grammars bring them, and keeps the searches of the grammars used last. Nothing but those words is
 * carried from one utterance to the next, so the same samples always give the same answer, whichever call
 * they came from.
 *
 * An ear is used by one thread at a time; make one for each worker. */
#ifndef CAL_SPEECH_EAR_H
#define CAL_SPEECH_EAR_H

#include <stddef.h>
#include <stdint.h>

#include "speech/grammar.h"

#define CAL_EAR_MODEL_DIR "/usr/share/pocketsphinx/model/en-us"
#define CAL_EAR_SECONDS 30 /* the longest utterance */

typedef struct cal_ear cal_ear;

typedef struct cal_ear_options {
  const char *model_dir; /* holds en-us/, en-us.lm.bin and cmudict-en-us.dict; NULL = CAL_EAR_MODEL_DIR */
  uint32_t grammars;     /* searches kept ready, 0 = 16 */
  int free_text; /* allow recognition without a grammar: 100 MiB and 0.8 s at its first use, about 4 x real
                    time, and wrong more often than not on the telephone: for demonstrations */
} cal_ear_options;

typedef struct cal_heard {
  cal_match match;
  double fit;         /* 0 is perfect, below -90 (digits: -110) it was rejected; 0 for free text */
  uint32_t audio_ms;  /* length of the utterance */
  uint32_t decode_ms; /* what it took */
} cal_heard;

/* What was heard (borrowed for the call), or NULL and a negative code. Exactly once for each piece. */
typedef void (*cal_on_heard)(void *context, const cal_heard *heard, int code);

/* NULL = defaults; returns owned; -ENOENT without the model */
int cal_ear_new(cal_ear **result, const cal_ear_options *options);
void *cal_ear_free(cal_ear *ear); /* takes; returns NULL */

/* `rate_hz` is 8000 or 16000. Grammar NULL = free text. Borrows everything; keeps a reference of the grammar.
 * An utterance of less than 100 ms is heard as silence. -EMSGSIZE over 30 s, -EINVAL for another rate,
 * -ENOTSUP for free text that was not allowed, -EIO when the decoder fails. */
int cal_ear_recognise(cal_heard *result, cal_ear *ear, const int16_t *samples, size_t count, uint32_t rate_hz,
                      cal_grammar *grammar);

#endif
