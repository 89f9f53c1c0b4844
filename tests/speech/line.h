/* line: what a telephone line does to a clip, and recordings of a human voice, for tests. */
#ifndef CAL_TESTS_SPEECH_LINE_H
#define CAL_TESTS_SPEECH_LINE_H

#include <stdio.h>
#include <stdlib.h>

#include "audio/codec.h"
#include "audio/resample.h"
#include "audio/wav.h"
#include "base/mem.h"

#define HUMAN_VOICE "/usr/share/asterisk/sounds/en_US_f_Allison/" /* package asterisk-core-sounds-en-wav */

/* Through μ-law and back. Takes, returns owned. */
static inline cal_clip *over_the_line(cal_clip *clip) {
  uint8_t *wire = cal_alloc(clip->samples + 1);
  cal_clip *heard = cal_clip_new(clip->rate_hz, clip->samples, NULL, 0);
  cal_encode(CAL_PCMU, clip->data, clip->samples, wire);
  cal_decode(CAL_PCMU, wire, clip->samples, heard->data);
  cal_free(wire);
  cal_unref(clip);
  return heard;
}

/* Recording `name` of the human voice at 8 kHz; NULL when the package is not installed. Returns owned. */
static inline cal_clip *human_clip(const char *name) {
  char path[256];
  snprintf(path, sizeof path, HUMAN_VOICE "%s.wav", name);
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  size_t bytes = (size_t)ftell(file);
  rewind(file);
  void *data = cal_alloc(bytes + 1);
  cal_clip *clip = NULL, *at_rate = NULL;
  if (fread(data, 1, bytes, file) == bytes && !cal_wav_read(&clip, data, bytes))
    cal_clip_resample(&at_rate, clip, 8000);
  fclose(file);
  cal_free(data);
  cal_unref(clip);
  return at_rate;
}

#endif
