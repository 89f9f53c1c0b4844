/* sound: what a caller sounds like, as a wire carries it. */
#ifndef LOAD_SOUND_H
#define LOAD_SOUND_H

#include <stddef.h>
#include <stdint.h>

enum { LOAD_TURN_MS = 20, LOAD_SOUND_MS = 4000, LOAD_MESSAGE_BYTES = 4096 };

typedef enum load_coding { LOAD_MULAW, LOAD_L16LE, LOAD_L16BE } load_coding;

typedef struct load_format {
  load_coding coding; /* of the caller's sound */
  uint32_t rate_hz;
  uint32_t frame_ms; /* of the caller's messages: whole turns, and LOAD_SOUND_MS is a multiple */
  int is_binary;     /* both ways; otherwise base64 in text */
} load_format;

/* Bytes of sound of one turn. Both byte orders of L16 have as many, so this is true of what comes back, too.
 */
size_t load_turn_bytes(const load_format *format);

/* Four seconds long and then again: faint line noise, or two seconds of it and two of syllables. */
void load_sound_make(const load_format *format, int is_talking);

/* The sound of a message, counted from 0, as it stands in it; borrowed, at most LOAD_MESSAGE_BYTES less 1024.
 */
const char *load_sound(uint32_t chunk, size_t *bytes);

#endif
