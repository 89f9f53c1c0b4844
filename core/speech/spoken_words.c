#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "speech/spoken_private.h"

#define FIRST_ROOM 1024
#define TONE_AMPLITUDE 4000.0
#define HUM_AMPLITUDE 2400.0
#define HUM_HZ 100.0 /* whole periods in a piece */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards all of these */
static char **words;                                      /* by number */
static uint32_t word_count, word_room;
static uint32_t *places; /* number + 1 by hash; twice word_room; 0 = free */
static struct rate {
  struct rate *next;
  cal_spoken_sounds sounds;
} * rates;

/* ---- numbers */

static uint32_t hash_of(const char *word, size_t bytes) { /* FNV-1a */
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < bytes; i++) hash = (hash ^ (unsigned char)word[i]) * 16777619u;
  return hash ^ (hash >> 15);
}

static uint32_t *place_of(const char *word, size_t bytes) {
  uint32_t count = 2 * word_room, at = hash_of(word, bytes) % count;
  while (places[at]) {
    const char *known = words[places[at] - 1];
    if (!strncmp(known, word, bytes) && !known[bytes]) break;
    at = (at + 1) % count;
  }
  return &places[at];
}

static void make_room(void) {
  if (word_count < word_room) return;
  word_room = word_room ? 2 * word_room : FIRST_ROOM;
  words = cal_resize(words, word_room * sizeof *words);
  cal_free(places);
  places = cal_alloc(2 * (size_t)word_room * sizeof *places);
  for (uint32_t i = 0; i < word_count; i++) *place_of(words[i], strlen(words[i])) = i + 1;
}

int32_t cal_spoken_number(const char *word, size_t bytes) {
  pthread_mutex_lock(&mutex);
  make_room();
  uint32_t *place = place_of(word, bytes);
  if (!*place && word_count < CAL_SPOKEN_TABLE) {
    words[word_count++] = cal_strndup(word, bytes);
    *place = word_count;
  }
  int32_t number = (int32_t)*place - 1;
  pthread_mutex_unlock(&mutex);
  if (number >= 0) return number;
  return cal_fail(-ENOSPC, "the voice for specs knows %d words, and \"%.*s\" is one more", CAL_SPOKEN_TABLE,
                  bytes < 60 ? (int)bytes : 60, word);
}

const char *cal_spoken_word_of(uint32_t number) {
  pthread_mutex_lock(&mutex);
  const char *word = number < word_count ? words[number] : NULL;
  pthread_mutex_unlock(&mutex);
  return word;
}

/* ---- patterns */

uint32_t cal_spoken_pieces(const char *word, size_t bytes) {
  uint32_t characters = 0;
  for (size_t i = 0; i < bytes; i++) characters += ((unsigned char)word[i] & 0xC0) != 0x80;
  uint32_t pieces = characters * (CAL_SPOKEN_MS_A_CHARACTER / CAL_SPOKEN_PIECE_MS);
  return pieces > CAL_SPOKEN_PATTERN ? pieces : CAL_SPOKEN_PATTERN;
}

static uint32_t check_of(uint32_t number) {
  return (number * 2654435769u >> 16) % (CAL_SPOKEN_BASE * CAL_SPOKEN_BASE);
}

void cal_spoken_pattern(uint8_t tones[CAL_SPOKEN_PATTERN], uint32_t number) {
  uint32_t rest = number, check = check_of(number), last = 0;
  tones[0] = 0;
  for (int i = 1; i < CAL_SPOKEN_PATTERN; i++) {
    uint32_t *from = i <= CAL_SPOKEN_DIGITS ? &rest : &check;
    uint32_t digit = *from % CAL_SPOKEN_BASE;
    *from /= CAL_SPOKEN_BASE;
    last = (last + digit) % (CAL_SPOKEN_TONES - 1) + 1;
    tones[i] = (uint8_t)last;
  }
}

int32_t cal_spoken_pattern_number(const uint8_t tones[CAL_SPOKEN_PATTERN]) {
  uint32_t number = 0, weight = 1;
  uint8_t right[CAL_SPOKEN_PATTERN];
  for (int i = 1; i <= CAL_SPOKEN_DIGITS; i++, weight *= CAL_SPOKEN_BASE) {
    uint32_t digit = (tones[i] + 2u * (CAL_SPOKEN_TONES - 1) - tones[i - 1] - 1u) % (CAL_SPOKEN_TONES - 1);
    if (digit >= CAL_SPOKEN_BASE) return -1;
    number += digit * weight;
  }
  cal_spoken_pattern(right, number);
  return memcmp(right, tones, sizeof right) ? -1 : (int32_t)number;
}

/* ---- sounds */

static double phase(const cal_spoken_sounds *sounds, double hz, uint32_t sample) {
  return 2 * M_PI * hz * sample / sounds->rate_hz;
}

static double tone_hz(int tone) { return CAL_SPOKEN_LOWEST_HZ + CAL_SPOKEN_STEP_HZ * tone; }

/* A vowel of a low voice: what the detectors of speech know best. */
static double hum_at(const cal_spoken_sounds *sounds, uint32_t sample) {
  static const double partials[] = {0.7, 1.0, 0.9, 0.9, 1.0, 0.6};
  double sum = 0;
  for (size_t i = 0; i < sizeof partials / sizeof *partials; i++)
    sum += HUM_AMPLITUDE * partials[i] * sin(phase(sounds, HUM_HZ * (double)(i + 1), sample));
  return sum;
}

static int16_t *new_piece(const cal_spoken_sounds *sounds, int tone) {
  int16_t *piece = cal_alloc(sounds->piece_samples * sizeof *piece);
  for (uint32_t i = 0; i < sounds->piece_samples; i++) {
    double sound = tone < 0 ? 0 : TONE_AMPLITUDE * sin(phase(sounds, tone_hz(tone), i));
    piece[i] = (int16_t)lrint(sound + hum_at(sounds, i));
  }
  return piece;
}

static int16_t *new_wave(const cal_spoken_sounds *sounds, int tone, double from) {
  int16_t *wave = cal_alloc(sounds->block_samples * sizeof *wave);
  double amplitude = (double)CAL_SPOKEN_WAVE / sounds->block_samples;
  for (uint32_t i = 0; i < sounds->block_samples; i++)
    wave[i] = (int16_t)lrint(amplitude * sin(from + phase(sounds, tone_hz(tone), i)));
  return wave;
}

static struct rate *new_rate(uint32_t rate_hz) {
  struct rate *rate = cal_alloc(sizeof *rate);
  cal_spoken_sounds *sounds = &rate->sounds;
  sounds->rate_hz = rate_hz;
  sounds->piece_samples = rate_hz * CAL_SPOKEN_PIECE_MS / 1000;
  sounds->block_samples = rate_hz * CAL_SPOKEN_BLOCK_MS / 1000;
  sounds->hum = new_piece(sounds, -1);
  for (int tone = 0; tone < CAL_SPOKEN_TONES; tone++) {
    sounds->tone[tone] = new_piece(sounds, tone);
    sounds->sine[tone] = new_wave(sounds, tone, 0);
    sounds->cosine[tone] = new_wave(sounds, tone, M_PI / 2);
  }
  return rate;
}

const cal_spoken_sounds *cal_spoken_sounds_of(uint32_t rate_hz) {
  pthread_mutex_lock(&mutex);
  struct rate *rate = rates;
  while (rate && rate->sounds.rate_hz != rate_hz) rate = rate->next;
  if (!rate) {
    rate = new_rate(rate_hz);
    rate->next = rates;
    rates = rate;
  }
  pthread_mutex_unlock(&mutex);
  return &rate->sounds;
}
