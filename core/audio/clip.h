/* clip: a piece of sound that does not change any more, and the words it says.
 *
 * Mono 16-bit samples at one rate; optionally the text these samples speak, and for each word the sample at
 * which it ends. With the words, "the caller heard 9,120 samples" becomes "the caller heard: Your order
 * will".
 *
 * The maker fills `data` and `word` right after cal_clip_new and then shares the clip; from then on it is
 * read only, so threads pass it to each other by reference count (cal_ref, cal_unref of base/mem.h) and
 * it is never copied. One allocation a clip. Any thread. */
#ifndef CAL_AUDIO_CLIP_H
#define CAL_AUDIO_CLIP_H

#include <stddef.h>
#include <stdint.h>

enum {
  CAL_CLIP_MAX_SAMPLES = 48000 * 600, /* ten minutes at the highest rate; makers refuse more */
  CAL_CLIP_MAX_WORDS = 65536,
  CAL_CLIP_MAX_TEXT_BYTES = 1 << 20,
};

typedef struct cal_word {
  uint32_t end_sample; /* rising; the word is over when that many samples of the clip were played */
  uint32_t text_bytes; /* rising; length of the prefix of `text` that is spoken then */
} cal_word;

typedef struct cal_clip {
  uint32_t rate_hz;
  uint32_t samples;
  uint32_t words;      /* 0: the text, if any, is only known to be spoken when the whole clip was */
  uint32_t text_bytes; /* 0: no text */
  char *text;          /* zero-terminated; what this clip's own samples say, no more; "" when there is none */
  cal_word *word;      /* `words` of them */
  int16_t data[];
} cal_clip;

/* Returns owned: silent, with its own copy of `text` (NULL: none) and `words` empty entries to be filled in.
 * The sizes are asserted to be within the ceilings above; rate_hz is 1 or more. */
cal_clip *cal_clip_new(uint32_t rate_hz, uint32_t samples, const char *text, uint32_t words);

/* The same, filled from `data`; no words. Returns owned. */
cal_clip *cal_clip_of(uint32_t rate_hz, const int16_t *data, uint32_t samples, const char *text);

/* What makes sound piece by piece gives it so: zero or more clips (takes: the callee owns them), then exactly one last
 * call, with a clip or NULL. `code` of the last one: 0, or why no more comes; cal_error_text() says it in a sentence. */
typedef void (*cal_on_clip)(void *context, cal_clip *clip, int is_last, int code);

/* How many bytes of the text have certainly been heard once `samples_heard` samples were played: whole words
 * only. */
uint32_t cal_clip_heard_bytes(const cal_clip *clip, uint32_t samples_heard);

#endif
