#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "speech/spoken_private.h"

/* Block by block the ear asks which tone stands out. A window is two blocks, in which all tones have whole
 * periods and so do not hear each other; a tone that stands out in two windows running is one of a pattern.
 */
#define FAINTEST_MEAN_SQUARE (100 * 100) /* of a block: -50 dBFS; below it nothing is looked for */
#define FAINTEST_TONE 250.0f             /* amplitude */
#define STANDS_OUT 4.0f                  /* times all the other tones together */
#define WINDOWS_TO_TELL 2
#define LEAST_BLOCKS 3 /* from one tone to the next; four by the clock of the voice */
#define MOST_BLOCKS 5
#define LOST_BLOCKS 3 /* without a tone: the pattern is over */
#define LOUD_BLOCKS (CAL_SPOKEN_PIECE_MS / CAL_SPOKEN_BLOCK_MS)
#define MOST_SAMPLES (48000 * CAL_SPOKEN_BLOCK_MS / 1000)

struct cal_spoken_ear {
  const cal_spoken_sounds *sounds;
  cal_spoken_word on_word;
  void *context;
  uint64_t blocks;                                          /* so far */
  uint32_t quiet;                                           /* blocks in a row, at most LOUD_BLOCKS */
  int32_t cosine[CAL_SPOKEN_TONES], sine[CAL_SPOKEN_TONES]; /* sums of the block before */
  int run_tone;                                             /* -1: none */
  uint32_t run;                                             /* windows */
  uint8_t tones[CAL_SPOKEN_PATTERN];
  uint32_t tone_count;
  uint64_t began, told; /* blocks: where the pattern begins, when its last tone was certain */
  uint32_t fill;
  int16_t block[MOST_SAMPLES];
};

cal_spoken_ear *cal_spoken_ear_new(uint32_t rate_hz, cal_spoken_word on_word, void *context) {
  assert(rate_hz >= 8000 && rate_hz <= 48000 && on_word);
  cal_spoken_ear *ear = cal_alloc(sizeof *ear);
  ear->sounds = cal_spoken_sounds_of(rate_hz);
  ear->on_word = on_word;
  ear->context = context;
  ear->quiet = LOUD_BLOCKS;
  ear->run_tone = -1;
  return ear;
}

cal_spoken_ear *cal_spoken_ear_free(cal_spoken_ear *ear) { return cal_free(ear); }

int cal_spoken_ear_is_loud(const cal_spoken_ear *ear) { return ear->quiet < LOUD_BLOCKS; }

static int is_loud(const int16_t *block, uint32_t samples) {
  uint32_t sum = 0; /* 240 squares of 2^30 do not fit, 240 of their 64th do */
  for (uint32_t i = 0; i < samples; i++) sum += (uint32_t)(block[i] * block[i]) >> 6;
  return sum > (uint32_t)FAINTEST_MEAN_SQUARE / 64 * samples;
}

static int32_t sum_of(const int16_t *block, const int16_t *wave, uint32_t samples) {
  int32_t sum = 0; /* at most 2^15 · CAL_SPOKEN_WAVE */
  for (uint32_t i = 0; i < samples; i++) sum += block[i] * wave[i];
  return sum;
}

/* The tone that stands out in this block and the one before, -1 for none. */
static int listen(cal_spoken_ear *ear, const int16_t *block) {
  const float least = FAINTEST_TONE * CAL_SPOKEN_WAVE; /* two blocks of half the amplitude times the wave's */
  uint32_t samples = ear->sounds->block_samples;
  float all = 0, best = 0;
  int tone = -1;
  for (int i = 0; i < CAL_SPOKEN_TONES; i++) {
    int32_t cosine = sum_of(block, ear->sounds->cosine[i], samples);
    int32_t sine = sum_of(block, ear->sounds->sine[i], samples);
    float x = (float)cosine + (float)ear->cosine[i], y = (float)sine + (float)ear->sine[i];
    float power = x * x + y * y;
    ear->cosine[i] = cosine;
    ear->sine[i] = sine;
    all += power;
    if (power > best) best = power, tone = i;
  }
  return best > least * least && best > STANDS_OUT * (all - best) ? tone : -1;
}

static void tell(cal_spoken_ear *ear) {
  int32_t number = cal_spoken_pattern_number(ear->tones);
  const char *word = number < 0 ? NULL : cal_spoken_word_of((uint32_t)number);
  if (!word) return;
  uint64_t end_ms = ear->began * CAL_SPOKEN_BLOCK_MS + CAL_SPOKEN_PATTERN * CAL_SPOKEN_PIECE_MS;
  uint64_t length_ms = (uint64_t)cal_spoken_pieces(word, strlen(word)) * CAL_SPOKEN_PIECE_MS;
  ear->on_word(ear->context, word, end_ms > length_ms ? end_ms - length_ms : 0, end_ms);
}

static void take_tone(cal_spoken_ear *ear, int tone) {
  uint64_t since = ear->blocks - ear->told;
  if (ear->tone_count && tone == ear->tones[ear->tone_count - 1]) return; /* a crackle in the middle of it */
  if (tone == 0) {
    ear->tone_count = 0;
    ear->began = ear->blocks > WINDOWS_TO_TELL ? ear->blocks - WINDOWS_TO_TELL - 1 : 0;
  } else if (!ear->tone_count || since < LEAST_BLOCKS || since > MOST_BLOCKS) {
    ear->tone_count = 0;
    return;
  }
  ear->tones[ear->tone_count++] = (uint8_t)tone;
  ear->told = ear->blocks;
  if (ear->tone_count < CAL_SPOKEN_PATTERN) return;
  tell(ear);
  ear->tone_count = 0;
}

static void put_block(cal_spoken_ear *ear, const int16_t *block) {
  int sounds = is_loud(block, ear->sounds->block_samples);
  ear->blocks++;
  if (sounds)
    ear->quiet = 0;
  else if (ear->quiet < LOUD_BLOCKS)
    ear->quiet++;
  else if (!ear->tone_count)
    return; /* a quiet line: the sums of the last block are those of a quiet block already */
  int tone = listen(ear, block);
  ear->run = tone == ear->run_tone ? ear->run + 1 : 1;
  ear->run_tone = tone;
  if (tone < 0 && ear->run >= LOST_BLOCKS) ear->tone_count = 0;
  if (tone >= 0 && ear->run == WINDOWS_TO_TELL) take_tone(ear, tone);
  /* Two beginnings on end, of a word that was cut there and of the one that was said instead: the second
   * counts. */
  if (tone == 0 && ear->run > MOST_BLOCKS - 1) {
    ear->told++;
    ear->began++;
  }
}

void cal_spoken_ear_put(cal_spoken_ear *ear, const int16_t *samples, size_t count) {
  uint32_t whole = ear->sounds->block_samples;
  while (count > 0) {
    if (!ear->fill && count >= whole) {
      put_block(ear, samples);
      samples += whole;
      count -= whole;
      continue;
    }
    size_t piece = whole - ear->fill < count ? whole - ear->fill : count;
    memcpy(ear->block + ear->fill, samples, piece * sizeof *samples);
    ear->fill += (uint32_t)piece;
    samples += piece;
    count -= piece;
    if (ear->fill < whole) return;
    ear->fill = 0;
    put_block(ear, ear->block);
  }
}
