/* The inside of spoken.h, shared by spoken.c (the voice), spoken_ear.c and spoken_words.c (numbers and
 * sounds). */
#ifndef CAL_SPEECH_SPOKEN_PRIVATE_H
#define CAL_SPEECH_SPOKEN_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "speech/spoken.h"

/* Neighbouring tones of a pattern always differ, so a tone ends where the next one begins and the ear needs
 * no clock. Tone 0 begins a pattern and is nowhere else in one; after it each tone is one of the seven others
 * than the last. */
enum {
  CAL_SPOKEN_TONES = 9,
  CAL_SPOKEN_LOWEST_HZ = 1800, /* above all keys, which end at 1633, and all tones of the network */
  CAL_SPOKEN_STEP_HZ = 200,    /* every tone has whole periods in CAL_SPOKEN_BLOCK_MS */
  CAL_SPOKEN_BLOCK_MS = 5,
  CAL_SPOKEN_PIECE_MS = 20, /* all is made of pieces: a tone, hum, silence */
  CAL_SPOKEN_BASE = CAL_SPOKEN_TONES - 2,
  CAL_SPOKEN_DIGITS = 7,
  CAL_SPOKEN_CHECKS = 2,
  CAL_SPOKEN_PATTERN = 1 + CAL_SPOKEN_DIGITS + CAL_SPOKEN_CHECKS, /* pieces */
  CAL_SPOKEN_GAP = CAL_SPOKEN_MS_A_CHARACTER / CAL_SPOKEN_PIECE_MS,
  CAL_SPOKEN_TABLE = 823543 /* words: BASE to the power of DIGITS */
};

/* What one rate needs; made at its first use, lives as long as the process. */
typedef struct cal_spoken_sounds {
  uint32_t rate_hz, piece_samples, block_samples;
  int16_t *hum;                    /* a piece */
  int16_t *tone[CAL_SPOKEN_TONES]; /* a piece each, with the hum under it */
  /* For the ear, a block each: waves that give the same sum at every rate. */
  int16_t *cosine[CAL_SPOKEN_TONES], *sine[CAL_SPOKEN_TONES];
} cal_spoken_sounds;

enum { CAL_SPOKEN_WAVE = 512 * 40 /* amplitude of the ear's waves times samples of a block */ };

const cal_spoken_sounds *cal_spoken_sounds_of(uint32_t rate_hz); /* static; 8000 to 48000 Hz */

int32_t cal_spoken_number(const char *word, size_t bytes); /* as known or new; -ENOSPC with an error */
const char *cal_spoken_word_of(uint32_t number);           /* static; NULL: it was never said */

uint32_t cal_spoken_pieces(const char *word, size_t bytes); /* how long it takes, without the gap */
void cal_spoken_pattern(uint8_t tones[CAL_SPOKEN_PATTERN], uint32_t number);
int32_t cal_spoken_pattern_number(const uint8_t tones[CAL_SPOKEN_PATTERN]); /* -1: no such pattern */

#endif
